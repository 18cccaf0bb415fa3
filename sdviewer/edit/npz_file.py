"""An .npz archive from tensors: a .npy entry each, stored."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import IO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.control import Control
from sdviewer.edit.ahead import Ahead, Room, counted
from sdviewer.edit.encoding import checksums
from sdviewer.edit.safetensors_file import Entry, plain_storage
from sdviewer.edit.storages import bytes_of
from sdviewer.edit.zip_writing import ZipWriter


def write_npz(entries: Sequence[Entry], file: IO[bytes], told: Callable[[int], None], control: Control) -> None:
    """Write the archive; `told` hears of bytes that were written.

    Raises:
        CannotRead: bytes of the source are not to be had any more.
        Cancelled: `control` was cancelled.

    """
    archive = ZipWriter(file)
    headers = [_header(entry) for entry in entries]
    sources = (partial(_pieces, header, entry, control) for header, entry in zip(headers, entries, strict=True))
    nbytes = sum(entry.nbytes for entry in entries)
    with Ahead(sources, nbytes, checksum_of=checksums(nbytes)) as ahead:
        for header, entry in zip(headers, entries, strict=True):
            pieces = counted(ahead.next(), told)
            archive.add(f"{entry.name}.npy", len(header) + entry.nbytes, pieces, lambda: ahead.checksum)
    archive.finish()


def _header(entry: Entry) -> bytes:
    described = {
        "descr": npy.dtype_to_descr(np.dtype(BY_NAME[entry.dtype].numpy)),
        "fortran_order": False,
        "shape": entry.shape,
    }
    buffer = io.BytesIO()
    npy.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


def _pieces(header: bytes, entry: Entry, control: Control, room: Room) -> Iterator[npt.NDArray[np.uint8]]:
    yield np.frombuffer(header, np.uint8)
    yield from bytes_of(plain_storage(entry), control, room)
