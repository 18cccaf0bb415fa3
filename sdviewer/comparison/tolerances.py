"""Tolerances: how close two values must be to count as close, by dtype, as `torch.testing` has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Tolerance:
    """|a - b| ≤ atol + rtol·|b|, as `torch.testing.assert_close(a, b)` asks; b is what is expected."""

    rtol: float
    atol: float


_EXACT = Tolerance(0.0, 0.0)

# torch.testing._comparison._DTYPE_PRECISIONS (torch 2.13); what is not there must be equal.
_BY_DTYPE: Mapping[str, Tolerance] = MappingProxyType(
    {
        "float16": Tolerance(1e-3, 1e-5),
        "bfloat16": Tolerance(1.6e-2, 1e-5),
        "float32": Tolerance(1.3e-6, 1e-5),
        "float64": Tolerance(1e-7, 1e-7),
        "complex32": Tolerance(1e-3, 1e-5),
        "complex64": Tolerance(1.3e-6, 1e-5),
        "complex128": Tolerance(1e-7, 1e-7),
        "quint8": Tolerance(1.3e-6, 1e-5),
        "quint2x4": Tolerance(1.3e-6, 1e-5),
        "quint4x2": Tolerance(1.3e-6, 1e-5),
        "qint8": Tolerance(1.3e-6, 1e-5),
        "qint32": Tolerance(1.3e-6, 1e-5),
    }
)


def tolerance_of(a: str, b: str) -> Tolerance:
    """The tolerance for a pair of dtypes: the wider one of both, each part by itself."""
    of_a, of_b = _BY_DTYPE.get(a, _EXACT), _BY_DTYPE.get(b, _EXACT)
    return Tolerance(max(of_a.rtol, of_b.rtol), max(of_a.atol, of_b.atol))
