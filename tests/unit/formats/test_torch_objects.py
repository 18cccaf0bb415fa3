"""Every tensor that torch can save is read as torch made it: torch saves, sdviewer opens, torch compares."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.errors import NotDecodable
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.torch_archives import edited, entries_of
from tests.helpers.torch_oracle import assert_same, assert_same_tensor, bits_of, loaded, reopened, saved

pytestmark = [
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental"),
    pytest.mark.filterwarnings("ignore:Sparse"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
    pytest.mark.filterwarnings("ignore:TypedStorage is deprecated"),
    pytest.mark.filterwarnings("ignore:.*quantize_per_.*deprecated"),
    pytest.mark.filterwarnings("ignore:.*quantized_.*deprecated"),
]

PER_TENSOR, PER_CHANNEL = torch.per_tensor_affine, torch.per_channel_affine
both_containers = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])

# Torch writes them with the functions of formats older than themselves in zip archives only.
NEW_DTYPES = [
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
    torch.float4_e2m1fn_x2,
    torch.complex32,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.bits8,
    torch.bits16,
    torch.bits1x8,
    torch.bits2x4,
    torch.bits4x2,
]
OLD_DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.complex128,
    torch.complex64,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]
SUB_BYTE = [getattr(torch, f"{sign}int{bits}") for sign in ("", "u") for bits in range(1, 8)]


def any_bits(dtype: torch.dtype, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> torch.Tensor:
    """A tensor of random bits; NaN of all kinds among them."""
    high = 2 if dtype is torch.bool else 256
    raw = np.random.default_rng(7).integers(0, high, 40 * dtype.itemsize, dtype=np.uint8)
    return torch.empty(0, dtype=dtype).set_(torch.from_numpy(raw).untyped_storage(), offset, shape, stride)


FORMS: dict[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "contiguous": ((4, 6), (6, 1), 0),
    "slice": ((2, 3), (12, 2), 7),
    "transposed": ((6, 4), (1, 6), 1),
    "expanded": ((3, 5), (0, 1), 2),
    "scalar": ((), (), 39),
    "empty": ((2, 0, 3), (3, 3, 1), 0),
}


def assert_all_same(checkpoint: Checkpoint, expected: dict[str, torch.Tensor]) -> None:
    assert checkpoint.problems == ()
    assert list(checkpoint.tensors) == list(expected)
    for name, tensor in expected.items():
        assert_same(checkpoint.tensors[name], tensor)


@pytest.mark.parametrize(
    ("dtype", "legacy"),
    [*((dtype, False) for dtype in OLD_DTYPES + NEW_DTYPES), *((dtype, True) for dtype in OLD_DTYPES)],
    ids=lambda value: str(value).removeprefix("torch."),
)
def test_every_dtype_in_every_form_is_read_to_the_bit(tmp_path: Path, dtype: torch.dtype, *, legacy: bool) -> None:
    tensors = {name: any_bits(dtype, *form) for name, form in FORMS.items()}
    assert_all_same(reopened(tmp_path / "f.pt", tensors, legacy=legacy), tensors)


@pytest.mark.parametrize("dtype", SUB_BYTE, ids=lambda dtype: str(dtype).removeprefix("torch."))
def test_sub_byte_carriers_are_read_as_torch_loads_them(tmp_path: Path, dtype: torch.dtype) -> None:
    # torch.save does not take them; the file that it would write is one of another one-byte dtype with their name.
    tensors = {name: any_bits(torch.float8_e5m2, *form) for name, form in FORMS.items()}
    path = saved(tmp_path / "f.pt", tensors)
    data = dict(entries_of(path))["f/data.pkl"]
    name = str(dtype).removeprefix("torch.").encode()
    edited(path, {"data.pkl": data.replace(b"ctorch\nfloat8_e5m2\n", b"ctorch\n" + name + b"\n")})
    checkpoint = open_checkpoint(path)
    oracle = loaded(path)
    for key, ref in checkpoint.tensors.items():
        assert oracle[key].dtype is dtype
        assert ref.dtype == name.decode()
        assert np.array_equal(ref.codes(), bits_of(oracle[key]))
        signed = np.int8 if name.startswith(b"int") else np.uint8
        assert np.array_equal(ref.numpy(), bits_of(oracle[key]).view(signed))
        assert_same_tensor(ref.torch(), oracle[key])


@both_containers
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_gives_the_same(tmp_path: Path, protocol: int, *, legacy: bool) -> None:
    base = torch.arange(24.0)
    tensors = {"a.weight": base[:12].view(3, 4).t(), "a.bias": torch.nn.Parameter(torch.ones(3)), "tied": base[4:]}
    checkpoint = reopened(tmp_path / "f.pt", OrderedDict(tensors), legacy=legacy, protocol=protocol)
    assert_all_same(checkpoint, tensors)
    assert checkpoint.tensors["tied"].shared_with == ("a.weight",)


@both_containers
def test_views_of_one_storage_share_it(tmp_path: Path, *, legacy: bool) -> None:
    base = torch.arange(100.0)
    tensors = {"whole": base, "part": base[10:20], "odd": base[1::2], "other": torch.arange(100.0)}
    checkpoint = reopened(tmp_path / "f.pt", tensors, legacy=legacy)
    assert_all_same(checkpoint, tensors)
    assert checkpoint.tensors["whole"].shared_with == ("part", "odd")
    assert checkpoint.tensors["other"].shared_with == ()
    place = checkpoint.tensors["part"].storage
    assert place is not None
    assert (place.offset, place.nbytes) == (40, 400)


def test_views_of_one_storage_may_differ_in_dtype(tmp_path: Path) -> None:
    base = torch.arange(8.0)
    # Torch saves this for dtypes that have no storage class of their own.
    tensors = {"uint16": base.view(torch.uint16), "float8": base.view(torch.float8_e5m2)[3:9]}
    checkpoint = reopened(tmp_path / "f.pt", tensors)
    assert_all_same(checkpoint, tensors)
    assert checkpoint.tensors["float8"].shared_with == ("uint16",)


def test_conjugated_and_negated_views_keep_their_flags(tmp_path: Path) -> None:
    base = torch.tensor([1 + 2j, -3 - 4j, 0 - 0j])
    tensors = {
        "conj": base.conj(),
        "neg": base.clone().conj().imag,
        "both": torch._neg_view(base).conj(),
        "half": base.to(torch.complex32).conj(),
        "part": base.conj()[1:],
    }
    assert tensors["neg"].is_neg()
    checkpoint = reopened(tmp_path / "f.pt", tensors)
    assert_all_same(checkpoint, tensors)
    assert checkpoint.tensors["conj"].numpy().tolist() == [1 - 2j, -3 + 4j, 0 + 0j]


class Named(torch.nn.Parameter):
    """A parameter class of a user's own."""


@both_containers
def test_parameters_keep_their_class_and_gradient_flag(tmp_path: Path, *, legacy: bool) -> None:
    with_state = torch.nn.Parameter(torch.ones(3))
    with_state.note = "tied to the head"  # type: ignore[attr-defined]
    with_state.helper = torch.arange(3)  # type: ignore[attr-defined]
    tensors = {
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "gradient": torch.ones(2, requires_grad=True),
        "plain": torch.ones(2),
        "state": with_state,
        "subclass": Named(torch.arange(4.0)),
    }
    checkpoint = reopened(tmp_path / "f.pt", tensors, legacy=legacy)
    assert_all_same(checkpoint, tensors)
    refs = checkpoint.tensors
    assert [refs[name].requires_grad for name in tensors] == [True, False, True, False, True, True]
    assert checkpoint.table.extra_of(refs["state"].row)["attributes"] == {"note": "tied to the head"}
    assert_same(refs["state"].components["helper"], torch.arange(3))


def test_tensors_with_attributes_show_them(tmp_path: Path) -> None:
    tensor = torch.arange(6.0)
    tensor.scale = torch.full((2,), 0.5)  # type: ignore[attr-defined]
    tensor.kind, tensor.parts = "packed", [1, torch.ones(1)]  # type: ignore[attr-defined]
    checkpoint = reopened(tmp_path / "f.pt", {"t": tensor})
    ref = checkpoint.tensors["t"]
    assert_same(ref, tensor)
    assert_same(ref.components["scale"], torch.full((2,), 0.5))
    assert_same(ref.components["parts.1"], torch.ones(1))
    assert checkpoint.table.extra_of(ref.row)["attributes"] == {"kind": "packed", "parts.0": 1}
    assert list(checkpoint.tensors) == ["t"]


# -- quantised --------------------------------------------------------------------------


def per_tensor(dtype: torch.dtype) -> torch.Tensor:
    return torch.quantize_per_tensor(torch.linspace(-3, 3, 24).reshape(4, 6), 0.1, 10, dtype)


def per_channel(dtype: torch.dtype, axis: int = 0) -> torch.Tensor:
    values = torch.linspace(-3, 3, 24).reshape(4, 6)
    count = values.shape[axis]
    scales, zero_points = torch.linspace(0.1, 0.7, count, dtype=torch.float64), torch.arange(count)
    return torch.quantize_per_channel(values, scales, zero_points, axis, dtype)


def float_qparams(dtype: torch.dtype) -> torch.Tensor:
    scales, zero_points = torch.linspace(0.1, 0.7, 4), torch.linspace(-1, 1.5, 4)
    return torch.quantize_per_channel(torch.rand(4, 6), scales, zero_points, 0, dtype)


QUANTISED: dict[str, Callable[[], torch.Tensor]] = {
    "qint8": lambda: per_tensor(torch.qint8),
    "quint8": lambda: per_tensor(torch.quint8),
    "qint32": lambda: per_tensor(torch.qint32),
    "qint8 slice": lambda: per_tensor(torch.qint8)[1:, ::2],
    "qint8 transposed": lambda: per_tensor(torch.qint8).t(),
    "qint8 channels": lambda: per_channel(torch.qint8),
    "quint8 columns": lambda: per_channel(torch.quint8, axis=1),
    "qint32 channels": lambda: per_channel(torch.qint32),
    "quint8 float qparams": lambda: float_qparams(torch.quint8),
}


@both_containers
@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_tensors_keep_codes_quantiser_and_real_values(tmp_path: Path, name: str, *, legacy: bool) -> None:
    tensor = QUANTISED[name]()
    path = saved(tmp_path / "f.pt", {"q": tensor}, legacy=legacy)
    ref = open_checkpoint(path).tensors["q"]
    assert_same(ref, loaded(path)["q"])
    codes = tensor.int_repr().numpy()
    assert np.array_equal(ref.codes(), codes.view(f"u{codes.itemsize}"))
    np.testing.assert_array_equal(ref.numpy(), tensor.dequantize().numpy())
    quantiser = ref.quantiser
    assert quantiser is not None
    if tensor.qscheme() == PER_TENSOR:
        assert (quantiser.scale, quantiser.zero_point, quantiser.axis) == (0.1, 10, None)
    else:
        assert quantiser.axis == tensor.q_per_channel_axis()
        assert np.array_equal(np.asarray(quantiser.scale), tensor.q_per_channel_scales().numpy())
        assert np.array_equal(np.asarray(quantiser.zero_point), tensor.q_per_channel_zero_points().numpy())


@both_containers
@pytest.mark.parametrize(("dtype", "bits"), [(torch.quint4x2, 4), (torch.quint2x4, 2)], ids=["quint4x2", "quint2x4"])
def test_packed_quantised_tensors_are_unpacked(tmp_path: Path, dtype: torch.dtype, bits: int, *, legacy: bool) -> None:
    values = torch.rand(3, 8)
    tensor = torch.quantize_per_channel(values, torch.full((3,), 1 / 15), torch.zeros(3), 0, dtype)
    path = saved(tmp_path / "f.pt", {"q": tensor}, legacy=legacy)
    ref = open_checkpoint(path).tensors["q"]
    assert_same(ref, loaded(path)["q"])
    packed = tensor.int_repr().numpy().reshape(-1)
    unpacked = np.stack([(packed >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)], axis=-1)
    assert np.array_equal(ref.codes().reshape(-1), unpacked.reshape(-1)[:24])
    np.testing.assert_array_equal(ref.numpy(), (ref.codes() * np.float32(1 / 15)).astype(np.float32))


# -- what else a torch pickle holds --------------------------------------------------------


def values_at(checkpoint: Checkpoint) -> dict[str, tuple[str, str]]:
    """JSON text and type of each scalar below the root, by key."""
    structure = checkpoint.description.structure
    return {
        structure.part[node]: (structure.values[int(structure.ref[node])], structure.type_name(node))
        for node in structure.children(0)
        if structure.kind[node] == 4
    }


@both_containers
def test_torchs_and_numpys_own_values_are_shown_as_what_they_are(tmp_path: Path, *, legacy: bool) -> None:
    value = {
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda", 1),
        "dtype": torch.bfloat16,
        "layout": torch.sparse_csr,
        "scheme": torch.per_channel_affine,
        "float": np.float64(0.5),
        "int": np.int32(-7),
        "bool": np.bool_(True),
        "complex": np.complex64(1 + 2j),
        "half": np.float16(2),
        "day": np.datetime64("2020-02-29"),
        "long": np.longdouble(1.5),
    }
    shown = values_at(reopened(tmp_path / "f.pt", value, legacy=legacy))
    assert shown == {
        "size": ("[2, 3]", "tuple"),
        "device": ('"cuda:1"', "torch.device"),
        "dtype": ('{"$global": "torch.bfloat16"}', ""),
        "layout": ('"sparse_csr"', "torch.layout"),
        "scheme": ('{"$global": "torch.per_channel_affine"}', ""),
        "float": ("0.5", "numpy.float64"),
        "int": ("-7", "numpy.int32"),
        "bool": ("true", "numpy.bool"),
        "complex": ('{"$complex": [1.0, 2.0]}', "numpy.complex64"),
        "half": ("2.0", "numpy.float16"),
        "day": ('"2020-02-29"', "numpy.datetime64[D]"),
        "long": ('"1.5"', f"numpy.{np.dtype(np.longdouble).name}"),
    }


@both_containers
@pytest.mark.parametrize("protocol", [2, 4])
def test_numpy_arrays_beside_tensors_are_tensors(tmp_path: Path, protocol: int, *, legacy: bool) -> None:
    arrays: dict[str, Any] = {
        "c": np.arange(6, dtype=np.int16).reshape(2, 3),
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">f4"),
        "large": np.random.default_rng(1).integers(0, 256, 5000, np.uint8),
        "empty": np.zeros((0, 2)),
    }
    checkpoint = reopened(tmp_path / "f.pt", {**arrays, "t": torch.ones(2)}, legacy=legacy, protocol=protocol)
    for name, array in arrays.items():
        np.testing.assert_array_equal(checkpoint.tensors[name].numpy(), array)
        assert checkpoint.tensors[name].numpy().dtype == array.dtype.newbyteorder("=")
    assert_same(checkpoint.tensors["t"], torch.ones(2))


def test_metadata_of_a_state_dict_gives_module_names_and_versions(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.ReLU())
    state = model.state_dict()
    metadata = cast("Any", state)._metadata
    checkpoint = reopened(tmp_path / "f.pt", {"model": state})
    found = {entry.prefix: entry.version for entry in checkpoint.description.module_versions}
    assert found == {prefix: facts.get("version") for prefix, facts in metadata.items()}
    structure = checkpoint.description.structure
    assert {structure.part[entry.node] for entry in checkpoint.description.module_versions} == {"model"}


def test_a_bare_storage_is_shown_without_being_read(tmp_path: Path) -> None:
    value = {"typed": cast("Any", torch.ones(3)).storage(), "raw": torch.ones(3).untyped_storage()}
    shown = values_at(reopened(tmp_path / "f.pt", value))
    assert shown["typed"] == ('{"$storage": "float32", "elements": 3}', "torch storage")
    assert shown["raw"] == ('{"$storage": "bytes", "elements": 12}', "torch storage")


def test_bits_are_listed_and_not_taken_for_numbers(tmp_path: Path) -> None:
    ref = reopened(tmp_path / "f.pt", {"b": any_bits(torch.bits16, (3,), (1,))}).tensors["b"]
    with pytest.raises(NotDecodable, match=re.escape("bits16")):
        ref.numpy()
