"""An index is believed only as far as it makes sense, and never leads out of its folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.errors import Damaged, FileMissing, LimitExceeded, NotACheckpoint
from sdviewer.formats import opening, shard_index
from tests.helpers.shards import INDEX, ONE, TWO, all_of, assert_holds, statuses, two_shards, write


@pytest.mark.parametrize(
    "name",
    [
        "../secret.safetensors",
        "sub/secret.safetensors",
        "",
        "..",
        ".",
        "a\0b",
        "..\\secret.safetensors",
        "c:x",
    ],
)
def test_a_name_that_leaves_the_folder_is_not_opened(tmp_path: Path, name: str) -> None:
    safetensors.torch.save_file({"secret": torch.ones(1)}, tmp_path / "secret.safetensors")
    folder = write(tmp_path / "folder", two_shards(), secret=name)
    (folder / "sub").mkdir()
    shutil.copy(tmp_path / "secret.safetensors", folder / "sub")
    checkpoint = sdviewer.open(folder)
    assert_holds(checkpoint, all_of(two_shards()))
    assert statuses(checkpoint)[name] == "missing"
    assert any(problem.severity == "error" and repr(name) in problem.message for problem in checkpoint.problems)


def test_a_name_longer_than_any_file_has_is_not_opened_and_cut_in_what_is_told(tmp_path: Path) -> None:
    checkpoint = sdviewer.open(write(tmp_path, two_shards(), long="x" * 1_000_000))
    assert_holds(checkpoint, all_of(two_shards()))
    assert statuses(checkpoint)["x" * 1_000_000] == "missing"
    assert all(len(problem.message) < 1_000 for problem in checkpoint.problems)


def test_an_absolute_name_is_not_opened(tmp_path: Path) -> None:
    safetensors.torch.save_file({"secret": torch.ones(1)}, tmp_path / "secret.safetensors")
    folder = write(tmp_path / "folder", two_shards(), secret=str(tmp_path / "secret.safetensors"))
    assert "secret" not in sdviewer.open(folder).tensors


DEEP = b'{"' + b"a" * 30 + b'":'
BROKEN = {
    "no JSON": b'{"weight_map": {"a": ',
    "empty": b"",
    "not an object": b"[1, 2]",
    "no weight_map": b'{"metadata": {}}',
    "a list as weight_map": b'{"weight_map": ["a"]}',
    "values that are no names": b'{"weight_map": {"a": 3}}',
    "nested values": b'{"weight_map": {"a": {"b": "c"}}}',
    "nested deeply": b'{"weight_map": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested as deeply as Python goes": b'{"weight_map": ' + DEEP * 3_000 + b"1" + b"}" * 3_001,
    "no UTF-8": b'{"weight_map": {"\xff": "a"}}',
    "a number without end": b'{"weight_map": {}, "x": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_shards_of_a_broken_index_are_found_by_their_names(tmp_path: Path, broken: str) -> None:
    write(tmp_path, two_shards())
    (tmp_path / INDEX).write_bytes(BROKEN[broken])
    for path in (tmp_path, tmp_path / INDEX):
        checkpoint = opening.open_checkpoint(path)
        assert dict.fromkeys(checkpoint.tensors) == dict.fromkeys(["a", "embed", "b", "head"])
        assert statuses(checkpoint) == {ONE: "ok", TWO: "ok"}
        (problem,) = checkpoint.problems
        assert (problem.severity, problem.where) == ("error", str(tmp_path / INDEX))
        assert "index" in problem.message


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_index_alone_is_an_error_that_names_it(tmp_path: Path, broken: str) -> None:
    (tmp_path / INDEX).write_bytes(BROKEN[broken])
    for path in (tmp_path, tmp_path / INDEX):
        with pytest.raises(Damaged, match="no index of shards") as caught:
            opening.open_checkpoint(path)
        assert caught.value.file == str(tmp_path / INDEX)


def test_an_index_that_lists_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text('{"weight_map": {}}')
    with pytest.raises(NotACheckpoint, match="lists no tensors"):
        sdviewer.open(tmp_path)


def test_an_index_larger_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_index, "_LARGEST", 10)
    (tmp_path / INDEX).write_text('{"weight_map": {}}')
    with pytest.raises(LimitExceeded):
        sdviewer.open(tmp_path)


def test_an_index_that_names_more_files_than_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {f"w{number}": f"f{number}" for number in range(10_001)}}))
    with pytest.raises(Damaged, match="names 10,001 files"):
        sdviewer.open(tmp_path)


def test_an_index_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing) as caught:
        sdviewer.open(tmp_path / "nowhere" / INDEX)
    assert caught.value.file == str(tmp_path / "nowhere" / INDEX)


def test_a_name_that_stands_twice_in_the_index_is_told(tmp_path: Path) -> None:
    write(tmp_path, {ONE: {"a": torch.ones(1)}}, index=None)
    (tmp_path / INDEX).write_text(f'{{"weight_map": {{"a": "gone", "a": "{ONE}"}}}}')
    checkpoint = sdviewer.open(tmp_path)
    assert list(checkpoint.tensors) == ["a"]
    assert "1 names twice" in checkpoint.problems[0].message
