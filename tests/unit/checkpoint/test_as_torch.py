"""`TensorRef.torch()` gives exactly what `torch.load` gives, and never trusts what a file claims."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.errors import CannotRead, MissingBytes, NotDecodable, NotDense
from tests.helpers.arrays import ArrayFile
from tests.helpers.saved import opened

pytestmark = [
    # Kinds of tensors that torch calls deprecated, experimental, beta and prototype, and all loads.
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning"),
    pytest.mark.filterwarnings("ignore:TypedStorage is deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore:Sparse:UserWarning"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning"),
]


def with_dtype(dtype: torch.dtype) -> torch.Tensor:
    raw = torch.arange(48 * dtype.itemsize, dtype=torch.uint8)
    return raw.view(dtype).reshape(6, 8)


NUMBERS = [
    getattr(torch, name)
    for name, dtype in BY_NAME.items()
    if dtype.in_torch and dtype.kind in ("float", "complex", "int", "uint")
]
# torch.save refuses uint1 … int7: other writers do not.
SAVED = [dtype for dtype in NUMBERS if str(dtype).removeprefix("torch.").strip("uint") not in set("1234567")]
CARRIERS = [dtype for dtype in NUMBERS if dtype not in SAVED]
REAL = torch.linspace(-1, 1, 12).reshape(3, 4)

TENSORS: dict[str, Callable[[], torch.Tensor]] = {
    "view": lambda: torch.arange(40.0).reshape(5, 8)[1:4, ::3],
    "transposed": lambda: torch.arange(12.0).reshape(3, 4).T,
    "expanded": lambda: torch.arange(3.0).reshape(3, 1).expand(3, 5),
    "overlapping": lambda: torch.arange(10.0).as_strided((4, 3), (2, 1), 1),
    "scalar": lambda: torch.tensor(3.5),
    "empty": lambda: torch.zeros(0, 3),
    "empty with odd stride": lambda: torch.zeros(4, 0).as_strided((4, 0), (7, 9)),
    "bool": lambda: torch.tensor([True, False, True]),
    "requires grad": lambda: torch.zeros(3, requires_grad=True),
    "parameter": lambda: nn.Parameter(torch.arange(3.0)),
    "frozen parameter": lambda: nn.Parameter(torch.arange(3.0), requires_grad=False),
    "conjugated": lambda: torch.tensor([1 + 2j, 3 - 4j]).conj(),
    "negated": lambda: torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
    "quantised": lambda: torch.quantize_per_tensor(REAL, 0.1, 3, torch.quint8),
    "quantised view": lambda: torch.quantize_per_tensor(REAL, 0.1, 3, torch.qint8).T,
    "quantised by channel": lambda: torch.quantize_per_channel(
        REAL, torch.rand(4, dtype=torch.float64) + 0.1, torch.arange(4), 1, torch.qint8
    ),
    "packed": lambda: torch.quantize_per_channel(
        torch.arange(8.0).reshape(2, 4), torch.ones(2), torch.zeros(2), 0, torch.quint4x2
    ),
    "sparse coo": lambda: torch.eye(4).to_sparse(),
    "sparse, not coalesced": lambda: torch.sparse_coo_tensor(
        torch.tensor([[0, 0]]), torch.ones(2), (3,), is_coalesced=False
    ),
    "sparse, hybrid": lambda: torch.eye(4).reshape(2, 2, 4).to_sparse(2),
    "sparse csr": lambda: torch.eye(4).to_sparse(layout=torch.sparse_csr),
    "sparse csc": lambda: torch.eye(4).to_sparse(layout=torch.sparse_csc),
    "sparse bsr": lambda: torch.eye(4).to_sparse(layout=torch.sparse_bsr, blocksize=(2, 2)),
    "sparse bsc": lambda: torch.eye(4).to_sparse(layout=torch.sparse_bsc, blocksize=(2, 2)),
    "meta": lambda: torch.zeros(3, 4, device="meta").T,
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 3)], layout=torch.jagged),
}


def assert_same(found: torch.Tensor, oracle: torch.Tensor) -> None:
    assert type(found) is type(oracle)
    assert found.dtype is oracle.dtype
    assert found.layout is oracle.layout
    assert found.device == oracle.device
    assert found.requires_grad is oracle.requires_grad
    if oracle.is_nested:
        for left, right in zip(found.unbind(), oracle.unbind(), strict=True):
            assert torch.equal(left, right)
        return
    assert found.shape == oracle.shape
    if oracle.layout is torch.sparse_coo:
        assert found.is_coalesced() is oracle.is_coalesced()
        assert torch.equal(found._indices(), oracle._indices())
        assert torch.equal(found._values(), oracle._values())
        return
    if oracle.layout is not torch.strided:
        assert torch.equal(found.to_dense(), oracle.to_dense())
        return
    assert found.stride() == oracle.stride()
    assert (found.is_conj(), found.is_neg()) == (oracle.is_conj(), oracle.is_neg())
    if oracle.is_meta:
        return
    if oracle.is_quantized:
        assert found.qscheme() == oracle.qscheme()
        assert torch.equal(found.dequantize(), oracle.dequantize())
        return
    same = found.detach().resolve_conj().resolve_neg(), oracle.detach().resolve_conj().resolve_neg()
    left, right = (tensor.contiguous().view(-1).view(torch.uint8) if tensor.numel() else tensor for tensor in same)
    assert torch.equal(left, right)


def loaded(folder: Path) -> Any:
    return torch.load(folder / "saved.pt", weights_only=False)


@pytest.fixture(autouse=True)
def _torch_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Making a jagged tensor lets torch log a deprecation of its own."""
    caplog.set_level(logging.ERROR, logger="torch.fx._symbolic_trace")


@pytest.mark.parametrize("dtype", CARRIERS, ids=str)
def test_a_carrier_of_less_than_a_byte_comes_with_its_bytes(tmp_path: Path, dtype: torch.dtype) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", str(dtype).removeprefix("torch."), (2, 3), bytes(range(6)))
    found = file.finish().tensors["t"].torch()
    assert found.dtype is dtype
    assert found.view(torch.uint8).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("dtype", SAVED, ids=str)
def test_every_dtype_comes_with_its_bits(tmp_path: Path, dtype: torch.dtype) -> None:
    ref = opened(tmp_path, {"t": with_dtype(dtype)}).tensors["t"]
    oracle = loaded(tmp_path)["t"]
    assert ref.torch().dtype is oracle.dtype
    assert ref.torch().view(torch.uint8).tolist() == oracle.view(torch.uint8).tolist()
    assert ref.torch().stride() == oracle.stride()


@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
def test_every_kind_of_tensor_comes_as_torch_loads_it(tmp_path: Path, make: Callable[[], torch.Tensor]) -> None:
    ref = opened(tmp_path, {"it": make()}).tensors["it"]
    assert_same(ref.torch(), loaded(tmp_path)["it"])


@pytest.mark.parametrize("make", [m for name, m in TENSORS.items() if name not in ("jagged", "meta")])
def test_a_file_that_is_one_tensor_gives_it(tmp_path: Path, make: Callable[[], torch.Tensor]) -> None:
    (ref,) = opened(tmp_path, make()).tensors.values()
    assert (ref.name, ref.path) == ("", ())
    assert_same(ref.torch(), loaded(tmp_path))


def test_a_whole_state_dict_can_be_loaded_from_references(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    checkpoint = opened(tmp_path, model.state_dict())
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    other.load_state_dict({key: ref.torch() for key, ref in checkpoint.sections["model"].tensors.items()})
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


def test_a_tensor_given_out_belongs_to_the_caller(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"t": torch.zeros(3)}).tensors["t"]
    ref.torch().fill_(1)
    assert ref.torch().tolist() == [0, 0, 0]


def test_a_dtype_that_torch_does_not_have_is_named(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("six", "float6_e2m3fn", (4,), bytes(3))
    with pytest.raises(NotDecodable, match="torch has no float6_e2m3fn"):
        file.finish().tensors["six"].torch()


def test_an_object_of_a_tensor_subclass_is_not_rebuilt(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.list("it", file.table.add_tensor("float32", (2,), flags=Flag.SUBCLASS, extra={"class": "a.B"}))
    with pytest.raises(NotDense, match="not run"):
        file.finish().tensors["it"].torch()


def test_bytes_that_are_missing_are_named(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("short", "float32", (10,), bytes(16))
    with pytest.raises(MissingBytes, match="'short'"):
        file.finish().tensors["short"].torch()


# -- claims that do not hold ---------------------------------------------------------------------------------


def composed(
    path: Path, layout: str, parts: dict[str, torch.Tensor], shape: tuple[int, ...], flag: Flag = Flag.SPARSE
) -> ArrayFile:
    file = ArrayFile(path)
    table: TableBuilder = file.table
    rows = {part: file._row_of(tensor) for part, tensor in parts.items()}
    extra = {"layout": layout, "coalesced": True, "components": rows}
    file.list("bad", table.add_tensor("float32", shape, flags=flag, extra=extra))
    return file


I64 = torch.int64
HOSTILE: dict[str, tuple[str, dict[str, torch.Tensor], Flag]] = {
    "coo index beyond the shape": (
        "sparse_coo",
        {"indices": torch.tensor([[99]]), "values": torch.ones(1)},
        Flag.SPARSE,
    ),
    "coo without values": ("sparse_coo", {"indices": torch.tensor([[0]])}, Flag.SPARSE),
    "csr that runs past its values": (
        "sparse_csr",
        {"crow_indices": torch.tensor([0, 1, 90]), "col_indices": torch.tensor([0, 1]), "values": torch.ones(2)},
        Flag.SPARSE,
    ),
    "a layout of another world": ("sparse_xyz", {"values": torch.ones(2)}, Flag.SPARSE),
    "nested sizes past the buffer": (
        "nested",
        {
            "buffer": torch.ones(4),
            "sizes": torch.tensor([[2, 200]]),
            "strides": torch.tensor([[200, 1]]),
            "storage_offsets": torch.tensor([0]),
        },
        Flag.NESTED,
    ),
    "nested offset before the buffer": (
        "nested",
        {
            "buffer": torch.ones(4),
            "sizes": torch.tensor([[1, 1]]),
            "strides": torch.tensor([[1, 1]]),
            "storage_offsets": torch.tensor([-9]),
        },
        Flag.NESTED,
    ),
    "nested sizes of floats": (
        "nested",
        {
            "buffer": torch.ones(4),
            "sizes": torch.ones(1, 2),
            "strides": torch.tensor([[1, 1]]),
            "storage_offsets": torch.tensor([0]),
        },
        Flag.NESTED,
    ),
    "nested parts of different lengths": (
        "nested",
        {
            "buffer": torch.ones(4),
            "sizes": torch.tensor([[1, 1]]),
            "strides": torch.tensor([[1, 1], [1, 1]]),
            "storage_offsets": torch.tensor([0]),
        },
        Flag.NESTED,
    ),
    "jagged offsets past the values": (
        "jagged",
        {"values": torch.ones(4, 2), "offsets": torch.tensor([0, 2, 9_000_000_000])},
        Flag.NESTED,
    ),
}


@pytest.mark.parametrize("claim", HOSTILE)
def test_a_claim_that_does_not_hold_is_refused_by_name(tmp_path: Path, claim: str) -> None:
    layout, parts, flag = HOSTILE[claim]
    ref = composed(tmp_path / "it", layout, parts, (2, 2), flag).finish().tensors["bad"]
    if claim == "jagged offsets past the values":
        # torch makes a jagged tensor of any offsets and looks at them when its rows are taken.
        with pytest.raises((CannotRead, RuntimeError, ValueError)):
            ref.torch().unbind()
        return
    with pytest.raises(CannotRead, match="'bad'"):
        ref.torch()
