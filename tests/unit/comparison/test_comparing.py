"""Measures agree with numpy in extended precision and with torch, for every dtype and every oddity."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.comparison.comparing import Compared, Comparison, compare_matching
from sdviewer.comparison.matching import match
from sdviewer.comparison.sides import Side
from sdviewer.comparison.tolerances import Tolerance, tolerance_of
from sdviewer.control import Control, Gate
from sdviewer.errors import Cancelled
from tests.helpers.saved import in_one_folder, opened

pytestmark = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")

FLOATS = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
)
INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool)


def saved(folder: Path, name: str, tensors: Mapping[str, torch.Tensor]) -> Checkpoint:
    (folder / name).mkdir(exist_ok=True)
    return opened(folder / name, dict(tensors))


def compared(
    folder: Path, a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor], **options: Any
) -> tuple[Comparison, dict[str, Compared]]:
    sides = [
        Side(checkpoint, None, tuple(checkpoint.tensors), np.arange(len(checkpoint.tensors)))
        for checkpoint in (saved(folder, "a", a), saved(folder, "b", b))
    ]
    found = compare_matching(match(*sides), **options)
    return found, {sides[0].keys[item.pair.a]: item for item in found.pairs}


def one(folder: Path, a: torch.Tensor, b: torch.Tensor, **options: Any) -> Compared:
    return compared(folder, {"t": a}, {"t": b}, **options)[1]["t"]


def wide(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """Exact values in extended precision."""
    if tensor.dtype.is_complex:
        return tensor.to(torch.complex128).numpy().astype(np.clongdouble)
    if tensor.dtype.is_floating_point:
        return tensor.double().numpy().astype(np.longdouble)
    return tensor.numpy().astype(np.longdouble)


def assert_agrees(found: Compared, a: torch.Tensor, b: torch.Tensor, tolerance: Tolerance | None = None) -> None:
    measures = found.measures
    assert measures is not None
    x, y = wide(a).reshape(-1), wide(b).reshape(-1)
    with np.errstate(all="ignore"):
        finite = np.isfinite(x) & np.isfinite(y)
        unequal = (x != y) & ~(np.isnan(x) & np.isnan(y))
    assert measures.count == len(x)
    assert measures.differing == int(unequal.sum())
    nan = int((np.isnan(x) != np.isnan(y)).sum())
    assert measures.nan_mismatch == nan
    assert measures.inf_mismatch == int((~finite & unequal).sum()) - nan
    limits = tolerance or tolerance_of(str(a.dtype)[6:], str(b.dtype)[6:])
    u, v = x[finite], y[finite]
    d = u - v
    outside = int((np.abs(d) > limits.atol + limits.rtol * np.abs(v)).sum()) + int((~finite & unequal).sum())
    assert measures.outside == outside
    if not len(d):
        assert measures.max_abs is None
        assert measures.rmse is None
        return
    if not a.dtype.is_complex:
        assert measures.sign_flips == int((np.sign(u) * np.sign(v) < 0).sum())
    assert measures.max_abs == float(np.abs(d).max())
    if measures.max_abs:
        assert found.index is not None
        place = np.ravel_multi_index(found.index, tuple(a.shape)) if a.ndim else 0
        assert place == int(np.flatnonzero(finite)[np.abs(d).argmax()])
        assert measures.max_abs_values == (complex(x[place]), complex(y[place]))

    def close(found: float | None, expected: Any) -> None:
        assert found is not None
        assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-300)

    norm_a, norm_b, norm_d = (np.sqrt((np.abs(values) ** 2).sum()) for values in (u, v, d))
    close(measures.mean_abs, np.abs(d).mean())
    close(measures.rmse, np.sqrt((np.abs(d) ** 2).mean()))
    close(measures.norm_a, norm_a)
    close(measures.norm_b, norm_b)
    close(measures.norm_delta, norm_d)
    if norm_a:
        close(measures.rel_fro, norm_d / norm_a)
    if norm_a and norm_b:
        product = (u * v.conj()).real.sum()
        assert measures.cosine == pytest.approx(float(product / (norm_a * norm_b)), abs=1e-9)
        assert measures.best_scale == pytest.approx(float(product / norm_b**2), rel=1e-9, abs=1e-12 * float(norm_a))
    else:
        assert measures.cosine is None


def random_like(dtype: torch.dtype, seed: int, count: int = 3000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype is torch.bool:
        return torch.randint(0, 2, (count,), generator=generator).bool()
    if dtype.is_complex:
        return torch.randn(count, dtype=torch.complex128, generator=generator).to(dtype)
    if dtype.is_floating_point:
        return torch.randn(count, dtype=torch.float64, generator=generator).to(dtype)
    low = 0 if dtype is torch.uint8 else -100
    return torch.randint(low, 100, (count,), generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, torch.complex64, torch.complex128, torch.complex32], ids=str)
def test_two_random_tensors_of_each_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    a, b = random_like(dtype, 0), random_like(dtype, 1)
    found = one(tmp_path, a, b)
    assert found.marks == ("changed",)
    assert_agrees(found, a, b)
    again = one(tmp_path, a, a.clone())
    assert again.marks == ("identical",)
    assert_agrees(again, a, a)


@pytest.mark.parametrize("dtype_a", FLOATS, ids=str)
@pytest.mark.parametrize("dtype_b", FLOATS, ids=str)
def test_each_pair_of_float_dtypes(tmp_path: Path, dtype_a: torch.dtype, dtype_b: torch.dtype) -> None:
    a, b = random_like(dtype_a, 0), random_like(dtype_b, 1)
    assert_agrees(one(tmp_path, a, b), a, b)
    # Equal after a cast to the other's dtype, as torch casts, says so.
    source = torch.cat([random_like(torch.float64, 2) * 2.0**k for k in range(-160, 20, 5)]).to(dtype_a)
    found = one(tmp_path, source, source.to(dtype_b))
    if dtype_a is dtype_b:
        assert found.marks == ("identical",)
    else:
        assert found.marks[0] in {"equal", "equal_after_cast"}
        assert found.equal_after_cast
        assert found.marks[-1] == "dtype"


@pytest.mark.parametrize(
    "pair", [(torch.int32, torch.int64), (torch.int8, torch.float32), (torch.float16, torch.int64)]
)
def test_integers_against_others(tmp_path: Path, pair: tuple[torch.dtype, torch.dtype]) -> None:
    a, b = random_like(pair[0], 0), random_like(pair[1], 1)
    assert_agrees(one(tmp_path, a, b), a, b)


def test_huge_integers_are_told_apart(tmp_path: Path) -> None:
    a = torch.tensor([2**62, -(2**63), 5, 2**63 - 1])
    b = torch.tensor([2**62 + 1, 2**63 - 1, 5, 2**63 - 1])
    found = one(tmp_path, a, b)
    assert found.measures is not None
    assert found.measures.differing == 2
    assert found.measures.max_abs == 2.0**64
    assert found.index == (1,)


ODD = st.floats(-3, 3).map(lambda x: round(x, 6)) | st.sampled_from(
    [0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, 1e-9]
)


def pairs_of_arrays() -> st.SearchStrategy[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    def pair(count: int) -> st.SearchStrategy[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        one_side = arrays_of.arrays(np.float64, count, elements=ODD)
        return st.tuples(one_side, one_side)

    return st.integers(0, 12).flatmap(pair)


@in_one_folder(60)
@given(pairs_of_arrays(), st.sampled_from([1.0, 1e-200, 1e200, 1e-307, 5e307]))
def test_any_values_of_float64(
    tmp_path: Path, pair: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], scale: float
) -> None:
    a, b = (torch.from_numpy(values * scale) for values in pair)
    assert_agrees(one(tmp_path, a, b), a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_values_that_are_not_finite_poison_nothing(tmp_path: Path, dtype: torch.dtype) -> None:
    a, b = random_like(dtype, 0, 70_000), random_like(dtype, 1, 70_000)
    a[[3, 40_000]] = math.nan
    b[[3, 50_000]] = math.nan
    a[[5, 6, 7]] = math.inf
    b[[5, 8]] = math.inf
    b[6] = -math.inf
    assert_agrees(one(tmp_path, a, b), a, b)


def test_minus_zero_and_other_nan_bits_are_equal_but_not_identical(tmp_path: Path) -> None:
    a = torch.tensor([0.0, math.nan, 2.0])
    b = a.clone()
    b.view(torch.int32)[0] = -(2**31)
    b.view(torch.int32)[1] += 1
    found = one(tmp_path, a, b)
    assert found.marks == ("equal",)
    assert found.measures is not None
    assert found.measures.differing == 0


def test_what_is_within_the_tolerance_is_close_and_the_tolerance_can_be_chosen(tmp_path: Path) -> None:
    a = random_like(torch.float32, 0)
    b = a * (1 + 1e-6)
    assert one(tmp_path, a, b).marks == ("close",)
    torch.testing.assert_close(a, b)
    tight = Tolerance(0.0, 1e-9)
    found = one(tmp_path, a, b, tolerance=lambda _a, _b: tight)
    assert found.marks == ("changed",)
    assert_agrees(found, a, b, tight)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_the_tolerances_are_those_of_torch(tmp_path: Path, dtype: torch.dtype) -> None:
    b = random_like(dtype, 0)
    for factor in (0.5, 2.0):
        limits = tolerance_of(str(dtype)[6:], str(dtype)[6:])
        a = (b.double() + factor * (limits.atol + limits.rtol * b.double().abs())).to(dtype)
        try:
            torch.testing.assert_close(a, b)
            close = True
        except AssertionError:
            close = False
        found = one(tmp_path, a, b)
        assert found.measures is not None
        assert found.measures.close == close


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_distances_in_units_of_the_last_place(tmp_path: Path, dtype: torch.dtype) -> None:
    a = torch.tensor([1.0, -1.0, 0.0, 3.0], dtype=dtype)
    up, down = torch.tensor(math.inf, dtype=dtype), torch.tensor(-math.inf, dtype=dtype)
    for steps in (1, 2, 7):
        b = a.clone()
        for _ in range(steps):
            b[0] = torch.nextafter(b[0], up) if dtype.itemsize > 2 else _next(b[0])
        found = one(tmp_path, a, b)
        assert found.measures is not None
        assert found.measures.max_ulp == steps
    b = a.clone()
    # From the smallest number below zero to the smallest one above: across both zeros, which are one place.
    tiny = torch.tensor(
        2.0 ** {8: -1074, 4: -149}.get(dtype.itemsize, -24 if dtype is torch.float16 else -133), dtype=dtype
    )
    a[2], b[2] = -tiny, tiny
    found = one(tmp_path, a, b)
    assert found.measures is not None
    assert found.measures.max_ulp == 2
    assert down < up


def _next(value: torch.Tensor) -> torch.Tensor:
    return (value.reshape(1).view(torch.int16) + 1).view(value.dtype)[0]


def test_shapes_of_all_kinds(tmp_path: Path) -> None:
    base = random_like(torch.float32, 0, 20_000).reshape(100, 200)
    other = random_like(torch.float32, 1, 20_000).reshape(100, 200)
    for a, b in (
        (torch.tensor(2.0), torch.tensor(3.0)),
        (torch.zeros(0, 4), torch.zeros(0, 4)),
        (base.T, other.T),
        (base[::3, ::2], other[::3, ::2]),
        (base[:1].expand(7, 200), other[:7]),
        (base.T, other.T.contiguous()),
    ):
        assert_agrees(one(tmp_path, a, b), a, b)


def test_a_large_pair_is_split_over_threads_and_still_exact(tmp_path: Path) -> None:
    a, b = random_like(torch.float32, 0, 6_000_000), random_like(torch.float32, 1, 6_000_000)
    b[5_999_999] = 1e6
    found = one(tmp_path, a, b)
    assert_agrees(found, a, b)
    assert found.index == (5_999_999,)


def test_other_shapes_are_compared_where_places_correspond(tmp_path: Path) -> None:
    base = random_like(torch.float32, 0, 60).reshape(5, 12)
    grown = torch.cat([base, torch.ones(3, 12)])
    _, found = compared(
        tmp_path,
        {"turned": base, "flat": base, "squeezed": base, "rows": base, "other": base, "cube": base.reshape(3, 4, 5)},
        {
            "turned": base.T.contiguous(),
            "flat": base.reshape(4, 15),
            "squeezed": base.reshape(5, 1, 12),
            "rows": grown,
            "other": torch.ones(7),
            "cube": base.reshape(3, 4, 5).permute(2, 0, 1).contiguous(),
        },
    )
    for name in ("turned", "flat", "squeezed", "rows", "cube"):
        assert found[name].marks == ("identical", "shape"), name
    assert found["other"].marks == ("shape",)
    assert found["other"].measures is None
    assert found["rows"].measures is not None
    assert found["rows"].measures.count == 60


def test_sides_that_lie_across_each_other_are_compared_tile_by_tile(tmp_path: Path) -> None:
    a = random_like(torch.float32, 0, 600 * 2_100).reshape(600, 2_100)
    b = a + random_like(torch.float32, 1, a.numel()).reshape(a.shape) / 100
    b[500, 2_050] = 50.0
    pairs = {
        "turned": (a, b.T.contiguous()),
        # Both are views of what is stored in columns, or one of them is.
        "one": (a, b.T.contiguous().T),
        "both": (a.T.contiguous().T, b.T.contiguous().T),
        "cube": (a.reshape(6, 100, 2_100), b.reshape(6, 100, 2_100).permute(2, 0, 1).contiguous()),
    }
    _, found = compared(
        tmp_path, {name: one for name, (one, _) in pairs.items()}, {name: other for name, (_, other) in pairs.items()}
    )
    for name, (one, _) in pairs.items():
        assert_agrees(found[name], one, b.reshape(one.shape))
        measures = found[name].measures
        assert measures is not None
        assert measures.max_abs_place == 500 * 2_100 + 2_050


@pytest.mark.filterwarnings("ignore:.*quantiz.*:UserWarning", "ignore:.*quantiz.*:DeprecationWarning")
def test_tensors_that_are_decoded_by_their_position_are_turned_and_cut(tmp_path: Path) -> None:
    values = torch.randn(6, 5)
    scales, zeros = torch.linspace(0.01, 0.2, 6), torch.zeros(6, dtype=torch.int64)
    by_row = torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8)
    real = by_row.dequantize()
    negated = torch._neg_view(values)
    _, found = compared(
        tmp_path,
        {"turned": by_row, "cut": by_row, "negated": negated, "longer": negated},
        {
            "turned": real.T.contiguous(),
            "cut": torch.cat([real, torch.ones(3, 5)]),
            "negated": -values.T,
            "longer": torch.cat([-values, torch.ones(3, 5)]),
        },
    )
    assert {name: one.measures.max_abs for name, one in found.items() if one.measures} == dict.fromkeys(found, 0.0)


@pytest.mark.parametrize("dtype", [torch.complex32, torch.complex64, torch.complex128], ids=str)
def test_conjugated_views_are_compared_by_their_values(tmp_path: Path, dtype: torch.dtype) -> None:
    values = random_like(dtype, 0, 60).reshape(6, 10)
    plain = torch.complex(values.real.double(), -values.imag.double()).to(dtype)
    _, found = compared(
        tmp_path, {"same": values.conj(), "turned": values.conj()}, {"same": plain, "turned": plain.T.contiguous()}
    )
    assert [one.marks[0] for one in found.values()] == ["identical", "identical"]


def test_q_k_and_v_are_found_in_a_fused_tensor(tmp_path: Path) -> None:
    parts = [random_like(torch.float32, seed, 32).reshape(8, 4) for seed in range(3)]
    apart = {f"attn.{name}_proj.weight": part for name, part in zip("qkv", parts, strict=True)}
    fused = torch.cat(parts)
    fused[9, 1] += 1
    for a, b in ((apart, {"attn.qkv.weight": fused}), ({"attn.qkv.weight": fused}, apart)):
        found, _ = compared(tmp_path, a, b)
        assert [item.marks[0] for item in found.pairs] == ["identical", "changed", "identical"]
        assert found.pairs[1].index == (1, 1)


def test_the_summary_counts_marks_and_says_what_fails(tmp_path: Path) -> None:
    same = {"w": torch.ones(3)}
    found, _ = compared(tmp_path, same, same)
    assert found.summary["identical"] == 1
    assert not any(found.fails(on) for on in ("changed", "tolerance", "structure"))
    close, _ = compared(tmp_path, same, {"w": torch.ones(3) * (1 + 1e-6)})
    assert [close.fails(on) for on in ("changed", "tolerance", "structure")] == [True, False, False]
    half, _ = compared(tmp_path, same, {"w": torch.ones(3).half()})
    assert [half.fails(on) for on in ("changed", "tolerance", "structure")] == [True, False, True]
    more, _ = compared(tmp_path, same, {**same, "v": torch.ones(1)})
    assert more.summary["only_b"] == 1
    assert all(more.fails(on) for on in ("changed", "tolerance", "structure"))


def test_a_pair_without_values_of_its_own_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    a, b = {"x": torch.ones(3), "s": torch.eye(3).to_sparse()}, {"x": torch.ones(3), "s": torch.eye(3).to_sparse()}
    _, found = compared(tmp_path, a, b)
    assert found["x"].marks == ("identical",)
    assert found["s"].marks == ()
    assert "sparse" in found["s"].error


def test_structure_alone_reads_no_values(tmp_path: Path) -> None:
    found, by_name = compared(tmp_path, {"w": torch.ones(3)}, {"w": torch.zeros(3).half()}, structure_only=True)
    assert by_name["w"].marks == ("dtype",)
    assert by_name["w"].measures is None
    assert not found.partial


def test_results_come_as_they_are_ready_and_the_work_stops_on_request(tmp_path: Path) -> None:
    tensors = {str(i): torch.ones(1000) for i in range(50)}
    came: list[int] = []
    compared(tmp_path, tensors, tensors, on_compared=lambda place, _: came.append(place))
    assert sorted(came) == list(range(50))
    control = Control()

    def stop(_place: int, _result: Compared) -> None:
        control.cancel()

    with pytest.raises(Cancelled):
        compared(tmp_path, tensors, tensors, on_compared=stop, control=control)


def test_the_work_waits_at_a_closed_gate_and_goes_on(tmp_path: Path) -> None:
    tensors = {str(i): torch.ones(1000) for i in range(20)}
    gate = Gate()
    came: list[int] = []

    def pause(place: int, _result: Compared) -> None:
        came.append(place)
        if len(came) == 5:
            gate.pause()
            threading.Timer(0.3, gate.resume).start()

    start = time.monotonic()
    found, _ = compared(tmp_path, tensors, tensors, on_compared=pause, gate=gate)
    assert time.monotonic() - start >= 0.25
    assert found.summary["identical"] == 20
    gate.pause()
    control = Control()
    threading.Timer(0.1, control.cancel).start()
    with pytest.raises(Cancelled):
        compared(tmp_path, tensors, tensors, gate=gate, control=control)


def test_a_file_that_changes_meanwhile_makes_the_comparison_partial(tmp_path: Path) -> None:
    tensors = {str(i): torch.ones(200_000) for i in range(4)}
    path = tmp_path / "a" / "saved.pt"

    def spoil(_place: int, _result: Compared) -> None:
        if path.stat().st_size > 1000:
            path.write_bytes(b"gone")

    found, _ = compared(tmp_path, tensors, tensors, on_compared=spoil)
    assert found.partial
    assert "failed" in {mark for item in found.pairs for mark in item.marks}
    assert found.pairs[0].marks[0] in {"identical", "failed"}
