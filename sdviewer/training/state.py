"""State: what an optimizer keeps of each parameter, as columns over the parameters of its groups."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.dotted import KeyText
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.structure import Node
from sdviewer.control import Control
from sdviewer.training.groups import ParameterId, ParamGroups

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

# Optimizers keep three or four things, some a dozen.
_MOST_FIELDS = 32
_SLICE = 4096


class Standing(IntEnum):
    """What there is of a parameter."""

    STATE = 0
    NEVER_STEPPED = 1  # in a group, and others have state: it had no gradient in any step
    NO_STATE = 2  # nothing of any parameter is kept: SGD without momentum, or before the first step
    WITH_FIRST = 3  # one state for all, kept with the first parameter: LBFGS
    IN_NO_GROUP = 4  # state that belongs to no parameter of any group


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """Columns of one length: first the parameters of all groups in order, then state that belongs to none.

    Attributes:
        groups: the groups.
        ids: of each parameter its id in the file.
        group: of each the index of its group, -1 for none.
        entry: of each the structure node of its state, -1 for none.
        standing: of each a `Standing`.
        fields: the names of what is kept ("step", "exp_avg" …), in the order in which they come first.
        nodes: of each parameter and field the structure node, -1 for none; shape `(len(self), len(fields))`.
        unlisted: entries that are under further names, and not in `nodes`.

    """

    groups: ParamGroups
    description: Description
    ids: Sequence[ParameterId]
    group: Int32
    entry: Int64
    standing: npt.NDArray[np.uint8]
    fields: tuple[str, ...]
    nodes: Int64
    unlisted: int

    def __len__(self) -> int:
        return len(self.entry)

    @cached_property
    def rows(self) -> Int64:
        """Of each parameter and field the row of the tensor table, -1 where it is no tensor."""
        structure = self.description.structure
        is_tensor = (self.nodes >= 0) & (structure.kind[self.nodes] == Node.TENSOR)
        return np.where(is_tensor, structure.ref[self.nodes], -1)

    def column(self, field: str) -> Int64:
        """The tensor rows of one field, all -1 where there is no such field."""
        if field not in self.fields:
            return np.full(len(self), -1, np.int64)
        return self.rows[:, self.fields.index(field)]

    def value(self, index: int, field: str) -> Any:
        """The plain value of a field of a parameter, None where it is a tensor or not there."""
        node = int(self.nodes[index, self.fields.index(field)]) if field in self.fields else -1
        structure = self.description.structure
        if node < 0 or structure.kind[node] != Node.SCALAR:
            return None
        return json.loads(structure.values[int(structure.ref[node])])

    @cached_property
    def _by_node(self) -> tuple[Int64, Int64]:
        """Nodes of entries in order (of fields in the flat layout, where they lie in none), with their parameters."""
        own = self.entry[:, None] if self.groups.flat is None else self.nodes
        index, _ = np.nonzero(own >= 0)
        nodes = own[own >= 0]
        order = np.argsort(nodes, kind="stable")
        return nodes[order], index[order]

    def index_of_node(self, node: int) -> int:
        """The parameter whose state is this node of the structure, -1 for none; in the flat layout, of whose state."""
        nodes, index = self._by_node
        place = int(np.searchsorted(nodes, node))
        return int(index[place]) if place < len(nodes) and nodes[place] == node else -1

    @cached_property
    def owner_of_row(self) -> Int64:
        """Of each row of the tensor table the parameter whose state it is in a field, -1 for none."""
        owner = np.full(len(self.description.tensors), -1, np.int64)
        index, field = np.nonzero(self.rows >= 0)
        owner[self.rows[index, field]] = index
        return owner


def read_state(checkpoint: Checkpoint, groups: ParamGroups, control: Control | None = None) -> OptimizerState:
    """What is kept of each parameter of these groups; no payload is read.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    description = checkpoint.description
    if groups.flat is not None:
        return _flat_state(description, groups, groups.flat)
    structure = description.structure
    entries = np.zeros(0, np.int64)
    if groups.state >= 0 and structure.kind[groups.state] == Node.MAPPING:
        end = int(structure.end[groups.state])
        entries = np.flatnonzero(structure.parent[groups.state + 1 : end] == groups.state) + groups.state + 1
    by_id: dict[ParameterId, int] = {}
    for first in range(0, len(entries), _SLICE):
        control.check()
        part = entries[first : first + _SLICE]
        for node, text in zip(part.tolist(), structure.part.take(part).tolist(), strict=True):
            by_id.setdefault(_id_of(text), node)
    ids: list[ParameterId] = [item for group in groups.groups for item in group.params]
    group = [index for index, each in enumerate(groups.groups) for _ in each.params]
    entry = [by_id.get(item, -1) for item in ids]
    known = set(ids)
    orphans = [(item, node) for item, node in by_id.items() if item not in known]
    count = len(ids)
    ids += [item for item, _ in orphans]
    nodes = np.array(entry + [node for _, node in orphans], np.int64)
    standing = _standing(nodes, count)
    missing = np.flatnonzero(nodes[:count] < 0)
    if groups.optimizer == "LBFGS" and count and nodes[0] >= 0:
        standing[missing] = Standing.WITH_FIRST
    fields, table, unlisted = _fields(description, nodes, control)
    column = np.full(len(ids), -1, np.int32)
    column[:count] = group
    return OptimizerState(groups, description, ids, column, nodes, standing, fields, table, unlisted)


def _standing(entry: Int64, count: int) -> npt.NDArray[np.uint8]:
    standing = np.zeros(len(entry), np.uint8)
    standing[count:] = Standing.IN_NO_GROUP
    missing = np.flatnonzero(entry[:count] < 0)
    standing[missing] = Standing.NEVER_STEPPED if (entry[:count] >= 0).any() else Standing.NO_STATE
    return standing


def _flat_state(description: Description, groups: ParamGroups, flat: Mapping[str, Mapping[str, int]]) -> OptimizerState:
    """Of the flat layout: a parameter's entry is the first of its fields, as nothing holds them together."""
    listed = [name for group in groups.groups for name in group.params if isinstance(name, str)]
    known = set(listed)
    ids: list[ParameterId] = [*listed, *(name for name in flat if name not in known)]
    often = Counter(field for of_one in flat.values() for field in of_one)
    first = {field: place for place, field in enumerate(often)}
    fields = tuple(sorted((field for field, _ in often.most_common(_MOST_FIELDS)), key=first.__getitem__))
    column = {field: place for place, field in enumerate(fields)}
    nodes = np.full((len(ids), len(fields)), -1, np.int64)
    entry = np.full(len(ids), -1, np.int64)
    for index, name in enumerate(ids):
        own = flat.get(str(name), {})
        for field, node in own.items():
            if field in column:
                nodes[index, column[field]] = node
        entry[index] = next(iter(own.values()), -1)
    of_group = np.full(len(ids), -1, np.int32)
    of_group[: len(listed)] = [index for index, group in enumerate(groups.groups) for _ in group.params]
    unlisted = sum(often.values()) - int((nodes >= 0).sum())
    standing = _standing(entry, len(listed))
    return OptimizerState(groups, description, ids, of_group, entry, standing, fields, nodes, unlisted)


def _id_of(text: str) -> ParameterId:
    if text.startswith("["):
        inner = text[1:-1]
        if inner.isdecimal() and inner.isascii() and len(inner) < 18:
            return int(inner)
    part = decode_part(text)
    return part if isinstance(part, (int, str)) else text


def _fields(description: Description, entry: Int64, control: Control) -> tuple[tuple[str, ...], Int64, int]:
    """The names of what entries hold, the node of each in each entry, and how many are under further names."""
    structure = description.structure
    present = np.flatnonzero(entry >= 0)
    nothing = np.full((len(entry), 0), -1, np.int64)
    if not len(present):
        return (), nothing, 0
    # Where an id is listed twice its state is shown with each.
    places = np.sort(entry[present])
    places = places[np.flatnonzero(np.diff(places, prepend=-1))]
    begin, end = int(places[0]), int(structure.end[places[-1]])
    inside = np.arange(begin, end)
    parent = structure.parent[begin:end]
    at = np.searchsorted(places, parent)
    is_field = (at < len(places)) & (places[np.minimum(at, len(places) - 1)] == parent)
    inside, at = inside[is_field], at[is_field]
    control.check()
    part = structure.part
    number, names = KeyText(part.data).distinct(part.offsets[inside], part.offsets[inside + 1])
    often = np.bincount(number, minlength=len(names))
    kept = np.sort(np.argsort(-often, kind="stable")[:_MOST_FIELDS])
    place = np.full(len(names), -1, np.int64)
    place[kept] = np.arange(len(kept))
    table = np.full((len(entry), len(kept)), -1, np.int64)
    column = place[number]
    listed = column >= 0
    compact = np.full((len(places), len(kept)), -1, np.int64)
    compact[at[listed], column[listed]] = inside[listed]
    table[present] = compact[np.searchsorted(places, entry[present])]
    return tuple(str(decode_part(names[index])) for index in kept.tolist()), table, int((~listed).sum())
