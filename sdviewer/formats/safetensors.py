"""Safetensors: a JSON header that names dtype, shape and place of every tensor, then the bytes.

The library refuses a file that breaks any rule; here whatever can be listed is, and the rest is told.
Tensors are listed in the order of their bytes, as the library's `offset_keys()`; those at one place (empty
ones) in the order of the header. `__metadata__` is a mapping beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.coverage import covered_bytes
from sdviewer.checkpoint.document import Description, Duplicate, Problem, Severity
from sdviewer.checkpoint.dotted import KeyText
from sdviewer.checkpoint.dtypes import BY_SAFETENSORS, OTHER
from sdviewer.checkpoint.structure import Node, Structure, StructureBuilder
from sdviewer.checkpoint.table import Encoding, Flag, Forms, StorageTable, TensorTable, contiguous_stride
from sdviewer.errors import Damaged, LimitExceeded
from sdviewer.formats.reading import Reading
from sdviewer.formats.safetensors_header import METADATA, Header, Twice, read_header

Int64 = npt.NDArray[np.int64]

_BEGINS = re.compile(rb'\{[ \t\r\n]*(?:["}]|\Z)')
# Where eight letters and a "{" begin a file, they are no length: it would be above this.
_POSSIBLE_HEADER = 1 << 48
# Ten million tensors.
_LONGEST_HEADER = 1 << 30
_LIBRARY_TAKES = 100_000_000
_MOST_DUPLICATES = 10_000
_MOST_DTYPES_TOLD = 20
_MOST_DIMENSIONS = 64
_MAX_INT64 = 2**63 - 1
_FLOAT4 = BY_SAFETENSORS["F4"]


def matches(reading: Reading) -> bool:
    """The length of a header, then a JSON object; the file may be cut off behind its "{"."""
    head = reading.head
    return int.from_bytes(head[:8], "little") < _POSSIBLE_HEADER and _BEGINS.match(head, 8) is not None


def read(reading: Reading) -> Description:
    """Describe the file; see `Reader.read`."""
    source, label = reading.source, reading.source.label
    length = int.from_bytes(reading.head[:8], "little")
    present = min(length, source.size - 8)
    if present > _LONGEST_HEADER:
        raise LimitExceeded(f"has a header of {length:,} bytes, which no honest file has", file=label)
    header = read_header(source, 8 + present, reading.control)
    if present < length:
        header = replace(header, fault=f"is cut off: {max(present, 0):,} of {length:,} bytes are there")
    if header.fault and not len(header.names) and not header.metadata:
        raise Damaged(f"its header {header.fault}", file=label, hint="copy or download it again")
    return _Describer(reading, header, 8 + length).describe()


@dataclass(frozen=True, eq=False)
class _Rows:
    """The entries that are listed, in file order. Places are relative to the data, -1 for none.

    Attributes:
        names: one a row.
        dtype: codes.
        form: indices into `forms`.
        extra: indices into `extras`, -1 for none.
        start, end: where the header says that the bytes lie.

    """

    names: StringColumn
    dtype: npt.NDArray[np.uint8]
    form: npt.NDArray[np.int32]
    extra: npt.NDArray[np.int32]
    start: Int64
    end: Int64
    forms: Forms
    extras: tuple[dict[str, Any], ...]


class _Describer:
    """Turns a header into columns and findings."""

    def __init__(self, reading: Reading, header: Header, data: int) -> None:
        self.reading = reading
        self.header = header
        self.data = data  # where the bytes of the first tensor should begin
        self.data_size = max(reading.source.size - data, 0)
        self.problems: list[Problem] = []
        self.duplicates: list[Duplicate] = []
        self.impossible: list[str] = []  # names of entries whose shape no tensor can have

    def describe(self) -> Description:
        label = self.reading.source.label
        if self.header.fault:
            self._tell("partial", "error", f"its header {self.header.fault}; what stands before that is shown", label)
        rows = self._rows()
        table = self._table(rows)
        needed = self._needed(table, rows)
        self._tell_what_is_missing(table, rows)
        self._tell_wrong_sizes(table, rows, needed)
        self._tell_gaps(table, rows)
        self._tell_dtypes(table)
        self._tell_entries(table)
        structure = self._structure(table.name)
        if self.data - 8 > _LIBRARY_TAKES:
            size = f"its header has {self.data - 8:,} bytes"
            self._tell("irregular", "info", f"{size}, the safetensors library reads no more than 100,000,000", label)
        there = table.storages.nbytes
        shown = np.clip(rows.start, 0, self.data_size)
        return Description(
            format="safetensors",
            tensors=table,
            structure=structure,
            problems=tuple(self.problems),
            duplicates=tuple(self.duplicates),
            torch_lines=self._lines(),
            unshown_bytes=self.data_size - covered_bytes(shown, shown + np.minimum(there, needed)),
        )

    def _tell(self, kind: str, severity: Severity, message: str, where: str = "") -> None:
        self.problems.append(Problem(kind, severity, message, where))

    def _tell_rows(
        self, kind: str, severity: Severity, message: str, table: TensorTable, chosen: npt.NDArray[np.bool_]
    ) -> None:
        """A problem of some rows: how many, and the first of them."""
        rows = np.flatnonzero(chosen)
        if len(rows):
            count = f"{len(rows):,} tensors" if len(rows) > 1 else "1 tensor"
            self._tell(kind, severity, f"{count}: {message}", table.name[int(rows[0])])

    # -- columns ---------------------------------------------------------------------

    def _rows(self) -> _Rows:
        header = self.header
        count, start, end = len(header.names), header.start, header.end
        shapes = [tuple(map(int, text.split(","))) if text else () for text in header.shapes]
        possible = np.fromiter(map(_is_possible, shapes), np.bool_, len(shapes))[header.shape]
        self.impossible = [header.names[item] for item in np.flatnonzero(~possible).tolist()]
        keep = self._without_duplicates(np.flatnonzero(possible), start, end)
        # Stable, so that the header's order decides between tensors at one place; no place is last.
        begins = np.where(start[keep] < 0, _MAX_INT64, start[keep])
        if (np.diff(begins) < 0).any() or (np.diff(end[keep]) < 0).any():
            keep = keep[np.lexsort((end[keep], begins))]
        in_order = len(keep) == count and bool((keep[1:] > keep[:-1]).all())
        names = header.names if in_order else header.names.take(keep)
        start, end = start[keep], end[keep]
        dtype, form, forms, extra, extras = self._kinds(header.dtype[keep], header.shape[keep], shapes, end - start)
        return _Rows(names, dtype, form, extra, start, end, forms, extras)

    def _without_duplicates(self, keep: Int64, start: Int64, end: Int64) -> Int64:
        """Of several entries with one name the last, as in a dict."""
        column = self.header.names
        hashes = np.sort(KeyText(column.data).hashes(column.offsets[:-1], column.offsets[1:]))
        if (hashes[1:] != hashes[:-1]).all():
            return keep
        names = column.tolist()
        last = {names[item]: item for item in keep.tolist()}
        stays = np.fromiter((last[names[item]] == item for item in keep.tolist()), np.bool_, len(keep))
        hidden = keep[~stays]
        for item in hidden[:_MOST_DUPLICATES].tolist():
            where = f"bytes {start[item]:,} to {end[item]:,} of the data" if start[item] >= 0 else "nowhere"
            self.duplicates.append(Duplicate(names[item], where))
        if len(hidden):
            count = f"{len(hidden):,} entries have" if len(hidden) > 1 else "an entry has"
            text = f"{count} the name of a later one; the last one counts"
            self._tell("duplicate", "warning", text, names[int(hidden[0])])
        return keep[stays]

    def _kinds(
        self, dtype_of: Int64, shape_of: Int64, shapes: list[tuple[int, ...]], claimed: Int64
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], Forms, npt.NDArray[np.int32], tuple[dict[str, Any], ...]]:
        """Dtype codes, forms and the facts of dtypes that have none here, one a row."""
        names = self.header.dtypes
        codes = np.array([*(BY_SAFETENSORS.get(name, OTHER).code for name in names), 0], np.uint8)
        dtype = codes[dtype_of]
        form = shape_of.copy()
        shapes = [shape if possible else () for shape, possible in zip(shapes, map(_is_possible, shapes), strict=True)]
        # Two float4 share a byte; torch counts bytes, so its last dimension is half of the header's.
        halved: dict[int, int] = {}
        for row in np.flatnonzero(dtype == _FLOAT4.code).tolist():
            shape = shapes[shape_of[row]]
            if not shape or shape[-1] % 2:
                dtype[row] = OTHER.code
                continue
            form[row] = halved.setdefault(int(shape_of[row]), len(shapes) + len(halved))
        shapes += [(*shapes[i][:-1], shapes[i][-1] // 2) for i in halved]
        forms = Forms.of([(shape, contiguous_stride(shape)) for shape in shapes])
        extra = np.full(len(dtype), -1, np.int32)
        seen: dict[tuple[str, int], int] = {}
        numel = forms.numel
        for row in np.flatnonzero(dtype == OTHER.code).tolist():
            count, nbytes = int(numel[form[row]]), int(claimed[row])
            name = names[dtype_of[row]]
            itemsize = nbytes // count if count and nbytes % count == 0 and name != "F4" else 0
            extra[row] = seen.setdefault((name, itemsize), len(seen))
        extras = tuple({"dtype": name, "itemsize": itemsize} for name, itemsize in seen)
        return dtype, form.astype(np.int32), forms, extra, extras

    def _table(self, rows: _Rows) -> TensorTable:
        """Each tensor over a storage of its own; what the file does not hold is cut off."""
        count = len(rows.names)
        there = np.clip(np.minimum(rows.end, self.data_size) - rows.start, 0, None)
        there[rows.start < 0] = 0
        absent = (there == 0) & ((rows.end > rows.start) | (rows.start < 0))
        storages = StorageTable(
            key=rows.names,
            source=np.where(absent, -1, self.reading.index).astype(np.int32),
            offset=np.where(absent, 0, self.data + rows.start),
            nbytes=there,
            stored=there,
            encoding=np.where(absent, Encoding.MISSING, Encoding.RAW).astype(np.uint8),
            swapped=np.zeros(count, np.uint8),
            location=np.zeros(count, np.uint16),
            locations=("cpu",),
        )
        table = TensorTable(
            name=rows.names,
            dtype=rows.dtype,
            form=rows.form,
            storage=np.arange(count, dtype=np.int32),
            offset=np.zeros(count, np.int64),
            flags=np.zeros(count, np.uint16),
            extra=rows.extra,
            forms=rows.forms,
            storages=storages,
            extras=rows.extras,
            listed=count,
        )
        table.flags[self._needed(table, rows) > there] = Flag.OUT_OF_BOUNDS
        return table

    def _needed(self, table: TensorTable, rows: _Rows) -> Int64:
        """Bytes that each tensor takes by shape and dtype; where an element has no whole bytes, by its place."""
        if not table.extras:
            return table.nbytes
        claimed = rows.end - rows.start
        half_bytes = -(-table.numel // 2)
        names = np.array([*(facts["dtype"] == "F4" for facts in table.extras), False])
        sizes = np.array([*(facts["itemsize"] for facts in table.extras), 1])
        by_place = np.where(sizes[table.extra] == 0, claimed, table.nbytes)
        return np.where(names[table.extra], half_bytes, by_place)

    def _structure(self, names: StringColumn) -> Structure:
        """The root, `__metadata__` and its values, then the tensors."""
        builder = StructureBuilder()
        root = builder.open("", Node.MAPPING, -1, "dict")
        for value in self.header.metadata[-1:]:
            if isinstance(value, dict):
                node = builder.open(METADATA, Node.MAPPING, root, "dict")
                for key, item in value.items():
                    builder.scalar(key, node, _leaf(item))
                builder.close(node)
            else:
                builder.scalar(METADATA, root, _leaf(value))
        builder.close(root)
        head = builder.finish(plain_keys=True)
        count, total = len(names), len(head) + len(names)
        end = np.concatenate((head.end, np.arange(len(head) + 1, total + 1, dtype=np.int32)))
        end[0] = total
        return replace(
            head,
            part=StringColumn(
                head.part.data + names.data,
                np.concatenate((head.part.offsets, names.offsets[1:] + head.part.offsets[-1])),
            ),
            kind=np.concatenate((head.kind, np.full(count, Node.TENSOR, np.uint8))),
            parent=np.concatenate((head.parent, np.zeros(count, np.int32))),
            end=end,
            ref=np.concatenate((head.ref, np.arange(count))),
            type=np.concatenate((head.type, np.full(count, -1, np.int32))),
        )

    # -- findings ------------------------------------------------------------------------

    def _tell_what_is_missing(self, table: TensorTable, rows: _Rows) -> None:
        missing = (rows.end > self.data_size) & (rows.end > rows.start)
        beyond = int(rows.end.max(initial=0)) - self.data_size
        text = f"bytes are missing, the file ends {beyond:,} bytes too early (or data_offsets are wrong)"
        self._tell_rows("partial", "error", text, table, missing)

    def _tell_wrong_sizes(self, table: TensorTable, rows: _Rows, needed: Int64) -> None:
        claimed, placed = rows.end - rows.start, rows.start >= 0
        few, many = placed & (needed > claimed), placed & (needed < claimed)
        self._tell_rows("out_of_bounds", "error", "less bytes than shape and dtype take", table, few)
        self._tell_rows("irregular", "warning", "more bytes than shape and dtype take", table, many)
        halves = table.numel % 2 * (_has_dtype(table, "F4") & (table.dtype == OTHER.code)) != 0
        quarters = table.numel % 4 * (_has_dtype(table, "F6_E2M3") | _has_dtype(table, "F6_E3M2")) != 0
        self._tell_rows("irregular", "warning", "the last element ends inside a byte", table, halves | quarters)

    def _tell_gaps(self, table: TensorTable, rows: _Rows) -> None:
        """What lies between tensors, in several of them, or behind the last."""
        placed = np.flatnonzero(rows.start >= 0)
        start, end = rows.start[placed], rows.end[placed]
        reached = np.concatenate(([0], np.maximum.accumulate(end)))
        before, last = reached[:-1], int(reached[-1])
        holes, overlaps = np.zeros(len(table), np.bool_), np.zeros(len(table), np.bool_)
        holes[placed], overlaps[placed] = start > before, start < before
        unused = int((start - before)[start > before].sum())
        text = f"unused bytes before, {unused:,} in all"
        self._tell_rows("irregular", "warning", text, table, holes)
        self._tell_rows("irregular", "warning", "bytes that belong to another tensor as well", table, overlaps)
        if last < self.data_size and not self.header.fault:
            text = f"{self.data_size - last:,} bytes behind the last tensor belong to none"
            self._tell("irregular", "warning", text, self.reading.source.label)

    def _tell_dtypes(self, table: TensorTable) -> None:
        unknown = [name for name in self.header.dtypes if name not in BY_SAFETENSORS]
        for name in unknown[:_MOST_DTYPES_TOLD]:
            text = f"dtype {name[:100]!r} is not known here: listed, but values are not shown"
            self._tell_rows("unknown_dtype", "warning", text, table, _has_dtype(table, name))
        if (more := len(unknown) - _MOST_DTYPES_TOLD) > 0:
            label = self.reading.source.label
            self._tell("unknown_dtype", "warning", f"{more:,} dtypes more are not known here", label)
        text = "rows of F4 end inside a byte, which torch has no dtype for: listed, but values are not shown"
        self._tell_rows("irregular", "info", text, table, (table.dtype == OTHER.code) & _has_dtype(table, "F4"))

    def _tell_entries(self, table: TensorTable) -> None:
        """What is wrong with single entries, with `__metadata__` and with the text as a whole."""
        header, label = self.header, self.reading.source.label
        for name, why in header.irregular:
            self._tell("irregular", "warning", f"the entry {why}", name)
        if self.impossible:
            text = f"{len(self.impossible):,} entries have shapes that no tensor can have"
            self._tell("irregular", "warning", text, self.impossible[0])
        if (more := header.irregular_count - len(header.irregular)) > 0:
            self._tell("irregular", "warning", f"{more:,} entries more break the rules", label)
        for kind, message in _odd_metadata(header.metadata):
            self._tell(kind, "warning", message, METADATA)
        if not table.name.data.isascii():
            try:
                table.name.data.decode("utf-8")
            except UnicodeDecodeError as error:
                row = int(np.searchsorted(table.name.offsets, error.start, "right")) - 1
                self._tell("irregular", "warning", "a name holds bytes that are no UTF-8", table.name[row])
        if header.loose_end:
            self._tell("irregular", "warning", "something else than blanks follows the header's JSON", label)

    def _lines(self) -> tuple[str, ...]:
        """How to load it: no torch pickle is involved, so it runs nothing."""
        refused = self.data - 8 > _LIBRARY_TAKES or any(
            problem.severity != "info" and problem.kind != "duplicate" for problem in self.problems
        )
        return (
            *(["# the safetensors library refuses the file as it is: see its problems"] if refused else []),
            "from safetensors.torch import load_file",
            f'state_dict = load_file({PurePath(self.reading.source.label).name!r}, device="cpu")',
        )


def _is_possible(shape: tuple[int, ...]) -> bool:
    """Whether int64 can count a tensor's elements and the steps between them, and torch its dimensions."""
    if len(shape) > _MOST_DIMENSIONS:
        return False
    steps = 1
    for size in shape:
        steps *= max(size, 1)
    return steps <= _MAX_INT64


def _has_dtype(table: TensorTable, name: str) -> npt.NDArray[np.bool_]:
    """Which rows have the dtype that safetensors calls so, shape `(len(table),)`."""
    named = np.array([*(facts["dtype"] == name for facts in table.extras), False])
    known = BY_SAFETENSORS.get(name)
    chosen = named[table.extra]
    return chosen | (table.dtype == known.code) if known else chosen


def _leaf(value: Any) -> str:
    """JSON text of a value of `__metadata__`; what is nested, against the rules, is told as text."""
    if not isinstance(value, list | dict):
        return json.dumps(value)
    try:
        return json.dumps(json.dumps(value))
    except RecursionError:
        return '"nested too deeply to be shown"'


def _odd_metadata(found: list[Any]) -> Iterator[tuple[str, str]]:
    """Kind and message of what is wrong with it."""
    if len(found) > 1:
        yield "duplicate", "stands more than once; the last one counts"
    for value in found[-1:]:
        if not isinstance(value, dict):
            yield "irregular", "is no JSON object"
        elif not all(isinstance(item, str) for item in value.values()):
            yield "irregular", "holds values that are no strings"
        elif not _is_unicode("".join([*value, *value.values()])):
            yield "irregular", "holds bytes that are no UTF-8"
        if type(value) is Twice:
            yield "duplicate", "has a key twice; the last one counts"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
