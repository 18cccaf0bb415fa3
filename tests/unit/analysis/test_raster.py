"""Pictures tell of each pixel what numpy says of its block, whatever the layout, and read only what is in view."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.analysis import raster as engine
from sdviewer.analysis.coloring import painted, robust_limits
from sdviewer.analysis.kernels import warming
from sdviewer.analysis.pixel_sums import EMPTY, NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY
from sdviewer.analysis.plane import Plane, blocks_of_rows, folded, grid_of, matrix, tiles_along
from sdviewer.analysis.raster import Area, How, Raster, pixels_for, raster, sample
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import Frame, frame_of, value_shape
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotRead, NotDecodable, SourceChanged
from sdviewer.formats.files import LocalSources
from tests.helpers.arrays import ArrayFile, checkpoint_of_arrays
from tests.helpers.saved import in_one_folder

pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning"),
]


def ref_of(folder: Path, values: torch.Tensor | npt.NDArray[Any]) -> TensorRef:
    return checkpoint_of_arrays(folder / "it", {"t": values}).tensors["t"]


def whole(plane: Plane) -> Area:
    return Area(0, 0, plane.rows, plane.columns)


def laid_out(plane: Plane, values: npt.NDArray[Any]) -> Any:
    """The plane cell by cell, out of an array; empty cells are masked."""
    cells: Any = np.ma.array(np.zeros((plane.rows, plane.columns), values.dtype), mask=True)
    for row in range(plane.rows):
        for column in range(plane.columns):
            index = plane.index(row, column)
            if index is not None:
                cells[row, column] = values[index]
    return cells


def assert_pictures(found: Raster, cells: npt.NDArray[Any], *, close: float = 1e-12) -> None:
    """Every pixel against numpy's mean, minimum and maximum of its block, and the margins likewise."""
    rows, columns = cells.shape
    block = np.ma.getmaskarray(cells)
    values = np.ma.getdata(cells).astype(np.float64)
    finite = np.isfinite(values) & ~block
    down = [found.rows.places(y, rows) for y in range(found.rows.count)]
    across = [found.columns.places(x, columns) for x in range(found.columns.count)]
    assert found.mean.shape == found.low.shape == found.high.shape == found.states.shape == (len(down), len(across))
    for y, r in enumerate(down):
        for x, c in enumerate(across):
            place = np.ix_(r, c)
            numbers = values[place][finite[place]]
            there: npt.NDArray[np.bool_] = ~block[place]
            state = NAN * bool(np.isnan(values[place][there]).any())
            state |= POSITIVE_INFINITY * bool((values[place][there] == np.inf).any())
            state |= NEGATIVE_INFINITY * bool((values[place][there] == -np.inf).any())
            assert found.states[y, x] == (state if there.any() else EMPTY)
            if len(numbers):
                scale = np.abs(numbers).max()
                assert math.isclose(found.mean[y, x], numbers.mean(), rel_tol=close, abs_tol=close * scale)
                assert (found.low[y, x], found.high[y, x]) == (numbers.min(), numbers.max())
            else:
                assert np.isnan([found.mean[y, x], found.low[y, x], found.high[y, x]]).all()
    seen = np.ix_(range(down[0].start, down[-1].stop), range(across[0].start, across[-1].stop))
    everything = values[seen][~block[seen]]
    assert (found.nan, found.posinf, found.neginf) == (
        int(np.isnan(everything).sum()),
        int((everything == np.inf).sum()),
        int((everything == -np.inf).sum()),
    )
    for places, means, norms, axis in (
        (down, found.row_mean, found.row_rms, 0),
        (across, found.column_mean, found.column_rms, 1),
    ):
        for i, run in enumerate(places):
            line = (
                np.ix_(run, range(across[0].start, across[-1].stop))
                if axis == 0
                else np.ix_(range(down[0].start, down[-1].stop), run)
            )
            of_line = values[line][finite[line]]
            if len(of_line):
                scale = np.abs(of_line).max()
                assert math.isclose(means[i], of_line.mean(), rel_tol=close, abs_tol=close * scale)
                assert math.isclose(norms[i], math.sqrt((of_line**2).mean()), rel_tol=1e-9)


@st.composite
def pictured(draw: st.DrawFn) -> tuple[npt.NDArray[np.float32], Area, int, int]:
    rows, columns = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.standard_normal((rows, columns)).astype(np.float32)
    for odd in draw(st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 0.0]), max_size=6)):
        values[rng.integers(rows), rng.integers(columns)] = odd
    top, left = draw(st.floats(0, rows - 0.5)), draw(st.floats(0, columns - 0.5))
    bottom, right = draw(st.floats(top + 0.25, rows + 3)), draw(st.floats(left + 0.25, columns + 3))
    return values, Area(top, left, bottom, right), draw(st.integers(1, 12)), draw(st.integers(1, 12))


@in_one_folder(80)
@given(pictured(), st.booleans(), st.booleans())
def test_any_part_of_a_matrix_is_pictured_as_numpy_sums_it(
    tmp_path: Path, given: tuple[npt.NDArray[np.float32], Area, int, int], turned: bool, compiled: bool
) -> None:
    values, area, height, width = given
    stored = torch.from_numpy(np.ascontiguousarray(values.T)).T if turned else torch.from_numpy(values)
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setattr(warming, "available", lambda *_, **__: False)
        found = raster(ref_of(tmp_path, stored), matrix(frame_of(values.shape)), area, height, width)
    assert_pictures(found, values)
    assert found.rows.count <= height + 1
    assert found.columns.count <= width + 1
    assert found.rows.start <= area.top
    assert found.columns.start <= area.left
    assert found.rows.stop >= min(area.bottom, values.shape[0])
    assert found.columns.stop >= min(area.right, values.shape[1])


@given(st.integers(1, 10**12), st.data())
def test_pixels_of_one_step_cover_a_side_without_gap_or_overlap(size: int, data: st.DataObject) -> None:
    start = data.draw(st.floats(0, size - 0.5))
    stop = data.draw(st.floats(start, size))
    pixels = pixels_for(start, stop, size, data.draw(st.integers(1, 200)))
    edges = pixels.edges(size).tolist()
    assert edges == sorted(set(edges))
    assert edges[0] <= start
    assert edges[-1] >= math.floor(stop)
    for pixel in (0, pixels.count - 1):
        places = pixels.places(pixel, size)
        assert (places.start, places.stop) == (edges[pixel], edges[pixel + 1])
        assert pixels.pixel_at(places.start) == pixels.pixel_at(places.stop - 1) == pixel


def test_moving_the_view_does_not_move_the_blocks() -> None:
    here, there = pixels_for(100, 900, 10_000, 300), pixels_for(101, 901, 10_000, 300)
    assert here.step == there.step
    assert set(here.edges(10_000).tolist()[1:-1]) & set(there.edges(10_000).tolist()) >= set(
        there.edges(10_000).tolist()[1:-2]
    )


DTYPES = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
          "float8_e5m2fnuz", "float8_e8m0fnu", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16",
          "uint8", "bool", "complex64", "complex128", "complex32"]  # fmt: skip


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_is_pictured_by_its_values(
    tmp_path: Path, name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtype = getattr(torch, name)
    width = torch.empty(0, dtype=dtype).element_size()
    raw = np.random.default_rng(7).integers(0, 256, 21 * 17 * width, np.uint8)
    if name == "bool":
        raw &= 1
    tensor = torch.from_numpy(raw).view(dtype).reshape(21, 17)
    if not compiled:
        monkeypatch.setattr(warming, "available", lambda *_, **__: False)
    # numpy wanders into huge numbers where bits are random: their sums are checked with bits that are tame.
    wide = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
    if name in {"float64", "float32", "complex64", "complex128"}:
        tensor = (torch.arange(21 * 17).reshape(21, 17) - 100).to(dtype) / 7
        wide = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
    expected = wide.numpy()
    if tensor.is_complex():
        expected = np.where(np.isnan(expected), np.nan, np.hypot(expected.real, expected.imag))
    found = raster(ref_of(tmp_path, tensor), matrix(frame_of((21, 17))), Area(0, 0, 21, 17), 5, 4)
    assert_pictures(found, expected, close=1e-9)


@pytest.mark.parametrize("shape", [(6, 4, 3, 5)])
@pytest.mark.parametrize("compiled", [True, False])
def test_layouts_show_each_value_where_they_say(
    tmp_path: Path, shape: tuple[int, ...], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(warming, "available", lambda *_, **__: False)
    values = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    values[1, 2, 1, 1] = np.nan
    frame = frame_of(shape)
    ref = ref_of(tmp_path, values)
    planes = (
        matrix(Frame(shape, 0, 2, (0, 3, 0, 4))),
        matrix(Frame(shape, 3, 1, (5, 0, 2, 0))),
        tiles_along(frame.with_at(1, 2), 0),
        tiles_along(frame, 0, per_line=4),
        tiles_along(frame.transposed(), 1, per_line=3),
        grid_of(frame, 0, 1),
        grid_of(frame.transposed(), 1, 0),
        grid_of(Frame(shape, -1, 3, (0, 0, 1, 0)), 0, 1),
        blocks_of_rows(Frame(shape, 0, 3, (0, 1, 1, 0)), 2),
    )
    for plane in planes:
        cells = laid_out(plane, values)
        assert_pictures(raster(ref, plane, whole(plane), 1000, 1000), cells)
        assert_pictures(raster(ref, plane, whole(plane), 7, 5), cells)
        assert_pictures(raster(ref, plane, Area(1.5, 2.2, plane.rows - 1.5, plane.columns), 4, 6), cells)


@pytest.mark.parametrize("pieces", [1, 3, 10, 1 << 17])
def test_a_grid_read_in_pieces_of_any_size_is_the_same(
    tmp_path: Path, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PIECE_VALUES", pieces)
    monkeypatch.setattr(engine, "_SHARE_VALUES", 40)
    values = np.random.default_rng(4).standard_normal((7, 3, 4, 2)).astype(np.float32)
    plane = tiles_along(frame_of(values.shape).with_at(1, 1), 0, per_line=3)
    found = raster(ref_of(tmp_path, values), plane, whole(plane), 8, 5)
    assert_pictures(found, laid_out(plane, values))


@pytest.mark.parametrize("count", [1, 2, 7, 16, 30])
def test_a_vector_is_one_line_or_folded_into_many(tmp_path: Path, count: int) -> None:
    values = np.arange(count, dtype=np.float32) - 3
    ref, frame = ref_of(tmp_path, values), frame_of((count,))
    for plane in (matrix(frame), matrix(frame.transposed()), folded(frame), folded(frame, 5)):
        assert_pictures(raster(ref, plane, whole(plane), 100, 100), laid_out(plane, values))
        assert_pictures(raster(ref, plane, whole(plane), 3, 3), laid_out(plane, values))


def test_views_with_gaps_repeats_and_negation_are_pictured_as_torch_sees_them(tmp_path: Path) -> None:
    base = torch.randn(40, 60, generator=torch.manual_seed(1))
    negated = torch.randn(9, 5, dtype=torch.complex64).conj().imag
    assert negated.is_neg()
    for tensor in (base[3:30:2, 5:50:3], base[:, 7:8].expand(40, 12), base[5:6].expand(12, 60), base.T[::2], negated):
        shape = tuple(tensor.shape)
        found = raster(ref_of(tmp_path, tensor), matrix(frame_of(shape)), Area(0, 0, *shape), 6, 9)
        assert_pictures(found, tensor.resolve_neg().to(torch.float64).numpy())


@pytest.mark.parametrize("compiled", [True, False])
def test_quantised_tensors_show_their_real_values(
    tmp_path: Path, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(warming, "available", lambda *_, **__: False)
    values = torch.randn(6, 4, 3, 3, generator=torch.manual_seed(2))
    scales, zeros = torch.rand(6, dtype=torch.float64) + 0.01, torch.arange(6)
    quantised = (
        torch.quantize_per_tensor(values, 0.05, 3, torch.qint8),
        torch.quantize_per_tensor(values, 0.05, 100, torch.quint8),
        torch.quantize_per_tensor(values, 0.001, 0, torch.qint32),
        torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8),
    )
    for tensor in quantised:
        expected = tensor.dequantize().numpy()
        for plane in (grid_of(frame_of((6, 4, 3, 3)), 0, 1), tiles_along(frame_of((6, 4, 3, 3)), 0, 4)):
            found = raster(ref_of(tmp_path, tensor), plane, whole(plane), 9, 100)
            assert_pictures(found, laid_out(plane, expected))


def test_packed_values_are_pictured_one_by_one(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    raw = np.random.default_rng(5).integers(0, 256, 40, np.uint8)
    file.add_raw("dense", "float4_e2m1fn_x2", (5, 8), raw.tobytes())
    file.add_raw("turned", "float4_e2m1fn_x2", (8, 5), raw.tobytes(), stride=(1, 8))
    file.add_raw("six", "float6_e2m3fn", (4, 12), raw[:36].tobytes())
    checkpoint = file.finish()
    for name in ("dense", "turned", "six"):
        ref = checkpoint.tensors[name]
        plane = matrix(frame_of(value_shape(ref)))
        assert_pictures(raster(ref, plane, whole(plane), 3, 100), ref.numpy())
        assert_pictures(raster(ref, plane, Area(1, 1, 4, 4), 100, 100), ref.numpy())


def test_swapped_bytes_are_turned_round(tmp_path: Path) -> None:
    values = np.random.default_rng(6).standard_normal((5, 6)).astype(np.float32)
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "float32", (5, 6), values.astype(">f4").tobytes(), swapped=True)
    found = raster(file.finish().tensors["t"], matrix(frame_of((5, 6))), Area(0, 0, 5, 6), 3, 3)
    assert_pictures(found, values)


@pytest.mark.parametrize("size", [1e308, 1e200, 1e-200, 5e-324])
@pytest.mark.parametrize("compiled", [True, False])
def test_sums_of_huge_and_tiny_numbers_stay_numbers(
    tmp_path: Path, size: float, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(warming, "available", lambda *_, **__: False)
    values = np.full((8, 8), size)
    found = raster(ref_of(tmp_path, values), matrix(frame_of((8, 8))), Area(0, 0, 8, 8), 2, 2)
    assert found.mean == pytest.approx(np.full((2, 2), size))
    assert found.row_rms == pytest.approx(np.full(2, size))
    assert found.column_rms == pytest.approx(np.full(2, size))
    assert not found.states.any()


def test_the_largest_magnitude_keeps_a_lone_outlier_and_its_sign(tmp_path: Path) -> None:
    values = np.zeros((300, 300), np.float32)
    values[17, 205], values[250, 3] = -50, 40
    found = raster(ref_of(tmp_path, values), matrix(frame_of((300, 300))), Area(0, 0, 300, 300), 10, 10)
    largest, spread = found.shown(How.LARGEST), found.shown(How.RANGE)
    assert largest[0, 6] == -50
    assert largest[8, 0] == 40
    assert np.count_nonzero(largest) == 2
    assert spread[0, 6] == 50
    assert found.shown(How.MEAN)[0, 6] == pytest.approx(-50 / 900)


def test_a_sample_has_the_extent_of_the_picture_and_its_values(tmp_path: Path) -> None:
    values = np.repeat(np.arange(500, dtype=np.float32), 400).reshape(500, 400)
    ref, plane = ref_of(tmp_path, values), matrix(frame_of((500, 400)))
    some, all_ = sample(ref, plane, whole(plane), 50, 40), raster(ref, plane, whole(plane), 50, 40)
    assert not some.exact
    assert all_.exact
    assert (some.rows, some.columns) == (all_.rows, all_.columns)
    assert not some.states.any()
    assert np.all(np.abs(some.mean - all_.mean) <= 5)


def test_a_sample_of_a_giant_reads_little_and_is_not_blank(tmp_path: Path) -> None:
    """64 GB that no disk holds: rows of 32 GB."""
    file = ArrayFile(tmp_path / "it")
    file.add_raw("wide", "float32", (2, 1 << 33), b"", nbytes=1 << 36)
    checkpoint = file.finish()
    with Path(checkpoint.path).open("r+b") as sparse:
        sparse.truncate(checkpoint.file_bytes + (1 << 36) + 64)
    sources = LocalSources()
    sources.add_file(Path(checkpoint.path))
    object.__setattr__(checkpoint, "sources", sources)
    ref, plane = checkpoint.tensors["wide"], matrix(frame_of((2, 1 << 33)))
    begun = time.monotonic()
    found = sample(ref, plane, whole(plane), 500, 1000)
    assert time.monotonic() - begun < 5
    assert found.rows.count == 2
    assert np.all(found.mean == 0)


def test_limits_hold_nearly_all_and_are_symmetric_where_values_have_both_signs() -> None:
    values = np.random.default_rng(8).standard_normal((300, 300))
    states = np.zeros(values.shape, np.uint8)
    values[0, 0] = 1e9
    low, high = robust_limits(values, states)
    assert low == -high
    assert high == pytest.approx(np.percentile(np.abs(values), 99.5), rel=0.03)
    low, high = robust_limits(np.abs(values), states)
    assert 0 <= low < 0.05
    assert high == pytest.approx(np.percentile(np.abs(values), 99.5), rel=0.03)


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, np.nan, 1e-320, -1e308])
def test_limits_of_what_is_all_alike_can_be_drawn(value: float) -> None:
    values = np.full((3, 3), value)
    low, high = robust_limits(values, np.where(np.isnan(values), NAN, 0).astype(np.uint8))
    assert low < high
    assert math.isnan(value) or low <= value <= high


def test_limits_of_mostly_zeros_still_show_the_others() -> None:
    values = np.zeros((100, 100))
    values[3, 3], values[5, 5] = 2, -1
    assert robust_limits(values, np.zeros((100, 100), np.uint8)) == (-2, 2)


@pytest.mark.parametrize("compiled", [True, False])
def test_colours_go_by_value_between_the_limits_and_by_state_beside_them(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(warming, "available", lambda *_, **__: False)
    ramp = np.arange(256, dtype=np.uint32)
    special = np.arange(16, dtype=np.uint32) + 1000
    values = np.array([[-9.0, -1.0, 0.0, 0.9999, 1.0, 9.0, np.nan, 0.5]])
    states = np.array([[0, 0, 0, 0, 0, 0, EMPTY, NAN]], np.uint8)
    assert painted(values, states, (-1.0, 1.0), ramp, special).tolist() == [[0, 0, 128, 255, 255, 255, 1008, 1001]]


def test_a_picture_can_be_stopped(tmp_path: Path) -> None:
    values = torch.zeros(1, 4000).expand(600_000, 4000)
    ref, plane = ref_of(tmp_path, values), matrix(frame_of((600_000, 4000)))
    seen: list[int] = []
    control = Control(lambda done, _total, _note: seen.append(done))
    timer = threading.Timer(0.2, control.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        raster(ref, plane, whole(plane), 500, 500, control)
    timer.join()
    assert max(seen, default=0) < values.numel()


def test_progress_ends_at_the_number_of_values(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    control = Control(lambda done, total, _: told.append((done, total)))
    plane = matrix(frame_of((30, 40)))
    raster(ref_of(tmp_path, np.zeros((30, 40))), plane, whole(plane), 10, 10, control)
    assert told[-1] == (1200, 1200)


def test_what_no_file_can_hold_is_refused_but_sampled(tmp_path: Path) -> None:
    tensor = torch.ones(1, 1).expand(1 << 40, 1 << 10)
    ref, plane = ref_of(tmp_path, tensor), matrix(frame_of((1 << 40, 1 << 10)))
    with pytest.raises(CannotRead):
        raster(ref, plane, whole(plane), 100, 100)
    assert np.all(sample(ref, plane, whole(plane), 100, 100).mean == 1)
    near = raster(ref, plane, Area((1 << 40) - 10.0, 0, 1 << 40, 30), 100, 100)
    assert near.is_cells
    assert np.all(near.mean == 1)


def test_unknown_values_and_a_changed_file_are_errors(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "bits")
    file.add_raw("t", "bits8", (4, 4), bytes(16))
    with pytest.raises(NotDecodable):
        raster(file.finish().tensors["t"], matrix(frame_of((4, 4))), Area(0, 0, 4, 4), 4, 4)
    ref = ref_of(tmp_path, np.zeros((4, 4)))
    Path(ref.checkpoint.path).write_bytes(b"other")
    with pytest.raises(SourceChanged):
        raster(ref, matrix(frame_of((4, 4))), Area(0, 0, 4, 4), 4, 4)
