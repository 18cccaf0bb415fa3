"""What numpy and torch say of values, to judge statistics by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sdviewer.analysis.statistics import QUANTILES, Bounded, Cast, TensorStatistics

_TARGETS = {
    "float16": (torch.float16, 2.0**-14),
    "bfloat16": (torch.bfloat16, 2.0**-126),
    "float8_e4m3fn": (torch.float8_e4m3fn, 2.0**-6),
    "float8_e5m2": (torch.float8_e5m2, 2.0**-14),
}
# What rounds to more than 448 is saturated; half way between 448 and 480 is even below.
_MOST_E4M3 = 464.0


def assert_figures(found: TensorStatistics, tensor: torch.Tensor, *, exact: bool | None = None) -> None:
    """Every figure is that of the tensor's values, or has it within its bounds; all of them with `exact`."""
    x = tensor.to(torch.float64).reshape(-1).numpy()
    finite = x[np.isfinite(x)]
    n = len(finite)
    assert (found.count, found.finite) == (len(x), n)
    assert (found.nan, found.posinf, found.neginf) == (
        np.isnan(x).sum(),
        (x == np.inf).sum(),
        (x == -np.inf).sum(),
    )
    assert found.zeros == (finite == 0).sum()
    if tensor.dtype.is_floating_point:
        assert found.negative_zeros == ((finite == 0) & np.signbit(finite)).sum()
        assert found.subnormals == ((finite != 0) & (np.abs(finite) < torch.finfo(tensor.dtype).tiny)).sum()
        assert found.saturated == (np.abs(finite) == torch.finfo(tensor.dtype).max).sum()
    if not n:
        assert (found.min, found.max, found.mean, found.quantiles, found.most_frequent) == (None, None, None, (), None)
        return
    _assert_moments(found, finite)
    _assert_order(found, finite, exact)
    of_finite = tensor.reshape(-1)[torch.from_numpy(np.isfinite(x))]
    for cast in found.casts:
        _assert_cast(cast, of_finite, finite, exact)


def holds(bounded: Bounded | None, value: float, exact: bool | None, rel: float = 1e-12) -> bool:
    """Whether it is the value, or has it within its bounds."""
    assert bounded is not None
    slack = 0.0 if value == 0 or math.isinf(value) else abs(value) * rel
    if exact or bounded.is_exact:
        assert bounded.is_exact
        return bounded.value == value or abs(bounded.value - value) <= slack
    return bounded.low - slack <= value <= bounded.high + slack and bounded.low <= bounded.value <= bounded.high


def _assert_moments(found: TensorStatistics, finite: npt.NDArray[np.float64]) -> None:
    # Wide numbers neither overflow nor lose digits.
    wide = finite.astype(np.longdouble)
    n = len(finite)
    mean = wide.sum() / n
    away = wide - mean
    m2 = (away**2).sum() / n
    rms, std = np.sqrt((wide**2).sum() / n), np.sqrt(m2)
    assert (found.min, found.max) == (finite.min(), finite.max())
    assert found.absmax == np.abs(finite).max()
    assert found.mean is not None
    assert found.std is not None
    assert found.rms is not None
    assert abs(found.mean - mean) <= 1e-9 * rms
    condition = max(1.0, 1e-6 * float(abs(mean) / std)) if std > 0 else 1.0
    assert abs(found.std - std) <= 1e-9 * condition * std
    assert abs(found.rms - rms) <= 1e-9 * rms
    with np.errstate(over="ignore"):
        assert math.isclose(found.l1, float(np.abs(wide).sum()), rel_tol=1e-9)
        assert math.isclose(found.l2, float(np.sqrt((wide**2).sum())), rel_tol=1e-9)
    if finite.min() == finite.max():
        assert (found.std, found.skewness, found.kurtosis) == (0.0, None, None)
    elif condition == 1.0:
        assert found.skewness is not None
        assert found.kurtosis is not None
        skewness, kurtosis = float((away**3).sum() / n / std**3), float((away**4).sum() / n / m2**2)
        assert abs(found.skewness - skewness) <= 1e-9 + 1e-9 * abs(skewness)
        assert abs(found.kurtosis - kurtosis) <= 1e-9 + 1e-9 * abs(kurtosis)
    nonzero = np.abs(finite[finite != 0])
    if len(nonzero):
        assert found.exponent_min == np.frexp(nonzero.min())[1] - 1
        assert found.exponent_max == np.frexp(nonzero.max())[1] - 1
        assert found.crest is not None
        assert abs(found.crest - float(nonzero.max() / rms)) <= 1e-9 * found.crest
    else:
        assert (found.exponent_min, found.exponent_max, found.crest) == (None, None, None)


def _assert_order(found: TensorStatistics, finite: npt.NDArray[np.float64], exact: bool | None) -> None:
    # Halved, so that differences of the largest numbers are numbers.
    quantiles = (
        np.quantile(finite / 2, QUANTILES) * 2 if np.abs(finite).max() > 1e300 else np.quantile(finite, QUANTILES)
    )
    for bounded, quantile in zip(found.quantiles, quantiles, strict=True):
        assert holds(bounded, quantile, exact, rel=1e-9)
    values, counts = np.unique(finite + 0.0, return_counts=True)
    assert holds(found.distinct, len(values), exact)
    assert holds(found.most_frequent_count, int(counts.max()), exact)
    if found.most_frequent is not None and found.most_frequent.is_exact:
        assert counts[values == found.most_frequent.value].tolist() == [counts.max()]
    else:
        assert any(holds(found.most_frequent, value, exact) for value in values[counts == counts.max()])
    assert found.rms is not None
    assert found.mean is not None
    assert found.std is not None
    near = int(np.count_nonzero((np.abs(finite) < found.rms / 1000) | (finite == 0)))
    assert holds(found.near_zero, near, exact)
    differs = finite.min() < finite.max()
    beyond = int(np.count_nonzero(np.abs(finite - found.mean) > 6 * found.std)) if differs else 0
    assert holds(found.beyond_6_sigma, beyond, exact)


def _assert_cast(cast: Cast, tensor: torch.Tensor, x: npt.NDArray[np.float64], exact: bool | None) -> None:
    with np.errstate(all="ignore"):
        if cast.dtype == "int8":
            largest = np.abs(x).max()
            got: Any = np.rint(x / largest * 127).astype(np.longdouble) * largest / 127 if largest else x
            over, subnormal = np.zeros(len(x), bool), np.zeros(len(x), bool)
        else:
            target, tiny = _TARGETS[cast.dtype]
            got = tensor.to(target).to(torch.float64).numpy()
            over = np.isinf(got) if cast.dtype != "float8_e4m3fn" else np.abs(x.astype(np.float32)) > _MOST_E4M3
            subnormal = (got != 0) & (np.abs(got) < tiny)
        assert holds(cast.overflow, over.sum(), exact), cast
        assert holds(cast.underflow, ((x != 0) & (got == 0)).sum(), exact), cast
        assert holds(cast.subnormal, subnormal.sum(), exact), cast
        signal: Any = (x[~over].astype(np.longdouble) ** 2).sum()
        noise: Any = ((x[~over].astype(np.longdouble) - got[~over]) ** 2).sum()
        # Beside numbers of ordinary size, squares below all of float64 are nothing.
        if signal == 0 or (signal < 1e-308 and np.abs(x).max() > 1e-30):
            assert cast.snr is None
            return
        decibels = float(10 * np.log10(signal / noise)) if noise > 0 else math.inf
        assert cast.snr is not None
        # An absolute tolerance near 0 dB.
        assert holds(cast.snr, decibels, exact, rel=1e-9) or abs(cast.snr.value - decibels) < 1e-9, cast
