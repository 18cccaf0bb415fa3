"""Panes: what a tab of the detail pane is, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.metadata_below import has_metadata
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.measuring import Measuring
from sdviewer.ui.detail.parts import Description
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.scan.scanning import Scanning
from sdviewer.ui.translating import tr


@dataclass(frozen=True, eq=False, slots=True)
class Selection:
    """What is selected: a node of a checkpoint's tree, how the file is called, and what is said of the node."""

    checkpoint: Checkpoint
    node: int
    title: str
    description: Description
    others: tuple[int, ...] = ()
    """Rows of further tensors that are selected beside it."""


class Pane(QWidget):
    """One view of the selected node. It is asked to show one only while it is in sight.

    One that `shows_others` is asked again when other tensors are selected beside the node.
    """

    shows_others = False

    node_wanted = Signal(int)
    """This node of the tree shall be selected."""

    filter_wanted = Signal(str)
    """The tensors that this filter leaves shall be shown."""

    file_wanted = Signal(str)
    """This file shall be opened."""

    export_wanted = Signal(str)
    """This section alone shall be exported."""

    sections_wanted = Signal(str, str)
    """These two sections of the file shall be compared."""

    value_wanted = Signal(tuple)
    """The value with this index shall be shown in the table of values."""

    message = Signal(str)
    """What was done, or why not: one sentence for the status bar."""

    @property
    def is_settled(self) -> bool:
        """Whether all that belongs to the node is in sight."""
        raise NotImplementedError

    def show_selection(self, selection: Selection) -> None:
        """Show a node; what takes long comes from a job."""
        raise NotImplementedError

    def close_jobs(self) -> None:
        """Stop what is on its way: another node is selected, or the file is closed."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class PaneContext:
    """What panes work with; a pane's jobs run in slots of its own, `(slot, name)`."""

    bridge: Bridge
    library: PlotLibrary
    slot: Hashable
    measuring: Measuring
    scanning: Scanning | None = None
    """What a scan finds in the checkpoint; None where nothing is scanned."""


@dataclass(frozen=True, slots=True)
class PaneSpec:
    """One tab: `applies` says for which nodes it is there, from columns; `make` makes it when first looked at."""

    name: str
    title: str
    applies: Callable[[Checkpoint, int], bool]
    make: Callable[[PaneContext, QWidget], Pane]


def _always(_: Checkpoint, __: int) -> bool:
    return True


def _is_tensor(checkpoint: Checkpoint, node: int) -> bool:
    return int(checkpoint.tree.what[node]) == TreeNode.TENSOR


def _has_axes(checkpoint: Checkpoint, node: int) -> bool:
    return _is_tensor(checkpoint, node) and bool(checkpoint.table.shape_of(int(checkpoint.tree.ref[node])))


def _has_texts(checkpoint: Checkpoint, node: int) -> bool:
    return node == 0 and bool(checkpoint.description.texts)


def _overview(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.detail.overview import OverviewPane

    return OverviewPane(context, parent)


def _statistics(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.detail.statistics_pane import StatisticsPane

    return StatisticsPane(context, parent)


def _distribution(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.distribution.pane import DistributionPane

    return DistributionPane(context, parent)


def _is_matrix(checkpoint: Checkpoint, node: int) -> bool:
    if not _is_tensor(checkpoint, node):
        return False
    from sdviewer.analysis.spectrum import can_be_matrix

    table, row = checkpoint.table, int(checkpoint.tree.ref[node])
    return can_be_matrix(table.dtype_of(row).kind, table.shape_of(row))


def _spectrum(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.spectrum.pane import SpectrumPane

    return SpectrumPane(context, parent)


def _image(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.image.pane import ImagePane

    return ImagePane(context, parent)


def _channels(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.channels.pane import ChannelsPane

    return ChannelsPane(context, parent)


def _has_channels(checkpoint: Checkpoint, node: int) -> bool:
    return _is_tensor(checkpoint, node) and len(checkpoint.table.shape_of(int(checkpoint.tree.ref[node]))) > 1


def _holds_several(checkpoint: Checkpoint, node: int) -> bool:
    tree = checkpoint.tree
    return not _is_tensor(checkpoint, node) and bool(tree.tensors[node] > 1) and bool(tree.nbytes[node])


def _has_layers(checkpoint: Checkpoint, node: int) -> bool:
    if not _holds_several(checkpoint, node):
        return False
    from sdviewer.analysis.layers import may_have_layers

    return may_have_layers(checkpoint.tree, node)


def _layers(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.layers.pane import LayersPane

    return LayersPane(context, parent)


def _histograms(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.histograms.pane import HistogramsPane

    return HistogramsPane(context, parent)


def _treemap(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.plots.treemap.pane import TreemapPane

    return TreemapPane(context, parent)


def _values(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.detail.values_pane import ValuesPane

    return ValuesPane(context, parent)


def _metadata(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.metadata.pane import MetadataPane

    return MetadataPane(context, parent)


def _is_in_optimizer(checkpoint: Checkpoint, node: int) -> bool:
    """Whether a node is an optimizer or lies in one; a walk up from the node."""
    tree = checkpoint.tree
    while node > 0 and tree.what[node] != TreeNode.SECTION:
        node = int(tree.parent[node])
    if node <= 0 or tree.ref[node] < 0:
        return False
    return list(checkpoint.sections.values())[int(tree.ref[node])].kind == "optimizer"


def _optimizer(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.optimizer.pane import OptimizerPane

    return OptimizerPane(context, parent)


def _sources(context: PaneContext, parent: QWidget) -> Pane:
    from sdviewer.ui.sources.pane import SourcesPane

    return SourcesPane(context, parent)


PANES: tuple[PaneSpec, ...] = (
    PaneSpec("overview", tr("Overview"), _always, _overview),
    PaneSpec("optimizer", tr("Optimizer"), _is_in_optimizer, _optimizer),
    PaneSpec("statistics", tr("Statistics"), _is_tensor, _statistics),
    PaneSpec("distribution", tr("Distribution"), _is_tensor, _distribution),
    PaneSpec("image", tr("Image"), _has_axes, _image),
    PaneSpec("channels", tr("Channels"), _has_channels, _channels),
    PaneSpec("values", tr("Values"), _is_tensor, _values),
    PaneSpec("spectrum", tr("Spectrum"), _is_matrix, _spectrum),
    PaneSpec("layers", tr("Layers"), _has_layers, _layers),
    PaneSpec("histograms", tr("Histograms"), _holds_several, _histograms),
    PaneSpec("treemap", tr("Treemap"), _holds_several, _treemap),
    PaneSpec("metadata", tr("Metadata"), has_metadata, _metadata),
    PaneSpec("source", tr("Source"), _has_texts, _sources),
)
