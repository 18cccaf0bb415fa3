"""MetadataPane: the values below the selected node as a tree, what was found in it, and the current one whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.json_text import to_json
from sdviewer.checkpoint.metadata_below import metadata_below
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.wording import plural, shown, shown_lines
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.detail.blocks import plain_label, text_button
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.detail.find_line import FindLine, is_find_key
from sdviewer.ui.detail.marked_text import cursor_at, in_document, marks, places_of
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.detail.places import node_of_tensor
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.line_splitter import LineSplitter
from sdviewer.ui.long_lines import fill
from sdviewer.ui.metadata.entries import Entries, dissolve, entries_of, found_in, is_small, line_of, whole_text
from sdviewer.ui.metadata.path_label import PathLabel
from sdviewer.ui.metadata.tree import MOST_OPENED, MetadataTree
from sdviewer.ui.models.metadata_model import MetadataModel
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

# Up to here it takes less than 10 ms to read the values: a job would only flicker.
_MOST_AT_ONCE = 500
_MOST_SCANNED_AT_ONCE = 20_000
_MOST_LET_GO_AT_ONCE = 5_000
_MS_BEFORE_NOTICE = 150
_LONGEST_TEXT = 200_000
_MOST_INDENTED = 500


class MetadataPane(Pane):
    """Reads the values of one node at a time; another one supersedes it."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = context.bridge
        self._slots = {work: (context.slot, "metadata", work) for work in ("read", "find", "copy")}
        self._selection: Selection | None = None
        self._prefix = ""
        self._entries = Entries()
        self._finds: list[int] = []

        self.find_line = FindLine(tr("keys and values"))
        self.open_button = text_button(tr("Expand all"), tr("Open everything"))
        self.close_button = text_button(tr("Collapse all"), tr("Close everything"))
        self.tree = MetadataTree()
        self.path = PathLabel()
        self.copy_value_button = text_button(tr("Copy value"), tr("Copy the selected value (Ctrl+C)"))
        self.copy_path_button = text_button(tr("Copy path"), tr("Copy the name of the selected entry"))
        self.copy_json_button = text_button(tr("Copy JSON"), tr("Copy the selected entry and all below it as JSON"))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAcceptDrops(False)
        self.text.setTabChangesFocus(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.text.setFont(number_font())
        self.text.setAccessibleName(tr("The selected value"))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.notice = plain_label(muted=True, selectable=True)
        self.notice.setWordWrap(True)
        self.notice.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.notice.setContentsMargins(20, 14, 20, 0)
        self.stack = QStackedWidget()
        self.stack.addWidget(self._content())
        self.stack.addWidget(self.notice)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.error = ErrorStrip(self.tree)
        outer.addWidget(self.error)
        outer.addWidget(self.stack)

        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.setInterval(_MS_BEFORE_NOTICE)
        self._notice_timer.timeout.connect(self._say_reading)
        self.find_line.wanted.connect(self._look_for)
        self.find_line.stepped.connect(self._step)
        self.find_line.left.connect(self._leave_find)
        self.tree.entry_selected.connect(self._show_entry)
        self.tree.followed.connect(self._follow)
        self.tree.copy_wanted.connect(self.copy_value)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self.open_button.clicked.connect(self.open_all)
        self.close_button.clicked.connect(self.tree.collapseAll)
        self.copy_value_button.clicked.connect(self.copy_value)
        self.copy_path_button.clicked.connect(self.copy_path)
        self.copy_json_button.clicked.connect(self.copy_json)

    @property
    def is_settled(self) -> bool:
        """Whether the values, and what is looked for in them, are in sight."""
        return self.find_line.is_settled and not any(slot in self._bridge.running for slot in self._slots.values())

    def show_selection(self, selection: Selection) -> None:
        """Read the values below a node, many of them in a job."""
        self.close_jobs()
        self.error.clear()
        self._selection = selection
        checkpoint, node = selection.checkpoint, selection.node
        tree, structure = checkpoint.tree, checkpoint.description.structure
        label = tree.label[node]
        is_leaf = tree.what[node] in (TreeNode.SCALAR, TreeNode.ALIAS)
        name = name_of(checkpoint, node)
        # The only row of a value is that value, and its own name leads to it.
        self._prefix = name.rpartition("/")[0] if is_leaf else name

        def work(control: Control) -> Entries:
            return entries_of(metadata_below(checkpoint, node, control), label, control)

        place = int(tree.node[node]) if node else 0
        inside = int(structure.end[place]) - place if place >= 0 and len(structure) else len(structure)
        if inside <= _MOST_AT_ONCE and len(structure) <= _MOST_SCANNED_AT_ONCE:
            self._show_entries(work(Control()))
            return
        self._notice_timer.start()
        self._bridge.start(
            Lane.COMPUTING,
            self._slots["read"],
            work,
            on_value=self._show_entries,
            on_error=self._show_error,
            on_stopped=self._show_stopped,
            title=tr("Reading metadata"),
        )

    def close_jobs(self) -> None:
        """Stop reading and looking; the last values stay until others are there."""
        self._notice_timer.stop()
        for slot in self._slots.values():
            self._bridge.drop(slot)

    def open_all(self) -> None:
        """Open everything, or of a great many entries the first levels."""
        if not self.tree.open_levels(0, MOST_OPENED):
            self.message.emit(tr("Opened the first levels: there are {value:,} entries.", value=len(self._entries) - 1))

    def copy_value(self) -> None:
        """Copy the current value: a text as it is, what lies below a container as JSON."""
        entry = self.tree.current_entry()
        if not entry:
            return
        value = self._entries.values[entry]
        if self._entries.children[entry] or isinstance(value, list):
            self.copy_json()
            return
        QGuiApplication.clipboard().setText(whole_text(value))
        self.message.emit(tr("Copied the value."))

    def copy_path(self) -> None:
        """Copy the canonical name of the current entry."""
        entry = self.tree.current_entry()
        if entry:
            QGuiApplication.clipboard().setText(self._name_of(entry))
            self.message.emit(tr("Copied the path."))

    def copy_json(self) -> None:
        """Copy the current entry, or without one everything, as JSON."""
        value = self._entries.values[self.tree.current_entry()]

        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.message.emit(tr("Copied {characters} of JSON.", characters=plural(len(text), "character")))

        self._start("copy", "Copying JSON", lambda _: to_json(value), put)

    def event(self, event: QEvent) -> bool:
        """Ctrl+F is for the line above the tree before it is for the window."""
        if is_find_key(event):
            event.accept()
            if event.type() is QEvent.Type.KeyPress:
                self.find_line.start()
            return True
        return super().event(event)

    def _content(self) -> QWidget:
        top = QHBoxLayout()
        top.setContentsMargins(12, 6, 12, 6)
        top.setSpacing(6)
        top.addWidget(self.find_line, 1)
        top.addWidget(self.open_button)
        top.addWidget(self.close_button)
        under = QHBoxLayout()
        under.setContentsMargins(12, 6, 12, 2)
        under.setSpacing(6)
        under.addWidget(self.path, 1)
        for button in (self.copy_value_button, self.copy_path_button, self.copy_json_button):
            under.addWidget(button)
        below = QWidget()
        lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.setSpacing(0)
        lower.addLayout(under)
        box = QHBoxLayout()
        box.setContentsMargins(8, 0, 8, 6)
        box.addWidget(self.text)
        lower.addLayout(box)
        splitter = LineSplitter(Qt.Orientation.Vertical)
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        upper = QWidget()
        tree_place = QVBoxLayout(upper)
        tree_place.setContentsMargins(8, 0, 0, 0)
        tree_place.addWidget(self.tree)
        splitter.addWidget(upper)
        splitter.addWidget(below)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([420, 140])
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(splitter, 1)
        return content

    def _start(self, work: str, title: str, job: Callable[[Control], Any], then: Callable[[Any], None]) -> None:
        def again() -> None:
            self._start(work, title, job, then)

        def fail(error: BaseException) -> None:
            self.error.show_error(error, again=again)

        self.error.clear()
        self._bridge.start(Lane.COMPUTING, self._slots[work], job, on_value=then, on_error=fail, title=title)

    def _show_entries(self, entries: Entries) -> None:
        self._notice_timer.stop()
        before, self._entries, self._finds = self._entries, entries, []
        if len(entries) == 1:
            self._say(tr("There is nothing in it."))
            return
        self.tree.show_entries(MetadataModel(entries, self.tree))
        self._let_go(before)
        self.stack.setCurrentIndex(0)
        self._show_entry(0)
        if self.find_line.text:
            self._look_for(self.find_line.text)

    def _let_go(self, entries: Entries) -> None:
        if len(entries) > _MOST_LET_GO_AT_ONCE:

            def work(control: Control) -> None:
                dissolve(entries, control)

            slot = (self._slots["read"], "before")
            self._bridge.start(Lane.COMPUTING, slot, work, on_value=_nothing, on_error=_nothing, background=True)

    def _show_entry(self, entry: int) -> None:
        for button in (self.copy_value_button, self.copy_path_button):
            button.setEnabled(entry > 0)
        name = self._name_of(entry) if entry else ""
        self.path.show_path(shown(name) if entry else f"{plural(len(self._entries) - 1, 'entry', 'entries')} in all")
        fill(self.text, shown_lines(self._whole(entry), _LONGEST_TEXT) if entry else "")
        self._mark_text()

    def _name_of(self, entry: int) -> str:
        path = self._entries.path(entry)
        return f"{self._prefix}/{path}" if self._prefix and path else self._prefix or path

    def _look_for(self, text: str) -> None:
        entries = self._entries
        self.tree.mark(text.casefold())
        if not text:
            self._finds = []
            self._bridge.drop(self._slots["find"])
            self._mark_text()
            return
        self._start("find", "Looking through metadata", lambda control: found_in(entries, text, control), self._found)

    def _found(self, finds: list[int]) -> None:
        self._finds = finds
        here = self.tree.current_entry()
        if finds and here not in finds:
            self._go_to(next((find for find in finds if find > here), finds[0]))
        else:
            self._tell_place()
            self._mark_text()

    def _step(self, by: int) -> None:
        if not self._finds:
            return
        here = self.tree.current_entry()
        if by > 0:
            target = next((find for find in self._finds if find > here), self._finds[0])
        else:
            target = next((find for find in reversed(self._finds) if find < here), self._finds[-1])
        self._go_to(target)

    def _go_to(self, entry: int) -> None:
        self.tree.go_to(entry)
        self._tell_place()

    def _tell_place(self) -> None:
        here = self.tree.current_entry()
        place = self._finds.index(here) + 1 if here in self._finds else 0
        self.find_line.show_count(place, len(self._finds))

    def _mark_text(self) -> None:
        text = self.text.toPlainText()
        places = list(in_document(text, places_of(text, self.find_line.text)))
        self.text.setExtraSelections(marks(self.text.document(), places))
        if places:
            self.text.setTextCursor(cursor_at(self.text.document(), places[0][0], places[0][0]))
            self.text.ensureCursorVisible()

    def _leave_find(self) -> None:
        self.tree.setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self, entry: int) -> None:
        """A tensor in a list leads to that tensor."""
        value = self._entries.values[entry]
        if self._selection is not None and isinstance(value, dict) and isinstance(value.get("$tensor"), str):
            node = node_of_tensor(self._selection.checkpoint, value["$tensor"])
            if node > 0:
                self.node_wanted.emit(node)

    def _show_menu(self, place: QPoint) -> None:
        entry = self.tree.current_entry()
        if not entry:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = QAction(tr("&Copy Value"), menu)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copy.triggered.connect(self.copy_value)
        menu.addAction(copy)
        menu.addAction(tr("Copy &Path"), self.copy_path)
        menu.addAction(tr("Copy as &JSON"), self.copy_json)
        menu.addSeparator()
        opened = menu.addAction(tr("&Expand All Below"), lambda: self.tree.open_levels(entry, MOST_OPENED))
        opened.setEnabled(bool(self._entries.children[entry]))
        menu.popup(self.tree.viewport().mapToGlobal(place))

    def _say_reading(self) -> None:
        self._say(tr("Reading metadata …"))

    def _show_error(self, error: BaseException) -> None:
        self._say("")
        self.error.show_error(error, tr("The metadata cannot be read."), self._read_again)

    def _show_stopped(self) -> None:
        self._say("")
        self.error.show_stopped(tr("Reading the metadata was stopped."), self._read_again)

    def _read_again(self) -> None:
        if self._selection is not None:
            self.show_selection(self._selection)

    def _say(self, text: str) -> None:
        self._notice_timer.stop()
        self.notice.setText(text)
        self.stack.setCurrentIndex(1)

    def _whole(self, entry: int) -> str:
        """A value as it stands in the box: texts as they are, what lies below a container as indented JSON."""
        value = self._entries.values[entry]
        if not self._entries.children[entry]:
            return whole_text(value)
        if is_small(self._entries, entry, _MOST_INDENTED):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return f"{line_of(value)}\n\nToo much to be shown whole here; Copy JSON copies all of it."


def _nothing(_: object) -> None:
    """Nobody waits for it."""
