"""DiffDetail: the selected row of a comparison, in the tabs that it has."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.relations import Relation
from sdviewer.comparison.standing import Standing
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.overview import DiffOverview
from sdviewer.ui.comparison.panes import DiffPane
from sdviewer.ui.comparison.words import MARK_WORDS
from sdviewer.ui.comparison.work import Comparing
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.view_tabs import ViewTabs
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.models.diff_cells import told_of
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

Make = Callable[["Context"], DiffPane]


@dataclass(frozen=True, slots=True)
class Context:
    """What panes work with."""

    comparing: Comparing
    bridge: Bridge
    library: PlotLibrary
    slot: Hashable


@dataclass(frozen=True, slots=True)
class DiffSpec:
    """One tab: for which nodes it is there, and how it is made when first looked at."""

    name: str
    title: str
    applies: Callable[[Standing, int], bool]
    make: Make


def _overview(context: Context) -> DiffPane:
    return DiffOverview(context.comparing, context.bridge, (context.slot, "overview"))


def _load(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.load_pane import LoadPane

    return LoadPane(context.bridge, (context.slot, "load"))


def _optimizers(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.resume_pane import ResumePane

    return ResumePane(context.bridge, (context.slot, "optimizers"))


def _layers(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.layers_pane import DiffLayersPane

    return DiffLayersPane(context.bridge, context.library, (context.slot, "layers"))


def _distribution(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.distribution_pane import DiffDistribution

    return DiffDistribution(context.bridge, context.library, (context.slot, "distribution"))


def _image(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.image_pane import DiffImage

    return DiffImage(context.bridge, context.library, (context.slot, "image"))


def _values(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.values_pane import DiffValues

    return DiffValues(context.bridge, (context.slot, "values"))


def _rank(context: Context) -> DiffPane:
    from sdviewer.ui.comparison.rank_pane import DiffRank

    return DiffRank(context.bridge, context.library, (context.slot, "rank"))


def _is_matrix(standing: Standing, node: int) -> bool:
    if not _is_pair(standing, node):
        return False
    pair = standing.matching.pairs[int(standing.tree.place[node])]
    shape = standing.matching.a.ref(pair.a).shape
    return len(shape) > 1 and pair.relation is not Relation.OTHER and min(shape[0], math.prod(shape[1:])) > 1


def _has_axes(standing: Standing, node: int) -> bool:
    if not _is_pair(standing, node):
        return False
    return bool(standing.matching.a.ref(standing.matching.pairs[int(standing.tree.place[node])].a).shape)


def _always(_: Standing, __: int) -> bool:
    return True


def _is_root(standing: Standing, node: int) -> bool:
    """The root of two state_dicts: there is nothing to load into a tensor."""
    return node == 0 and not standing.is_picked


def _has_optimizers(standing: Standing, node: int) -> bool:
    a, b = standing.matching.a.checkpoint, standing.matching.b.checkpoint
    return (
        _is_root(standing, node)
        and a is not b
        and all(any(section.kind == "optimizer" for section in side.sections.values()) for side in (a, b))
    )


def _has_layers(standing: Standing, node: int) -> bool:
    return bool(standing.tree.what[node] == Leaf.MODULE) and not standing.is_picked


def _is_pair(standing: Standing, node: int) -> bool:
    return bool(standing.tree.what[node] == Leaf.PAIR)


SPECS: tuple[DiffSpec, ...] = (
    DiffSpec("overview", "Overview", _always, _overview),
    DiffSpec("distribution", "Distribution", _is_pair, _distribution),
    DiffSpec("image", "Image", _has_axes, _image),
    DiffSpec("values", "Values", _is_pair, _values),
    DiffSpec("rank", "Rank", _is_matrix, _rank),
    DiffSpec("layers", "Layers", _has_layers, _layers),
    DiffSpec("load", "Load check", _is_root, _load),
    DiffSpec("optimizers", "Optimizers", _has_optimizers, _optimizers),
)


class DiffDetail(QWidget):
    """The right half of a comparison. The tab that the user chose stays in front wherever a node has it."""

    node_wanted = Signal(int)
    marks_wanted = Signal(object)
    ask_wanted = Signal(object)
    undo_wanted = Signal(int)
    message = Signal(str)

    def __init__(
        self,
        comparing: Comparing,
        bridge: Bridge,
        library: PlotLibrary,
        slot: Hashable,
        parent: QWidget | None = None,
        *,
        specs: tuple[DiffSpec, ...] = SPECS,
    ) -> None:
        super().__init__(parent)
        self._context = Context(comparing, bridge, library, slot)
        self._specs = specs
        self._chosen = specs[0].name
        self._standing: Standing | None = None
        self._node = -1
        self._is_arranging = False
        # Its own turn of the loop: rows are painted before a pane is made beside them.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(lambda: self.show_node(max(self._node, 0)))
        self._told: dict[str, tuple[Standing, int]] = {}
        self.panes: dict[str, DiffPane] = {}
        self.setAccessibleName(tr("Details of the selected row"))
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        self.name = ElidedLabel()
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = QFont(number_font())
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setWeight(QFont.Weight.DemiBold)
        self.name.setFont(font)
        self.subtitle = plain_label(muted=True, selectable=True)
        self.subtitle.setWordWrap(True)
        self.subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head = QVBoxLayout()
        head.setContentsMargins(20, 12, 20, 4)
        head.setSpacing(6)
        head.addWidget(self.name)
        head.addWidget(self.subtitle)
        self.tabs = ViewTabs(tr("Views of the selected row"))
        self._layouts: list[QVBoxLayout] = []
        for spec in specs:
            page = QWidget()
            layout = QVBoxLayout(page)
            layout.setContentsMargins(0, 0, 0, 0)
            self._layouts.append(layout)
            self.tabs.addTab(page, spec.title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.tabs, 1)
        self.tabs.currentChanged.connect(self._tab_changed)

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the row is in sight."""
        pane = self.panes.get(self.current_pane)
        return not self._soon.isActive() and (pane is None or pane.is_settled)

    @property
    def current_pane(self) -> str:
        """The name of the tab in front."""
        return self._specs[max(self.tabs.currentIndex(), 0)].name

    @property
    def panes_there(self) -> tuple[str, ...]:
        """The names of the tabs that the row has."""
        return tuple(spec.name for index, spec in enumerate(self._specs) if self.tabs.isTabVisible(index))

    def show_standing(self, standing: Standing, node: int) -> None:
        """Show a node of other pairs, soon."""
        for pane in self.panes.values():
            pane.close_jobs()
        self._told.clear()
        self._standing, self._node = standing, node
        self._soon.start()

    def show_node(self, node: int) -> None:
        """Show a node."""
        standing = self._standing
        if standing is None or node >= len(standing.tree):
            return
        self._soon.stop()
        self._node = node
        self._tell()
        visible = [spec.applies(standing, node) for spec in self._specs]
        wanted = next((index for index, spec in enumerate(self._specs) if spec.name == self._chosen), 0)
        wanted = wanted if visible[wanted] else 0
        self._is_arranging = True
        self.tabs.setCurrentIndex(wanted)
        for index, is_there in enumerate(visible):
            if self.tabs.isTabVisible(index) is not is_there:
                self.tabs.setTabVisible(index, is_there)
        self.tabs.setCurrentIndex(wanted)
        self._is_arranging = False
        for name, pane in self.panes.items():
            if name != self.current_pane and self._told.pop(name, None) is not None:
                pane.close_jobs()
        self._show_current()

    def show_pane(self, name: str) -> None:
        """Put a tab in front, as a click on it does."""
        index = [spec.name for spec in self._specs].index(name)
        if self.tabs.isTabVisible(index):
            self.tabs.setCurrentIndex(index)

    def refresh(self) -> None:
        """More values are compared."""
        if self._standing is not None:
            self._tell()
            pane = self.panes.get(self.current_pane)
            if pane is not None:
                pane.refresh()

    def close_jobs(self) -> None:
        """Stop everything."""
        self._soon.stop()
        for pane in self.panes.values():
            pane.close_jobs()

    def _tell(self) -> None:
        standing, node = self._standing, self._node
        if standing is None or node < 0:
            return
        a, b = standing.keys_at(node)
        name = standing.name_at(node) if not (a and b and a != b) else f"{a} → {b}"
        whole = "Both tensors" if standing.is_picked else "Both checkpoints"
        self.name.setText(shown(name) if node else whole)
        counts = standing.counts_at(node)
        words = ", ".join(MARK_WORDS[mark] for mark in counts) or "not compared"
        self.subtitle.setText(words if standing.is_leaf[node] else told_of(counts))

    def _tab_changed(self, index: int) -> None:
        if not self._is_arranging and index >= 0:
            self._chosen = self._specs[index].name
            # Until the tabs are arranged the row may not have the one that was clicked.
            if not self._soon.isActive():
                self._show_current()

    def _show_current(self) -> None:
        standing, name = self._standing, self.current_pane
        if standing is None or self._node < 0:
            return
        pane = self.panes.get(name) or self._make(self.tabs.currentIndex())
        if self._told.get(name) != (standing, self._node):
            self._told[name] = (standing, self._node)
            pane.show_node(standing, self._node)

    def _make(self, index: int) -> DiffPane:
        spec = self._specs[index]
        pane = self.panes[spec.name] = spec.make(self._context)
        pane.node_wanted.connect(self.node_wanted)
        pane.message.connect(self.message)
        if isinstance(pane, DiffOverview):
            pane.title = "Both checkpoints"
            pane.marks_wanted.connect(self.marks_wanted)
            pane.undo_wanted.connect(self.undo_wanted)
            pane.how.ask_wanted.connect(self.ask_wanted)
        self._layouts[index].addWidget(pane)
        return pane
