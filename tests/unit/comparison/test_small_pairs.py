"""Small pairs compared many at a time say what each of them says by itself."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import sdviewer
from sdviewer.comparison import comparing
from sdviewer.comparison.comparing import Comparison
from sdviewer.comparison.small_pairs import SmallPairs

_BITS = {8: torch.uint8, 16: torch.int16, 32: torch.int32}
_DTYPES = (
    torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
    torch.int16, torch.int8, torch.uint8,
)  # fmt: skip


def saved(folder: Path, tensors: dict[str, torch.Tensor], name: str) -> Path:
    path = folder / name
    torch.save(tensors, path)
    return path


def by_itself(a: Path, b: Path) -> Comparison:
    """The comparison in which no pair is taken together with others."""

    class Never(SmallPairs):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.is_small[:] = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "SmallPairs", Never)
        return sdviewer.compare(a, b)


def assert_same(found: Comparison, wanted: Comparison) -> None:
    for one, other in zip(found.pairs, wanted.pairs, strict=True):
        name = found.matching.a.keys[one.pair.a]
        assert (one.pair, one.marks, one.index, one.error) == (other.pair, other.marks, other.index, other.error), name
        assert (one.measures is None) is (other.measures is None)
        if one.measures is not None and other.measures is not None:
            for field in dataclasses.fields(one.measures):
                told, expected = getattr(one.measures, field.name), getattr(other.measures, field.name)
                if isinstance(expected, float) and not math.isnan(expected):
                    assert told == pytest.approx(expected, rel=1e-12, abs=1e-300), (name, field.name)
                elif not (isinstance(expected, float) or _has_nan(expected)):
                    assert told == expected, (name, field.name)


def _has_nan(values: object) -> bool:
    return isinstance(values, tuple) and any(isinstance(x, complex) and x != x for x in values)  # noqa: PLR0124  # NaN


def test_any_bits_of_any_dtype_say_what_they_say_by_themselves(tmp_path: Path) -> None:
    torch.manual_seed(3)
    a: dict[str, torch.Tensor] = {}
    b: dict[str, torch.Tensor] = {}
    for dtype in _DTYPES:
        limits = torch.iinfo(_BITS[8 * torch.empty(0, dtype=dtype).element_size()])
        for size in (1, 7, 300):
            bits = torch.randint(limits.min, limits.max, (size,)).to(_BITS[limits.bits])
            other = bits.clone()
            other[::3] = torch.randint(limits.min, limits.max, other[::3].shape).to(other.dtype)
            a[f"{dtype}.{size}"], b[f"{dtype}.{size}"] = bits.view(dtype), other.view(dtype)
            a[f"{dtype}.{size} same"] = b[f"{dtype}.{size} same"] = bits.view(dtype)
        if dtype.is_floating_point:
            ordinary = torch.randn(40)
            a[f"{dtype} tuned"], b[f"{dtype} tuned"] = ordinary.to(dtype), (ordinary * 1.01).to(dtype)
    a["zeros"], b["zeros"] = torch.zeros(4), -torch.zeros(4)
    a["square"], b["square"] = torch.arange(12.0).view(3, 4), torch.arange(12.0).flip(0).view(3, 4)
    a["turned"], b["turned"] = torch.randn(3, 5), torch.randn(5, 3)
    a["wide"], b["wide"] = torch.tensor([2**60, 1]), torch.tensor([2**60 + 1, 1])
    a["other dtype"], b["other dtype"] = torch.randn(8), torch.randn(8).half()
    paths = saved(tmp_path, a, "a.pt"), saved(tmp_path, b, "b.pt")
    assert_same(sdviewer.compare(*paths), by_itself(*paths))


_PAIRS = st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), min_size=1, max_size=20)


@given(st.lists(_PAIRS, min_size=1, max_size=6))
def test_any_floats_say_what_they_say_by_themselves(lists: list[list[tuple[float, float]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sides = [
            {f"x.{i}": torch.tensor([pair[side] for pair in pairs]) for i, pairs in enumerate(lists)} for side in (0, 1)
        ]
        paths = [saved(Path(folder), side, f"{i}.pt") for i, side in enumerate(sides)]
        assert_same(sdviewer.compare(*paths), by_itself(*paths))


def test_numbers_are_those_of_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a = {f"x.{i}": rng.normal(size=17).astype(np.float32) for i in range(600)}
    b = {name: (values + (i % 3) * 0.25).astype(np.float32) for i, (name, values) in enumerate(a.items())}
    paths = [
        saved(tmp_path, {name: torch.from_numpy(values) for name, values in side.items()}, f"{i}.pt")
        for i, side in enumerate((a, b))
    ]
    found = sdviewer.compare(*paths)
    assert found.summary["identical"] == 200
    for name, pair in zip(a, found.pairs, strict=True):
        delta = a[name].astype(np.float64) - b[name].astype(np.float64)
        assert pair.measures is not None
        assert pair.measures.norm_delta == pytest.approx(np.linalg.norm(delta), rel=1e-12)
        if delta.any():
            assert pair.measures.max_abs == np.abs(delta).max()
            assert pair.index == (int(np.abs(delta).argmax()),)


def test_a_side_that_was_changed_meanwhile_is_told_of_each_pair(tmp_path: Path) -> None:
    tensors = {f"x.{i}": torch.randn(4) for i in range(5)}
    a, b = sdviewer.open(saved(tmp_path, tensors, "a.pt")), sdviewer.open(saved(tmp_path, tensors, "b.pt"))
    with (tmp_path / "b.pt").open("r+b") as file:
        file.truncate(100)
    found = sdviewer.compare(a, b)
    assert [pair.marks for pair in found.pairs] == [("failed",)] * 5
    assert all("changed" in pair.error for pair in found.pairs)
    assert found.partial
