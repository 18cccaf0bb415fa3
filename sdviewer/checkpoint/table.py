"""TensorTable: what is known of every tensor without reading one, as columns.

A million rows are a dozen arrays. Shapes and strides repeat, so rows refer to *forms*:
each form is one pair of shape and stride.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cached_property, wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.dtypes import BY_NAME, DTYPES, OTHER, Dtype

T = TypeVar("T", bound=np.generic)
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]
UInt16 = npt.NDArray[np.uint16]

_MAX_INT64 = 2**63 - 1
# Numbers that tell where a storage lies.
_PLACE = 7

# Bits of an element by dtype code.
DTYPE_BITS = np.array([dtype.bits for dtype in DTYPES], np.int64)


class Flag(IntFlag):
    """What a reader knows of a tensor beside its place and form; bits of `TensorTable.flags`."""

    GRAD_KNOWN = 1  # the file says whether requires_grad
    REQUIRES_GRAD = 2
    PARAMETER = 4  # rebuilt as nn.Parameter, or held in a module's _parameters
    BUFFER = 8  # held in a module's _buffers
    CONJ = 16  # the stored values are to be conjugated
    NEG = 32  # the stored values are to be negated
    SPARSE = 64  # components hold the values: see extra["layout"]
    NESTED = 128
    META = 256  # has no values anywhere
    QUANTISED = 512  # extra["quantiser"] holds scale and zero point
    SUBCLASS = 1024  # a wrapper subclass: extra["class"], components where it holds tensors
    NUMPY = 2048  # a numpy array in a pickle, or a .npy
    OUT_OF_BOUNDS = 4096  # reaches past its storage: described, its values cannot be read
    COMPONENT = 8192  # part of another tensor, not listed by itself
    INCOMPLETE = 16384  # assembled from chunks of which some are missing: what there is can be read

    NOT_DENSE = SPARSE | NESTED | META | SUBCLASS


class Encoding(IntEnum):
    """How a storage's bytes lie in its source."""

    RAW = 0  # as they are, `nbytes` at `offset`
    DEFLATED = 1  # a raw-deflate stream of `stored` bytes at `offset`
    LATIN1 = 2  # bytes written as text in a pickle of protocol ≤ 2: UTF-8 of `stored` bytes, a code point a byte
    MISSING = 3  # the file does not hold them


@dataclass(frozen=True, eq=False)
class Forms:
    """Pairs of shape and stride: form `i` is `shape[start[i]:start[i + 1]]` and the same of `stride`.

    Strides are in elements.
    """

    start: Int64
    shape: Int64
    stride: Int64

    @staticmethod
    def of(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Forms:
        """The forms with these shapes and strides, in order."""
        start = np.zeros(len(pairs) + 1, np.int64)
        np.cumsum([len(shape) for shape, _ in pairs], out=start[1:])
        shape = np.array([size for shape, _ in pairs for size in shape], np.int64)
        stride = np.array([step for _, stride in pairs for step in stride], np.int64)
        return Forms(start, shape, stride)

    def __len__(self) -> int:
        return len(self.start) - 1

    def shape_of(self, form: int) -> tuple[int, ...]:
        """The shape as Python integers."""
        return tuple(self.shape[self.start[form] : self.start[form + 1]].tolist())

    def stride_of(self, form: int) -> tuple[int, ...]:
        """The stride, in elements, as Python integers."""
        return tuple(self.stride[self.start[form] : self.start[form + 1]].tolist())

    @cached_property
    def numel(self) -> Int64:
        """Elements of each form, shape `(len(self),)`."""
        return np.fromiter((math.prod(self.shape_of(i)) for i in range(len(self))), np.int64, len(self))

    @cached_property
    def reach(self) -> npt.NDArray[np.float64]:
        """Elements from the first one to behind the last one in storage; float64, because strides may be hostile."""
        spans = (reach(self.shape_of(i), self.stride_of(i)) for i in range(len(self)))
        return np.fromiter((float(span) for span in spans), np.float64, len(self))

    @cached_property
    def contiguous(self) -> npt.NDArray[np.bool_]:
        """Whether each form is row-major without gaps, as `torch.Tensor.is_contiguous`."""
        return np.fromiter(
            (is_contiguous(self.shape_of(i), self.stride_of(i)) for i in range(len(self))), np.bool_, len(self)
        )


@dataclass(frozen=True, eq=False)
class StorageTable:
    """Where bytes lie. Columns of one length.

    Attributes:
        key: the container's own name for it (`data/0`'s "0", a safetensors name).
        source: index into `Checkpoint.sources.specs`, -1 where the bytes are missing.
        offset: first byte in the source.
        nbytes: bytes that can be had, after decoding.
        stored: bytes that they take in the source.
        encoding: an `Encoding`.
        swapped: 1 where elements are big-endian.
        location: index into `locations` ("cpu", "cuda:0" …).

    """

    key: StringColumn
    source: Int32
    offset: Int64
    nbytes: Int64
    stored: Int64
    encoding: UInt8
    swapped: UInt8
    location: UInt16
    locations: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, eq=False)
class TensorTable:
    """All tensors of a checkpoint, as columns of one length.

    The first `listed` rows have names of their own, in file order; the others are components of them.

    Attributes:
        name: canonical names (contracts: parts joined by "/"); components have their owner's
            name and "/" and the component's name.
        dtype: codes of `dtypes.DTYPES`.
        form: index into `forms`.
        storage: index into `storages`, -1 where a tensor has none (meta, sparse …).
        offset: first element, counted in elements from the start of the storage.
        flags: bits of `Flag`.
        extra: index into `extras`, -1 for none.
        extras: rare facts, JSON-ready: "layout", "components" (name → row), "quantiser"
            ({"scheme", "scale", "zero_point", "axis"}), "class", "dtype" and "itemsize" (of an
            `other` dtype), "attributes", "tensor_shape" …

    """

    name: StringColumn
    dtype: UInt8
    form: Int32
    storage: Int32
    offset: Int64
    flags: UInt16
    extra: Int32
    forms: Forms
    storages: StorageTable
    extras: tuple[Mapping[str, Any], ...]
    listed: int

    def __len__(self) -> int:
        return len(self.dtype)

    @cached_property
    def numel(self) -> Int64:
        """Elements of each row."""
        return self.forms.numel[self.form] if len(self.forms) else np.zeros(len(self), np.int64)

    @cached_property
    def nbytes(self) -> Int64:
        """Bytes of each row if it were contiguous: elements times bits of the dtype, rounded up.

        A sparse or nested tensor or a wrapper subclass counts its components, a meta tensor 0.
        """
        bits = DTYPE_BITS[self.dtype]
        for row in np.flatnonzero(self.dtype == OTHER.code).tolist():
            bits[row] = 8 * int(self.extras[self.extra[row]].get("itemsize", 0))
        numel = self.numel
        # A hostile shape may hold 2**63 elements: in float64 first, so that nothing wraps round.
        huge = numel.astype(np.float64) * bits > _MAX_INT64 - 8
        result = (np.where(huge, 0, numel) * bits + 7) // 8
        result[huge] = _MAX_INT64
        for row in np.flatnonzero(self.flags & np.uint16(Flag.NOT_DENSE)).tolist():
            result[row] = sum(int(result[part]) for part in self.components(row).values())
        return result

    def dtype_of(self, row: int) -> Dtype:
        """The dtype table's row."""
        return DTYPES[int(self.dtype[row])]

    def dtype_name(self, row: int) -> str:
        """The dtype's name; for an unknown one, what the file calls it."""
        dtype = DTYPES[int(self.dtype[row])]
        return str(self.extra_of(row).get("dtype", dtype.name)) if dtype is OTHER else dtype.name

    def shape_of(self, row: int) -> tuple[int, ...]:
        """The shape as Python integers."""
        return self.forms.shape_of(int(self.form[row]))

    def stride_of(self, row: int) -> tuple[int, ...]:
        """The stride, in elements."""
        return self.forms.stride_of(int(self.form[row]))

    def extra_of(self, row: int) -> Mapping[str, Any]:
        """The rare facts of a row, empty where there are none."""
        index = int(self.extra[row])
        return self.extras[index] if index >= 0 else {}

    def components(self, row: int) -> Mapping[str, int]:
        """Component name → row, for sparse, nested, quantised and wrapped tensors."""
        parts: Mapping[str, int] = self.extra_of(row).get("components", {})
        return parts


def once_each(find: Callable[[TensorTable], npt.NDArray[T]]) -> Callable[[TensorTable], npt.NDArray[T]]:
    """Let a function answer once for each table; its answer is read-only, and kept as long as the table is."""
    known: WeakKeyDictionary[TensorTable, npt.NDArray[T]] = WeakKeyDictionary()

    @wraps(find)
    def found(table: TensorTable) -> npt.NDArray[T]:
        answer = known.get(table)
        if answer is None:
            answer = known[table] = find(table)
            answer.setflags(write=False)
        return answer

    return found


def contiguous_stride(shape: Sequence[int]) -> tuple[int, ...]:
    """The stride of a row-major tensor, in elements, as torch computes it (a dimension of 0 counts as 1)."""
    stride = []
    step = 1
    for size in reversed(shape):
        stride.append(step)
        step *= max(size, 1)
    return tuple(reversed(stride))


def is_contiguous(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether elements lie row-major without gaps; dimensions of size 1 do not count, as in torch."""
    if 0 in shape:
        return True
    step = 1
    for size, distance in zip(reversed(shape), reversed(stride), strict=True):
        if size != 1:
            if distance != step:
                return False
            step *= size
    return True


def reach(shape: Sequence[int], stride: Sequence[int]) -> int:
    """Elements from the first one to behind the last one in storage; 0 for an empty tensor."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * distance for size, distance in zip(shape, stride, strict=True))


class TableBuilder:
    """Collects storages and tensors in any order; `finish` makes the columns.

    Readers add tensors as they find them and name them at the end, because a pickle rebuilds a
    tensor before it says where it goes, and one tensor may go to several places.
    """

    def __init__(self) -> None:
        # As in a TensorTable, but in order of discovery.
        self.dtype = array("B")
        self.form = array("i")
        self.storage = array("i")
        self.offset = array("q")
        self.flags = array("H")
        self.extra: dict[int, dict[str, Any]] = {}
        self._forms: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self._pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.storage_key: list[str] = []
        # `_PLACE` numbers a storage: source, offset, nbytes, stored, encoding, swapped, location.
        self._places = array("q")
        self._locations: dict[str, int] = {}

    def add_form(self, shape: tuple[int, ...], stride: tuple[int, ...]) -> int:
        """The index of this pair; both must have one length and fit in int64."""
        form = self._forms.setdefault((shape, stride), len(self._forms))
        if form == len(self._pairs):
            self._pairs.append((shape, stride))
        return form

    def add_storage(
        self,
        key: str,
        *,
        source: int,
        offset: int,
        nbytes: int,
        stored: int | None = None,
        encoding: Encoding = Encoding.RAW,
        swapped: bool = False,
        location: str = "cpu",
    ) -> int:
        """A new storage; returns its index."""
        nbytes = min(nbytes, _MAX_INT64)
        stored = nbytes if stored is None else stored
        self._places.extend((source, offset, nbytes, stored, encoding, swapped, self._location(location)))
        self.storage_key.append(key)
        return len(self.storage_key) - 1

    def add_storages(
        self,
        keys: Sequence[str],
        *,
        source: int,
        offset: Int64,
        nbytes: Int64,
        stored: Int64,
        encoding: Int64,
        swapped: bool,
        locations: Sequence[str],
    ) -> int:
        """Many new storages, an array or sequence for all of them each; returns the index of the first."""
        places = np.empty((len(keys), _PLACE), np.int64)
        named = {location: self._location(location) for location in dict.fromkeys(locations)}
        location = np.fromiter(map(named.__getitem__, locations), np.int64, len(keys))
        columns: tuple[int | Int64, ...] = (source, offset, nbytes, stored, encoding, int(swapped), location)
        for column, values in enumerate(columns):
            places[:, column] = values
        self._places.frombytes(places.tobytes())
        self.storage_key += keys
        return len(self.storage_key) - len(keys)

    def _location(self, location: str) -> int:
        return min(self._locations.setdefault(location, len(self._locations)), 65535)

    def storage_nbytes(self, storage: int) -> int:
        """Bytes that can be had of a storage."""
        return self._places[storage * _PLACE + 2]

    def storages_nbytes(self, storages: Int64) -> Int64:
        """Bytes that can be had of each of many storages."""
        return np.asarray(np.frombuffer(self._places, np.int64)[storages * _PLACE + 2])

    def set_storage_place(
        self, storage: int, *, source: int, offset: int, nbytes: int, encoding: Encoding = Encoding.RAW
    ) -> None:
        """Say where a storage lies, for containers that tell it only behind their tensors."""
        first = storage * _PLACE
        self._places[first : first + 5] = array("q", (source, offset, nbytes, nbytes, encoding))

    def form_of(self, row: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape and stride of a provisional row."""
        return self._pairs[self.form[row]]

    def shape_of(self, row: int) -> tuple[int, ...]:
        """The shape of a provisional row."""
        return self._pairs[self.form[row]][0]

    def add_tensor(
        self,
        dtype: Dtype | str,
        shape: tuple[int, ...],
        stride: tuple[int, ...] | None = None,
        *,
        storage: int = -1,
        offset: int = 0,
        flags: int = 0,
        extra: dict[str, Any] | None = None,
    ) -> int:
        """A new tensor; returns its provisional row. No stride means contiguous."""
        row = len(self.dtype)
        code = (BY_NAME[dtype] if isinstance(dtype, str) else dtype).code
        form = self.add_form(shape, contiguous_stride(shape) if stride is None else stride)
        # First what may not fit: a file's offset, behind that of a view, may be more than an int64.
        self.offset.append(offset)
        self.dtype.append(code)
        self.form.append(form)
        self.storage.append(storage)
        self.flags.append(int(flags))
        if extra:
            self.extra[row] = extra
        return row

    def add_tensors(self, dtype: Int64, form: Int64, storage: Int64, offset: Int64, flags: Int64) -> int:
        """Many new tensors, each in a storage; returns the first provisional row."""
        row = len(self.dtype)
        columns = (self.dtype, self.form, self.storage, self.offset, self.flags)
        for column, values in zip(columns, (dtype, form, storage, offset, flags), strict=True):
            column.frombytes(values.astype(column.typecode).tobytes())
        return row

    def finish(self, names: Sequence[str], rows: Sequence[int]) -> TensorTable:
        """The table whose listed row `i` is provisional row `rows[i]` under `names[i]`.

        Components that an extra refers to by provisional row follow, named after their first owner.
        """
        all_rows = list(rows)
        all_names = list(names)
        extras: list[Mapping[str, Any]] = []
        extra_index: dict[int, int] = {}
        placed: dict[int, int] = {}
        position = 0
        while self.extra and position < len(all_rows):
            row = all_rows[position]
            if row in self.extra and row not in extra_index:
                facts = dict(self.extra[row])
                parts = facts.get("components")
                if parts:
                    facts["components"] = {}
                    for part, part_row in parts.items():
                        if part_row not in placed:
                            placed[part_row] = len(all_rows)
                            all_rows.append(part_row)
                            all_names.append(f"{all_names[position]}/{part}")
                        facts["components"][part] = placed[part_row]
                extra_index[row] = len(extras)
                extras.append(facts)
            position += 1
        listed = len(rows)
        take = np.array(all_rows, np.int64)
        flags = np.array(self.flags, np.uint16)[take] if len(take) else np.zeros(0, np.uint16)
        flags[listed:] |= np.uint16(Flag.COMPONENT)
        extra = np.full(len(self.dtype), -1, np.int32)
        for row, index in extra_index.items():
            extra[row] = index
        return TensorTable(
            name=StringColumn.of(all_names),
            dtype=_column(self.dtype, np.uint8, take),
            form=_column(self.form, np.int32, take),
            storage=_column(self.storage, np.int32, take),
            offset=_column(self.offset, np.int64, take),
            flags=flags,
            extra=extra[take] if len(take) else np.zeros(0, np.int32),
            forms=Forms.of(self._pairs),
            storages=self._finish_storages(),
            extras=tuple(extras),
            listed=listed,
        )

    def _finish_storages(self) -> StorageTable:
        columns = np.array(self._places, np.int64).reshape(-1, _PLACE)
        source, offset, nbytes, stored, encoding, swapped, location = columns.T
        return StorageTable(
            key=StringColumn.of(self.storage_key),
            source=source.astype(np.int32),
            offset=np.ascontiguousarray(offset),
            nbytes=np.ascontiguousarray(nbytes),
            stored=np.ascontiguousarray(stored),
            encoding=encoding.astype(np.uint8),
            swapped=swapped.astype(np.uint8),
            location=location.astype(np.uint16),
            locations=tuple(self._locations),
        )


def _column(values: Sequence[int], dtype: npt.DTypeLike, take: Int64) -> npt.NDArray[Any]:
    return np.array(values, dtype)[take] if len(take) else np.zeros(0, dtype)
