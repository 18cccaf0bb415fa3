"""The rank of a change is that of the adapter that made it, and a full one is not taken for an adapter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdviewer.comparison.delta_rank import DeltaRank, delta_rank
from sdviewer.comparison.matching import match
from sdviewer.comparison.sides import Side
from sdviewer.errors import CannotRead
from tests.helpers.saved import opened


def rank(folder: Path, a: torch.Tensor, b: torch.Tensor) -> DeltaRank:
    sides = []
    for name, tensor in (("a", a), ("b", b)):
        (folder / name).mkdir()
        sides.append(Side(opened(folder / name, {"w": tensor}), None, ("w",), np.arange(1)))
    matching = match(*sides)
    return delta_rank(matching, matching.pairs[0])


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_merged_adapter_is_recognised_by_its_rank(tmp_path: Path, dtype: torch.dtype) -> None:
    base = (normal(96, 128) * 0.02).to(dtype)
    adapter = 4 * normal(96, 4, seed=1) @ normal(4, 128, seed=2) * 0.02
    merged = (base.double() + adapter).to(dtype)
    found = rank(tmp_path, base, merged)
    delta = merged.double() - base.double()
    expected = torch.linalg.svdvals(delta).numpy()
    np.testing.assert_allclose(found.singular, expected, rtol=1e-7, atol=1e-9 * expected[0])
    assert found.adapter_rank == 4
    assert found.frobenius == pytest.approx(float(delta.norm()))
    energy = np.cumsum(expected**2) / np.sum(expected**2)
    assert found.ranks == tuple(int(np.argmax(energy >= share)) + 1 for share in (0.9, 0.99, 0.999))


def test_a_full_fine_tune_is_no_adapter(tmp_path: Path) -> None:
    base = normal(60, 40)
    found = rank(tmp_path, base, base + 0.01 * normal(60, 40, seed=5))
    assert found.adapter_rank is None
    assert found.ranks[0] is not None
    assert found.ranks[0] > 10


def test_nothing_changed_has_rank_0(tmp_path: Path) -> None:
    found = rank(tmp_path, normal(8, 8), normal(8, 8))
    assert found.ranks == (0, 0, 0)
    assert found.adapter_rank is None


def test_convolutions_are_read_as_out_times_rest(tmp_path: Path) -> None:
    base = normal(12, 3, 4, 4)
    update = (normal(12, 1, seed=1) @ normal(1, 48, seed=2)).reshape(12, 3, 4, 4)
    found = rank(tmp_path, base, base + update)
    assert (found.rows, found.columns, found.adapter_rank) == (12, 48, 1)


def test_what_has_no_rank_says_so(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(CannotRead, match="no matrix"):
        rank(tmp_path / "x", torch.ones(5), torch.zeros(5))
    (tmp_path / "y").mkdir()
    with pytest.raises(CannotRead, match="finite"):
        rank(tmp_path / "y", torch.ones(5, 5), torch.full((5, 5), float("nan")))
