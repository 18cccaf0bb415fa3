"""What a scan gives to code: statistics and errors by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer.errors import Cancelled, NameNotFound, NotDense
from tests.helpers.figures import assert_describes
from tests.helpers.saved import opened


@pytest.mark.filterwarnings("ignore:Sparse")
def test_statistics_and_errors_come_by_name_and_in_file_order(tmp_path: Path) -> None:
    weight = torch.randn(30, 20)
    checkpoint = opened(tmp_path, {"z": weight, "sparse": torch.eye(3).to_sparse(), "a": torch.arange(4)})
    result = sdviewer.scan(checkpoint)
    assert list(result) == ["z", "a", "sparse/indices", "sparse/values"]
    assert len(result) == 4
    assert_describes(result["z"], weight.numpy())
    assert {name: type(error) for name, error in result.errors.items()} == {"sparse": NotDense}
    with pytest.raises(NameNotFound, match="sparse_coo"):
        result["sparse"]
    with pytest.raises(KeyError, match="'b'"):
        result["b"]
    assert "b" not in result


def test_a_path_will_do_and_globs_select(tmp_path: Path) -> None:
    opened(tmp_path, {"model": {"a.w": torch.ones(3), "a.b": torch.ones(2)}})
    result = sdviewer.scan(tmp_path / "saved.pt", select=["*.w"])
    assert {name: statistics.count for name, statistics in result.items()} == {"model/a.w": 3}


def test_a_scan_that_is_cancelled_says_so(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.ones(3)})
    control = sdviewer.Control()
    control.cancel()
    with pytest.raises(Cancelled):
        sdviewer.scan(checkpoint, control=control)


def test_an_unknown_selection_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(NameNotFound, match=r"'\*.v'"):
        sdviewer.scan(opened(tmp_path, {"a.w": torch.ones(3)}), select=["*.v"])
