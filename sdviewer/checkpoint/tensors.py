"""TensorRef: one row of the tensor table and, on demand, its values. Tensors: all of them by name.

Neither holds bytes. A reference is made when someone asks for it, so a million tensors cost
no objects.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.decoding import Codes, Values, decode, decoded_dtype, dequantise, numpy_dtype
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.memory import check_memory
from sdviewer.checkpoint.modules import Role
from sdviewer.checkpoint.names import Path, encode_part
from sdviewer.checkpoint.payload import Index, Payload, payload_of
from sdviewer.checkpoint.table import Flag, is_contiguous
from sdviewer.control import Control
from sdviewer.errors import AmbiguousName, CannotRead, NameNotFound, NotDecodable, NotDense

if TYPE_CHECKING:
    import torch

# Logical bytes beyond which going through all values would never end (an expanded view may claim 2**60).
_MOST_BYTES_BEYOND_FILE = 1 << 36
_NAMES_COMPARED = 2000
_LONGEST_COMPARED = 500


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """Where a tensor's bytes lie.

    Attributes:
        id: the storage's number in this checkpoint; tensors with the same one share it.
        key: the container's own name for it.
        file: the file, with the entry inside it where it is a source of its own; "" for missing bytes.
        offset: bytes from the start of the storage to the first element.
        nbytes: bytes of the whole storage.
        location: the device that it was saved from: "cpu", "cuda:0" …

    """

    id: int
    key: str
    file: str
    offset: int
    nbytes: int
    location: str


@dataclass(frozen=True, eq=False, slots=True)
class Quantiser:
    """How codes become real values: (code - zero point) · scale.

    `axis` is None for one scale and zero point in all; else both are arrays with one entry an
    index of that axis, float64 and int64, or float32 both ("float_qparams").
    """

    scheme: str
    scale: float | npt.NDArray[Any]
    zero_point: int | npt.NDArray[Any]
    axis: int | None


@dataclass(frozen=True, slots=True, repr=False)
class TensorRef:
    """One tensor of a checkpoint. Its description is at hand; its values are read when asked for.

    The methods that read raise:
        NotDense: sparse, nested or meta, or an object of a tensor subclass; see `components`.
        NotDecodable: the dtype has no known values, or numpy has no such dtype.
        MissingBytes: it reaches past what the file holds.
        SourceChanged: the file was changed, shortened or replaced since it was opened.
        CannotRead: it would not fit into memory, or the stored bytes are damaged.
    """

    checkpoint: Checkpoint
    row: int

    def __repr__(self) -> str:
        return f"<TensorRef {self.name!r} {self.dtype} {list(self.shape)}>"

    @property
    def name(self) -> str:
        """The canonical name; a component's is its owner's, "/" and its own."""
        return self.checkpoint.table.name[self.row]

    @property
    def path(self) -> Path:
        """Dict keys and list indices from the root of the file; a component has its own name as last part."""
        if self.row < self.checkpoint.table.listed:
            return self.checkpoint.path_of(self.row)
        owner, _, part = self.name.rpartition("/")
        row = self.checkpoint.tensors.rows.get(owner)
        return (*(self.checkpoint.path_of(row) if row is not None else (owner,)), part)

    @property
    def dtype(self) -> str:
        """Torch's name without `torch.`, numpy's or the file's own where torch has none."""
        return self.checkpoint.table.dtype_name(self.row)

    @property
    def shape(self) -> tuple[int, ...]:
        """As torch gives it: a dtype with two values in a byte counts bytes."""
        return self.checkpoint.table.shape_of(self.row)

    @property
    def stride(self) -> tuple[int, ...]:
        """In elements."""
        return self.checkpoint.table.stride_of(self.row)

    @property
    def numel(self) -> int:
        """Elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of its elements if they lay in a row; of a sparse or nested tensor, of its components."""
        return int(self.checkpoint.table.nbytes[self.row])

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie row-major without gaps."""
        return is_contiguous(self.shape, self.stride)

    @property
    def flags(self) -> Flag:
        """What the reader knows beside place and form."""
        return Flag(int(self.checkpoint.table.flags[self.row]))

    @property
    def requires_grad(self) -> bool | None:
        """None where the file does not say."""
        flags = self.flags
        return Flag.REQUIRES_GRAD in flags if Flag.GRAD_KNOWN in flags else None

    @property
    def role(self) -> Literal["parameter", "buffer", "unknown"]:
        """What it is to its module."""
        match Role(int(self.checkpoint.tree.role[self.row])):
            case Role.PARAMETER:
                return "parameter"
            case Role.BUFFER:
                return "buffer"
            case _:
                return "unknown"

    @property
    def layout(self) -> str:
        """As torch calls it: "strided", "sparse_coo", "sparse_csr", "nested", "jagged" and so on."""
        text = str(self.checkpoint.table.extra_of(self.row).get("layout", "strided"))
        return text.removeprefix("torch.")

    @property
    def components(self) -> Mapping[str, TensorRef]:
        """The tensors that hold the values of a sparse, nested, quantised or wrapped one, by their role in it."""
        rows = self.checkpoint.table.components(self.row)
        return {part: TensorRef(self.checkpoint, row) for part, row in rows.items()}

    @property
    def storage(self) -> StoragePlace | None:
        """Where its bytes lie; None for tensors without any of their own (sparse, nested, meta)."""
        table = self.checkpoint.table
        storage = int(table.storage[self.row])
        if storage < 0:
            return None
        storages, source = table.storages, int(table.storages.source[storage])
        return StoragePlace(
            id=storage,
            key=storages.key[storage],
            file=self.checkpoint.sources.specs[source].label if source >= 0 else "",
            offset=int(table.offset[self.row]) * table.dtype_of(self.row).bits // 8,
            nbytes=int(storages.nbytes[storage]),
            location=storages.locations[int(storages.location[storage])],
        )

    @property
    def shared_with(self) -> tuple[str, ...]:
        """Canonical names of the other tensors in the same storage, in file order."""
        storage = int(self.checkpoint.table.storage[self.row])
        rows = self.checkpoint.tensors.rows_in_storage(storage) if storage >= 0 else []
        return tuple(self.checkpoint.table.name[row] for row in rows if row != self.row)

    @property
    def quantiser(self) -> Quantiser | None:
        """Scale and zero point of a quantised tensor; per channel they are read from the file.

        Raises:
            NotDecodable: the file's facts about it do not fit the tensor.

        """
        facts = self.checkpoint.table.extra_of(self.row).get("quantiser")
        if facts is None:
            return None
        scheme = str(facts.get("scheme", "per_tensor_affine")).removeprefix("torch.")
        axis = facts.get("axis")
        scale, zero_point = (self._quantiser_fact(facts, key) for key in ("scale", "zero_point"))
        if axis is None and scale.ndim == zero_point.ndim == 0:
            return Quantiser(scheme, float(scale), int(zero_point), None)
        shape = self.shape
        if isinstance(axis, int) and 0 <= axis < len(shape) and scale.shape == zero_point.shape == (shape[axis],):
            if zero_point.dtype.kind == "f" or "float_qparams" in scheme:
                return Quantiser(scheme, scale.astype(np.float32), zero_point.astype(np.float32), axis)
            return Quantiser(scheme, scale.astype(np.float64), zero_point.astype(np.int64), axis)
        raise NotDecodable(f"the quantiser of {self.name!r} does not fit its shape", file=self.checkpoint.path)

    def _quantiser_fact(self, facts: Mapping[str, Any], key: str) -> npt.NDArray[Any]:
        """A number or a list among the facts, or the component of that name."""
        component = self.components.get(key)
        try:
            values = _real_numbers(np.asarray(facts[key]) if component is None else component.numpy())
            if component is not None and values.ndim:
                return values
            with np.errstate(invalid="raise"):
                return values.astype(np.int64 if key == "zero_point" else np.float64)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise NotDecodable(f"{self.name!r} has no usable {key}: {error}", file=self.checkpoint.path) from error

    # -- values ------------------------------------------------------------------------------

    def payload(self) -> Payload:
        """Where the codes lie, for work that reads them block by block."""
        self._check_dense()
        return payload_of(self.checkpoint, self.row)

    def codes(self) -> Codes:
        """The stored bit patterns as unsigned integers, one a value, in the tensor's shape.

        - Complex numbers have a further dimension of 2, real and imaginary.
        - Packed dtypes are unpacked, one code in each uint8: `quint4x2`, `quint2x4` and float6 keep the
          shape, `float4_e2m1fn_x2`, whose elements are bytes of two values, has twice the last dimension.
        - Dtypes that sdviewer does not know have a further dimension: the bytes of an element.
        - `conj` and `neg` views are not resolved: these are the bits in the file.
        """
        payload = self.payload()
        payload.check_unchanged()
        codes = payload.read_all()
        payload.check_unchanged()
        return codes

    def numpy(self, *, decoded: bool = True) -> Values:
        """The values as a new array, in the shape that `codes` describes.

        `decoded` gives an exact wider dtype where numpy has none: float32 for bfloat16, float16, float8,
        float6 and float4, complex64 for complex32, the real values in float32 for quantised tensors.
        Without it only dtypes that numpy has are given, as they are: float16 stays float16.
        `conj` and `neg` views are resolved.
        """
        dtype = self._numeric_dtype(decoded=decoded)
        payload = self.payload()
        target = decoded_dtype(dtype)
        if target is not None:
            check_memory(math.prod(payload.shape) * (payload.code_bytes + target.itemsize), self.name, payload.file)
        codes = self.codes()
        if not decoded and dtype.name == "float16":
            return self._resolved(codes.view(np.float16))
        return self._values(codes, self._quantiser_over(payload.shape))

    def read_slice(self, index: Index) -> Values:
        """`numpy()[index]` for integers and slices, reading no more of the file than that needs.

        Raises:
            IndexError: an index outside the shape, or more of them than dimensions.

        """
        return self.read_values_and_codes(index)[0]

    def read_values_and_codes(self, index: Index) -> tuple[Values, Codes]:
        """`numpy()[index]` and `codes()[index]`, read once; raises what `read_slice` raises."""
        self._numeric_dtype(decoded=True)
        payload = self.payload()
        payload.check_unchanged()
        codes = payload.read_slice(index)
        payload.check_unchanged()
        over = self._quantiser_over(payload.shape)
        if over is not None and over[0].ndim:
            over = over[0][index], over[1][index]
        values = self._values(codes, over)
        return np.asarray(values, order="C"), codes

    def chunks(
        self, max_bytes: int = 1 << 20, control: Control | None = None, *, memory_order: bool = False
    ) -> Iterator[Values]:
        """All decoded values as flat arrays of at most `max_bytes` bytes (but one value at least).

        Row-major, or in the order in which they lie in the file, which is faster for transposed
        tensors. `control` is asked before and told of each chunk, in values.

        Raises:
            Cancelled: `control` was cancelled.

        """
        dtype = self._numeric_dtype(decoded=True)
        payload = self.payload()
        target = decoded_dtype(dtype)
        total = math.prod(payload.shape)
        width = target.itemsize if target is not None else payload.code_bytes
        if total * width > _MOST_BYTES_BEYOND_FILE + 64 * max(self.checkpoint.file_bytes, payload.nbytes):
            raise CannotRead(f"{self.name!r} claims {total:,} values, far more than its file holds", file=payload.file)
        quantiser = self.quantiser
        by_channel = quantiser is not None and quantiser.axis is not None
        view = (payload.view.in_memory_order() if memory_order and not by_channel else payload.view).merged()
        step = max(1, max_bytes // width)
        control = control or Control()
        payload.check_unchanged()
        for first in range(0, total, step):
            control.report(first, total, self.name)
            codes = payload.read_flat(view, first, min(step, total - first))
            yield self._values(codes, self._quantiser_along(quantiser, first, len(codes)))
        payload.check_unchanged()
        control.report(total, total, self.name)

    def values_between(self, first: int, count: int) -> Values:
        """Decoded values `first … first + count - 1` in row-major order, flat."""
        self._numeric_dtype(decoded=True)
        codes = self.payload().read_block(first, count)
        return self._values(codes, self._quantiser_along(self.quantiser, first, len(codes)))

    def torch(self) -> torch.Tensor:
        """What `torch.load` would give, on the CPU: dtype, shape, stride, values, gradient flag, class, layout.

        Imports torch. A numpy array in a pickle comes as the tensor that shares its dtype.

        Raises:
            NotDense: an object of a tensor subclass, whose class would have to be run.

        """
        from sdviewer.checkpoint import as_torch

        return as_torch.rebuild(self)

    def _check_dense(self) -> None:
        flags = self.flags & Flag.NOT_DENSE
        if not flags:
            return
        parts = ", ".join(repr(part.name) for part in self.components.values())
        what = next(
            text
            for flag, text in (
                (Flag.META, "is a meta tensor, which has no values"),
                (Flag.SPARSE, f"is sparse ({self.layout})"),
                (Flag.NESTED, "is a nested tensor"),
                (Flag.SUBCLASS, "is an object of a tensor subclass"),
            )
            if flag in flags
        )
        hint = f"its values lie in {parts}" if parts else ""
        raise NotDense(f"{self.name!r} {what}", file=self.checkpoint.path, hint=hint)

    def _numeric_dtype(self, *, decoded: bool) -> Dtype:
        self._check_dense()
        dtype = self.checkpoint.table.dtype_of(self.row)
        if decoded and decoded_dtype(dtype) is None:
            raise NotDecodable(
                f"the values of {self.dtype} ({self.name!r}) are not known",
                file=self.checkpoint.path,
                hint="see its codes",
            )
        if not decoded and numpy_dtype(dtype) is None:
            raise NotDecodable(
                f"numpy has no {self.dtype} ({self.name!r})",
                file=self.checkpoint.path,
                hint="take decoded=True or its codes",
            )
        return dtype

    def _quantiser_over(self, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
        """Scale and zero point that broadcast against the values, with a stride of 0 where they repeat."""
        quantiser = self.quantiser
        if quantiser is None:
            return None
        scale, zero_point = np.asarray(quantiser.scale), np.asarray(quantiser.zero_point)
        if quantiser.axis is None:
            return scale, zero_point
        along = tuple(-1 if axis == quantiser.axis else 1 for axis in range(len(shape)))
        return np.broadcast_to(scale.reshape(along), shape), np.broadcast_to(zero_point.reshape(along), shape)

    def _quantiser_along(
        self, quantiser: Quantiser | None, first: int, count: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
        """Scale and zero point of values `first … first + count - 1` in row-major order."""
        if quantiser is None:
            return None
        scale, zero_point = np.asarray(quantiser.scale), np.asarray(quantiser.zero_point)
        if quantiser.axis is None:
            return scale, zero_point
        inner = math.prod(self.shape[quantiser.axis + 1 :])
        channel = np.arange(first, first + count) // inner % self.shape[quantiser.axis]
        return scale[channel], zero_point[channel]

    def _values(self, codes: Codes, quantiser: tuple[npt.NDArray[Any], ...] | None) -> Values:
        dtype = self.checkpoint.table.dtype_of(self.row)
        if dtype.kind != "quantised":
            return self._resolved(decode(codes, dtype))
        if quantiser is None:
            raise NotDecodable(f"{self.name!r} is quantised without a scale", file=self.checkpoint.path)
        return dequantise(codes, dtype, *quantiser)

    def _resolved(self, values: Values) -> Values:
        flags = self.flags
        if Flag.CONJ in flags:
            values = np.conjugate(values)
        if Flag.NEG in flags and values.dtype != np.bool_:
            values = np.negative(values)
        # Numpy's functions give scalars where an array has no dimensions.
        return np.asarray(values)


def _real_numbers(values: Values) -> Values:
    if values.dtype.kind not in "iuf":
        raise TypeError("not made of real numbers")
    return values


class Tensors(Mapping[str, TensorRef]):
    """The listed tensors of a checkpoint: canonical name → `TensorRef`, in file order."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Canonical name → row. Built on the first look-up by name."""
        table = self._checkpoint.table
        names = table.name.tolist()
        return dict(zip(names[: table.listed], range(table.listed), strict=True))

    def __len__(self) -> int:
        return self._checkpoint.table.listed

    def __iter__(self) -> Iterator[str]:
        names = self._checkpoint.table.name
        return (names[row] for row in range(len(self)))

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __getitem__(self, name: str) -> TensorRef:
        """The tensor with this canonical name.

        Raises:
            NameNotFound: none has it; the hint names similar ones.

        """
        row = self.rows.get(name)
        if row is None:
            raise self._not_found(name)
        return TensorRef(self._checkpoint, row)

    def find(self, name: str) -> TensorRef:
        """The tensor with this canonical name, else the one with this state_dict key.

        Raises:
            NameNotFound: neither; the hint names similar ones.
            AmbiguousName: several sections have that key; `candidates` are their canonical names.

        """
        row = self.rows.get(name)
        if row is not None:
            return TensorRef(self._checkpoint, row)
        key = encode_part(name)
        found = dict.fromkeys(
            full
            for section in self._checkpoint.sections.values()
            if (full := f"{section.path}/{key}" if section.path else key) in self.rows
        )
        if not found:
            # Dicts inside a section: keys are joined paths.
            nested = [
                section.tensors[name] for section in self._checkpoint.sections.values() if name in section.tensors
            ]
            found = dict.fromkeys(ref.name for ref in nested)
        if not found:
            raise self._not_found(name)
        if len(found) > 1:
            raise AmbiguousName(
                f"{name!r} stands for {len(found)} tensors: {', '.join(found)}",
                tuple(found),
                file=self._checkpoint.path,
                hint="give one of these names",
            )
        return self[next(iter(found))]

    def rows_in_storage(self, storage: int) -> list[int]:
        """The listed rows that lie in a storage, in file order."""
        order, start = self._by_storage
        return sorted(order[start[storage] : start[storage + 1]].tolist())

    @cached_property
    def _by_storage(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Listed rows sorted by storage, and where each storage begins."""
        table = self._checkpoint.table
        storage = table.storage[: table.listed]
        order = np.argsort(storage, kind="stable")
        return order, np.searchsorted(storage[order], np.arange(len(table.storages) + 1))

    def _not_found(self, name: str) -> NameNotFound:
        near = self._similar(name)
        return NameNotFound(
            f"no tensor is called {name!r}",
            file=self._checkpoint.path,
            hint=f"did you mean {' or '.join(near)}?" if near else "",
        )

    def _similar(self, name: str) -> list[str]:
        """Up to three names like it, out of those nearest to it in length."""
        if not isinstance(name, str) or len(name) > _LONGEST_COMPARED:
            return []
        table = self._checkpoint.table
        lengths = np.diff(table.name.offsets[: table.listed + 1])
        rows = np.argsort(np.abs(lengths - len(name)), kind="stable")[:_NAMES_COMPARED]
        names = [table.name[row] for row in rows.tolist() if lengths[row] <= 2 * _LONGEST_COMPARED]
        return difflib.get_close_matches(name, names)
