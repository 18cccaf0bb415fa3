"""ChannelTable: what health wants to know of the channels of many tensors, found beside a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks
from sdviewer.analysis.channels import MOST_CHANNELS, Channels, ChannelSums
from sdviewer.analysis.scan import Further
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.errors import CannotRead

Int64 = npt.NDArray[np.int64]

FEWEST_CHANNELS = 8
"""Of fewer channels a median says nothing."""

_FEWEST_VALUES = 256
# Of a large tensor in another order than row-major each part of a scan keeps all channels.
_MOST_IN_ANY_ORDER = 1 << 14
_MOST_TOLD = 16
_MOST_EQUAL_TOLD = 256


@dataclass(frozen=True, slots=True)
class Told:
    """Some channels of a tensor by their indices, the first ones."""

    dead: tuple[int, ...]
    nonfinite: tuple[int, ...]
    maybe_equal: tuple[tuple[int, ...], ...]


class ChannelTable:
    """A row for each row of the tensor table, as columns; any thread may read them.

    Attributes:
        size: channels along axis 0, 0 where they were not looked at.
        dead, nonfinite: of them, how many are dead, and hold NaN or infinities.
        spread, variation: see `Channels`; NaN where unknown.
        told: which they are, for the rows that have any. Equal ones are only as likely as their mix makes them.

    """

    def __init__(self, rows: int) -> None:
        self.size = np.zeros(rows, np.int64)
        self.dead = np.zeros(rows, np.int64)
        self.nonfinite = np.zeros(rows, np.int64)
        self.spread = np.full(rows, np.nan)
        self.variation = np.full(rows, np.nan)
        self.told: dict[int, Told] = {}

    def keep(self, rows: Int64, channels: Channels) -> None:
        """Take over what was found of the tensor that these rows show."""
        is_dead, spread = channels.dead_and_spread()
        dead, nonfinite = np.flatnonzero(is_dead), np.flatnonzero(channels.nonfinite)
        equal = maybe_equal(channels)
        told = Told(tuple(dead[:_MOST_TOLD].tolist()), tuple(nonfinite[:_MOST_TOLD].tolist()), equal)
        if told != Told((), (), ()):
            self.told |= dict.fromkeys(rows.tolist(), told)
        self.dead[rows], self.nonfinite[rows] = len(dead), len(nonfinite)
        self.spread[rows], self.variation[rows] = spread, channels.variation
        self.size[rows] = len(channels)


def beside_scan(checkpoint: Checkpoint, table: ChannelTable) -> Further:
    """Fill a table beside the counting: weights along axis 0, and which rows of embeddings may be equal."""
    facts = TensorFacts(checkpoint)
    kinds, kind_index = checkpoint.tree.kinds, facts.kind_index
    embedding = kinds.index("Embedding") if "Embedding" in kinds else -2

    def begin(blocks: Blocks) -> ChannelSums | None:
        ref = blocks.ref
        shape, row = ref.shape, ref.row
        if len(shape) < 2 or not FEWEST_CHANNELS <= shape[0] <= MOST_CHANNELS or blocks.numel < _FEWEST_VALUES:
            return None
        if blocks.dtype.kind not in {"float", "complex", "quantised"}:
            return None
        if blocks.axes[:1] != ((0, shape[0]),) and shape[0] > _MOST_IN_ANY_ORDER:
            return None
        try:
            return ChannelSums(blocks, find_equal=row < len(kind_index) and bool(kind_index[row] == embedding))
        except (ValueError, CannotRead):
            return None

    rows, forms = checkpoint.table, checkpoint.table.forms
    may_have = (np.diff(forms.start)[rows.form] >= 2) & (rows.numel >= _FEWEST_VALUES)
    return Further(begin, table.keep, may_have)


def maybe_equal(channels: Channels) -> tuple[tuple[int, ...], ...]:
    """Groups of channels whose mixes and largest magnitudes are equal, zeros left out; up to 256 channels in all."""
    rows = np.flatnonzero((channels.mix != 0) & (channels.absmax > 0))
    order = rows[np.lexsort((rows, channels.absmax[rows], channels.mix[rows]))]
    same = (np.diff(channels.mix[order]) == 0) & (np.diff(channels.absmax[order]) == 0)
    ends = np.append(np.flatnonzero(~same) + 1, len(order)) if len(order) else np.zeros(0, np.int64)
    starts = np.append(0, ends[:-1])[: len(ends)]
    groups: list[tuple[int, ...]] = []
    left = _MOST_EQUAL_TOLD
    for start, end in zip(starts[ends - starts > 1].tolist(), ends[ends - starts > 1].tolist(), strict=True):
        if left < 2:
            break
        groups.append(tuple(order[start : min(end, start + left)].tolist()))
        left -= len(groups[-1])
    return tuple(groups)
