"""DetailPane: what is selected, by its name and in the tabs that it has."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import CopyButton, FactGrid, plain_label
from sdviewer.ui.detail.derived_bar import DerivedBar
from sdviewer.ui.detail.describe import describe
from sdviewer.ui.detail.measuring import Measuring
from sdviewer.ui.detail.name_line import NameLine
from sdviewer.ui.detail.numbers import NumbersView
from sdviewer.ui.detail.overview import OverviewPane
from sdviewer.ui.detail.panes import PANES, Pane, PaneContext, PaneSpec, Selection
from sdviewer.ui.detail.parts import Description
from sdviewer.ui.detail.values_pane import ValuesPane
from sdviewer.ui.detail.view_tabs import ViewTabs
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.scan.scanning import Scanning
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr


class DetailPane(QWidget):
    """The right half of a tab.

    The tab that the user chose stays in front wherever the selected node has it. A tab that is not in
    front is neither made before it is first looked at, nor told of a node.
    """

    node_wanted = Signal(int)
    """A row of a table leads to this node."""

    filter_wanted = Signal(str)
    """A row of a table stands for the tensors that this filter leaves."""

    file_wanted = Signal(str)
    """The user asks for the checkpoint of which this file is a part."""

    export_wanted = Signal(str)
    """The user wants this section alone exported."""

    sections_wanted = Signal(str, str)
    """The user wants these two sections of the file compared."""

    message = Signal(str)
    """What was done, or why not: one sentence for the status bar."""

    def __init__(
        self,
        bridge: Bridge,
        library: PlotLibrary,
        slot: Hashable,
        parent: QWidget | None = None,
        *,
        specs: tuple[PaneSpec, ...] = PANES,
        scanning: Scanning | None = None,
    ) -> None:
        super().__init__(parent)
        self.measuring = Measuring(bridge, (slot, "measure"), self)
        self._context = PaneContext(bridge, library, slot, self.measuring, scanning)
        self._specs = specs
        self._chosen = specs[0].name
        # What is selected in the tree, and what the tabs tell of: that, or what it means with its neighbours.
        self._base: Selection | None = None
        self._selection: Selection | None = None
        # What each pane was told to show last; one that is out of sight may be behind.
        self._told: dict[str, Selection] = {}
        self._is_arranging = False
        self.panes: dict[str, Pane] = {}
        self.setAccessibleName(tr("Details of the selected entry"))
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)

        self.name = NameLine()
        self.name.setAccessibleName(tr("Name"))
        # Text in a line edit stands two pixels off its edge; the facts below do not.
        self.name.setTextMargins(-2, 0, 0, 0)
        font = QFont(number_font())
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setWeight(QFont.Weight.DemiBold)
        self.name.setFont(font)
        self.copy_button = CopyButton(tr("the name"))
        self.copy_button.clicked.connect(self.copy_name)
        self.subtitle = plain_label(muted=True, selectable=True)
        self.subtitle.setWordWrap(True)
        self.subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout()
        line.addWidget(self.name, 1)
        line.addWidget(self.copy_button)
        head = QVBoxLayout()
        head.setContentsMargins(20, 12, 20, 4)
        head.setSpacing(6)
        head.addLayout(line)
        head.addWidget(self.subtitle)
        self.derived = DerivedBar(bridge, slot)
        head.addWidget(self.derived)

        self.tabs = ViewTabs(tr("Views of the selected entry"))
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
        self._arrange((True, *(False for _ in specs[1:])))
        self._paints = QTimer(self)
        self._paints.setSingleShot(True)
        self._paints.setInterval(0)
        self._paints.timeout.connect(lambda: self.setUpdatesEnabled(True))
        self._shows = QTimer(self)
        self._shows.setSingleShot(True)
        self._shows.setInterval(0)
        self._shows.timeout.connect(self._show_current)
        self.tabs.currentChanged.connect(self._tab_changed)
        self.derived.chosen.connect(self._show_base)
        self.derived.arrived.connect(self._take)
        self.derived.failed.connect(self._show_base_itself)

    @property
    def description(self) -> Description | None:
        """What is said of the selected node, None as long as nothing is selected."""
        return self._selection.description if self._selection is not None else None

    @property
    def overview(self) -> OverviewPane:
        """The first tab."""
        pane = self.panes.get("overview") or self._make(0)
        assert isinstance(pane, OverviewPane)  # noqa: S101  # the first of the table
        return pane

    @property
    def facts(self) -> FactGrid:
        """The facts in the overview."""
        return self.overview.facts

    @property
    def numbers(self) -> NumbersView:
        """The numbers in the overview."""
        return self.overview.numbers

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the selection is in sight."""
        pane = self.panes.get(self.current_pane)
        if self.derived.is_working:
            return False
        return (pane is None or pane.is_settled) and not (self._paints.isActive() or self._shows.isActive())

    @property
    def current_pane(self) -> str:
        """The name of the tab in front, see `PANES`."""
        return self._specs[self.tabs.currentIndex()].name

    @property
    def panes_there(self) -> tuple[str, ...]:
        """The names of the tabs that the selected node has."""
        return tuple(spec.name for index, spec in enumerate(self._specs) if self.tabs.isTabVisible(index))

    def prepare(self) -> bool:
        """Make the first tab, which most nodes are shown in; whether it was not there yet."""
        if self._specs[0].name in self.panes:
            return False
        self._make(0)
        return True

    def show_node(self, checkpoint: Checkpoint, node: int, title: str, description: Description | None = None) -> None:
        """Describe a node at once, in the tab that was chosen if the node has it, else in the first.

        A `description` that a job has made is taken as it is. It is painted in an event of its own, after what
        the user has selected.
        """
        self.setUpdatesEnabled(False)
        self._paints.start()
        description = description or describe(checkpoint, node, title)
        self._base = Selection(checkpoint, node, title, description)
        self.derived.offer(self._base)
        self._show_base()

    def show_others(self, rows: tuple[int, ...]) -> None:
        """Show further tensors beside the node, in the panes that compare: their rows in the tensor table."""
        selection = self._selection
        if selection is None or selection is not self._base or rows == selection.others:
            return
        self._selection = self._base = replace(selection, others=rows)
        for name, told in self._told.items():
            if told is selection and not self.panes[name].shows_others:
                self._told[name] = self._selection
        self._show_current()

    def show_pane(self, name: str) -> None:
        """Put a tab in front, as a click on it does; nothing happens where the selected node has it not."""
        index = [spec.name for spec in self._specs].index(name)
        if self.tabs.isTabVisible(index):
            self.tabs.setCurrentIndex(index)

    def copy_name(self) -> None:
        """Put the name of what is shown on the clipboard, as the file has it."""
        if self.description is not None:
            QGuiApplication.clipboard().setText(self.description.copy_name)

    def running_slots(self) -> tuple[Hashable, ...]:
        """The slots of the jobs that run for this pane."""
        mine = self._context.slot
        return tuple(slot for slot in self._context.bridge.running if _is_within(slot, mine))

    def close_jobs(self) -> None:
        """Stop everything; nothing more will be shown."""
        self._shows.stop()
        self.derived.close_jobs()
        for pane in self.panes.values():
            pane.close_jobs()
        self.measuring.close_jobs()

    def _show_base(self) -> None:
        """Show what is selected, or have made ready what it means with its neighbours where that is wanted."""
        if self._base is None:
            return
        if not self.derived.is_wanted:
            self.derived.close_jobs()
            self._take(self._base)
            return
        self._introduce(self._base)
        name = self.current_pane
        if name == self._specs[0].name:
            # It tells of the tensor itself meanwhile.
            self._show_current()
        elif name in self._told:
            # What it shows is of another tensor.
            self.panes[name].close_jobs()
            del self._told[name]
        self.derived.ask()

    def _show_base_itself(self) -> None:
        if self._base is not None:
            self._take(self._base)

    def _take(self, selection: Selection) -> None:
        """Have the tabs tell of this."""
        self._introduce(selection)
        self._show_current()

    def _introduce(self, selection: Selection) -> None:
        self._selection = selection
        description = selection.description
        self.name.show_name(description.name)
        self.name.setToolTip(tooltip(description.name))
        self.subtitle.setText(description.subtitle)
        self._arrange(tuple(spec.applies(selection.checkpoint, selection.node) for spec in self._specs))
        for name, pane in self.panes.items():
            if name != self.current_pane and name in self._told:
                pane.close_jobs()

    def _show_value(self, index: tuple[int, ...]) -> None:
        """Go to a value in the table of values, once that is in sight."""
        self.show_pane("values")
        pane = self.panes.get("values")
        if self._shows.isActive():
            self._show_current()
        if isinstance(pane, ValuesPane):
            QTimer.singleShot(0, pane, lambda: pane.go_to(index))

    def _arrange(self, visible: tuple[bool, ...]) -> None:
        """Show the tabs that the node has, and in front the one that the user chose if it is there."""
        wanted = next((index for index, spec in enumerate(self._specs) if spec.name == self._chosen), 0)
        self._is_arranging = True
        # The one in front last, so that Qt never brings another one there by itself.
        self.tabs.setCurrentIndex(wanted if visible[wanted] else 0)
        for index, shown in enumerate(visible):
            if self.tabs.isTabVisible(index) is not shown:
                self.tabs.setTabVisible(index, shown)
        self.tabs.setCurrentIndex(wanted if visible[wanted] else 0)
        self._is_arranging = False

    def _tab_changed(self, index: int) -> None:
        if not self._is_arranging and index >= 0:
            self._chosen = self._specs[index].name
            self._show_current()

    def _show_current(self) -> None:
        self._shows.stop()
        if self._selection is None:
            return
        name, index = self.current_pane, self.tabs.currentIndex()
        pane = self.panes.get(name)
        if pane is None:
            pane = self._make(index)
            if index > 0:
                # To make one takes as long as an event may; it is filled in the next.
                self._shows.start()
                return
        if self._told.get(name) is not self._selection:
            self._told[name] = self._selection
            pane.show_selection(self._selection)

    def _make(self, index: int) -> Pane:
        spec, layout = self._specs[index], self._layouts[index]
        pane = self.panes[spec.name] = spec.make(self._context, self)
        pane.node_wanted.connect(self.node_wanted)
        pane.filter_wanted.connect(self.filter_wanted)
        pane.file_wanted.connect(self.file_wanted)
        pane.export_wanted.connect(self.export_wanted)
        pane.sections_wanted.connect(self.sections_wanted)
        pane.value_wanted.connect(self._show_value)
        pane.message.connect(self.message)
        layout.addWidget(pane)
        return pane


def _is_within(slot: Hashable, outer: Hashable) -> bool:
    """Whether a slot is this one, or one made from it: `(outer, "values")`, `((outer, "values"), "copy")`."""
    while slot != outer:
        if not isinstance(slot, tuple) or not slot:
            return False
        slot = slot[0]
    return True
