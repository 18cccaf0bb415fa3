"""Singular values agree with LAPACK's by every method, and the figures with their definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sdviewer.analysis.spectrum import (
    Matrix,
    Method,
    Spectrum,
    axes_of,
    can_be_matrix,
    estimate,
    spectrum,
    spectrum_of,
)
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotRead
from sdviewer.processes.torch_process import torch_process
from tests.helpers.saved import opened

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module", autouse=True)
def _process_ends() -> Iterator[None]:
    yield
    torch_process().close()


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_singular_values(rows: int, columns: int, values: Floats) -> torch.Tensor:
    """A float64 matrix that has just these."""
    left = torch.linalg.qr(random(rows, len(values), seed=1))[0]
    right = torch.linalg.qr(random(columns, len(values), seed=2))[0]
    product: torch.Tensor = (left * torch.from_numpy(values)) @ right.T
    return product


def ref_of(folder: Path, tensor: torch.Tensor) -> TensorRef:
    return opened(folder, {"t": tensor}).tensors["t"]


def exact(tensor: torch.Tensor, axis: int = 0) -> Floats:
    wide = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
    matrix = wide.movedim(axis, 0).reshape(tensor.shape[axis], -1).numpy()
    return np.linalg.svd(matrix, compute_uv=False)


def of_values(singular: Any, matrix: Matrix | None = None, method: Method = "svd") -> Spectrum:
    """As if a square matrix had been decomposed."""
    values = np.array(singular, np.float64)
    matrix = matrix or Matrix(0, len(values), len(values))
    return spectrum_of(values, matrix, method, frobenius=float(np.linalg.norm(values)))


@pytest.mark.parametrize("method", ["svd", "gram"])
@pytest.mark.parametrize(
    ("tensor", "axis"),
    [
        (random(50, 30), 0),
        (random(50, 30, dtype=torch.float32), 0),
        (random(30, 50).to(torch.bfloat16), 0),
        (random(40, 40).to(torch.float16), 1),
        (random(20, 30).to(torch.float8_e4m3fn), 0),
        (random(24, 6, 3, 3, dtype=torch.float32), 0),
        (random(24, 6, 3, 3, dtype=torch.float32), 1),
        (random(2, 70, 3, dtype=torch.float32), 2),
        (random(20, 30, dtype=torch.complex64), 0),
        (random(30, 20, dtype=torch.complex128), 0),
        (random(30, 20).T, 0),
        (random(30, 20) * 1e200, 0),
        (random(20, 30) * 1e-300, 0),
        (random(30, 20, dtype=torch.float32) * 1e37, 0),
        (random(30, 20, dtype=torch.float32) * 1e-40, 0),
    ],
    ids=lambda value: f"{value.dtype}{tuple(value.shape)}" if isinstance(value, torch.Tensor) else str(value),
)
def test_singular_values_are_those_of_lapack(tmp_path: Path, tensor: torch.Tensor, axis: int, method: Method) -> None:
    found = spectrum(ref_of(tmp_path, tensor), axis=axis, method=method)
    wanted = exact(tensor, axis)
    assert found.matrix == Matrix(axis, tensor.shape[axis], tensor.numel() // tensor.shape[axis])
    assert len(found.singular) == len(wanted)
    assert np.abs(found.singular - wanted).max() <= 1e-12 * wanted[0]
    # None of these is near the resolution, so the smallest are right, too.
    assert found.singular[-1] == pytest.approx(wanted[-1], rel=1e-9)
    assert found.frobenius / wanted[0] == pytest.approx(float(np.linalg.norm(wanted / wanted[0])), rel=1e-12)


def test_rows_that_are_cut_anywhere_add_up(tmp_path: Path) -> None:
    """Larger than the blocks that are sent and summed, and no multiple of them."""
    tensor = random(61_003, 37, dtype=torch.float32)
    found = spectrum(ref_of(tmp_path, tensor), method="gram")
    assert np.abs(found.singular - exact(tensor)).max() <= 1e-12 * found.singular[0]


@pytest.mark.parametrize("decades", [3, 6, 9, 14])
def test_an_ill_conditioned_matrix_is_measured_or_said_to_be_beyond_it(tmp_path: Path, decades: int) -> None:
    values = np.logspace(0, -decades, 60)
    tensor = with_singular_values(90, 60, values)
    for method, limit in (("svd", 1e13), ("gram", 1e7)):
        found = spectrum(ref_of(tmp_path, tensor), method=method)  # type: ignore[arg-type]  # both are methods
        assert found.condition is not None
        assert found.condition.low <= 10.0**decades * (1 + 1e-2)
        assert found.condition.is_exact is (10.0**decades < limit)
        if found.condition.is_exact:
            assert found.condition.value == pytest.approx(10.0**decades, rel=1e-2)
        resolved = found.singular > found.resolution
        assert np.abs(found.singular[resolved] / values[resolved] - 1).max() < 0.51
        assert np.abs(found.singular - values).max() < found.resolution
        assert found.nuclear is not None
        assert found.nuclear.low <= values.sum() * (1 + 1e-9)
        assert found.nuclear.high >= values.sum() * (1 - 1e-9)


def test_the_largest_ones_come_from_below_and_close(tmp_path: Path) -> None:
    values = 1 / np.arange(1.0, 301)
    tensor = with_singular_values(500, 300, values)
    found = spectrum(ref_of(tmp_path, tensor.float()), method="top")
    assert len(found.singular) == 16
    assert np.all(found.singular <= values[:16] * (1 + 1e-5))
    assert np.all(found.singular >= values[:16] * (1 - 1e-4))
    assert found.frobenius == pytest.approx(float(np.linalg.norm(values)), rel=1e-5)
    assert (found.nuclear, found.condition, found.effective_rank) == (None, None, None)
    assert found.stable_rank is not None
    assert not found.stable_rank.is_exact
    assert found.stable_rank.high == pytest.approx(float((values**2).sum()), rel=1e-4)


def test_figures_follow_their_definitions() -> None:
    found = of_values([4.0, 2.0, 1.0, 1.0])
    share = np.array([4, 2, 1, 1]) / 8
    assert found.spectral.value == 4
    assert found.frobenius == pytest.approx(math.sqrt(22))
    assert found.nuclear is not None
    assert found.nuclear.value == 8
    assert found.condition is not None
    assert found.condition.value == 4
    assert found.stable_rank is not None
    assert found.stable_rank.value == pytest.approx(22 / 16)
    assert found.effective_rank == pytest.approx(math.exp(-(share * np.log(share)).sum()))
    assert found.rank_90 is not None
    assert found.rank_90.value == 2  # 20 of 22
    assert found.rank_99 is not None
    assert found.rank_99.value == 4
    assert found.energy() == pytest.approx([16 / 22, 20 / 22, 21 / 22, 1])


def test_an_orthogonal_matrix_has_all_ranks_full() -> None:
    found = of_values([3.0] * 10)
    assert found.effective_rank == pytest.approx(10)
    assert found.stable_rank is not None
    assert found.stable_rank.value == pytest.approx(10)
    assert found.rank_90 is not None
    assert found.rank_90.value == 9


@pytest.mark.parametrize("rank", [1, 7])
def test_a_matrix_of_low_rank_has_low_ranks_and_no_noise(tmp_path: Path, rank: int) -> None:
    tensor = with_singular_values(80, 60, np.linspace(2, 1, rank)).float()
    found = spectrum(ref_of(tmp_path, tensor))
    assert found.rank_99 is not None
    assert found.rank_99.value <= rank
    assert found.effective_rank is not None
    assert found.effective_rank <= rank * 1.001
    # What float32 rounds away is not taken for noise.
    assert found.edge is None
    assert found.spikes is None


def test_a_matrix_of_zeros_has_no_ranks(tmp_path: Path) -> None:
    found = spectrum(ref_of(tmp_path, torch.zeros(5, 7)))
    assert found.singular.tolist() == [0] * 5
    assert found.spectral.value == found.frobenius == 0
    assert (found.condition, found.stable_rank, found.effective_rank, found.edge) == (None, None, None, None)


@pytest.mark.parametrize(("rows", "columns"), [(150, 150), (100, 350), (450, 50)])
def test_noise_ends_at_the_edge(rows: int, columns: int) -> None:
    beyond = 0
    for seed in range(5):
        values = np.linalg.svd(random(rows, columns, seed=seed).numpy() * 0.02, compute_uv=False)
        found = of_values(values, Matrix(0, rows, columns))
        assert found.noise == pytest.approx(0.02, rel=0.04)
        assert found.edge == pytest.approx(0.02 * (math.sqrt(rows) + math.sqrt(columns)), rel=0.04)
        assert values[0] == pytest.approx(found.edge, rel=0.06)
        assert found.spikes is not None
        beyond += int(found.spikes.value)
    assert beyond == 0


def test_what_is_planted_in_noise_is_counted(tmp_path: Path) -> None:
    noise = random(200, 150, seed=3) * 0.05
    planted = with_singular_values(200, 150, np.array([12.0, 9.0, 7.0, 5.0]))
    found = spectrum(ref_of(tmp_path, (noise + planted).float()))
    assert found.noise == pytest.approx(0.05, rel=0.03)
    assert found.spikes is not None
    assert found.spikes.value == 4
    assert found.spikes.is_exact


def test_the_median_of_the_law_is_that_of_large_random_matrices() -> None:
    for rows, columns in ((300, 300), (150, 450)):
        squares = np.linalg.svd(random(rows, columns, seed=5).numpy(), compute_uv=False) ** 2 / max(rows, columns)
        found = of_values(np.sqrt(squares), Matrix(0, rows, columns))
        assert found.noise == pytest.approx(1 / math.sqrt(max(rows, columns)), rel=0.02)


@pytest.mark.parametrize(("value", "said"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")])
def test_what_is_not_finite_is_refused_with_its_place(tmp_path: Path, value: float, said: str) -> None:
    tensor = random(2000, 900, dtype=torch.float32)
    tensor[1717, 3] = value
    was_running = torch_process().is_running
    with pytest.raises(CannotRead, match=rf"the value at \[1717, 3\] is {said}"):
        spectrum(ref_of(tmp_path, tensor))
    assert torch_process().is_running >= was_running
    assert spectrum(ref_of(tmp_path, random(3, 3))).singular[0] > 0


def test_the_method_suits_the_size(tmp_path: Path) -> None:
    def chosen(*shape: int, dtype: torch.dtype = torch.float32) -> str:
        return estimate(ref_of(tmp_path, torch.zeros(1, dtype=dtype).expand(shape))).method

    assert chosen(200, 300) == "svd"
    assert chosen(4096, 4096) == "gram"
    assert chosen(128_256, 4096) == "gram"
    assert chosen(2048, 2048, dtype=torch.float64) == "svd"
    assert chosen(60_000, 30_000) == "top"
    with pytest.raises(CannotRead, match="memory"):
        estimate(ref_of(tmp_path, torch.zeros(1).expand(10**9, 10**9)))


def test_costs_grow_with_the_matrix_and_the_quick_way_costs_least(tmp_path: Path) -> None:
    ref = ref_of(tmp_path, torch.zeros(1).expand(4096, 4096))
    svd, gram, top = (estimate(ref, method=method).seconds for method in ("svd", "gram", "top"))
    assert svd > gram > top > 0
    assert 1 < gram < 20


def test_cancelling_while_it_waits_ends_it(tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        spectrum(ref_of(tmp_path, random(10, 10)), control)


def test_only_matrices_of_real_numbers_have_spectra() -> None:
    assert can_be_matrix("float", (2, 2))
    assert can_be_matrix("complex", (4, 1, 3))
    assert not can_be_matrix("float", (5,))
    assert not can_be_matrix("float", (1, 5))
    assert not can_be_matrix("float", (0, 5))
    assert not can_be_matrix("int", (5, 5))
    assert axes_of((1, 5, 1, 3)) == (1, 3)
    assert axes_of((8, 4)) == (0, 1)
    assert axes_of(()) == ()
