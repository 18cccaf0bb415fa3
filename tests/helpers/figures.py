"""What numpy says of some values: the oracle of statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sdviewer.analysis.statistics import TensorStatistics


def assert_describes(statistics: TensorStatistics, values: npt.NDArray[Any]) -> None:
    """The statistics are those of these values, as numpy computes them in float64."""
    flat = values.ravel()
    if values.dtype.kind == "c":
        flat = np.hypot(flat.real.astype(np.float64), flat.imag.astype(np.float64))
    finite = flat[np.isfinite(flat)].astype(np.float64)
    assert statistics.count == flat.size
    assert statistics.finite == finite.size
    assert statistics.nan == np.isnan(flat).sum()
    assert (statistics.posinf, statistics.neginf) == ((flat == np.inf).sum(), (flat == -np.inf).sum())
    assert statistics.zeros == (finite == 0).sum()
    if not finite.size:
        assert statistics.min is statistics.max is statistics.mean is None
        return
    exact = flat if flat.dtype.kind in "iu" else finite
    low, high = exact.min().item(), exact.max().item()
    assert (statistics.min, statistics.max, statistics.absmax) == (low, high, max(abs(low), abs(high)))
    largest = float(np.abs(finite).max())
    # Squares of huge numbers do not fit into a float64.
    scaled = finite / largest if largest else finite
    unit = largest or 1.0
    assert statistics.mean == pytest.approx(math.fsum(scaled.tolist()) / scaled.size * unit, rel=1e-9, abs=1e-9 * unit)
    assert statistics.std == pytest.approx(scaled.std() * unit, rel=1e-9, abs=1e-12 * unit)
    assert statistics.l2 == pytest.approx(np.linalg.norm(scaled) * unit, rel=1e-9)
    assert statistics.l1 == pytest.approx(np.abs(scaled).sum() * unit, rel=1e-9)
    median = statistics.quantiles[4]
    assert median.low <= np.median(finite) <= median.high or median.value == pytest.approx(np.median(finite), rel=1e-9)
