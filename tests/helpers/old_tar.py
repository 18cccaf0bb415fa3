"""The tar archives of torch before 0.1.10, written as its `torch.save` did."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tests.helpers import opcodes as op

SYSTEM = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
_NAMES = {
    torch.float64: "Double",
    torch.float32: "Float",
    torch.float16: "Half",
    torch.bfloat16: "BFloat16",
    torch.int64: "Long",
    torch.int32: "Int",
    torch.int16: "Short",
    torch.int8: "Char",
    torch.uint8: "Byte",
    torch.bool: "Bool",
}
DTYPES = tuple(_NAMES)


class _Pickler(pickle.Pickler):
    """Tensors and storages are numbers; a class of modules comes with its source code."""

    def __init__(self, file: io.BytesIO, code: Mapping[type, str]) -> None:
        super().__init__(file, 2)
        self.tensors: dict[int, torch.Tensor] = {}
        # Each class is told once: inside its own identity it is a plain global.
        self.code = dict(code)

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor):
            self.tensors[id(obj)] = obj
            return id(obj)
        if isinstance(obj, type) and obj in self.code:
            return (obj, "model.py", self.code.pop(obj))
        return None


def members_of(value: Any, code: Mapping[type, str] | None = None) -> dict[str, bytes]:
    """The four members of the archive of `value`, by name, in their order."""
    file = io.BytesIO()
    pickler = _Pickler(file, code or {})
    pickler.dump(value)
    storages: dict[int, tuple[torch.UntypedStorage, torch.dtype]] = {}
    tensors = pickle.dumps(len(pickler.tensors), 2)
    for key, tensor in pickler.tensors.items():
        storage = tensor.detach().untyped_storage()
        # Two tensors may have a storage object each over the same bytes; empty ones have no place.
        place = storage.data_ptr() or key
        storages.setdefault(place, (storage, tensor.dtype))
        kind = op.named("torch", f"{_NAMES[tensor.dtype]}Tensor")
        tensors += op.program(op.tuple_of(op.number(key), op.number(place), kind))
        tensors += struct.pack(f"<i4x{2 * tensor.ndim}q", tensor.ndim, *tensor.shape, *tensor.stride())
        tensors += struct.pack("<q", tensor.storage_offset())
    return {
        "sys_info": pickle.dumps(SYSTEM, 2),
        "pickle": file.getvalue(),
        "tensors": tensors,
        "storages": storages_of(
            [(place, _NAMES[dtype], _raw(storage), dtype.itemsize) for place, (storage, dtype) in storages.items()]
        ),
    }


def _raw(storage: torch.UntypedStorage) -> bytes:
    return torch.empty(0, dtype=torch.uint8).set_(storage).numpy().tobytes()


def storages_of(
    storages: list[tuple[int, str, bytes, int]], views: list[tuple[int, int, int, int]] | None = None
) -> bytes:
    """The member that holds storages (key, kind, bytes, bytes an element) and views (key, root, offset, elements)."""
    content = pickle.dumps(len(storages), 2)
    for key, kind, raw, itemsize in storages:
        content += op.program(op.tuple_of(op.number(key), op.text("cpu"), op.named("torch", f"{kind}Storage")))
        content += struct.pack("<q", len(raw) // itemsize) + raw
    return content + pickle.dumps(views or [], 2)


def write_tar(path: Path, members: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    """A tar archive of these files."""
    with tarfile.open(path, "w:", format=form) as target:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return path


def save(value: Any, path: Path, code: Mapping[type, str] | None = None) -> Path:
    """What `torch.save(value, path)` wrote then."""
    return write_tar(path, members_of(value, code))
