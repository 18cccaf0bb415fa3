"""The rank of a change: how many directions Δ = b - a needs, and whether it looks like a low-rank adapter.

Singular values are computed in the torch process. Energy is Σσ²; the rank at an energy is the least number
of singular values that have this share of ‖Δ‖².
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.spectrum import Method, matrix_of
from sdviewer.comparison.matching import Matching, Pair
from sdviewer.comparison.pair_blocks import PairBlocks, new_buffers
from sdviewer.comparison.pair_counting import PairCounting
from sdviewer.comparison.tolerances import tolerance_of
from sdviewer.control import Control
from sdviewer.errors import CannotRead

ENERGIES = (0.9, 0.99, 0.999)

# Up to so many operations the full decomposition takes about a second.
_LITTLE = 3e10
_WIDEST_FOR_GRAM = 16_384
# An adapter is far narrower than its layer, has nearly all of the energy, and what follows is rounding.
_LARGEST_SHARE = 0.25
_LEAST_ENERGY = 0.9
_LEAST_GAP = 5.0
_SECONDS = 1800.0


@dataclass(frozen=True, eq=False, slots=True)
class DeltaRank:
    """What the singular values of a change say.

    Attributes:
        singular: float64, descending: all of them, or the 16 largest where the matrix is too large for all.
        rows, columns: of the matrix: the first dimension, and the others as one.
        frobenius: ‖Δ‖.
        ranks: at `ENERGIES`; None where the singular values that were computed have less.
        adapter_rank: the rank of the adapter that it looks like, None if it does not look like one: the r up to
            which σ has at least 90 % of the energy, and behind which it falls to less than a fifth.

    """

    singular: npt.NDArray[np.float64]
    rows: int
    columns: int
    frobenius: float
    ranks: tuple[int | None, ...]
    adapter_rank: int | None


def delta_rank(matching: Matching, pair: Pair, control: Control | None = None) -> DeltaRank:
    """The rank of the change of a pair with two dimensions or more. Progress is in values, then unknown.

    Raises:
        CannotRead: and its kinds: no matrix, not two of a size, NaN or infinities among the values.
        HelperDied: the torch process ended, or torch is not installed.
        Cancelled: `control` was cancelled; the process is gone.

    """
    from sdviewer.processes.torch_process import torch_process

    control = control or Control()
    a, b = matching.a.ref(pair.a), matching.b.ref(pair.b)
    blocks = PairBlocks(a, b, pair.relation, pair.part, in_order=True)
    if len(blocks.shape) < 2 or min(blocks.shape[0], math.prod(blocks.shape[1:])) < 2:
        raise CannotRead(f"the change of {a.name!r} is no matrix", file=a.checkpoint.path)
    counting = PairCounting(blocks, tolerance_of(a.dtype, b.dtype))
    if counting.kind == "complex":
        raise CannotRead(f"{a.name!r} is complex: the rank of its change is not told", file=a.checkpoint.path)
    matrix = matrix_of(blocks.shape, 0)
    large, small = max(matrix.rows, matrix.columns), min(matrix.rows, matrix.columns)
    method: Method = "svd" if large * small * small <= _LITTLE else "gram" if small <= _WIDEST_FOR_GRAM else "top"

    def values() -> Iterator[memoryview]:
        buffers = new_buffers()
        blocks.check_unchanged()
        for index in range(len(blocks)):
            control.report(index * blocks.a.per_block, blocks.numel, "reading")
            codes_a, codes_b = blocks.read(index, *buffers)
            with np.errstate(all="ignore"):
                delta = counting.widen_b(codes_b).astype(np.float64) - counting.widen_a(codes_a).astype(np.float64)
            if not np.isfinite(delta).all():
                raise CannotRead(
                    f"the change of {a.name!r} has no rank: not all of its values are finite", file=a.checkpoint.path
                )
            yield delta.view(np.uint8).data
        blocks.check_unchanged()
        # How far a decomposition is nobody knows.
        control.report(0, 0, "computing")

    request = {
        "work": "spectrum",
        "shape": [matrix.rows, matrix.columns],
        "axis": 0,
        "dtype": "float64",
        "method": method,
        "memory": 4 * 8 * (matrix.rows * matrix.columns + small * small) + (64 << 20),
    }
    answer, found = torch_process().ask(request, values, control, seconds=_SECONDS)
    singular = np.frombuffer(found[0], np.float64)
    return rank_of(singular, matrix.rows, matrix.columns, float(answer["frobenius"]))


def rank_of(singular: npt.NDArray[np.float64], rows: int, columns: int, frobenius: float) -> DeltaRank:
    """The ranks of singular values in descending order."""
    total = frobenius * frobenius
    energy = np.cumsum((singular / frobenius) ** 2) if total > 0 else np.zeros(len(singular))
    ranks: list[int | None] = []
    for share in ENERGIES:
        reached = np.flatnonzero(energy >= share * (1 - 1e-12))
        ranks.append(0 if total == 0 else int(reached[0]) + 1 if len(reached) else None)
    return DeltaRank(singular, rows, columns, frobenius, tuple(ranks), _adapter_rank(singular, energy))


def _adapter_rank(singular: npt.NDArray[np.float64], energy: npt.NDArray[np.float64]) -> int | None:
    most = min(int(len(singular) * _LARGEST_SHARE), len(singular) - 1)
    if most < 1 or singular[0] <= 0:
        return None
    # What follows an exact product is rounding alone: it counts as at least 1e-12 of the largest.
    floor = singular[0] * 1e-12
    gaps = singular[:most] / np.maximum(singular[1 : most + 1], floor)
    place = int(np.argmax(gaps))
    if gaps[place] < _LEAST_GAP or energy[place] < _LEAST_ENERGY:
        return None
    return place + 1
