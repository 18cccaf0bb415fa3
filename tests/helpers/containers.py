"""The containers in which checkpoints carry pickles, made around any pickle that a test gives."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
FOUR_FLOATS = np.arange(4, dtype=np.float32).tobytes()
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def torch_zip(
    path: Path, data_pickle: bytes, entries: dict[str, bytes] | None = None, *, deflated: bool = False
) -> None:
    """A torch archive with this data.pkl and one storage "0" of four floats."""
    method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", data_pickle)
        archive.writestr("archive/data/0", FOUR_FLOATS)
        for name, content in (entries or {}).items():
            archive.writestr(f"archive/{name}", content)
        archive.writestr("archive/version", b"3\n")


def torch_legacy(path: Path, value: bytes, **replaced: bytes) -> None:
    """Five pickles and one storage "0" of four floats; `replaced` names those to be replaced.

    Their names: magic, protocol, system, keys.
    """
    parts = {
        "magic": pickle.dumps(MAGIC, 2),
        "protocol": pickle.dumps(1001, 2),
        "system": pickle.dumps(SYSTEM, 2),
        "value": value,
        "keys": pickle.dumps(["0"], 2),
        **replaced,
    }
    path.write_bytes(b"".join(parts.values()) + struct.pack("<q", 4) + FOUR_FLOATS)


def torchscript(path: Path, data_pickle: bytes, constants: bytes = pickle.dumps((), 2)) -> None:
    """An archive with constants.pkl, by which torch tells TorchScript."""
    torch_zip(path, data_pickle, {"constants.pkl": constants, "code/__torch__.py": b"class M(Module):\n  pass\n"})


def torch_tar(path: Path, value: bytes, **replaced: bytes) -> None:
    """The layout of torch < 0.1.10 with no tensors in it; `replaced` names members: sys_info, tensors, storages."""
    none = pickle.dumps(0, 2)
    members = {
        "sys_info": pickle.dumps(SYSTEM, 2),
        "pickle": value,
        "tensors": none,
        "storages": none + pickle.dumps([], 2),
        **replaced,
    }
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def object_npy(value: bytes) -> bytes:
    """A .npy whose one element is an object, pickled as given."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + value


def nested(path: Path, data_pickle: bytes) -> None:
    """A zip that holds a torch file, as Stable-Baselines3 writes it."""
    inner = path.with_suffix(".inner")
    torch_zip(inner, data_pickle)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", b"{}")
        archive.write(inner, "policy.pth")
    inner.unlink()


def folder_of_shards(path: Path, data_pickle: bytes) -> None:
    """A folder with an index and one .bin."""
    path.mkdir()
    torch_zip(path / "pytorch_model-00001-of-00001.bin", data_pickle)
    (path / "pytorch_model.bin.index.json").write_text(
        '{"metadata": {"total_size": 16}, "weight_map": {"weight": "pytorch_model-00001-of-00001.bin"}}'
    )
