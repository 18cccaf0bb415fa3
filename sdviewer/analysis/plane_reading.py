"""PlaneReader: the values of a plane's pieces as float32 or float64, decoded into memory that stays in cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.plane import Piece, Plane
from sdviewer.checkpoint.decoding import Codes, decode, decode_table, decoded_dtype, dequantise
from sdviewer.checkpoint.payload import View
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.errors import NotDecodable

Numbers = npt.NDArray[np.float32] | npt.NDArray[np.float64]

# Rows that lie farther apart than this are read one by one, straight to where they are needed.
_GAP = 4 << 10


class PlaneReader:
    """One for each thread. Integers beyond 2**53 are rounded; complex numbers are given by magnitude.

    Attributes:
        view: where the values lie, axis by axis.
        value_bytes: bytes of a value as it is stored, at least 1.

    Raises:
        NotDecodable: the values of the dtype are not known.
        CannotRead: and its kinds, see `TensorRef`.

    """

    def __init__(self, ref: TensorRef, plane: Plane, *, compiled: bool) -> None:
        self._ref, self._plane, self._compiled = ref, plane, compiled
        self._payload = ref.payload()
        self._dtype = ref.checkpoint.table.dtype_of(ref.row)
        if decoded_dtype(self._dtype) is None:
            raise NotDecodable(
                f"the values of {ref.dtype} ({ref.name!r}) are not known",
                file=ref.checkpoint.path,
                hint="see its codes",
            )
        self._quantiser = ref.quantiser
        if self._dtype.kind == "quantised" and self._quantiser is None:
            raise NotDecodable(f"{ref.name!r} is quantised without a scale", file=ref.checkpoint.path)
        self._is_negated = bool(ref.flags & Flag.NEG) and self._dtype.kind != "bool"
        self._table = self._value_table()
        self.view = self._payload.view
        self.value_bytes = max(1, self._payload.bits // 8)
        self._memory: Codes | None = None
        if len(self.view.shape) != len(plane.shape):
            # Packed values whose last axis is not dense: they are unpacked once.
            self._memory = self._payload.read_all()
            steps = tuple(step // self._memory.itemsize for step in self._memory.strides[: len(plane.shape)])
            self.view = View(plane.shape, steps, 0)
        self._room = np.empty(0, np.uint8)
        self._numbers = np.empty(0, np.uint8)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` if the file is not the one that was described."""
        self._payload.check_unchanged()

    def read(self, piece: Piece) -> Numbers:
        """Its values, shape `(rows, columns)`; the array may change with the next call."""
        codes = self._codes(piece.view)
        values = self._decoded(codes, piece).reshape(piece.rows, piece.columns)
        # Compiled loops take no array that is read-only.
        return np.require(values, requirements=("C", "W"))

    def _value_table(self) -> npt.NDArray[np.float32] | None:
        """The value of every code, where codes are bytes or pairs of bytes that say it by themselves."""
        dtype, quantiser = self._dtype, self._quantiser
        if quantiser is not None:
            if quantiser.axis is not None or self._payload.unit.itemsize > 1:
                return None
            table = dequantise(np.arange(256, dtype=np.uint8), dtype, quantiser.scale, quantiser.zero_point)
        elif dtype.kind in {"float", "int", "uint", "bool"} and dtype.bits <= 16:
            table = decode_table(dtype.name)
        else:
            return None
        full = np.zeros(1 << (8 * self._payload.unit.itemsize), np.float32)
        full[: len(table)] = -table if self._is_negated else table
        return full

    def _codes(self, view: View) -> Codes:
        payload = self._payload
        if self._memory is not None:
            flat = self._memory.reshape(-1)[view.offset :]
            strides = tuple(step * flat.itemsize for step in view.stride)
            return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, view.shape, strides, writeable=False))
        if payload.bits % 8 or payload.swapped:
            return payload.read(view)
        merged, width = view.merged(), payload.code_bytes
        if merged.contiguous:
            raw = self._buffer(merged.numel * width)
            payload.read_into(merged.offset, raw)
        elif len(merged.shape) == 2 and merged.stride[1] == 1 and (merged.stride[0] - merged.shape[1]) * width > _GAP:
            raw = self._buffer(merged.numel * width)
            rows = raw.reshape(merged.shape[0], -1)
            for row in range(len(rows)):
                payload.read_into(merged.offset + row * merged.stride[0], rows[row])
        else:
            return payload.read(view)
        return raw.view(payload.unit).reshape(-1, *payload.parts)

    def _buffer(self, nbytes: int) -> npt.NDArray[np.uint8]:
        if len(self._room) < nbytes:
            self._room = np.empty(nbytes, np.uint8)
        return self._room[:nbytes]

    def _decoded(self, codes: Codes, piece: Piece) -> Numbers:
        dtype = self._dtype
        if self._table is not None:
            if self._compiled:
                return self._looked_up(np.require(codes.reshape(-1), requirements=("C", "W")), self._table)
            return self._table[codes]
        if self._quantiser is not None:
            values: npt.NDArray[Any] = self._dequantised(codes, piece)
        else:
            values = decode(codes, dtype)
        if values.dtype.kind == "c":
            with np.errstate(over="ignore", invalid="ignore"):
                magnitude = np.hypot(values.real.astype(np.float64), values.imag.astype(np.float64))
            # hypot(inf, nan) is inf; here a number with a NaN part is NaN.
            return np.where(np.isnan(values), np.nan, magnitude)
        if values.dtype not in {np.dtype(np.float32), np.dtype(np.float64)}:
            values = values.astype(np.float64)
        return np.negative(values) if self._is_negated else values

    def _looked_up(self, codes: Codes, table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        from sdviewer.analysis.kernels.raster import look_up, widen_bfloat16

        if len(self._numbers) < 4 * len(codes):
            self._numbers = np.empty(4 * len(codes), np.uint8)
        out = self._numbers[: 4 * len(codes)]
        if self._dtype.name == "bfloat16" and not self._is_negated:
            widen_bfloat16(codes, out.view(np.uint32))
        else:
            look_up(codes, table, out.view(np.float32))
        return out.view(np.float32)

    def _dequantised(self, codes: Codes, piece: Piece) -> npt.NDArray[np.float32]:
        quantiser = self._quantiser
        assert quantiser is not None  # noqa: S101  # asked before
        codes = codes.reshape(piece.rows, piece.columns)
        if quantiser.axis is None:
            return dequantise(codes, self._dtype, quantiser.scale, quantiser.zero_point)
        rows = range(piece.row, piece.row + piece.rows)
        columns = range(piece.column, piece.column + piece.columns)
        down, across = self._plane.places(quantiser.axis, rows, columns)
        channel = np.add.outer(np.array(down), np.array(across)) + self._plane.at[quantiser.axis]
        scale, zero_point = np.asarray(quantiser.scale), np.asarray(quantiser.zero_point)
        return dequantise(codes, self._dtype, scale[channel], zero_point[channel])
