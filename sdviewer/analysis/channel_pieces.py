"""Channel pieces: moments of some neighbouring channels, how they are put together, and the plain way to make them.

A piece comes from one block; `kernels.channels` makes it by compiled loops, the plain functions here without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import Codes

Floats = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

# Magnitudes between 2**-400 and 2**400 have squares, and sums of 2**63 squares, in float64.
_SAFE = 400


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Channels from `low` on.

    Attributes:
        first: the place of its first code among all codes of the tensor.
        low: its first channel.
        floats: rows mean, M2 = Σ(x - mean)², largest magnitude; a column a channel.
        whole: rows finite values, others, the exponent e (mean·2**e, M2·4**e), the mix of the codes.

    """

    first: int
    low: int
    floats: Floats
    whole: Int64

    @staticmethod
    def empty(first: int, low: int, channels: int) -> Piece:
        """Nothing seen of so many channels."""
        return Piece(first, low, np.zeros((3, channels)), np.zeros((4, channels), np.int64))


def merged(a: Piece, b: Piece) -> Piece:
    """The piece of both sets of values, of the same channels, by the formulas of Chan, Golub and LeVeque (1979)."""
    n = a.whole[0] + b.whole[0]
    weight = b.whole[0] / np.maximum(n, 1)
    exponent = np.where(a.whole[0] == 0, b.whole[2], np.where(b.whole[0] == 0, a.whole[2], 0))
    both = (a.whole[0] > 0) & (b.whole[0] > 0)
    exponent[both] = np.maximum(a.whole[2], b.whole[2])[both]
    (mean_a, m2_a), (mean_b, m2_b) = (_scaled(piece, exponent) for piece in (a, b))
    delta = mean_b - mean_a
    floats = np.stack(
        [
            np.where(a.whole[0] == 0, mean_b, mean_a + delta * weight),
            m2_a + m2_b + delta * delta * weight * a.whole[0],
            np.maximum(a.floats[2], b.floats[2]),
        ]
    )
    mix = (a.whole[3] + b.whole[3]) & 0xFFFFFFFF
    return Piece(min(a.first, b.first), a.low, floats, np.stack([n, a.whole[1] + b.whole[1], exponent, mix]))


def _scaled(piece: Piece, exponent: Int64) -> tuple[Floats, Floats]:
    shift = piece.whole[2] - exponent
    if not shift.any():
        return piece.floats[0], piece.floats[1]
    return np.ldexp(piece.floats[0], shift), np.ldexp(piece.floats[1], 2 * shift)


def in_a_row(pieces: Sequence[Piece], size: int) -> Piece:
    """The piece of all `size` channels, out of pieces that have at most their first and last channel in common."""
    whole = Piece.empty(0, 0, size)
    for piece in sorted(pieces, key=lambda piece: piece.first):
        low, high = piece.low, piece.low + piece.floats.shape[1]
        first = slice(low, low + 1)
        known = Piece(0, low, whole.floats[:, first].copy(), whole.whole[:, first].copy())
        whole.floats[:, low:high], whole.whole[:, low:high] = piece.floats, piece.whole
        # Most pieces begin with a channel that no other has.
        if known.whole[:2].any():
            begins = merged(known, Piece(0, low, piece.floats[:, :1], piece.whole[:, :1]))
            whole.floats[:, first], whole.whole[:, first] = begins.floats, begins.whole
    return whole


def take_plainly(values: Floats, piece: Piece, size: int, inner: int) -> None:
    """Fill an empty piece with a block of float64 values: as the loops of `kernels.channels`, without compiled code."""
    channels = piece.floats.shape[1]
    column = (piece.first + np.arange(len(values))) // inner % size - piece.low
    finite = np.isfinite(values)
    x = np.where(finite, values, 0.0)
    np.maximum.at(piece.floats[2], column, np.abs(x))
    exponent = np.frexp(piece.floats[2])[1].astype(np.int64)
    exponent[np.abs(exponent) <= _SAFE] = 0
    n = np.bincount(column, finite, channels)
    with np.errstate(under="ignore"):
        if exponent.any():
            x = np.ldexp(x, -exponent[column])
        mean = np.bincount(column, x, channels) / np.maximum(n, 1)
        distance = np.where(finite, x - mean[column], 0.0)
        # What rounding left in the mean is taken out of the second sum.
        rest = np.bincount(column, distance, channels)
        m2 = np.bincount(column, distance * distance, channels) - rest * rest / np.maximum(n, 1)
    piece.floats[0], piece.floats[1] = mean, np.maximum(m2, 0.0)
    piece.whole[0], piece.whole[2] = n, exponent
    piece.whole[1] = np.bincount(column, ~finite, channels)


def mix_plainly(codes: Codes, first: int, size: int, inner: int, piece: Piece) -> None:
    """Mix codes of at most 32 bits into an empty piece: as `kernels.channels.mix`; the numbers count codes."""
    position = first + np.arange(len(codes))
    place = position // (size * inner) * inner + position % inner
    mixed = codes.astype(np.uint32)
    mixed ^= mixed >> np.uint32(15)
    mixed *= (2 * place + 1).astype(np.uint32)
    sums = np.zeros(piece.floats.shape[1], np.uint32)
    np.add.at(sums, position // inner % size - piece.low, mixed)
    piece.whole[3] = sums
