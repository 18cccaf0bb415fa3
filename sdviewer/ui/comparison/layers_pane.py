"""How far each tensor went along the layers, one line a role: what was tuned is seen at a glance."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from sdviewer.analysis.layers import Layers, layers_below
from sdviewer.checkpoint.wording import label_of, number, plural, shown
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.panes import DiffPane
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.plots.series import SERIES
from sdviewer.ui.translating import tr

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class DiffLayers:
    """The layers of A below a node of the merged tree.

    Attributes:
        layers: of the section.
        places: which of their tensors lie below the node and have a partner.
        nodes: the node of each of these in the merged tree.

    """

    layers: Layers
    places: Int64
    nodes: Int64


def layers_of(standing: Standing, node: int, control: Control) -> DiffLayers:
    """Find the layers below a node.

    Raises:
        Cancelled: `control` was cancelled.

    """
    side, tree = standing.matching.a, standing.tree
    layers = layers_below(side.checkpoint, 0, control)
    below = slice(node, int(tree.end[node]))
    pairs = below.start + np.flatnonzero(tree.what[below] == Leaf.PAIR)
    of_row = np.full(len(side.checkpoint.table), -1, np.int64)
    keys = np.array([standing.matching.pairs[place].a for place in tree.place[pairs].tolist()], np.int64)
    of_row[side.rows[keys]] = pairs
    nodes = of_row[layers.rows]
    places = np.flatnonzero(nodes >= 0)
    return DiffLayers(layers, places, nodes[places])


class DiffLayersView(PlotFrame):
    """‖Δ‖ / ‖A‖ along layers. Made after pyqtgraph is imported."""

    node_wanted = Signal(int)

    def __init__(self, bridge: Bridge, slot: Hashable) -> None:
        from sdviewer.ui.plots.layers.picture import LayersPicture

        super().__init__(tr("Changes along layers"), bridge, slot)
        self._standing: Standing | None = None
        self._found: DiffLayers | None = None
        self._labels: list[str] = []
        self.picture = LayersPicture(self)
        self.log = QToolButton()
        self.log.setText(tr("Log"))
        self.log.setCheckable(True)
        self.log.setToolTip(tr("Draw by the logarithm; what did not change has no place then"))
        self.log.setAccessibleName(tr("Log: draw by the logarithm"))
        self.add_tool(self.log)
        self.log.toggled.connect(self._log_toggled)
        self.picture.left.setLabel("‖Δ‖ / ‖A‖")
        self.control_view(self.picture.box, self.picture.show_all)
        self.set_data(self._columns)
        self.recolored.connect(self.picture.recolor)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)

    def show_layers(self, standing: Standing, found: DiffLayers, node: int) -> None:
        """Draw the layers below a node."""
        self._standing, self._found = standing, found
        checkpoint, layers = standing.matching.a.checkpoint, found.layers
        self.set_origin(checkpoint, standing.name_at(node))
        used = np.unique(layers.stack_of[layers.layer[found.places]])
        starts = [int(np.flatnonzero(layers.stack_of == stack)[0]) for stack in used.tolist()]
        stacks = [
            (float(start), shown(name_of(checkpoint, int(layers.stacks[stack])), 60) or "/")
            for stack, start in zip(used.tolist(), starts, strict=True)
        ]
        self._labels = [label_of(checkpoint.tree.label[layer]).strip("[]") for layer in layers.layers.tolist()]
        self.picture.show_layers(self._labels, stacks)
        self.picture.bottom.setLabel(f"Layer of {stacks[0][1]}" if len(stacks) == 1 else "Layer")
        self.refresh()
        self.picture.show_all()

    def refresh(self) -> None:
        """Draw what is known by now."""
        from sdviewer.ui.plots.layers.picture import Line

        standing, found = self._standing, self._found
        if standing is None or found is None:
            return
        layers, values = found.layers, standing.relative()[found.nodes]
        roles, weight = layers.role[found.places], np.nan_to_num(values)
        # Those roles that changed most are drawn, as many as can be told apart.
        order = np.argsort(-np.bincount(roles, weight, len(layers.roles)), kind="stable")
        order = order[np.isin(order, roles)][:SERIES]
        lines = []
        for series, role in enumerate(order.tolist()):
            at = np.flatnonzero(roles == role)
            places = found.places[at]
            breaks = layers.stack_of[layers.layer[places]]
            name = shown(layers.roles[role], 80)
            lines.append(Line(series, name, at, layers.x[places], values[at], breaks))
        self.picture.draw(lines, log=self.log.isChecked(), percent=False)
        self.set_summary(self._words(values, len(np.unique(roles)) - len(lines)))

    def _words(self, values: Floats, hidden: int) -> str:
        found = self._found
        if found is None or not np.isfinite(values).any():
            return "No values are compared yet."
        layer = found.layers.layer[found.places]
        moved = np.unique(layer[np.nan_to_num(values) > 0])
        top = int(np.nanargmax(values))
        text = f"Shown minimum {number(_short(np.nanmin(values)))}, maximum and peak {number(_short(values[top]))} in "
        text += f"layer {self._labels[int(layer[top])]}. "
        among = np.unique(layer)
        if not len(moved):
            text += "No layer changed."
        elif len(moved) == len(among):
            text += f"All {plural(len(among), 'layer')} changed."
        else:
            names = [self._labels[place] for place in moved.tolist()]
            told = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")  # a line's worth
            text += f"{len(moved)} of {plural(len(among), 'layer')} changed: {told}."
        return text + (f" {plural(hidden, 'role')} that changed less are not drawn." if hidden > 0 else "")

    def _log_toggled(self) -> None:
        self.refresh()
        self.picture.show_all()

    def _pointed(self, place: QPointF) -> None:
        near = self.picture.nearest(place)
        self.picture.mark(*(near or (-1, 0)))
        standing, found = self._standing, self._found
        if near is None or standing is None or found is None:
            self.set_pointed("")
            return
        at = int(self.picture.lines[near[0]].places[near[1]])
        value = float(standing.relative()[found.nodes[at]])
        self.set_pointed(f"{shown(standing.name_at(int(found.nodes[at])))}: ‖Δ‖ / ‖A‖ = {number(value)}")

    def _clicked(self, event: Any) -> None:
        near = self.picture.nearest(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and near is not None and self._found is not None:
            self.node_wanted.emit(int(self._found.nodes[int(self.picture.lines[near[0]].places[near[1]])]))

    def _columns(self) -> Columns:
        standing, found = self._standing, self._found
        if standing is None or found is None:
            return [("name", [])]
        layers = found.layers
        values = standing.relative()[found.nodes].tolist()
        return [
            ("name", [standing.name_at(node) for node in found.nodes.tolist()]),
            ("role", [layers.roles[role] for role in layers.role[found.places].tolist()]),
            ("layer", [self._labels[layer] for layer in layers.layer[found.places].tolist()]),
            ("relative change", [None if np.isnan(value) else value for value in values]),
        ]


def _short(value: Any) -> float:
    return float(f"{float(value):.3g}")


class DiffLayersPane(DiffPane):
    """The layers are found in a job, and drawn anew as values come."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "find")
        self._standing: Standing | None = None
        self._node = -1
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.error = ErrorStrip(self)
        self.holder: LatePicture[DiffLayersView] = LatePicture(library, lambda: DiffLayersView(bridge, (slot, "view")))
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addWidget(self.holder, 1)
        column.addStretch(0)
        self.holder.made.connect(self._made)
        self.holder.failed.connect(self._no_picture)

    @property
    def is_settled(self) -> bool:
        """Whether the layers are drawn."""
        return self._slot not in self._bridge.running and not self.holder.is_waiting

    def show_node(self, standing: Standing, node: int) -> None:
        """Draw the layers below a node."""
        self._standing, self._node = standing, node
        self._begin()

    def refresh(self) -> None:
        """More values are compared."""
        if self.holder.view is not None and not self.holder.view.isHidden():
            self.holder.view.refresh()
            self.holder.view.show_all()

    def close_jobs(self) -> None:
        """Stop looking for layers, and saving."""
        self._bridge.drop(self._slot)
        self.holder.close_jobs()

    def _begin(self) -> None:
        standing, node = self._standing, self._node
        if standing is None:
            return
        self.error.clear()
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: layers_of(standing, node, control),
            on_value=partial(self._found, standing, node),
            on_error=self._failed,
        )

    def _found(self, standing: Standing, node: int, found: DiffLayers) -> None:
        has_any = bool(len(found.places))
        self.notice.setText("" if has_any else tr("No pair below is in a numbered layer."))
        self.notice.setVisible(not has_any)
        if has_any:
            self.holder.use(lambda view: view.show_layers(standing, found, node))
        else:
            self.holder.clear()

    def _made(self) -> None:
        if self.holder.view is not None:
            self.holder.view.message.connect(self.message)
            self.holder.view.node_wanted.connect(self.node_wanted)

    def _failed(self, error: BaseException) -> None:
        self.error.show_error(error, tr("The layers cannot be found."), self._begin)

    def _no_picture(self, error: BaseException) -> None:
        self.error.show_error(error, tr("The layers cannot be drawn."))
