"""A reference gives a tensor's description without reading, its values exactly, and its errors by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef, Tensors
from sdviewer.control import Control
from sdviewer.errors import (
    AmbiguousName,
    Cancelled,
    CannotRead,
    MissingBytes,
    NameNotFound,
    NotDecodable,
    NotDense,
    SdviewerError,
    SourceChanged,
)
from tests.helpers.arrays import ArrayFile, checkpoint_of_arrays
from tests.helpers.saved import opened

# The oracles for quantised tensors are made by functions that torch has deprecated, and not replaced.
pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning"),
]

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
FLOATS += [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu]
INTEGERS = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8]
COMPLEX = [torch.complex128, torch.complex64, torch.complex32]


def some(dtype: torch.dtype) -> torch.Tensor:
    """Twelve values, the odd ones among them where the dtype has some."""
    if dtype is torch.bool:
        return torch.tensor([True, False, False] * 4).reshape(3, 4)
    if dtype.is_complex:
        return torch.complex(torch.linspace(-3, 3, 12), torch.linspace(5, -7, 12)).to(dtype).reshape(3, 4)
    if dtype.is_floating_point:
        return torch.tensor([0.0, 1, -2, 0.5, 3, 16, -0.25, 4, 64, 0.125, 1.5, 100]).to(dtype).reshape(3, 4)
    return torch.arange(1, 13).to(dtype).reshape(3, 4)


def wide(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The oracle: torch's own conversion to a dtype that numpy has."""
    if tensor.dtype.is_complex:
        return tensor.to(torch.complex128 if tensor.dtype is torch.complex128 else torch.complex64).numpy()
    narrow = tensor.dtype.is_floating_point and tensor.dtype not in (torch.float64, torch.float32)
    return (tensor.float() if narrow else tensor).numpy()


# -- values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, *COMPLEX, torch.bool], ids=str)
def test_values_of_every_dtype_are_those_of_torch(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = some(dtype)
    ref = opened(tmp_path, {"t": tensor, "transposed": tensor.T}).tensors
    assert ref["t"].dtype == str(dtype).removeprefix("torch.")
    for name, there in (("t", tensor), ("transposed", tensor.T)):
        found = ref[name].numpy()
        assert found.dtype == wide(there).dtype
        assert np.array_equal(found, wide(there))
        assert np.array_equal(ref[name].read_slice((slice(None, None, -2), 1)), wide(there)[::-2, 1])
        assert np.array_equal(np.concatenate(list(ref[name].chunks(max_bytes=7))), wide(there).reshape(-1))


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, torch.bool], ids=str)
def test_codes_are_the_bits_that_are_stored(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = some(dtype)
    codes = opened(tmp_path, {"t": tensor}).tensors["t"].codes()
    assert codes.dtype == np.dtype(f"uint{8 * dtype.itemsize}")
    assert codes.shape == (3, 4)
    assert codes.tobytes() == tensor.view(torch.uint8).numpy().tobytes()


def test_codes_of_complex_numbers_have_a_dimension_more(tmp_path: Path) -> None:
    tensor = some(torch.complex64)
    codes = opened(tmp_path, {"t": tensor}).tensors["t"].codes()
    assert codes.shape == (3, 4, 2)
    assert np.array_equal(codes.view(np.float32), torch.view_as_real(tensor).numpy())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, *INTEGERS, torch.bool, torch.complex64])
def test_undecoded_values_keep_the_dtype_where_numpy_has_it(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = some(dtype)
    found = opened(tmp_path, {"t": tensor}).tensors["t"].numpy(decoded=False)
    assert found.dtype == tensor.numpy().dtype
    assert np.array_equal(found, tensor.numpy())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.complex32], ids=str)
def test_undecoded_values_are_refused_where_numpy_has_no_such_dtype(tmp_path: Path, dtype: torch.dtype) -> None:
    with pytest.raises(NotDecodable, match="decoded=True"):
        opened(tmp_path, {"t": some(dtype)}).tensors["t"].numpy(decoded=False)


def test_float4_has_twice_the_last_dimension(tmp_path: Path) -> None:
    raw = torch.tensor([[0x10, 0x32], [0x54, 0x76], [0x98, 0xFF]], dtype=torch.uint8)
    ref = opened(tmp_path, {"t": raw.view(torch.float4_e2m1fn_x2)}).tensors["t"]
    assert (ref.dtype, ref.shape) == ("float4_e2m1fn_x2", (3, 2))
    oracle: list[list[float]] = [[0, 0.5, 1, 1.5], [2, 3, 4, 6], [-0.0, -0.5, -6, -6]]  # low half first, OCP MX 1.0
    assert ref.numpy().tolist() == oracle
    assert ref.codes().tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 15, 15]]
    assert np.array_equal(ref.read_slice((1, slice(1, 4))), oracle[1][1:4])
    assert np.concatenate(list(ref.chunks(max_bytes=12))).tolist() == [x for row in oracle for x in row]


def test_conjugated_and_negated_views_are_resolved_in_values_and_not_in_codes(tmp_path: Path) -> None:
    base = some(torch.complex64)
    imag = base.clone().conj().imag
    assert imag.is_neg()
    refs = opened(tmp_path, {"base": base, "conj": base.conj(), "imag of conj": imag}).tensors
    assert np.array_equal(refs["conj"].numpy(), base.numpy().conj())
    assert np.array_equal(refs["imag of conj"].numpy(), -base.imag.numpy())
    assert np.array_equal(refs["conj"].codes(), refs["base"].codes())
    assert np.array_equal(refs["conj"].read_slice((0,)), base.numpy().conj()[0])


@pytest.mark.parametrize("dtype", [torch.qint8, torch.quint8, torch.qint32], ids=str)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_quantised_tensors_give_their_real_values(tmp_path: Path, dtype: torch.dtype, axis: int | None) -> None:
    real = torch.linspace(-3, 3, 12).reshape(3, 4)
    if axis is None:
        tensor = torch.quantize_per_tensor(real, 0.05, 7, dtype)
    else:
        size = real.shape[axis]
        scales, zeros = torch.linspace(0.02, 0.09, size, dtype=torch.float64), torch.arange(size)
        tensor = torch.quantize_per_channel(real, scales, zeros, axis, dtype)
    ref = opened(tmp_path, {"t": tensor}).tensors["t"]
    assert np.array_equal(ref.numpy(), tensor.dequantize().numpy())
    assert np.array_equal(ref.codes().view(tensor.int_repr().numpy().dtype), tensor.int_repr().numpy())
    assert np.array_equal(ref.read_slice((slice(1, 3), 2)), tensor.dequantize().numpy()[1:3, 2])
    assert np.array_equal(np.concatenate(list(ref.chunks(max_bytes=20))), tensor.dequantize().numpy().reshape(-1))
    quantiser = ref.quantiser
    assert quantiser is not None
    assert quantiser.axis == axis
    if axis is None:
        assert (quantiser.scale, quantiser.zero_point) == (tensor.q_scale(), tensor.q_zero_point())
    else:
        assert np.array_equal(quantiser.scale, tensor.q_per_channel_scales().numpy())
        assert np.array_equal(quantiser.zero_point, tensor.q_per_channel_zero_points().numpy())


@pytest.mark.parametrize("dtype", [torch.quint4x2, torch.quint2x4], ids=str)
def test_packed_quantised_tensors_are_unpacked(tmp_path: Path, dtype: torch.dtype) -> None:
    real = torch.arange(16, dtype=torch.float32).reshape(2, 8) % (16 if dtype is torch.quint4x2 else 4)
    tensor = torch.quantize_per_channel(real, torch.ones(2), torch.zeros(2), 0, dtype)
    ref = opened(tmp_path, {"t": tensor}).tensors["t"]
    assert ref.shape == (2, 8)
    assert np.array_equal(ref.codes(), real.numpy().astype(np.uint8))
    assert np.array_equal(ref.numpy(), real.numpy())


@pytest.mark.parametrize(
    "facts",
    [
        {"scale": "x", "zero_point": 0},
        {"scale": 1.0},
        {"scale": [1.0, 2.0], "zero_point": [0, 0], "axis": 0},
        {"scale": [1.0, 2.0, 3.0], "zero_point": [0, 0, 0], "axis": 1},
        {"scale": [1.0, 2.0, 3.0], "zero_point": [0, 0, 0], "axis": "0"},
        {"scale": [1.0, 2.0, 3.0], "zero_point": [0, 0, 0]},
        {"scale": 1.0, "zero_point": 1e300, "axis": None},
    ],
)
def test_a_quantiser_that_does_not_fit_is_named(tmp_path: Path, facts: dict[str, Any]) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("bad", "qint8", (3, 4), bytes(12), extra={"quantiser": facts})
    with pytest.raises(NotDecodable, match="'bad'"):
        file.finish().tensors["bad"].numpy()


def test_a_quantised_tensor_without_a_quantiser_still_has_codes(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("q", "qint8", (2,), b"\x01\xff")
    ref = file.finish().tensors["q"]
    assert ref.codes().tolist() == [1, 255]
    with pytest.raises(NotDecodable, match="without a scale"):
        ref.numpy()


def test_dtypes_that_nobody_knows_give_codes_and_no_values(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("odd", "other", (2,), bytes(6), extra={"dtype": "float3_new", "itemsize": 3})
    file.add_raw("bits", "bits8", (2,), b"\x01\x02")
    refs = file.finish().tensors
    assert refs["odd"].dtype == "float3_new"
    assert refs["odd"].codes().shape == (2, 3)
    for name in ("odd", "bits"):
        with pytest.raises(NotDecodable, match=r"see its codes"):
            refs[name].numpy()
    assert refs["bits"].codes().tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (1, 1, 1)])
def test_small_and_empty_shapes_are_kept(tmp_path: Path, shape: tuple[int, ...]) -> None:
    ref = opened(tmp_path, {"t": torch.ones(shape)}).tensors["t"]
    assert ref.numpy().shape == ref.shape == shape
    assert ref.numel == np.prod(shape)
    chunks = list(ref.chunks())
    assert sum(map(len, chunks)) == ref.numel


def test_an_array_given_out_belongs_to_the_caller(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"t": torch.zeros(3)}).tensors["t"]
    ref.numpy()[:] = 1
    assert ref.numpy().tolist() == [0, 0, 0]


# -- chunks -----------------------------------------------------------------------------------------------


def test_chunks_tell_their_progress_and_stop_on_request(tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    control = Control(lambda done, total, note: steps.append((done, total, note)))
    ref = opened(tmp_path, {"t": torch.zeros(1000)}).tensors["t"]
    list(ref.chunks(max_bytes=400, control=control))
    assert steps[-1] == (1000, 1000, "t")

    stopped = Control()
    chunks = ref.chunks(max_bytes=400, control=stopped)
    next(chunks)
    stopped.cancel()
    with pytest.raises(Cancelled):
        next(chunks)


def test_a_view_that_would_never_end_is_refused(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("endless", "float32", (1 << 40,), bytes(4), stride=(0,))
    with pytest.raises(CannotRead, match="far more than its file holds"):
        next(file.finish().tensors["endless"].chunks())


# -- what has no values of its own --------------------------------------------------------------------------


def compressed(layout: torch.layout) -> torch.Tensor:
    blocks = (2, 2) if layout in (torch.sparse_bsr, torch.sparse_bsc) else None
    return torch.eye(4).to_sparse(layout=layout, blocksize=blocks)


NOT_DENSE: dict[str, tuple[Callable[[], torch.Tensor], tuple[str, ...]]] = {
    "sparse_coo": (lambda: torch.eye(4).to_sparse(), ("indices", "values")),
    "sparse_csr": (lambda: compressed(torch.sparse_csr), ("crow_indices", "col_indices", "values")),
    "sparse_csc": (lambda: compressed(torch.sparse_csc), ("ccol_indices", "row_indices", "values")),
    "sparse_bsr": (lambda: compressed(torch.sparse_bsr), ("crow_indices", "col_indices", "values")),
    "sparse_bsc": (lambda: compressed(torch.sparse_bsc), ("ccol_indices", "row_indices", "values")),
}


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")  # torch calls its compressed layouts a beta
@pytest.mark.parametrize("layout", NOT_DENSE)
def test_a_sparse_tensor_has_no_values_but_components(tmp_path: Path, layout: str) -> None:
    make, parts = NOT_DENSE[layout]
    tensor = make()
    ref = opened(tmp_path, {"deep": {"it": tensor, "x": torch.zeros(1)}}).tensors["deep/it"]
    assert ref.layout == layout
    assert ref.storage is None
    assert ref.shared_with == ()
    for read in (ref.numpy, ref.codes, ref.payload, lambda: ref.read_slice((0,)), lambda: list(ref.chunks())):
        with pytest.raises(NotDense) as raised:
            read()
        assert layout in str(raised.value)
        for part in parts:
            assert f"'deep/it/{part}'" in str(raised.value)
    assert set(ref.components) == set(parts)
    for part, component in ref.components.items():
        oracle = getattr(tensor, f"_{part}" if layout == "sparse_coo" else part)()
        assert np.array_equal(component.numpy(), oracle.numpy())
        assert component.name == f"deep/it/{part}"
        assert component.path == ("deep", "it", part)
    assert ref.nbytes == sum(component.nbytes for component in ref.components.values())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_a_nested_tensor_has_no_values_but_components(tmp_path: Path) -> None:
    nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(1, 3)])
    ref = checkpoint_of_arrays(tmp_path / "it", {"it": nested}).tensors["it"]
    with pytest.raises(NotDense, match="nested"):
        ref.numpy()
    assert ref.components["buffer"].numpy().tolist() == [1.0] * 6 + [0.0] * 3


def test_a_meta_tensor_has_no_values_at_all(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"it": torch.zeros(2, 3, device="meta")}).tensors["it"]
    assert (ref.shape, ref.nbytes, ref.storage) == ((2, 3), 0, None)
    with pytest.raises(NotDense, match="meta tensor"):
        ref.numpy()


def test_bytes_that_are_not_there_are_named(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("short", "float32", (10,), bytes(16))
    file.add_raw("whole", "float32", (4,), bytes(16))
    refs = file.finish().tensors
    with pytest.raises(MissingBytes, match="'short'"):
        refs["short"].numpy()
    assert refs["short"].read_slice((slice(4),)).tolist() == [0] * 4
    assert refs["whole"].numpy().tolist() == [0] * 4


# -- description ----------------------------------------------------------------------------------------------


def test_the_description_is_that_of_the_tensor(tmp_path: Path) -> None:
    base = torch.zeros(6, 4, dtype=torch.float16)
    state = {"net": {"view": base[1:4, ::2], "all": base, "alone": nn.Parameter(torch.zeros(2))}}
    refs = opened(tmp_path, state).tensors
    ref = refs["net/view"]
    assert (ref.name, ref.path) == ("net/view", ("net", "view"))
    assert (ref.shape, ref.stride, ref.numel, ref.nbytes) == ((3, 2), (4, 2), 6, 12)
    assert (ref.is_contiguous, refs["net/all"].is_contiguous) == (False, True)
    assert (ref.requires_grad, refs["net/alone"].requires_grad) == (False, True)
    assert ref.layout == "strided"
    assert repr(ref) == "<TensorRef 'net/view' float16 [3, 2]>"
    storage = ref.storage
    assert storage is not None
    assert (storage.offset, storage.nbytes, storage.location) == (4 * 2, 48, "cpu")
    assert storage.file.endswith("saved.pt")
    assert ref.shared_with == ("net/all",)
    assert refs["net/all"].shared_with == ("net/view",)
    assert refs["net/alone"].shared_with == ()
    assert refs["net/all"].storage == storage.__class__(storage.id, storage.key, storage.file, 0, 48, "cpu")


def test_where_the_file_does_not_say_requires_grad_is_unknown(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "it")
    file.add_raw("t", "float32", (1,), bytes(4))
    assert file.finish().tensors["t"].requires_grad is None


def test_tensors_are_a_mapping_in_file_order(tmp_path: Path) -> None:
    state = {"z": torch.zeros(1), "a": torch.zeros(2), "m/x": torch.zeros(3)}
    checkpoint = opened(tmp_path, state)
    assert isinstance(checkpoint.tensors, Tensors)
    assert list(checkpoint.tensors) == list(checkpoint) == list(state)
    assert len(checkpoint.tensors) == 3
    assert "a" in checkpoint.tensors
    assert "b" not in checkpoint.tensors
    assert [ref.shape for ref in checkpoint.tensors.values()] == [(1,), (2,), (3,)]
    assert checkpoint.tensors["a"] == TensorRef(checkpoint, 1)
    assert checkpoint.tensors.get("b") is None


# -- names --------------------------------------------------------------------------------------------------


@pytest.fixture
def two_models(tmp_path: Path) -> Checkpoint:
    layers = {f"layers.{n}.weight": torch.zeros(n + 1) for n in range(3)}
    copy = {key: value.clone() for key, value in layers.items()}
    return opened(tmp_path, {"model": {**layers, "only.here": torch.zeros(9)}, "ema": copy})


def test_a_tensor_is_found_by_its_canonical_name_and_by_a_key_that_is_unique(two_models: Checkpoint) -> None:
    assert two_models.tensors.find("ema/layers.1.weight").name == "ema/layers.1.weight"
    assert two_models.tensors.find("only.here").name == "model/only.here"


def test_a_key_of_several_sections_lists_the_candidates(two_models: Checkpoint) -> None:
    with pytest.raises(AmbiguousName) as raised:
        two_models.tensors.find("layers.1.weight")
    assert raised.value.candidates == ("model/layers.1.weight", "ema/layers.1.weight")
    assert all(name in str(raised.value) for name in raised.value.candidates)
    assert isinstance(raised.value, KeyError)


@pytest.mark.parametrize("how", ["find", "[]"])
def test_a_name_that_is_not_there_is_answered_with_similar_ones(two_models: Checkpoint, how: str) -> None:
    with pytest.raises(NameNotFound) as raised:
        _ = (
            two_models.tensors.find("model/layers.1.wight")
            if how == "find"
            else two_models.tensors["model/layers.1.wight"]
        )
    assert "did you mean model/layers.1.weight" in str(raised.value)
    assert str(raised.value).startswith(two_models.path)
    assert isinstance(raised.value, KeyError)


def test_nothing_is_proposed_for_a_name_that_resembles_none(two_models: Checkpoint) -> None:
    for name in ("Ω" * 40, "x" * 100_000, ""):
        with pytest.raises(NameNotFound) as raised:
            two_models.tensors.find(name)
        assert "did you mean" not in str(raised.value)


def test_keys_with_signs_of_the_name_syntax_are_found_by_key_and_by_name(tmp_path: Path) -> None:
    state = {"model": {"a/b.w": torch.zeros(1), "[0]": torch.zeros(2), "~.w": torch.zeros(3), "x.y": torch.zeros(4)}}
    tensors = opened(tmp_path, state).tensors
    for key, name in (("a/b.w", "model/a~1b.w"), ("[0]", "model/~20]"), ("~.w", "model/~0.w")):
        assert tensors.find(key).name == tensors.find(name).name == name
        assert tensors[name].path == ("model", key)


def test_a_key_of_nested_dicts_is_found_by_its_dotted_path(tmp_path: Path) -> None:
    tensors = opened(tmp_path, {"state_dict": {"enc": {"w": torch.zeros(1)}, "dec": {"w": torch.zeros(2)}}}).tensors
    assert tensors.find("dec.w").name == "state_dict/dec/w"


# -- files that change ----------------------------------------------------------------------------------------


def overwrite(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)
    os.utime(path, ns=(1, 1))


def replace_by_another(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def truncate(path: Path) -> None:
    os.truncate(path, 700)


CHANGES = {"overwritten": overwrite, "replaced": replace_by_another, "truncated": truncate, "deleted": Path.unlink}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("read_before", [False, True])
def test_a_file_that_changed_since_it_was_opened_is_named_and_never_read(
    tmp_path: Path, change: Callable[[Path], None], read_before: bool
) -> None:
    checkpoint = opened(tmp_path, {"t": torch.arange(1000.0)})
    ref = checkpoint.tensors["t"]
    if read_before:
        assert ref.numpy()[999] == 999
    change(tmp_path / "saved.pt")
    for read in (ref.numpy, ref.codes, ref.torch, lambda: ref.read_slice((slice(5),)), lambda: list(ref.chunks())):
        with pytest.raises(SourceChanged) as raised:
            read()
        assert "saved.pt" in str(raised.value)
        assert isinstance(raised.value, OSError)
    assert ref.shape == (1000,)  # the description stays
    checkpoint.close()


def test_a_file_that_changes_between_two_chunks_is_noticed(tmp_path: Path) -> None:
    ref = opened(tmp_path, {"t": torch.arange(1000.0)}).tensors["t"]
    chunks = ref.chunks(max_bytes=400)
    next(chunks)
    overwrite(tmp_path / "saved.pt")
    with pytest.raises(SourceChanged):
        list(chunks)


def test_after_closing_a_checkpoint_reading_opens_it_again(tmp_path: Path) -> None:
    with opened(tmp_path, {"t": torch.arange(3)}) as checkpoint:
        ref = checkpoint.tensors["t"]
        assert ref.numpy().tolist() == [0, 1, 2]
    assert ref.numpy().tolist() == [0, 1, 2]
    checkpoint.close()
    checkpoint.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files by /proc")
def test_closing_leaves_no_file_open(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"t": torch.arange(3)})
    checkpoint.tensors["t"].numpy()
    checkpoint.close()
    targets = [fd.readlink() for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    assert not [target for target in targets if target.is_relative_to(tmp_path)]


def test_every_error_of_reading_is_one_of_ours() -> None:
    assert all(issubclass(error, SdviewerError) for error in (NotDense, NotDecodable, MissingBytes, SourceChanged))
