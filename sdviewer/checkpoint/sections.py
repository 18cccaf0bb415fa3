"""Sections: which parts of a checkpoint are state_dicts, EMA copies, optimizers, metadata.

Containers are judged from the root down: by what they hold, by what they are called (the table in
conventions.py), and by the shape of a state_dict. What is in no other section goes into sections of
its own, so that every tensor and every scalar is in exactly one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.conventions import FLAT_OPTIMIZER, Convention, SectionKind, by_keys, by_name
from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.optimizers import is_flat_optimizer
from sdviewer.checkpoint.roles import buffer_rows
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.ties import find_ties

if TYPE_CHECKING:
    from sdviewer.checkpoint.tensors import TensorRef

# Honest checkpoints stay far below these. What lies beyond is not looked into for sections of its
# own: it belongs to the section around it, tensor by tensor.
_MAX_SECTIONS = 1000
_MAX_DEPTH = 32
_MAX_PARTS = 256
_STATE_DICT_KINDS = ("model", "ema")


@dataclass(frozen=True, eq=False)
class Section:
    """One part of a checkpoint.

    Attributes:
        name: its canonical path, or "model" for a bare state_dict (other roots: their kind); what lies
            loose in a container has "tensors" or "metadata" as last part; unique.
        path: canonical name of its container in the file, "" for the root.
        kind: "model", "ema", "optimizer", "scheduler", "tensors" (others: RNG states …), "metadata".
        node: its node in the structure.
        rows: its tensors, as rows of the tensor table, in file order.
        parameters: elements of the tensors that are no buffers, tied ones once; 0 unless a model or an EMA copy.
        nbytes: bytes of its tensors, tied ones once.

    """

    name: str
    path: str
    kind: SectionKind
    node: int
    rows: npt.NDArray[np.int64]
    parameters: int
    nbytes: int

    def bound_to(self, checkpoint: Checkpoint) -> Section:
        """The same section as part of this checkpoint, which `tensors` needs."""
        section = copy.copy(self)
        section.__dict__.pop("tensors", None)
        section.__dict__["_checkpoint"] = checkpoint
        return section

    @cached_property
    def tensors(self) -> Mapping[str, TensorRef]:
        """State_dict key → `TensorRef`, in file order. Of equal keys (odd nested ones) the first one counts.

        Raises:
            RuntimeError: the section belongs to no opened checkpoint.

        """
        from sdviewer.checkpoint.tensors import TensorRef

        checkpoint: Checkpoint | None = self.__dict__.get("_checkpoint")
        if checkpoint is None:
            raise RuntimeError("only a section of an opened checkpoint has tensors")
        refs: dict[str, TensorRef] = {}
        for key, row in zip(section_keys(checkpoint.description, self), self.rows.tolist(), strict=True):
            refs.setdefault(key, TensorRef(checkpoint, row))
        return MappingProxyType(refs)


def section_keys(description: Description, section: Section) -> list[str]:
    """The state_dict key of each of `section.rows`: the path below its container, parts joined with "."."""
    names = description.tensors.name.take(section.rows).tolist()
    if description.structure.plain_keys or description.root == "tensor":
        return names
    below = len(section.path) + 1 if section.node else 0
    return [
        name[below:]
        if "/" not in name[below:] and "~" not in name and "[" not in name
        else ".".join([str(decode_part(part)) for part in name[below:].split("/")])
        for name in names
    ]


def find_sections(description: Description) -> tuple[Section, ...]:
    """The sections of a checkpoint, in file order; every listed tensor is in exactly one."""
    finder = _Finder(description)
    finder.run()
    found = sorted(finder.found, key=lambda item: (item.first, item.node))
    structure, table = description.structure, description.tensors
    painted = paint(structure, [item.node for item in found], [item.kind for item in found])
    tensor_nodes = np.flatnonzero(structure.kind == Node.TENSOR)
    section_of_row = np.full(table.listed, -1, np.int64)
    section_of_row[structure.ref[tensor_nodes]] = painted[tensor_nodes]
    ordered = np.argsort(section_of_row, kind="stable")
    bounds = np.searchsorted(section_of_row[ordered], np.arange(len(found) + 1))
    tie = find_ties(table)
    buffers = buffer_rows(table)
    names = _unique_names([item.name for item in found])
    sections = []
    for index, item in enumerate(found):
        rows = ordered[bounds[index] : bounds[index + 1]]
        once = first_of_ties(rows, tie)
        parameters = first_of_ties(rows[~buffers[rows]], tie) if item.kind in _STATE_DICT_KINDS else once[:0]
        sections.append(
            Section(
                name=names[index],
                path=item.path,
                kind=item.kind,
                node=item.node,
                rows=rows,
                parameters=exact_total(table.numel[parameters]),
                nbytes=exact_total(table.nbytes[once]),
            )
        )
    return tuple(sections)


def first_of_ties(rows: npt.NDArray[np.int64], tie: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """These rows without those that are tied to an earlier one of them; the order stays."""
    tied = tie[rows] >= 0
    if not tied.any():
        return rows
    leaders, first = np.unique(tie[rows[tied]], return_index=True)
    keep = ~tied
    keep[np.flatnonzero(tied)[first]] = True
    return rows[keep] if len(leaders) else rows


def exact_total(values: npt.NDArray[np.int64]) -> int:
    """The sum as a Python integer, at most the largest int64."""
    # A hostile file claims tensors of 2**63 bytes: int64 would wrap round.
    if float(values.sum(dtype=np.float64)) < 2.0**62:
        return int(values.sum())
    return min(sum(map(int, values)), 2**63 - 1)


def paint(structure: Structure, nodes: Sequence[int], kinds: Sequence[SectionKind]) -> npt.NDArray[np.int32]:
    """For each structure node the innermost section around it, -1 for none, shape `(len(structure),)`.

    Two sections of one node share its loose children: what holds tensors is the one's, all else the metadata's.
    """
    painted = np.full(len(structure), -1, np.int32)
    by_node: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        by_node.setdefault(node, []).append(index)
    for node in sorted(by_node):
        first, *others = sorted(by_node[node], key=lambda index: kinds[index] != "metadata")
        end = int(structure.end[node])
        painted[node:end] = first
        if others:
            children = np.fromiter(structure.children(node), np.int64)
            leaves = structure.kind[children] == Node.TENSOR
            painted[children[leaves]] = others[0]
            for child in children[structure.end[children] > children + 1].tolist():
                last = int(structure.end[child])
                if (structure.kind[child:last] == Node.TENSOR).any():
                    painted[child:last] = others[0]
    return painted


def _unique_names(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    result = []
    for name in names:
        # "~" at the end of a part is in no canonical name, so this cannot meet a path.
        unique = name
        while unique in taken:
            unique += "~"
        taken.add(unique)
        result.append(unique)
    return result


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    path: str
    kind: SectionKind
    node: int
    first: int  # where its own content begins


@dataclass(frozen=True, slots=True)
class _Inside:
    """What one container holds directly."""

    children: npt.NDArray[np.int64]
    tensors: npt.NDArray[np.int64]  # children that are tensors
    holders: list[int]  # containers with tensors in them
    empty: list[int]  # containers with content, but no tensors


class _Finder:
    """Walks down from the root and notes sections; nothing is visited twice and nothing recurses."""

    def __init__(self, description: Description) -> None:
        structure = description.structure
        self.structure = structure
        self.root = description.root
        self.found: list[_Found] = []
        self._todo: list[tuple[int, str, int, SectionKind | None]] = []
        self._count = np.zeros(len(structure) + 1, np.int64)
        np.cumsum(structure.kind == Node.TENSOR, out=self._count[1:])
        self._by_parent = np.argsort(structure.parent, kind="stable")
        self._child_start = np.searchsorted(structure.parent[self._by_parent], np.arange(-1, len(structure) + 1))
        # A module that the file names as one, or whose state_dict has versions.
        self._modules = {item.node for item in description.module_classes}
        self._modules.update(item.node for item in description.module_versions)

    def run(self) -> None:
        if not len(self.structure):
            return
        if self.structure.kind[0] in (Node.TENSOR, Node.SCALAR, Node.ALIAS):
            self._note(0, "", "tensors" if self.structure.kind[0] == Node.TENSOR else "metadata")
            return
        self._todo.append((0, "", 0, None))
        while self._todo:
            self._visit(*self._todo.pop())

    def _visit(self, node: int, path: str, depth: int, inherited: SectionKind | None) -> None:
        inside = self._inside(node)
        row = self._convention(node, inside)
        kind = row.kind if row else None
        if inherited and kind in (None, "model", "metadata"):
            kind = inherited
        if row and row.keys:
            self._note(node, path, row.kind)
        elif kind in ("optimizer", "scheduler"):
            if any(self._is_known_by_keys(child) for child in inside.holders[:_MAX_PARTS]):
                self._descend(node, path, depth, kind, inside)
            else:
                self._note(node, path, kind)
        elif not self._tensors(node):
            self._note(node, path, "metadata")
        elif kind == "tensors" or (kind == "metadata" and not self._has_dots(node)):
            self._note(node, path, "tensors")
        elif self._is_state_dict(node, inside, known=kind in _STATE_DICT_KINDS):
            self._note(node, path, "ema" if kind == "ema" else "model")
            self._parts_within(path, depth, inside)
        elif not inside.holders and (kind in _STATE_DICT_KINDS or self.structure.kind[node] == Node.SEQUENCE):
            self._note(node, path, kind if kind in _STATE_DICT_KINDS else "tensors")
        else:
            self._descend(node, path, depth, "ema" if kind == "ema" else None, inside)

    def _descend(self, node: int, path: str, depth: int, inherited: SectionKind | None, inside: _Inside) -> None:
        """The parts of a container that is no section: its containers one by one, the rest as loose content."""
        many = len(inside.holders) > _MAX_PARTS and not any(map(self._named, inside.holders[:_MAX_PARTS]))
        if depth >= _MAX_DEPTH or many or len(self.found) + len(self._todo) >= _MAX_SECTIONS:
            self._note(node, path, inherited or "tensors")
            return
        parts = inside.holders[:_MAX_PARTS]
        if len(inside.empty) <= _MAX_PARTS:
            parts = parts + inside.empty
        for child in parts:
            self._todo.append((child, self._join(path, node, child), depth + 1, inherited))
        visited = set(parts)
        loose = [int(inside.tensors[0])] if len(inside.tensors) else []
        loose += [child for child in inside.holders if child not in visited][:1]
        if loose:
            self._note_loose(node, path, inherited or "tensors", "tensors", min(loose))
        known = np.isin(inside.children, np.fromiter(visited, np.int64, len(visited)))
        others = inside.children[~known & (self._count_within(inside.children) == 0)]
        if len(others):
            self._note_loose(node, path, "metadata", "metadata", int(others[0]))

    def _parts_within(self, path: str, depth: int, inside: _Inside) -> None:
        """Optimizers, copies and the file's own notes that lie inside a state_dict."""
        for child in (*inside.holders[:_MAX_PARTS], *inside.empty[:_MAX_PARTS]):
            row = self._convention(child, self._inside(child))
            holds = self._tensors(child)
            if row and (row.kind in ("optimizer", "scheduler") or row.kind == ("ema" if holds else "metadata")):
                inherited: SectionKind | None = "ema" if row.kind == "ema" else None
                self._todo.append(
                    (child, self._join(path, int(self.structure.parent[child]), child), depth + 1, inherited)
                )

    def _is_state_dict(self, node: int, inside: _Inside, *, known: bool) -> bool:
        """Whether a container with tensors in it is one state_dict, flat or nested.

        Flat: most of what it holds are tensors under string keys. Nested: mappings of mappings of tensors,
        with no dots in any key. A module is known by its class, its versions or its dotted names.
        """
        direct, holders = len(inside.tensors), len(inside.holders)
        kind = self.structure.kind[node]
        dots = self._has_dots(node)
        if node in self._modules:
            return True
        if kind == Node.OBJECT:
            return direct > 0 and dots
        if kind != Node.MAPPING:
            return False
        named = any(map(self._named, inside.holders[:_MAX_PARTS]))
        if direct and self._string_keys(inside.tensors):
            if dots and direct > holders and (known or 2 * direct >= holders + len(inside.empty)):
                return True
            if not named and not holders and (known or 2 * direct >= len(inside.children)):
                return True
        if not holders or named or dots or not self._is_nested(node):
            return False
        return known or holders + direct >= 2 or len(inside.children) == 1

    def _is_nested(self, node: int) -> bool:
        """Whether only mappings lie below, and no optimizer or EMA copy among them."""
        structure, end = self.structure, int(self.structure.end[node])
        inner = node + 1 + np.flatnonzero(structure.kind[node + 1 : end] <= Node.OBJECT)
        inner = inner[self._count_within(inner) > 0]
        if (structure.kind[inner] != Node.MAPPING).any():
            return False
        start, stop = structure.part.offsets[node + 1], structure.part.offsets[end]
        if structure.part.data.find(b"param_groups", start, stop) >= 0:
            return False
        named = (by_name(structure.part[child]) for child in inner[: 8 * _MAX_PARTS].tolist())
        return not any(row and row.kind in ("ema", "optimizer") for row in named)

    def _inside(self, node: int) -> _Inside:
        kind = self.structure.kind
        children = self._by_parent[self._child_start[node + 1] : self._child_start[node + 2]]
        containers = children[self.structure.end[children] > children + 1]
        holds = self._count_within(containers) > 0
        return _Inside(
            children=children,
            tensors=children[kind[children] == Node.TENSOR],
            holders=containers[holds].tolist(),
            empty=containers[~holds].tolist(),
        )

    def _convention(self, node: int, inside: _Inside) -> Convention | None:
        row = None
        if len(inside.children) <= _MAX_PARTS and self.structure.kind[node] != Node.SEQUENCE:
            row = by_keys({self._part(child) for child in inside.children.tolist()})
        if row is None and self.structure.kind[node] == Node.MAPPING and is_flat_optimizer(self.structure, node):
            row = FLAT_OPTIMIZER
        return row or (by_name(self._part(node)) if node else None)

    def _is_known_by_keys(self, node: int) -> bool:
        row = self._convention(node, self._inside(node))
        return row is not None and bool(row.keys)

    def _named(self, node: int) -> bool:
        row = self._convention(node, self._inside(node))
        return row is not None and row.kind != "metadata"

    def _part(self, node: int) -> str:
        return self.structure.part[node]

    def _string_keys(self, nodes: npt.NDArray[np.int64]) -> bool:
        """Whether most keys are strings: others are written in brackets."""
        if self.structure.plain_keys:
            return True
        part = self.structure.part
        starts = part.offsets[nodes]
        starts = starts[part.offsets[nodes + 1] > starts]
        brackets = int((part.bytes_array[starts] == ord("[")).sum())
        return 2 * brackets < len(nodes)

    def _has_dots(self, node: int) -> bool:
        """Whether a key below has a dot in it."""
        part, end = self.structure.part, int(self.structure.end[node])
        return part.data.find(b".", part.offsets[node + 1], part.offsets[end]) >= 0

    def _tensors(self, node: int) -> int:
        return int(self._count[self.structure.end[node]] - self._count[node])

    def _count_within(self, nodes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._count[self.structure.end[nodes]] - self._count[nodes]

    def _join(self, path: str, node: int, child: int) -> str:
        return f"{path}/{self._part(child)}" if node else self._part(child)

    def _note(self, node: int, path: str, kind: SectionKind) -> None:
        self.found.append(_Found(path if node else kind, path, kind, node, node))

    def _note_loose(self, node: int, path: str, kind: SectionKind, word: str, first: int) -> None:
        self.found.append(_Found(f"{path}/{word}" if node else word, path, kind, node, first))
