"""Which problem concerns which tensor: what the file's problems name, and what the columns tell."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, Severity
from sdviewer.checkpoint.table import Encoding, Flag

Int64 = npt.NDArray[np.int64]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_OUT_OF_BOUNDS = "reaches past the bytes that the file holds for it"
_INCOMPLETE = "a part of it is not there"
_MISSING = "its bytes are not in the file"
# Names are compared eight bytes at a time, from their ends, for neighbours begin alike; then whole.
_WORD = 8
_WORDS_COMPARED = 16
_ROWS_AT_ONCE = 1 << 16
_MIX, _TABLE_BITS = 0x9E3779B97F4A7C15, 16


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
    found: list[tuple[Severity, str]] = [("error", _OUT_OF_BOUNDS), ("error", _MISSING), ("error", _INCOMPLETE)]
    storage = table.storage[:listed]
    stored = table.storages
    gone = (stored.source < 0) | (stored.encoding == Encoding.MISSING)
    index[np.append(gone, False)[storage] & (table.numel[:listed] > 0)] = 1
    index[(table.flags[:listed] & np.uint16(Flag.INCOMPLETE)) != 0] = 2
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
    lengths = np.fromiter({len(text) for text in texts}, np.int64)
    tables = _tables(texts)
    found: dict[str, int] = {}
    for first in range(0, listed, _ROWS_AT_ONCE):
        rows = _likely_rows(names, np.arange(first, min(first + _ROWS_AT_ONCE, listed)), lengths, tables)
        places = zip(rows.tolist(), names.offsets[rows].tolist(), names.offsets[rows + 1].tolist(), strict=True)
        for row, begin, end in places:
            text = texts.get(names.data[begin:end])
            if text is not None:
                found.setdefault(text, row)
    return found


def _tables(texts: Collection[bytes]) -> list[npt.NDArray[np.bool_]]:
    """Of the last eight bytes of the texts, the last sixteen, …: which ends of a mixture they have."""
    tables = []
    mixed = dict.fromkeys(texts, 0)
    longest = min(max(map(len, texts)), _WORD * _WORDS_COMPARED)
    for back in range(_WORD, longest + 1, _WORD):
        words = {text: text[len(text) - back :][:_WORD] for text in mixed if len(text) >= back}
        mixed = {
            text: (mixed[text] ^ int.from_bytes(word, sys.byteorder)) * _MIX % (1 << 64) for text, word in words.items()
        }
        table = np.zeros(1 << _TABLE_BITS, np.bool_)
        table[[mix >> (64 - _TABLE_BITS) for mix in mixed.values()]] = True
        tables.append(table)
    return tables


def _likely_rows(names: StringColumn, rows: Int64, lengths: Int64, tables: list[npt.NDArray[np.bool_]]) -> Int64:
    """Of `rows`, all whose names are among the texts, and hardly any others."""
    rows = rows[np.isin(names.offsets[rows + 1] - names.offsets[rows], lengths)]
    if len(names.data) < _WORD:
        return rows
    # The eight bytes from every place on: a view, no copy.
    words = np.ndarray((len(names.data) - _WORD + 1,), np.uint64, names.data, 0, (1,))
    mixed = np.zeros(len(rows), np.uint64)
    for step, table in enumerate(tables, 1):
        if not len(rows):
            break
        ends = names.offsets[rows + 1]
        # A name that has ended before is compared whole.
        is_long = ends - names.offsets[rows] >= step * _WORD
        mixed[is_long] = (mixed[is_long] ^ words[ends[is_long] - step * _WORD]) * np.uint64(_MIX)
        kept = ~is_long | table[mixed >> np.uint64(64 - _TABLE_BITS)]
        rows, mixed = rows[kept], mixed[kept]
    return rows
