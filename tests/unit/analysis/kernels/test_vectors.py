"""The loop in vectors, against numpy in extended precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sdviewer.analysis.kernels.compiling import kernel
from sdviewer.analysis.kernels.vectors import LANES, count_and_sum, count_apart_and_sum
from sdviewer.analysis.loops import HALVES, PADDED


@kernel("UniTuple(float64, 5)(uint32[::1], uint32[::1], float64)")
def _in_one_table(codes: Any, table: Any, mean: float) -> Any:
    return count_and_sum(codes, table, mean)


@kernel("UniTuple(float64, 5)(uint32[::1], uint32[::1], float64)")
def _in_tables_apart(codes: Any, table: Any, mean: float) -> Any:
    return count_apart_and_sum(codes, table, mean)


def _drawn(count: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(count).normal(0.3, 2, count).astype(np.float32)


@pytest.mark.parametrize("count", [0, 7, 8, 9, 16, 1_003, 4_096])
@pytest.mark.parametrize("apart", [False, True])
def test_whole_vectors_are_counted_and_summed_and_no_value_more(count: int, apart: bool) -> None:
    values = _drawn(count)
    table = np.zeros(LANES * PADDED if apart else HALVES, np.uint32)
    sums = (_in_tables_apart if apart else _in_one_table)(values.view(np.uint32), table, 0.25)
    taken = values[: count // LANES * LANES].astype(np.longdouble)
    away = taken - 0.25
    expected = [away.sum(), (away**2).sum(), (away**3).sum(), (away**4).sum(), np.abs(taken).sum()]
    limits = [1e-14 * float((np.abs(away) ** power).sum()) for power in (1, 2, 3, 4)]
    for found, true, limit in zip(sums, expected, [*limits, 1e-14 * float(expected[4])], strict=True):
        assert abs(found - float(true)) <= limit
    firsts = np.bincount(values[: len(taken)].view(np.uint32) >> 16, minlength=HALVES)
    counted = table.reshape(LANES, -1)[:, :HALVES].sum(axis=0) if apart else table
    assert np.array_equal(counted, firsts)


def test_codes_may_begin_at_any_of_their_places() -> None:
    values = _drawn(65)
    sums = [_in_one_table(values[start:].view(np.uint32), np.zeros(HALVES, np.uint32), 0.0) for start in (0, 1)]
    for start, found in enumerate(sums):
        assert found[4] == pytest.approx(float(np.abs(values[start : start + 64].astype(np.float64)).sum()), rel=1e-14)


def test_neighbours_that_are_equal_are_all_counted() -> None:
    values = np.full(1_000, 1.5, np.float32)
    for count, size in ((_in_one_table, HALVES), (_in_tables_apart, LANES * PADDED)):
        table = np.zeros(size, np.uint32)
        sums = count(values.view(np.uint32), table, 1.5)
        assert (int(table.sum()), sums[1], sums[4]) == (1_000, 0.0, 1_500.0)
