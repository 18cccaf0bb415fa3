"""Any two tensors can be compared, of one file or of two, whatever they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer.comparison.by_hand import picked_pair
from sdviewer.comparison.comparing import compare_matching
from sdviewer.comparison.matching import By
from sdviewer.comparison.relations import Relation
from tests.helpers.saved import opened


def test_two_tensors_of_one_file_are_one_pair(tmp_path: Path) -> None:
    one, other = torch.randn(6, 4), torch.randn(6, 4)
    checkpoint = opened(tmp_path, {"encoder.weight": one, "decoder.weight": other, "bias": torch.ones(3)})
    found = sdviewer.compare(checkpoint.tensors["encoder.weight"], checkpoint.tensors["decoder.weight"])
    (pair,) = found.pairs
    assert (pair.pair.by, pair.pair.score, pair.pair.relation) == (By.HAND, 1.0, Relation.SAME)
    assert found.matching.a.keys == ("encoder.weight",)
    assert found.matching.b.keys == ("decoder.weight",)
    assert found.matching.only_a == found.matching.only_b == ()
    assert pair.measures is not None
    assert pair.measures.norm_delta == pytest.approx(float((one.double() - other.double()).norm()))
    assert found.summary["changed"] == 1


def test_two_tensors_of_two_files_in_any_section_are_one_pair(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    value = torch.randn(5, 3)
    a = opened(tmp_path / "a", {"model": {"w": value, "v": value}, "ema": {"w": value}})
    b = opened(tmp_path / "b", {"x": value.t().contiguous()})
    found = sdviewer.compare(a.tensors["ema/w"], b.tensors["x"])
    assert [one.marks for one in found.pairs] == [("identical", "shape", "renamed")]
    assert found.pairs[0].pair.relation is Relation.TRANSPOSED


def test_a_tensor_is_not_compared_with_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"w": torch.ones(2)})
    with pytest.raises(TypeError, match="with a tensor"):
        sdviewer.compare(checkpoint.tensors["w"], checkpoint)


@pytest.mark.filterwarnings("ignore:.*[Ss]parse.*:UserWarning")
def test_sparse_tensors_are_compared_by_their_parts(tmp_path: Path) -> None:
    first = torch.tensor([[0.0, 1.0], [2.0, 0.0]]).to_sparse()
    checkpoint = opened(tmp_path, {"s": first, "t": first * 2, "dense": torch.ones(2, 2)})
    tensors = checkpoint.tensors
    found = compare_matching(picked_pair(tensors["s"], tensors["t"]))
    marks = {found.matching.a.keys[one.pair.a]: one.marks[0] for one in found.pairs}
    assert marks == {"s/indices": "identical", "s/values": "changed"}
    apart = compare_matching(picked_pair(tensors["s"], tensors["dense"]))
    assert [(one.marks, "sparse" in one.error) for one in apart.pairs] == [(("renamed",), True)]
