"""Whatever an index and its shards disagree on is told, in both directions, and the rest is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.facts import has_findings
from sdviewer.errors import Damaged, FileMissing
from tests.helpers.shards import INDEX, ONE, TWO, all_of, assert_holds, found, loaded_by, statuses, two_shards, write


def test_a_missing_shard_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    (tmp_path / ONE).unlink()
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, two_shards()[TWO])
    assert statuses(checkpoint) == {ONE: "missing", TWO: "ok"}
    (problem,) = found(checkpoint, "missing")
    assert (problem.severity, problem.where) == ("error", ONE)
    assert "1 of 2 shards is missing, with 2 tensors" in problem.message
    assert has_findings(checkpoint)


def test_an_index_without_any_of_its_shards_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    (tmp_path / ONE).unlink()
    (tmp_path / TWO).unlink()
    for path in (tmp_path, tmp_path / INDEX):
        with pytest.raises(FileMissing, match="none of its 2 shards is there"):
            sdviewer.open(path)


def test_a_tensor_that_no_shard_holds_is_missing(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), lost=TWO)
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, all_of(two_shards()))
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.severity, problem.where) == ("missing", "error", f"{TWO}: lost")
    assert has_findings(checkpoint)


def test_a_tensor_that_the_index_does_not_list_is_shown_last(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), embed=None)
    checkpoint = sdviewer.open(tmp_path)
    expected = all_of(two_shards())
    expected["embed"] = expected.pop("embed")
    assert_holds(checkpoint, expected)
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.severity, problem.where) == ("extra", "warning", f"{ONE}: embed")
    assert not has_findings(checkpoint)


def test_a_tensor_listed_in_another_shard_is_shown_where_it_is(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), embed=TWO)
    checkpoint = sdviewer.open(tmp_path)
    assert torch.equal(checkpoint.tensors["embed"].torch(), two_shards()[ONE]["embed"])
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.severity, problem.where) == ("irregular", "warning", "embed")
    assert f"in {ONE}, listed in {TWO}" in problem.message
    assert [shard.tensors for shard in checkpoint.shards] == [2, 2]


@pytest.mark.parametrize("listed", [ONE, TWO])
def test_of_a_tensor_in_two_shards_the_index_chooses(tmp_path: Path, listed: str) -> None:
    shards = two_shards()
    shards[ONE]["twice"], shards[TWO]["twice"] = torch.ones(2), torch.zeros(5)
    write(tmp_path, shards, twice=listed)
    checkpoint = sdviewer.open(tmp_path)
    assert torch.equal(checkpoint.tensors["twice"].torch(), shards[listed]["twice"])
    assert len(checkpoint.tensors) == 5
    assert [(item.name, item.where) for item in checkpoint.duplicates] == [("twice", TWO if listed == ONE else ONE)]
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.where) == ("duplicate", "twice")
    assert has_findings(checkpoint)
    hidden = shards[TWO if listed == ONE else ONE]["twice"]
    assert checkpoint.description.unshown_bytes == hidden.nbytes


def test_without_an_index_the_last_of_two_wins_as_in_the_torch_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = two_shards()
    shards[ONE]["twice"], shards[TWO]["twice"] = torch.ones(2), torch.zeros(5)
    checkpoint = sdviewer.open(write(tmp_path, shards, index=None))
    monkeypatch.chdir(tmp_path)
    loaded = loaded_by(checkpoint.description.torch_lines)
    assert loaded.keys() == set(checkpoint.tensors)
    for name, tensor in loaded.items():
        assert torch.equal(checkpoint.tensors[name].torch(), tensor)


def test_a_file_called_like_a_shard_that_the_index_does_not_name_is_extra_and_not_shown(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    safetensors.torch.save_file({"old": torch.ones(1)}, tmp_path / "model-00003-of-00003.safetensors")
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, all_of(two_shards()))
    assert statuses(checkpoint) == {ONE: "ok", TWO: "ok", "model-00003-of-00003.safetensors": "extra"}
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.severity) == ("extra", "warning")
    assert not has_findings(checkpoint)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_a_truncated_shard_is_told_and_all_other_tensors_can_be_read(tmp_path: Path, suffix: str) -> None:
    names = [f"m-0000{number}-of-00002.{suffix}" for number in (1, 2)]
    shards = {names[0]: {"a": torch.randn(64), "b": torch.randn(64)}, names[1]: {"c": torch.randn(64)}}
    write(tmp_path, shards, f"m.{suffix}.index.json")
    whole = (tmp_path / names[0]).read_bytes()
    (tmp_path / names[0]).write_bytes(whole[:-100] if suffix == "safetensors" else whole[: len(whole) // 2])
    checkpoint = sdviewer.open(tmp_path)
    assert statuses(checkpoint) == {names[0]: "truncated", names[1]: "ok"}
    assert list(checkpoint.tensors) == ["a", "b", "c"]
    assert torch.equal(checkpoint.tensors["c"].torch(), shards[names[1]]["c"])
    assert any(names[0] in problem.where for problem in found(checkpoint, "partial"))
    assert has_findings(checkpoint)


def test_a_shard_that_is_no_checkpoint_is_unreadable_and_the_others_are_shown(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    (tmp_path / ONE).write_bytes(b"<html>404</html>" * 10)
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, two_shards()[TWO])
    assert statuses(checkpoint) == {ONE: "unreadable", TWO: "ok"}
    assert [problem.where for problem in found(checkpoint, "partial")] == [ONE]
    assert has_findings(checkpoint)


def test_shards_none_of_which_can_be_read_are_an_error_that_names_one(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    for file in (ONE, TWO):
        (tmp_path / file).write_bytes(b"")
    with pytest.raises(Damaged, match=ONE):
        sdviewer.open(tmp_path)


def test_problems_and_duplicates_of_a_shard_name_its_file(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    header = json.dumps({"x": {"dtype": "NEW", "shape": [1], "data_offsets": [0, 1]}}).encode()
    (tmp_path / TWO).write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    (problem,) = found(sdviewer.open(tmp_path), "unknown_dtype")
    assert TWO in problem.where


def test_a_total_size_that_is_not_the_sum_is_mentioned(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), index=None)
    weight_map = {name: file for file, tensors in two_shards().items() for name in tensors}
    for total, expected in ((123, ["irregular"]), (sum(t.nbytes for t in all_of(two_shards()).values()), [])):
        text = json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map})
        (tmp_path / INDEX).write_text(text)
        checkpoint = sdviewer.open(tmp_path)
        assert [problem.kind for problem in checkpoint.problems] == expected
        assert not has_findings(checkpoint)


def test_a_tied_tensor_may_count_once_or_twice_in_the_total_size(tmp_path: Path) -> None:
    tied = torch.randn(4)
    write(tmp_path, {"m-1-of-1.bin": {"a": tied, "b": tied}}, index=None)
    for total in (16, 32):
        text = json.dumps({"metadata": {"total_size": total}, "weight_map": dict.fromkeys("ab", "m-1-of-1.bin")})
        (tmp_path / "m.bin.index.json").write_text(text)
        assert sdviewer.open(tmp_path).problems == ()
