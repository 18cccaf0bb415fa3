"""The values model keeps Qt's rules at any size, shows what was read, and never reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import frame_of, value_shape, window_around
from sdviewer.checkpoint.value_pages import PagedValues
from sdviewer.ui.models.values_model import NOT_READ, ValuesModel
from tests.helpers.saved import opened
from tests.helpers.spying import spying

Role = Qt.ItemDataRole


def paged(ref: TensorRef) -> PagedValues:
    return PagedValues(ref, frame_of(value_shape(ref)))


def tensor(folder: Path, value: torch.Tensor) -> TensorRef:
    return opened(folder, {"t": value}).tensors["t"]


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4)], ids=str)
def test_every_change_keeps_the_rules_of_qt(qtmodeltester: ModelTester, tmp_path: Path, shape: tuple[int, ...]) -> None:
    model = ValuesModel()
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    pages = paged(tensor(tmp_path, torch.randn(shape)))
    for shown in (pages, PagedValues(pages.ref, pages.frame.transposed())):
        model.show_pages(shown, window_around(shown.frame, 0, 0))
        shown.put((0, 0), shown.read((0, 0)))
        model.page_arrived((0, 0))
        model.show_pages(paged(pages.ref), model.window)
        qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    model.show_pages(None)
    assert model.rowCount() == model.columnCount() == 0
    model.page_arrived((0, 0))


def test_a_giant_is_a_window_and_its_headers_count_truly(tmp_path: Path) -> None:
    pages = paged(tensor(tmp_path, torch.ones(1, 1).expand(2**40, 2**20)))
    model = ValuesModel()
    model.show_pages(pages, window_around(pages.frame, 2**40 - 1, 2**19))
    assert (model.rowCount(), model.columnCount()) == (1_000_000, 100_000)
    assert model.headerData(999_999, Qt.Orientation.Vertical) == str(2**40 - 1)
    assert model.headerData(0, Qt.Orientation.Horizontal) == str(2**19 - 50_000)
    last = model.index(999_999, 99_999)
    assert model.place(last) == (2**40 - 1, 2**19 + 49_999)
    assert model.data(last, Role.ToolTipRole) == f"[{2**40 - 1}, {2**19 + 49_999}]\n…"


def test_cells_show_an_ellipsis_until_their_page_is_there(qtbot: QtBot, tmp_path: Path) -> None:
    values = torch.tensor([[1.5, float("nan")], [-0.1, 4.0]]).bfloat16()
    pages = paged(tensor(tmp_path, values))
    model = ValuesModel()
    model.show_pages(pages, window_around(pages.frame, 0, 0))
    cells = [model.index(row, column) for row in (0, 1) for column in (0, 1)]
    with spying() as spy:
        assert [model.data(cell) for cell in cells] == [NOT_READ] * 4
        for role in Role:
            _ = [model.data(cell, role) for cell in cells]
        assert spy.reads == []
    pages.put((0, 0), pages.read((0, 0)))
    with qtbot.waitSignal(model.dataChanged) as changed:
        model.page_arrived((0, 0))
    assert [(index.row(), index.column()) for index in changed.args[:2]] == [(0, 0), (1, 1)]
    assert [model.data(cell) for cell in cells] == ["1.5", "NaN", "−0.100098", "4"]
    assert model.data(cells[2], Role.ToolTipRole) == "[1, 0]\n−0.10009765625\ncode 0xbdcd"
    assert model.data(cells[2], Role.AccessibleTextRole) == "[1, 0]: −0.10009765625"
    assert model.data(cells[2], Role.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight


def test_a_vector_has_one_column_that_is_no_place_on_an_axis(tmp_path: Path) -> None:
    pages = paged(tensor(tmp_path, torch.arange(3)))
    model = ValuesModel()
    model.show_pages(pages, window_around(pages.frame, 0, 0))
    across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
    assert [model.headerData(row, down) for row in range(4)] == ["0", "1", "2", None]
    assert model.headerData(0, across) == "value"
    turned = PagedValues(pages.ref, pages.frame.transposed())
    model.show_pages(turned, window_around(turned.frame, 0, 0))
    assert [model.headerData(column, across) for column in range(3)] == ["0", "1", "2"]
    assert model.headerData(0, down) == "value"
