"""LayersView: a figure of each tensor along the layers, one line a role."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast, overload

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QToolButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.checkpoint.wording import label_of, shown
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.layers.gathering import Gathered
from sdviewer.ui.plots.layers.measures import Int64, Measure
from sdviewer.ui.plots.layers.picture import LayersPicture, Line
from sdviewer.ui.plots.layers.role_list import RoleList
from sdviewer.ui.plots.layers.words import summary, tensor_words
from sdviewer.ui.plots.names import NodeNames
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.translating import tr

_LIST_WIDTH, _LIST_HEIGHT = 230, 120
_NARROW = 620
_QT_MOST = 16_777_215


class LayersView(PlotFrame):
    """Made after pyqtgraph is imported. Arrows choose a tensor, Enter or a click select it in the tree."""

    node_wanted = Signal(int)
    """This tensor's node shall be selected."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(tr("Layers"), bridge, slot, parent)
        self._checkpoint: Checkpoint | None = None
        self._gathered: Gathered | None = None
        self._places: dict[int, Int64] = {}
        self._chosen = -1
        self._had_figures = False
        self.picture = LayersPicture(self)
        self.box = self.picture.box
        self.roles = RoleList()
        self.measures = QComboBox()
        self.measures.setAccessibleName(tr("What is drawn of each tensor"))
        self.measures.addItems([measure.title for measure in Measure])
        self.log = QToolButton()
        self.log.setText(tr("Log"))
        self.log.setCheckable(True)
        self.log.setToolTip(tr("Draw figures by their logarithm; zeros have no place then"))
        self.log.setAccessibleName(tr("Log: draw figures by their logarithm"))
        self.log.setChecked(True)
        self.roles_button = QToolButton()
        self.roles_button.setText(tr("Roles"))
        self.roles_button.setCheckable(True)
        self.roles_button.setToolTip(tr("Choose which roles are drawn"))
        self.roles_button.setAccessibleName(tr("Roles: choose which are drawn"))
        for tool in (self.measures, self.log, self.roles_button):
            self.add_tool(tool)
        self.roles.hide()
        self.roles_button.toggled.connect(self.roles.setVisible)
        column = cast("QVBoxLayout", self.layout())
        place = column.indexOf(self.graphics)
        column.removeWidget(self.graphics)
        self._beside = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._beside.setSpacing(10)
        self._beside.addWidget(self.graphics, 1)
        self._beside.addWidget(self.roles)
        column.insertLayout(place, self._beside, 1)
        self.measures.currentIndexChanged.connect(self._measure_changed)
        self.log.toggled.connect(self._measure_changed)
        self.roles.changed.connect(self._roles_changed)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self.recolored.connect(self._recolored)
        self.control_view(self.box, self.picture.show_all)
        self.set_data(self._columns)

    @property
    def measure(self) -> Measure:
        """What is drawn."""
        return list(Measure)[self.measures.currentIndex()]

    @property
    def chosen(self) -> int:
        """The node of the chosen tensor, -1 for none."""
        gathered = self._gathered
        return int(gathered.layers.nodes[self._chosen]) if gathered is not None and self._chosen >= 0 else -1

    def show_layers(self, checkpoint: Checkpoint, node: int, gathered: Gathered) -> None:
        """Draw the layers below a node, as far as their figures are known."""
        self.set_origin(checkpoint, name_of(checkpoint, node))
        self._checkpoint, self._gathered, self._chosen = checkpoint, gathered, -1
        self._places.clear()
        self._had_figures = False
        layers, tree = gathered.layers, checkpoint.tree
        starts = np.searchsorted(layers.layers, layers.layers[np.unique(layers.stack_of, return_index=True)[1]])
        stacks = [
            (float(start), shown(name_of(checkpoint, int(layers.stacks[stack])), 60) or "/")
            for stack, start in enumerate(starts.tolist())
        ]
        self.picture.show_layers(_LayerLabels(tree, layers.layers), stacks)
        stack_name = stacks[0][1] if len(stacks) == 1 else ""
        self.picture.bottom.setLabel(f"Layer of {stack_name}" if stack_name not in ("", "/") else "Layer")
        self.roles.show_roles(layers.roles, layers.role_bytes.tolist())
        self.refresh(is_new=True)

    def refresh(self, *, is_new: bool = False) -> None:
        """Draw what is known by now; of other layers than before all is brought into sight."""
        checkpoint, gathered = self._checkpoint, self._gathered
        if checkpoint is None or gathered is None:
            return
        layers = gathered.layers
        # Most of them have none at all.
        self.log.setEnabled(self.measure is not Measure.ZEROS)
        self.roles_button.setText(
            tr("Roles ({series} of {roles:,})", series=len(self.roles.series), roles=len(layers.roles))
        )
        values = gathered.figures[self.measure]
        lines = []
        for role, series in self.roles.series.items():
            if role not in self._places:
                self._places[role] = layers.of_role(role)
            places = self._places[role]
            breaks = layers.stack_of[layers.layer[places]]
            name = shown(layers.roles[role], 80)
            lines.append(Line(series, name, places, layers.x[places], values[places], breaks))
        self.picture.draw(
            lines, log=self.log.isChecked() and self.log.isEnabled(), percent=self.measure is Measure.ZEROS
        )
        drawn = np.concatenate([line.places for line in lines]) if lines else np.empty(0, np.int64)
        # The first figures decide what is in sight, and all of them when they are there.
        has_figures = bool(np.isfinite(values).any())
        if gathered.missing.rows.size or is_new or (has_figures and not self._had_figures):
            self.picture.show_all()
        self._had_figures = has_figures
        self.set_summary(summary(checkpoint, gathered, self.measure, drawn, len(lines)))
        self._mark()

    def take(self, gathered: Gathered) -> None:
        """The same layers, of which more is known."""
        self._gathered = gathered
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """The list stands beside the picture if there is room, else below it."""
        super().resizeEvent(event)
        is_narrow = event.size().width() < _NARROW
        directions = QBoxLayout.Direction
        self._beside.setDirection(directions.TopToBottom if is_narrow else directions.LeftToRight)
        self.roles.setMinimumWidth(0 if is_narrow else _LIST_WIDTH)
        self.roles.setMaximumWidth(_QT_MOST if is_narrow else _LIST_WIDTH)
        self.roles.setMaximumHeight(_LIST_HEIGHT if is_narrow else _QT_MOST)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """Keys that choose a tensor."""
        if event.type() is QEvent.Type.KeyPress and hasattr(self, "roles") and watched is self.graphics:
            key = cast("QKeyEvent", event)
            if not key.modifiers() & ~Qt.KeyboardModifier.KeypadModifier and self._key(Qt.Key(key.key())):
                return True
        return super().eventFilter(watched, event)

    def _key(self, key: Qt.Key) -> bool:
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._chosen >= 0:
            self.node_wanted.emit(self.chosen)
            return True
        steps = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        if key not in steps or not self.picture.lines:
            return False
        along, role = steps[key]
        lines = self.picture.lines
        line, at = self._place_of(self._chosen)
        if line < 0:
            line, at = 0, 0
        elif role:
            x = lines[line].x[at]
            line = (line + role) % len(lines)
            at = int(np.argmin(np.abs(lines[line].x - x)))
        else:
            at = min(max(at + along, 0), len(lines[line].x) - 1)
        self._choose(int(lines[line].places[at]))
        return True

    def _place_of(self, place: int) -> tuple[int, int]:
        """The line of a tensor, and its place in it; -1 for one that is not drawn."""
        for index, line in enumerate(self.picture.lines):
            at = int(np.searchsorted(line.places, place))
            if at < len(line.places) and line.places[at] == place:
                return index, at
        return -1, 0

    def _choose(self, place: int) -> None:
        self._chosen = place
        self._mark()
        text = self._words(place)
        self.set_pointed(text)
        self.graphics.setAccessibleDescription(f"{text}. {self.summary}")

    def _mark(self) -> None:
        self.picture.mark(*self._place_of(self._chosen))

    def _words(self, place: int) -> str:
        if self._checkpoint is None or self._gathered is None or place < 0:
            return ""
        return tensor_words(self._checkpoint, self._gathered, place)

    def _pointed(self, place: QPointF) -> None:
        found = self.picture.nearest(place)
        if found is None:
            self._mark()
            self.set_pointed(self._words(self._chosen))
        else:
            self.picture.mark(*found)
            self.set_pointed(self._words(int(self.picture.lines[found[0]].places[found[1]])))

    def _clicked(self, event: object) -> None:
        button, place = event.button(), event.scenePos()  # type: ignore[attr-defined]  # an event of pyqtgraph
        found = self.picture.nearest(place)
        if button == Qt.MouseButton.LeftButton and found is not None:
            self._choose(int(self.picture.lines[found[0]].places[found[1]]))
            self.node_wanted.emit(self.chosen)

    def _measure_changed(self) -> None:
        self.refresh(is_new=True)

    def _roles_changed(self) -> None:
        self.refresh(is_new=True)

    def _recolored(self) -> None:
        self.picture.recolor()
        self.roles.recolor()

    def _columns(self) -> Columns:
        """All tensors of the layers, drawn or not."""
        checkpoint, gathered = self._checkpoint, self._gathered
        if checkpoint is None or gathered is None:
            return [("name", [])]
        layers = gathered.layers
        return [
            ("name", NodeNames(checkpoint, layers.nodes)),
            ("role", [layers.roles[role] for role in layers.role.tolist()]),
            ("layer", NodeNames(checkpoint, layers.layers[layers.layer])),
            *((measure.title.lower(), _with_gaps(values)) for measure, values in gathered.figures.items()),
        ]


class _LayerLabels(Sequence[str]):
    """What the layers are called; a text is made when it is asked for, for few of thousands are in sight."""

    def __init__(self, tree: ModuleTree, layers: Int64) -> None:
        self._tree, self._layers = tree, layers

    def __len__(self) -> int:
        return len(self._layers)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return _LayerLabels(self._tree, self._layers[index])
        return label_of(self._tree.label[int(self._layers[index])]).strip("[]")


def _with_gaps(values: np.typing.NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
