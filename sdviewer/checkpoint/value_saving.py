"""A tensor as a .npy file of its own, written in pieces: its size costs no memory."""

from __future__ import annotations

from typing import IO

import numpy as np

from sdviewer.checkpoint.decoding import decoded_dtype
from sdviewer.checkpoint.saving import save_whole
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import value_shape
from sdviewer.control import Control
from sdviewer.errors import NotDecodable


def saved_dtype(ref: TensorRef) -> str:
    """Numpy's name of the dtype that `write_npy` writes, "" where the values are not known."""
    dtype = ref.checkpoint.table.dtype_of(ref.row)
    target = np.dtype("float16") if dtype.name == "float16" else decoded_dtype(dtype)
    return "" if target is None else target.name


def write_npy(ref: TensorRef, target: str, control: Control) -> int:
    """Write all values, row-major, under the name `target` once the file is whole; returns its bytes.

    Dtypes that numpy lacks are widened without loss, quantised values are the real ones.

    Raises:
        CannotWrite: the folder, the disk, or `target` is a file of the checkpoint.
        CannotRead: as the methods of `TensorRef`.
        Cancelled: `control` was cancelled; nothing is left of the file.

    """
    name = saved_dtype(ref)
    if not name:
        raise NotDecodable(f"the values of {ref.dtype} ({ref.name!r}) are not known", file=ref.checkpoint.path)
    dtype = np.dtype(name)

    def write(file: IO[bytes]) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": value_shape(ref),
        }
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in ref.chunks(control=control):
            with np.errstate(invalid="ignore"):  # signalling NaNs
                file.write(np.ascontiguousarray(chunk.astype(dtype, copy=False)).data)

    return save_whole(ref.checkpoint, target, write)
