"""DocumentTab: one checkpoint from the wish to open it to its tree and details."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.control import WAY, Control
from sdviewer.errors import NameNotFound
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.detail.describe_file import describe_file, summary_line
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.detail.parts import Description
from sdviewer.ui.document.browser import Browser
from sdviewer.ui.document.change_strip import ChangeStrip
from sdviewer.ui.document.file_watch import FileWatch
from sdviewer.ui.document.loading_page import LoadingPage
from sdviewer.ui.errors import ErrorPanel
from sdviewer.ui.export.faces import Faces
from sdviewer.ui.line_splitter import LineSplitter
from sdviewer.ui.models.tree_model import TreeModel
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.scan.scanning import SECONDS_TO_ANSWER, Scanning
from sdviewer.ui.translating import tr
from sdviewer.ui.tree.places import open_as, rows_with, same_item
from sdviewer.ui.tree.visible_rows import VisibleRows, rows_of

_LONGEST_TITLE = 64
_MOST_COMPARED = 64

Opener = Callable[[str, Control], Checkpoint]


class State(Enum):
    """What a tab shows."""

    LOADING = "loading"
    OPEN = "open"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, eq=False, slots=True)
class Loaded:
    """What the loading job brings: the checkpoint, its rows, and what is said of it, all made off the GUI thread."""

    checkpoint: Checkpoint
    rows: VisibleRows
    summary: str
    about: Description


def load(path: str, title: str, opener: Opener, control: Control, before: VisibleRows | None = None) -> Loaded:
    """Open a checkpoint and prepare what its first paint needs; after a reload what was open is open again.

    Raises:
        CannotOpen: nothing in it could be read.
        Cancelled: `control` was cancelled.
    """
    checkpoint = opener(path, control)
    # Sums that the columns keep once they are asked for.
    _ = checkpoint.table.nbytes, checkpoint.table.forms.contiguous if len(checkpoint.table.forms) else None
    rows = rows_of(checkpoint, control)
    if before is not None and not _same_shape(before.tree, rows.tree):
        open_as(before, rows)
    return Loaded(checkpoint, rows, summary_line(checkpoint), describe_file(checkpoint, title))


class DocumentTab(QStackedWidget):
    """Loading, tree with details, or error; other tabs never notice."""

    changed = Signal()
    """The state or the summary is another one."""

    opened = Signal()
    """The file was read, for the first time or again."""

    file_wanted = Signal(str)
    """The user asks for the checkpoint of which this file is a part."""

    sections_wanted = Signal(str, str, str)
    """The user wants two sections of this file compared: its path, and their names."""

    message = Signal(str)
    """Something was done, or was not: for the status bar."""

    def __init__(
        self, path: str, opener: Opener, bridge: Bridge, library: PlotLibrary, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.path = path
        self.title = cut_in_middle(shown(Path(os.path.abspath(path)).name or path), _LONGEST_TITLE)  # noqa: PTH100  # resolves no links
        self._opener, self._bridge = opener, bridge
        self._slot = (id(self), "load")
        self._detail_slot = (id(self), "detail")
        self.state = State.LOADING
        self.error: BaseException | None = None
        self.loaded: Loaded | None = None

        self.loading = LoadingPage(self.title, path)
        self.loading.cancel_button.clicked.connect(self.cancel)
        bridge.changed.connect(self._show_progress)
        self.watch = FileWatch(bridge, (id(self), "watch"), self)
        self.change = ChangeStrip()
        self.watch.noticed.connect(self.change.show_change)
        self.change.reload_wanted.connect(self.reload)
        self.scanning = Scanning(bridge, (id(self), "scan"), self)
        self.browser = Browser(bridge, self.scanning)
        self.tree = self.browser.tree
        self.detail = DetailPane(bridge, library, self._detail_slot, scanning=self.scanning)
        self.splitter = LineSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.browser)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 45)
        self.splitter.setStretchFactor(1, 55)
        self.splitter.setSizes([640, 760])
        self.browser.setMinimumWidth(260)
        self.detail.setMinimumWidth(300)
        self._contents = QWidget()
        column = QVBoxLayout(self._contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.change)
        self.faces = Faces(self.splitter, bridge, (id(self), "export"), self.scanning.found_in)
        column.addWidget(self.faces, 1)
        for page in (self.loading, self._contents):
            self.addWidget(page)
        self._panel: ErrorPanel | None = None
        self.browser.node_selected.connect(self._node_selected)
        # After opening, the tree is painted before the pane beside it is filled.
        self._detail_timer = QTimer(self)
        self._detail_timer.setSingleShot(True)
        self._detail_timer.setInterval(0)
        self._detail_timer.timeout.connect(self._show_current)
        # Whether the pane waits until somebody looks at this tab: of many files most are behind another one.
        self._detail_waits = False
        self._others_timer = QTimer(self)
        self._others_timer.setSingleShot(True)
        self._others_timer.setInterval(0)
        self._others_timer.timeout.connect(self._show_others)
        self.browser.rows_selected.connect(self._others_timer.start)
        self.detail.node_wanted.connect(self.go_to_node)
        self.detail.file_wanted.connect(self.file_wanted)
        self.detail.filter_wanted.connect(self.browser.filter.set_text)
        self.detail.export_wanted.connect(self.faces.export_section)
        self.detail.sections_wanted.connect(lambda a, b: self.sections_wanted.emit(self.path, a, b))
        self.detail.message.connect(self.message)
        self.faces.message.connect(self.message)
        self.browser.export_wanted.connect(self.faces.show_export)
        self.faces.file_wanted.connect(self.file_wanted)
        self.tree.copying.done.connect(self.message)
        self.browser.dragging.message.connect(self.message)

    @property
    def panel(self) -> ErrorPanel:
        """What is shown in place of the file if it cannot be; made when it is first needed."""
        if self._panel is None:
            self._panel = ErrorPanel(tr("{title} cannot be opened", title=self.title))
            self._panel.retry.connect(self.reload)
            self.addWidget(self._panel)
        return self._panel

    @property
    def summary(self) -> str:
        """One line on the file."""
        if self.loaded is not None:
            return self.loaded.summary
        return {State.FAILED: "Could not be opened", State.STOPPED: "Stopped"}.get(self.state, "")

    @property
    def is_settled(self) -> bool:
        """Whether nothing that this tab shows is still on its way."""
        waiting = self.state is State.LOADING or self._detail_timer.isActive() or self._others_timer.isActive()
        return not waiting and self.detail.is_settled and self.browser.is_settled and self.faces.is_settled

    def load(self) -> None:
        """Begin to read the file."""
        path, title, opener = self.path, self.title, self._opener
        model = self.tree.tree_model
        before = model.rows if model is not None else None
        if self.loaded is None:
            self.loading.begin()
            self.setCurrentWidget(self.loading)
        self.watch.follow(())
        self._set_state(State.LOADING)
        self._bridge.start(
            Lane.READING,
            self._slot,
            lambda control: load(path, title, opener, control, before),
            on_value=self._opened,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Opening {title}", title=self.title),
            background=True,
        )

    def reload(self) -> None:
        """Read the file again; what is shown stays until it is there."""
        self.load()

    def cancel(self) -> bool:
        """Stop what runs for this tab; whether anything did."""
        running = [slot for slot in self.running_slots() if slot in self._bridge.running]
        for slot in running:
            self._bridge.cancel(slot)
        return bool(running)

    def running_slots(self) -> tuple[Hashable, ...]:
        """The slots of this tab, loading first."""
        parts = (self.detail, self.browser, self.faces)
        return (self._slot, self.scanning.slot, *(slot for part in parts for slot in part.running_slots()))

    def owns(self, slot: Hashable) -> bool:
        """Whether a job runs for this tab: slots are pairs of their owner, or of another slot, and a word."""
        owner = slot
        while isinstance(owner, tuple) and owner:
            owner = owner[0]
        return owner == id(self) or slot in self.running_slots()

    def close_jobs(self) -> None:
        """Stop everything; nothing more will be shown."""
        self._detail_timer.stop()
        self._others_timer.stop()
        self.loading.end()
        self.watch.follow(())
        self._bridge.drop(self._slot)
        for part in (self.scanning, self.detail, self.browser, self.faces):
            part.close_jobs()
        self._let_go(self.loaded)

    def go_to_node(self, node: int) -> None:
        """Select a node, opening the way to it."""
        self.faces.show_file()
        self.tree.select_node(node)
        self.browser.focus_view()

    def go_to_name(self, name: str) -> None:
        """Select a tensor by its canonical name or state_dict key, or another node by its name.

        Raises:
            NameNotFound: nothing has that name.
            AmbiguousName: several tensors have that key.
        """
        if self.loaded is not None:
            self.tree.select_node(node_named(self.loaded.checkpoint, name))

    def splitter_state(self) -> QByteArray:
        """Where the line between tree and detail stands."""
        return self.splitter.saveState()

    def event(self, event: QEvent) -> bool:
        """Whoever comes back to the window sees at once whether the file has changed meanwhile."""
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self.watch.look()
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """The file in front is watched."""
        super().showEvent(event)
        if self._detail_waits:
            self._detail_timer.start()
        self.scanning.begin_soon()
        self.watch.set_in_front(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802  # Qt
        """The others are not."""
        super().hideEvent(event)
        self.watch.set_in_front(False)

    def _opened(self, loaded: Loaded) -> None:
        before, item = self.tree.tree_model, self.tree.current_item()
        scrolled = self.tree.verticalScrollBar().value()
        if before is not None and _same_shape(before.rows.tree, loaded.rows.tree):
            # As it is now: something may have been opened while the file was read.
            loaded.rows.take_over(before.rows)
        self._let_go(self.loaded)
        self.loaded, self.error = loaded, None
        model = TreeModel(loaded.checkpoint, loaded.rows, self.title, self.tree)
        self.scanning.show_checkpoint(loaded.checkpoint, self.title)
        self.faces.show_checkpoint(loaded.checkpoint, self.title)
        self.browser.show_checkpoint(loaded.checkpoint, model)
        if before is not None:
            before.deleteLater()
            place = same_item(before.rows, item, loaded.rows) if item > 0 else -1
            if place > 0:
                self.tree.select_node(place)
            self.tree.verticalScrollBar().setValue(scrolled)
        self.setCurrentWidget(self._contents)
        self._set_state(State.OPEN)
        self.change.show_change(None)
        self.watch.follow(loaded.checkpoint.sources.specs)
        self.opened.emit()
        if self.isVisible():
            self.browser.focus_view()
            self.scanning.begin_soon()

    def _failed(self, error: BaseException) -> None:
        self._let_go(self.loaded)
        self.loaded, self.error = None, error
        self.scanning.show_checkpoint(None, self.title)
        self.faces.show_checkpoint(None, self.title)
        self.panel.heading.setText(tr("{title} cannot be opened", title=self.title))
        self.panel.show_error(error)
        self.setCurrentWidget(self.panel)
        self._set_state(State.FAILED)

    def _stopped(self) -> None:
        if self.loaded is not None:
            self._set_state(State.OPEN)
            self.watch.follow(self.loaded.checkpoint.sources.specs)
            self.watch.look()
            return
        self.panel.show_stopped(tr("Opening {title} was stopped", title=self.title))
        self.setCurrentWidget(self.panel)
        self._set_state(State.STOPPED)

    def _node_selected(self, _: int) -> None:
        WAY.keep_clear(SECONDS_TO_ANSWER)
        if self.isHidden():
            self._detail_waits = True
        elif self.currentWidget() is self._contents and self.state is State.OPEN:
            self._show_current()
        else:
            self._detail_timer.start()

    def _show_current(self) -> None:
        self._detail_timer.stop()
        self._detail_waits = False
        node = self.tree.current_node()
        if self.loaded is not None and node >= 0:
            if self.detail.prepare():
                # That takes as long as an event may; what is shown there comes with the next.
                self._detail_timer.start()
                return
            about = self.loaded.about if node == 0 else None
            tree = self.loaded.checkpoint.tree
            if tree.what[node] == TreeNode.TENSOR:
                self.scanning.prefer(int(tree.ref[node]))
            self.detail.show_node(self.loaded.checkpoint, node, self.title, about)

    def _show_others(self) -> None:
        """Tensors that are selected beside the current one are compared with it."""
        if self.loaded is not None and self.state is State.OPEN:
            selected = self.browser.selected_tensors(_MOST_COMPARED)
            self.detail.show_others(selected if len(selected) > 1 else ())

    def _show_progress(self) -> None:
        running = self._bridge.running.get(self._slot)
        if running is not None and self.currentWidget() is self.loading:
            self.loading.show_running(running)

    def _let_go(self, loaded: Loaded | None) -> None:
        """Close the files that nothing shows any more; in a job, because a slow drive may be opening one."""
        if loaded is not None:
            close = loaded.checkpoint.close
            self._bridge.start(
                Lane.READING,
                (id(self), "close", id(loaded)),
                lambda _: close(),
                on_value=_nothing,
                on_error=_nothing,
            )

    def _set_state(self, state: State) -> None:
        if state is not State.LOADING:
            self.loading.end()
        self.state = state
        self.changed.emit()


def _nothing(_: object) -> None:
    """A file that is closed says nothing more."""


def node_named(checkpoint: Checkpoint, name: str) -> int:
    """The tree node of a tensor's name or key, else of a section, module or entry that has this name.

    Raises:
        NameNotFound: nothing has that name.
        AmbiguousName: several tensors have that key.
    """
    tree = checkpoint.tree
    try:
        row = checkpoint.tensors.find(name).row
    except NameNotFound:
        others = np.flatnonzero((tree.what != TreeNode.TENSOR) & (tree.what != TreeNode.ROOT))
        last = name.rpartition("/")[2]
        # A module may be named from its section's start, and a key may itself have dots.
        labels = dict.fromkeys((last.rpartition(".")[2], last, name))
        for node in np.sort(np.concatenate([rows_with(tree.label, label, others) for label in labels])).tolist():
            if name_of(checkpoint, node) == name:
                return int(node)
        if name in checkpoint.sections:
            index = list(checkpoint.sections).index(name)
            found = np.flatnonzero((tree.what == TreeNode.SECTION) & (tree.ref == index))
            if len(found):
                return int(found[0])
        raise
    return int(np.flatnonzero((tree.what == TreeNode.TENSOR) & (tree.ref == row))[0])


def _same_shape(before: ModuleTree, after: ModuleTree) -> bool:
    """Whether both trees have the same nodes, so that what was open can stay open."""
    return before.label == after.label and np.array_equal(before.end, after.end)
