"""Describe groups: which quantised weights and pairs of adapters a checkpoint holds, format by format."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from sdviewer.checkpoint.adapter_pairs import pairs_in
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.quantised_groups import groups_in
from sdviewer.checkpoint.wording import count_for_people
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.translating import tr

# The largest models have some ten thousand: to look at them all would hold up the tree.
_MOST = 4096


@dataclass(slots=True)
class _Sum:
    weights: int = 0
    values: int = 0
    nbytes: int = 0
    is_known: bool = True


def groups_grid(checkpoint: Checkpoint) -> Grid | None:
    """A row for each format; None where nothing is quantised and nothing adapted. Reads nothing."""
    sums: dict[str, _Sum] = {}
    for group in groups_in(checkpoint, most_tried=_MOST):
        found = sums.setdefault(group.format, _Sum())
        found.weights += 1
        found.values += group.weights
        found.nbytes += group.nbytes
        found.is_known &= group.weights > 0
    for pair in itertools.islice(pairs_in(checkpoint), _MOST):
        found = sums.setdefault("low-rank adapter, pairs of A and B", _Sum(is_known=False))
        found.weights += 1
        found.values += pair.numel
    if not sums:
        return None
    rows = tuple(
        (
            name,
            f"{found.weights:,}" + (" or more" if found.weights >= _MOST else ""),
            count_for_people(found.values) if found.values else "–",
            f"{8 * found.nbytes / found.values:.4g}" if found.is_known else "–",
        )
        for name, found in sums.items()
    )
    return Grid(
        tr("Tensors that belong together"),
        (tr("Format"), tr("Weights"), tr("Values"), tr("Bits a weight")),
        rows,
        frozenset((1, 2, 3)),
    )
