"""Verifying: a file that was written is read again and compared with its source, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.comparison.comparing import Compared, compare_matching
from sdviewer.comparison.matching import By, Matching, Pair
from sdviewer.comparison.relations import Relation
from sdviewer.comparison.sides import Side
from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan, PlannedKey
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
    side = plan.source.side
    pairs: list[Pair] = []
    rows: list[int] = []
    for key in keys:
        ref = refs.get(key.new)
        if ref is None:
            raise CannotWrite(f"was not written as it should be: {key.new!r} is missing", file=path)
        table = result.table
        if table.dtype_name(ref) != key.dtype_after or table.shape_of(ref) != key.shape:
            raise CannotWrite(f"was not written as it should be: {key.new!r} has another dtype or shape", file=path)
        pairs.append(Pair(key.place, len(rows), By.HAND, 1.0, Relation.SAME))
        rows.append(ref)
    other = Side(result, None, tuple(key.new for key in keys), np.array(rows, np.int64))
    matching = Matching(side, other, tuple(pairs), (), ())
    found = compare_matching(matching, control=control)
    for key, item in zip(keys, found.pairs, strict=True):
        if not _is_right(key, item):
            what = item.error or "its values are not those of the source"
            raise CannotWrite(f"was not written as it should be: {key.new!r}: {what}", file=path)


def _is_right(key: PlannedKey, item: Compared) -> bool:
    if key.dtype_before == key.dtype_after:
        return "identical" in item.marks
    # Converted: equal to what a conversion of the source gives.
    return item.sums is not None and item.sums.cast_a == 0 and not item.error


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
