"""SourcesPane: a list of the texts that a file carries, and below it the chosen one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint, TextEntry
from sdviewer.checkpoint.wording import bytes_for_people, plural, shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.blocks import CopyButton, GridView, plain_label
from sdviewer.ui.detail.find_line import FindLine, is_find_key
from sdviewer.ui.detail.marked_text import MOST_PLACES
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.line_splitter import LineSplitter
from sdviewer.ui.sources.reading import SourceText, read_source
from sdviewer.ui.sources.syntax import language_of
from sdviewer.ui.sources.text_view import SourceView
from sdviewer.ui.translating import tr

_MOST_LISTED = 1_000
_LIST_HEIGHT = 150


class SourcesPane(Pane):
    """Reads a text when it is chosen; none is ever run."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = context.bridge, (context.slot, "source")
        self._checkpoint: Checkpoint | None = None
        self._texts: tuple[TextEntry, ...] = ()
        self.list: GridView | None = None
        self._list_place = QVBoxLayout()
        self._list_place.setContentsMargins(12, 6, 12, 6)
        self.more = plain_label(muted=True)
        self.find_line = FindLine(tr("the text"))
        self.copy_button = CopyButton(tr("the whole text"))
        self.copy_button.clicked.connect(self.copy_text)
        self.note = plain_label(muted=True)
        self.note.setWordWrap(True)
        self.note.setContentsMargins(12, 0, 12, 4)
        self.text = SourceView()
        self.error = ErrorStrip(self.text)

        upper = QWidget()
        upper.setLayout(self._list_place)
        line = QHBoxLayout()
        line.setContentsMargins(12, 6, 12, 6)
        line.addWidget(self.find_line, 1)
        line.addWidget(self.copy_button)
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.note)
        column.addWidget(self.error)
        column.addWidget(self.text, 1)
        self._splitter = LineSplitter(Qt.Orientation.Vertical)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(upper)
        self._splitter.addWidget(lower)
        self._splitter.setStretchFactor(0, 0)
        self._splitter.setStretchFactor(1, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._splitter)
        self.find_line.wanted.connect(self._look_for)
        self.find_line.stepped.connect(self._step)
        self.find_line.left.connect(self._leave_find)

    @property
    def is_settled(self) -> bool:
        """Whether the chosen text is in sight."""
        return self.find_line.is_settled and self.text.is_settled and self._slot not in self._bridge.running

    def show_selection(self, selection: Selection) -> None:
        """List the texts of the file and read the first one."""
        if self._checkpoint is selection.checkpoint:
            return
        self._checkpoint = selection.checkpoint
        texts = selection.checkpoint.description.texts
        self._texts = texts[:_MOST_LISTED]
        rows = tuple((shown(entry.name, 300), bytes_for_people(entry.nbytes)) for entry in self._texts)
        if self.list is not None:
            self.list.deleteLater()
        self.list = GridView(Grid(tr("Texts in the file"), (tr("Name"), tr("Size")), rows, frozenset((1,))), self)
        height = self.list.height()
        self.list.setMinimumHeight(60)
        self.list.setMaximumHeight(16_777_215)
        self.more.setText(tr("{more_texts} not shown", more_texts=plural(len(texts) - len(rows), "more text")))
        self.more.setVisible(len(texts) > len(rows))
        self._list_place.addWidget(self.list)
        self._list_place.addWidget(self.more)
        self._splitter.setSizes([min(height, _LIST_HEIGHT) + 14, 10_000])
        self.list.selectionModel().currentRowChanged.connect(self._chosen)
        first = next((index for index, entry in enumerate(self._texts) if language_of(entry.name) == "python"), 0)
        self.list.setCurrentIndex(self.list.model().index(first, 0))

    def close_jobs(self) -> None:
        """Stop reading; another selection reads anew."""
        if self._slot in self._bridge.running:
            self._checkpoint = None
        self._bridge.drop(self._slot)

    def copy_text(self) -> None:
        """Copy all that is shown of the text."""
        source = self.text.source
        if source is not None:
            QGuiApplication.clipboard().setText(source.text)
            self.message.emit(tr("Copied {characters}.", characters=plural(len(source.text), "character")))

    def event(self, event: QEvent) -> bool:
        """Ctrl+F is for the line above the text before it is for the window."""
        if is_find_key(event):
            event.accept()
            if event.type() is QEvent.Type.KeyPress:
                self.find_line.start()
            return True
        return super().event(event)

    def _chosen(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid() and self._checkpoint is not None:
            self._read(self._checkpoint, self._texts[current.row()])

    def _read(self, checkpoint: Checkpoint, entry: TextEntry) -> None:
        self.error.clear()
        name = shown(entry.name, 60)

        def again() -> None:
            self._read(checkpoint, entry)

        def fail(error: BaseException) -> None:
            self._show_nothing()
            self.error.show_error(error, tr("{name} cannot be read.", name=name), again)

        def stopped() -> None:
            self._show_nothing()
            self.error.show_stopped(tr("Reading {name} was stopped.", name=name), again)

        def read(control: Control) -> SourceText:
            return read_source(checkpoint, entry, control)

        self._bridge.start(
            Lane.READING,
            self._slot,
            read,
            on_value=self._show,
            on_error=fail,
            on_stopped=stopped,
            title=tr("Reading {name}", name=name),
        )

    def _show(self, source: SourceText) -> None:
        self.note.setText(source.note)
        self.note.setVisible(bool(source.note))
        self.text.show_source(source)
        self.copy_button.setEnabled(True)
        self._look_for(self.find_line.text)

    def _show_nothing(self) -> None:
        self.text.show_source(None)
        self.note.hide()
        self.copy_button.setEnabled(False)

    def _look_for(self, text: str) -> None:
        self.text.find_all(text)
        self._tell_place()

    def _step(self, by: int) -> None:
        self.text.step(by)
        self._tell_place()

    def _tell_place(self) -> None:
        self.find_line.show_count(self.text.place, self.text.places, more=self.text.places >= MOST_PLACES)

    def _leave_find(self) -> None:
        self.text.setFocus(Qt.FocusReason.OtherFocusReason)
