"""`compare`: two checkpoints, or two tensors, paired and compared, in one call."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import replace

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.comparison.by_hand import picked_pair
from sdviewer.comparison.comparing import Comparison, compare_matching
from sdviewer.comparison.matching import Matching, Replacement, match
from sdviewer.comparison.sides import Side, chosen_sides, with_components
from sdviewer.comparison.tolerances import Tolerance, tolerance_of
from sdviewer.control import Control
from sdviewer.errors import NameNotFound
from sdviewer.processes.client import open_checkpoint

Source = Checkpoint | str | os.PathLike[str]


def compare(
    a: Source | TensorRef,
    b: Source | TensorRef,
    *,
    section_a: str | None = None,
    section_b: str | None = None,
    maps: Sequence[str] = (),
    select: Sequence[str] = (),
    rtol: float | None = None,
    atol: float | None = None,
    structure_only: bool = False,
    guess: bool = True,
    control: Control | None = None,
) -> Comparison:
    r"""What differs between two checkpoints, two sections of one, or any two tensors.

    Sections are found by convention unless they are named. `maps` are `REGEX=>REPLACEMENT` for the keys of
    `a`; `select` are globs, of which a key of a pair must fit one; `rtol` and `atol` take the place of
    torch's tolerances for the dtypes. Without `guess` only names, wrappers seen through, make a pair.
    Two tensors are one pair, and their options `rtol`, `atol` and `structure_only`.

    Raises:
        TypeError: a tensor and a checkpoint.
        CannotOpen: nothing in one of the files could be read.
        NameNotFound: no such section, no tensors, or a glob that fits nothing.
        ValueError: one of `maps` is malformed.
        Cancelled: `control` was cancelled.

    """
    rules = [Replacement.parse(text) for text in maps]
    if isinstance(a, TensorRef) and isinstance(b, TensorRef):
        matching = picked_pair(a, b, control)
    elif isinstance(a, TensorRef) or isinstance(b, TensorRef):
        raise TypeError("a tensor is compared with a tensor, a checkpoint with a checkpoint")
    else:
        opened_a, opened_b = (it if isinstance(it, Checkpoint) else open_checkpoint(it, control) for it in (a, b))
        a_side, b_side = map(with_components, chosen_sides(opened_a, opened_b, section_a, section_b))
        matching = match(a_side, b_side, maps=rules, guess=guess, control=control)
        if select:
            matching = selected(matching, select)

    def tolerance(dtype_a: str, dtype_b: str) -> Tolerance:
        usual = tolerance_of(dtype_a, dtype_b)
        return Tolerance(usual.rtol if rtol is None else rtol, usual.atol if atol is None else atol)

    return compare_matching(matching, tolerance=tolerance, structure_only=structure_only, control=control)


def selected(matching: Matching, globs: Sequence[str]) -> Matching:
    """The pairs and single tensors of which a name fits one of the globs.

    Raises:
        NameNotFound: none does.

    """
    fits_a, fits_b = _fitting(matching.a, globs), _fitting(matching.b, globs)
    pairs = tuple(pair for pair in matching.pairs if pair.a in fits_a or pair.b in fits_b)
    only_a = tuple(place for place in matching.only_a if place in fits_a)
    only_b = tuple(place for place in matching.only_b if place in fits_b)
    if not (pairs or only_a or only_b):
        listed = ", ".join(repr(glob) for glob in globs)
        raise NameNotFound(f"no tensor of either side fits {listed}", file=matching.a.checkpoint.path)
    return replace(matching, pairs=pairs, only_a=only_a, only_b=only_b)


def _fitting(side: Side, globs: Sequence[str]) -> set[int]:
    patterns = [re.compile(fnmatch.translate(glob)).match for glob in globs]
    names = side.checkpoint.table.name.take(side.rows).tolist()
    return {
        place
        for place, (key, name) in enumerate(zip(side.keys, names, strict=True))
        if any(fits(key) or fits(name) for fits in patterns)
    }
