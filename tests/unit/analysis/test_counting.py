"""Counting gives every figure as numpy and torch have it: all dtypes, sizes, values, in both forms of the loops."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis import compiled
from sdviewer.analysis.counting import Counting, count
from sdviewer.analysis.counts import Counts
from sdviewer.analysis.exact import exact_figures
from sdviewer.analysis.first_bad import first_bad
from sdviewer.analysis.kernels import warming
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import Cancelled, SourceChanged
from tests.helpers.arrays import ArrayFile, checkpoint_of_arrays
from tests.helpers.saved import in_one_folder, opened
from tests.helpers.statistics_oracle import assert_figures

pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")

FLOATS = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
]
INTEGERS = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]


@pytest.fixture(params=["compiled", "plain"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The loops as they are compiled, and as they are without numba."""
    if request.param == "compiled":
        warming.load()
        from sdviewer.analysis.kernels import counting, deriving

        found = {"counting": counting, "deriving": deriving}
        monkeypatch.setattr(compiled, "_found", found)
    else:
        monkeypatch.setattr(compiled, "_found", {})
        monkeypatch.setattr(warming, "available", lambda *_args, **_names: False)
    return str(request.param)


def ref_of(folder: Path, tensor: torch.Tensor) -> TensorRef:
    return checkpoint_of_arrays(folder / "it", {"t": tensor}).tensors["t"]


def normal(count: int, dtype: torch.dtype, scale: float = 1.0) -> torch.Tensor:
    drawn = np.random.default_rng(count).normal(0, scale, count)
    return torch.from_numpy(drawn).to(dtype)


def with_odd_ones(tensor: torch.Tensor) -> torch.Tensor:
    """Some NaN, infinities, zeros, and the largest numbers."""
    tensor = tensor.clone()
    most = torch.finfo(tensor.dtype).max
    odd = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, most, -most], dtype=torch.float64)
    places = torch.arange(3, len(tensor), 997)
    tensor[places] = odd.to(tensor.dtype)[torch.arange(len(places)) % len(odd)]
    return tensor


# -- dtypes and sizes ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("size", [0, 1, 2, 1_000, 20_000])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_floating_point_numbers_agree_with_numpy_and_torch(tmp_path: Path, dtype: torch.dtype, size: int) -> None:
    tensor = normal(size, dtype)
    assert_figures(count(ref_of(tmp_path, tensor)).statistics(), tensor, exact=True if dtype.itemsize <= 2 else None)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_nan_and_infinities_poison_nothing(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = with_odd_ones(normal(100_000, torch.float32, 0.01).to(dtype))
    assert_figures(count(ref_of(tmp_path, tensor)).statistics(), tensor)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("size", [3, 50_000])
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_agree_with_numpy_and_torch(tmp_path: Path, dtype: torch.dtype, size: int) -> None:
    limits = torch.iinfo(dtype)
    drawn = np.random.default_rng(0).integers(max(limits.min, -(2**40)), min(limits.max, 2**40), size)
    tensor = torch.from_numpy(drawn).to(dtype)
    found = count(ref_of(tmp_path, tensor)).statistics()
    assert type(found.min) is int
    assert_figures(found, tensor)


@pytest.mark.usefixtures("form")
def test_wide_integers_are_exact_at_their_limits(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 20_000)
    drawn[:3] = -(2**63), 2**63 - 1, 2**63 - 2
    found = count(ref_of(tmp_path, torch.from_numpy(drawn))).statistics()
    assert (found.min, found.max, found.absmax, found.saturated) == (-(2**63), 2**63 - 1, 2**63, 2)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("size", [100, 30_000])
@pytest.mark.parametrize("dtype", [torch.complex128, torch.complex64, torch.complex32], ids=str)
def test_complex_numbers_agree_by_magnitude(tmp_path: Path, dtype: torch.dtype, size: int) -> None:
    tensor = torch.complex(normal(size, torch.float32), normal(size + 1, torch.float32)[:size]).to(dtype)
    found = count(ref_of(tmp_path, tensor)).statistics()
    values = tensor.to(torch.complex128).abs()
    assert (found.min, found.max) == (float(values.min()), float(values.max()))
    assert found.std is not None
    assert abs(found.std - float(values.std(correction=0))) < 1e-9


# -- awkward values ------------------------------------------------------------------------------------------

AWKWARD: dict[str, Callable[[], torch.Tensor]] = {
    "constant": lambda: torch.full((30_000,), 0.1),
    "all zero": lambda: torch.zeros(30_000),
    "few different": lambda: torch.randint(-100, 100, (30_000,)).float() / 7,
    "mean far from zero": lambda: normal(30_000, torch.float64) + 1e5,
    "float32 far from zero": lambda: normal(300_000, torch.float32, 1e-3) + 1,
    "huge": lambda: normal(30_000, torch.float64) * 1e307,
    "tiny": lambda: normal(30_000, torch.float64) * 1e-310,
    "huge and tiny": lambda: torch.cat([normal(30_000, torch.float64) * 1e-300, normal(5, torch.float64) * 1e300]),
    "float32 subnormals": lambda: normal(30_000, torch.float64, 1e-39).float(),
    "float32 at its limit": lambda: torch.cat([normal(30_000, torch.float32, 1e37), torch.tensor([3.4028235e38])]),
    "bfloat16 in float32": lambda: normal(30_000, torch.bfloat16).float(),
    "float16 in float32": lambda: normal(30_000, torch.float16, 1e-5).float(),
    "float16 in float64": lambda: normal(30_000, torch.float16).double(),
    "heavy tails": lambda: normal(30_000, torch.float32) ** 9,
    "a drift": lambda: torch.linspace(-3, 500, 300_000),
    "mostly zero": lambda: normal(300_000, torch.float32).where(torch.arange(300_000) % 10 == 0, 0.0),
    "one sign": lambda: -(normal(30_000, torch.float32).abs() + 1e-3),
    "around casts": lambda: torch.cat([
        torch.tensor([65504.0, 65519.99, 65520.0, 448.0, 464.0, 464.1, 57344.0, 61440.0, 2.0**-10, 2.0**-17, 3.4e38]),
        normal(30_000, torch.float32, 300),
    ]),
}  # fmt: skip


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_values_agree_with_numpy_and_torch(tmp_path: Path, case: str) -> None:
    torch.manual_seed(0)
    tensor = AWKWARD[case]()
    ref = ref_of(tmp_path, tensor)
    found = count(ref)
    assert_figures(found.statistics(), tensor)
    assert_figures(exact_figures(ref, found).statistics(), tensor, exact=True)


def test_what_a_float32_is_made_of_is_seen(tmp_path: Path) -> None:
    for case, narrower in (("bfloat16 in float32", "bfloat16"), ("float16 in float32", "float16"), ("a drift", "")):
        for part in (1_000, None):
            assert count(ref_of(tmp_path, AWKWARD[case]()[:part])).statistics().narrower == narrower


@pytest.mark.usefixtures("form")
@in_one_folder(60)
@given(st.lists(st.floats(), max_size=40), st.sampled_from(FLOATS[:4]))
def test_any_values_agree_with_numpy_and_torch(tmp_path: Path, values: list[float], dtype: torch.dtype) -> None:
    tensor = torch.tensor(values, dtype=torch.float64).to(dtype)
    counts = count(ref_of(tmp_path, tensor))
    assert counts.is_exact
    finite = tensor.double()[tensor.double().isfinite()]
    assert counts.counts.sum() == len(finite)
    assert np.array_equal(counts.low, np.unique(finite.numpy() + 0.0))


# -- exact by a second pass -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32], ids=str)
def test_a_bucket_with_too_many_values_is_counted_by_further_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr("sdviewer.analysis.exact._FEWEST", 1_000)
    monkeypatch.setattr("sdviewer.analysis.exact._SHARE", 1 << 30)
    tensor = (normal(4_000, torch.float64, 1e-3) + 1.0) * (1 if dtype.is_floating_point else 1_000_000)
    tensor = torch.cat([tensor, -tensor[:1_000]]).to(dtype)
    ref = ref_of(tmp_path, tensor)
    assert_figures(exact_figures(ref, count(ref)).statistics(), tensor, exact=True)


def test_the_second_pass_can_be_stopped(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, normal(20_000, torch.float32))
    counts = count(ref)
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        exact_figures(ref, counts, control)


class _Asked(Control):
    """Measures the work between one look at it and the next, on this thread alone."""

    __slots__ = ("longest", "since")

    def __init__(self) -> None:
        super().__init__()
        self.longest, self.since = 0.0, time.thread_time()

    def check(self) -> None:
        super().check()
        now = time.thread_time()
        self.longest, self.since = max(self.longest, now - self.since), now


def test_the_second_pass_over_a_large_tensor_can_be_stopped_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdviewer.analysis.exact._SHARE", 1)
    ref = ref_of(tmp_path, normal(1_500_000, torch.float32))
    counts = count(ref)
    asked = _Asked()
    found = exact_figures(ref, counts, asked).statistics()
    assert found.distinct.low == found.distinct.high == len(np.unique(ref.numpy()))
    # Far less than sorting or adding up all of them takes; the mark of 0.1 s is for a machine that is not busy.
    assert asked.longest < 0.3


# -- views, threads, work -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        lambda base: base.T,
        lambda base: base[::3, 1:90],
        lambda base: base[:1].expand(70, -1),
        lambda base: base.as_strided((60, 500), (2, 1), 3),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_view_counts_each_of_its_values(
    tmp_path: Path, dtype: torch.dtype, view: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    tensor = view(normal(100 * 600, dtype).reshape(100, 600))
    ref = ref_of(tmp_path, tensor)
    found = count(ref)
    assert_figures(found.statistics(), tensor)
    assert_figures(exact_figures(ref, found).statistics(), tensor, exact=True)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("first", [0, 1])
def test_packed_values_are_counted_from_any_place(tmp_path: Path, first: int) -> None:
    raw = np.random.default_rng(0).integers(0, 256, 5_001, np.uint8)
    file = ArrayFile(tmp_path / "it")
    codes = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1)[first : first + 9_001]
    quantiser = {"scheme": "per_tensor_affine", "scale": 0.5, "zero_point": 3}
    file.add_raw("t", "quint4x2", (9_001,), raw.tobytes(), offset=first, extra={"quantiser": quantiser})
    found = count(file.finish().tensors["t"])
    values, counts = np.unique((codes.astype(np.float64) - 3) * 0.5, return_counts=True)
    assert np.array_equal(found.low, values)
    assert np.array_equal(found.counts, counts)


def assert_same(a: Counts, b: Counts) -> None:
    assert np.array_equal(a.codes, b.codes)
    assert np.array_equal(a.counts, b.counts)
    assert np.array_equal(a.low, b.low)
    assert np.array_equal(a.high, b.high)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64], ids=str)
def test_shares_of_any_threads_are_put_together(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = normal(1_300_000, torch.float64, 1e5).to(dtype)
    # A part with few different values, which is counted in another way.
    tensor[: 1 << 19] = 3
    ref = ref_of(tmp_path, tensor)
    alone = count(ref, threads=1)
    assert_same(count(ref, threads=3), alone)
    counting = Counting(ref)
    shares = [counting.new_share() for _ in range(len(counting.blocks) + 1)]
    for index in reversed(range(len(counting.blocks))):
        counting.add(shares[index], index)
    assert_same(counting.result(shares), alone)
    assert_figures(counting.result(shares).statistics(), tensor)


def test_both_forms_count_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warming.load()
    for dtype in (*FLOATS, *INTEGERS):
        raw = np.random.default_rng(1).integers(0, 256, 100_000 * dtype.itemsize, np.uint8)
        ref = ref_of(tmp_path, torch.from_numpy(raw).view(dtype))
        fast = count(ref)
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "_found", {})
            patch.setattr(warming, "available", lambda *_args, **_names: False)
            slow = count(ref)
        assert_same(fast, slow)
        assert (fast.nan, fast.posinf, fast.neginf) == (slow.nan, slow.posinf, slow.neginf)


def test_a_changed_file_is_told(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, normal(100_000, torch.float32))
    (tmp_path / "it").write_bytes(b"short")
    with pytest.raises(SourceChanged):
        count(ref)


def test_progress_of_two_threads_ends_with_all_values(tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    count(ref_of(tmp_path, normal(1_500_000, torch.float32)), Control(lambda *step: steps.append(step)))
    assert steps[0][1] == 1_500_000
    assert steps[-1] == (1_500_000, 1_500_000, "t")


# -- the first bad value --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*FLOATS, torch.complex64], ids=str)
def test_the_first_bad_value_is_found_row_by_row(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = torch.ones(700, 900).to(dtype)
    assert first_bad(ref_of(tmp_path, tensor)) is None
    tensor[600, 3] = float("nan")
    assert first_bad(ref_of(tmp_path, tensor)) == (600, 3)
    assert first_bad(ref_of(tmp_path, tensor.T)) == (3, 600)


def test_integers_have_no_bad_value(tmp_path: Path) -> None:
    assert first_bad(ref_of(tmp_path, torch.arange(5))) is None
    assert first_bad(opened(tmp_path, {"t": torch.tensor(float("inf"))}).tensors["t"]) == ()
