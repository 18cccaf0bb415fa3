"""What is copied reads back as the values, in a spreadsheet and in Python."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch

from sdviewer.checkpoint.value_copying import MOST_COPIED, as_python, as_tsv, most_copied
from sdviewer.checkpoint.value_frame import frame_of
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.helpers.arrays import ArrayFile
from tests.helpers.python_text import evaluated
from tests.helpers.saved import opened


def odd_values() -> torch.Tensor:
    values = torch.randn(12, 9, generator=torch.Generator().manual_seed(3))
    values[1, 1], values[2, 3], values[4, 0], values[5, 5] = float("nan"), float("inf"), float("-inf"), -0.0
    return values


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int32], ids=str)
def test_a_rectangle_comes_back_from_tsv_and_from_python(tmp_path: Path, dtype: torch.dtype) -> None:
    values = odd_values() if dtype.is_floating_point else torch.arange(108).reshape(12, 9)
    ref = opened(tmp_path, {"w": values.to(dtype)}).tensors["w"]
    rows, columns = range(1, 11), range(8)
    expected = values.to(dtype).to(torch.float64).numpy()[1:11, 0:8]
    cells = list(csv.reader(io.StringIO(as_tsv(ref, frame_of((12, 9)), rows, columns, Control())), delimiter="\t"))
    narrow = np.float32 if dtype is torch.float32 else np.float64
    assert np.array_equal(np.array(cells, narrow).astype(np.float64), expected, equal_nan=True)
    lists = evaluated(as_python(ref, frame_of((12, 9)), rows, columns, Control()))
    assert torch.equal(torch.tensor(lists, dtype=dtype).nan_to_num(7), values.to(dtype)[1:11, 0:8].nan_to_num(7))
    turned = evaluated(as_python(ref, frame_of((12, 9)).transposed(), columns, rows, Control()))
    assert np.array_equal(np.array(turned).T, np.array(lists), equal_nan=True)


def test_a_row_a_column_and_a_value_are_one_list(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"w": torch.arange(12.0).reshape(3, 4)}).tensors["w"]
    frame = frame_of((3, 4))
    assert evaluated(as_python(ref, frame, range(1, 2), range(4), Control())) == [4, 5, 6, 7]
    assert evaluated(as_python(ref, frame, range(3), range(2, 3), Control())) == [2, 6, 10]
    assert evaluated(as_python(ref, frame, range(2, 3), range(3, 4), Control())) == [11]
    assert as_tsv(ref, frame, range(3), range(2, 3), Control()) == "2.0\n6.0\n10.0"


@pytest.mark.parametrize("shape", [(30_000, 1), (1, 30_000), (150, 200)], ids=str)
def test_many_values_are_in_order(tmp_path: Path, shape: tuple[int, int]) -> None:
    values = torch.arange(30_000).reshape(shape)
    ref = opened(tmp_path, {"w": values}).tensors["w"]
    text = as_tsv(ref, frame_of(shape), range(shape[0]), range(shape[1]), Control())
    assert [[int(cell) for cell in line.split("\t")] for line in text.split("\n")] == values.tolist()


def test_copying_can_be_stopped(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"w": torch.zeros(100, 100)}).tensors["w"]
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        as_tsv(ref, frame_of((100, 100)), range(100), range(100), control)


def test_how_much_may_be_copied_depends_on_the_size_of_an_element(tmp_path: Path) -> None:
    assert most_copied(opened(tmp_path, {"w": torch.zeros(1)}).tensors["w"]) == MOST_COPIED
    file = ArrayFile(tmp_path / "raw")
    file.add_raw("records", "other", (2,), bytes(8192), extra={"dtype": "V4096", "itemsize": 4096})
    assert most_copied(file.finish().tensors["records"]) == (64 << 20) // 4096
