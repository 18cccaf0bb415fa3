"""Which problem concerns which tensor: what the file's problems name, and what the columns tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, Severity
from sdviewer.checkpoint.table import Encoding, Flag

Int64 = npt.NDArray[np.int64]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_OUT_OF_BOUNDS = "reaches past the bytes that the file holds for it"
_MISSING = "its bytes are not in the file"
# Names are compared from their ends, for neighbours begin alike; then whole.
_ENDS_COMPARED = 12


@dataclass(frozen=True, eq=False)
class TensorProblems:
    """Of each listed tensor the worst problem.

    Attributes:
        index: which of the problems, -1 for none.
        severities: of each problem.
        messages: of each problem.

    """

    index: Int64
    severities: tuple[Severity, ...]
    messages: tuple[str, ...]


def problems_of_tensors(checkpoint: Checkpoint) -> TensorProblems:
    """The worst problem of each listed tensor; the file's own words come before ours."""
    table, listed = checkpoint.table, checkpoint.table.listed
    index = np.full(listed, -1, np.int64)
    found: list[tuple[Severity, str]] = [("error", _OUT_OF_BOUNDS), ("error", _MISSING)]
    storage = table.storage[:listed]
    stored = table.storages
    gone = (stored.source < 0) | (stored.encoding == Encoding.MISSING)
    index[np.append(gone, False)[storage] & (table.numel[:listed] > 0)] = 1
    index[(table.flags[:listed] & np.uint16(Flag.OUT_OF_BOUNDS)) != 0] = 0
    named = [problem for problem in checkpoint.problems if problem.where]
    rows = rows_named(table.name, listed, [problem.where for problem in named])
    told = set()
    for problem in sorted(named, key=lambda problem: SEVERITIES.index(problem.severity)):
        row = rows.get(problem.where)
        if row is None or row in told or (problem.severity != "error" and index[row] >= 0):
            continue
        told.add(row)
        index[row] = len(found)
        found.append((problem.severity, problem.message))
    return TensorProblems(index, tuple(severity for severity, _ in found), tuple(message for _, message in found))


def rows_named(names: StringColumn, listed: int, wanted: Sequence[str]) -> Mapping[str, int]:
    """The first of the first `listed` rows with each wanted name; what no row is called is left out."""
    texts = {text.encode("utf-8", "surrogatepass"): text for text in wanted}
    if not texts:
        return {}
    ends = names.offsets[1 : listed + 1]
    lengths = np.diff(names.offsets[: listed + 1])
    rows = np.flatnonzero(np.isin(lengths, [len(text) for text in texts]))
    for back in range(1, _ENDS_COMPARED + 1):
        allowed = np.zeros(256, np.bool_)
        allowed[[text[-back] for text in texts if len(text) >= back]] = True
        long = lengths[rows] >= back
        long[long] = allowed[names.bytes_array[ends[rows[long]] - back]]
        rows = rows[long | (lengths[rows] < back)]
    found: dict[str, int] = {}
    for row, begin, end in zip(rows.tolist(), names.offsets[rows].tolist(), ends[rows].tolist(), strict=True):
        text = texts.get(names.data[begin:end])
        if text is not None:
            found.setdefault(text, row)
    return found
