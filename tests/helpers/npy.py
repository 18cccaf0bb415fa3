"""Files of numpy, written by numpy or byte by byte, and what is found in them."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import sdviewer
from sdviewer.checkpoint.document import Checkpoint

Array = npt.NDArray[Any]


def npy(array: Array) -> bytes:
    """What `numpy.save` writes of it."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions that old numpy does not read
        np.save(file, array, allow_pickle=True)
    return file.getvalue()


def with_header(text: str, payload: bytes = b"", version: int = 1) -> bytes:
    """A .npy whose header holds `text`."""
    raw = text.encode("utf-8" if version == 3 else "latin-1")
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", len(raw)) + raw + payload


def archive(path: Path, entries: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    """A zip archive of these entries; one name may stand more than once."""
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in entries:
            target.NameToInfo.pop(name, None)  # it would warn of a name that stands twice
            target.writestr(name, content)
    return path


def opened(folder: Path, content: bytes) -> Checkpoint:
    """What is found in a file of these bytes."""
    (folder / "array.npy").write_bytes(content)
    return sdviewer.open(folder / "array.npy")


def the_only(checkpoint: Checkpoint) -> sdviewer.TensorRef:
    """The one tensor of a bare array."""
    assert checkpoint.description.root == "tensor"
    (ref,) = checkpoint.tensors.values()
    return ref


def kinds(checkpoint: Checkpoint) -> list[str]:
    """The kinds of its problems, in order."""
    return [problem.kind for problem in checkpoint.problems]
