"""Sharded checkpoints are shown as one: with an index, by their names, through links, and offered by a shard alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.facts import has_findings
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.cli.main import run
from sdviewer.control import Control
from sdviewer.errors import Cancelled, CannotOpen
from sdviewer.formats import files, opening, sharded
from sdviewer.processes import limits
from tests.helpers.shards import INDEX, ONE, TWO, all_of, assert_holds, found, loaded_by, statuses, two_shards, write
from tests.unit.cli.running import no_window

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")


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


# -- shards by their names ----------------------------------------------------------------------


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


# -- a shard alone ----------------------------------------------------------------------


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
    assert run(["info", str(tmp_path / TWO)], no_window) == 0
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
    checkpoint = sdviewer.open(tmp_path / "other-1-of-2.pt")
    assert checkpoint.description.part_of == ""
    assert checkpoint.problems[0].message == "is shard 1 of 2 of other.pt"


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_an_index_is_found_by_names_beyond_ascii(tmp_path: Path, ensure_ascii: bool) -> None:
    names = [f"модель-{number}-of-2.safetensors" for number in (1, 2)]
    write(tmp_path, {name: {name: torch.ones(1)} for name in names}, index=None)
    text = json.dumps({"weight_map": {name: name for name in names}}, ensure_ascii=ensure_ascii)
    (tmp_path / "модель.safetensors.index.json").write_text(text, "utf-8")
    assert sdviewer.open(tmp_path / names[1]).description.part_of == str(tmp_path / "модель.safetensors.index.json")


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


# -- links ----------------------------------------------------------------------


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


# -- many ----------------------------------------------------------------------


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
