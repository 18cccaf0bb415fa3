"""Distributed checkpoints as torch writes them: whole, in part, half written and hostile."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.state_dict_loader import load as dcp_load
from torch.distributed.checkpoint.state_dict_saver import save as dcp_save

import sdviewer
from sdviewer.analysis import remembering
from sdviewer.analysis.blocks import Blocks
from sdviewer.analysis.results import ScanResult, scan
from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.facts import places
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.value_frame import Frame, frame_of
from sdviewer.checkpoint.value_pages import PagedValues
from sdviewer.checkpoint.value_text import Mark
from sdviewer.checkpoint.wording import bytes_for_people
from sdviewer.cli.main import run
from sdviewer.errors import CannotRead, Damaged, MissingBytes, NotACheckpoint, SourceChanged
from sdviewer.formats import opening
from sdviewer.processes import limits
from tests.helpers import attacks
from tests.helpers.conformance import assert_holds, raw_bytes
from tests.helpers.distributed import NOTE, RANKS, changed, placed_tensors, write_all
from tests.helpers.spying import Spy, spying
from tests.unit.cli.running import no_window
from tests.unit.search.test_filtering import names as names_found

FIRST, SECOND = "__0_0.distcp", "__1_0.distcp"


@pytest.fixture(scope="session")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of `tests.helpers.distributed`, written by two processes."""
    return write_all(tmp_path_factory.mktemp("distributed"))


@pytest.fixture
def placed(distributed: Path, tmp_path: Path) -> Path:
    """A copy of `placed/` to be spoiled."""
    return Path(shutil.copytree(distributed / "placed", tmp_path / "placed"))


def told(checkpoint: Checkpoint, word: str) -> Problem:
    """The one problem whose message has a word."""
    (found,) = [problem for problem in checkpoint.problems if word in problem.message]
    return found


def readable(checkpoint: Checkpoint) -> set[str]:
    """The tensors whose values can be read, all of which are right."""
    found: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    for name, ref in checkpoint.tensors.items():
        try:
            found[name] = ref.codes().tobytes()
        except CannotRead as error:
            refused[name] = error.message
    assert all(repr(name) in message for name, message in refused.items())
    whole = placed_tensors()
    assert found == {name: raw_bytes(whole[name]) for name in found}
    return set(found)


# -- whole -------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["here", "in the reader process"])
@pytest.mark.parametrize("name", ["trained", "placed"])
def test_a_folder_holds_what_torch_makes_of_it(
    distributed: Path, name: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "in the reader process":
        monkeypatch.setattr(limits, "LARGE_DESCRIPTION", -1)
    checkpoint = sdviewer.open(distributed / name)
    reference = sdviewer.open(distributed / f"{name}.pt")
    assert checkpoint.problems == ()
    assert checkpoint.format == "torch distributed"
    assert_holds(checkpoint, {name: ref.torch() for name, ref in reference.tensors.items()})
    for full, ref in reference.tensors.items():
        np.testing.assert_array_equal(checkpoint.tensors[full].numpy(), ref.numpy())
    assert {path: section.kind for path, section in checkpoint.sections.items()} == {
        path: section.kind for path, section in reference.sections.items()
    }
    assert [(shard.file, shard.status) for shard in checkpoint.shards] == [(FIRST, "ok"), (SECOND, "ok")]


def test_chunks_are_those_of_the_tensors_that_were_cut(distributed: Path) -> None:
    checkpoint = sdviewer.open(distributed / "placed")
    assert checkpoint.description.structure.plain_keys
    assert readable(checkpoint) == set(placed_tensors())


def test_values_beside_tensors_are_those_that_were_saved(distributed: Path) -> None:
    ours, torchs = (metadata_of(sdviewer.open(distributed / name).description) for name in ("trained", "trained.pt"))
    assert ours == torchs
    text = json.dumps(ours, default=str)
    assert NOTE in text
    assert "PCG64" in text


def test_opening_reads_no_tensor(distributed: Path) -> None:
    folder = distributed / "placed"
    content = {name: (folder / name).read_bytes() for name in (FIRST, SECOND)}
    whole = placed_tensors()["rows"]
    parts = [(FIRST, raw_bytes(whole[:4])), (SECOND, raw_bytes(whole[4:]))]
    with spying() as spy:
        opening.open_checkpoint(folder)
    for name, part in parts:
        start = content[name].index(part)
        of_file = Spy([read for read in spy.reads if read[0].endswith(name)])
        assert of_file.total > 0
        assert of_file.bytes_read_inside(start, start + len(part)) == 0
    assert spy.total < (folder / ".metadata").stat().st_size + 4096


def test_slices_and_blocks_are_those_of_the_whole(distributed: Path) -> None:
    whole = placed_tensors()
    checkpoint = sdviewer.open(distributed / "placed")
    ref = checkpoint.tensors["middle"]
    for index in ((1,), (slice(None), 2), (slice(0, 3, 2), slice(None, None, -1), 4), (-1, -1, -1)):
        np.testing.assert_array_equal(ref.read_slice(index), whole["middle"].numpy()[index])
    for name in ("rows", "columns", "middle", "turned"):
        blocks = Blocks(checkpoint.tensors[name], 28)
        codes = np.concatenate([blocks.read(i, np.empty(28, np.uint8)).copy() for i in range(len(blocks))])
        assert codes.tobytes() == raw_bytes(whole[name])


def test_statistics_are_those_of_the_same_tensors_in_one_file(distributed: Path) -> None:
    checkpoint, reference = sdviewer.open(distributed / "trained"), sdviewer.open(distributed / "trained.pt")
    ours, torchs = sdviewer.scan(checkpoint), sdviewer.scan(reference)
    assert dict(ours.errors) == {}
    for name in reference.tensors:
        assert repr(ours[name]) == repr(torchs[name])
    compared = sdviewer.compare(distributed / "trained", distributed / "trained.pt").summary
    assert compared["identical"] == len(reference.sections["model"].tensors)
    assert sum(compared.values()) == compared["identical"]


def test_a_folder_is_exported_as_any_file(distributed: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    sdviewer.plan(distributed / "placed", target=target).write(target)
    assert_holds(sdviewer.open(target), placed_tensors())


@pytest.mark.parametrize("name", [".metadata", FIRST])
def test_a_file_of_the_folder_opens_the_folder(distributed: Path, name: str) -> None:
    assert set(sdviewer.open(distributed / "placed" / name).tensors) == set(placed_tensors())


def test_the_command_line_tells_of_files_and_tensors(distributed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(distributed / "trained")], no_window) == 0
    out = capsys.readouterr().out
    for word in ("torch distributed", SECOND, "optimizer/state/0.weight/exp_avg", "dcp_to_torch_save"):
        assert word in out
    assert run(["info", "--json", str(distributed / "trained")], no_window) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out)["tensors"] if row["name"] == "model/0.weight"]
    assert row["storage"]["file"].endswith(f"{FIRST} and 1 more file")


def test_the_files_of_a_tensor_are_known(distributed: Path) -> None:
    files, _ = places(sdviewer.open(distributed / "placed").sources.specs)
    assert f"{distributed / 'placed' / FIRST} and 1 more file" in files


def test_ranks_that_did_not_wait_for_each_other_are_put_together(placed: Path) -> None:
    half = {}
    for rank, keep in enumerate((FIRST, SECOND)):

        def only(metadata: Any, keep: str = keep) -> None:
            metadata.storage_data = {k: v for k, v in metadata.storage_data.items() if v.relative_path == keep}
            known = {(index.fqn, index.offset) for index in metadata.storage_data}
            for name, facts in list(metadata.state_dict_metadata.items()):
                facts.chunks = [chunk for chunk in facts.chunks if (name, chunk.offsets) in known]
                if not facts.chunks:
                    del metadata.state_dict_metadata[name]

        half[rank] = (changed(placed, placed.parent / f"rank{rank}", only) / ".metadata").read_bytes()
    (placed / ".metadata").unlink()
    for rank, content in half.items():
        (placed / f"__{rank}.metadata").write_bytes(content)
    checkpoint = sdviewer.open(placed)
    assert checkpoint.problems == ()
    assert readable(checkpoint) == set(placed_tensors())


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_a_folder_of_one_process_opens(tmp_path: Path) -> None:
    state = {"model": {"a/b": torch.arange(6.0), "empty": torch.empty(0, 3)}, "epoch": 3, "nothing": {}}
    dcp_save(state, checkpoint_id=tmp_path / "one", no_dist=True)
    checkpoint = sdviewer.open(tmp_path / "one")
    assert checkpoint.problems == ()
    assert_holds(checkpoint, {"model/a~1b": torch.arange(6.0), "model/empty": torch.empty(0, 3)})


def test_many_long_names_are_all_shown(tmp_path: Path) -> None:
    metadata = Metadata({}, planner_data={}, storage_data={})
    for number in range(2_300):
        name = f"{number}".rjust(1_000, "x")
        chunk = ChunkStorageMetadata(torch.Size([0]), torch.Size([2]))
        metadata.state_dict_metadata[name] = TensorStorageMetadata(TensorProperties(), torch.Size([2]), [chunk])
        metadata.planner_data[name] = ("model", name)
    (tmp_path / ".metadata").write_bytes(pickle.dumps(metadata))
    assert len(sdviewer.open(tmp_path).tensors) == 2_300


# -- in part -----------------------------------------------------------------------


def test_a_missing_file_is_told_with_what_it_holds_and_the_rest_is_shown(placed: Path) -> None:
    (placed / SECOND).unlink()
    checkpoint = sdviewer.open(placed)
    problem = told(checkpoint, "it holds")
    assert (problem.kind, problem.severity, problem.where) == ("missing", "error", SECOND)
    assert "rows" in problem.message
    found = readable(checkpoint)
    assert {"everywhere", "short"} & found
    assert not {"rows", "columns", "turned"} & found
    assert {shard.file: shard.status for shard in checkpoint.shards} == {FIRST: "ok", SECOND: "missing"}
    named = {problem.where: problem.message for problem in checkpoint.problems}
    assert f"its chunk at [4, 0] lies in {SECOND}" in named["rows"]
    np.testing.assert_array_equal(checkpoint.tensors["rows"].read_slice((slice(0, 4),)), placed_tensors()["rows"][:4])
    with pytest.raises(MissingBytes, match=rf"'rows' lies in {SECOND}") as caught:
        checkpoint.tensors["rows"].read_slice((4,))
    assert caught.value.hint == "what can be read of it is [0:4, 0:5]"
    assert set(sdviewer.scan(checkpoint).errors) == set(checkpoint.tensors) - found
    partly = {name for name, ref in checkpoint.tensors.items() if Flag.INCOMPLETE in ref.flags}
    assert "rows" in partly
    assert not partly & found
    assert set(names_found(checkpoint, "problem:yes")) == set(checkpoint.tensors) - found
    assert sdviewer.plan(checkpoint, target="safetensors").refusals


def test_all_files_missing_leaves_names_and_shapes(placed: Path) -> None:
    for name in (FIRST, SECOND):
        (placed / name).unlink()
    checkpoint = sdviewer.open(placed)
    assert set(checkpoint.tensors) == set(placed_tensors())
    assert readable(checkpoint) == set()


def test_a_file_that_is_cut_off_keeps_the_chunks_before(placed: Path) -> None:
    path = placed / SECOND
    os.truncate(path, path.stat().st_size // 2)
    checkpoint = sdviewer.open(placed)
    problem = told(checkpoint, "cut off")
    assert (problem.severity, problem.where) == ("error", SECOND)
    assert {shard.file: shard.status for shard in checkpoint.shards}[SECOND] == "truncated"
    assert 0 < len(readable(checkpoint)) < len(checkpoint.tensors)


def test_an_extra_file_is_named(placed: Path) -> None:
    shutil.copy(placed / FIRST, placed / "__7_0.distcp")
    checkpoint = sdviewer.open(placed)
    assert told(checkpoint, "__7_0.distcp").kind == "extra"
    assert [shard.status for shard in checkpoint.shards] == ["ok", "ok", "extra"]


def test_a_hole_is_told_and_what_lies_around_it_is_read(distributed: Path, tmp_path: Path) -> None:
    def forget(metadata: Any) -> None:
        chunks = metadata.state_dict_metadata["columns"].chunks
        chunks[:] = [chunk for chunk in chunks if chunk.offsets[1] == 0]

    checkpoint = sdviewer.open(changed(distributed / "placed", tmp_path / "holed", forget))
    problem = told(checkpoint, "no chunk holds")
    assert (problem.severity, problem.where) == ("error", "columns")
    assert "[0, 3]" in problem.message
    assert readable(checkpoint) == set(placed_tensors()) - {"columns"}
    left = checkpoint.tensors["columns"].read_slice((slice(None), slice(0, 3)))
    np.testing.assert_array_equal(left, placed_tensors()["columns"][:, :3])


def test_chunks_that_overlap_are_told(distributed: Path, tmp_path: Path) -> None:
    def overlap(metadata: Any) -> None:
        chunks = metadata.state_dict_metadata["rows"].chunks
        moved = ChunkStorageMetadata(torch.Size([3, 0]), chunks[1].sizes)
        index = MetadataIndex("rows", [4, 0])
        metadata.storage_data[MetadataIndex("rows", [3, 0])] = metadata.storage_data.pop(index)
        chunks[1] = moved

    checkpoint = sdviewer.open(changed(distributed / "placed", tmp_path / "lapped", overlap))
    assert told(checkpoint, "overlap at [3, 0]").where == "rows"
    assert told(checkpoint, "no chunk holds").where == "rows"
    whole = placed_tensors()["rows"]
    expected = torch.cat((whole[:3], whole[4:]))
    np.testing.assert_array_equal(checkpoint.tensors["rows"].read_slice((slice(0, 6),)), expected)


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "..\\secret", "C:\\x", "a/../../secret", "", "a//b", "x" * 300]
)
def test_files_outside_the_folder_are_never_opened(distributed: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"PK\x03\x04 nothing to see")

    def lead_out(metadata: Any) -> None:
        for index, info in list(metadata.storage_data.items()):
            if index.fqn == "rows":
                metadata.storage_data[index] = dataclasses.replace(info, relative_path=path)

    folder = changed(distributed / "placed", tmp_path / "out", lead_out)
    with spying() as spy:
        checkpoint = opening.open_checkpoint(folder)
        found = readable(checkpoint)
    assert all(Path(read).parent == folder for read, _, _ in spy.reads)
    problem = told(checkpoint, "outside the folder")
    assert problem.severity == "error"
    assert repr(path)[:20] in problem.message
    assert "rows" in {problem.where for problem in checkpoint.problems}
    assert found == set(placed_tensors()) - {"rows"}


def test_files_below_the_folder_are_opened(distributed: Path, tmp_path: Path) -> None:
    def move(metadata: Any) -> None:
        for index, info in list(metadata.storage_data.items()):
            metadata.storage_data[index] = dataclasses.replace(info, relative_path=f"ranks/{info.relative_path}")

    folder = changed(distributed / "placed", tmp_path / "moved", move)
    (folder / "ranks").mkdir()
    for name in (FIRST, SECOND):
        (folder / name).rename(folder / "ranks" / name)
    assert readable(sdviewer.open(folder)) == set(placed_tensors())


def test_compressed_chunks_are_told(distributed: Path, tmp_path: Path) -> None:
    def compress(metadata: Any) -> None:
        for index, info in list(metadata.storage_data.items()):
            if index.fqn == "half":
                metadata.storage_data[index] = dataclasses.replace(info, transform_descriptors=["zstd"])

    checkpoint = sdviewer.open(changed(distributed / "placed", tmp_path / "small", compress))
    assert "half" in told(checkpoint, "zstd").where
    assert readable(checkpoint) == set(placed_tensors()) - {"half"}


def test_lies_of_the_metadata_are_told_and_the_rest_is_read(distributed: Path, tmp_path: Path) -> None:
    def lie(metadata: Any) -> None:
        facts = metadata.state_dict_metadata
        facts["rows"].chunks[1] = ChunkStorageMetadata(torch.Size([6, 0]), torch.Size([3, 5]))
        facts["counts"].size = torch.Size([2**40, 2**40])
        facts["flags"].properties.dtype = "no dtype"
        facts["turned"].chunks = None
        facts["half"] = 17

    checkpoint = sdviewer.open(changed(distributed / "placed", tmp_path / "lying", lie))
    named = {problem.where: problem.message for problem in checkpoint.problems}
    assert "does not fit" in named["rows"] or "no chunk" in named["rows"]
    assert "dtype and shape" in named["counts"]
    assert "dtype and shape" in named["flags"]
    assert "turned" in named
    assert readable(checkpoint) >= {"columns", "middle", "eight", "wave", "short", "everywhere"}


# -- of several saves, half written, of something else ------------------------------


def test_ranks_of_two_steps_are_told_apart_by_what_their_files_hold(distributed: Path, placed: Path) -> None:
    shutil.copy(distributed / "trained" / SECOND, placed / SECOND)
    checkpoint = sdviewer.open(placed)
    assert any(problem.where == SECOND and "another save" in problem.message for problem in checkpoint.problems)
    with pytest.raises(CannotRead, match="'columns'") as caught:
        checkpoint.tensors["columns"].numpy()
    assert SECOND in caught.value.file
    assert "everywhere" in readable(checkpoint) or "short" in readable(checkpoint)


def test_a_file_that_is_newer_than_the_metadata_is_told(placed: Path) -> None:
    now = (placed / ".metadata").stat().st_mtime
    os.utime(placed / SECOND, (now + 60, now + 60))
    problem = told(sdviewer.open(placed), "after the metadata")
    assert (problem.severity, problem.where) == ("info", SECOND)


def test_a_save_that_has_not_ended_says_so(placed: Path) -> None:
    (placed / ".metadata").rename(placed / ".metadata.tmp")
    with pytest.raises(Damaged, match="has not ended") as caught:
        sdviewer.open(placed)
    assert caught.value.file == str(placed)
    sizes = [bytes_for_people((placed / name).stat().st_size) for name in (FIRST, SECOND)]
    message = caught.value.message
    assert ".metadata, which is written last" in message
    assert "(.metadata.tmp is: it was being written)" in message
    assert f"2 files of ranks are, {bytes_for_people(of_all(placed))}: " in message
    assert f"{FIRST} ({sizes[0]}), {SECOND} ({sizes[1]})" in message
    assert "none of" not in message
    assert caught.value.hint.endswith("or an earlier step")


def of_all(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in (FIRST, SECOND))


def test_a_save_of_which_a_rank_is_behind_says_which_and_where_a_finished_one_is(placed: Path, tmp_path: Path) -> None:
    running = tmp_path / "steps" / "step-20"
    running.mkdir(parents=True)
    shutil.copy(placed / SECOND, running)
    for step, time in ((10, 2_000_000_000), (8, 1_000_000_000)):
        (tmp_path / "steps" / f"step-{step}").mkdir()
        (tmp_path / "steps" / f"step-{step}" / ".metadata").write_bytes(b"x")
        os.utime(tmp_path / "steps" / f"step-{step}" / ".metadata", (time, time))
    for path in (running, running / SECOND):
        with pytest.raises(Damaged, match="none of rank 0; the last change was at 20") as caught:
            sdviewer.open(path)
        assert caught.value.hint.endswith(str(tmp_path / "steps" / "step-10"))


def test_a_new_save_into_the_same_folder_is_told(placed: Path) -> None:
    (placed / ".metadata.tmp").write_bytes(b"")
    assert told(sdviewer.open(placed), "has begun").severity == "warning"


def test_a_metadata_that_is_cut_off_anywhere_is_refused_with_its_name(placed: Path) -> None:
    content = (placed / ".metadata").read_bytes()
    for size in range(0, len(content) - 1, 97):
        (placed / ".metadata").write_bytes(content[:size])
        with pytest.raises((Damaged, NotACheckpoint)) as caught:
            sdviewer.open(placed)
        assert caught.value.file.endswith(".metadata")


def test_metadata_of_something_else_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(NotACheckpoint):
        sdviewer.open(tmp_path)
    torch.save({"w": torch.zeros(3)}, tmp_path / "model.pt")
    assert list(sdviewer.open(tmp_path).tensors) == ["w"]


def test_nothing_in_the_metadata_is_run(placed: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for attack in attacks.ATTACKS.values():
        (placed / ".metadata").write_bytes(attack(str(mark)))
        with pytest.raises((Damaged, NotACheckpoint)):
            opening.open_checkpoint(placed)
        assert not mark.exists()


def test_a_call_inside_the_metadata_is_told_and_not_run(distributed: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Attack:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (attacks.shell(str(mark)),)

    def attack(metadata: Any) -> None:
        metadata.storage_meta = Attack()

    checkpoint = sdviewer.open(changed(distributed / "placed", tmp_path / "attack", attack))
    assert not mark.exists()
    assert told(checkpoint, "would run it").kind == "dangerous_global"
    assert checkpoint.description.torch_lines[0].startswith("# do not load")
    assert readable(checkpoint) == set(placed_tensors())


def test_a_file_that_changes_while_it_is_open_is_noticed(placed: Path) -> None:
    checkpoint = sdviewer.open(placed)
    os.truncate(placed / FIRST, 10)
    with pytest.raises((SourceChanged, CannotRead)):
        checkpoint.tensors["rows"].numpy()


# -- as safetensors ----------------------------------------------------------------

RANK_1, RANK_2 = (f"shard-0000{rank}-model-00001-of-00001.safetensors" for rank in (1, 2))
FLOATS = ("rows", "columns", "middle", "half", "everywhere")


@pytest.fixture
def floats(distributed: Path, tmp_path: Path) -> Path:
    """A copy of `huggingface/` to be spoiled."""
    return Path(shutil.copytree(distributed / "huggingface", tmp_path / "huggingface"))


def test_safetensors_of_ranks_are_put_together(floats: Path) -> None:
    checkpoint = sdviewer.open(floats)
    assert checkpoint.problems == ()
    assert checkpoint.format == "distributed safetensors"
    assert_holds(checkpoint, {name: placed_tensors()[name] for name in FLOATS})
    state = {name: torch.zeros_like(placed_tensors()[name]) for name in FLOATS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp_load(state, storage_reader=HuggingFaceStorageReader(str(floats)))
    assert_holds(checkpoint, state)
    assert metadata_of(checkpoint.description) == {"__metadata__": {"DCP_VERSION": "1.0", "format": "pt"}}
    assert [(shard.file, shard.status) for shard in checkpoint.shards] == [(RANK_1, "ok"), (RANK_2, "ok")]
    # What one rank held whole has its place in its file.
    place = checkpoint.tensors["everywhere"].storage
    assert place is not None
    assert place.file == str(floats / RANK_2)


def test_one_file_of_a_rank_offers_the_whole(floats: Path) -> None:
    checkpoint = sdviewer.open(floats / RANK_1)
    assert checkpoint.description.part_of == str(floats)
    assert told(checkpoint, "open").kind == "part"


def test_a_missing_rank_leaves_holes(floats: Path) -> None:
    (floats / RANK_1).unlink()
    checkpoint = sdviewer.open(floats)
    assert "no file of 1 rank (1)" in told(checkpoint, "may be larger").message
    named = {problem.where: problem.message for problem in checkpoint.problems}
    assert "no chunk holds what begins at [0, 0]" in named["rows"]
    whole = placed_tensors()
    assert checkpoint.tensors["rows"].shape == (7, 5)
    np.testing.assert_array_equal(checkpoint.tensors["rows"].read_slice((slice(4, 7),)), whole["rows"][4:])
    np.testing.assert_array_equal(checkpoint.tensors["columns"].read_slice((slice(None), 3)), whole["columns"][:, 3])
    np.testing.assert_array_equal(checkpoint.tensors["everywhere"].numpy(), whole["everywhere"])


def test_a_rank_that_is_cut_off_keeps_the_others(floats: Path) -> None:
    os.truncate(floats / RANK_2, (floats / RANK_2).stat().st_size - 100)
    checkpoint = sdviewer.open(floats)
    assert [shard.status for shard in checkpoint.shards] == ["ok", "truncated"]
    assert any("not whole in " + RANK_2 in problem.message for problem in checkpoint.problems)
    np.testing.assert_array_equal(checkpoint.tensors["rows"].read_slice((slice(0, 4),)), placed_tensors()["rows"][:4])


@pytest.mark.parametrize(
    "info", ["no JSON", "[]", '{"rows": 3}', '{"rows": {"saved_offsets": [-1, 0]}}', '{"rows": {"saved_offsets": [1]}}']
)
def test_places_that_make_no_sense_are_told(tmp_path: Path, info: str) -> None:
    safetensors.torch.save_file({"rows": torch.zeros(2, 2)}, tmp_path / RANK_1, {"DCP_SHARDING_INFO": info})
    checkpoint = sdviewer.open(tmp_path)
    assert [problem.severity for problem in checkpoint.problems] == ["error"]
    np.testing.assert_array_equal(checkpoint.tensors["rows"].numpy(), np.zeros((2, 2)))


def test_ranks_that_disagree_are_told(tmp_path: Path) -> None:
    for number, (name, tensor) in enumerate(((RANK_1, torch.ones(2)), (RANK_2, torch.ones(2).half()))):
        info = json.dumps({"w": {"saved_offsets": [2 * number]}})
        safetensors.torch.save_file({"w": tensor}, tmp_path / name, {"DCP_SHARDING_INFO": info})
    checkpoint = sdviewer.open(tmp_path)
    assert told(checkpoint, "something else").where == "w"
    assert checkpoint.tensors["w"].numpy().tolist() == [1, 1]


def test_the_whole_beside_its_parts_is_opened(floats: Path) -> None:
    whole = {name: placed_tensors()[name] for name in FLOATS}
    name = "model-00001-of-00001.safetensors"
    safetensors.torch.save_file(whole, floats / name)
    weights = {"metadata": {}, "weight_map": dict.fromkeys(whole, name)}
    (floats / "model.safetensors.index.json").write_text(json.dumps(weights))
    checkpoint = sdviewer.open(floats)
    assert checkpoint.format == "sharded safetensors"
    assert_holds(checkpoint, whole)


def test_figures_of_assembled_tensors_are_remembered_as_long_as_all_files_are_the_same(
    placed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "_folder", lambda: tmp_path / "cache")

    def scanned() -> tuple[ScanResult, Spy]:
        checkpoint = sdviewer.open(placed)
        with spying() as spy:
            return scan(checkpoint), spy

    first, read = scanned()
    assert read.total > 0
    again, read = scanned()
    assert read.total == 0
    rows = first.rows
    np.testing.assert_array_equal(again.table.block(rows).values, first.table.block(rows).values)
    content = (placed / SECOND).read_bytes()
    os.utime(placed / SECOND, ns=(1, 1))
    assert scanned()[1].total > 0, "another time of one of the files"
    (placed / SECOND).unlink()
    partly, _ = scanned()
    assert "rows" in partly.errors
    (placed / SECOND).write_bytes(content)
    whole, _ = scanned()
    assert not whole.errors
    np.testing.assert_array_equal(whole.table.block(rows).values, first.table.block(rows).values)


@pytest.mark.parametrize(
    ("name", "row_axis", "column_axis", "at"),
    [("rows", 0, 1, (0, 0)), ("rows", 1, 0, (0, 0)), ("columns", 0, 1, (0, 0)), ("middle", 0, 2, (0, 3, 0)),
     ("half", 0, -1, (0, 1)), ("wave", 0, 1, (0, 0)), ("eight", 0, -1, (0, 1))],
)  # fmt: skip
def test_values_of_chunks_that_are_there_are_shown_around_those_that_are_not(
    placed: Path, name: str, row_axis: int, column_axis: int, at: tuple[int, ...]
) -> None:
    (placed / SECOND).unlink()
    ref = sdviewer.open(placed).tensors[name]
    assert Flag.INCOMPLETE in ref.flags
    whole = placed_tensors()[name]
    axis = 1 if name in ("columns", "middle", "turned") else 0
    first = whole.chunk(RANKS, axis)[0].shape[axis]
    is_missing = torch.arange(whole.shape[axis]).reshape([-1 if a == axis else 1 for a in range(whole.dim())]) >= first
    index = tuple(slice(None) if a in (row_axis, column_axis) else place for a, place in enumerate(at))
    expected, missing = whole[index], is_missing.expand(whole.shape)[index]
    if column_axis < 0:
        expected, missing = expected[:, None], missing[:, None]
    elif row_axis > column_axis:
        expected, missing = expected.T, missing.T
    pages = PagedValues(ref, Frame(ref.shape, row_axis, column_axis, at))
    block = pages.read(pages.paging.page_at(0, 0))
    np.testing.assert_array_equal(block.marks == Mark.MISSING, missing.numpy())
    assert missing.any()
    values = torch.from_numpy(block.values.copy())
    torch.testing.assert_close(values[~missing], expected.to(values.dtype)[~missing], rtol=0, atol=0)
    for row, column in torch.argwhere(missing).tolist():
        assert block.text(row, column) == "missing"
        assert block.exact(row, column, pages.dtype)[0].startswith("not there")


def test_a_tensor_without_any_chunk_still_says_so(placed: Path) -> None:
    for file in (FIRST, SECOND):
        (placed / file).unlink()
    ref = sdviewer.open(placed).tensors["rows"]
    pages = PagedValues(ref, frame_of(ref.shape))
    with pytest.raises(CannotRead):
        pages.read(pages.paging.page_at(0, 0))
