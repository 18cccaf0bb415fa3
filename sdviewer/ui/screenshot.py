"""Screenshot: the real window as a picture, once everything that it shows is there."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import (
    QBuffer,
    QEventLoop,
    QIODevice,
    QMessageLogContext,
    QPoint,
    Qt,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QGuiApplication, QImage

from sdviewer.errors import SdviewerError
from sdviewer.ui.app import application
from sdviewer.ui.document.browser import ALL_TENSORS, MODULES
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.file_tabs import is_comparison
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import Theme, apply_theme

if TYPE_CHECKING:
    from sdviewer.ui.comparison.tab import ComparisonTab

ThemeName = Literal["system", "light", "dark"]
ViewName = Literal["modules", "tensors"]

_PATIENCE_SECONDS = 120.0
_MS_BETWEEN_LOOKS = 10
_VIEWS = {"modules": MODULES, "tensors": ALL_TENSORS}


class NotThere(Exception):
    """What was asked for is nothing that the window could show; the message says why, and what it could."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the window shows of its file.

    Attributes:
        select: a tensor's canonical name or key, or the name of a section, module or entry; None for the file.
        view: the tree of modules or the table of all tensors.
        filter: what stands in the line above them.
        tab: the name of a tab of the details, see `PANES`; None for the first.
        scan: whether all tensors are scanned before.
        diff: the file that it is compared with; None for the file itself.
        export: the recipe by which its export is shown, "" for none; None for the file itself.
        theme: light, dark, or the desktop's.
        size: width and height of the window.
        scale: pixels of the picture for each of the window, across and down.

    """

    select: str | None = None
    view: ViewName = "modules"
    filter: str = ""
    tab: str | None = None
    scan: bool = False
    diff: str | None = None
    export: str | None = None
    theme: ThemeName = "system"
    size: tuple[int, int] = (1400, 900)
    scale: float = 1.0


def take(file: str, scene: Scene) -> bytes:
    """A PNG of the window with `file` open, taken when all is there that it shows.

    Raises:
        CannotOpen: the file could not be opened.
        CannotRead: the recipe.
        NameNotFound, AmbiguousName: by `select`.
        NotThere: by `select`, `filter` or `tab`.
        Exception: whatever went wrong in the window; there is no picture of half a window.
    """
    if sys.platform.startswith("linux") and QGuiApplication.instance() is None:
        # Painted into memory, on a server as well as beside a screen.
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with _offscreen_complaints_dropped(), _errors_of_slots() as errors:
        app = application()
        apply_theme(Theme(scene.theme))
        window = MainWindow()
        # Laid out and painted as on a screen, without a window that flashes up.
        window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        # Not `resize`: the contents may ask for more.
        window.setFixedSize(*scene.size)
        try:
            window.show()
            if scene.diff is None:
                window.open_files([file])
                tab = window.current_tab
                assert tab is not None  # noqa: S101  # a file was given, so it has a tab
                _wait_until_settled(tab, errors)
                _set(scene, tab, errors)
            else:
                window.compare_files(file, scene.diff)
                page = window.current_page
                assert is_comparison(page)  # noqa: S101  # two files were given
                _wait_until_settled(page, errors)
                _set_comparison(scene, page, errors)
            png = _png(window, scene.scale)
            _raise_first(errors)
            return png
        finally:
            window.close()
            window.deleteLater()
            app.sendPostedEvents(None, 0)


def _set(scene: Scene, tab: DocumentTab, errors: list[BaseException]) -> None:
    """Do what a user would do to see it; the filter last, because it may leave the selection out."""
    if scene.select is not None:
        tab.go_to_name(scene.select)
        _wait_until_settled(tab, errors)
    if scene.scan:
        tab.scanning.start()
        _wait_until_settled(tab, errors)
    _show_pane(scene, tab, errors)
    tab.browser.show_view(_VIEWS[scene.view])
    if scene.filter:
        tab.browser.filter.set_text(scene.filter)
        _wait_until_settled(tab, errors)
        if tab.browser.filter.mistake:
            raise NotThere(f"the filter {scene.filter!r} makes no sense: {tab.browser.filter.mistake}")
    if scene.export is not None:
        if scene.export:
            from sdviewer.edit.recipe import read_recipe

            # The window would say beside the rules what is wrong with it.
            read_recipe(scene.export)
            tab.faces.load_recipe(scene.export)
        else:
            tab.faces.show_export()
    _wait_until_settled(tab, errors)


def _set_comparison(scene: Scene, tab: ComparisonTab, errors: list[BaseException]) -> None:
    """The same for two files."""
    if scene.select is not None:
        tab.select_name(scene.select)
        if tab.view.current_node() <= 0:
            raise NotThere(f"neither file has a tensor or module {scene.select!r} in what is compared")
        _wait_until_settled(tab, errors)
    _show_pane(scene, tab, errors)
    if scene.filter:
        tab.head.line.setText(scene.filter)
    _wait_until_settled(tab, errors)


def _show_pane(scene: Scene, tab: DocumentTab | ComparisonTab, errors: list[BaseException]) -> None:
    """The tab of the details that was asked for."""
    if scene.tab is None:
        return
    there = tab.detail.panes_there
    if scene.tab not in there:
        of = f" for {scene.select!r}" if scene.select is not None else ""
        raise NotThere(f"there is no tab {scene.tab!r}{of}, but {', '.join(there)}")
    tab.detail.show_pane(scene.tab)
    _wait_until_settled(tab, errors)


@contextlib.contextmanager
def _errors_of_slots() -> Iterator[list[BaseException]]:
    """What slots and events raise: Qt would go on after them, and the picture would lack something."""
    errors: list[BaseException] = []
    previous, sys.excepthook = sys.excepthook, lambda _kind, error, _trace: errors.append(error)
    try:
        yield errors
    finally:
        sys.excepthook = previous


def _raise_first(errors: list[BaseException]) -> None:
    if errors:
        raise errors[0]


@contextlib.contextmanager
def _offscreen_complaints_dropped() -> Iterator[None]:
    """Qt's offscreen platform warns of every window that it ignores size hints, which tells a user nothing."""

    def pass_on(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        if "does not support propagateSizeHints" in message:
            return
        if previous is not None:
            previous(kind, context, message)
        else:
            print(message, file=sys.stderr)

    previous = qInstallMessageHandler(pass_on)
    try:
        yield
    finally:
        qInstallMessageHandler(previous)


def _wait_until_settled(tab: DocumentTab | ComparisonTab, errors: list[BaseException]) -> None:
    """Let the window work until its tab has nothing on its way.

    Raises:
        SdviewerError: why a file could not be opened, or that it takes too long.
    """
    loop, look = QEventLoop(), QTimer()
    until = time.monotonic() + _PATIENCE_SECONDS
    look.timeout.connect(lambda: loop.quit() if errors or _is_settled(tab) or time.monotonic() > until else None)
    look.start(_MS_BETWEEN_LOOKS)
    loop.exec()
    look.stop()
    _raise_first(errors)
    failed = [tab] if isinstance(tab, DocumentTab) else tab.sides
    for part in failed:
        if part.error is not None:
            raise part.error
    if not _is_settled(tab):
        raise SdviewerError(f"was not ready within {_PATIENCE_SECONDS:.0f} s", file=failed[0].path)
    # What has just arrived is laid out and painted by the events that it posted.
    for _ in range(3):
        application().processEvents()


def _is_settled(tab: DocumentTab | ComparisonTab) -> bool:
    return tab.is_settled and (not isinstance(tab, DocumentTab) or tab.scanning.is_settled)


def _png(window: MainWindow, scale: float) -> bytes:
    ratio = window.devicePixelRatio() * scale
    image = QImage(round(window.width() * ratio), round(window.height() * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    window.render(image, QPoint())
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub wants bytes, Qt takes text
    return bytes(buffer.data().data())
