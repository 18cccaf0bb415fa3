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

import numpy as np

from sdviewer.checkpoint.document import Duplicate, ModuleClass, ModuleVersion, Problem
from sdviewer.checkpoint.names import decode_part, encode_part
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.checkpoint.structure import Node, Structure, StructureBuilder
from sdviewer.checkpoint.table import Flag, TableBuilder, TensorTable
from sdviewer.errors import CannotRead
from sdviewer.formats.pickle_values import ByteRange, EncodedBytes, Global, Group, Mapping, Opaque, Scalar, TensorNode
from sdviewer.formats.torch_objects import StorageRef

# Containers inside containers; honest files stay below twenty.
_DEEPEST = 512
# All canonical names together: deep paths with long keys grow with the product of both. Honest ones stay
# below the size of their pickle.
_MOST_NAME_CHARACTERS = 256 << 20
_NAME_CHARACTERS = 2 << 20
_NAME_CHARACTERS_A_BYTE = 4
# All keys together that are longer than any honest one; each is shown in several places.
_LONG_KEY_CHARACTERS = 1 << 20
_LONGEST_TEXT = 64 << 10
_PIECE = 1 << 20
_MOST_REPEATS = 10_000
_MOST_DUPLICATES = 10_000
# Values this long are shown once; a pickle may refer to one value a million times.
_MANY_ITEMS = 64
_MANY_CHARACTERS = 1024
# Entries of modules that are looked at, beside some for each tensor: modules may share what they hold.
_MODULE_ENTRIES = 500_000
_ENTRIES_A_TENSOR = 20

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


@dataclass(slots=True)
class _Frame:
    node: int
    part: str
    entries: Iterator[tuple[str, Any]] = field(default_factory=lambda: iter(()))
    # What the names of its children begin with; made when it is asked for.
    prefix: str | None = None


@dataclass
class Walk:
    """One walk; `run` makes the result.

    Attributes:
        builder: the tensors that the pickle rebuilt, by provisional row.
        source: where long texts of the pickle lie.
        as_tensor: gives the tensor of an array object, None for others.
        scripted: whether objects are TorchScript modules, whose attributes are dotted names.
        finish_tensor: called for each tensor with a state of its own, before it is named.
        naming_bytes: bytes beside `source` that tell names; all names together grow with what tells them.
    """

    builder: TableBuilder
    source: ByteSource
    as_tensor: Callable[[Any], TensorNode | None] = lambda _: None
    scripted: bool = False
    finish_tensor: Callable[[TensorNode], None] = lambda _: None
    naming_bytes: int = 0
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
    _key_characters: int = 0
    _long_keys: dict[int, str] = field(default_factory=dict)
    _counted: dict[tuple[int, int], int] = field(default_factory=dict)
    _module_states: dict[int, bool] = field(default_factory=dict)
    _module_entries_left: int = 0
    _too_deep: int = 0

    def __post_init__(self) -> None:
        told = self.source.size + self.naming_bytes
        self._most_names = min(_MOST_NAME_CHARACTERS, _NAME_CHARACTERS + _NAME_CHARACTERS_A_BYTE * told)

    def run(self, value: Any, extra: Iterable[tuple[str, Any]] = ()) -> Walked:
        """Walk `value`; `extra` are further children of the root (a TorchScript file's constants)."""
        self._module_entries_left = _MODULE_ENTRIES + _ENTRIES_A_TENSOR * len(self.builder.dtype)
        tensor = value if isinstance(value, TensorNode) else self.as_tensor(value)
        root: Literal["mapping", "tensor", "other"] = "mapping"
        if tensor is not None:
            root = "tensor"
            self._tensor("", None, tensor)
        else:
            if not isinstance(value, Mapping | Opaque):
                root = "other"
            self._enter("", value, None)
            self._walk()
            if extra and self.structure.kinds[0] not in (Node.SCALAR, Node.ALIAS):
                self._stack.append(_Frame(0, "", iter(list(extra)), ""))
                self._walk()
                self.structure.close(0)
        plain_keys = isinstance(value, Mapping) and self._make_plain()
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
            self._tensor(part, frame, value)
        elif (
            value is None
            or isinstance(value, bool | int | float)
            or (isinstance(value, str) and len(value) < _MANY_CHARACTERS)
        ):
            self.structure.scalar(part, frame.node, _json(value))
        else:
            self._enter(part, value, frame)

    def _prefix(self) -> str:
        """What the names of the children of the innermost container begin with."""
        stack = self._stack
        known = len(stack) - 1
        while (start := stack[known].prefix) is None:
            known -= 1
        innermost = stack[-1]
        if innermost.prefix is None:
            innermost.prefix = start + "".join([frame.part + "/" for frame in stack[known + 1 :]])
        return innermost.prefix

    def _tensor(self, part: str, frame: _Frame | None, tensor: TensorNode) -> None:
        if self._name_characters > self._most_names:
            self._too_deep += 1
            return
        name = part if frame is None else self._prefix() + part
        self._name_characters += len(name)
        if tensor.state is not None:
            self.finish_tensor(tensor)
            # Once: the tensor may stand in many places.
            tensor.state = None
        self.structure.tensor(part, -1 if frame is None else frame.node, len(self.rows))
        self.names.append(name)
        self.rows.append(tensor.row)

    def _enter(self, part: str, value: Any, frame: _Frame | None) -> None:
        """A value that is no tensor and no plain scalar: a leaf of its own kind, or a container to walk."""
        structure = self.structure
        parent = -1 if frame is None else frame.node
        array = self.as_tensor(value)
        if array is not None:
            self._tensor(part, frame, array)
            return
        known = self._visited.get(id(value))
        if known is not None:
            structure.alias(part, parent, known)
            return
        leaf = self._leaf(value)
        if leaf is not None:
            node = structure.scalar(part, parent, *leaf)
            if _is_long(value):
                self._visited[id(value)] = node
            return
        kind, type_name = _kind(value)
        node = structure.open(part, kind, parent, type_name)
        self._visited[id(value)] = node
        if type(value) is Mapping and not value.items and value.state is None:
            # Nothing to walk; half a million of them are nothing to wait for.
            return
        if len(self._stack) >= _DEEPEST:
            self._too_deep += 1
            return
        inner = _Frame(node, part, prefix="" if frame is None else None)
        self._stack.append(inner)
        if isinstance(value, Opaque) and self._is_module(value):
            inner.entries = self._module_entries(value, node)
        else:
            inner.entries = self._entries(value, node)

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
            case list() | tuple() if _is_row(value):
                return (_row_json(value), type(value).__name__)
            case Group() if value.items and _is_row(value.items):
                return (_row_json(value.items), value.type)
        return None

    def _long(self, text: ByteRange) -> tuple[str, str]:
        if not text.text:
            return (json.dumps({"$bytes": text.size}), "bytes")
        if isinstance(text, EncodedBytes):
            return (json.dumps({"$bytes": self._code_points(text)}), "bytes")
        try:
            raw = read_bytes(self.source, text.offset, min(text.size, _LONGEST_TEXT))
        except CannotRead:
            raw = b""
        shown = _decoded(raw)
        if text.size <= _LONGEST_TEXT:
            return (json.dumps(shown), "")
        return (json.dumps({"$text": shown, "$more": text.size - len(raw)}), "")

    def _code_points(self, text: ByteRange) -> int:
        """Code points of a text in the file, counted once for each place."""
        place = (text.offset, text.size)
        if place not in self._counted:
            self._counted[place] = 0
            for start in range(0, text.size, _PIECE):
                raw = read_bytes(self.source, text.offset + start, min(_PIECE, text.size - start))
                # All but the bytes that continue a code point.
                self._counted[place] += int(np.count_nonzero(np.frombuffer(raw, np.uint8) & 0xC0 != 0x80))
        return self._counted[place]

    # -- what a container holds -----------------------------------------------------

    def _entries(self, value: Any, node: int) -> Iterator[tuple[str, Any]]:
        match value:
            case Mapping():
                if isinstance(value.state, Mapping):
                    self._note_versions(value.state, node)
                parts, values = self._parts_and_values(value.items)
                return iter(()) if self._all_tensors(parts, values, node) else zip(parts, values, strict=True)
            case Group():
                return _indexed(value.items)
            case list() | tuple():
                return _indexed(value)
            case Opaque():
                return self._opaque_entries(value, node)
        return iter(())

    def _all_tensors(self, parts: list[str], values: list[Any], node: int) -> bool:
        """Add what a mapping holds if it is tensors alone, as in a state_dict: many are quickly added at once."""
        if set(map(type, values)) != {TensorNode}:
            return False
        rows = [tensor.row for tensor in values if tensor.state is None]
        prefix = self._prefix()
        characters = len(prefix) * len(parts) + sum(map(len, parts))
        if len(rows) != len(parts) or self._name_characters + characters > self._most_names:
            return False
        self._name_characters += characters
        self.structure.tensors(parts, node, len(self.rows))
        self.names += [prefix + part for part in parts] if prefix else parts
        self.rows += rows
        return True

    def _mapping_entries(self, items: list[Any]) -> Iterator[tuple[str, Any]]:
        """Encoded key and value of each entry."""
        return zip(*self._parts_and_values(items), strict=True)

    def _parts_and_values(self, items: list[Any]) -> tuple[list[str], list[Any]]:
        """Encoded keys and values; of several entries with one key the last, where the first stood, as in a dict."""
        parts = self._parts(items[::2])
        values = items[1::2]
        if len(set(parts)) == len(parts):
            return parts, values
        positions: dict[str, int] = dict(zip(parts, range(len(parts)), strict=True))
        prefix = self._prefix()
        for index, part in enumerate(parts):
            if len(self.duplicates) >= _MOST_DUPLICATES:
                break
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
        return list(positions), [values[position] for position in positions.values()]

    def _parts(self, keys: list[Any]) -> list[str]:
        """The part for each key of a mapping."""
        if set(map(type, keys)) <= {str}:
            # Of the different ones: a pickle may name one long text a million times.
            joined = "".join(set(keys))
            if not ("~" in joined or "/" in joined or "[" in joined):
                return keys
        return [encode_part(key) if type(key) is str else self._key_part(key, index) for index, key in enumerate(keys)]

    def _key_part(self, key: Any, index: int) -> str:
        """The part for a key that is no short string, the `index`-th of its mapping."""
        if isinstance(key, ByteRange) and key.text and not isinstance(key, EncodedBytes):
            return self._long_key(key) or f"[key #{index}]"
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
        # Numbered: nothing of it is hashed or printed.
        return f"[key #{index}]"

    def _long_key(self, key: ByteRange) -> str | None:
        """The part for a long text as a key, None where such keys have taken too much room already."""
        if self._key_characters > _LONG_KEY_CHARACTERS:
            return None
        part = self._long_keys.get(id(key))
        if part is None:
            try:
                raw = read_bytes(self.source, key.offset, min(key.size, _LONGEST_TEXT))
            except CannotRead:
                return None
            part = self._long_keys[id(key)] = encode_part(_decoded(raw))
        self._key_characters += len(part)
        return part

    def _opaque_entries(self, value: Opaque, node: int) -> Iterator[tuple[str, Any]]:
        """Attributes by name, what it was called with as $args, what a list or dict subclass holds."""
        entries: list[tuple[str, Any]] = []
        if not isinstance(value.args, tuple) or value.args:
            entries.append(("$args", value.args))
        if value.items:
            entries.append(("$items", value.items))
        if value.entries is not None:
            entries += self._mapping_entries(value.entries)
            if value.state is not None:
                entries.append(("$state", value.state))
        elif isinstance(value.state, tuple) and len(value.state) == 2 and isinstance(value.state[1], Mapping):
            # (dict, slots): attributes of a class with __slots__.
            for half in value.state:
                if isinstance(half, Mapping):
                    entries += self._attributes(half, node)
        elif isinstance(value.state, Mapping):
            entries += self._attributes(value.state, node)
        elif value.state is not None:
            entries.append(("$state", value.state))
        return iter(entries)

    def _attributes(self, state: Mapping, node: int) -> Iterable[tuple[str, Any]]:
        """The entries of an object's state, unless another object, which has the same one, shows them."""
        if id(state) in self._visited:
            return [("$state", state)]
        self._visited[id(state)] = node
        return self._mapping_entries(state.items)

    # -- modules ---------------------------------------------------------------------

    def _is_module(self, value: Opaque) -> bool:
        if not isinstance(value.state, Mapping):
            return False
        if self.scripted:
            return value.class_name.startswith("__torch__")
        known = self._module_states.get(id(value.state))
        if known is None:
            keys = [key for key in value.state.items[::2] if type(key) is str]
            known = self._module_states[id(value.state)] = all(mark in keys for mark in _MODULE_MARKS)
        return known

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
            repeats += id(module.state) in visited
            if repeats > _MOST_REPEATS or prefix.count(".") > _DEEPEST or self._module_entries_left <= 0:
                self._too_deep += 1
                continue
            visited.add(id(module.state))
            self.module_classes.append(ModuleClass(node, prefix[:-1], module.class_name))
            children: list[tuple[str, Opaque]] = []
            for name, tensor in collect(module, children):
                yield encode_part(prefix + name), tensor
            pending += [(f"{prefix}{name}.", child) for name, child in reversed(children)]

    def _module_tensors(self, module: Opaque, children: list[tuple[str, Opaque]]) -> Iterator[tuple[str, TensorNode]]:
        attributes = self._part_of_module(module.state)
        skipped = attributes.get("_non_persistent_buffers_set")
        transient = {name for name in skipped.items if type(name) is str} if isinstance(skipped, Group) else set()
        for table in ("_parameters", "_buffers"):
            for name, tensor in self._part_of_module(attributes.get(table)).items():
                if isinstance(tensor, TensorNode) and not (table == "_buffers" and name in transient):
                    self.builder.flags[tensor.row] |= _PARAMETER if table == "_parameters" else _BUFFER
                    yield name, tensor
        for name, child in self._part_of_module(attributes.get("_modules")).items():
            if isinstance(child, Opaque):
                children.append((name, child))

    def _scripted_tensors(self, module: Opaque, children: list[tuple[str, Opaque]]) -> Iterator[tuple[str, TensorNode]]:
        pending = list(reversed(self._part_of_module(module.state).items()))
        while pending and self._module_entries_left > 0:
            self._module_entries_left -= 1
            name, value = pending.pop()
            if name.count(".") > _DEEPEST:
                self._too_deep += 1
                continue
            if isinstance(value, TensorNode):
                yield name, value
            elif isinstance(value, Opaque) and isinstance(value.state, Mapping):
                children.append((name, value))
            elif isinstance(value, Opaque):
                # A class of the runtime (packed weights of a mobile backend): what it holds, by position.
                pending.append((name, value.state))
            elif isinstance(value, list | tuple):
                self._module_entries_left -= len(value)
                pending += [(f"{name}.{index}", item) for index, item in reversed(list(enumerate(value)))]
            elif isinstance(value, Mapping):
                pending += [(f"{name}.{key}", item) for key, item in reversed(self._part_of_module(value).items())]

    def _part_of_module(self, value: Any) -> dict[str, Any]:
        """The entries with string keys of a part of a module, {} once modules have taken too many."""
        if self._module_entries_left <= 0:
            return {}
        entries = _as_dict(value)
        self._module_entries_left -= len(entries)
        return entries

    def _note_versions(self, state: Mapping, node: int) -> None:
        """Module names and versions from the `_metadata` of a state_dict."""
        metadata = _as_dict(state).get("_metadata")
        for prefix, facts in self._part_of_module(metadata).items():
            version = self._part_of_module(facts).get("version")
            self.module_versions.append(ModuleVersion(node, prefix, version if type(version) is int else None))

    # -- one bare state_dict ----------------------------------------------------------

    def _make_plain(self) -> bool:
        """Whether all tensors stand directly under the root with string keys; then names are plain keys."""
        structure = self.structure
        parents = np.array(structure.parents)
        nodes = np.flatnonzero(np.array(structure.kinds) == Node.TENSOR)
        if not len(nodes) or (parents[nodes] != 0).any():
            return False
        siblings = np.flatnonzero(parents == 0).tolist()
        # No part has a slash of its own.
        joined = "/".join(["", *(structure.parts[n] for n in siblings)])
        if "/[" in joined:
            # A part that is no string, or stands for one.
            return False
        if "~" in joined:
            for n in siblings:
                structure.parts[n] = decode_part(structure.parts[n])
            self.names[:] = [structure.parts[n] for n in nodes.tolist()]
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


def _is_row(items: Iterable[Any]) -> bool:
    """Whether these are plain values, which are shown as one: a million row nodes would say no more."""
    return all(item is None or type(item) in (bool, int, float, str) for item in items)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # cut off inside a code point
        return raw.decode("utf-8", "replace")


def _is_long(leaf: Any) -> bool:
    """Whether a leaf has so much to show that it is shown once."""
    if isinstance(leaf, ByteRange):
        return leaf.text
    if isinstance(leaf, Group):
        return len(leaf.items) > _MANY_ITEMS
    return isinstance(leaf, str | list | tuple) and len(leaf) > _MANY_ITEMS


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


def _row_json(items: list[Any] | tuple[Any, ...]) -> str:
    try:
        # One call for all: twenty times quicker than one each.
        return json.dumps(items, allow_nan=False)
    except ValueError:
        return "[" + ", ".join([_json(item) for item in items]) + "]"


def _json(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is float and not math.isfinite(value):
        return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
    return json.dumps(value)


def _leaf_json(value: Any) -> str:
    if isinstance(value, complex):
        return f'{{"$complex": [{_json(value.real)}, {_json(value.imag)}]}}'
    if isinstance(value, bytes):
        return json.dumps({"$bytes": len(value)})
    return _json(value)
