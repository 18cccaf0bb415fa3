"""The fast path through runs of tensors gives what the slow one gives, whatever the file."""

from __future__ import annotations

import random
import struct
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

from sdviewer.checkpoint.document import Description
from sdviewer.errors import CannotOpen
from sdviewer.formats import tensor_run, torch_pickle
from sdviewer.formats.opening import describe
from sdviewer.formats.tensor_run import TensorRun
from tests.helpers.torch_archives import edited, entries_of
from tests.helpers.torch_oracle import saved


@pytest.fixture(autouse=True)
def many_are_tried_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files have few tensors: as many as can be are read at once, in few bytes at first."""
    monkeypatch.setattr(tensor_run, "_ONE_BY_ONE", 1)
    monkeypatch.setattr(tensor_run, "_FIRST_LOOK", 512)


class _Slow(TensorRun):
    def __call__(self, machine: Any, position: int) -> int:
        del machine
        return position


@contextmanager
def without_the_fast_path() -> Iterator[None]:
    with patch.object(torch_pickle, "TensorRun", _Slow):
        yield


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many tensors each run of the fast path read."""
    runs: list[int] = []

    class Counting(TensorRun):
        def __call__(self, machine: Any, position: int) -> int:
            before = len(self._builder.dtype)
            end = super().__call__(machine, position)
            runs.append(len(self._builder.dtype) - before)
            return end

    with patch.object(torch_pickle, "TensorRun", Counting):
        yield runs


def facts(description: Description) -> dict[str, Any]:
    """All that a description says, as values that can be compared."""
    table, structure = description.tensors, description.structure
    storages = table.storages
    return {
        "tensors": [
            (table.name[row], table.dtype_name(row), table.shape_of(row), table.stride_of(row), table.extra_of(row))
            for row in range(len(table))
        ],
        "places": [column.tolist() for column in (table.storage, table.offset, table.flags)],
        "storages": [
            storages.key.tolist(),
            *(column.tolist() for column in (storages.source, storages.offset, storages.nbytes, storages.encoding)),
        ],
        "structure": [
            structure.part.tolist(),
            *(column.tolist() for column in (structure.kind, structure.parent, structure.end, structure.ref)),
            structure.values.tolist(),
            structure.plain_keys,
        ],
        "problems": description.problems,
        "globals": description.globals,
        "rest": (description.duplicates, description.module_versions, description.unshown_bytes, description.root),
    }


def found(path: Path) -> dict[str, Any] | str:
    """The facts of a file, or the error that it gives."""
    try:
        return facts(describe(path)[0])
    except CannotOpen as error:
        return f"{type(error).__name__}: {error}"


def assert_both_ways_agree(path: Path) -> dict[str, Any] | str:
    fast = found(path)
    with without_the_fast_path():
        slow = found(path)
    assert fast == slow
    return fast


SHAPES = ((), (7,), (2, 3), (3, 2, 2), (2, 2, 2, 2), (300, 2), (0,), (1, 1, 1, 1, 70))
DTYPES = (torch.float32, torch.bfloat16, torch.int64)


def many(count: int) -> dict[str, torch.Tensor]:
    """Tensors of changing names, dtypes, forms and offsets; one in ten shares the storage of others."""
    shared = torch.zeros(100)
    tensors = {}
    for i in range(count):
        shape = torch.Size(SHAPES[i % len(SHAPES)])
        own = torch.zeros(shape.numel() + i % 3, dtype=DTYPES[i % 3])[i % 3 :].view(shape)
        name = f"layers.{i}.{'w' * (i % 20)}é"
        tensors[name] = shared[i % 100 :] if i % 10 == 9 else own.t() if len(shape) == 2 and i % 4 else own
    tensors["wide"] = torch.zeros(1).expand(70_000)
    tensors["grad"] = torch.zeros(3, requires_grad=True)
    return tensors


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_thousands_of_tensors_are_read_alike_and_nearly_all_by_the_fast_path(tmp_path: Path, *, legacy: bool) -> None:
    tensors = many(3000)
    path = saved(tmp_path / "m.pt", tensors, legacy=legacy)
    assert isinstance(assert_both_ways_agree(path), dict)
    with counted() as runs:
        describe(path)
    # The first few have short memo entries and go slowly.
    assert sum(runs) > 2600


def taken_at_once(path: Path) -> int:
    """How many tensors of the file were read together with others."""
    taken = []
    take = TensorRun._take

    def counting(self: TensorRun, machine: Any, found: Any) -> int:
        taken.append(take(self, machine, found))
        return taken[-1]

    with patch.object(TensorRun, "_take", counting):
        describe(path)
    return sum(taken)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_tensors_with_storages_of_their_own_are_read_many_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, legacy: bool
) -> None:
    monkeypatch.undo()
    # The memo entries of the first ones are short, and the last one has no key behind it.
    shapes = [shape for shape in SHAPES if len(shape) != 5]
    tensors = {
        f"layers.{i}.{'w' * (i % 20)}é": torch.zeros(shapes[i % len(shapes)], dtype=DTYPES[i % 3]) for i in range(3000)
    }
    path = saved(tmp_path / "m.pt", tensors, legacy=legacy)
    assert isinstance(assert_both_ways_agree(path), dict)
    assert taken_at_once(path) > 2900


def test_batches_of_entries_without_a_mapping_are_read_alike(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", many(1100))
    data = data_pickle(path)
    mark = data.index(b"(X")
    end = data.index(b"u(X")
    for edit in (data[:mark] + data[mark + 1 :], b"\x80\x02" + data[mark:], data[:end] + b"0" + data[end:]):
        edited(path, {"data.pkl": edit})
        assert_both_ways_agree(path)


IRREGULAR: dict[str, Any] = {
    "a nested dict": {"deeper": {"w": torch.zeros(2)}},
    "a list": [torch.zeros(1), torch.ones(1)],
    "a number": 5,
    "a parameter": torch.nn.Parameter(torch.zeros(2)),
    "a conjugated view": torch.zeros(2, dtype=torch.complex64).conj(),
    "a dtype without a class": torch.zeros(2, dtype=torch.uint16),
    "a quantised tensor": torch.zeros(0),
    "a sparse tensor": torch.eye(2).to_sparse(),
    "an ordered dict": OrderedDict(w=torch.zeros(1)),
    "a text": "x" * 3000,
    "an object": torch.device("cpu"),
    "an empty tensor": torch.zeros(3, 0),
    "a large offset": torch.zeros(70_000)[69_990:],
}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("name", IRREGULAR)
def test_what_breaks_the_pattern_in_the_middle_is_read_alike(tmp_path: Path, name: str) -> None:
    tensors: dict[Any, Any] = dict(many(150))
    tensors[name] = IRREGULAR[name]
    tensors |= {f"behind.{key}": value for key, value in many(150).items()}
    tensors["again"] = IRREGULAR[name]
    path = saved(tmp_path / "m.pt", tensors)
    assert isinstance(assert_both_ways_agree(path), dict)
    with counted() as runs:
        describe(path)
    assert sum(runs) > 200


@pytest.mark.parametrize("key", ["", "k" * 300, "k" * 70_000, "\ud800", 5, None, ("a", 1), b"bytes"])
def test_odd_keys_are_read_alike(tmp_path: Path, key: Any) -> None:
    tensors: dict[Any, torch.Tensor] = {**many(80), key: torch.zeros(2), **{f"z{k}": t for k, t in many(80).items()}}
    assert isinstance(assert_both_ways_agree(saved(tmp_path / "m.pt", tensors)), dict)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_is_read_alike(tmp_path: Path, protocol: int) -> None:
    assert isinstance(assert_both_ways_agree(saved(tmp_path / "m.pt", many(200), protocol=protocol)), dict)


def test_whole_modules_are_read_alike(tmp_path: Path) -> None:
    model = torch.nn.Sequential(*(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()) for _ in range(30)))
    assert isinstance(assert_both_ways_agree(saved(tmp_path / "m.pt", model)), dict)


# -- pickles that no pickler wrote -------------------------------------------------------------


def data_pickle(path: Path) -> bytes:
    return next(raw for name, raw in entries_of(path) if name.endswith("data.pkl"))


def test_a_memo_entry_that_the_fast_path_left_out_is_found_after_all(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", many(300))
    data = data_pickle(path)
    assert data.endswith(b"u.")
    last = max(struct.unpack("<I", data[at + 1 : at + 5])[0] for at in range(len(data) - 5) if data[at] == ord("r"))
    for index in range(900, 1000, 23):
        assert index < last
        extra = b"X\5\0\0\0extraj" + struct.pack("<I", index)
        edited(path, {"data.pkl": data[:-2] + extra + b"u."})
        told = assert_both_ways_agree(path)
        assert isinstance(told, dict)
        assert "extra" in told["structure"][0]


def test_a_memo_that_is_rewritten_is_read_alike(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.pt", many(100))
    data = data_pickle(path)
    middle = data.index(b"layers.50.") - 5
    # Puts a new value under a number that the tensors before it used, then another under one still to come.
    for index in (0, 3, 5, 300, 100_000):
        rewritten = b"N" + b"r" + struct.pack("<I", index) + b"0"
        edited(path, {"data.pkl": data[:middle] + rewritten + data[middle:]})
        assert_both_ways_agree(path)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_pickles_are_read_alike(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  # a reproducible test, no secret
    path = saved(tmp_path / "m.pt", many(100))
    data = data_pickle(path)
    for turn in range(25):
        damaged = bytearray(data)
        for _ in range(draw.randint(1, 3)):
            # The first half has short memo entries.
            at = draw.randrange(len(data) // 2 if turn % 2 else 0, len(data) - 3)
            if draw.random() < 0.5:
                damaged[at] = draw.choice(b"()RtQ\x85\x86\x87h.jqrKMJXN0u}]\x88\x89\x00\xff\x01")
            elif draw.random() < 0.5:
                del damaged[at]
            else:
                damaged.insert(at, draw.choice(b"(N0.\x01K"))
        edited(path, {"data.pkl": bytes(damaged)})
        assert_both_ways_agree(path)
