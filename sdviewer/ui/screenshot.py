"""Screenshot: the real window as a picture, once everything that it shows is there."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QBuffer, QEventLoop, QIODevice, Qt, QTimer

from sdviewer.errors import CannotWrite, SdviewerError
from sdviewer.ui.app import application
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import Theme, apply_theme

ThemeName = Literal["system", "light", "dark"]

_PATIENCE_SECONDS = 120.0
_MS_BETWEEN_LOOKS = 10


def take(
    file: str,
    out: str | Path,
    *,
    select: str | None = None,
    theme: ThemeName = "system",
    size: tuple[int, int] = (1400, 900),
) -> None:
    """Save a PNG of the window with `file` open, `size` pixels wide and high (times the screen's scale).

    `select` is a tensor's canonical name or key, or the name of a section, module or entry. The
    picture is taken when the tree, the statistics and the histogram of the selection are there;
    `out` appears whole or not at all.

    Raises:
        CannotOpen: the file could not be opened.
        NameNotFound, AmbiguousName: by `select`.
        CannotWrite: the picture could not be saved.
    """
    app = application()
    apply_theme(Theme(theme))
    window = MainWindow()
    # Laid out and painted as on a screen, without a window that flashes up.
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    window.resize(*size)
    try:
        window.show()
        window.open_files([file])
        tab = window.current_tab
        assert tab is not None  # noqa: S101  # a file was given, so it has a tab
        _wait_until_settled(window, tab)
        if select is not None:
            tab.go_to_name(select)
            _wait_until_settled(window, tab)
        _save(window, Path(out))
    finally:
        window.close()
        window.deleteLater()
        app.sendPostedEvents(None, 0)


def _wait_until_settled(window: MainWindow, tab: DocumentTab) -> None:
    """Let the window work until its tab has nothing on its way.

    Raises:
        SdviewerError: why the file could not be opened, or that it takes too long.
    """
    loop, look = QEventLoop(), QTimer()
    until = time.monotonic() + _PATIENCE_SECONDS
    look.timeout.connect(lambda: loop.quit() if tab.is_settled or time.monotonic() > until else None)
    look.start(_MS_BETWEEN_LOOKS)
    loop.exec()
    look.stop()
    if tab.state is State.FAILED and tab.error is not None:
        raise tab.error
    if not tab.is_settled:
        raise SdviewerError(f"was not ready within {_PATIENCE_SECONDS:.0f} s", file=tab.path)
    # What has just arrived is laid out and painted by the events that it posted.
    for _ in range(3):
        application().processEvents()
    window.repaint()


def _save(window: MainWindow, out: Path) -> None:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().toImage().save(buffer, "PNG")  # type: ignore[call-overload]  # the stub wants bytes, Qt takes text
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(buffer.data().data())
            Path(name).replace(out)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotWrite(f"cannot be written: {error.strerror}", file=str(out)) from error
