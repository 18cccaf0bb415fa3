"""Small tensors counted many at a time have the figures that each of them has by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis import compiled
from sdviewer.analysis.counting import Counting
from sdviewer.analysis.kernels import warming
from sdviewer.analysis.scan import Scan
from sdviewer.analysis.small_tensors import small_tensors
from sdviewer.analysis.statistics_table import Figures
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from tests.helpers.saved import opened

_BITS = {8: torch.uint8, 16: torch.int16, 32: torch.int32, 64: torch.int64}
_DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.int64, torch.int32, torch.int16,
    torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
)  # fmt: skip


@pytest.fixture(params=["compiled", "plain"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop as it is compiled, and as it is without numba."""
    if request.param == "plain":
        monkeypatch.setattr(compiled, "_found", {})
        monkeypatch.setattr(warming, "available", lambda *_args, **_names: False)


def by_itself(ref: TensorRef) -> Figures:
    """The figures as those of any tensor are found."""
    counting = Counting(ref)
    share = counting.new_share()
    for index in range(len(counting.blocks)):
        counting.add(share, index, np.empty(1 << 20, np.uint8))
    return counting.result([share]).figures()


def assert_as_by_itself(checkpoint: Checkpoint) -> None:
    scan = Scan(checkpoint)
    scan.run()
    assert not scan.failed
    for name, ref in checkpoint.tensors.items():
        found, wanted = scan.table.figures(ref.row), by_itself(ref)
        assert found is not None
        assert found.integers == wanted.integers, name
        assert found.bounds is None, name
        np.testing.assert_allclose(found.values, wanted.values, rtol=1e-12, err_msg=name)


@pytest.mark.usefixtures("form")
def test_any_bits_of_any_dtype_are_as_by_themselves(tmp_path: Path) -> None:
    torch.manual_seed(5)
    tensors: dict[str, torch.Tensor] = {}
    for dtype in _DTYPES:
        carrier = _BITS[8 * torch.empty(0, dtype=dtype).element_size()]
        limits = torch.iinfo(carrier)
        for size in (1, 2, 3, 16, 511, 4096):
            bits = torch.randint(limits.min, limits.max, (size,), dtype=carrier)
            tensors[f"{dtype}.{size}"] = bits.view(dtype)
            if dtype.is_floating_point and dtype.itemsize > 1:
                tensors[f"{dtype}.{size} ordinary"] = torch.randn(size).to(dtype)
            elif not dtype.is_floating_point:
                tensors[f"{dtype}.{size} ordinary"] = torch.randint(0, 100, (size,)).to(dtype)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(7)
    tensors["square"] = torch.randn(16, 16)
    checkpoint = opened(tmp_path, tensors)
    assert small_tensors(checkpoint).is_small.all()
    assert_as_by_itself(checkpoint)


@given(st.lists(st.lists(st.floats(width=32), min_size=1, max_size=40), min_size=1, max_size=12))
def test_any_floats_are_as_by_themselves(lists: list[list[float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tensors = {f"x.{i}": torch.tensor(values) for i, values in enumerate(lists)}
        assert_as_by_itself(opened(Path(folder), tensors))


def test_integers_beyond_what_a_float64_holds_are_exact(tmp_path: Path) -> None:
    wide = torch.tensor([2**62 + 1, 2**62, 2**62 + 1, -(2**63)])
    checkpoint = opened(tmp_path, {"before": torch.tensor([1, 2]), "wide": wide, "behind": torch.tensor([3])})
    scan = Scan(checkpoint)
    scan.run()
    figures = scan.table.figures(checkpoint.tensors["wide"].row)
    assert figures is not None
    assert figures.integers == (-(2**63), 2**62 + 1, 2**63)
    assert figures.statistics().distinct.value == 3
    assert_as_by_itself(checkpoint)


def test_large_views_and_gaps_are_not_small(tmp_path: Path) -> None:
    base = torch.randn(20, 20)
    checkpoint = opened(
        tmp_path,
        {"large": torch.zeros(4097), "turned": base.t(), "part": base[:, :3], "empty": torch.empty(0), "row": base[3]},
    )
    small = small_tensors(checkpoint)
    assert [name for name, ref in checkpoint.tensors.items() if small.is_small[ref.row]] == ["row"]


def test_runs_hold_what_lies_together_and_fits(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {f"x.{i}": torch.full((100,), float(i)) for i in range(20)})
    small = small_tensors(checkpoint)
    rows = np.argsort(small.offset)
    runs = list(small.runs(rows, 3000))
    assert np.concatenate([run for _, _, run in runs]).tolist() == rows.tolist()
    for first, end, run in runs:
        assert end - first <= 3000
        assert (small.offset[run] >= first).all()
        assert (small.offset[run] + small.nbytes[run] <= end).all()
    assert 1 < len(runs) < 20
