"""Statistics agree with exact sums, whatever the dtype, size, order and offset of the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.analysis.statistics import TensorStatistics, statistics
from sdviewer.control import Control
from sdviewer.errors import Cancelled, NotDecodable, NotDense
from tests.helpers.arrays import ArrayFile, checkpoint_of_arrays
from tests.helpers.saved import in_one_folder, opened

pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning"),
]


def statistics_of(folder: Path, values: torch.Tensor | npt.NDArray[Any]) -> TensorStatistics:
    return statistics(checkpoint_of_arrays(folder / "it", {"t": values}).tensors["t"])


def exact_root(square: Fraction) -> float:
    """√x to the last bit or so, for fractions of any size."""
    if square == 0:
        return 0.0
    shift = (square.numerator.bit_length() - square.denominator.bit_length()) // 2 - 70
    scaled = square * Fraction(4) ** -shift
    root = Fraction(math.isqrt(int(scaled))) * Fraction(2) ** shift
    return to_float(root)


def to_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def assert_agree(found: TensorStatistics, values: npt.NDArray[Any]) -> None:
    """`values`: real numbers, in a dtype that holds them exactly; the oracle computes with fractions."""
    flat = values.reshape(-1).tolist()
    finite = [Fraction(x) for x in flat if math.isfinite(x)]
    n = len(finite)
    assert found.count == len(flat)
    assert found.finite == n
    assert found.nan == sum(math.isnan(x) for x in flat)
    assert found.posinf == sum(x == math.inf for x in flat)
    assert found.neginf == sum(x == -math.inf for x in flat)
    assert found.zeros == sum(x == 0 for x in flat)
    close: dict[str, tuple[float | None, float]] = {
        "l1": (found.l1, to_float(sum(map(abs, finite), Fraction(0)))),
        "l2": (found.l2, exact_root(sum((x * x for x in finite), Fraction(0)))),
    }
    if n == 0:
        assert (found.min, found.max, found.mean, found.std, found.rms, found.absmax) == (None,) * 6
        assert (found.l1, found.l2) == (0.0, 0.0)
        return
    assert found.min is not None
    assert found.max is not None
    assert found.absmax is not None
    assert Fraction(found.min) == min(finite)
    assert Fraction(found.max) == max(finite)
    assert Fraction(found.absmax) == max(map(abs, finite))
    mean = sum(finite, Fraction(0)) / n
    variance = sum(((x - mean) ** 2 for x in finite), Fraction(0)) / n
    close["std"] = (found.std, exact_root(variance))
    close["rms"] = (found.rms, exact_root(sum((x * x for x in finite), Fraction(0)) / n))
    # A deviation far smaller than the mean has lost digits already in the values.
    std = close["std"][1]
    tolerances = {"std": 1e-12 + (1e-15 * abs(to_float(mean)) / std if std else 0.0)}
    for name, (ours, oracle) in close.items():
        assert ours is not None
        assert math.isclose(ours, oracle, rel_tol=tolerances.get(name, 1e-12), abs_tol=5e-324 * n), name
    # A mean near zero of large values is as exact as its summands.
    assert found.mean is not None
    largest = to_float(max(map(abs, finite)))
    assert math.isclose(found.mean, to_float(mean), rel_tol=1e-12, abs_tol=1e-15 * largest + 5e-324 * n)


# -- any values ---------------------------------------------------------------------------------------------


@in_one_folder(150)
@given(st.lists(st.floats(), max_size=12))
@example([*[0.0] * 8, 1.7976931348623157e308])
def test_any_float64_values_agree_with_exact_arithmetic(tmp_path: Path, values: list[float]) -> None:
    array = np.array(values, np.float64)
    assert_agree(statistics_of(tmp_path, array), array)


@in_one_folder(60)
@given(st.lists(st.floats(width=32), max_size=12))
def test_any_float32_values_agree_with_exact_arithmetic(tmp_path: Path, values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert_agree(statistics_of(tmp_path, array), array.astype(np.float64))


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8", "uint32"])
@in_one_folder(40)
@given(data=st.data())
def test_any_integers_agree_with_exact_arithmetic(tmp_path: Path, dtype: str, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    values = data.draw(st.lists(st.integers(int(limits.min), int(limits.max)), max_size=10))
    found = statistics_of(tmp_path, np.array(values, dtype))
    if values:
        assert (found.min, found.max, found.absmax) == (min(values), max(values), max(map(abs, values)))
        assert all(type(value) is int for value in (found.min, found.max, found.absmax))
    # int64 does not fit into the float64 of assert_agree's counting, its exact values do.
    assert_agree(found, np.array(values, object))


CASES: dict[str, Callable[[], npt.NDArray[Any]]] = {
    "empty": lambda: np.zeros((0, 3), np.float32),
    "scalar": lambda: np.array(-2.5),
    "two elements": lambda: np.array([1.0, 4.0]),
    "constant": lambda: np.full(5_000, 0.1, np.float32),
    "constant far from zero": lambda: np.full(5_000, 1e30, np.float64),
    "mean far from zero": lambda: 1e8 + np.random.default_rng(0).normal(size=5_000),
    "mean very far from zero": lambda: 1e15 + np.arange(5_000) % 2,
    "huge": lambda: np.array([1.7e308, 1.7e308, -1.7e308, 1e300]),
    "tiny": lambda: np.array([5e-324, -5e-324, 1e-310, 0.0, -0.0]),
    "huge and tiny": lambda: np.array([1e308, 1e-308, 1e-320, -1e308, 3.0]),
    "nothing finite": lambda: np.array([np.nan, np.inf, -np.inf, np.nan]),
    "some not finite": lambda: np.array([1.0, np.nan, 2.0, np.inf, -np.inf, -np.inf], np.float32),
    "signed zeros": lambda: np.array([0.0, -0.0, 0.0]),
    "cancelling": lambda: np.array([1e16, 1.0, -1e16, 1.0]),
    "skewed": lambda: np.random.default_rng(1).lognormal(0, 6, 4_000),
}


@pytest.mark.parametrize("case", CASES)
def test_awkward_values_agree_with_exact_arithmetic(tmp_path: Path, case: str) -> None:
    values = CASES[case]()
    assert_agree(statistics_of(tmp_path, values), values.astype(np.float64))


@pytest.mark.parametrize("order", ["finite first", "finite last", "huge first", "huge last"])
def test_chunks_of_very_different_values_are_merged_right(tmp_path: Path, order: str) -> None:
    # Each part fills at least one chunk of 1 MiB.
    part = 1 << 17
    pieces = {
        "finite first": [np.full(part, 0.5), np.full(part, np.nan)],
        "finite last": [np.full(part, np.inf), np.linspace(-1, 3, part)],
        "huge first": [np.full(part, 1e300), np.full(part, 1e-300), np.linspace(0, 1, part)],
        "huge last": [np.full(part, 1e-300), np.linspace(0, 1, part), np.full(part, -1e300)],
    }[order]
    values = np.concatenate(pieces)
    found = statistics_of(tmp_path, values)
    wide = values[np.isfinite(values)].astype(np.longdouble)
    assert found.finite == len(wide)
    assert found.count == len(values)
    mean = wide.mean()
    assert found.mean is not None
    assert found.std is not None
    assert found.rms is not None
    assert math.isclose(found.mean, float(mean), rel_tol=1e-12)
    assert math.isclose(found.std, float(np.sqrt(((wide - mean) ** 2).mean())), rel_tol=1e-12)
    assert math.isclose(found.rms, float(np.sqrt((wide**2).mean())), rel_tol=1e-12)
    assert math.isclose(found.l1, float(np.abs(wide).sum()), rel_tol=1e-12)
    assert math.isclose(found.l2, float(np.sqrt((wide**2).sum())), rel_tol=1e-12)


def test_a_million_values_of_float32_far_from_zero_keep_their_digits(tmp_path: Path) -> None:
    values = (1000 + np.random.default_rng(0).normal(0, 1e-2, 1 << 20)).astype(np.float32)
    found = statistics_of(tmp_path, values)
    exact = values.astype(np.float64)
    mean = math.fsum(exact) / len(exact)
    assert found.mean is not None
    assert found.std is not None
    assert math.isclose(found.mean, mean, rel_tol=1e-14)
    assert math.isclose(found.std, math.sqrt(math.fsum((exact - mean) ** 2) / len(exact)), rel_tol=1e-10)


# -- dtypes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.float8_e4m3fnuz,
        torch.float8_e5m2fnuz,
        torch.int64,
        torch.int16,
        torch.uint8,
        torch.int8,
    ],
    ids=str,
)
def test_all_bit_patterns_of_a_dtype_are_counted(tmp_path: Path, dtype: torch.dtype) -> None:
    raw = torch.from_numpy(np.random.default_rng(0).integers(0, 256, 4096 * dtype.itemsize, np.uint8)).view(dtype)
    oracle = raw.double().numpy() if dtype.is_floating_point else raw.numpy().astype(object)
    assert_agree(statistics(opened(tmp_path, {"t": raw}).tensors["t"]), oracle)


def test_bool_counts_as_zero_and_one(tmp_path: Path) -> None:
    found = statistics_of(tmp_path, np.array([True, False, True, True]))
    assert (found.count, found.zeros, found.min, found.max) == (4, 1, 0, 1)
    assert (found.mean, found.l1) == (0.75, 3.0)


@pytest.mark.parametrize("dtype", [torch.complex128, torch.complex64, torch.complex32], ids=str)
def test_complex_numbers_count_by_their_magnitude(tmp_path: Path, dtype: torch.dtype) -> None:
    values = torch.complex(torch.linspace(-3, 3, 64), torch.linspace(5, -7, 64)).to(dtype)
    found = statistics(opened(tmp_path, {"t": values}).tensors["t"])
    assert_agree(found, values.to(torch.complex128).abs().numpy())


def test_a_complex_number_with_a_nan_is_nan_and_with_an_infinity_infinite(tmp_path: Path) -> None:
    values = np.array([complex(np.nan, np.inf), complex(np.inf, 1), complex(-1, -np.inf), complex(0, -0.0), 3 + 4j])
    found = statistics_of(tmp_path, values)
    assert (found.nan, found.posinf, found.neginf, found.zeros, found.max) == (1, 2, 0, 1, 5.0)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_quantised_tensors_count_by_their_real_values(tmp_path: Path, axis: int | None) -> None:
    real = torch.linspace(-3, 3, 12).reshape(3, 4)
    if axis is None:
        tensor = torch.quantize_per_tensor(real, 0.05, 7, torch.qint8)
    else:
        size = real.shape[axis]
        tensor = torch.quantize_per_channel(
            real, torch.linspace(0.02, 0.09, size, dtype=torch.float64), torch.arange(size), axis, torch.qint8
        )
    found = statistics(opened(tmp_path, {"t": tensor}).tensors["t"])
    assert_agree(found, tensor.dequantize().double().numpy())


def test_float4_counts_two_values_in_a_byte(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "float4_e2m1fn_x2", (2, 2), b"\x10\x32\x54\xf6")
    assert_agree(statistics(file.finish().tensors["t"]), np.array([0, 0.5, 1, 1.5, 2, 3, 4, -6]))


# -- views -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        lambda base: base.T,
        lambda base: base[::3, 1:5],
        lambda base: base[2],
        lambda base: base[:1].expand(7, -1),
        lambda base: base.as_strided((6, 5), (2, 1), 3),
    ],
)
def test_a_view_counts_each_of_its_values(tmp_path: Path, view: Callable[[torch.Tensor], torch.Tensor]) -> None:
    tensor = view(torch.linspace(-2, 9, 80, dtype=torch.float64).reshape(10, 8))
    assert_agree(statistics_of(tmp_path, tensor), tensor.numpy())


# -- work -------------------------------------------------------------------------------------------------


def test_progress_is_told_in_values_and_the_work_stops_on_request(tmp_path: Path) -> None:
    values = np.ones(1 << 20, np.float32)
    ref = checkpoint_of_arrays(tmp_path / "it", {"t": values}).tensors["t"]
    steps: list[tuple[int, int, str]] = []
    statistics(ref, Control(lambda done, total, note: steps.append((done, total, note))))
    assert steps[-1] == (len(values), len(values), "t")

    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        statistics(ref, control)


def test_a_stop_in_the_middle_ends_the_work_there(tmp_path: Path) -> None:
    ref = checkpoint_of_arrays(tmp_path / "it", {"t": np.ones(1 << 20)}).tensors["t"]
    control = Control(lambda done, _total, _note: control.cancel() if done == 0 else pytest.fail(f"went on to {done}"))
    with pytest.raises(Cancelled):
        statistics(ref, control)


def test_what_has_no_values_is_refused(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("bits", "bits8", (2,), b"\x01\x02")
    with pytest.raises(NotDecodable):
        statistics(file.finish().tensors["bits"])
    with pytest.raises(NotDense):
        statistics(opened(tmp_path, {"t": torch.eye(3).to_sparse()}).tensors["t"])
