"""ModuleTree: sections, then modules made from dotted keys, then tensors, as preorder columns.

There may be a million of them: keys are split and looked up once for each module, all else are
operations on whole columns.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.dotted import KeyText, distinct_values, modules_of_keys
from sdviewer.checkpoint.module_kinds import Facts, kind_of, name_hint
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.preorder import Layout, common_ancestors, lay_out
from sdviewer.checkpoint.roles import Role, find_roles
from sdviewer.checkpoint.sections import Section, paint
from sdviewer.checkpoint.structure import Node
from sdviewer.checkpoint.ties import find_ties

__all__ = ["ModuleTree", "Role", "TreeNode", "build_tree"]

Int64 = npt.NDArray[np.int64]


class TreeNode(IntEnum):
    """What a node of the tree is."""

    ROOT = 0
    SECTION = 1  # ref = index of the section
    MODULE = 2  # made from dotted keys, or from `_metadata`
    TENSOR = 3  # ref = row of the tensor table
    CONTAINER = 4  # a dict, list or tuple of the file
    OBJECT = 5  # an object whose class is only a name
    SCALAR = 6  # node = its structure node, whose value is JSON
    ALIAS = 7  # a container shown elsewhere: ref = the tree node, -1 if none


@dataclass(frozen=True, eq=False)
class ModuleTree:
    """Columns of one length, preorder; node 0 is the root, children in natural order (2 before 10).

    Attributes:
        label: what to show: "layers", "0", "weight", "epoch".
        what: a `TreeNode`.
        depth: 0 for the root.
        parent: -1 for the root.
        end: index behind the last descendant.
        ref: see `TreeNode`; -1 for none.
        node: the structure node it comes from, -1 for a module made from dots.
        tensors: tensors at or below it.
        parameters: their elements, buffers left out, tied tensors once.
        nbytes: their bytes, tied tensors once.
        kind: index into `kinds`: "Linear", "Conv2d", "" …; for objects the class name.
        version: a module's version in `_metadata`, -1 for none.
        role: one a row of the tensor table (not a node), a `Role`.
        tie: one a row of the tensor table: the first row with the very same elements, or -1 if it is alone.

    """

    label: StringColumn
    what: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    ref: npt.NDArray[np.int64]
    node: npt.NDArray[np.int32]
    tensors: npt.NDArray[np.int64]
    parameters: npt.NDArray[np.int64]
    nbytes: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int32]
    kinds: tuple[str, ...]
    version: npt.NDArray[np.int32]
    role: npt.NDArray[np.uint8]
    tie: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.what)

    def children(self, node: int) -> Iterator[int]:
        """The direct children of a node."""
        child, end = node + 1, int(self.end[node])
        while child < end:
            yield child
            child = int(self.end[child])


_SECTION_ORDER = ("model", "ema", "optimizer", "scheduler", "tensors", "metadata")
_SLICE = 16384  # keys that one Python-level step handles: short enough not to hold other threads up
_MOST_TENSORS_OF_A_KIND = 64  # a bidirectional four-layer LSTM has 32
_LAST = 2**62
# What the rules look at in the names of a module's modules: numbers, "out_proj", others; see `_held_bit`.
_HELD = ((1, "0"), (2, "out_proj"), (4, "…"))
_MIX = np.uint64(0xD6E8FEB86659FD93)
_WHAT = np.array(
    [TreeNode.CONTAINER, TreeNode.CONTAINER, TreeNode.OBJECT, TreeNode.TENSOR, TreeNode.SCALAR, TreeNode.ALIAS],
    np.uint8,
)


def build_tree(description: Description, sections: Sequence[Section]) -> ModuleTree:
    """The tree of a checkpoint: the root's children are the sections, then come modules and tensors.

    Models first, then EMA copies, optimizers, schedulers, other tensors, metadata; in file order within
    each. In a model or EMA copy the string keys of tensors are split at their dots; everything else stands
    as the file has it. Siblings with numbers for names are sorted by them, where the first of them stands;
    all others keep the order in which they first appear, `_metadata`'s modules without tensors in theirs.
    """
    return _TreeMaker(description, sections).make()


class _TreeMaker:
    """Numbers the nodes (root, sections, structure nodes, modules), finds parents, then lays the tree out."""

    def __init__(self, description: Description, sections: Sequence[Section]) -> None:
        self.description = description
        self.sections = sections
        self.structure = description.structure
        self.table = description.tensors
        kinds = [section.kind for section in sections]
        painted = paint(self.structure, [section.node for section in sections], kinds)
        is_model = np.array([kind in ("model", "ema") for kind in kinds] + [False])
        self.shown, self.in_model, self.node_parent = self._place(painted, is_model)
        self.first_node = 1 + len(sections)
        self._model_sections = {
            section.node: 1 + index for index, section in enumerate(sections) if section.kind in ("model", "ema")
        }
        # Modules, in order of creation, and the different last parts of their names, with their numbers.
        self.first_module = self.first_node + len(self.shown)
        self.module_parent = array("q")
        self.module_rank = array("q")
        self.segment_of = array("q")
        self.segments: dict[str, int] = {}
        # Parent and last segment → module, kept up when a module is asked for by its name.
        self._child: dict[tuple[int, str], int] = {}

    def make(self) -> ModuleTree:
        structure, shown, sections = self.structure, self.shown, self.sections
        kind = structure.kind[shown]
        is_tensor = kind == Node.TENSOR
        row = np.where(is_tensor, structure.ref[shown], 0)
        label_start, leaf_names, leaf_of = self._split_keys(is_tensor & self.in_model)
        versions = self._read_versions()
        classes = self._read_classes()

        count = self.first_module + len(self.segment_of)
        nodes = slice(self.first_node, self.first_module)
        modules = slice(self.first_module, count)
        parent = np.zeros(count, np.int64)
        parent[nodes] = self.node_parent
        parent[modules] = self.module_parent
        leaf = np.zeros(count, np.bool_)
        leaf[nodes] = kind >= Node.TENSOR
        leaf[0] = count == 1

        # Order of siblings.
        rank = np.zeros(count, np.int64)
        shelf = {name: index for index, name in enumerate(_SECTION_ORDER)}
        by_kind = sorted(range(len(sections)), key=lambda index: shelf[sections[index].kind])
        rank[1 + np.array(by_kind, np.int64)] = np.arange(len(sections))
        rank[nodes] = 2 * shown.astype(np.int64)
        rank[modules] = self.module_rank
        number = np.full(count, -1, np.int64)
        leaf_numbers = np.array([*map(_number, leaf_names), -1], np.int64)
        number[nodes] = np.where(self.in_model, leaf_numbers[leaf_of], -1)
        self.segment_numbers = np.array([*map(_number, self.segments)], np.int64)
        number[modules] = self.segment_numbers[np.array(self.segment_of)]
        self._number_containers(number, leaf_of)
        group = rank.copy()
        numbered = np.flatnonzero(number >= 0)
        earliest = np.full(count, _LAST, np.int64)
        np.minimum.at(earliest, parent[numbered], rank[numbered])
        group[numbered] = earliest[parent[numbered]]
        layout = lay_out(parent, leaf, (rank, number, group))

        what = np.zeros(count, np.uint8)
        what[1 : self.first_node] = TreeNode.SECTION
        what[nodes] = _WHAT[kind]
        what[modules] = TreeNode.MODULE
        ref = np.full(count, -1, np.int64)
        ref[1 : self.first_node] = np.arange(len(sections))
        ref[nodes] = np.where(is_tensor, row, -1)
        node = np.full(count, -1, np.int64)
        node[1 : self.first_node] = [section.node for section in sections]
        node[nodes] = shown
        self._resolve_aliases(ref, kind, layout)

        names, kind_index = self._kinds(parent, leaf_names, leaf_of, classes)
        tie = find_ties(self.table)
        tensor_ids = self.first_node + np.flatnonzero(is_tensor)
        rows = row[is_tensor]
        recognised = np.zeros(len(self.table), np.bool_)
        claims = np.array([name not in ("", "ModuleList/Sequential") for name in names], np.bool_)
        recognised[rows] = self.in_model[is_tensor] & claims[kind_index[parent[tensor_ids]]]
        role = find_roles(self.description, sections, recognised, tie)

        version = np.full(count, -1, np.int32)
        for number_of, value in versions.items():
            version[number_of] = value
        counted = self.in_model[is_tensor] & (role[rows] != Role.BUFFER)
        weigh = partial(_totals, layout, layout.position[tensor_ids], tie[rows])
        return ModuleTree(
            label=self._labels(layout, label_start),
            what=what[layout.nodes],
            depth=layout.depth.astype(np.int32),
            parent=layout.parent.astype(np.int32),
            end=layout.end.astype(np.int32),
            ref=ref[layout.nodes],
            node=node[layout.nodes].astype(np.int32),
            tensors=_totals(layout, layout.position[tensor_ids], np.full(len(rows), -1), np.ones(len(rows), np.int64)),
            parameters=weigh(np.where(counted, self.table.numel[rows], 0)),
            nbytes=weigh(self.table.nbytes[rows]),
            kind=kind_index[layout.nodes],
            kinds=names,
            version=version[layout.nodes],
            role=role,
            tie=tie,
        )

    def _place(
        self, painted: npt.NDArray[np.int32], is_model: npt.NDArray[np.bool_]
    ) -> tuple[Int64, npt.NDArray[np.bool_], Int64]:
        """The structure nodes that are shown as such, whether each is in a model, and their parents' numbers.

        A section stands for its own container; containers that hold nothing but sections are not shown.
        """
        structure, sections = self.structure, self.sections
        visible = np.ones(len(structure), np.bool_)
        for section in sections:
            node = section.node
            while node >= 0 and visible[node]:
                visible[node] = False
                node = int(structure.parent[node])
        if len(structure) and structure.kind[0] > Node.OBJECT:
            visible[0] = True  # a file that is one tensor or one scalar
        shown = np.flatnonzero(visible)
        number = np.zeros(len(structure), np.int64)
        number[shown] = 1 + len(sections) + np.arange(len(shown))
        above = structure.parent[shown].astype(np.int64)
        inside = painted[shown].astype(np.int64)
        return shown, is_model[inside], np.where((above < 0) | ~visible[above], 1 + inside, number[above])

    def _split_keys(self, in_model: npt.NDArray[np.bool_]) -> tuple[Int64, list[str], Int64]:
        """Make the modules of dotted keys and hang the tensors below them.

        Returns for each shown node where its label begins in the structure's parts, the different last parts
        of tensors' keys, and which of them each shown node has (-1: none).
        """
        part, shown = self.structure.part, self.shown
        starts = part.offsets[shown]
        candidates = np.flatnonzero(in_model)
        text = KeyText(part.data)
        ends = part.offsets[shown[candidates] + 1]
        at = np.searchsorted(text.dots, ends)
        last_dot = text.dots[at - 1] if len(text.dots) else np.full(len(candidates), -1)
        dotted = (at > 0) & (last_dot >= starts[candidates])
        if not self.structure.plain_keys and dotted.any():
            # "[1.5]" is a number, not two parts of a name.
            dotted &= part.bytes_array[np.minimum(starts[candidates], len(part.data) - 1)] != ord("[")
        containers = self.node_parent[candidates]
        for chosen in _groups(containers, dotted):
            self._hang(text, int(containers[chosen[0]]), candidates[chosen], last_dot[chosen])
        starts[candidates[dotted]] = last_dot[dotted] + 1
        leaf_of = np.full(len(shown), -1, np.int64)
        leaf_of[candidates], leaf_names = text.distinct(starts[candidates], ends)
        return starts, leaf_names, leaf_of

    def _hang(self, text: KeyText, owner: int, candidates: Int64, last_dot: Int64) -> None:
        """Put tensors of one container with dotted keys below the modules that the keys name."""
        part, shown = self.structure.part, self.shown
        found = modules_of_keys(text, part.offsets[shown[candidates]], last_dot)
        base = self.first_module + len(self.segment_of)
        ranks = 2 * shown[candidates]
        known = self.segments
        segments = np.array([known.setdefault(name, len(known)) for name in found.segments], np.int64)
        self.segment_of.frombytes(segments[found.segment].tobytes())
        self.module_parent.frombytes(np.where(found.parent < 0, owner, base + found.parent).tobytes())
        self.module_rank.frombytes(ranks[found.first].tobytes())
        modules = base + found.module
        for at in np.flatnonzero(found.rest >= 0).tolist():
            name = text.text(int(found.rest[at]), int(last_dot[at]))
            modules[at] = self._module_named(int(modules[at]), name, int(ranks[at]))
        self.node_parent[candidates] = modules

    def _module_named(self, owner: int, name: str, rank: int) -> int:
        """The module with this dotted name below a container or module, made where it is not there yet."""
        child = self._child
        if len(child) < len(self.segment_of):
            names = list(self.segments)
            for index in range(len(child), len(self.segment_of)):
                child[self.module_parent[index], names[self.segment_of[index]]] = self.first_module + index
        module = owner
        for segment in name.split("."):
            key = (module, segment)
            if key not in child:
                child[key] = self.first_module + len(self.segment_of)
                self.segment_of.append(self.segments.setdefault(segment, len(self.segments)))
                self.module_parent.append(module)
                self.module_rank.append(rank)
            module = child[key]
        return module

    def _container(self, node: int) -> int:
        """The number of a structure node that may hold modules, -1 if it is in no model."""
        if node in self._model_sections:
            return self._model_sections[node]
        at = int(np.searchsorted(self.shown, node))
        if at < len(self.shown) and self.shown[at] == node and self.in_model[at]:
            return self.first_node + at
        return -1

    def _named_module(self, node: int, prefix: str, containers: dict[int, int], rank: int) -> int:
        if node not in containers:
            containers[node] = self._container(node)
        owner = containers[node]
        if owner < 0 or not prefix:
            return owner
        return self._module_named(owner, prefix if self.structure.plain_keys else encode_part(prefix), rank)

    def _read_versions(self) -> dict[int, int]:
        """Versions by number; modules without tensors get their place between the others."""
        versions: dict[int, int] = {}
        containers: dict[int, int] = {}
        last, last_node = -1, -1
        for item in self.description.module_versions:
            if item.node != last_node:
                last, last_node = -1, item.node
            before = len(self.segment_of)
            module = self._named_module(item.node, item.prefix, containers, self._rank_after(item.node, last))
            if module < 0:
                continue
            if len(self.segment_of) > before and self.module_parent[-1] == last:
                self.module_rank[-1] -= 2 if self._rank(last) % 2 == 0 else 0
            if item.version is not None and -1 <= item.version < 2**31:
                versions[module] = item.version
            last = module
        return versions

    def _rank(self, number: int) -> int:
        return self.module_rank[number - self.first_module] if number >= self.first_module else 0

    def _rank_after(self, node: int, last: int) -> int:
        """Odd ranks are for modules that own no tensor: behind the one that `_metadata` names before."""
        if last < self.first_module:
            return 2 * node + 1
        return self._rank(last) | 1

    def _read_classes(self) -> dict[int, str]:
        """Class names by number, as the file gives them."""
        containers: dict[int, int] = {}
        classes: dict[int, str] = {}
        for item in self.description.module_classes:
            module = self._named_module(item.node, item.prefix, containers, _LAST - 1)
            if module >= 0:
                classes[module] = item.name.rpartition(".")[2]
        return classes

    def _number_containers(self, number: Int64, leaf_of: Int64) -> None:
        """Containers in a model whose keys are numbers are sorted as modules are."""
        part = self.structure.part
        rest = np.flatnonzero(self.in_model & (leaf_of < 0) & (self.structure.kind[self.shown] <= Node.OBJECT))
        for at in rest.tolist():
            number[self.first_node + at] = _number(part[int(self.shown[at])])

    def _resolve_aliases(self, ref: Int64, kind: npt.NDArray[np.uint8], layout: Layout) -> None:
        """An alias refers to the tree's node; what a section stands for is that section."""
        at = np.flatnonzero(kind == Node.ALIAS)
        if not len(at):
            return
        number = np.full(len(self.structure), -1, np.int64)
        number[self.shown] = self.first_node + np.arange(len(self.shown))
        for index, section in enumerate(self.sections):
            number[section.node] = 1 + index
        if len(self.structure) and number[0] < 0:
            number[0] = 0
        target = self.structure.ref[self.shown[at]]
        known = (target >= 0) & (target < len(number))
        numbers = np.where(known, number[np.where(known, target, 0)], -1)
        ref[self.first_node + at] = np.where(numbers >= 0, layout.position[numbers], -1)

    def _kinds(
        self, parent: Int64, leaf_names: list[str], leaf_of: Int64, classes: dict[int, str]
    ) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
        """The different kinds ("" first) and which each node has: what the file says, else what the rules find."""
        structure, shown = self.structure, self.shown
        names: dict[str, int] = {"": 0}
        kind_index = np.zeros(len(parent), np.int32)
        self._judge(parent, leaf_names, leaf_of, names, kind_index)
        for at in np.flatnonzero(structure.kind[shown] == Node.OBJECT).tolist():
            kind_index[self.first_node + at] = names.setdefault(structure.type_name(int(shown[at])), len(names))
        for index, section in enumerate(self.sections):
            if structure.kind[section.node] == Node.OBJECT:
                name = structure.type_name(section.node)
                name = name.rpartition(".")[2] if section.kind in ("model", "ema") else name
                kind_index[1 + index] = names.setdefault(name, len(names))
        for number, name in classes.items():
            kind_index[number] = names.setdefault(name, len(names))
        return tuple(names), kind_index

    def _judge(
        self,
        parent: Int64,
        leaf_names: list[str],
        leaf_of: Int64,
        names: dict[str, int],
        kind_index: npt.NDArray[np.int32],
    ) -> None:
        """Apply the rules to modules and to mappings in models. Those with equal evidence are judged once."""
        structure, shown, part = self.structure, self.shown, self.structure.part
        total = len(parent)
        judged = np.zeros(total, np.bool_)
        judged[self.first_module :] = True
        judged[list(self._model_sections.values())] = True
        # By number: what the name says, and what the names of its modules say.
        hint_ids: dict[str, int] = {"": 0}
        hints = np.zeros(total, np.int64)
        segment_of = np.array(self.segment_of)
        hint_of_segment = np.zeros(len(self.segments), np.int64)
        bit_of_segment = np.ones(len(self.segments), np.uint8)
        # Most segments are numbers.
        segments = list(self.segments)
        for index in np.flatnonzero(self.segment_numbers < 0).tolist():
            hint_of_segment[index] = hint_ids.setdefault(name_hint(segments[index]), len(hint_ids))
            bit_of_segment[index] = _held_bit(segments[index])
        hints[self.first_module :] = hint_of_segment[segment_of]
        holds = np.zeros(total, np.uint8)
        np.bitwise_or.at(holds, parent[self.first_module :], bit_of_segment[segment_of])
        for at in np.flatnonzero(self.in_model & (structure.kind[shown] <= Node.OBJECT)).tolist():
            name, number = part[int(shown[at])], self.first_node + at
            judged[number] = structure.kind[shown[at]] == Node.MAPPING
            hints[number] = hint_ids.setdefault(name_hint(name), len(hint_ids))
            holds[parent[number]] |= _held_bit(name)

        tensors = np.flatnonzero(leaf_of >= 0)
        owner = parent[self.first_node + tensors]
        form = self.table.form[structure.ref[shown[tensors]]].astype(np.uint64)
        named_form = form * np.uint64(len(leaf_names) + 1) + leaf_of[tensors].astype(np.uint64)
        signature = (hints * 8 + holds).astype(np.uint64) * _MIX
        np.add.at(signature, owner, _scramble(named_form))
        candidates = np.flatnonzero(judged)
        example, which = distinct_values(signature[candidates])
        by_owner = np.argsort(owner, kind="stable")
        low = np.searchsorted(owner[by_owner], candidates[example])
        high = np.searchsorted(owner[by_owner], candidates[example], side="right")
        high = np.minimum(high, low + _MOST_TENSORS_OF_A_KIND)
        hint_names = list(hint_ids)
        found = []
        for number, first, last in zip(candidates[example].tolist(), low.tolist(), high.tolist(), strict=True):
            own = tensors[by_owner[first:last]].tolist()
            facts = Facts(
                hint=hint_names[int(hints[number])],
                tensors={leaf_names[leaf_of[at]]: self.table.shape_of(int(structure.ref[shown[at]])) for at in own},
                modules=frozenset(name for bit, name in _HELD if holds[number] & bit),
            )
            found.append(names.setdefault(kind_of(facts), len(names)))
        kind_index[candidates] = np.array([*found, 0], np.int32)[which]

    def _labels(self, layout: Layout, label_start: Int64) -> StringColumn:
        """All labels in preorder: pieces of the structure's parts, and what is not a piece of them."""
        part, shown = self.structure.part, self.shown
        plain = self.structure.plain_keys
        segments = [*self.segments] if plain else [_unescape(segment) for segment in self.segments]
        own = ["", *(section.name if plain else _unescape(section.name) for section in self.sections), *segments]
        text_of = np.concatenate((np.arange(self.first_node), self.first_node + np.array(self.segment_of)))
        starts = np.zeros(len(layout.nodes), np.int64)
        lengths = np.zeros(len(layout.nodes), np.int64)
        starts[self.first_node : self.first_module] = label_start
        lengths[self.first_node : self.first_module] = part.offsets[shown + 1] - label_start
        others = np.r_[0 : self.first_node, self.first_module : len(layout.nodes)]
        if not plain and b"~" in part.data:
            tildes = np.flatnonzero(part.bytes_array == ord("~"))
            last = np.searchsorted(tildes, part.offsets[shown + 1])
            escaped = np.flatnonzero((last > 0) & (tildes[last - 1] >= label_start))
            texts = part.data
            text_of = np.concatenate((text_of, len(own) + np.arange(len(escaped))))
            own += [
                _unescape(texts[a:b].decode("utf-8", "surrogatepass"))
                for a, b in zip(label_start[escaped].tolist(), part.offsets[shown[escaped] + 1].tolist(), strict=True)
            ]
            others = np.concatenate((others, self.first_node + escaped))
        column = StringColumn.of(own)
        starts[others] = len(part.data) + column.offsets[text_of]
        lengths[others] = np.diff(column.offsets)[text_of]
        both = np.frombuffer(part.data + column.data, np.uint8)
        starts, lengths = starts[layout.nodes], lengths[layout.nodes]
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        pieces = []
        for low in range(0, len(lengths), _SLICE * 8):
            high = min(low + _SLICE * 8, len(lengths))
            shift = np.repeat(starts[low:high] - offsets[low:high], lengths[low:high])
            pieces.append(both[shift + np.arange(offsets[low], offsets[high])].tobytes())
        return StringColumn(b"".join(pieces), offsets)


def _groups(keys: Int64, chosen: npt.NDArray[np.bool_]) -> Iterator[Int64]:
    """Indices of the chosen ones, one array for each key, in the order of their first."""
    indices = np.flatnonzero(chosen)
    if not len(indices):
        return
    order = indices[np.argsort(keys[indices], kind="stable")]
    yield from np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)


def _number(label: str) -> int:
    """The number that a label is, -1 for none (or one with more digits than an index ever has)."""
    return int(label) if label.isdecimal() and label.isascii() and len(label) < 18 else -1


def _held_bit(name: str) -> int:
    return 1 if _number(name) >= 0 else 2 if name == "out_proj" else 4


def _unescape(text: str) -> str:
    """A piece of a canonical name for the eye: without its escapes, brackets stay."""
    if text.startswith("~2"):
        return "[" + _unescape(text[2:])
    return text.replace("~1", "/").replace("~0", "~") if "~" in text else text


def _scramble(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread over 64 bits, so that sums of different sets differ (the finisher of splitmix64)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)) * _MIX
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _totals(layout: Layout, positions: Int64, tie: Int64, values: Int64) -> Int64:
    """The sum of `values` (one each tensor, at `positions`) at or below every node, tied tensors once in each.

    Every occurrence is counted, and one is taken back at the lowest node above each pair of neighbouring ones.
    What counts for nothing under one name (a buffer) may count under another.
    """
    if len(values) and float(values.sum(dtype=np.float64)) > 2.0**62:
        values = np.minimum(values, 2**62 // len(values))  # a hostile file's sizes would wrap round
    at = np.zeros(len(layout.nodes), np.int64)
    at[positions] = values
    tied = np.flatnonzero((tie >= 0) & (values != 0))
    if len(tied):
        order = tied[np.lexsort((positions[tied], tie[tied]))]
        left, right = order[:-1], order[1:]
        same = tie[left] == tie[right]
        left, right = left[same], right[same]
        np.subtract.at(at, common_ancestors(layout, positions[left], positions[right]), values[right])
    sums = np.zeros(len(at) + 1, np.int64)
    np.cumsum(at, out=sums[1:])
    return sums[layout.end] - sums[:-1]
