"""Archives of `torch.save`, and the same ones after other programs had them: torch loads them as the oracle."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch.utils.serialization import config

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.errors import CannotRead, Damaged, MissingBytes, NotACheckpoint, UnsupportedFormat
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.conformance import ReaderConformance
from tests.helpers.torch_archives import Entries, edited, entries_of, repacked, zip64
from tests.helpers.torch_oracle import assert_same, assert_same_tensor, bits_of, loaded, reopened, saved

WEIGHT, BIAS = torch.arange(12.0).reshape(3, 4), torch.arange(3)


class TestTorchZip(ReaderConformance):
    suffix = ".pt"
    names = (*ReaderConformance.names, "/", "~", "[0]", "", "\ud800")

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        torch.save(dict(tensors), path)

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        return dict(torch.load(path))


class TestDeflatedTorchZip(TestTorchZip):
    raw_payload = False

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        torch.save(dict(tensors), path)
        repacked(path, entries_of(path), zipfile.ZIP_DEFLATED)


def state() -> dict[str, torch.Tensor]:
    return {"a.weight": WEIGHT, "a.bias": BIAS}


def assert_holds_state(checkpoint: Checkpoint) -> None:
    assert checkpoint.format == "torch zip"
    assert list(checkpoint.tensors) == ["a.weight", "a.bias"]
    assert_same(checkpoint.tensors["a.weight"], WEIGHT)
    assert_same(checkpoint.tensors["a.bias"], BIAS)


def kinds(checkpoint: Checkpoint) -> set[str]:
    return {problem.kind for problem in checkpoint.problems}


# -- the archive after other hands ----------------------------------------------------------


def in_another_order(entries: Entries) -> Entries:
    return [entries[0], *sorted(entries[1:], key=lambda entry: entry[0])]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda entries: entries, id="as it was"),
        pytest.param(in_another_order, id="other order"),
        pytest.param(lambda entries: entries[::-1], id="backwards"),
        pytest.param(lambda entries: [(f"naïve {name}", raw) for name, raw in entries], id="other folder"),
        pytest.param(lambda entries: [e for e in entries if not e[0].endswith("byteorder")], id="no byte order"),
        pytest.param(lambda entries: [e for e in entries if "/." not in e[0]], id="no dot files"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_repacked_archive_holds_what_torch_loads(tmp_path: Path, change: object, method: int) -> None:
    entries = entries_of(saved(tmp_path / "m.pt", state()))
    assert callable(change)
    path = repacked(tmp_path / "again.pt", change(entries), method)
    assert_holds_state(open_checkpoint(path))
    for name, tensor in torch.load(path).items():
        assert torch.equal(tensor, state()[name])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda entries: [e for e in entries if not e[0].endswith("version")], id="no version"),
        pytest.param(lambda entries: [(name.partition("/")[2], raw) for name, raw in entries], id="no folder"),
        pytest.param(lambda entries: [(f"x/y/{name}", raw) for name, raw in entries], id="deep folder"),
        pytest.param(lambda entries: [("__MACOSX/._m", b""), *entries], id="other first entry"),
    ],
)
def test_what_torch_itself_refuses_is_read_all_the_same(tmp_path: Path, change: object) -> None:
    entries = entries_of(saved(tmp_path / "m.pt", state()))
    assert callable(change)
    path = repacked(tmp_path / "again.pt", change(entries))
    with pytest.raises(RuntimeError):
        torch.load(path)
    assert_holds_state(open_checkpoint(path))


def test_values_of_a_deflated_archive_are_right_where_mapped_loading_is_wrong(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"w": torch.zeros(1000)})
    noise = np.random.default_rng(0).bytes(8000)
    repacked(path, [*entries_of(path), ("m/noise", noise)], zipfile.ZIP_DEFLATED)
    ref = open_checkpoint(path).tensors["w"]
    assert ref.numpy().tolist() == [0.0] * 1000
    assert not torch.load(path, mmap=True)["w"].eq(0).all()


def test_sizes_and_places_in_zip64_fields_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", state())
    path.write_bytes(zip64(entries_of(path)))
    assert torch.equal(torch.load(path)["a.weight"], WEIGHT)
    checkpoint = open_checkpoint(path)
    assert checkpoint.problems == ()
    assert_holds_state(checkpoint)


@pytest.mark.parametrize("wide", [False, True], ids=["torch's own", "zip64"])
@pytest.mark.parametrize(("before", "after"), [(b"#!/bin/sh\n", b""), (b"", b"tail" * 50), (b"\0" * 70_000, b"PK\5\6")])
def test_bytes_around_the_archive_do_not_matter(tmp_path: Path, before: bytes, after: bytes, *, wide: bool) -> None:
    path = saved(tmp_path / "m.pt", state())
    content = zip64(entries_of(path)) if wide else path.read_bytes()
    path.write_bytes(before + content + after)
    checkpoint = open_checkpoint(path)
    assert checkpoint.problems == ()
    assert_holds_state(checkpoint)


@pytest.mark.parametrize("alignment", [1, 256, 4096])
def test_any_alignment_of_storages_is_read(tmp_path: Path, alignment: int) -> None:
    tensors = {"odd": torch.arange(5, dtype=torch.uint8), "w": WEIGHT, "d": torch.arange(3.0, dtype=torch.float64)}
    with cast("Any", config).patch("save.storage_alignment", alignment):
        path = saved(tmp_path / "m.pt", tensors)
    checkpoint = open_checkpoint(path)
    for name, tensor in tensors.items():
        assert_same(checkpoint.tensors[name], tensor)
    offsets = checkpoint.table.storages.offset.tolist()
    assert all(offset % alignment == 0 for offset in offsets)
    assert alignment > 1 or any(offset % 64 for offset in offsets)


def test_checksums_are_not_trusted(tmp_path: Path) -> None:
    # Torch can be told to leave them out, and then they are no checksums.
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tmp_path / "m.pt", state())
    finally:
        torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(path) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read("m/data/0")
    checkpoint = open_checkpoint(path)
    assert checkpoint.problems == ()
    assert_holds_state(checkpoint)


# -- byte order ----------------------------------------------------------------------------


def big_endian(path: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    """An archive as torch writes it on a big-endian machine: every storage's elements swapped by numpy."""
    changes: dict[str, bytes | None] = {"byteorder": b"big"}
    for key, tensor in enumerate(tensors.values()):
        unit = tensor.element_size() // (2 if tensor.is_complex() else 1)
        raw = np.frombuffer(bits_of(tensor).tobytes(), f"u{unit}")
        changes[f"data/{key}"] = raw.byteswap().tobytes()
    return edited(saved(path, dict(tensors)), changes)


def test_big_endian_archives_are_read_as_torch_loads_them(tmp_path: Path) -> None:
    dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128]
    dtypes += [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
    tensors = {str(dtype): torch.tensor([0, 1, 1]).to(dtype) for dtype in dtypes}
    path = big_endian(tmp_path / "m.pt", tensors)
    checkpoint = open_checkpoint(path)
    for name, tensor in torch.load(path).items():
        assert torch.equal(tensor, tensors[name])
        assert_same(checkpoint.tensors[name], tensor)


def test_big_endian_values_are_right_where_torch_forgets_to_swap(tmp_path: Path) -> None:
    tensors = {"u": torch.tensor([1, 2, 515]).to(torch.uint16)}
    path = big_endian(tmp_path / "m.pt", tensors)
    assert torch.load(path)["u"].tolist() == [256, 512, 770]
    assert open_checkpoint(path).tensors["u"].numpy().tolist() == [1, 2, 515]


def test_big_endian_views_are_right(tmp_path: Path) -> None:
    path = big_endian(tmp_path / "m.pt", {"w": WEIGHT})
    data = dict(entries_of(saved(tmp_path / "view.pt", {"w": WEIGHT.t()[1:, ::2]})))["view/data.pkl"]
    edited(path, {"data.pkl": data})
    assert_same(open_checkpoint(path).tensors["w"], loaded(path)["w"])


# -- what is missing or wrong ---------------------------------------------------------------


def test_a_missing_storage_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    path = edited(saved(tmp_path / "m.pt", state()), {"data/0": None})
    checkpoint = open_checkpoint(path)
    problem = next(problem for problem in checkpoint.problems if problem.kind == "missing")
    assert (problem.severity, problem.where) == ("error", "m/data/0")
    assert Flag.OUT_OF_BOUNDS in checkpoint.tensors["a.weight"].flags
    with pytest.raises(MissingBytes, match=r"a\.weight"):
        checkpoint.tensors["a.weight"].codes()
    assert_same(checkpoint.tensors["a.bias"], BIAS)


def test_an_empty_storage_needs_no_entry(tmp_path: Path) -> None:
    path = edited(saved(tmp_path / "m.pt", {"e": torch.zeros(0, 4), "w": WEIGHT}), {"data/0": None})
    checkpoint = open_checkpoint(path)
    assert checkpoint.problems == ()
    assert checkpoint.tensors["e"].numpy().shape == (0, 4)


def test_a_storage_shorter_than_its_tensor_is_told_and_not_read_past(tmp_path: Path) -> None:
    path = edited(saved(tmp_path / "m.pt", state()), {"data/0": WEIGHT.numpy().tobytes()[:47]})
    checkpoint = open_checkpoint(path)
    assert kinds(checkpoint) == {"out_of_bounds"}
    assert "a.weight" in checkpoint.problems[0].message
    with pytest.raises(CannotRead):
        checkpoint.tensors["a.weight"].codes()
    with pytest.raises(CannotRead):
        checkpoint.tensors["a.weight"].torch()
    assert_same(checkpoint.tensors["a.bias"], BIAS)


def with_methods(path: Path, methods: Mapping[str, int]) -> Path:
    """The archive again, single entries of it compressed in other ways."""
    entries = entries_of(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content, methods.get(name, zipfile.ZIP_STORED))
    return path


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")])
def test_other_compressions_are_named_and_the_rest_is_read(tmp_path: Path, method: int, name: str) -> None:
    path = with_methods(saved(tmp_path / "m.pt", state()), {"m/data/0": method})
    checkpoint = open_checkpoint(path)
    assert any(name in problem.message and problem.where == "m/data/0" for problem in checkpoint.problems)
    with pytest.raises(MissingBytes):
        checkpoint.tensors["a.weight"].codes()
    assert_same(checkpoint.tensors["a.bias"], BIAS)
    with pytest.raises(UnsupportedFormat, match=f"data.pkl: is compressed by {name}"):
        open_checkpoint(with_methods(path, {"m/data.pkl": method}))


def marked_as_encrypted(path: Path, name: str) -> Path:
    raw = bytearray(path.read_bytes())
    raw[raw.rfind(name.encode()) - 46 + 8] |= 1
    path.write_bytes(raw)
    return path


def test_encrypted_entries_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = marked_as_encrypted(saved(tmp_path / "m.pt", state()), "m/data/1")
    checkpoint = open_checkpoint(path)
    assert any("password" in problem.message for problem in checkpoint.problems)
    assert_same(checkpoint.tensors["a.weight"], WEIGHT)
    with pytest.raises(UnsupportedFormat, match="password"):
        open_checkpoint(marked_as_encrypted(path, "m/data.pkl"))


def test_a_damaged_local_header_costs_only_its_own_storage(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", state())
    raw = bytearray(path.read_bytes())
    header = raw.find(b"m/data/0") - 30
    raw[header : header + 4] = b"XXXX"
    path.write_bytes(raw)
    checkpoint = open_checkpoint(path)
    assert any("local header" in problem.message for problem in checkpoint.problems)
    assert_same(checkpoint.tensors["a.bias"], BIAS)


def test_a_bare_tensor_that_reaches_past_its_storage_is_told_without_a_name(tmp_path: Path) -> None:
    path = edited(saved(tmp_path / "m.pt", WEIGHT), {"data/0": WEIGHT.numpy().tobytes()[:47]})
    (problem,) = open_checkpoint(path).problems
    assert problem.message.startswith("the tensor: shape and stride reach past")


def test_a_deflated_storage_that_lies_about_its_size_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"w": torch.zeros(1000)})
    repacked(path, entries_of(path), zipfile.ZIP_DEFLATED)
    raw = bytearray(path.read_bytes())
    size = raw.rfind(b"m/data/0") - 46 + 24
    raw[size : size + 4] = (3996).to_bytes(4, "little")
    path.write_bytes(raw)
    checkpoint = open_checkpoint(path)
    assert kinds(checkpoint) == {"out_of_bounds"}
    with pytest.raises(CannotRead):
        checkpoint.tensors["w"].codes()


def test_an_archive_cut_off_behind_a_storage_still_gives_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", state())
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.find(b"m/version")])
    checkpoint = open_checkpoint(path)
    assert kinds(checkpoint) == {"partial"}
    assert_holds_state(checkpoint)
    path.write_bytes(raw[: raw.find(WEIGHT.numpy().tobytes()) + 20])
    checkpoint = open_checkpoint(path)
    assert kinds(checkpoint) == {"partial", "missing", "out_of_bounds"}
    with pytest.raises(MissingBytes):
        checkpoint.tensors["a.weight"].codes()


def test_an_archive_without_a_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(NotACheckpoint, match=r"m\.pt"):
        open_checkpoint(edited(saved(tmp_path / "m.pt", state()), {"data.pkl": None}))
    with pytest.raises(Damaged, match=r"data\.pkl"):
        open_checkpoint(edited(saved(tmp_path / "m.pt", state()), {"data.pkl": b""}))


# -- what the archive stores beside what it shows --------------------------------------------


def test_a_saved_slice_counts_the_bytes_that_nothing_shows(tmp_path: Path) -> None:
    checkpoint = reopened(tmp_path / "m.pt", {"slice": torch.arange(1000.0)[10:20], "w": WEIGHT})
    assert checkpoint.description.unshown_bytes == 4 * 990
    assert_same(checkpoint.tensors["slice"], torch.arange(10.0, 20.0))


def test_storages_that_no_pickle_names_count_as_unshown(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", state())
    repacked(path, [*entries_of(path), ("m/data/7", b"x" * 77)])
    assert open_checkpoint(path).description.unshown_bytes == 77


@pytest.mark.parametrize("value", [torch.arange(3.0), [torch.arange(3.0)], {"deep": {"er": (torch.arange(3.0),)}}])
def test_a_root_of_any_kind_is_walked(tmp_path: Path, value: object) -> None:
    checkpoint = reopened(tmp_path / "m.pt", value)
    (ref,) = checkpoint.tensors.values()
    expected = {torch.Tensor: (), list: (0,), dict: ("deep", "er", 0)}
    assert ref.path == expected[type(value)]
    assert_same(ref, torch.arange(3.0))


def test_locations_are_kept(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"w": WEIGHT})
    data = dict(entries_of(path))["m/data.pkl"]
    edited(path, {"data.pkl": data.replace(b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:3")})
    place = open_checkpoint(path).tensors["w"].storage
    assert place is not None
    assert (place.location, place.key, place.nbytes) == ("cuda:3", "0", 48)


def test_a_storage_that_lies_about_its_count_is_judged_by_its_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", {"w": WEIGHT})
    data = dict(entries_of(path))["m/data.pkl"]
    edited(path, {"data.pkl": data.replace(b"K\x0ct", b"K\xfft")})
    checkpoint = open_checkpoint(path)
    assert checkpoint.table.storages.nbytes.tolist() == [48]
    assert_same(checkpoint.tensors["w"], WEIGHT)


def test_deflated_storages_are_marked_and_stay_unread_until_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", state())
    repacked(path, entries_of(path), zipfile.ZIP_DEFLATED)
    storages = open_checkpoint(path).table.storages
    assert set(storages.encoding.tolist()) == {Encoding.DEFLATED}
    assert storages.nbytes.tolist() == [48, 24]
    assert all(0 < stored < 48 for stored in storages.stored.tolist())
    assert_same_tensor(open_checkpoint(path).tensors["a.weight"].torch(), WEIGHT)
