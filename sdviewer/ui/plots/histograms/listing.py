"""Which tensors of a module are drawn, and reading them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.sketches import Sketch, sketch
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import CannotRead, SdviewerError
from sdviewer.ui.plots.names import label_below

Int64 = npt.NDArray[np.int64]

_AT_ONCE = 2000


@dataclass(frozen=True, eq=False, slots=True)
class Listing:
    """The first tensors below a node whose names have a text in them, in the order of the tree.

    Attributes:
        nodes, rows: of those that are drawn.
        labels: what they are called below the node.
        total: how many there are, drawn or not.

    """

    nodes: Int64
    rows: Int64
    labels: tuple[str, ...]
    total: int


def list_tensors(checkpoint: Checkpoint, node: int, text: str, most: int, control: Control) -> Listing:
    """List at most so many tensors.

    Raises:
        Cancelled: `control` was cancelled.

    """
    tree, table = checkpoint.tree, checkpoint.table
    nodes = node + np.flatnonzero(tree.what[node : int(tree.end[node])] == TreeNode.TENSOR)
    has_values = (table.flags[tree.ref[nodes]] & np.uint16(Flag.NOT_DENSE)) == 0
    nodes = nodes[has_values & (table.numel[tree.ref[nodes]] > 0)]
    wanted = text.strip().casefold()
    if wanted:
        kept: list[Int64] = []
        for first in range(0, len(nodes), _AT_ONCE):
            control.check()
            piece = nodes[first : first + _AT_ONCE]
            names = table.name.take(tree.ref[piece]).tolist()
            kept.append(piece[[wanted in name.casefold() for name in names]])
        nodes = np.concatenate(kept) if kept else nodes
    drawn = nodes[:most]
    labels = tuple(label_below(checkpoint, each, node) for each in drawn.tolist())
    return Listing(drawn, tree.ref[drawn], labels, len(nodes))


def unread_bytes(checkpoint: Checkpoint, listing: Listing, known: Mapping[int, object]) -> int:
    """How many bytes the tensors have that are not known yet."""
    rows = [row for row in dict.fromkeys(listing.rows.tolist()) if row not in known]
    return sum(checkpoint.table.nbytes[rows].tolist())


def read_sketches(
    checkpoint: Checkpoint,
    listing: Listing,
    known: Mapping[int, object],
    tell: Callable[[int, Sketch | SdviewerError], None],
    control: Control,
) -> None:
    """Read tensors in order, and tell each as it comes; one that cannot be read is told as its error.

    Progress is in bytes; `tell` is called on this thread.

    Raises:
        Cancelled: `control` was cancelled.

    """
    rows = [row for row in dict.fromkeys(listing.rows.tolist()) if row not in known]
    sizes = checkpoint.table.nbytes[rows].tolist()
    total, done = sum(sizes), 0
    for row, size in zip(rows, sizes, strict=True):
        ref = TensorRef(checkpoint, row)
        before = done

        def report(read: int, of: int, note: str, before: int = before, size: int = size) -> None:
            control.report(min(before + size * read // max(of, 1), total), total, note)

        control.check()
        own = Control(report)
        control.when_cancelled(own.cancel)
        try:
            tell(row, sketch(ref, own))
        except CannotRead as error:
            tell(row, error)
        done += size
