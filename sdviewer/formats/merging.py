"""Merging: one Description made of several, column by column, without an object for each tensor.

Give `merge` a `Part` for each description, all of them read with the same `LocalSources`, so that
their sources need no renumbering:

- a part with a `name` hangs under the root by that name: its tensors get the name as first part of
  their path (an archive of checkpoints: `policy.pth/layer.weight`);
- a part without one, whose root must be a container, is spliced: what its root holds becomes the
  merged root's (the shards of one state_dict). `keep` says which of its listed tensors count, where
  several parts hold one key.

The result has plain keys where all tensors stand under the root. Its format and torch lines are
empty and are put in with `dataclasses.replace`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Description, Duplicate, GlobalUse, ModuleClass, ModuleVersion, Problem
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.table import Forms, StorageTable, TensorTable

Int64 = npt.NDArray[np.int64]

_RANK = {"known": 0, "unknown": 1, "dangerous": 2}


@dataclass(frozen=True, eq=False)
class Part:
    """One description and where it goes.

    Attributes:
        description: what was read.
        name: the part of the path under which it hangs, None to splice it into the root.
        keep: for each listed tensor whether it counts, shape `(listed,)`; None for all.
    """

    description: Description
    name: str | None = None
    keep: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class _Piece:
    """A part on its way into the result.

    Attributes:
        label: its name as it stands in a canonical name, "" for a spliced one.
        prefix: what comes before its tensors' names.
        rows: for each row of its table the row of the merged one, -1 for one that is dropped.
        nodes: for each node of its structure the merged one, -1 for one that is dropped.
        escape: whether its plain keys must become parts of a path.
    """

    part: Part
    label: str
    prefix: str
    rows: Int64
    nodes: Int64
    escape: bool

    @property
    def description(self) -> Description:
        return self.part.description

    @property
    def table(self) -> TensorTable:
        return self.part.description.tensors

    @property
    def structure(self) -> Structure:
        return self.part.description.structure


def merge(parts: Sequence[Part], *, root_type: str = "dict") -> Description:
    """One description of all parts, at least one, in their order."""
    plain = all(
        part.description.structure.plain_keys if part.name is None else part.description.root == "tensor"
        for part in parts
    )
    pieces = _arrange(parts, plain=plain)
    return Description(
        format="",
        tensors=_merge_tables(pieces),
        structure=_merge_structures(pieces, root_type, plain=plain),
        globals=_merge_globals(use for part in parts for use in part.description.globals),
        problems=tuple(_placed(problem, piece) for piece in pieces for problem in piece.description.problems),
        shards=tuple(shard for part in parts for shard in part.description.shards),
        texts=tuple(
            dataclasses.replace(text, name=piece.prefix + text.name)
            for piece in pieces
            for text in piece.description.texts
        ),
        duplicates=tuple(
            Duplicate(piece.prefix + duplicate.name, duplicate.where)
            for piece in pieces
            for duplicate in piece.description.duplicates
        ),
        # Each shard of a state_dict may carry the same facts on the modules.
        module_classes=tuple(
            dict.fromkeys(
                ModuleClass(int(piece.nodes[found.node]), found.prefix, found.name)
                for piece in pieces
                for found in piece.description.module_classes
            )
        ),
        module_versions=tuple(
            dict.fromkeys(
                ModuleVersion(int(piece.nodes[found.node]), found.prefix, found.version)
                for piece in pieces
                for found in piece.description.module_versions
            )
        ),
        unshown_bytes=sum(part.description.unshown_bytes for part in parts),
    )


def _arrange(parts: Sequence[Part], *, plain: bool) -> list[_Piece]:
    """Where each part's rows and nodes go: listed rows first, then components; node 0 is the new root."""
    kept = [
        np.ones(part.description.tensors.listed, np.bool_) if part.keep is None else part.keep.astype(np.bool_)
        for part in parts
    ]
    listed, component, node = 0, sum(int(keep.sum()) for keep in kept), 1
    pieces = []
    for part, keep in zip(parts, kept, strict=True):
        table, structure = part.description.tensors, part.description.structure
        components = len(table) - table.listed
        rows = np.concatenate((_numbered(keep, listed), np.arange(component, component + components)))
        shown = np.ones(len(structure), np.bool_)
        shown[0] = part.name is not None
        tensors = np.flatnonzero(structure.kind == Node.TENSOR)
        shown[tensors] &= keep[structure.ref[tensors]]
        nodes = _numbered(shown, node)
        if part.name is None:
            nodes[0] = 0
        label = "" if part.name is None else part.name if plain else encode_part(part.name)
        prefix = f"{label}/" if part.name is not None and part.description.root != "tensor" else label
        pieces.append(_Piece(part, label, prefix, rows, nodes, escape=structure.plain_keys and not plain))
        listed, component, node = listed + int(keep.sum()), component + components, node + int(shown.sum())
    return pieces


def _numbered(chosen: npt.NDArray[np.bool_], start: int) -> Int64:
    """Consecutive numbers from `start` for the chosen ones, -1 for the others."""
    return np.where(chosen, start + np.cumsum(chosen) - 1, -1).astype(np.int64)


def _merge_tables(pieces: Sequence[_Piece]) -> TensorTable:
    """All rows at their new places; forms, storages and extras one after another."""
    tables = [piece.table for piece in pieces]
    target = np.concatenate([piece.rows for piece in pieces])
    # The old row, counted through all tables, of each new one.
    origin = np.flatnonzero(target >= 0)[np.argsort(target[target >= 0], kind="stable")]

    def column(values: Iterable[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return np.concatenate(list(values))[origin]

    forms = _starts(len(table.forms) for table in tables)
    storages = _starts(len(table.storages) for table in tables)
    extras = _starts(len(table.extras) for table in tables)
    return TensorTable(
        name=_joined([_names(piece) for piece in pieces]).take(origin),
        dtype=column(table.dtype for table in tables),
        form=column(_shifted(table.form, start) for table, start in zip(tables, forms, strict=True)),
        storage=column(_shifted(table.storage, start) for table, start in zip(tables, storages, strict=True)),
        offset=column(table.offset for table in tables),
        flags=column(table.flags for table in tables),
        extra=column(_shifted(table.extra, start) for table, start in zip(tables, extras, strict=True)),
        forms=_merge_forms([table.forms for table in tables]),
        storages=_merge_storages([table.storages for table in tables]),
        extras=tuple(
            {**facts, "components": {part: int(piece.rows[row]) for part, row in facts["components"].items()}}
            if "components" in facts
            else facts
            for piece in pieces
            for facts in piece.table.extras
        ),
        listed=sum(int((piece.rows[: piece.table.listed] >= 0).sum()) for piece in pieces),
    )


def _names(piece: _Piece) -> StringColumn:
    """The names of a piece's rows in the result."""
    names = piece.table.name
    if piece.escape and _has_special(names):
        texts = names.tolist()
        texts[: piece.table.listed] = map(encode_part, texts[: piece.table.listed])
        for row in np.flatnonzero(piece.table.extra >= 0).tolist():
            for part, component in piece.table.components(row).items():
                texts[component] = f"{texts[row]}/{part}"
        names = StringColumn.of(texts)
    return _prefixed(names, piece.prefix)


def _merge_forms(forms: Sequence[Forms]) -> Forms:
    starts = _starts(len(form.shape) for form in forms)
    ends = [form.start[1:] + start for form, start in zip(forms, starts, strict=True)]
    return Forms(
        np.concatenate((np.zeros(1, np.int64), *ends)),
        np.concatenate([form.shape for form in forms]),
        np.concatenate([form.stride for form in forms]),
    )


def _merge_storages(tables: Sequence[StorageTable]) -> StorageTable:
    locations: dict[str, int] = {}
    places = []
    for table in tables:
        known = [locations.setdefault(text, len(locations)) for text in table.locations]
        places.append(np.array(known, np.uint16)[table.location] if len(table) else table.location)
    return StorageTable(
        key=_joined([table.key for table in tables]),
        source=np.concatenate([table.source for table in tables]),
        offset=np.concatenate([table.offset for table in tables]),
        nbytes=np.concatenate([table.nbytes for table in tables]),
        stored=np.concatenate([table.stored for table in tables]),
        encoding=np.concatenate([table.encoding for table in tables]),
        swapped=np.concatenate([table.swapped for table in tables]),
        location=np.concatenate(places),
        locations=tuple(locations),
    )


def _merge_structures(pieces: Sequence[_Piece], root_type: str, *, plain: bool) -> Structure:
    """The pieces' nodes below one new root."""
    types: dict[str, int] = {root_type: 0}
    total = 1 + sum(int((piece.nodes > 0).sum()) for piece in pieces)
    parts = [StringColumn.of([""])]
    columns: dict[str, list[npt.NDArray[Any]]] = {
        "kind": [np.array([Node.MAPPING], np.uint8)],
        "parent": [np.array([-1], np.int32)],
        "end": [np.array([total], np.int32)],
        "ref": [np.array([-1], np.int64)],
        "type": [np.array([0], np.int32)],
    }
    values = _starts(len(piece.structure.values) for piece in pieces)
    first = 1
    for piece, first_value in zip(pieces, values, strict=True):
        structure, nodes = piece.structure, piece.nodes
        shown = np.flatnonzero(nodes > 0)
        bounds = first + np.concatenate((np.zeros(1, np.int64), np.cumsum(nodes > 0)))
        first += len(shown)
        known = np.array([types.setdefault(text, len(types)) for text in structure.types], np.int32)
        ref, kind = structure.ref.copy(), structure.kind
        for of_kind, places in (
            (Node.TENSOR, piece.rows),
            (Node.ALIAS, nodes),
            (Node.SCALAR, np.arange(first_value, first_value + len(structure.values))),
        ):
            leaves = kind == of_kind
            ref[leaves] = places[ref[leaves]]
        type_of = structure.type.copy()
        type_of[type_of >= 0] = known[type_of[type_of >= 0]]
        parts.append(_node_parts(piece).take(shown))
        columns["kind"].append(kind[shown])
        columns["parent"].append(np.where(structure.parent < 0, 0, nodes[structure.parent])[shown].astype(np.int32))
        columns["end"].append(bounds[structure.end[shown]].astype(np.int32))
        columns["ref"].append(ref[shown])
        columns["type"].append(type_of[shown])
    return Structure(
        part=_joined(parts),
        **{name: np.concatenate(column) for name, column in columns.items()},
        types=tuple(types),
        values=_joined([piece.structure.values for piece in pieces]),
        plain_keys=plain,
    )


def _node_parts(piece: _Piece) -> StringColumn:
    """The parts of a piece's nodes: its root has its label, tensors that had plain keys are escaped."""
    structure = piece.structure
    escape = piece.escape and _has_special(structure.part)
    if piece.part.name is None and not escape:
        return structure.part
    texts = structure.part.tolist()
    if escape:
        for node in np.flatnonzero(structure.kind == Node.TENSOR).tolist():
            texts[node] = encode_part(texts[node])
    texts[0] = piece.label
    return StringColumn.of(texts)


def _merge_globals(uses: Iterable[GlobalUse]) -> tuple[GlobalUse, ...]:
    """Each name once, the worst first."""
    once = dict.fromkeys(uses)
    return tuple(sorted(once, key=lambda use: -_RANK[use.klass]))


def _placed(problem: Problem, piece: _Piece) -> Problem:
    """The same problem, with the part that it is in."""
    name = piece.part.name
    if name is None or name in problem.where:
        return problem
    return dataclasses.replace(problem, where=f"{name}: {problem.where}" if problem.where else name)


# -- columns ----------------------------------------------------------------------


def _starts(lengths: Iterable[int]) -> list[int]:
    """Where each of several blocks begins when they stand one after another."""
    starts, position = [], 0
    for length in lengths:
        starts.append(position)
        position += length
    return starts


def _shifted(index: npt.NDArray[np.int32], start: int) -> npt.NDArray[np.int32]:
    """An index column that counts from `start`; -1 stays."""
    return np.where(index < 0, index, index + np.int32(start))


def _joined(columns: Sequence[StringColumn]) -> StringColumn:
    starts = _starts(len(column.data) for column in columns)
    ends = [column.offsets[1:] + start for column, start in zip(columns, starts, strict=True)]
    return StringColumn(b"".join([column.data for column in columns]), np.concatenate((np.zeros(1, np.int64), *ends)))


def _prefixed(column: StringColumn, prefix: str) -> StringColumn:
    """Each string with `prefix` before it."""
    if not prefix or not len(column):
        return column
    last = len(column)
    both = _joined([column, StringColumn.of([prefix])])
    pairs = both.take(np.stack((np.full(last, last), np.arange(last)), axis=1).ravel())
    return StringColumn(pairs.data, np.ascontiguousarray(pairs.offsets[::2]))


def _has_special(column: StringColumn) -> bool:
    """Whether a string holds a character that a canonical name escapes."""
    if b"~" in column.data or b"/" in column.data:
        return True
    starts = column.offsets[:-1][np.diff(column.offsets) > 0]
    return bool((column.bytes_array[starts] == ord("[")).any()) if len(starts) else False
