"""Tensors without one dense storage: sparse, nested, meta, and objects of subclasses. Torch saves and compares."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch.testing._internal.two_tensor import TwoTensor

from sdviewer.checkpoint.table import Flag
from sdviewer.errors import NotDense
from tests.helpers.torch_oracle import assert_same, assert_same_tensor, reopened

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sparse"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
]

both_containers = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])

DENSE = torch.tensor([[0.0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4], [0, 5, 6, 0]])
SPARSE: dict[str, Callable[[], torch.Tensor]] = {
    "coo": DENSE.to_sparse,
    "coo uncoalesced": lambda: torch.sparse_coo_tensor(torch.tensor([[0, 0], [1, 1]]), torch.tensor([1.0, 2]), (2, 3)),
    "coo hybrid": lambda: torch.rand(3, 4, 2).to_sparse(1),
    "coo half": lambda: DENSE.half().to_sparse(),
    "csr": DENSE.to_sparse_csr,
    "csc": DENSE.to_sparse_csc,
    "bsr": lambda: DENSE.to_sparse_bsr((2, 2)),
    "bsc": lambda: DENSE.to_sparse_bsc((2, 1)),
    "csr int32": lambda: torch.sparse_csr_tensor(
        torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([1, 0], dtype=torch.int32), torch.ones(2), (2, 2)
    ),
    "csr batched": lambda: torch.stack([DENSE, DENSE * 2]).to_sparse_csr(),
    "empty": lambda: torch.zeros(3, 3).to_sparse(),
}


@both_containers
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_tensors_give_their_components_and_are_rebuilt(tmp_path: Path, name: str, *, legacy: bool) -> None:
    tensor = SPARSE[name]()
    checkpoint = reopened(tmp_path / "f.pt", {"s": tensor}, legacy=legacy)
    assert checkpoint.problems == ()
    ref = checkpoint.tensors["s"]
    assert (ref.shape, "torch." + ref.layout) == (tuple(tensor.shape), str(tensor.layout))
    assert "torch." + ref.dtype == str(tensor.dtype)
    assert_same_tensor(ref.torch(), tensor)
    for part, component in ref.components.items():
        read = getattr(tensor, f"_{part}" if ref.layout == "sparse_coo" else part)
        assert_same(component, read())
    assert ref.nbytes == sum(component.nbytes for component in ref.components.values())
    with pytest.raises(NotDense, match="is sparse"):
        ref.codes()


@both_containers
def test_nested_tensors_give_their_parts_and_are_rebuilt(tmp_path: Path, *, legacy: bool) -> None:
    parts = [torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(4, 3)]
    strided = torch.nested.nested_tensor(parts)
    checkpoint = reopened(tmp_path / "f.pt", {"n": strided}, legacy=legacy)
    ref = checkpoint.tensors["n"]
    assert ref.layout == "nested"
    assert_same_tensor(ref.torch(), strided)
    assert_same(ref.components["buffer"], strided.values())
    with pytest.raises(NotDense, match="nested"):
        ref.numpy()


JAGGED: dict[str, Callable[[], torch.Tensor]] = {
    "rows": lambda: torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(4, 3)], layout=torch.jagged),
    "transposed": lambda: torch.nested.nested_tensor(
        [torch.ones(2, 3), torch.zeros(4, 3)], layout=torch.jagged
    ).transpose(1, 2),
    "with lengths": lambda: torch.nested.nested_tensor_from_jagged(
        torch.arange(20.0).reshape(10, 2), torch.tensor([0, 4, 10]), torch.tensor([2, 3])
    ),
    "gradient": lambda: torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged).requires_grad_(),
}


@pytest.mark.parametrize("name", JAGGED)
def test_jagged_tensors_give_their_parts_and_are_rebuilt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    # Torch complains of itself.
    caplog.set_level(logging.ERROR, "torch.fx._symbolic_trace")
    tensor = JAGGED[name]()
    ref = reopened(tmp_path / "f.pt", {"j": tensor}).tensors["j"]
    assert ref.layout == "jagged"
    rebuilt = ref.torch()
    assert rebuilt.layout is torch.jagged
    assert rebuilt.requires_grad == tensor.requires_grad
    assert rebuilt.dim() == tensor.dim()
    mine, other = cast("Any", rebuilt.detach()), cast("Any", tensor.detach())
    assert mine._ragged_idx == other._ragged_idx
    assert_same_tensor(mine._values, other._values)
    assert_same_tensor(mine._offsets, other._offsets)
    assert (mine._lengths is None) == (other._lengths is None)
    if other._lengths is not None:
        assert_same_tensor(mine._lengths, other._lengths)
    assert_same(ref.components["offsets"], other._offsets)


def test_meta_tensors_have_a_form_and_no_values(tmp_path: Path) -> None:
    tensors = {
        "meta": torch.empty(3, 4, device="meta", dtype=torch.bfloat16).t(),
        "parameter": torch.nn.Parameter(torch.empty(2, device="meta")),
    }
    checkpoint = reopened(tmp_path / "f.pt", tensors)
    for name, tensor in tensors.items():
        ref = checkpoint.tensors[name]
        assert (ref.shape, ref.stride, ref.nbytes) == (tuple(tensor.shape), tensor.stride(), 0)
        assert_same_tensor(ref.torch(), tensor)
        with pytest.raises(NotDense, match="meta"):
            ref.codes()


def test_wrapper_subclasses_offer_the_tensors_that_they_hold(tmp_path: Path) -> None:
    two = cast("Callable[[torch.Tensor, torch.Tensor], Any]", TwoTensor)
    inner = two(torch.arange(4.0), torch.arange(4.0) * 2)
    tensors = {"w": inner, "p": torch.nn.Parameter(two(torch.ones(2), torch.zeros(2)))}
    checkpoint = reopened(tmp_path / "f.pt", tensors)
    ref = checkpoint.tensors["w"]
    assert Flag.SUBCLASS in ref.flags
    assert (ref.dtype, ref.shape) == ("float32", (4,))
    assert checkpoint.table.extra_of(ref.row)["class"].endswith("two_tensor.TwoTensor")
    assert_same(ref.components["a"], inner.a)
    assert_same(ref.components["b"], inner.b)
    assert ref.nbytes == 32
    with pytest.raises(NotDense, match="subclass"):
        ref.codes()
    with pytest.raises(NotDense, match="subclass"):
        ref.torch()
    assert Flag.PARAMETER in checkpoint.tensors["p"].flags
    assert_same(checkpoint.tensors["p"].components["a"], torch.ones(2))
    assert "attributes" not in checkpoint.table.extra_of(checkpoint.tensors["p"].row)


class Tagged(torch.Tensor):
    """A subclass with a storage of its own."""


def test_subclasses_with_a_storage_are_read_like_plain_tensors(tmp_path: Path) -> None:
    tensor = torch.arange(6.0).reshape(2, 3).t().as_subclass(Tagged)
    tensor.tag = "x"  # type: ignore[attr-defined]
    checkpoint = reopened(tmp_path / "f.pt", {"t": tensor})
    ref = checkpoint.tensors["t"]
    assert_same(ref, tensor.as_subclass(torch.Tensor))
    facts = checkpoint.table.extra_of(ref.row)
    assert facts["class"] == f"{__name__}.Tagged"
    assert facts["attributes"] == {"tag": "x"}
