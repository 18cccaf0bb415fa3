"""ComparisonTab: two checkpoints from the wish to compare them to what differs."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import cut_in_middle, plural, shown
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.standing import Standing
from sdviewer.errors import SourceChanged
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.arranging import Arranging
from sdviewer.ui.comparison.detail import DiffDetail
from sdviewer.ui.comparison.head import DiffHead
from sdviewer.ui.comparison.partner import PartnerChoice
from sdviewer.ui.comparison.reports import Reports
from sdviewer.ui.comparison.side import SidePage
from sdviewer.ui.comparison.view import DiffView
from sdviewer.ui.comparison.work import Ask, Comparing, Progress
from sdviewer.ui.document.change_strip import ChangeStrip
from sdviewer.ui.document.file_watch import FileWatch
from sdviewer.ui.document.tab import Opener
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.line_splitter import LineSplitter
from sdviewer.ui.models.diff_cells import told_of
from sdviewer.ui.models.diff_model import DiffModel
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.translating import tr

_LONGEST_SIDE = 30


class ComparisonTab(QStackedWidget):
    """Both files are opened, paired and compared; what fails of one is told beside the other.

    With `picked`, two canonical names, only these two tensors are compared.
    """

    changed = Signal()
    """The state or the summary is another one."""

    opened = Signal()
    """Both files were read."""

    message = Signal(str)
    """Something was done, or was not: for the status bar."""

    def __init__(
        self,
        path_a: str,
        path_b: str,
        opener: Opener,
        bridge: Bridge,
        library: PlotLibrary,
        parent: QWidget | None = None,
        *,
        picked: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        me = id(self)
        self.sides = (
            SidePage(path_a, opener, bridge, (me, "a")),
            SidePage(path_b, opener, bridge, (me, "b")),
        )
        self.comparing = Comparing(bridge, (me, "comparing"), self)
        self.comparing.ask = Ask(picked=picked)
        self.watch = FileWatch(bridge, (me, "watch"), self)
        self.change = ChangeStrip()
        self.error = ErrorStrip(self)
        self.head = DiffHead()
        self.view = DiffView()
        self.detail = DiffDetail(self.comparing, bridge, library, (me, "detail"))
        self.reports = Reports(bridge, (me, "report"), self.head.report_menu, self)

        self._opening = QWidget()
        self._halves = QHBoxLayout(self._opening)
        for side in self.sides:
            self._halves.addWidget(side, 1)
            side.settled.connect(self._side_settled)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.view, 1)
        self.splitter = LineSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 55)
        self.splitter.setStretchFactor(1, 45)
        self.splitter.setSizes([760, 640])
        left.setMinimumWidth(300)
        self.detail.setMinimumWidth(300)
        self._contents = QWidget()
        column = QVBoxLayout(self._contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.change, self.error):
            column.addWidget(widget)
        column.addWidget(self.splitter, 1)
        self.addWidget(self._opening)
        self.addWidget(self._contents)
        self.arranging = Arranging(bridge, (me, "rows"), self.head, self.view, self)
        self.watch.noticed.connect(self._file_changed)
        self.change.reload_wanted.connect(self.reload)
        self.comparing.paired.connect(self._paired)
        self.comparing.advanced.connect(self._advanced)
        self.comparing.changed.connect(self._progressed)
        self.head.swap_wanted.connect(self.swap)
        self.head.rows_wanted.connect(self.focus_rows)
        self.head.go_on_wanted.connect(self.comparing.go_on)
        self.arranging.message.connect(self.message)
        self.arranging.failed.connect(self._not_arranged)
        self.head.tree_button.clicked.connect(self.focus_rows)
        self.head.sections["A"].chosen.connect(lambda name: self._choose(section_a=name))
        self.head.sections["B"].chosen.connect(lambda name: self._choose(section_b=name))
        self.view.node_selected.connect(self._node_selected)
        self.view.undo_wanted.connect(self.undo_pair)
        self.view.pair_wanted.connect(self.pair_nodes)
        self.view.pairing_wanted.connect(self._ask_for_partner)
        self.detail.node_wanted.connect(self.go_to_node)
        self.detail.marks_wanted.connect(self.arranging.show_marks)
        self.detail.ask_wanted.connect(self.comparing.again)
        self.detail.undo_wanted.connect(self.undo_pair)
        self.detail.message.connect(self.message)
        self.reports.done.connect(self.message)
        self.reports.failed.connect(self._report_failed)
        self._partner: PartnerChoice | None = None
        self.setAcceptDrops(False)

    # -- what the window asks ----------------------------------------------------------------

    @property
    def paths(self) -> tuple[str, str]:
        """Both files, as they are called."""
        return self.sides[0].path, self.sides[1].path

    @property
    def picked(self) -> tuple[str, str] | None:
        """The names of two tensors that are all that is compared; None for whole files."""
        return self.comparing.ask.picked

    @property
    def sources(self) -> tuple[str, ...]:
        """What is compared: the files, of picked tensors with their names."""
        picked = self.picked
        if picked is None:
            return tuple(shown(path) for path in self.paths)
        return tuple(f"{shown(path)} › {shown(name)}" for path, name in zip(self.paths, picked, strict=True))

    @property
    def title(self) -> str:
        """Both files in short, or both tensors."""
        picked = self.comparing.ask.picked
        if picked is not None:
            return " ↔ ".join(cut_in_middle(shown(name), _LONGEST_SIDE) for name in picked)
        return " ↔ ".join(cut_in_middle(side.title, _LONGEST_SIDE) for side in self.sides)

    @property
    def tip(self) -> str:
        """Both files in full."""
        return "\n".join(self.sources)

    @property
    def standing(self) -> Standing | None:
        """What is known, None before there are pairs."""
        return self.comparing.standing

    @property
    def summary(self) -> str:
        """One line on what differs."""
        if any(side.error is not None for side in self.sides):
            return "Could not be compared"
        standing = self.standing
        if standing is None:
            return ""
        counts = standing.counts_at(0)
        return f"{plural(int(standing.is_leaf.sum()), 'tensor')}: {told_of(counts)}"

    @property
    def is_settled(self) -> bool:
        """Whether nothing that this tab shows is still on its way."""
        return (
            not any(side.is_waiting for side in self.sides)
            and self.comparing.is_settled
            and self.arranging.is_settled
            and self.detail.is_settled
        )

    def load(self) -> None:
        """Begin to read both files."""
        for side in self.sides:
            side.load()
        self.changed.emit()

    def reload(self) -> None:
        """Read both files again."""
        self.watch.follow(())
        self.change.show_change(None)
        self.comparing.close_jobs()
        self.detail.close_jobs()
        self.setCurrentWidget(self._opening)
        self.load()

    def owns(self, slot: Hashable) -> bool:
        """Whether a job runs for this tab: slots are pairs of their owner, or of another slot, and a word."""
        owner = slot
        while isinstance(owner, tuple) and owner:
            owner = owner[0]
        return owner == id(self)

    def close_jobs(self) -> None:
        """Stop everything; nothing more will be shown."""
        self.arranging.close_jobs()
        self.watch.follow(())
        self.comparing.close_jobs()
        self.detail.close_jobs()
        self.reports.close_jobs()
        for side in self.sides:
            side.close_jobs()

    def focus_filter(self) -> None:
        """The keys go to the filter."""
        self.head.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.head.line.selectAll()

    def focus_rows(self) -> None:
        """The keys go to the rows."""
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def go_to_node(self, node: int) -> None:
        """Select a node; one that is filtered away comes into sight first."""
        model = self.view.diff_model
        if model is None:
            return
        if not model.rows.shown[node]:
            self.arranging.show_all()
        self.view.select_node(node)

    def go_to_difference(self, step: int) -> bool:
        """Go to the next tensor that differs (`step` 1) or the one before (-1), going round; whether there is any."""
        model, standing = self.view.diff_model, self.standing
        if model is None or standing is None:
            return False
        node = model.rows.next_among(standing.differs(), max(self.view.current_node(), 0), step)
        if node >= 0:
            self.view.select_node(node)
        return node >= 0

    def swap(self) -> None:
        """Exchange both sides."""
        ask = self.comparing.ask.swapped()
        self.sides = (self.sides[1], self.sides[0])
        self._halves.insertWidget(0, self.sides[0])
        self._compare(ask)
        self.changed.emit()

    def undo_pair(self, node: int) -> None:
        """The pair of a node shall be none; it is paired anew."""
        standing = self.standing
        if standing is not None and standing.tree.what[node] == Leaf.PAIR and not standing.is_picked:
            self.comparing.again(self.comparing.ask.without(*standing.keys_at(node)))

    def pair_nodes(self, one: int, other: int) -> None:
        """Make a pair by hand: the left tensor of one node and the right one of the other."""
        standing = self.standing
        if standing is None or standing.is_picked:
            return
        a, b = standing.keys_at(one)[0], standing.keys_at(other)[1]
        if not a or not b:
            a, b = standing.keys_at(other)[0], standing.keys_at(one)[1]
        if not a or not b:
            self.message.emit(tr("A pair needs one tensor of each side."))
            return
        self.comparing.again(self.comparing.ask.with_pair(a, b))

    # -- events ------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Whoever comes back to the window sees at once whether a file has changed meanwhile."""
        if event.type() is QEvent.Type.WindowActivate and self.isVisible():
            self.watch.look()
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """The files in front are watched."""
        super().showEvent(event)
        self.watch.set_in_front(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802  # Qt
        """The others are not."""
        super().hideEvent(event)
        self.watch.set_in_front(False)

    # -- what happens ------------------------------------------------------------------------

    def _side_settled(self) -> None:
        if all(side.checkpoint is not None and not side.is_waiting for side in self.sides):
            self.opened.emit()
            self._compare(self.comparing.ask)
        self.changed.emit()

    def _compare(self, ask: Ask) -> None:
        a, b = (side.checkpoint for side in self.sides)
        if a is not None and b is not None:
            self.watch.follow((*a.sources.specs, *b.sources.specs))
            self.head.show_sources(*self.sources)
            self.comparing.begin(a, b, ask, self.title)

    def choose_sections(self, a: str, b: str) -> None:
        """Compare these sections, "" for the usual one, of what is not read yet as soon as it is."""
        self.comparing.ask = replace(self.comparing.ask, section_a=a or None, section_b=b or None)
        self.comparing.again(self.comparing.ask)

    def _choose(self, *, section_a: str | None = None, section_b: str | None = None) -> None:
        ask = self.comparing.ask
        section_a, section_b = section_a or ask.section_a, section_b or ask.section_b
        self.comparing.again(replace(ask, section_a=section_a, section_b=section_b))

    def _paired(self) -> None:
        standing = self.standing
        assert standing is not None  # noqa: S101  # said by the signal
        self.setCurrentWidget(self._contents)
        self.error.clear()
        model = self.view.diff_model
        kept = ""
        if model is not None and self.view.current_node() > 0:
            kept = model.standing.name_at(self.view.current_node())
        for side, checkpoint_side in zip("AB", (standing.matching.a, standing.matching.b), strict=True):
            section = checkpoint_side.section
            choice = self.head.sections[side]
            choice.show_sections(checkpoint_side.checkpoint, section.name if section is not None else None)
        new = DiffModel(standing, self.title, self.view)
        self.view.show_diff(new)
        if model is not None:
            model.deleteLater()
            self.select_name(kept)
        if standing.is_picked and standing.matching.pairs:
            self.view.select_node(int(standing.tree.node_of_pair[0]))
        self.arranging.show_standing(standing)
        self.detail.show_standing(standing, self.view.current_node())
        self.reports.show_standing(standing, self.paths)
        self._tell()
        if self.isVisible():
            self.focus_rows()

    def select_name(self, name: str) -> None:
        """Select what has this name in the merged tree; the root if nothing has."""
        if name and self.standing is not None:
            self.view.select_node(self.node_named(name))

    def node_named(self, name: str) -> int:
        """The node of this name, as it is shown; that of the root if nothing has it."""
        standing = self.standing
        if standing is None:
            return 0
        last = name.rpartition(".")[2]
        nodes = [node for node, label in enumerate(standing.tree.label) if label == last]
        return next((node for node in nodes if standing.name_at(node) == name), 0)

    def _advanced(self) -> None:
        model = self.view.diff_model
        if model is not None and model.standing is self.standing:
            model.refresh()
            self._tell()
            self.detail.refresh()

    def _progressed(self) -> None:
        progress, error = self.comparing.progress, self.comparing.error
        if progress is Progress.FAILED and error is not None:
            self.setCurrentWidget(self._contents)
            self.error.show_error(error, tr("They cannot be compared."), self.comparing.go_on)
        elif progress is Progress.STOPPED and self.standing is None:
            self.setCurrentWidget(self._contents)
            self.error.show_stopped(tr("Pairing was stopped."), self.comparing.go_on)
        elif progress is Progress.DONE:
            self.arranging.all_is_compared()
        self._tell()
        self.changed.emit()

    def _tell(self) -> None:
        standing, progress = self.standing, self.comparing.progress
        if standing is None:
            return
        counts = standing.counts_at(0)
        self.head.chips.show_counts(counts)
        text = ""
        waiting = standing.waiting
        if progress in (Progress.STOPPED, Progress.FAILED) and waiting:
            text = f"Partial: {plural(waiting, 'pair is', 'pairs are')} not compared."
        elif standing.source_changed:
            text = "Partial: a file changed while it was read."
        self.head.say_partial(text, can_go_on=bool(waiting))
        self.changed.emit()

    def _file_changed(self, change: SourceChanged | None) -> None:
        self.change.show_change(change)
        if change is not None and self.standing is not None and not self.comparing.is_settled:
            self.standing.source_changed = True
            self._tell()

    # -- detail, pairs, reports --------------------------------------------------------------

    def _not_arranged(self, error: BaseException) -> None:
        self.error.show_error(error, tr("The rows cannot be filtered."), self.arranging.arrange)

    def _node_selected(self, node: int) -> None:
        if self.standing is not None:
            self.detail.show_node(node)

    def _ask_for_partner(self, node: int) -> None:
        standing = self.standing
        if standing is None:
            return
        if self._partner is None:
            self._partner = PartnerChoice(self)
            self._partner.chosen.connect(self.pair_nodes)
        self._partner.open_for(standing, node)

    def _report_failed(self, error: BaseException, again: object) -> None:
        self.error.show_error(error, tr("The report was not written."), again if callable(again) else None)
