"""Two tensors that were picked by hand, of whichever files, as a comparison of these two alone."""

from __future__ import annotations

import numpy as np

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.comparison.matching import Matching, match
from sdviewer.comparison.sides import Side, with_components
from sdviewer.control import Control


def picked_pair(a: TensorRef, b: TensorRef, control: Control | None = None) -> Matching:
    """A matching with this pair, under the canonical names; of sparse and nested ones with the pairs of their parts.

    Raises:
        Cancelled: `control` was cancelled.

    """
    sides = [Side(ref.checkpoint, None, (ref.name,), np.array([ref.row])) for ref in (a, b)]
    whole = [with_components(side) for side in sides]
    parts = [{key.removeprefix(ref.name) for key in side.keys} for ref, side in zip((a, b), whole, strict=True)]
    common = parts[0] & parts[1]
    if not common:
        # One has parts and the other has none: the pair says why their values cannot be compared.
        whole, common = sides, {""}
    pairs = [(a.name + part, b.name + part) for part in sorted(common)]
    return match(*whole, by_hand=pairs, guess=False, read=False, control=control)
