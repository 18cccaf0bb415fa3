"""Sharded checkpoints are shown as one, and whatever index and shards disagree on is told in both directions."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.cli.facts import has_findings
from sdviewer.cli.main import run
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotOpen, Damaged, FileMissing, LimitExceeded, NotACheckpoint
from sdviewer.formats import files, opening, shard_index, sharded
from sdviewer.formats.shard_names import Family, ShardName, is_index, is_plain_name, parse_shard
from sdviewer.processes import limits

Tensors = Mapping[str, torch.Tensor]

ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")


def write(folder: Path, shards: Mapping[str, Any], index: str | None = INDEX, **changes: str | None) -> Path:
    """Shards in a folder, and the index that lists their tensors.

    `changes` make it lie: name → the file that it says, None for a name that it leaves out.
    """
    folder.mkdir(exist_ok=True)
    listed: dict[str, str] = {}
    for file, content in shards.items():
        if file.endswith(".safetensors"):
            safetensors.torch.save_file(dict(content), folder / file, metadata={"format": "pt"})
        else:
            torch.save(content, folder / file)
        listed.update(dict.fromkeys(content, file))
    for name, said in changes.items():
        listed.pop(name, None)
        if said is not None:
            listed[name] = said
    if index is not None:
        (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    return folder


def two_shards() -> dict[str, dict[str, torch.Tensor]]:
    return {
        ONE: {"embed": torch.arange(12.0).reshape(3, 4), "a": torch.ones(2, dtype=torch.bfloat16)},
        TWO: {"b": torch.tensor([1, 2, 3]), "head": torch.full((4, 1), 0.5)},
    }


def all_of(shards: Mapping[str, Tensors]) -> dict[str, torch.Tensor]:
    return {name: tensor for tensors in shards.values() for name, tensor in tensors.items()}


def assert_holds(checkpoint: Checkpoint, expected: Tensors) -> None:
    """The checkpoint has these tensors in this order, with torch's values."""
    assert list(checkpoint.tensors) == list(expected)
    for name, tensor in expected.items():
        assert torch.equal(checkpoint.tensors[name].torch(), tensor), name


def found(checkpoint: Checkpoint, kind: str) -> list[Problem]:
    return [problem for problem in checkpoint.problems if problem.kind == kind]


def statuses(checkpoint: Checkpoint) -> dict[str, str]:
    return {shard.file: shard.status for shard in checkpoint.shards}


# -- sound ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["folder", "index"])
@pytest.mark.parametrize("where", ["here", "in the reader process"])
def test_a_folder_and_its_index_open_as_one_checkpoint(
    tmp_path: Path, by: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "in the reader process":
        monkeypatch.setattr(limits, "LARGE_DESCRIPTION", -1)
    shards = two_shards()
    write(tmp_path, shards)
    checkpoint = sdviewer.open(tmp_path if by == "folder" else tmp_path / INDEX)
    assert_holds(checkpoint, all_of(shards))
    assert checkpoint.format == "sharded safetensors"
    assert checkpoint.problems == ()
    assert [(shard.file, shard.tensors, shard.status) for shard in checkpoint.shards] == [
        (ONE, 2, "ok"),
        (TWO, 2, "ok"),
    ]
    assert [shard.nbytes for shard in checkpoint.shards] == [(tmp_path / file).stat().st_size for file in shards]
    assert checkpoint.file_bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert list(checkpoint.sections["model"].tensors) == list(all_of(shards))
    assert checkpoint.description.part_of == ""


def test_tensors_stand_in_the_order_of_the_index_and_keep_their_values(tmp_path: Path) -> None:
    shards = two_shards()
    write(tmp_path, shards, index=None)
    order = ["head", "a", "b", "embed"]
    weight_map = {name: next(file for file, tensors in shards.items() if name in tensors) for name in order}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    assert_holds(sdviewer.open(tmp_path), {name: all_of(shards)[name] for name in order})


def test_shards_of_torch_keep_ties_versions_and_scalars(tmp_path: Path) -> None:
    tied = torch.randn(3, 3)
    module = torch.nn.BatchNorm1d(3).state_dict()
    first: dict[str, Any] = {"embed": tied, "head": tied.t()}
    write(
        tmp_path,
        {"pytorch_model-00001-of-00002.bin": first, "pytorch_model-00002-of-00002.bin": module},
        "pytorch_model.bin.index.json",
    )
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, {**first, **module})
    assert checkpoint.format == "sharded torch"
    assert checkpoint.problems == ()
    table = checkpoint.table
    assert table.storage[0] == table.storage[1] != table.storage[2]
    assert [(item.node, item.prefix, item.version) for item in checkpoint.description.module_versions] == [(0, "", 2)]


def test_components_of_sparse_tensors_stay_theirs_when_rows_move(tmp_path: Path) -> None:
    sparse = torch.eye(3).to_sparse()
    shards = {"m-1-of-2.bin": {"s": sparse, "a": torch.ones(1)}, "m-2-of-2.bin": {"t": 2 * sparse}}
    write(tmp_path, shards, index=None)
    weight_map = {"t": "m-2-of-2.bin", "a": "m-1-of-2.bin", "s": "m-1-of-2.bin"}
    (tmp_path / "m.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    checkpoint = sdviewer.open(tmp_path)
    assert list(checkpoint.tensors) == ["t", "a", "s"]
    for name, expected in (("t", 2 * sparse), ("s", sparse)):
        assert torch.equal(checkpoint.tensors[name].torch().to_dense(), expected.to_dense())


def test_shards_of_both_formats_open_together(tmp_path: Path) -> None:
    shards = {"m-00001-of-00002.safetensors": {"a": torch.ones(2)}, "m-00002-of-00002.bin": {"b": torch.zeros(3)}}
    write(tmp_path, shards, "m.index.json")
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, all_of(shards))
    assert checkpoint.format == "sharded safetensors"


def test_keys_that_a_path_would_escape_stay_plain(tmp_path: Path) -> None:
    shards = {ONE: {"a/b": torch.ones(1), "~x": torch.zeros(1)}, TWO: {"[0]": torch.ones(2), "ключ": torch.ones(3)}}
    write(tmp_path, shards)
    assert_holds(sdviewer.open(tmp_path), all_of(shards))


def test_notes_of_shards_are_told_once_and_the_index_tells_its_own(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), index=None)
    weight_map = {name: file for file, tensors in two_shards().items() for name in tensors}
    size = sum(tensor.nbytes for tensor in all_of(two_shards()).values())
    facts = {"total_size": size, "by": {"tool": "x", "parts": [1, {"deep": None}]}}
    (tmp_path / INDEX).write_text(json.dumps({"metadata": facts, "weight_map": weight_map}))
    checkpoint = sdviewer.open(tmp_path)
    assert metadata_of(checkpoint.description) == {"__metadata__": {"format": "pt"}, "metadata": facts}
    assert checkpoint.problems == ()


def test_notes_that_differ_between_shards_are_all_told(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    safetensors.torch.save_file({"b": torch.ones(1), "head": torch.ones(1)}, tmp_path / TWO, metadata={"format": "mlx"})
    assert metadata_of(sdviewer.open(tmp_path).description) == {
        "__metadata__": {"format": "pt"},
        f"__metadata__ ({TWO})": {"format": "mlx"},
    }


def test_shards_that_are_no_state_dicts_list_all_their_tensors_under_distinct_names(tmp_path: Path) -> None:
    nested = {
        "m-1-of-3.pt": {"model": {"w": torch.ones(1)}},
        "m-2-of-3.pt": {"model": {"w": torch.ones(2)}},
        "m-3-of-3.pt": {"a/b": torch.ones(3)},
    }
    write(tmp_path, nested, index=None)
    checkpoint = sdviewer.open(tmp_path)
    assert [(name, ref.shape) for name, ref in checkpoint.tensors.items()] == [
        ("m-1-of-3.pt/model/w", (1,)),
        ("m-2-of-3.pt/model/w", (2,)),
        ("a~1b", (3,)),
    ]


def loaded_by(lines: tuple[str, ...]) -> dict[str, torch.Tensor]:
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)  # noqa: S102  # our own lines, which a user copies
    return dict(scope["checkpoint"])


@pytest.mark.parametrize("kind", ["few", "many of torch", "many of safetensors", "of both formats"])
def test_the_torch_lines_load_what_is_shown(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    suffixes = {"few": "bin", "many of torch": "bin"}
    names = [f"m-{n:05d}-of-00006.{suffixes.get(kind, 'safetensors')}" for n in range(1, 3 if kind == "few" else 7)]
    if kind == "of both formats":
        names[2] = "m-00003-of-00006.bin"
    shards = {name: {f"w{number}": torch.randn(2)} for number, name in enumerate(names)}
    write(tmp_path, shards, "m.index.json")
    monkeypatch.chdir(tmp_path)
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, all_of(shards))
    loaded = loaded_by(checkpoint.description.torch_lines)
    assert loaded.keys() == set(checkpoint.tensors)
    assert all(torch.equal(loaded[name], ref.torch()) for name, ref in checkpoint.tensors.items())


def test_the_torch_lines_leave_out_a_shard_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = {f"m-{number}-of-6.safetensors": {f"w{number}": torch.ones(1)} for number in range(1, 7)}
    write(tmp_path, shards, index=None)
    (tmp_path / "m-3-of-6.safetensors").write_bytes(b"nothing")
    monkeypatch.chdir(tmp_path)
    checkpoint = sdviewer.open(tmp_path)
    assert loaded_by(checkpoint.description.torch_lines).keys() == set(checkpoint.tensors)


def test_what_a_dangerous_shard_names_is_told_and_no_line_loads_it(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, ("true",)

    write(tmp_path, {"m-1-of-2.pt": {"a": torch.ones(1)}, "m-2-of-2.pt": {"b": torch.ones(1), "c": Trap()}}, index=None)
    checkpoint = sdviewer.open(tmp_path)
    assert any(use.klass == "dangerous" for use in checkpoint.globals)
    assert len(checkpoint.description.torch_lines) == 1
    assert checkpoint.description.torch_lines[0].startswith("# do not load")


def test_progress_is_told_by_shard_and_cancel_ends_it(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    told: list[tuple[int, int, str]] = []
    opening.describe(tmp_path, Control(lambda *step: told.append(step)))
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)
    control = Control(lambda *_: control.cancel())
    with pytest.raises(Cancelled):
        opening.describe(tmp_path, control)


# -- what index and shards disagree on ------------------------------------------------------------


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


# -- what an index may not do ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../secret.safetensors", "sub/secret.safetensors", "", "..", ".", "a\0b", "..\\secret.safetensors", "c:x"]
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


# -- shards by their names ---------------------------------------------------------------------------


def test_shards_without_an_index_open_by_their_names(tmp_path: Path) -> None:
    shards = {f"m-{number}-of-11.safetensors": {f"w{number}": torch.ones(number)} for number in range(1, 12)}
    checkpoint = sdviewer.open(write(tmp_path, shards, index=None))
    assert_holds(checkpoint, all_of(shards))
    assert checkpoint.problems == ()
    assert [shard.file for shard in checkpoint.shards] == list(shards)


def test_shards_may_be_counted_from_zero(tmp_path: Path) -> None:
    shards = {f"m-{number}-of-2.safetensors": {f"w{number}": torch.ones(1)} for number in range(2)}
    assert sdviewer.open(write(tmp_path, shards, index=None)).problems == ()


def test_numbers_that_are_missing_are_told(tmp_path: Path) -> None:
    shards = {f"m-0{number}-of-04.safetensors": {f"w{number}": torch.ones(1)} for number in (1, 3)}
    checkpoint = sdviewer.open(write(tmp_path, shards, index=None))
    assert statuses(checkpoint) == {
        "m-01-of-04.safetensors": "ok",
        "m-02-of-04.safetensors": "missing",
        "m-03-of-04.safetensors": "ok",
        "m-04-of-04.safetensors": "missing",
    }
    (problem,) = checkpoint.problems
    assert problem.kind == "missing"
    assert "2 of 4" in problem.message
    assert "m-02-of-04.safetensors, m-04-of-04.safetensors" in problem.message
    assert has_findings(checkpoint)


def test_a_count_of_shards_that_lies_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[int] = []

    def sibling(name: str, number: int) -> str:
        named.append(number)
        return name.replace("-1-", f"-{number}-")

    monkeypatch.setattr(sharded, "sibling", sibling)
    shards = {f"m-{number}-of-999999.safetensors": {f"w{number}": torch.ones(1)} for number in (1, 2)}
    write(tmp_path, shards, index=None)
    checkpoint = sdviewer.open(tmp_path)
    assert len(checkpoint.shards) <= 1002
    assert len(named) <= 1000
    assert "999,997 of 999,999" in checkpoint.problems[0].message


# -- a shard alone ---------------------------------------------------------------------------------


def test_a_shard_alone_opens_and_offers_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, two_shards())
    checkpoint = sdviewer.open(tmp_path / TWO)
    assert_holds(checkpoint, two_shards()[TWO])
    assert checkpoint.format == "safetensors"
    assert checkpoint.description.part_of == str(tmp_path / INDEX)
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.severity) == ("part", "info")
    assert problem.message == f"is shard 2 of 2 of model.safetensors; open {tmp_path / INDEX} to see the whole"
    assert_holds(sdviewer.open(checkpoint.description.part_of), all_of(two_shards()))
    assert run(["info", str(tmp_path / TWO)], lambda _: 0) == 0
    assert "to see the whole" in capsys.readouterr().out


def test_the_reader_process_offers_the_whole_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGE_DESCRIPTION", -1)
    write(tmp_path, two_shards())
    assert sdviewer.open(tmp_path / TWO).description.part_of == str(tmp_path / INDEX)


def test_a_shard_without_an_index_offers_its_folder(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), index=None)
    checkpoint = sdviewer.open(tmp_path / ONE)
    assert checkpoint.description.part_of == str(tmp_path)
    assert_holds(sdviewer.open(checkpoint.description.part_of), all_of(two_shards()))


def test_a_shard_of_another_checkpoint_than_the_index_describes_does_not_offer_it(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    write(tmp_path, {"other-1-of-2.pt": {"x": torch.ones(1)}, "other-2-of-2.pt": {"y": torch.ones(1)}}, index=None)
    assert sdviewer.open(tmp_path / "other-1-of-2.pt").description.part_of == ""


def test_a_shard_whose_siblings_are_elsewhere_says_so(tmp_path: Path) -> None:
    write(tmp_path, {TWO: two_shards()[TWO]}, index=None)
    checkpoint = sdviewer.open(tmp_path / TWO)
    assert checkpoint.description.part_of == ""
    assert "the others are not beside it" in checkpoint.problems[0].message


def test_the_only_shard_of_one_is_no_part(tmp_path: Path) -> None:
    write(tmp_path, {"model-00001-of-00001.safetensors": {"a": torch.ones(1)}})
    assert sdviewer.open(tmp_path / "model-00001-of-00001.safetensors").problems == ()


def test_a_file_that_is_called_like_no_shard_costs_no_look_at_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "model.pt")

    def forbidden(_: Any) -> Any:
        raise AssertionError("listed")

    monkeypatch.setattr(os, "scandir", forbidden)
    monkeypatch.setattr(os, "listdir", forbidden)
    assert list(sdviewer.open(tmp_path / "model.pt").tensors) == ["a"]


# -- links -------------------------------------------------------------------------------------------


def as_cache(tmp_path: Path, snapshot: Path) -> Path:
    """The same files as the Hugging Face cache keeps them: links into a folder of blobs."""
    blobs, links = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    blobs.mkdir(parents=True)
    links.mkdir(parents=True)
    for number, file in enumerate(sorted(snapshot.iterdir())):
        shutil.move(file, blobs / f"{number:064x}")
        (links / file.name).symlink_to(Path("..") / ".." / "blobs" / f"{number:064x}")
    return links


@posix_only
def test_a_folder_of_links_into_blobs_opens_and_offers_the_whole_of_a_shard(tmp_path: Path) -> None:
    links = as_cache(tmp_path, write(tmp_path / "plain", two_shards()))
    for path in (links, links / INDEX):
        checkpoint = sdviewer.open(path)
        assert_holds(checkpoint, all_of(two_shards()))
        assert checkpoint.problems == ()
    assert sdviewer.open(links / ONE).description.part_of == str(links / INDEX)


@posix_only
def test_a_link_to_a_blob_that_is_not_there_yet_is_a_missing_shard(tmp_path: Path) -> None:
    links = as_cache(tmp_path, write(tmp_path / "plain", two_shards()))
    (links / ONE).resolve().unlink()
    checkpoint = sdviewer.open(links)
    assert statuses(checkpoint) == {ONE: "missing", TWO: "ok"}
    assert "leads to a file that is not there" in found(checkpoint, "missing")[0].message


@posix_only
def test_a_link_in_a_loop_is_an_unreadable_shard_and_the_others_are_shown(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    (tmp_path / ONE).unlink()
    (tmp_path / ONE).symlink_to(tmp_path / ONE)
    checkpoint = sdviewer.open(tmp_path)
    assert statuses(checkpoint) == {ONE: "unreadable", TWO: "ok"}
    assert_holds(checkpoint, two_shards()[TWO])


@posix_only
def test_a_folder_or_an_index_that_is_a_link_in_a_loop_is_an_error(tmp_path: Path) -> None:
    for name in ("loop", INDEX):
        (tmp_path / name).symlink_to(tmp_path / name)
        with pytest.raises(CannotOpen) as caught:
            sdviewer.open(tmp_path / name)
        assert caught.value.file == str(tmp_path / name)


@posix_only
def test_a_pipe_in_place_of_a_shard_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    (tmp_path / ONE).unlink()
    os.mkfifo(tmp_path / ONE)
    assert statuses(sdviewer.open(tmp_path)) == {ONE: "unreadable", TWO: "ok"}


# -- many ---------------------------------------------------------------------------------------------


@posix_only
def test_more_shards_than_files_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SOURCES_KEPT", 4)
    shards = {f"m-{number:05d}-of-00040.safetensors": {f"w{number}": torch.ones(1)} for number in range(1, 41)}
    write(tmp_path, shards, index=None)
    before = len(list(Path("/dev/fd").iterdir()))
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, all_of(shards))
    assert len(list(Path("/dev/fd").iterdir())) - before <= 4
    checkpoint.close()


# -- names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model-00002-of-00004.safetensors", ShardName(Family("model", 4, ".safetensors"), 2)),
        ("pytorch_model-00001-of-00002.bin", ShardName(Family("pytorch_model", 2, ".bin"), 1)),
        ("d.fp16-00001-of-00002.safetensors", ShardName(Family("d.fp16", 2, ".safetensors"), 1)),
        ("d-00001-of-00002.fp16.safetensors", ShardName(Family("d", 2, ".fp16.safetensors"), 1)),
        ("x_1_of_2.pt", ShardName(Family("x", 2, ".pt"), 1)),
        ("model-00005-of-00004.safetensors", None),
        ("model-00000-of-00000.safetensors", None),
        ("model.safetensors", None),
        ("model-1-of-2", None),
    ],
)
def test_names_of_shards(name: str, expected: ShardName | None) -> None:
    assert parse_shard(name) == expected


def test_names_of_indexes() -> None:
    for name in (INDEX, "pytorch_model.bin.index.json", "model.safetensors.index.fp16.json", "/x/d.fp16.index.json"):
        assert is_index(name), name
    for name in ("index.json", "config.json", "model.index.d/x.json", "model.safetensors", ".index.json"):
        assert not is_index(name), name


def test_names_that_are_plain() -> None:
    assert is_plain_name("model-00001-of-00002.safetensors")
    assert not any(map(is_plain_name, ["a/b", "/a", "..", ".", "", "a\\b", "a\0", "c:a", "a/"]))


@pytest.mark.parametrize(
    ("index", "files"),
    [
        ("d.safetensors.fp16.index.json", ["d.fp16-00001-of-00002.safetensors", "d.fp16-00002-of-00002.safetensors"]),
        ("d.safetensors.index.fp16.json", ["d-00001-of-00002.fp16.safetensors", "d-00002-of-00002.fp16.safetensors"]),
        ("d.fp16.safetensors.index.json", ["d.fp16-00001-of-00002.safetensors", "d.fp16-00002-of-00002.safetensors"]),
    ],
)
def test_variants_belong_to_their_index(tmp_path: Path, index: str, files: list[str]) -> None:
    shards = {file: {f"w{number}": torch.ones(1)} for number, file in enumerate(files)}
    write(tmp_path, shards, index)
    assert_holds(sdviewer.open(tmp_path), all_of(shards))
    (tmp_path / index).write_text("broken")
    assert set(sdviewer.open(tmp_path / index).tensors) == {"w0", "w1"}
