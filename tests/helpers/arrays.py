"""Checkpoints made of arrays: their bytes in a raw file, described without any reader."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.formats.files import LocalSources

_SPARSE_PARTS = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


class ArrayFile:
    """Writes storages into one file and describes tensors over them, as a reader would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = bytearray(b"some header")
        self.table = TableBuilder()
        self.names: list[str] = []
        self.rows: list[int] = []
        self._storages: dict[int, int] = {}

    def storage(
        self, raw: bytes, *, encoding: Encoding = Encoding.RAW, swapped: bool = False, nbytes: int | None = None
    ) -> int:
        """A storage that holds `raw`, claimed to be of `nbytes`; returns its index."""
        self.data += b"\0" * (-len(self.data) % 64)
        stored = raw
        if encoding is Encoding.DEFLATED:
            packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            stored = packer.compress(raw) + packer.flush()
        elif encoding is Encoding.LATIN1:
            stored = raw.decode("latin-1").encode("utf-8")
        elif encoding is Encoding.MISSING:
            stored = b""
        offset = len(self.data)
        self.data += stored
        return self.table.add_storage(
            str(len(self._storages)),
            source=-1 if encoding is Encoding.MISSING else 0,
            offset=offset,
            nbytes=len(raw) if nbytes is None else nbytes,
            stored=len(stored),
            encoding=encoding,
            swapped=swapped,
        )

    def list(self, name: str, row: int) -> None:
        """Give a row a name of its own."""
        self.names.append(name)
        self.rows.append(row)

    def add(self, name: str, value: torch.Tensor | npt.NDArray[Any]) -> None:
        """A tensor or array, with the form, sharing and flags that it has."""
        self.list(name, self._row_of(torch.from_numpy(value) if isinstance(value, np.ndarray) else value))

    def add_raw(
        self,
        name: str,
        dtype: str,
        shape: tuple[int, ...],
        raw: bytes,
        *,
        stride: tuple[int, ...] | None = None,
        offset: int = 0,
        flags: int = 0,
        extra: dict[str, Any] | None = None,
        encoding: Encoding = Encoding.RAW,
        swapped: bool = False,
        nbytes: int | None = None,
    ) -> None:
        """A tensor over bytes of its own."""
        storage = self.storage(raw, encoding=encoding, swapped=swapped, nbytes=nbytes)
        row = self.table.add_tensor(dtype, shape, stride, storage=storage, offset=offset, flags=flags, extra=extra)
        self.list(name, row)

    def _row_of(self, tensor: torch.Tensor) -> int:
        flags = Flag.GRAD_KNOWN | (Flag.REQUIRES_GRAD if tensor.requires_grad else Flag(0))
        if isinstance(tensor, torch.nn.Parameter):
            flags |= Flag.PARAMETER
        tensor = tensor.detach()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.is_nested:
            buffer, sizes, strides, offsets = tensor.__reduce_ex__(2)[1]  # type: ignore[no-untyped-call]
            parts = {"buffer": buffer, "sizes": sizes, "strides": strides, "storage_offsets": offsets}
            return self._composed(dtype, (len(sizes),), flags | Flag.NESTED, {"layout": "nested"}, parts)
        shape = tuple(tensor.shape)
        if tensor.layout is torch.sparse_coo:
            facts = {"layout": "sparse_coo", "coalesced": tensor.is_coalesced()}
            parts = {"indices": tensor._indices(), "values": tensor._values()}
            return self._composed(dtype, shape, flags | Flag.SPARSE, facts, parts)
        if tensor.layout is not torch.strided:
            names = (*_SPARSE_PARTS[tensor.layout], "values")
            parts = {part: getattr(tensor, part)() for part in names}
            facts = {"layout": str(tensor.layout).removeprefix("torch.")}
            return self._composed(dtype, shape, flags | Flag.SPARSE, facts, parts)
        stride = tuple(tensor.stride())
        if tensor.is_meta:
            return self.table.add_tensor(dtype, shape, stride, flags=flags | Flag.META)
        extra: dict[str, Any] = {}
        if tensor.is_quantized:
            flags |= Flag.QUANTISED
            extra = self._quantiser(tensor)
        flags |= Flag.CONJ if tensor.is_conj() else Flag(0)
        flags |= Flag.NEG if tensor.is_neg() else Flag(0)
        storage = tensor.untyped_storage()
        index = self._storages.get(storage.data_ptr()) if storage.nbytes() else None
        if index is None:
            index = self._storages[storage.data_ptr()] = self.storage(_bytes_of(storage))
        offset = int(tensor.storage_offset())
        return self.table.add_tensor(dtype, shape, stride, storage=index, offset=offset, flags=flags, extra=extra)

    def _quantiser(self, tensor: torch.Tensor) -> dict[str, Any]:
        if tensor.qscheme() == torch.per_tensor_affine:
            return {
                "quantiser": {
                    "scheme": "per_tensor_affine",
                    "scale": tensor.q_scale(),
                    "zero_point": tensor.q_zero_point(),
                }
            }
        parts = {"scale": tensor.q_per_channel_scales(), "zero_point": tensor.q_per_channel_zero_points()}
        return {
            "quantiser": {"scheme": "per_channel_affine", "axis": tensor.q_per_channel_axis()},
            "components": {part: self._row_of(value) for part, value in parts.items()},
        }

    def _composed(
        self, dtype: str, shape: tuple[int, ...], flags: int, facts: dict[str, Any], parts: Mapping[str, torch.Tensor]
    ) -> int:
        rows = {part: self._row_of(value) for part, value in parts.items()}
        return self.table.add_tensor(dtype, shape, flags=flags, extra={**facts, "components": rows})

    def finish(self, *, plain_keys: bool = True) -> Checkpoint:
        """Write the file; the checkpoint over it has no sections and a tree without nodes."""
        self.path.write_bytes(self.data)
        sources = LocalSources()
        sources.add_file(self.path)
        structure = StructureBuilder()
        root = structure.open("", Node.MAPPING, -1, "dict")
        for row, name in enumerate(self.names):
            structure.tensor(name, root, row)
        structure.close(root)
        table = self.table.finish(self.names, self.rows)
        description = Description("made", table, structure.finish(plain_keys=plain_keys))
        tree = cast("ModuleTree", SimpleNamespace(role=np.zeros(len(table), np.uint8)))
        return Checkpoint(str(self.path), len(self.data), description, {}, tree, sources)


def _bytes_of(storage: torch.UntypedStorage) -> bytes:
    # bytes(storage) makes a Python integer of every byte.
    return torch.empty(0, dtype=torch.uint8).set_(storage).numpy().tobytes()


def checkpoint_of_arrays(path: Path, arrays: Mapping[str, torch.Tensor | npt.NDArray[Any]]) -> Checkpoint:
    """A checkpoint that holds these, with their strides, shared storages, flags and components."""
    file = ArrayFile(path)
    for name, value in arrays.items():
        file.add(name, value)
    return file.finish()
