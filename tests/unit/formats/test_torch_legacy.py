"""Files that `torch.save` wrote before 1.6, which torch still writes and reads: torch is the oracle."""

from __future__ import annotations

import inspect
import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import Flag
from sdviewer.errors import Damaged, MissingBytes
from sdviewer.formats import inert_pickle
from sdviewer.formats.opening import open_checkpoint
from tests.helpers import opcodes
from tests.helpers.conformance import ReaderConformance
from tests.helpers.containers import FOUR_FLOATS, MAGIC, SYSTEM, torch_legacy
from tests.helpers.torch_oracle import assert_same, loaded, reopened, saved, text_of
from tests.unit.formats.test_torch_objects import OLD_DTYPES

WEIGHT, BIAS = torch.arange(12.0).reshape(3, 4), torch.arange(3)


class TestTorchLegacy(ReaderConformance):
    suffix = ".pth"
    dtypes = tuple(OLD_DTYPES)
    names = (*ReaderConformance.names, "/", "~", "[0]", "", "\ud800")
    overread = inert_pickle._WINDOW

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        torch.save(dict(tensors), path, _use_new_zipfile_serialization=False)

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        return dict(torch.load(path))


# -- files written by hand -------------------------------------------------------------------


@dataclass
class StorageOf:
    """Pickles as the persistent id of a storage: class, key, location, elements, view."""

    identity: tuple[Any, ...]


class View:
    """Pickles as the call that rebuilds a tensor over a storage."""

    def __init__(self, storage: StorageOf, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.args: tuple[Any, ...] = (storage, offset, size, stride, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor_v2, self.args


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> tuple[Any, ...] | None:
        return obj.identity if isinstance(obj, StorageOf) else None


def storage(key: str, numel: int, view: tuple[str, int, int] | None = None, kind: str = "Float") -> StorageOf:
    return StorageOf(("storage", getattr(torch, f"{kind}Storage"), key, "cpu", numel, view))


def written(
    path: Path, value: object, storages: Mapping[str, np.ndarray[Any, Any]], counts: Mapping[str, int] | None = None
) -> Path:
    """A legacy file of this object; `counts` say false element counts in front of storages."""
    stream = io.BytesIO()
    for fixed in (MAGIC, 1001, SYSTEM):
        pickle.dump(fixed, stream, 2)
    _Pickler(stream, 2).dump(value)
    pickle.dump(list(storages), stream, 2)
    for key, array in storages.items():
        stream.write(struct.pack("<q", (counts or {}).get(key, array.size)) + array.tobytes())
    path.write_bytes(stream.getvalue())
    return path


def kinds(checkpoint: Checkpoint) -> set[str]:
    return {problem.kind for problem in checkpoint.problems}


FLOATS = np.arange(12, dtype=np.float32)


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_views_of_storages_as_torch_before_0_4_wrote_them_are_read(tmp_path: Path) -> None:
    value = {
        "root": View(storage("9", 12), 0, (12,), (1,)),
        "view": View(storage("9", 12, ("9.2", 4, 6)), 1, (2, 2), (2, 1)),
        "other": View(storage("10", 12, ("10.1", 0, 12)), 2, (3,), (3,)),
    }
    path = written(tmp_path / "old.pth", value, {"10": FLOATS * 2, "9": FLOATS})
    checkpoint = open_checkpoint(path)
    assert checkpoint.problems == ()
    for name, tensor in loaded(path).items():
        assert_same(checkpoint.tensors[name], tensor)
    assert checkpoint.tensors["view"].numpy().tolist() == [[5, 6], [7, 8]]
    assert checkpoint.tensors["view"].shared_with == ("root",)


@pytest.mark.parametrize("keys", [["1", "2", "10"], ["10", "2", "1"], ["2", "10", "1"]])
def test_storages_are_found_in_whatever_order_they_lie(tmp_path: Path, keys: list[str]) -> None:
    arrays = {key: np.full(int(key), int(key), np.float32) for key in keys}
    value = {key: View(storage(key, int(key)), 0, (int(key),), (1,)) for key in ("10", "1", "2")}
    path = written(tmp_path / "m.pth", value, arrays)
    checkpoint = open_checkpoint(path)
    for name, tensor in loaded(path).items():
        assert_same(checkpoint.tensors[name], tensor)


def test_storages_without_elements_take_their_place(tmp_path: Path) -> None:
    tensors = {"a": torch.zeros(0), "b": WEIGHT, "c": torch.zeros(3, 0, dtype=torch.int64), "d": BIAS}
    checkpoint = reopened(tmp_path / "m.pth", tensors, legacy=True)
    assert checkpoint.problems == ()
    for name, tensor in tensors.items():
        assert_same(checkpoint.tensors[name], tensor)


def two(path: Path, counts: Mapping[str, int], sizes: Mapping[str, int] | None = None) -> Checkpoint:
    """Storages "1" and "2" of twelve floats; false counts in the pickle (`sizes`) or in front of the values."""
    said = {"1": 12, "2": 12, **(sizes or {})}
    value = {key: View(storage(key, said[key]), 0, (12,), (1,)) for key in ("1", "2")}
    arrays = {"1": FLOATS[: counts.get("1", 12)], "2": FLOATS * 2}
    return open_checkpoint(written(path, value, arrays, counts))


def test_where_counts_differ_the_file_is_believed(tmp_path: Path) -> None:
    checkpoint = two(tmp_path / "short.pth", {"1": 8})
    assert kinds(checkpoint) == {"irregular", "out_of_bounds"}
    assert Flag.OUT_OF_BOUNDS in checkpoint.tensors["1"].flags
    with pytest.raises(MissingBytes, match="'1'"):
        checkpoint.tensors["1"].codes()
    assert_same(checkpoint.tensors["2"], torch.arange(12.0) * 2)
    checkpoint = two(tmp_path / "less.pth", {}, {"1": 2**40})
    assert kinds(checkpoint) == {"irregular"}
    for key in ("1", "2"):
        assert_same(checkpoint.tensors[key], torch.arange(12.0) * int(key))


@pytest.mark.parametrize("count", [-1, 2**62, -(2**63)])
def test_impossible_counts_lose_only_what_they_hide(tmp_path: Path, count: int) -> None:
    value = {key: View(storage(key, 12), 0, (12,), (1,)) for key in ("1", "2")}
    checkpoint = open_checkpoint(written(tmp_path / "m.pth", value, {"1": FLOATS, "2": FLOATS}, {"2": count}))
    assert_same(checkpoint.tensors["1"], torch.arange(12.0))
    assert checkpoint.problems
    if count < 0:
        with pytest.raises(MissingBytes):
            checkpoint.tensors["2"].codes()


def test_behind_a_storage_that_nothing_names_nothing_can_be_found(tmp_path: Path) -> None:
    value = {"a": View(storage("1", 12), 0, (12,), (1,)), "z": View(storage("3", 12), 0, (12,), (1,))}
    checkpoint = open_checkpoint(written(tmp_path / "m.pth", value, {"1": FLOATS, "2": FLOATS, "3": FLOATS}))
    assert "partial" in kinds(checkpoint)
    assert_same(checkpoint.tensors["a"], torch.arange(12.0))
    with pytest.raises(MissingBytes):
        checkpoint.tensors["z"].codes()


def test_a_storage_cut_off_is_told_and_those_before_it_are_read(tmp_path: Path) -> None:
    value = {key: View(storage(key, 12), 0, (12,), (1,)) for key in ("1", "2")}
    path = written(tmp_path / "m.pth", value, {"1": FLOATS, "2": FLOATS})
    path.write_bytes(path.read_bytes()[:-5])
    checkpoint = open_checkpoint(path)
    assert kinds(checkpoint) == {"partial", "out_of_bounds"}
    assert_same(checkpoint.tensors["1"], torch.arange(12.0))
    with pytest.raises(MissingBytes):
        checkpoint.tensors["2"].codes()


def test_a_huge_count_in_front_of_a_cut_end_is_no_harm(tmp_path: Path) -> None:
    huge = opcodes.number(2**63 - 1)
    call = opcodes.named("torch._utils", "_rebuild_tensor_v2")
    identity = opcodes.tuple_of(
        opcodes.text("storage"), opcodes.named("torch", "DoubleStorage"), opcodes.text("0"), opcodes.text("cpu"), huge
    )
    size = opcodes.tuple_of(opcodes.number(4))
    args = opcodes.tuple_of(
        identity + b"Q", opcodes.number(0), size, opcodes.tuple_of(opcodes.number(1)), b"\x89", b"}"
    )
    path = tmp_path / "m.pth"
    torch_legacy(path, b"\x80\x02" + opcodes.dict_of(opcodes.text("w"), call + args + b"R") + b".", keys=b"\x80\x02]")
    path.write_bytes(path.read_bytes().split(FOUR_FLOATS)[0][:-8])
    checkpoint = open_checkpoint(path)
    assert "partial" in kinds(checkpoint)
    assert checkpoint.tensors["w"].shape == (4,)
    with pytest.raises(MissingBytes):
        checkpoint.tensors["w"].codes()


@pytest.mark.parametrize("keys", [b"\x80\x02}.", b"\x80\x02](]]e.", b"\x80\x02](NK\x05e.", b"\x80\x02]."])
def test_a_list_of_keys_that_is_none_leaves_the_tensors_listed(tmp_path: Path, keys: bytes) -> None:
    path = tmp_path / "m.pth"
    content = saved(path, {"w": WEIGHT}, legacy=True).read_bytes()
    found = content.rfind(b"\x80\x02]")
    path.write_bytes(content[:found] + keys)
    checkpoint = open_checkpoint(path)
    assert "partial" in kinds(checkpoint)
    assert checkpoint.tensors["w"].shape == (3, 4)


def test_a_file_from_a_big_endian_machine_is_little_endian_all_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pth", {"w": WEIGHT}, legacy=True)
    little = b"X\r\0\0\0little_endianq\2\x88"
    content = path.read_bytes()
    assert content.count(little) == 1
    path.write_bytes(content.replace(little, little[:-1] + b"\x89"))
    checkpoint = open_checkpoint(path)
    assert [(problem.kind, problem.severity) for problem in checkpoint.problems] == [("irregular", "info")]
    assert_same(checkpoint.tensors["w"], torch.load(path)["w"])


def test_a_file_that_ends_before_its_object_is_damaged(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pth", {"w": WEIGHT}, legacy=True)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(Damaged, match=r"m\.pth"):
        open_checkpoint(path)


def test_a_saved_slice_counts_the_bytes_that_nothing_shows(tmp_path: Path) -> None:
    checkpoint = reopened(tmp_path / "m.pth", {"slice": torch.arange(1000.0)[10:20]}, legacy=True)
    assert checkpoint.description.unshown_bytes == 4 * 990


# -- whole modules carry their source ----------------------------------------------------------


class Scaled(torch.nn.Module):
    """A module whose source goes into the file, and must not run from there."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 3)
        self.scale = torch.nn.Parameter(torch.ones(1) * 2)


def test_whole_modules_show_the_source_of_their_classes(tmp_path: Path) -> None:
    model = Scaled()
    checkpoint = reopened(tmp_path / "m.pth", model, legacy=True)
    assert checkpoint.format == "torch legacy"
    for name, tensor in model.state_dict(keep_vars=True).items():
        assert_same(checkpoint.tensors[name], tensor)
    assert list(checkpoint.tensors) == list(model.state_dict())
    names = [entry.name for entry in checkpoint.description.texts]
    assert names == [f"{__name__}.Scaled.py", "torch.nn.modules.linear.Linear.py"]
    assert text_of(checkpoint, names[0]) == inspect.getsource(Scaled)
    assert text_of(checkpoint, names[1]) == inspect.getsource(torch.nn.Linear)


def test_source_that_would_run_is_only_text(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pth", Scaled(), legacy=True)
    source = inspect.getsource(Scaled).encode()
    evil = b"raise SystemExit('run')".ljust(len(source))
    path.write_bytes(path.read_bytes().replace(source, evil))
    checkpoint = open_checkpoint(path)
    assert text_of(checkpoint, f"{__name__}.Scaled.py").encode() == evil
    assert len(checkpoint.tensors) == 3
