"""What casts do to the values: how many overflow or become 0, of each tensor that is converted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.planned_keys import PlannedKey
from sdviewer.errors import CannotRead

if TYPE_CHECKING:
    from sdviewer.analysis.statistics import Bounded, Cast
    from sdviewer.ui.scan.findings import Findings

_SATURATING = "float8_e4m3fn"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one cast does, in words; `overflows` and `flushes` whether some values do so."""

    words: str
    overflows: bool = False
    flushes: bool = False


Effects = dict[tuple[int, str], Effect]
"""By the place of a tensor in its source and the dtype that it is cast to."""


def find_effects(plan: ExportPlan, known: Effects, findings: Findings | None, control: Control) -> Effects:
    """The effects of all casts of a plan: those that are known, then the others; values are counted for them.

    Progress is in bytes. What was found before a cancel is in `known` all the same.

    Raises:
        Cancelled: `control` was cancelled.

    """
    wanted = [key for key in plan.keys if key.dtype_before != key.dtype_after]
    total = sum(int(plan.ref(key).nbytes) for key in wanted)
    done = 0
    for key in wanted:
        control.report(done, total, "counting")
        if (key.place, key.dtype_after) not in known:
            known[key.place, key.dtype_after] = _effect(plan, key, findings, control)
        done += int(plan.ref(key).nbytes)
    return known


def effect_words(cast: Cast) -> Effect:
    """The words for what a cast does."""
    # Such a dtype has no infinity: what is too large becomes its largest number.
    how = "reach the largest number" if cast.dtype == _SATURATING else "overflow"
    parts = [
        f"{_told(count)} {words}" for count, words in ((cast.overflow, how), (cast.underflow, "become 0")) if count.high
    ]
    if not parts:
        return Effect("nothing overflows or becomes 0")
    return Effect(f"⚠ {', '.join(parts)}", bool(cast.overflow.high), bool(cast.underflow.high))


def summed_up(plan: ExportPlan, effects: Effects) -> str:
    """A sentence on all casts that are known, "" if they do no harm or none is known."""
    found = [effects.get((key.place, key.dtype_after)) for key in plan.keys if key.dtype_before != key.dtype_after]
    overflowing = sum(effect is not None and effect.overflows for effect in found)
    flushing = sum(effect is not None and effect.flushes for effect in found)
    parts = [f"values overflow in {plural(overflowing, 'tensor')}"] if overflowing else []
    if flushing:
        parts.append(f"values become 0 in {plural(flushing, 'tensor')}")
    return f"Of {plural(len(found), 'cast')}: {', '.join(parts)}" if parts else ""


def _effect(plan: ExportPlan, key: PlannedKey, findings: Findings | None, control: Control) -> Effect:
    from sdviewer.analysis.counting import count
    from sdviewer.analysis.statistics import CASTS

    if key.dtype_after not in CASTS:
        return Effect(f"a cast to {key.dtype_after} is not counted")
    ref = plan.ref(key)
    figures = findings.table.figures(ref.row) if findings is not None else None
    try:
        if figures is None:
            # Its progress is in values; the bytes of all tensors are told here.
            quiet = Control()
            control.when_cancelled(quiet.cancel)
            figures = count(ref, quiet).figures()
    except CannotRead as error:
        return Effect(f"✖ {error.message}")
    cast = next(cast for cast in figures.statistics().casts if cast.dtype == key.dtype_after)
    return effect_words(cast)


def _told(count: Bounded) -> str:
    return f"{int(count.value):,}" if count.is_exact else f"about {int(count.value):,}"
