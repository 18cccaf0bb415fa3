"""CodeView: the source texts that a file carries, read when chosen, never run."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint, TextEntry
from sdviewer.checkpoint.source import read_bytes
from sdviewer.checkpoint.wording import bytes_for_people, shown, shown_lines
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import GridView, TextView
from sdviewer.ui.detail.parts import Grid, Text
from sdviewer.ui.errors import describe_error

_MOST_BYTES = 1 << 20


def read_text(checkpoint: Checkpoint, entry: TextEntry) -> str:
    """The first MiB of a text as it may be shown.

    Raises:
        CannotRead: its bytes are not to be had.
    """
    if entry.deflated:
        source, offset = checkpoint.sources.inflated(entry.source, entry.offset, entry.stored, entry.nbytes), 0
    else:
        source, offset = checkpoint.sources.get(entry.source), entry.offset
    text = read_bytes(source, offset, min(entry.nbytes, _MOST_BYTES)).decode("utf-8", "replace")
    more = entry.nbytes - _MOST_BYTES
    return shown_lines(text, _MOST_BYTES) + (f"\n… {more:,} more bytes not shown" if more > 0 else "")


class CodeView(QWidget):
    """A list of texts, and below it the chosen one."""

    def __init__(self, checkpoint: Checkpoint, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checkpoint, self._bridge, self._slot = checkpoint, bridge, slot
        self._texts = checkpoint.description.texts[:1000]
        rows = tuple((shown(entry.name, 300), bytes_for_people(entry.nbytes)) for entry in self._texts)
        self.list = GridView(Grid("Texts in the file", ("Name", "Size"), rows, frozenset((1,))), self)
        self.text = TextView(Text("Text", ""))
        self.text.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        column.addWidget(self.text)
        self.list.selectionModel().currentRowChanged.connect(self._chosen)

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            checkpoint, entry = self._checkpoint, self._texts[current.row()]

            def read(_: Control) -> str:
                return read_text(checkpoint, entry)

            self._bridge.start(
                Lane.READING, self._slot, read, on_value=self._show, on_error=self._fail, title="Reading text"
            )

    def _show(self, text: str) -> None:
        self.text.show_text(text)
        self.text.show()

    def _fail(self, error: BaseException) -> None:
        self._show(describe_error(error).message)
