"""What torch's pickles say: storages, tensors and the functions that rebuild them, interpreted by our own code.

An interpreter that raises ValueError, TypeError or the like leaves an `Opaque` in the tree: a
file with odd arguments is shown as odd, not refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.dtypes import BY_NAME, BY_STORAGE, DTYPES, Dtype
from sdviewer.checkpoint.table import Flag, TableBuilder, contiguous_stride, reach
from sdviewer.formats.pickle_objects import PickleObjects
from sdviewer.formats.pickle_values import Global, Interpreter, Mapping, Opaque, Scalar, TensorNode

Int64 = npt.NDArray[np.int64]

_MAX = 2**63 - 1
_MAX_DIMENSIONS = 64  # torch's own limit
_COMPONENTS_OF_SUBCLASS = 256
# Parts of states that are looked at, of all tensors of a pickle together: they may share them.
_STATE_PARTS = 100_000
_STATE_PARTS_A_TENSOR = 50
_LONGEST_PART = 1000

_GRAD = (int(Flag.GRAD_KNOWN), int(Flag.GRAD_KNOWN | Flag.REQUIRES_GRAD))


class StorageRef:
    """A storage that a persistent id stands for: `row` of the table builder."""

    __slots__ = ("dtype", "numel", "row", "start")

    def __init__(self, row: int, dtype: Dtype | None, numel: int, start: int = 0) -> None:
        self.row = row
        self.dtype = dtype
        self.numel = numel
        # Elements before it, where torch < 0.4 saved a view of another storage.
        self.start = start


# table to add to, key, dtype (None: bytes) and elements that the pickle says it has, location → row of the storage
FindStorage = Callable[[TableBuilder, str, Dtype | None, int, str], int]
# The same for many storages of different keys, in whose order their rows are to be.
FindStorages = Callable[[TableBuilder, list[str], list[Dtype], list[int], list[str]], Int64]


def storage_dtype(cls: Any) -> Dtype | None:
    """The dtype of a storage class by its name, None for an untyped one.

    Raises:
        ValueError: it is no storage class.
    """
    if not isinstance(cls, Global) or not cls.name.endswith("Storage"):
        raise ValueError("no storage class")
    if cls.name in ("UntypedStorage", "TypedStorage", "_UntypedStorage"):
        return None
    return BY_STORAGE[cls.name]


def checked_shape(size: Any) -> tuple[int, ...]:
    """A shape of sane integers.

    Raises:
        ValueError, TypeError: negative, too many, too large, or no integers.
    """
    shape = tuple(size)
    if len(shape) > _MAX_DIMENSIONS or not all(type(n) is int and 0 <= n <= _MAX for n in shape):
        raise ValueError("impossible shape")
    if math.prod(shape) > _MAX:
        raise ValueError("more elements than can be addressed")
    return shape


class TorchObjects:
    """Interpreters for one pickle, writing into one table builder."""

    def __init__(
        self,
        builder: TableBuilder,
        find_storage: FindStorage,
        plain: PickleObjects,
        find_storages: FindStorages | None = None,
    ) -> None:
        self.builder = builder
        self._find_storage = find_storage
        self._find_storages = find_storages
        self._plain = plain
        # Set where a storage key is used with more bytes than the container has for it.
        self.storages_seen: dict[str, int] = {}
        self.credit: Callable[[int], None] = lambda _: None
        self._state_parts_seen = 0

    def interpreters(self) -> dict[str, Interpreter]:
        """Full name → interpreter: torch's on top of those of plain pickles."""
        table: dict[str, Interpreter] = dict(self._plain.interpreters())
        for name, method in {
            "_rebuild_tensor": self.rebuild_tensor,
            "_rebuild_tensor_v2": self.rebuild_tensor_v2,
            "_rebuild_tensor_v3": self.rebuild_tensor_v3,
            "_rebuild_parameter": self.rebuild_parameter,
            "_rebuild_parameter_with_state": self.rebuild_parameter_with_state,
            "_rebuild_qtensor": self.rebuild_qtensor,
            "_rebuild_sparse_tensor": self.rebuild_sparse_tensor,
            "_rebuild_sparse_csr_tensor": self.rebuild_sparse_tensor,
            "_rebuild_nested_tensor": self.rebuild_nested_tensor,
            "_rebuild_meta_tensor_no_storage": self.rebuild_meta_tensor,
            "_rebuild_wrapper_subclass": self.rebuild_wrapper_subclass,
            "_rebuild_device_tensor_from_cpu_tensor": self.rebuild_device_tensor,
            "_rebuild_device_tensor_from_numpy": self.rebuild_from_numpy,
            "_rebuild_xla_tensor": self.rebuild_from_numpy,
        }.items():
            table[f"torch._utils.{name}"] = method
        table["torch._tensor._rebuild_from_type_v2"] = self.rebuild_from_type_v2
        table["torch._tensor._rebuild_from_type"] = self.rebuild_from_type_v2
        table["torch.tensor._rebuild_from_type_v2"] = self.rebuild_from_type_v2
        table["torch.nested._internal.nested_tensor._rebuild_njt"] = self.rebuild_njt
        table["torch.serialization._get_layout"] = _layout
        table["torch.Size"] = _size
        table["torch.device"] = _device
        table["torch.nn.parameter.Parameter"] = self.parameter
        for kind in ("int", "tensor", "double", "bool"):
            table[f"torch.jit._pickle.build_{kind}list"] = _first
        table["torch.jit._pickle.restore_type_tag"] = _first
        return table

    # -- storages -----------------------------------------------------------------

    def persistent_load(self, identity: Any) -> StorageRef:
        """The storage of `("storage", class, key, location, numel[, view])`."""
        kind, cls, key, location, numel = identity[:5]
        if kind != "storage" or type(numel) is not int or not 0 <= numel <= _MAX:
            raise ValueError("no storage")
        return self.storage(storage_dtype(cls), _text(key), _text(location), numel)

    def storage(self, dtype: Dtype | None, key: str, location: str, numel: int) -> StorageRef:
        """The storage of that key, looked up once."""
        row = self.storages_seen.get(key)
        if row is None:
            row = self.find_row(key, dtype, numel, location)
        return StorageRef(row, dtype, numel)

    def find_row(self, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
        """The row of a storage that is met for the first time."""
        row = self.storages_seen[key] = self._find_storage(self.builder, key, dtype, numel, location)
        return row

    def find_rows(self, keys: list[str], dtypes: list[Dtype], numels: list[int], locations: list[str]) -> Int64:
        """The rows of many storages, of which any may have been met before."""
        seen = self.storages_seen
        if self._find_storages and len(set(keys)) == len(keys) and seen.keys().isdisjoint(keys):
            found = self._find_storages(self.builder, keys, dtypes, numels, locations)
            seen.update(zip(keys, found.tolist(), strict=True))
            return found
        each = zip(keys, dtypes, numels, locations, strict=True)
        return np.array([self.storage(dtype, key, place, numel).row for key, dtype, numel, place in each], np.int64)

    # -- tensors ------------------------------------------------------------------

    def _add(
        self,
        storage: StorageRef,
        offset: int,
        size: Any,
        stride: Any,
        *,
        dtype: Dtype | None = None,
        flags: int = 0,
        extra: dict[str, Any] | None = None,
    ) -> TensorNode:
        dtype = dtype or storage.dtype or BY_NAME["uint8"]
        shape, step = checked_shape(size), tuple(stride)
        if len(step) != len(shape) or not all(type(n) is int and 0 <= n <= _MAX for n in step):
            raise ValueError("impossible stride")
        if type(offset) is not int or not 0 <= offset <= _MAX:
            raise ValueError("impossible offset")
        offset = min(offset + storage.start, _MAX)
        if not self.fits(storage.row, dtype, offset, reach(shape, step)):
            flags |= Flag.OUT_OF_BOUNDS
        self.credit(1)
        row = self.builder.add_tensor(
            dtype, shape, step, storage=storage.row, offset=offset, flags=int(flags), extra=extra
        )
        return TensorNode(row)

    def fits(self, storage_row: int, dtype: Dtype, offset: int, elements: int) -> bool:
        """Whether elements up to `offset + elements` lie inside the storage."""
        return elements == 0 or (offset + elements) * dtype.bits <= self.builder.storage_nbytes(storage_row) * 8

    def rebuild_tensor(self, args: tuple[Any, ...]) -> TensorNode:
        """(storage, offset, size, stride)."""
        storage, offset, size, stride = args
        return self._add(_storage(storage), offset, size, stride)

    def rebuild_tensor_v2(self, args: tuple[Any, ...]) -> TensorNode:
        """(storage, offset, size, stride, requires_grad, hooks[, {conj, neg}])."""
        storage, offset, size, stride, grad = args[:5]
        if isinstance(storage, tuple):
            # Some libraries write the identity of the storage itself, without the opcode that looks it up.
            storage = self.persistent_load(storage)
        return self._add(_storage(storage), offset, size, stride, flags=_GRAD[bool(grad)] | _math_bits(args[6:7]))

    def rebuild_tensor_v3(self, args: tuple[Any, ...]) -> TensorNode:
        """(untyped storage, offset, size, stride, requires_grad, hooks, dtype[, {conj, neg}])."""
        storage, offset, size, stride, grad, _, dtype = args[:7]
        flags = _GRAD[bool(grad)] | _math_bits(args[7:8])
        return self._add(_storage(storage), offset, size, stride, dtype=_dtype(dtype), flags=flags)

    def _derived(self, node: Any, flags: int, state: Any = None) -> TensorNode:
        """The same tensor under another face; a plain tensor of the same file keeps its own."""
        row = _tensor(node).row
        b = self.builder
        new = len(b.dtype)
        for column in (b.dtype, b.form, b.storage, b.offset):
            column.append(column[row])
        kept = b.flags[row] & ~int(Flag.REQUIRES_GRAD) if flags & Flag.GRAD_KNOWN else b.flags[row]
        b.flags.append(kept | int(flags))
        if row in b.extra:
            b.extra[new] = dict(b.extra[row])
        inherited = node.state
        return TensorNode(new, inherited if state is None else state)

    def rebuild_parameter(self, args: tuple[Any, ...]) -> TensorNode:
        """(data, requires_grad, hooks)."""
        return self._derived(args[0], Flag.PARAMETER | _GRAD[bool(args[1])])

    def rebuild_parameter_with_state(self, args: tuple[Any, ...]) -> TensorNode:
        """(data, requires_grad, hooks, state)."""
        node = self._derived(args[0], Flag.PARAMETER | _GRAD[bool(args[1])])
        node.state = args[3]
        return node

    def parameter(self, args: tuple[Any, ...]) -> TensorNode:
        """Parameter(data[, requires_grad]), as some old files pickle it."""
        return self._derived(args[0], Flag.PARAMETER | _GRAD[bool(args[1]) if len(args) > 1 else 1])

    def rebuild_qtensor(self, args: tuple[Any, ...]) -> TensorNode:
        """(storage, offset, size, stride, quantiser, requires_grad, hooks)."""
        storage, offset, size, stride, quantiser, grad = args[:6]
        scheme = quantiser[0].name if isinstance(quantiser[0], Global) else _text(quantiser[0])
        facts: dict[str, Any] = {"scheme": scheme}
        extra: dict[str, Any] = {"quantiser": facts}
        if scheme == "per_tensor_affine":
            facts |= {"scale": float(quantiser[1]), "zero_point": int(quantiser[2])}
        else:
            scale, zero_point, facts["axis"] = quantiser[1], quantiser[2], int(quantiser[3])
            if isinstance(scale, TensorNode):
                extra["components"] = {"scale": scale.row, "zero_point": _tensor(zero_point).row}
            else:
                facts |= {"scale": [float(n) for n in scale], "zero_point": [int(n) for n in zero_point]}
        flags = Flag.QUANTISED | _GRAD[bool(grad)]
        return self._add(_storage(storage), offset, size, stride, flags=flags, extra=extra)

    def _wrapper(
        self, dtype: Dtype, shape: tuple[int, ...], flags: int, facts: dict[str, Any], stride: Any = None
    ) -> TensorNode:
        """A tensor without a storage of its own."""
        self.credit(1)
        step = contiguous_stride(shape) if stride is None else tuple(stride)
        if len(step) != len(shape) or not all(type(n) is int and 0 <= n <= _MAX for n in step):
            raise ValueError("impossible stride")
        return TensorNode(self.builder.add_tensor(dtype, shape, step, flags=int(flags), extra=facts))

    def rebuild_sparse_tensor(self, args: tuple[Any, ...]) -> TensorNode:
        """(layout, (indices, values, size[, coalesced])) or (layout, (compressed, plain, values, size))."""
        layout = str(args[0].value) if isinstance(args[0], Scalar) else "sparse_csr"
        parts = args[1] if isinstance(args[1], tuple) else args
        extra: dict[str, Any] = {"layout": layout}
        if layout == "sparse_coo":
            indices, values, size = parts[:3]
            extra["components"] = {"indices": _tensor(indices).row, "values": _tensor(values).row}
            if len(parts) > 3 and parts[3] is not None:
                extra["coalesced"] = bool(parts[3])
        else:
            compressed, plain, values, size = parts[:4]
            by_row = layout in ("sparse_csr", "sparse_bsr")
            names = ("crow_indices", "col_indices") if by_row else ("ccol_indices", "row_indices")
            extra["components"] = {
                names[0]: _tensor(compressed).row,
                names[1]: _tensor(plain).row,
                "values": _tensor(values).row,
            }
        dtype = self._dtype_of(extra["components"]["values"])
        return self._wrapper(dtype, checked_shape(size), Flag.SPARSE, extra)

    def _dtype_of(self, row: int) -> Dtype:
        return DTYPES[self.builder.dtype[row]]

    def rebuild_nested_tensor(self, args: tuple[Any, ...]) -> TensorNode:
        """(buffer, sizes, strides, storage_offsets): its shape is only the number of its tensors."""
        names = ("buffer", "sizes", "strides", "storage_offsets")
        rows = {name: _tensor(part).row for name, part in zip(names, args, strict=True)}
        count = self.builder.shape_of(rows["sizes"])[:1]
        extra = {"layout": "nested", "components": rows}
        return self._wrapper(self._dtype_of(rows["buffer"]), count, Flag.NESTED, extra)

    def rebuild_njt(self, args: tuple[Any, ...]) -> TensorNode:
        """A jagged nested tensor: {values, offsets, lengths, _ragged_idx, …}; its shape leaves out the ragged axis."""
        state = args[0] if len(args) == 1 and isinstance(args[0], Mapping) else Mapping()
        entries = dict(zip(state.items[::2], state.items[1::2], strict=False)) if _plain_keys(state) else {}
        rows = {name: part.row for name, part in entries.items() if isinstance(part, TensorNode)}
        values, offsets = rows["values"], rows["offsets"]
        ragged, inner = entries.get("_ragged_idx", 1), self.builder.shape_of(values)
        if type(ragged) is not int or not 1 <= ragged <= len(inner):
            raise ValueError("no ragged axis")
        count = (max(self.builder.shape_of(offsets)[0] - 1, 0), *inner[: ragged - 1], *inner[ragged:])
        flags = Flag.NESTED | _GRAD[bool(entries.get("requires_grad"))]
        facts = {"layout": "jagged", "components": rows, "ragged_idx": ragged}
        return self._wrapper(self._dtype_of(values), checked_shape(count), flags, facts)

    def rebuild_meta_tensor(self, args: tuple[Any, ...]) -> TensorNode:
        """(dtype, size, stride, requires_grad): a tensor that never had values."""
        dtype, size, stride, grad = args[:4]
        return self._wrapper(_dtype(dtype), checked_shape(size), Flag.META | _GRAD[bool(grad)], {}, stride)

    def rebuild_wrapper_subclass(self, args: tuple[Any, ...]) -> TensorNode:
        """(class, dtype, size, stride, storage_offset, layout, device, requires_grad)."""
        cls, dtype, size, stride = args[:4]
        grad = bool(args[7]) if len(args) > 7 else False
        facts = {"class": cls.full}
        return self._wrapper(_dtype(dtype), checked_shape(size), Flag.SUBCLASS | _GRAD[grad], facts, stride)

    def rebuild_device_tensor(self, args: tuple[Any, ...]) -> TensorNode:
        """(tensor, dtype, device, requires_grad)."""
        return self._derived(args[0], _GRAD[bool(args[3])])

    def rebuild_from_numpy(self, args: tuple[Any, ...]) -> TensorNode:
        """(array, dtype, device, requires_grad)."""
        node = self._plain.as_tensor(args[0])
        if node is None:
            raise ValueError("no array")
        return self._derived(node, _GRAD[bool(args[3])] if len(args) > 3 else 0)

    def rebuild_from_type_v2(self, args: tuple[Any, ...]) -> Any:
        """(function, type, its arguments, state): a tensor with attributes, or of a subclass."""
        function, cls, inner = args[:3]
        state = args[3] if len(args) > 3 else None
        if not isinstance(function, Global) or function.call is None:
            raise ValueError("unknown function")
        node = _tensor(function.call(inner))
        if isinstance(cls, Global) and cls.full not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
            self.builder.extra.setdefault(node.row, {})["class"] = cls.full
        if isinstance(cls, Global) and cls.full == "torch.nn.parameter.Parameter":
            self.builder.flags[node.row] |= int(Flag.PARAMETER)
        node.state = state
        return node

    def attach_state(self, node: TensorNode) -> None:
        """Turn what a tensor carries beside its values into components (tensors) and attributes."""
        components: dict[str, int] = {}
        attributes: dict[str, Any] = {}
        pending: list[tuple[str, Any]] = [("", node.state)]
        visited: set[int] = set()
        most_parts = _STATE_PARTS + _STATE_PARTS_A_TENSOR * len(self.builder.dtype)
        while pending and len(components) < _COMPONENTS_OF_SUBCLASS and self._state_parts_seen < most_parts:
            name, value = pending.pop()
            if isinstance(value, TensorNode):
                if value.row not in components.values():
                    components[name or "value"] = value.row
            elif isinstance(value, str | int | float | bool | None):
                if name:
                    attributes[name] = value if not isinstance(value, str) else value[:200]
            elif id(value) not in visited and len(visited) < 4 * _COMPONENTS_OF_SUBCLASS and len(name) < _LONGEST_PART:
                visited.add(id(value))
                parts = _parts(value)
                self._state_parts_seen += len(parts)
                pending += [(f"{name}.{key}" if name else key, inner) for key, inner in reversed(parts)]
        if attributes.pop("_is_param", False) is True:
            # So torch marks a parameter whose class is a subclass's own.
            self.builder.flags[node.row] |= int(Flag.PARAMETER)
        facts = self.builder.extra.setdefault(node.row, {})
        known = facts.get("components", {})
        components = {name: row for name, row in components.items() if row not in known.values()}
        if components:
            facts["components"] = {**known, **components}
        if attributes:
            facts["attributes"] = attributes
        if not facts:
            del self.builder.extra[node.row]


def _parts(value: Any) -> list[tuple[str, Any]]:
    """The named parts of a state: entries, attributes, members."""
    if isinstance(value, Mapping):
        items = value.items[: 8 * _COMPONENTS_OF_SUBCLASS]
        return [
            (key[:_LONGEST_PART], part) for key, part in zip(items[::2], items[1::2], strict=False) if type(key) is str
        ]
    if isinstance(value, Opaque):
        return [*_parts(value.args), *_parts(value.state)]
    if isinstance(value, list | tuple):
        return [(str(index), part) for index, part in enumerate(value[:_COMPONENTS_OF_SUBCLASS])]
    return []


def _text(value: Any) -> str:
    """A name or number as text; anything else is never printed: shared parts would make it endless."""
    if type(value) not in (str, int):
        raise TypeError("no text")
    return str(value)


def _plain_keys(mapping: Mapping) -> bool:
    return all(isinstance(key, str) for key in mapping.items[::2])


def _storage(value: Any) -> StorageRef:
    if not isinstance(value, StorageRef):
        raise TypeError("no storage")
    return value


def _tensor(value: Any) -> TensorNode:
    if not isinstance(value, TensorNode):
        raise TypeError("no tensor")
    return value


def _dtype(value: Any) -> Dtype:
    if not isinstance(value, Global) or value.module != "torch":
        raise TypeError("no dtype")
    return BY_NAME[value.name]


def _math_bits(metadata: tuple[Any, ...]) -> int:
    flags = 0
    if metadata and isinstance(metadata[0], Mapping):
        items = metadata[0].items
        for key, value in zip(items[::2], items[1::2], strict=False):
            if value is True and key == "conj":
                flags |= Flag.CONJ
            elif value is True and key == "neg":
                flags |= Flag.NEG
    return int(flags)


def _layout(args: tuple[Any, ...]) -> Scalar:
    return Scalar("torch.layout", _text(args[0]).removeprefix("torch."))


def _size(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(args[0]) if args else ()


def _device(args: tuple[Any, ...]) -> Scalar:
    return Scalar("torch.device", ":".join(str(part) for part in args if isinstance(part, str | int)))


def _first(args: tuple[Any, ...]) -> Any:
    return args[0]
