"""Rejudging: what another tolerance says of a pair, from the sums that are there, wherever they decide it."""

from __future__ import annotations

import math
from dataclasses import replace

from sdviewer.comparison.comparing import MARKS, Compared
from sdviewer.comparison.tolerances import Tolerance

JUDGED = ("equal_after_cast", "close", "changed")
"""Marks of pairs of which another tolerance may say something else, be it only of how many values."""

# What lies so near to a bound is left to those who read the values.
_NEAR = 1e-12
_NEAR_NORMS = 1e-9


def rejudged(known: Compared, tolerance: Tolerance) -> Compared | None:
    """The pair as `tolerance` has it, None where only its values can tell.

    - No |Δ| is beyond atol: every value is close.
    - Where |Δ| is largest it is beyond atol + rtol·|b|: that value is not.
    - ‖Δ‖ is beyond atol·√n + rtol·‖b‖, which is at least ‖atol + rtol·|b|‖: not all values can be close.

    Where it is only known that some values are not close, `outside` is the least how many that can be.
    """
    sums, measures = known.sums, known.measures
    if sums is None or measures is None or not set(known.marks) & set(JUDGED):
        return known
    # NaN or an infinity on one side only is outside every tolerance.
    apart = sums.nan + sums.infinite
    top = measures.max_abs or 0.0
    outside, is_all = apart, True
    if tolerance == Tolerance(0.0, 0.0):
        outside = sums.differing
    elif top > tolerance.atol * (1 - _NEAR):
        at_top = abs(measures.max_abs_values[1]) if measures.max_abs_values is not None else 0.0
        limit = tolerance.atol + tolerance.rtol * at_top
        limit_of_norms = tolerance.atol * math.sqrt(sums.finite) + tolerance.rtol * measures.norm_b
        is_beyond = top > limit * (1 + _NEAR) or (
            math.isfinite(measures.norm_delta) and measures.norm_delta > limit_of_norms * (1 + _NEAR_NORMS)
        )
        if not is_beyond and not apart:
            return None
        outside, is_all = apart + is_beyond, False
    marks = set(known.marks)
    if "equal_after_cast" not in marks:
        marks -= {"close", "changed"}
        marks.add("changed" if outside else "close")
    return replace(
        known,
        marks=tuple(mark for mark in MARKS if mark in marks),
        sums=replace(sums, outside=outside),
        measures=replace(measures, outside=outside, counts_outside=is_all),
    )
