"""The walk from what a pickle built to named tensors and a structure.

It uses no recursion, enters every container once (a second way to it becomes an alias, so cycles and
doubled references end) and is linear in the file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sdviewer.checkpoint.document import Duplicate, ModuleClass, ModuleVersion, Problem
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.checkpoint.structure import Node, Structure, StructureBuilder
from sdviewer.checkpoint.table import Flag, TableBuilder, TensorTable
from sdviewer.errors import CannotRead
from sdviewer.formats.pickle_values import ByteRange, Global, Group, Mapping, Opaque, Scalar, TensorNode
from sdviewer.formats.torch_objects import StorageRef

# Containers inside containers; honest files stay below twenty.
_DEEPEST = 512
# All canonical names together: deep paths with long keys grow with the product of both.
_MOST_NAME_CHARACTERS = 256 << 20
_LONGEST_TEXT = 64 << 10
_MOST_REPEATS = 10_000

# An attribute dict of nn.Module: what state_dict() looks at.
_MODULE_MARKS = ("_parameters", "_buffers", "_modules")
_PARAMETER, _BUFFER = int(Flag.PARAMETER), int(Flag.BUFFER)


@dataclass(frozen=True, eq=False)
class Walked:
    """What the walk gives to the Description."""

    tensors: TensorTable
    structure: Structure
    root: Literal["mapping", "tensor", "other"]
    problems: tuple[Problem, ...]
    duplicates: tuple[Duplicate, ...]
    module_classes: tuple[ModuleClass, ...]
    module_versions: tuple[ModuleVersion, ...]


@dataclass
class _Frame:
    node: int
    prefix: str
    depth: int
    entries: Iterator[tuple[str, Any]]


@dataclass
class Walk:
    """One walk; `run` makes the result.

    Attributes:
        builder: the tensors that the pickle rebuilt, by provisional row.
        source: where long texts of the pickle lie.
        as_tensor: gives the tensor of an array object, None for others.
        scripted: whether objects are TorchScript modules, whose attributes are dotted names.
        finish_tensor: called for each tensor with a state of its own, before it is named.
    """

    builder: TableBuilder
    source: ByteSource
    as_tensor: Callable[[Any], TensorNode | None] = lambda _: None
    scripted: bool = False
    finish_tensor: Callable[[TensorNode], None] = lambda _: None
    structure: StructureBuilder = field(default_factory=StructureBuilder)
    names: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    module_classes: list[ModuleClass] = field(default_factory=list)
    module_versions: list[ModuleVersion] = field(default_factory=list)
    _visited: dict[int, int] = field(default_factory=dict)
    _stack: list[_Frame] = field(default_factory=list)
    _name_characters: int = 0
    _too_deep: int = 0

    def run(self, value: Any, extra: Iterable[tuple[str, Any]] = ()) -> Walked:
        """Walk `value`; `extra` are further children of the root (a TorchScript file's constants)."""
        tensor = value if isinstance(value, TensorNode) else self.as_tensor(value)
        root: Literal["mapping", "tensor", "other"] = "mapping"
        if tensor is not None:
            root = "tensor"
            self._tensor("", "", -1, tensor)
        else:
            if not isinstance(value, Mapping | Opaque):
                root = "other"
            self._enter("", value, -1, "", 0)
            self._walk()
            if extra and self.structure.kinds[0] not in (Node.SCALAR, Node.ALIAS):
                self._stack.append(_Frame(0, "", 1, iter(list(extra))))
                self._walk()
                self.structure.close(0)
        plain_keys = isinstance(value, Mapping) and self._make_plain(value)
        if self._too_deep:
            self.problems.append(
                Problem("partial", "warning", f"{self._too_deep:,} containers are nested too deep and are not shown")
            )
        return Walked(
            self.builder.finish(self.names, self.rows),
            self.structure.finish(plain_keys=plain_keys),
            root,
            tuple(self.problems),
            tuple(self.duplicates),
            tuple(self.module_classes),
            tuple(self.module_versions),
        )

    # -- the loop -----------------------------------------------------------------

    def _walk(self) -> None:
        stack = self._stack
        while stack:
            frame = stack[-1]
            depth = len(stack)
            for part, value in frame.entries:
                self._emit(part, value, frame)
                if len(stack) != depth:
                    break
            else:
                self.structure.close(frame.node)
                stack.pop()

    def _emit(self, part: str, value: Any, frame: _Frame) -> None:
        if type(value) is TensorNode:
            self._tensor(part, frame.prefix + part, frame.node, value)
        elif value is None or isinstance(value, bool | int | float | str):
            self.structure.scalar(part, frame.node, _json(value))
        else:
            self._enter(part, value, frame.node, frame.prefix, frame.depth)

    def _tensor(self, part: str, name: str, parent: int, tensor: TensorNode) -> None:
        if self._name_characters > _MOST_NAME_CHARACTERS:
            self._too_deep += 1
            return
        self._name_characters += len(name)
        if tensor.state is not None:
            self.finish_tensor(tensor)
        self.structure.tensor(part, parent, len(self.rows))
        self.names.append(name)
        self.rows.append(tensor.row)

    def _enter(self, part: str, value: Any, parent: int, prefix: str, depth: int) -> None:
        """A value that is no tensor and no plain scalar: a leaf of its own kind, or a container to walk."""
        structure = self.structure
        array = self.as_tensor(value)
        if array is not None:
            self._tensor(part, prefix + part, parent, array)
            return
        leaf = self._leaf(value)
        if leaf is not None:
            structure.scalar(part, parent, *leaf)
            return
        known = self._visited.get(id(value))
        if known is not None:
            structure.alias(part, parent, known)
            return
        inner = prefix + part + "/" if parent >= 0 else ""
        kind, type_name = _kind(value)
        node = structure.open(part, kind, parent, type_name)
        self._visited[id(value)] = node
        if depth >= _DEEPEST:
            self._too_deep += 1
            return
        if isinstance(value, Opaque) and self._is_module(value):
            entries = self._module_entries(value, node)
        else:
            entries = self._entries(value, node, inner)
        self._stack.append(_Frame(node, inner, depth + 1, entries))

    def _leaf(self, value: Any) -> tuple[str, str] | tuple[str] | None:
        """JSON text and type name of a value that is shown in one row, None for a container to walk."""
        match value:
            case None | bool() | int() | float() | str():
                return (_json(value),)
            case bytes():
                return (json.dumps({"$bytes": len(value)}), "bytes")
            case ByteRange():
                return self._long(value)
            case complex():
                return (f'{{"$complex": [{_json(value.real)}, {_json(value.imag)}]}}', "complex")
            case Scalar():
                return (_leaf_json(value.value), value.type)
            case Global():
                return (json.dumps({"$global": value.full}), "")
            case StorageRef():
                dtype = value.dtype.name if value.dtype else "bytes"
                return (json.dumps({"$storage": dtype, "elements": value.numel}), "torch storage")
            case list() | tuple() if all(item is None or type(item) in (bool, int, float, str) for item in value):
                # A row of numbers is one value: a million row nodes would say no more.
                return ("[" + ", ".join([_json(item) for item in value]) + "]", type(value).__name__)
        return None

    def _long(self, text: ByteRange) -> tuple[str, str]:
        if not text.text:
            return (json.dumps({"$bytes": text.size}), "bytes")
        try:
            raw = read_bytes(self.source, text.offset, min(text.size, _LONGEST_TEXT))
        except CannotRead:
            raw = b""
        shown = raw.decode("utf-8", "replace")
        if text.size <= _LONGEST_TEXT:
            return (json.dumps(shown), "")
        return (json.dumps({"$text": shown, "$more": text.size - len(raw)}), "")

    # -- what a container holds -----------------------------------------------------

    def _entries(self, value: Any, node: int, prefix: str) -> Iterator[tuple[str, Any]]:
        match value:
            case Mapping():
                if isinstance(value.state, Mapping):
                    self._note_versions(value.state, node)
                return self._mapping_entries(value.items, prefix)
            case Group():
                return _indexed(value.items)
            case list() | tuple():
                return _indexed(value)
            case Opaque():
                return self._opaque_entries(value, prefix)
        return iter(())

    def _mapping_entries(self, items: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
        """Encoded key and value; of several entries with one key the last, where the first stood, as in a dict."""
        parts = [encode_part(key) if type(key) is str else self._key_part(key) for key in items[::2]]
        values = items[1::2]
        positions: dict[str, int] = dict(zip(parts, range(len(parts)), strict=True))
        if len(positions) == len(parts):
            return iter(zip(parts, values, strict=True))
        for index, part in enumerate(parts):
            if positions[part] != index:
                self.duplicates.append(Duplicate(prefix + part, "an earlier entry of the same mapping"))
        self.problems.append(
            Problem(
                "duplicate",
                "warning",
                f"{len(parts) - len(positions):,} keys stand twice; the last entry counts",
                prefix,
            )
        )
        return iter([(part, values[positions[part]]) for part in dict.fromkeys(parts)])

    def _key_part(self, key: Any) -> str:
        """The part for a key that is no short string."""
        if isinstance(key, ByteRange) and key.text:
            try:
                return encode_part(
                    read_bytes(self.source, key.offset, min(key.size, _LONGEST_TEXT)).decode("utf-8", "replace")
                )
            except CannotRead:
                return f"[a text of {key.size:,} bytes]"
        if isinstance(key, Scalar):
            key = key.value
        if key is None or isinstance(key, bool | int | float | complex | str | bytes):
            return encode_part(key)
        if (
            isinstance(key, tuple)
            and len(key) <= 64
            and all(item is None or isinstance(item, bool | int | float | str | bytes) for item in key)
        ):
            return encode_part(key)
        # Numbered by where it first stands: nothing of it is hashed or printed.
        return f"[key #{len(self.structure.kinds)}]"

    def _opaque_entries(self, value: Opaque, prefix: str) -> Iterator[tuple[str, Any]]:
        """Attributes by name, what it was called with as $args, what a list or dict subclass holds."""
        entries: list[tuple[str, Any]] = []
        if not isinstance(value.args, tuple) or value.args:
            entries.append(("$args", value.args))
        if value.items:
            entries.append(("$items", value.items))
        if value.entries is not None:
            entries += self._mapping_entries(value.entries, prefix)
            if value.state is not None:
                entries.append(("$state", value.state))
        elif isinstance(value.state, Mapping):
            entries += self._mapping_entries(value.state.items, prefix)
        elif isinstance(value.state, tuple) and len(value.state) == 2 and isinstance(value.state[1], Mapping):
            # (dict, slots): attributes of a class with __slots__.
            for half in value.state:
                if isinstance(half, Mapping):
                    entries += self._mapping_entries(half.items, prefix)
        elif value.state is not None:
            entries.append(("$state", value.state))
        return iter(entries)

    # -- modules ---------------------------------------------------------------------

    def _is_module(self, value: Opaque) -> bool:
        if not isinstance(value.state, Mapping):
            return False
        if self.scripted:
            return value.class_name.startswith("__torch__")
        return all(mark in value.state.items[::2] for mark in _MODULE_MARKS)

    def _module_entries(self, value: Opaque, node: int) -> Iterator[tuple[str, Any]]:
        """Dotted name and tensor of a whole module, in the order of state_dict()."""
        collect = self._scripted_tensors if self.scripted else self._module_tensors
        pending: list[tuple[str, Opaque]] = [("", value)]
        visited: set[int] = set()
        repeats = 0
        while pending:
            prefix, module = pending.pop()
            # A module registered under two names gives its tensors under both, as state_dict() does. Cycles and
            # doublings of doublings end here.
            repeats += id(module) in visited
            if repeats > _MOST_REPEATS or prefix.count(".") > _DEEPEST:
                self._too_deep += 1
                continue
            visited.add(id(module))
            self.module_classes.append(ModuleClass(node, prefix[:-1], module.class_name))
            children: list[tuple[str, Opaque]] = []
            for name, tensor in collect(module, children):
                yield encode_part(prefix + name), tensor
            pending += [(f"{prefix}{name}.", child) for name, child in reversed(children)]

    def _module_tensors(self, module: Opaque, children: list[tuple[str, Opaque]]) -> Iterator[tuple[str, TensorNode]]:
        attributes = _as_dict(module.state)
        skipped = attributes.get("_non_persistent_buffers_set")
        transient = {name for name in skipped.items if type(name) is str} if isinstance(skipped, Group) else set()
        for table in ("_parameters", "_buffers"):
            for name, tensor in _as_dict(attributes.get(table)).items():
                if isinstance(tensor, TensorNode) and not (table == "_buffers" and name in transient):
                    self.builder.flags[tensor.row] |= _PARAMETER if table == "_parameters" else _BUFFER
                    yield name, tensor
        for name, child in _as_dict(attributes.get("_modules")).items():
            if isinstance(child, Opaque):
                children.append((name, child))

    def _scripted_tensors(self, module: Opaque, children: list[tuple[str, Opaque]]) -> Iterator[tuple[str, TensorNode]]:
        pending = list(reversed(_as_dict(module.state).items()))
        budget = 100_000
        while pending and budget:
            budget -= 1
            name, value = pending.pop()
            if isinstance(value, TensorNode):
                yield name, value
            elif isinstance(value, Opaque) and isinstance(value.state, Mapping):
                children.append((name, value))
            elif isinstance(value, Opaque):
                # A class of the runtime (packed weights of a mobile backend): what it holds, by position.
                pending.append((name, value.state))
            elif isinstance(value, list | tuple):
                pending += [(f"{name}.{index}", item) for index, item in reversed(list(enumerate(value)))]
            elif isinstance(value, Mapping):
                pending += [(f"{name}.{key}", item) for key, item in reversed(_as_dict(value).items())]

    def _note_versions(self, state: Mapping, node: int) -> None:
        """Module names and versions from the `_metadata` of a state_dict."""
        metadata = _as_dict(state).get("_metadata")
        for prefix, facts in _as_dict(metadata).items():
            version = _as_dict(facts).get("version")
            self.module_versions.append(ModuleVersion(node, prefix, version if type(version) is int else None))

    # -- one bare state_dict ----------------------------------------------------------

    def _make_plain(self, root: Mapping) -> bool:
        """Whether all tensors stand directly under the root with string keys; then names are plain keys."""
        structure = self.structure
        nodes = [n for n, kind in enumerate(structure.kinds) if kind == Node.TENSOR]
        if not nodes or any(structure.parents[n] != 0 for n in nodes):
            return False
        plain = {encode_part(key): key for key in root.items[::2] if type(key) is str}
        if any(structure.parts[n] not in plain for n in nodes):
            return False
        for position, n in enumerate(nodes):
            structure.parts[n] = self.names[position] = plain[structure.parts[n]]
        return True


def _kind(value: Any) -> tuple[Node, str]:
    match value:
        case Mapping():
            return Node.MAPPING, value.type
        case Group():
            return Node.SEQUENCE, value.type
        case list():
            return Node.SEQUENCE, "list"
        case tuple():
            return Node.SEQUENCE, "tuple"
        case Opaque():
            return Node.OBJECT, value.class_name
    return Node.OBJECT, type(value).__name__


def _indexed(items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((f"[{index}]", item) for index, item in enumerate(items))


def _as_dict(value: Any) -> dict[str, Any]:
    """The entries with string keys of a mapping, {} for anything else."""
    if isinstance(value, Opaque):
        items = value.entries or []
    elif isinstance(value, Mapping):
        items = value.items
    else:
        return {}
    return {key: part for key, part in zip(items[::2], items[1::2], strict=False) if type(key) is str}


def _json(value: Any) -> str:
    if type(value) is float and not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
    return json.dumps(value)


def _leaf_json(value: Any) -> str:
    if isinstance(value, complex):
        return f'{{"$complex": [{_json(value.real)}, {_json(value.imag)}]}}'
    if isinstance(value, bytes):
        return json.dumps({"$bytes": len(value)})
    return _json(value)
