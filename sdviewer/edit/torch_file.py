"""A torch archive from a plan: `data.pkl`, the storages, and what torch's own writer puts beside them."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePath
from typing import IO, Any

from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.edit.ahead import Ahead, counted
from sdviewer.edit.encoding import checksums
from sdviewer.edit.pickling import StoredTensor, WithMetadata, pickled
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.storages import OutStorage, Piece, Placed, bytes_of, storages_of
from sdviewer.edit.zip_writing import ZipWriter

Told = Callable[[int], None]


class _NotWritten:
    """Stands for what cannot be written: an object of some class."""


_LEFT_OUT = _NotWritten()


def write_torch(plan: ExportPlan, name: str, file: IO[bytes], told: Told, control: Control) -> None:
    """Write the archive; `told` hears of bytes that were written.

    Raises:
        CannotRead: bytes of the source are not to be had any more.
        Cancelled: `control` was cancelled.

    """
    rows = [*_rows(plan)]
    pieces = [piece for _, piece in rows]
    placed, storages = storages_of(pieces)
    stored = {
        key: _stored(piece, place, storages[place.storage]) for (key, piece), place in zip(rows, placed, strict=True)
    }
    data = pickled(_root(plan, stored))
    root = PurePath(name).stem or "archive"
    archive = ZipWriter(file)
    archive.add(f"{root}/data.pkl", len(data), [data])
    archive.add(f"{root}/.format_version", 1, [b"1"])
    archive.add(f"{root}/.storage_alignment", 2, [b"64"])
    archive.add(f"{root}/byteorder", 6, [b"little"])
    sources = (partial(bytes_of, storage, control) for storage in storages)
    nbytes = sum(storage.nbytes for storage in storages)
    with Ahead(sources, nbytes, checksum_of=checksums(nbytes)) as ahead:
        for number, storage in enumerate(storages):
            entry = f"{root}/data/{number}"
            archive.add(entry, storage.nbytes, counted(ahead.next(), told), lambda: ahead.checksum)
    archive.add(f"{root}/version", 2, [b"3\n"])
    archive.finish()


def _rows(plan: ExportPlan) -> Iterator[tuple[int, Piece]]:
    """Every tensor to be written by its row: those that rules changed, then the rest of the file."""
    for key in plan.keys:
        ref = plan.ref(key)
        yield ref.row, Piece(ref, key.dtype_after if key.dtype_after != key.dtype_before else "")
    checkpoint = plan.source.checkpoint
    for section in plan.kept_sections:
        for row in section.rows.tolist():
            yield row, Piece(TensorRef(checkpoint, row), "")


def _stored(piece: Piece, place: Placed, storage: OutStorage) -> StoredTensor:
    ref = piece.ref
    table = ref.checkpoint.table
    flags = ref.flags
    return StoredTensor(
        dtype=BY_NAME[piece.cast] if piece.cast else table.dtype_of(ref.row),
        storage=str(place.storage),
        storage_elements=storage.elements,
        offset=place.offset,
        shape=ref.shape,
        stride=place.stride,
        requires_grad=Flag.REQUIRES_GRAD in flags,
        is_parameter=Flag.PARAMETER in flags,
    )


def _root(plan: ExportPlan, stored: dict[int, StoredTensor]) -> Any:
    """The object of the pickle."""
    side = plan.source.side
    state = WithMetadata((key.new, stored[int(side.rows[key.place])]) for key in plan.keys)
    state.versions = _versions(plan)
    options = plan.options
    if options.wrap:
        return {options.wrap: _plain_if_bare(state)}
    section = side.section
    if section is None or options.unwrap or not plan.source.beside:
        return _plain_if_bare(state)
    structure = side.checkpoint.description.structure
    rebuilt = _Rebuilder(plan, structure, section.node, state, stored).rebuild(0)
    return _plain_if_bare(state) if rebuilt is _LEFT_OUT else rebuilt


def _plain_if_bare(state: WithMetadata) -> OrderedDict[str, Any]:
    return state if state.versions else OrderedDict(state)


def _versions(plan: ExportPlan) -> dict[str, int | None]:
    """The versions of modules under their new names, where the renames say what these are."""
    side = plan.source.side
    if side.section is None:
        return {}
    node = side.section.node
    known = {item.prefix: item.version for item in side.checkpoint.description.module_versions if item.node == node}
    if not known:
        return {}
    if all(key.old == key.new for key in plan.keys) and len(plan.keys) == len(side):
        return known
    versions: dict[str, int | None] = {"": known[""]} if "" in known else {}
    for key in plan.keys:
        old, new = key.old.split(".")[:-1], key.new.split(".")[:-1]
        # From the tensor upwards the modules correspond, as far as their names go.
        while old and new:
            prefix = ".".join(old)
            if prefix in known:
                versions.setdefault(".".join(new), known[prefix])
            old, new = old[:-1], new[:-1]
    return versions


class _Rebuilder:
    """The containers of the source as Python objects, the state_dict replaced, dropped parts left out."""

    def __init__(
        self, plan: ExportPlan, structure: Structure, node: int, state: WithMetadata, stored: dict[int, StoredTensor]
    ) -> None:
        self._structure, self._node, self._state, self._stored = structure, node, state, stored
        checkpoint = plan.source.checkpoint
        kept = {section.node for section in plan.kept_sections}
        drop = set(plan.options.drop)
        # Nodes of the parts that are left out: those dropped, and those whose section is another's.
        self._gone = {
            section.node
            for section in checkpoint.sections.values()
            if section.node not in kept | {node} and section.node and drop & {section.kind, section.name, section.path}
        }

    def rebuild(self, node: int) -> Any:
        """The object at a node, `_LEFT_OUT` for one that cannot be written."""
        if node == self._node:
            return _plain_if_bare(self._state)
        structure = self._structure
        match Node(int(structure.kind[node])):
            case Node.TENSOR:
                return self._stored.get(int(structure.ref[node]), _LEFT_OUT)
            case Node.SCALAR:
                return _scalar(json.loads(structure.values[int(structure.ref[node])]), structure.type_name(node))
            case Node.MAPPING:
                items = [(self._key(child), self.rebuild(child)) for child in self._children(node)]
                made = OrderedDict if structure.type_name(node) == "OrderedDict" else dict
                return made((key, value) for key, value in items if value is not _LEFT_OUT)
            case Node.SEQUENCE:
                values = [self.rebuild(child) for child in self._children(node)]
                values = [value for value in values if value is not _LEFT_OUT]
                return tuple(values) if structure.type_name(node) in {"tuple", "torch.Size"} else values
            case _:
                return _LEFT_OUT

    def left_out(self) -> tuple[list[str], list[int]]:
        """Names of nodes that cannot be written, and rows of the tensors below them."""
        structure = self._structure
        names: list[str] = []
        rows: list[int] = []
        todo = [(0, "")]
        while todo:
            node, name = todo.pop()
            if node == self._node:
                continue
            kind = Node(int(structure.kind[node]))
            if kind in {Node.MAPPING, Node.SEQUENCE}:
                below = f"{name}/" if name else ""
                todo += [(child, below + structure.part[child]) for child in reversed(self._children(node))]
            elif kind is Node.OBJECT or (kind is not Node.TENSOR and self.rebuild(node) is _LEFT_OUT):
                names.append(name)
                inside = range(node, int(structure.end[node]))
                rows += [int(structure.ref[i]) for i in inside if structure.kind[i] == Node.TENSOR]
        return names, rows

    def _children(self, node: int) -> list[int]:
        return [child for child in self._structure.children(node) if child not in self._gone]

    def _key(self, node: int) -> Any:
        return decode_part(self._structure.part[node])


_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _scalar(value: Any, kind: str) -> Any:
    """A scalar of the structure as Python has it; `_LEFT_OUT` for one whose value the structure does not hold."""
    match value:
        case str():
            return _NUMBERS.get(value, value)
        case list():
            items = [_scalar(item, "") for item in value]
            if any(item is _LEFT_OUT for item in items):
                return _LEFT_OUT
            return {"tuple": tuple, "torch.Size": tuple, "set": set, "frozenset": set}.get(kind, list)(items)
        case {"$complex": [real, imag]}:
            return complex(_NUMBERS.get(real, real), _NUMBERS.get(imag, imag))
        case dict():
            return _LEFT_OUT
    return value


def left_out(plan: ExportPlan) -> tuple[list[str], list[int]]:
    """What an archive with all that is beside the model cannot hold: names of objects, and rows of tensors in them."""
    checkpoint = plan.source.checkpoint
    structure = checkpoint.description.structure
    section = plan.source.side.section
    if section is None or not len(structure):
        return [], []
    builder = _Rebuilder(plan, structure, section.node, WithMetadata(), {})
    return builder.left_out()
