"""Singular values of a matrix by torch; runs in the torch process.

A request has

    shape, axis     of the tensor; the matrix has that axis as rows and all others as columns
    dtype           of the values, which come row-major: float32, float64, complex64, complex128
    method          "svd", "gram" or "top"
    memory          bytes that it may take

and its answer {"frobenius", "residual"} with one buffer of float64, the singular values, largest first;
residual is 0 but for "top".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from sdviewer.processes.frames import Buffer
from sdviewer.processes.limits import limit_memory

# What torch's libraries take beside what was computed: buffers of threads, their stacks.
_MEMORY_BESIDE = 1 << 30
# Rows or columns that are widened to float64 at a time.
_BLOCK_BYTES = 32 << 20

# Singular values that "top" answers with, vectors in a block, and blocks in its Krylov space.
TOP = 16
_BLOCK = 32
_DEPTH = 8

Report = Callable[[int, int, str], None]


def spectrum(request: dict[str, Any], values: Iterator[Buffer], report: Report) -> tuple[dict[str, Any], list[bytes]]:
    """Singular values as the module's docstring says; `values` are the frames that are still to come."""
    limit_memory(request["memory"] + _MEMORY_BESIDE)
    shape, axis, method = tuple(request["shape"]), request["axis"], request["method"]
    dtype = getattr(torch, request["dtype"])
    rows, columns = shape[axis], math.prod(shape) // shape[axis]
    residual = 0.0
    if streams(shape, axis, request["dtype"], method):
        gram = _gram_of_rows(values, request["dtype"], columns)
        squares, frobenius = _eigenvalues(gram), math.sqrt(float(gram.diagonal().real.sum()))
        found = torch.sqrt(squares)
    else:
        tensor = _whole(values, request["dtype"], shape, _widened(dtype) if method == "svd" else dtype)
        matrix = tensor.movedim(axis, 0).reshape(rows, columns)
        del tensor
        scale = _scale(matrix)
        frobenius = _norm(matrix) * scale
        if method == "svd":
            report(0, 1, "singular values")
            found = torch.linalg.svdvals(matrix)
        elif method == "gram":
            found = torch.sqrt(_eigenvalues(_gram(matrix, report)))
        else:
            found, residual = _largest(matrix, report)
            residual *= scale
        found = found.double() * scale
    return {"frobenius": frobenius, "residual": residual}, [found.double().numpy().tobytes()]


def streams(shape: tuple[int, ...], axis: int, dtype: str, method: str) -> bool:
    """Whether the matrix is never held as a whole: its Gram matrix is summed while its rows come.

    Squares of float32 neither overflow in float64 nor vanish there.
    """
    return method == "gram" and axis == 0 and math.prod(shape) <= shape[0] ** 2 and dtype in {"float32", "complex64"}


def _widened(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype.is_complex else torch.float64


def _whole(values: Iterator[Buffer], wire: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.empty(shape, dtype=dtype)
    flat = tensor.view(-1).numpy()
    first = 0
    for buffer in values:
        block = np.frombuffer(buffer, wire)
        flat[first : first + len(block)] = block
        first += len(block)
    return tensor


def _gram_of_rows(values: Iterator[Buffer], wire: str, columns: int) -> torch.Tensor:
    """A*ᵀA of rows that come one after the other, cut anywhere."""
    wide = _widened(getattr(torch, wire))
    gram = torch.zeros((columns, columns), dtype=wide)
    held = torch.empty((max(1, _BLOCK_BYTES // (columns * wide.itemsize)), columns), dtype=wide)
    flat, filled = held.view(-1).numpy(), 0
    for buffer in values:
        block = np.frombuffer(buffer, wire)
        while len(block):
            some = block[: len(flat) - filled]
            flat[filled : filled + len(some)] = some
            filled, block = filled + len(some), block[len(some) :]
            if filled == len(flat):
                gram.addmm_(held.mH, held)
                filled = 0
    rest = held[: filled // columns]
    return gram.addmm_(rest.mH, rest)


def _gram(matrix: torch.Tensor, report: Report) -> torch.Tensor:
    """A·A*ᵀ of a wide matrix, A*ᵀ·A of a tall one."""
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.mT
    rows, columns = matrix.shape
    wide = _widened(matrix.dtype)
    gram = torch.zeros((rows, rows), dtype=wide)
    step = max(1, _BLOCK_BYTES // (rows * wide.itemsize))
    for first in range(0, columns, step):
        report(first, columns, "products of rows")
        some = matrix[:, first : first + step].to(wide)
        gram.addmm_(some, some.mH)
    return gram


def _eigenvalues(gram: torch.Tensor) -> torch.Tensor:
    """Largest first; rounding makes some of those that are 0 negative."""
    values: torch.Tensor = torch.linalg.eigvalsh(gram)
    return values.flip(0).clamp(min=0)


def _largest(matrix: torch.Tensor, report: Report) -> tuple[torch.Tensor, float]:
    """The largest singular values from below, and the largest residual ‖Aᵀu - σv‖ of them.

    Rayleigh and Ritz on a block Krylov space of random vectors: Musco and Musco, "Randomized block
    Krylov methods for stronger and faster approximate singular value decomposition", NeurIPS 2015.
    """
    generator = torch.Generator().manual_seed(0)
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.mH
    columns = matrix.shape[1]
    width = min(_BLOCK, columns)
    depth = min(_DEPTH, -(-columns // width))
    block = torch.randn((columns, width), dtype=matrix.dtype, generator=generator)
    blocks: list[torch.Tensor] = []
    for index in range(depth):
        report(index, depth, "largest singular values")
        block = torch.linalg.qr(matrix.mH @ (matrix @ block))[0]
        # Against those before, twice: else they would lean on the largest ones again.
        for _ in range(2):
            for before in blocks:
                block -= before @ (before.mH @ block)
        block = torch.linalg.qr(block)[0]
        blocks.append(block)
    basis = torch.linalg.qr(torch.cat(blocks, 1)[:, :columns])[0]
    left, found, right = torch.linalg.svd(matrix @ basis, full_matrices=False)
    count = min(TOP, len(found))
    vectors = basis @ right.mH[:, :count]
    misses = matrix.mH @ left[:, :count] - vectors * found[:count]
    return found[:count], float(torch.linalg.vector_norm(misses, dim=0).max())


def _scale(matrix: torch.Tensor) -> float:
    """Divide by a power of two in place, after which the largest magnitude of a part is 1 to 2; returns it."""
    parts = torch.view_as_real(matrix) if matrix.is_complex() else matrix
    largest = max(abs(float(parts.min())), abs(float(parts.max())))
    exponent = math.frexp(largest)[1] - 1 if largest else 0
    # In two steps: what makes a subnormal large is no float by itself.
    for half in (exponent // 2, exponent - exponent // 2):
        parts *= 2.0**-half
    return 2.0**exponent


def _norm(matrix: torch.Tensor) -> float:
    """The Frobenius norm, summed in float64."""
    total = 0.0
    step = max(1, _BLOCK_BYTES // (8 * max(1, matrix.shape[1])))
    for first in range(0, matrix.shape[0], step):
        some = matrix[first : first + step]
        total += float(torch.linalg.vector_norm(some, dtype=_widened(matrix.dtype))) ** 2
    return math.sqrt(total)
