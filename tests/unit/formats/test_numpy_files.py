"""Files that numpy saved are read as numpy reads them, and nothing in them is run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sdviewer
from sdviewer.errors import Damaged, NotDecodable, UnsupportedFormat
from sdviewer.formats import opening
from tests.helpers.conformance import ReaderConformance
from tests.helpers.npy import Array, archive, kinds, npy, opened, the_only, with_header
from tests.helpers.spying import spying

TORCH_DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.complex128,
    torch.complex64,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint64,
    torch.uint32,
    torch.uint16,
    torch.uint8,
    torch.bool,
)
NUMBERS = ("f8", "f4", "f2", "c16", "c8", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1")
RECORD = np.dtype([("a", "<f4"), ("b", ">i2", (2, 3)), ("c", [("inner", "S5"), ("more", "?")])])
OTHERS = (
    np.array(["some", "téxt", ""]),
    np.array(["some", "téxt"]).astype(">U5"),
    np.array([b"bytes", b""]),
    np.array(["2024-01-31", "NaT"], "M8[D]"),
    np.array([1, 2], "m8[25ns]"),
    np.arange(3, dtype=np.longdouble),
    np.frombuffer(bytes(range(2 * RECORD.itemsize)), RECORD),
    np.zeros((2, 2), np.dtype([("x", "u1"), ("y", "<f8")], align=True)),
)


class _SavedByNumpy(ReaderConformance):
    suffix = ".npz"
    dtypes = TORCH_DTYPES

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(array) for name, array in arrays.items()}


class TestNpz(_SavedByNumpy):
    """numpy.savez."""

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
        np.savez(path, **arrays)


class TestCompressedNpz(_SavedByNumpy):
    """numpy.savez_compressed."""

    raw_payload = False

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
        np.savez_compressed(path, **arrays)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_every_kind_of_number_is_read_in_either_byte_order(tmp_path: Path, kind: str, order: Any) -> None:
    array = np.frombuffer(np.random.default_rng(0).bytes(24 * 16), "u1").view(np.dtype(kind).newbyteorder(order))[:24]
    array = (array.view("u1") & 1).astype("b1") if kind == "b1" else array
    ref = the_only(opened(tmp_path, npy(array.reshape(2, 3, 4))))
    native = array.astype(array.dtype.newbyteorder("="))
    assert (ref.shape, ref.dtype, ref.path) == ((2, 3, 4), native.dtype.name, ())
    assert ref.codes().tobytes() == native.tobytes()
    np.testing.assert_array_equal(ref.numpy(decoded=False), native.reshape(2, 3, 4))
    assert ref.torch().numpy().tobytes() == native.tobytes()


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (2, 3, 4), (1,) * 64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_shape_is_read_in_either_order(tmp_path: Path, shape: tuple[int, ...], order: Any) -> None:
    array = np.asarray(np.arange(np.prod(shape, dtype=int), dtype="i4").reshape(shape), order=order)
    ref = the_only(opened(tmp_path, npy(array)))
    assert ref.shape == shape
    if array.size > 1:
        assert ref.stride == tuple(step // 4 for step in array.strides)
    np.testing.assert_array_equal(ref.numpy(), array)


@pytest.mark.parametrize("array", OTHERS, ids=lambda array: str(array.dtype)[:20])
def test_what_is_no_number_is_listed_with_its_bytes(tmp_path: Path, array: Array) -> None:
    checkpoint = opened(tmp_path, npy(array))
    ref = the_only(checkpoint)
    assert checkpoint.problems == ()
    assert (ref.shape, ref.nbytes) == (array.shape, array.nbytes)
    assert ref.codes().tobytes() == array.tobytes()
    with pytest.raises(NotDecodable):
        ref.numpy()


def test_records_are_named_by_their_fields(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, npy(np.zeros(2, [("a", "<f4"), ("b", "u1")])))
    assert the_only(checkpoint).dtype == "[('a', '<f4'), ('b', '|u1')]"


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_header_is_read(tmp_path: Path, version: tuple[int, int]) -> None:
    name = "λ" if version == (3, 0) else "ä"
    array = np.zeros(3, [(name, "<f4")])
    with (tmp_path / "array.npy").open("wb") as file:
        np.lib.format.write_array(file, array, version)
    assert the_only(sdviewer.open(tmp_path / "array.npy")).dtype == f"[('{name}', '<f4')]"


def test_long_integers_of_python_2_are_read(tmp_path: Path) -> None:
    content = with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }", bytes(8))
    assert the_only(opened(tmp_path, content)).shape == (2, 1)


def test_a_name_that_numpy_does_not_have_is_listed_and_told(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, with_header("{'descr': '<f1', 'fortran_order': False, 'shape': (3,)}", b"abc"))
    assert the_only(checkpoint).codes().tobytes() == b"abc"
    assert kinds(checkpoint) == ["unknown_dtype"]


def test_what_follows_the_array_is_told(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, npy(np.arange(3)) + b"behind")
    assert [(problem.kind, problem.severity) for problem in checkpoint.problems] == [("irregular", "info")]
    assert checkpoint.description.unshown_bytes == 6
    np.testing.assert_array_equal(the_only(checkpoint).numpy(), np.arange(3))


def test_the_lines_shown_load_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, array in (("a.npy", np.arange(6, dtype="<f4")), ("b.npy", np.arange(6, dtype=">i2"))):
        np.save(name, array)
        assert _result_of(sdviewer.open(name).description.torch_lines)["tensor"].tolist() == list(range(6))
    np.savez("c.npz", a=np.arange(3), b=np.arange(2, dtype=">f8"))
    tensors = _result_of(sdviewer.open("c.npz").description.torch_lines)["tensors"]
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {"a": [0, 1, 2], "b": [0.0, 1.0]}
    np.save("d.npy", OTHERS[0])
    assert _result_of(sdviewer.open("d.npy").description.torch_lines)["array"].tolist() == OTHERS[0].tolist()
    np.save("e.npy", np.array({"a": 1}), allow_pickle=True)
    assert _result_of(sdviewer.open("e.npy").description.torch_lines)["array"].item() == {"a": 1}


def _result_of(lines: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec("\n".join(lines), found)  # noqa: S102  # our own lines, which are to be right
    return found


def test_opening_an_array_reads_only_its_header(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.ones((1000, 1000)))
    with spying() as spy:
        opening.open_checkpoint(tmp_path / "array.npy").close()
    assert spy.bytes_read_inside(512, 8_000_128) == 0


# -- archives ------------------------------------------------------------------------


def test_of_two_entries_with_one_name_the_one_that_numpy_takes_counts(tmp_path: Path) -> None:
    entries = [("a.npy", npy(np.array([1]))), ("b.npy", npy(np.array([2]))), ("a.npy", npy(np.array([3])))]
    path = archive(tmp_path / "twice.npz", entries)
    with np.load(path) as expected, sdviewer.open(path) as checkpoint:
        assert {name: ref.numpy().tolist() for name, ref in checkpoint.tensors.items()} == {
            name: expected[name].tolist() for name in ("a", "b")
        }
        assert [duplicate.name for duplicate in checkpoint.duplicates] == ["a"]
        assert kinds(checkpoint) == ["duplicate"]


def test_entries_that_are_no_arrays_are_counted(tmp_path: Path) -> None:
    entries = [("folder/", b""), ("folder/a.npy", npy(np.arange(2))), ("README.txt", b"text")]
    checkpoint = sdviewer.open(archive(tmp_path / "more.npz", entries))
    assert list(checkpoint.tensors) == ["folder/a"]
    assert [(problem.kind, problem.where) for problem in checkpoint.problems] == [("extra", "README.txt")]


def test_an_entry_that_cannot_be_read_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "mixed.npz"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("bad.npy", npy(np.arange(5)), zipfile.ZIP_BZIP2)
        target.writestr("junk.npy", b"no array")
        target.writestr("good.npy", npy(np.arange(3)))
    checkpoint = sdviewer.open(path)
    assert list(checkpoint.tensors) == ["good"]
    assert [(problem.kind, problem.where) for problem in checkpoint.problems] == [
        ("partial", "bad"),
        ("partial", "junk"),
    ]
    assert "bzip2" in checkpoint.problems[0].message


def test_many_entries_that_cannot_be_read_are_told_in_one(tmp_path: Path) -> None:
    entries = [("good.npy", npy(np.arange(3))), *((f"junk{i}.npy", b"no array") for i in range(50))]
    checkpoint = sdviewer.open(archive(tmp_path / "junk.npz", entries))
    assert list(checkpoint.tensors) == ["good"]
    assert kinds(checkpoint) == ["partial"] * 21
    assert checkpoint.problems[-1].message == "30 more entries cannot be read"
    with pytest.raises(Damaged, match=r"junk\.npz: junk0\.npy"):
        sdviewer.open(archive(tmp_path / "junk.npz", entries[1:]))


def test_an_archive_with_a_password_says_so(tmp_path: Path) -> None:
    path = archive(tmp_path / "locked.npz", [("a.npy", npy(np.arange(3)))])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnsupportedFormat, match=r"locked\.npz: a\.npy: is protected with a password"):
        sdviewer.open(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_inside_an_archive_has_the_right_values(tmp_path: Path, save: Any, method: int) -> None:
    file = io.BytesIO()
    save(file, a=np.arange(1000.0), b=np.ones(3, ">i2"))
    entries = [("one.npz", file.getvalue()), ("notes.txt", b"text")]
    checkpoint = sdviewer.open(archive(tmp_path / "outer.zip", entries, method))
    assert [ref.path for ref in checkpoint.tensors.values()] == [("one.npz", "a"), ("one.npz", "b")]
    first, second = checkpoint.tensors.values()
    np.testing.assert_array_equal(first.numpy(), np.arange(1000.0))
    np.testing.assert_array_equal(second.numpy(), np.ones(3))


def test_opening_a_compressed_archive_inflates_only_the_headers(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    np.savez_compressed(tmp_path / "big.npz", a=noise.random(200_000), b=noise.random(200_000))
    with spying() as spy:
        checkpoint = opening.open_checkpoint(tmp_path / "big.npz")
    assert spy.total < 10_000
    checkpoint.close()


def test_only_a_few_inflated_arrays_are_kept(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {f"a{i}": np.full(1000, i) for i in range(20)}
    np.savez_compressed(tmp_path / "many.npz", **arrays)
    checkpoint = sdviewer.open(tmp_path / "many.npz")
    inflated = [index for index, spec in enumerate(checkpoint.sources.specs) if spec.kind == "inflated"]
    first = checkpoint.sources.get(inflated[0])
    assert checkpoint.sources.get(inflated[0]) is first
    for i, ref in enumerate(checkpoint.tensors.values()):
        assert set(ref.numpy().tolist()) == {i}
    assert checkpoint.sources.get(inflated[0]) is not first
