"""Arrays of Python objects: the pickle behind a header is shown, and nothing in it is run."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdviewer
from sdviewer.errors import LimitExceeded
from sdviewer.formats import inert_pickle, numpy_files
from tests.helpers.containers import object_npy
from tests.helpers.npy import archive, kinds, opened


def test_a_saved_dict_of_arrays_is_a_state_dict(tmp_path: Path) -> None:
    weights = {"conv.weight": np.arange(6.0, dtype="<f4").reshape(2, 3), "conv.bias": np.arange(2)}
    np.save(tmp_path / "model.npy", np.array(weights), allow_pickle=True)
    checkpoint = sdviewer.open(tmp_path / "model.npy")
    assert (checkpoint.format, list(checkpoint.tensors)) == ("npy", list(weights))
    for name, array in weights.items():
        np.testing.assert_array_equal(checkpoint.tensors[name].numpy(), array)
    assert "numpy.ndarray" in [use.name for use in checkpoint.globals]
    assert "allow_pickle=True" in checkpoint.description.torch_lines[-1]


def test_objects_in_a_shape_are_lists_inside_lists(tmp_path: Path) -> None:
    objects = np.empty((2, 3), object)
    for index in np.ndindex(2, 3):
        objects[index] = np.array(index)
    for order in ("C", "F"):
        np.save(tmp_path / "array.npy", np.asarray(objects, order=order), allow_pickle=True)
        checkpoint = sdviewer.open(tmp_path / "array.npy")
        assert {ref.path: tuple(ref.numpy()) for ref in checkpoint.tensors.values()} == {
            index: index for index in np.ndindex(2, 3)
        }


def test_records_that_hold_objects_are_read_as_pickles_too(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.array([(1, {"k": 2})], [("a", "i4"), ("b", "O")]), allow_pickle=True)
    checkpoint = sdviewer.open(tmp_path / "array.npy")
    assert len(checkpoint.tensors) == 0
    assert len(checkpoint.description.structure) > 1


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_objects_that_run_something_are_named_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    np.save(tmp_path / "evil.npy", np.array({"w": np.ones(2), "x": _Evil(marker)}), allow_pickle=True)
    np.savez(tmp_path / "evil.npz", good=np.ones(3), evil=np.array(_Evil(marker)))
    for name, tensors in (("evil.npy", ["w"]), ("evil.npz", ["good"])):
        checkpoint = sdviewer.open(tmp_path / name)
        assert list(checkpoint.tensors) == tensors
        assert "dangerous_global" in [problem.kind for problem in checkpoint.problems]
        assert checkpoint.description.torch_lines[0].startswith("# do not load this file")
    assert not marker.exists()


def test_objects_among_the_arrays_of_an_archive_stand_in_its_order(tmp_path: Path) -> None:
    inner = np.array({"w/1": np.arange(2), "list": [np.arange(3), "text"]})
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "mixed.npz", first=np.ones(2), objects=inner, last=np.zeros(1), number=np.array(7, object))
        checkpoint = sdviewer.open(tmp_path / "mixed.npz")
        assert (checkpoint.format, kinds(checkpoint)) == ("npz", [])
        assert {ref.path: ref.numpy().tolist() for ref in checkpoint.tensors.values()} == {
            ("first",): [1, 1],
            ("objects", "w/1"): [0, 1],
            ("objects", "list", 0): [0, 1, 2],
            ("last",): [0],
        }
        assert [ref.path[0] for ref in checkpoint.tensors.values()] == ["first", "objects", "objects", "last"]


def test_compressed_objects_beyond_the_limit_are_told_and_the_rest_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_files, "_MOST_INFLATED", 100_000)
    np.savez_compressed(tmp_path / "a.npz", objects=np.array({"w": np.zeros(20_000)}), plain=np.arange(3))
    checkpoint = sdviewer.open(tmp_path / "a.npz")
    assert list(checkpoint.tensors) == ["plain"]
    assert [(problem.kind, problem.where) for problem in checkpoint.problems] == [("partial", "objects")]
    np.savez_compressed(tmp_path / "b.npz", objects=np.array({"w": np.zeros(20_000)}))
    with pytest.raises(LimitExceeded, match=r"b\.npz: objects\.npy"):
        sdviewer.open(tmp_path / "b.npz")


def test_all_objects_of_an_archive_share_one_budget_of_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "STEPS", 200_000)
    for steps, count in ((100_000, 6), (1_000, 500)):
        busy = object_npy(b"\x80\x02" + b"N0" * (steps // 2) + b"K\x07.")
        assert kinds(opened(tmp_path, busy)) == []
        path = archive(tmp_path / "busy.npz", [(f"{i}.npy", busy) for i in range(count)], zipfile.ZIP_DEFLATED)
        assert "partial" in kinds(sdviewer.open(path))
