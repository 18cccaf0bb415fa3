"""DragOut: tensors are dragged out of the window as a file and as text.

Whoever looks at what is dragged asks for it at once, not when it is dropped, and asks the thread of the window. So the
file is there before the drag begins: a job writes it, up to a size that takes no longer than a hand needs.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QMimeData, QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDrag, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import bytes_for_people, cut_in_middle, plural, shown
from sdviewer.control import Control
from sdviewer.errors import SdviewerError
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

Rows = npt.NDArray[np.integer]

LARGEST = 256 << 20
_MOST_LINES = 100_000
_AT_ONCE = 1_000
_MOST_KEPT = 8
_LONGEST_NAME = 100
_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Dragged:
    """What is dragged.

    Attributes:
        text: names, dtypes and shapes, tabs between them, below a line of titles.
        file: a path, "" where there is no file.
        label: what is shown beside the pointer.
        note: why there is no file, "" where there is one.

    """

    text: str
    file: str
    label: str
    note: str = ""

    def mime(self) -> QMimeData:
        """For the clipboard and for drops."""
        data = QMimeData()
        data.setText(self.text)
        if self.file:
            data.setUrls([QUrl.fromLocalFile(self.file)])
        return data


def prepare(checkpoint: Checkpoint, rows: Rows, folder: Callable[[], Path], control: Control) -> Dragged:
    """Write tensors into a new folder: one as .npy, several as .safetensors.

    Values whose dtype numpy lacks are exact in a wider one.

    Raises:
        Cancelled: `control` was cancelled.

    """
    text = _listed(checkpoint, rows, control)
    name = checkpoint.table.name[int(rows[0])]
    label = shown(name, _LONGEST_LABEL) if len(rows) == 1 else plural(len(rows), "tensor")
    size = int(checkpoint.table.nbytes[rows].sum())
    if size > LARGEST:
        note = f"{bytes_for_people(size)} are too much to be dragged out: Export Selection writes them."
        return Dragged(text, "", label, note)
    try:
        if len(rows) == 1:
            file = folder() / f"{_safe(name)}.npy"
            _write_npy(checkpoint, int(rows[0]), file)
        else:
            stem = Path(os.path.basename(checkpoint.path)).stem  # noqa: PTH119  # a text in, a text out
            file = folder() / f"{_safe(stem)}-{len(rows)}-tensors.safetensors"
            _write_safetensors(checkpoint, rows, file, control)
    except SdviewerError as error:
        return Dragged(text, "", label, f"No file can be dragged: {error}")
    return Dragged(text, os.fspath(file), label)


class DragOut(QObject):
    """Begins a drag as soon as what is dragged is ready, if the button is still held down then."""

    message = Signal(str)
    """Why no file is dragged."""

    def __init__(self, bridge: Bridge, slot: Hashable, source: QWidget) -> None:
        super().__init__(source)
        self._bridge, self.slot, self._source = bridge, slot, source
        self.drag: Callable[[Dragged], None] = self._drag

    def begin(self, checkpoint: Checkpoint, rows: Rows) -> None:
        """Drag these tensors, rows of the tensor table."""
        if not len(rows):
            self.message.emit(tr("There is no tensor in what is selected."))
            return
        self._bridge.start(
            Lane.READING,
            self.slot,
            lambda control: prepare(checkpoint, rows, _new_folder, control),
            on_value=self._ready,
            on_error=lambda error: self.message.emit(tr("Nothing can be dragged: {error}", error=error)),
            title=tr("Writing what is dragged ({tensors})", tensors=plural(len(rows), "tensor")),
        )

    def give_up(self) -> None:
        """The button was let go before it was ready."""
        self._bridge.drop(self.slot)

    def _ready(self, dragged: Dragged) -> None:
        if dragged.note:
            self.message.emit(dragged.note)
        self.drag(dragged)

    def _drag(self, dragged: Dragged) -> None:
        drag = QDrag(self._source)
        drag.setMimeData(dragged.mime())
        drag.setPixmap(_label(dragged.label, self._source.devicePixelRatioF()))
        drag.setHotSpot(QPoint(-14, -10))
        drag.exec(Qt.DropAction.CopyAction)


def _listed(checkpoint: Checkpoint, rows: Rows, control: Control) -> str:
    from sdviewer.checkpoint.listing_text import one_line

    table = checkpoint.table
    lines = ["Name\tDtype\tShape"]
    for number, row in enumerate(rows[:_MOST_LINES].tolist()):
        if number % _AT_ONCE == 0:
            control.check()
        fields = (table.name[row], table.dtype_name(row), str(list(table.shape_of(row))))
        lines.append("\t".join(map(one_line, fields)))
    if len(rows) > _MOST_LINES:
        lines.append(f"… {len(rows) - _MOST_LINES} more not shown")
    return "\n".join(lines) + "\n"


def _write_npy(checkpoint: Checkpoint, row: int, file: Path) -> None:
    from sdviewer.whole_file import write_whole

    values = checkpoint.tensors[checkpoint.table.name[row]].numpy()
    write_whole(
        os.fspath(file),
        checkpoint.path,
        lambda target: np.lib.format.write_array(target, values, allow_pickle=False),
    )


def _write_safetensors(checkpoint: Checkpoint, rows: Rows, file: Path, control: Control) -> None:
    from sdviewer.edit.plan import Options, Planner
    from sdviewer.edit.writing import write
    from sdviewer.ui.export.sources import source_for
    from sdviewer.ui.export.wishes import Chosen

    plan = Planner(source_for(checkpoint, Chosen(rows=tuple(rows.tolist())))).plan(
        (), Options(target="safetensors"), control
    )
    write(plan, file, check=False, control=control)


def _safe(name: str) -> str:
    """A name that every file system takes."""
    plain = re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII).strip("._") or "tensor"
    return cut_in_middle(plain, _LONGEST_NAME).replace("…", "_")


_folders: list[Path] = []


def _new_folder() -> Path:
    """One for each drag, with the last few: who takes a file may still be reading it. All are gone with the program."""
    if not _folders:
        atexit.register(_clear)
    while len(_folders) >= _MOST_KEPT:
        shutil.rmtree(_folders.pop(0), ignore_errors=True)
    _folders.append(Path(tempfile.mkdtemp(prefix="sdviewer-dragged-")))
    return _folders[-1]


def _clear() -> None:
    while _folders:
        shutil.rmtree(_folders.pop(), ignore_errors=True)


def _label(text: str, ratio: float) -> QPixmap:
    metrics = QFontMetrics(number_font())
    width, height = metrics.horizontalAdvance(text) + 17, metrics.height() + 9
    pixmap = QPixmap(round(width * ratio), round(height * ratio))
    pixmap.setDevicePixelRatio(ratio)
    c = colors()
    pixmap.fill(QColor(c.raised))
    painter = QPainter(pixmap)
    painter.setFont(number_font())
    painter.setPen(QColor(c.frame))
    painter.drawRect(0, 0, width - 1, height - 1)
    painter.setPen(QColor(c.text))
    painter.drawText(0, 0, width, height, Qt.AlignmentFlag.AlignCenter, text)
    painter.end()
    return pixmap
