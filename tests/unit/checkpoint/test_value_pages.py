"""Pages hold what numpy has there, cost little to read, and never pile up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import sdviewer
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import frame_of, value_shape
from sdviewer.checkpoint.value_pages import PagedValues, read_rectangle, read_values
from sdviewer.checkpoint.value_text import Mark
from sdviewer.control import Control
from sdviewer.errors import Cancelled, NotDense, SourceChanged
from tests.helpers.arrays import ArrayFile
from tests.helpers.saved import opened
from tests.helpers.spying import spying

pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")


def paged(ref: TensorRef) -> PagedValues:
    """The frame that a table begins with."""
    return PagedValues(ref, frame_of(value_shape(ref)))


def all_of(pages: PagedValues) -> npt.NDArray[Any]:
    """Every page of a frame, put together."""
    frame, paging = pages.frame, pages.paging
    last = paging.page_at(frame.rows - 1, frame.columns - 1)
    result = np.zeros((frame.rows, frame.columns), pages.read((0, 0)).values.dtype)
    for down in range(last[0] + 1):
        for across in range(last[1] + 1):
            rows, columns = paging.places(frame, (down, across))
            block = pages.read((down, across))
            assert (block.top, block.left) == (rows.start, columns.start)
            result[rows.start : rows.stop, columns.start : columns.stop] = block.values
    return result


def test_pages_of_every_view_are_slices_of_the_tensor(tmp_path: Path) -> None:
    base = torch.randn(4, 70, 90, generator=torch.Generator().manual_seed(0))
    views = {
        "whole": base,
        "turned": base.permute(2, 0, 1),
        "gaps": base[:, ::3, 5:80:7],
        "wide": base[0, 0].expand(300, 90),
        "row": base[1, 2],
        "one": base[0, 0, 0],
    }
    refs = opened(tmp_path, {name: view.detach() for name, view in views.items()}).tensors
    for name, view in views.items():
        array, frame = view.numpy(), frame_of(tuple(view.shape))
        for axis in range(len(array.shape) if array.ndim > 2 else 1):
            chosen = frame if array.ndim < 3 else frame.with_columns(axis)
            for other in chosen.others:
                chosen = chosen.with_at(other, array.shape[other] - 1)
            for turned in (chosen, chosen.transposed()):
                rows, columns = range(turned.rows), range(turned.columns)
                expected = turned.arranged(array[turned.slice_of(rows, columns)], rows, columns)
                assert np.array_equal(all_of(PagedValues(refs[name], turned)), expected), (name, turned)
                assert np.array_equal(read_values(refs[name], turned, rows, columns, Control()), expected)


def test_a_page_of_a_large_matrix_costs_a_few_hundred_kilobytes(tmp_path: Path) -> None:
    refs = opened(tmp_path, {"w": torch.zeros(4096, 4096), "t": torch.zeros(4096, 4096).T}).tensors
    for ref in refs.values():
        for turned in (frame_of(ref.shape), frame_of(ref.shape).transposed()):
            pages = PagedValues(ref, turned)
            with spying() as spy:
                pages.read((1, 1))
            assert 0 < spy.total <= 300_000
            assert pages.paging.rows * pages.paging.columns == 2048


def test_describing_a_giant_reads_nothing_and_its_last_page_reads_little(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"giant": torch.ones(1, 2).expand(2**40, 2)}).tensors["giant"]
    with spying() as spy:
        pages = paged(ref)
        assert spy.total == 0
        block = pages.read(pages.paging.page_at(2**40 - 1, 1))
        assert spy.total <= 16
    assert block.text(2**40 - 1, 1) == "1"


def test_blocks_know_text_mark_exact_value_and_code(tmp_path: Path) -> None:
    values = torch.tensor([[0.1, float("nan")], [float("-inf"), 2.0]])
    block = paged(opened(tmp_path, {"w": values.bfloat16()}).tensors["w"]).read((0, 0))
    bfloat16 = sdviewer.open(tmp_path / "saved.pt").table.dtype_of(0)
    assert [[block.text(row, column) for column in (0, 1)] for row in (0, 1)] == [["0.100098", "NaN"], ["−∞", "2"]]
    assert [block.mark(0, 0), block.mark(0, 1), block.mark(1, 0)] == [Mark.NONE, Mark.NAN, Mark.INFINITE]
    assert block.exact(0, 0, bfloat16) == ("0.10009765625", "0x3dcd")
    assert block.longest == 8


def test_quantised_values_are_real_ones_with_their_codes(tmp_path: Path) -> None:
    tensor = torch.quantize_per_tensor(torch.tensor([[-1.0, 0.5]]), 0.5, 3, torch.qint8)
    ref = opened(tmp_path, {"q": tensor}).tensors["q"]
    block = paged(ref).read((0, 0))
    assert block.values.tolist() == tensor.dequantize().tolist()
    assert block.exact(0, 0, ref.checkpoint.table.dtype_of(0)) == ("−1.0", "0x01 (1)")
    channels = torch.quantize_per_channel(
        torch.randn(20, 30), torch.linspace(0.1, 2, 30, dtype=torch.float64), torch.arange(30), 1, torch.quint8
    )
    ref = opened(tmp_path, {"q": channels}).tensors["q"]
    turned = frame_of((20, 30)).transposed()
    found, codes = read_rectangle(ref, turned, range(3, 30), range(7, 9))
    assert np.array_equal(found, channels.dequantize().numpy().T[3:30, 7:9])
    assert np.array_equal(codes, channels.int_repr().numpy().T[3:30, 7:9])


def test_two_values_of_a_byte_are_two_columns(tmp_path: Path) -> None:
    raw = torch.tensor([[0x10, 0x32], [0x98, 0xFF]], dtype=torch.uint8)
    ref = opened(tmp_path, {"f4": raw.view(torch.float4_e2m1fn_x2)}).tensors["f4"]
    assert all_of(paged(ref)).tolist() == [[0, 0.5, 1, 1.5], [-0.0, -0.5, -6, -6]]


def test_dtypes_without_known_values_are_shown_as_bytes(tmp_path: Path) -> None:
    np.save(tmp_path / "text.npy", np.array([["ab", "c"], ["", "de"]]))
    (ref,) = sdviewer.open(tmp_path / "text.npy").tensors.values()
    block = paged(ref).read((0, 0))
    assert block.text(0, 0) == "61 00 00 00 62 00 00 00"
    assert bytes(block.codes[1, 1]).decode("utf-32-le") == "de"
    bits = torch.tensor([[1, 255]], dtype=torch.uint8).view(torch.bits8)
    ref = opened(tmp_path, {"bits": bits}).tensors["bits"]
    assert paged(ref).read((0, 0)).texts == [["0x01", "0xff"]]


def test_what_was_read_is_kept_within_bounds_and_the_oldest_gives_way(tmp_path: Path) -> None:
    pages = paged(opened(tmp_path, {"w": torch.zeros(1, 128).expand(10**6, 128)}).tensors["w"])
    block = pages.read((0, 0))
    for number in range(2000):
        pages.put((number, 0), block)
        pages.put((number, 0), block)
        assert pages.block((0, 0)) is block
    assert pages.block((1, 0)) is None
    assert pages.block((1999, 0)) is block
    assert 100 < len(pages) <= (64 << 20) // block.nbytes
    assert pages.at(1999 * pages.paging.rows, 5) is block


def test_a_large_rectangle_can_be_stopped(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"w": torch.zeros(1000, 1000)}).tensors["w"]
    seen: list[int] = []

    def stop(done: int, _total: int, _note: str) -> None:
        seen.append(done)
        control.cancel()

    control = Control(stop)
    with pytest.raises(Cancelled):
        read_values(ref, frame_of((1000, 1000)), range(1000), range(1000), control)
    assert seen == [0]


def test_errors_are_those_of_the_reference(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"sparse": torch.eye(3).to_sparse(), "w": torch.zeros(3, 3)})
    with pytest.raises(NotDense):
        paged(checkpoint.tensors["sparse"]).read((0, 0))
    os.truncate(tmp_path / "saved.pt", 100)
    with pytest.raises(SourceChanged):
        paged(checkpoint.tensors["w"]).read((0, 0))


def test_large_elements_make_small_pages(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "raw")
    file.add_raw("records", "other", (50, 2), bytes(100 * 4096), extra={"dtype": "V4096", "itemsize": 4096})
    pages = paged(file.finish().tensors["records"])
    assert pages.paging.rows * pages.paging.columns * 4096 <= 256 << 10
    assert pages.read((0, 0)).text(0, 0) == "00 00 00 00 00 00 00 00 …"
