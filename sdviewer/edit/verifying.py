"""Verifying: a file that was written is read again and compared with its source, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.comparison.comparing import compare_matching
from sdviewer.comparison.matching import By, Matching, Pair
from sdviewer.comparison.relations import Relation
from sdviewer.comparison.sides import Side
from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.planned_keys import PlannedKey
from sdviewer.edit.reading_back import NotAsItShouldBe, ReadingBack
from sdviewer.errors import CannotWrite, HelperDied
from sdviewer.processes.client import open_checkpoint

_PATIENCE = 600.0


def verify(plan: ExportPlan, keys: Sequence[PlannedKey], written: str | Path, control: Control) -> None:
    """Read what was written and compare names, dtypes, shapes and every value with the source.

    Raises:
        CannotWrite: something is not as it should be; the message names the first tensor.
        CannotOpen: the file cannot be read at all.
        Cancelled: `control` was cancelled.

    """
    result = open_checkpoint(written, control)
    with result:
        _verify(plan, keys, result, control)


def read_by_torch(path: str | Path, control: Control | None = None) -> bool | None:
    """Whether torch itself loads a file that was written (`weights_only=True`); None where there is no torch.

    Raises:
        CannotWrite: torch refuses it; the message is torch's.
        Cancelled: `control` was cancelled.

    """
    from sdviewer.processes.torch_process import torch_process

    try:
        answer, _ = torch_process().ask(
            {"work": "load", "path": str(Path(path).absolute())}, lambda: (), control or Control(), seconds=_PATIENCE
        )
    except HelperDied:
        return None
    if answer["refused"]:
        raise CannotWrite(f"was written, but torch does not load it: {answer['refused']}", file=str(path))
    return True


def _verify(plan: ExportPlan, keys: Sequence[PlannedKey], result: Checkpoint, control: Control) -> None:
    path = result.path
    if result.problems:
        raise CannotWrite(f"was not written as it should be: {result.problems[0].message}", file=path)
    refs = _by_key(plan, result)
    same: list[tuple[PlannedKey, int]] = []
    converted: list[tuple[PlannedKey, int]] = []
    for key in keys:
        row = refs.get(key.new)
        if row is None:
            raise CannotWrite(f"was not written as it should be: {key.new!r} is missing", file=path)
        table = result.table
        if table.dtype_name(row) != key.dtype_after or table.shape_of(row) != key.shape:
            raise CannotWrite(f"was not written as it should be: {key.new!r} has another dtype or shape", file=path)
        (same if key.dtype_before == key.dtype_after else converted).append((key, row))
    share = sum(key.nbytes for key, _ in converted), sum(key.nbytes for key in keys)
    if converted:
        ReadingBack(plan, converted, result, _part(control, 0, *share)).run()
    if same:
        _verify_same(plan, same, result, _part(control, share[0], share[1], share[1]))


def _part(control: Control, first: int, last: int, total: int) -> Control:
    """A control for work whose progress goes from `first` to `last`, of `total`."""
    part = Control(
        lambda done, of, note: control.report(first + (last - first) * done // max(of, 1), max(total, 1), note)
    )
    control.when_cancelled(part.cancel)
    return part


def _verify_same(
    plan: ExportPlan, same: Sequence[tuple[PlannedKey, int]], result: Checkpoint, control: Control
) -> None:
    """Compare what was copied bit by bit."""
    pairs = tuple(Pair(key.place, place, By.HAND, 1.0, Relation.SAME) for place, (key, _) in enumerate(same))
    rows = np.array([row for _, row in same], np.int64)
    other = Side(result, None, tuple(key.new for key, _ in same), rows)
    matching = Matching(plan.source.side, other, pairs, (), ())
    found = compare_matching(matching, only_differences=True, control=control)
    for (key, _), item in zip(same, found.pairs, strict=True):
        if "identical" not in item.marks:
            raise NotAsItShouldBe(key, result.path, item.error)


def _by_key(plan: ExportPlan, result: Checkpoint) -> dict[str, int]:
    """Row of each key of the written state_dict."""
    options = plan.options
    for section in result.sections.values():
        below = options.wrap or (plan.source.container if not options.unwrap else "")
        if section.path in {below, ""} and len(section.rows):
            from sdviewer.checkpoint.sections import section_keys

            keys = section_keys(result.description, section)
            found = dict(zip(keys, section.rows.tolist(), strict=True))
            if plan.keys and plan.keys[0].new in found:
                return found
    return {name: row for row, name in enumerate(result.table.name.tolist()[: result.table.listed])}
