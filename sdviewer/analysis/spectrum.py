"""Spectrum: the singular values of a tensor read as a matrix, and what they say; computed in the torch process.

The matrix A is m × n, k = min(m, n), its singular values σ₁ ≥ … ≥ σₖ. A tensor of more than two axes
is read as one axis × all others: a convolution's weight as out × (in · kernel). Embeddings and linear
layers are what they are. Only the set of columns matters, not their order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.statistics import Bounded
from sdviewer.checkpoint.decoding import decoded_dtype
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import bytes_for_people
from sdviewer.control import Control
from sdviewer.errors import CannotRead
from sdviewer.processes.limits import physical_memory

Floats = npt.NDArray[np.float64]
Method = Literal["svd", "gram", "top"]

# Seconds for each step, measured with two threads of an AMD EPYC; pairs are of the leading and the next term.
_SVD = (4.5e-11, 5e-8)
_EIGENVALUES = (2.8e-11, 4e-8)
_PRODUCT = 6e-12
_PRODUCT_FLOAT32 = 3.5e-12
_VALUE = 1.2e-9

# The full decomposition resolves the smallest singular values and is taken where it costs little.
_SECONDS_FOR_SVD = 1.5
_SECONDS_FOR_SVD_OF_WIDE = 60.0
_SECONDS_FOR_GRAM = 600.0
_SHARE_OF_MEMORY = 0.6
_EPSILON = float(np.finfo(np.float64).eps)
# Of the eigenvalues of a Gram matrix, in units of its largest: the tests find less.
_GRAM_ERROR = 32 * _EPSILON
_NEGLIGIBLE = 1e-9
_BLOCK_BYTES = 4 << 20
# How long it may take at most: machines are slow or busy.
_SECONDS_BEYOND = 300.0
_TIMES_ESTIMATE = 20

# The Krylov space of "top": multiplications with the matrix and its transpose, and vectors, see torch_spectrum.py.
_TOP_PRODUCTS = 18
_TOP_VECTORS = 32

_ROUNDING = {
    "float64": 2.0**-52,
    "float32": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float8_e4m3fn": 2.0**-3,
    "float8_e4m3fnuz": 2.0**-3,
    "float8_e5m2": 2.0**-2,
    "float8_e5m2fnuz": 2.0**-2,
    "complex128": 2.0**-52,
    "complex64": 2.0**-23,
    "complex32": 2.0**-10,
}

# 99.9 % of the Tracy-Widom law of order 1: Bejan, "Largest eigenvalues and sample covariance matrices", 2005.
_TRACY_WIDOM = 3.2724


@dataclass(frozen=True, slots=True)
class Cost:
    """What a spectrum will take, on this machine about.

    Attributes:
        method: "svd": all singular values by a full decomposition in float64. "gram": all, as roots of the
            eigenvalues of AAᵀ in float64; those below 8e-8 σ₁ are not resolved. "top": the 16 largest.
        seconds: of computing, without the start of the process.
        nbytes: memory of the process beyond what torch itself takes.

    """

    method: Method
    seconds: float
    nbytes: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """How a tensor is read: `rows` values along `axis`, `columns` in all others."""

    axis: int
    rows: int
    columns: int


def _f(title: str, form: str, about: str) -> dict[str, str]:
    """Metadata of a field."""
    return {"title": title, "form": form, "about": about}


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What the singular values say; each field with metadata has a `title`, a `form` and `about` its formula.

    A figure that is a Bounded with an infinite or zero end is known from one side alone. None where
    it cannot be told from the 16 largest, or of a matrix that is all zero.

    Attributes:
        matrix: how the tensor was read.
        method: how it was computed, see `Cost`.
        singular: singular values, largest first, shape `(k,)`, or `(16,)` by "top"; read-only.
        resolution: singular values below it are not told from 0.
        noise: standard deviation of the entries that the Marchenko-Pastur law was fitted with.
        seconds: what it took.

    """

    matrix: Matrix
    method: Method
    singular: Floats
    resolution: float
    noise: float | None
    seconds: float
    spectral: Bounded = field(metadata=_f("Spectral norm", "number", "σ₁"))
    frobenius: float = field(metadata=_f("Frobenius norm", "number", "√Σσ²"))
    nuclear: Bounded | None = field(metadata=_f("Nuclear norm", "number", "Σσ"))
    condition: Bounded | None = field(metadata=_f("Condition number", "number", "σ₁ / σₖ"))
    stable_rank: Bounded | None = field(
        metadata=_f("Stable rank", "number", "‖A‖²_F / σ₁² (Rudelson and Vershynin, 2007)")
    )
    effective_rank: float | None = field(
        metadata=_f("Effective rank", "number", "exp(-Σ p ln p) with p = σ / Σσ (Roy and Vetterli, 2007)")
    )
    rank_90: Bounded | None = field(
        metadata=_f("Rank at 90 % energy", "count", "the fewest singular values with 90 % of Σσ²")
    )
    rank_99: Bounded | None = field(
        metadata=_f("Rank at 99 % energy", "count", "the fewest singular values with 99 % of Σσ²")
    )
    edge: float | None = field(
        metadata=_f(
            "Marchenko–Pastur edge",
            "number",
            "s (√m + √n), where singular values of pure noise of standard deviation s end (Marchenko and Pastur, "
            "1967); s from the median singular value (Gavish and Donoho, 2014), from the entries' RMS "
            "where only the largest are known",
        )
    )
    spikes: Bounded | None = field(
        metadata=_f(
            "Spikes",
            "count",
            "singular values beyond what noise reaches in 99.9 % of cases: the edge and the Tracy–Widom law "
            "(Johnstone, 2001)",
        )
    )

    def energy(self) -> Floats:
        """The share of Σσ² in the largest 1, 2, …, shape as `singular`."""
        total = (self.frobenius / self.scale) ** 2
        shares = np.cumsum((self.singular / self.scale) ** 2)
        return np.minimum(shares / total, 1.0) if total else np.ones_like(shares)

    @property
    def scale(self) -> float:
        """The largest singular value, 1 where it is 0: squares of what was divided by it cannot overflow."""
        return float(self.singular[0]) or 1.0


def applies(ref: TensorRef) -> bool:
    """Whether it can be read as a matrix with two rows and two columns of numbers that are not whole."""
    return can_be_matrix(ref.checkpoint.table.dtype_of(ref.row).kind, ref.shape)


def can_be_matrix(kind: str, shape: tuple[int, ...]) -> bool:
    """The same of a dtype's kind and a shape."""
    return kind in {"float", "complex", "quantised"} and bool(axes_of(shape))


def axes_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that can be the rows, so that there are two rows and two columns."""
    total = math.prod(shape)
    return tuple(axis for axis, size in enumerate(shape) if size >= 2 and total // size >= 2)


def matrix_of(shape: tuple[int, ...], axis: int) -> Matrix:
    """A shape read with an axis as the rows."""
    return Matrix(axis, shape[axis], math.prod(shape) // shape[axis])


def estimate(ref: TensorRef, axis: int = 0, method: Method | None = None) -> Cost:
    """What a spectrum will cost; without a `method`, by the one that suits the size.

    Raises:
        CannotRead: it does not fit into the memory of this machine by any method, or by this one.

    """
    costs = {cost.method: cost for cost in _costs(ref, axis)}
    if method is not None:
        _check_memory(ref, costs[method])
        return costs[method]
    wide = _values_dtype(ref).itemsize == (16 if _values_dtype(ref).kind == "c" else 8)
    patience: tuple[tuple[Method, float], ...] = (
        ("svd", _SECONDS_FOR_SVD_OF_WIDE if wide else _SECONDS_FOR_SVD),
        ("gram", _SECONDS_FOR_GRAM),
        ("top", math.inf),
    )
    for name, seconds in patience:
        if costs[name].seconds <= seconds and costs[name].nbytes <= _memory():
            return costs[name]
    _check_memory(ref, costs["top"])
    return costs["top"]


def _check_memory(ref: TensorRef, cost: Cost) -> None:
    if cost.nbytes > _memory():
        raise CannotRead(
            f"the singular values of {ref.name!r} take {bytes_for_people(cost.nbytes)} of memory to compute",
            file=ref.checkpoint.path,
            hint=f"{bytes_for_people(_memory())} may be used on this machine",
        )


def _memory() -> int:
    return int(_SHARE_OF_MEMORY * physical_memory())


def _values_dtype(ref: TensorRef) -> np.dtype[np.generic]:
    dtype = decoded_dtype(ref.checkpoint.table.dtype_of(ref.row))
    return np.dtype("float32") if dtype is None else dtype


def _costs(ref: TensorRef, axis: int) -> Iterator[Cost]:
    matrix = matrix_of(ref.shape, axis)
    m, n = max(matrix.rows, matrix.columns), min(matrix.rows, matrix.columns)
    dtype = _values_dtype(ref)
    is_complex = dtype.kind == "c"
    slower, wide = (4, 16) if is_complex else (1, 8)
    # A copy with the chosen axis first.
    held = m * n * dtype.itemsize * (1 if axis == 0 else 2)
    reading = m * n * _VALUE
    svd = _SVD[0] * (4 * m * n * n - 4 / 3 * n**3) + _SVD[1] * m * n
    gram = 2 * m * n * n * _PRODUCT + _EIGENVALUES[0] * n**3 + _EIGENVALUES[1] * n * n
    top = 2 * m * n * _TOP_VECTORS * _TOP_PRODUCTS * _PRODUCT_FLOAT32 * (dtype.itemsize // (8 if is_complex else 4))
    streamed = axis == 0 and matrix.rows >= matrix.columns and dtype.itemsize == wide // 2
    basis = (6 * m + 4 * n) * 256 * dtype.itemsize
    yield Cost("svd", reading + slower * svd, 3 * m * n * wide)
    yield Cost("gram", reading + slower * gram, 4 * n * n * wide + (0 if streamed else 2 * held) + (64 << 20))
    yield Cost("top", reading + slower * top + 0.05, held + basis)


def spectrum(
    ref: TensorRef, control: Control | None = None, *, axis: int = 0, method: Method | None = None
) -> Spectrum:
    """The singular values and what they say, computed in the torch process.

    Progress is in values while they are read. Cancelling ends the process at once.

    Raises:
        CannotRead: and its kinds: NaN or infinities among the values, too little memory, see also `TensorRef`.
        HelperDied: the process ended, or torch is not installed.
        Cancelled: `control` was cancelled.

    """
    import time

    from sdviewer.processes.torch_process import torch_process

    control = control or Control()
    if axis not in axes_of(ref.shape):
        raise CannotRead(f"{ref.name!r} is no matrix with axis {axis} as rows", file=ref.checkpoint.path)
    cost = estimate(ref, axis, method)
    request = {
        "work": "spectrum",
        "shape": list(ref.shape),
        "axis": axis,
        "dtype": _values_dtype(ref).name,
        "method": cost.method,
        "memory": cost.nbytes,
    }

    def values() -> Iterator[memoryview]:
        first = 0
        for chunk in ref.chunks(_BLOCK_BYTES, control):
            flat = np.ascontiguousarray(chunk)
            if not np.isfinite(flat).all():
                raise _not_finite(ref, flat, first)
            first += len(flat)
            yield flat.view(np.uint8).data
        # How far a decomposition is nobody knows.
        control.report(0, 0, "computing")

    began = time.monotonic()
    answer, buffers = torch_process().ask(
        request, values, control, seconds=_SECONDS_BEYOND + _TIMES_ESTIMATE * cost.seconds
    )
    singular = np.frombuffer(buffers[0], np.float64)
    return spectrum_of(
        singular,
        matrix_of(ref.shape, axis),
        cost.method,
        frobenius=answer["frobenius"],
        rounding=_ROUNDING.get(ref.dtype, 0.0),
        seconds=time.monotonic() - began,
    )


def _not_finite(ref: TensorRef, flat: npt.NDArray[np.generic], first: int) -> CannotRead:
    position = int(np.argmin(np.isfinite(flat)))
    index = ", ".join(str(int(part)) for part in np.unravel_index(first + position, ref.shape))
    what = "NaN" if np.isnan(flat[position]) else "infinite"
    return CannotRead(
        f"{ref.name!r} has no singular values: the value at [{index}] is {what}",
        file=ref.checkpoint.path,
        hint="see its statistics for how many there are",
    )


def spectrum_of(
    singular: Floats,
    matrix: Matrix,
    method: Method,
    *,
    frobenius: float,
    rounding: float = 0.0,
    seconds: float = 0.0,
) -> Spectrum:
    """What singular values say, largest first: all of them, or by "top" the largest ones from below.

    `rounding` is the distance of 1 from the next number of the tensor's dtype.
    """
    singular = np.asarray(singular, np.float64)
    singular.flags.writeable = False
    is_whole = method != "top"
    first = float(singular[0])
    error = math.sqrt(_GRAM_ERROR) if method == "gram" else max(matrix.rows, matrix.columns) * _EPSILON
    resolution = first * error if is_whole else 0.0
    scaled = singular / (first or 1.0)
    total = (frobenius / (first or 1.0)) ** 2
    rms = frobenius / math.sqrt(matrix.rows * matrix.columns)
    noise = _noise(singular, matrix, resolution) if is_whole else rms
    if noise is not None and noise <= rounding * rms:
        noise = None  # what rounding to the dtype leaves is no noise of its own
    edge = noise * (math.sqrt(matrix.rows) + math.sqrt(matrix.columns)) if noise else None
    return Spectrum(
        matrix,
        method,
        singular,
        resolution,
        noise or None,
        seconds,
        spectral=Bounded(first, first, first if is_whole else frobenius),
        frobenius=frobenius,
        nuclear=_nuclear(singular, resolution) if is_whole else None,
        condition=_condition(singular, resolution) if is_whole and first else None,
        stable_rank=Bounded(total, total if is_whole else 1.0, total) if first else None,
        effective_rank=_effective_rank(scaled) if is_whole and first else None,
        rank_90=_rank_at(0.90, scaled, total, is_whole=is_whole) if first else None,
        rank_99=_rank_at(0.99, scaled, total, is_whole=is_whole) if first else None,
        edge=edge,
        spikes=_spikes(singular, noise, matrix, is_whole=is_whole) if noise else None,
    )


def _nuclear(singular: Floats, resolution: float) -> Bounded:
    total = math.fsum(singular)
    # By a Gram matrix it is the squares that are off by this much.
    off = float((resolution * (resolution / np.maximum(singular, resolution))).sum()) if resolution else 0.0
    return Bounded(total, total, total) if off <= _NEGLIGIBLE * total else Bounded(total, total - off, total + off)


def _condition(singular: Floats, resolution: float) -> Bounded:
    first, last = float(singular[0]), float(singular[-1])
    if last > resolution:
        return Bounded(first / last, first / last, first / last)
    return Bounded(first / resolution, first / resolution, math.inf)


def _effective_rank(scaled: Floats) -> float:
    share = scaled / scaled.sum()
    share = share[share > 0]
    return math.exp(-math.fsum(share * np.log(share)))


def _rank_at(energy: float, scaled: Floats, total: float, *, is_whole: bool) -> Bounded | None:
    sums = np.cumsum(scaled**2)
    # Against the sum in the same order, so that all of them are always enough.
    goal = energy * (float(sums[-1]) if is_whole else total)
    rank = int(np.searchsorted(sums, goal)) + 1
    return Bounded(rank, rank if is_whole else 1, rank) if rank <= len(scaled) else None


def _noise(singular: Floats, matrix: Matrix, resolution: float) -> float | None:
    """The standard deviation of the entries that would give this median singular value, were they noise.

    Gavish and Donoho, "The optimal hard threshold for singular values is 4/√3", IEEE Transactions on
    Information Theory 60 (2014), for unknown noise: s = median σ / √(n μ), with the median μ of the
    Marchenko-Pastur law. A few large singular values do not move it. None where half of them vanish.
    """
    median = float(np.median(singular))
    small, large = sorted((matrix.rows, matrix.columns))
    return median / math.sqrt(large * _median_of_law(small / large)) if median > resolution else None


@lru_cache(maxsize=64)
def _median_of_law(ratio: float) -> float:
    """The median of the Marchenko-Pastur law of unit variance for `ratio` of sides, at most 1.

    With x = 1 + β + 2√β cos θ its density √((b-x)(x-a)) / (2πβx) dx becomes 2 sin²θ / (πx) dθ.
    """
    theta = (np.arange(1 << 16) + 0.5) * (math.pi / (1 << 16))
    x = 1 + ratio + 2 * math.sqrt(ratio) * np.cos(theta)
    mass = np.cumsum(np.sin(theta) ** 2 / x)
    return float(np.interp(0.5 * mass[-1], mass, x))


def _spikes(singular: Floats, noise: float, matrix: Matrix, *, is_whole: bool) -> Bounded:
    """Johnstone, "On the distribution of the largest eigenvalue in principal components analysis", 2001."""
    small, large = sorted((matrix.rows, matrix.columns))
    center = math.sqrt(large - 1) + math.sqrt(small)
    spread = center * (1 / math.sqrt(large - 1) + 1 / math.sqrt(small)) ** (1 / 3)
    limit = noise * math.sqrt(center**2 + _TRACY_WIDOM * spread)
    count = int((singular > limit).sum())
    return Bounded(count, count, count if is_whole or count < len(singular) else small)
