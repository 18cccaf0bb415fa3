"""Of a folder the checkpoint is shown that its names tell, and what else lies there is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.facts import has_findings
from sdviewer.errors import CannotOpen, FileMissing, NotACheckpoint, NotPermitted, UnsupportedFormat
from sdviewer.formats.shard_names import CHECKPOINT_SUFFIXES
from tests.helpers.shards import INDEX, ONE, TWO, all_of, assert_holds, two_shards, write


def folder_of(folder: Path, *names: str) -> Path:
    """A folder with one tensor in each file, called like its file."""
    for name in names:
        tensors = {name: torch.ones(2)}
        if name.endswith(".safetensors"):
            safetensors.torch.save_file(tensors, folder / name)
        elif name.lower().endswith(CHECKPOINT_SUFFIXES):
            torch.save(tensors, folder / name)
        else:
            (folder / name).write_text("{}")
    return folder


def others(checkpoint: Checkpoint) -> str:
    """What the one problem of a sound folder says."""
    (problem,) = checkpoint.problems
    assert (problem.kind, problem.severity) == ("extra", "info")
    assert not has_findings(checkpoint)
    return problem.message


@pytest.mark.parametrize(
    ("chosen", "beside"),
    [
        ("model.safetensors", ("optim.pt", "my_scheduler.pt", "rng.pth", "args.bin")),
        ("model.safetensors", ("model_1.safetensors", "ema.bin", "custom_checkpoint_0.pkl")),
        ("model.safetensors", ("model.fp16.safetensors", "pytorch_model.bin")),
        ("pytorch_model.bin", ("optimizers.bin", "pytorch_model.fp16.bin", "grad_scaler.pt")),
        ("diffusion_pytorch_model.safetensors", ("diffusion_pytorch_model.fp16.safetensors", "a_model.bin")),
        ("adapter_model.safetensors", ("optimizer.safetensors", "opt.pt")),
        ("adapter_model.bin", ("best.pt", "rng_0.pth")),
        ("mp_rank_00_model_states.pt", ("layer_00-model_00-model_states.pt",)),
        ("checkpoint_best.pt", ("checkpoint_last.pt", "checkpoint12.pt")),
        ("last.ckpt", ("epoch=9-step=10.ckpt",)),
        ("4x_upscaler.pth", ("optim.pth",)),
        ("epoch_10.pt", ("epoch_2.pt", "epoch_9.pt")),
        ("weights.pt", ("a.pt", "z.pt")),
    ],
)
def test_the_model_is_shown_and_the_other_files_are_named(tmp_path: Path, chosen: str, beside: tuple[str, ...]) -> None:
    checkpoint = sdviewer.open(folder_of(tmp_path, chosen, *beside, "config.json", "README.md"))
    assert list(checkpoint.tensors) == [chosen]
    message = others(checkpoint)
    assert all(name in message for name in beside)
    assert not any(name in message for name in (" " + chosen + ",", "config.json", "README.md"))


@pytest.mark.parametrize("name", ["any.safetensors", "any.pt", "ANY.PTH", "x.ckpt", "optimizer.pt"])
def test_the_only_file_of_a_folder_is_shown_as_itself(tmp_path: Path, name: str) -> None:
    checkpoint = sdviewer.open(folder_of(tmp_path, name, "config.json", "vocab.txt"))
    assert list(checkpoint.tensors) == [name]
    assert checkpoint.problems == ()
    assert checkpoint.format == sdviewer.open(tmp_path / name).format


def test_an_index_comes_before_all_else(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    checkpoint = sdviewer.open(folder_of(tmp_path, "model.safetensors", "optim.pt"))
    assert_holds(checkpoint, all_of(two_shards()))
    assert "2 more files" in others(checkpoint)


def test_of_several_indexes_the_one_of_safetensors_is_shown(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    shards = {f"pytorch_model-{number}-of-2.bin": {f"w{number}": torch.ones(1)} for number in (1, 2)}
    write(tmp_path, shards, "pytorch_model.bin.index.json")
    checkpoint = sdviewer.open(tmp_path)
    assert_holds(checkpoint, all_of(two_shards()))
    assert "pytorch_model.bin.index.json" in others(checkpoint)
    assert all(name in others(checkpoint) for name in shards)


def test_shards_come_before_a_file_of_the_same_rank_and_after_one_of_a_better(tmp_path: Path) -> None:
    write(tmp_path, two_shards(), index=None)
    folder_of(tmp_path, "pytorch_model.bin")
    assert_holds(sdviewer.open(tmp_path), all_of(two_shards()))
    folder_of(tmp_path, "optim-1-of-2.pt")
    assert_holds(sdviewer.open(tmp_path), all_of(two_shards()))


def test_an_index_whose_shards_are_gone_gives_way_to_the_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, two_shards())
    (tmp_path / ONE).unlink()
    (tmp_path / TWO).unlink()
    checkpoint = sdviewer.open(folder_of(tmp_path, "model.safetensors"))
    assert list(checkpoint.tensors) == ["model.safetensors"]
    (problem,) = checkpoint.problems
    assert (problem.severity, problem.where) == ("warning", INDEX)
    assert "none of its 2 shards is there" in problem.message


def test_a_file_that_is_no_checkpoint_gives_way_to_one_that_is(tmp_path: Path) -> None:
    folder_of(tmp_path, "a.pt")
    (tmp_path / "model.bin").write_bytes(b"just some bytes " * 40)
    checkpoint = sdviewer.open(tmp_path)
    assert list(checkpoint.tensors) == ["a.pt"]
    assert [problem.where for problem in checkpoint.problems] == ["model.bin"]


@pytest.mark.parametrize("beside", ["optimizer.pt", "pytorch_model.bin"])
def test_a_damaged_model_is_told_and_no_other_file_shown_in_its_place(tmp_path: Path, beside: str) -> None:
    folder_of(tmp_path, "model.safetensors", beside)
    (tmp_path / "model.safetensors").write_bytes(b"\xff\0\0\0\0\0\0\0{")
    with pytest.raises(CannotOpen) as caught:
        sdviewer.open(tmp_path)
    assert caught.value.file == str(tmp_path / "model.safetensors")


def test_an_optimizer_is_not_shown_in_place_of_a_model_that_is_none(tmp_path: Path) -> None:
    folder_of(tmp_path, "model.safetensors", "optimizer.pt")
    (tmp_path / "model.safetensors").write_bytes(b"<html>404</html>" * 10)
    with pytest.raises(CannotOpen) as caught:
        sdviewer.open(tmp_path)
    assert caught.value.file == str(tmp_path / "model.safetensors")


def test_a_folder_without_a_checkpoint_says_what_was_looked_for(tmp_path: Path) -> None:
    folder_of(tmp_path, "config.json", "README.md")
    with pytest.raises(NotACheckpoint, match=r"no checkpoint among its 2 files .*\.safetensors") as caught:
        sdviewer.open(tmp_path)
    assert caught.value.file == str(tmp_path)


def test_an_empty_folder_and_one_of_folders_are_errors_that_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotACheckpoint, match="0 files"):
        sdviewer.open(tmp_path)
    for name in ("blobs", "refs", "snapshots"):
        (tmp_path / name).mkdir()
    folder_of(tmp_path / "snapshots", "model.pt")
    with pytest.raises(NotACheckpoint) as caught:
        sdviewer.open(tmp_path)
    assert "snapshots" in caught.value.hint


def test_a_folder_called_like_a_checkpoint_is_none(tmp_path: Path) -> None:
    (tmp_path / "model.pt").mkdir()
    with pytest.raises(NotACheckpoint):
        sdviewer.open(tmp_path)
    folder_of(tmp_path, "b.pt")
    assert list(sdviewer.open(tmp_path).tensors) == ["b.pt"]


@pytest.mark.parametrize(("mark", "word"), [("Manifest.json", "Core ML"), ("saved_model.pb", "TensorFlow")])
def test_folders_of_other_formats_are_named(tmp_path: Path, mark: str, word: str) -> None:
    (tmp_path / mark).write_bytes(b"\x80\x04.")
    with pytest.raises(UnsupportedFormat, match=word) as caught:
        sdviewer.open(tmp_path)
    assert caught.value.hint.startswith("convert it")


def test_many_files_that_are_no_checkpoints_are_given_up_early(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"m{number}.bin").write_bytes(b"just some bytes " * 40)
    with pytest.raises(NotACheckpoint) as caught:
        sdviewer.open(tmp_path)
    assert caught.value.file == str(tmp_path / "m29.bin")


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_links_in_a_folder_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "loop.pt").symlink_to(tmp_path / "loop.pt")
    (tmp_path / "nowhere.pt").symlink_to(tmp_path / "gone")
    (tmp_path / "self").symlink_to(tmp_path)
    with pytest.raises(FileMissing):
        sdviewer.open(tmp_path)
    folder_of(tmp_path, "model.pt")
    assert list(sdviewer.open(tmp_path).tensors) == ["model.pt"]
    assert list(sdviewer.open(tmp_path / "self").tensors) == ["model.pt"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_says_so(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        with pytest.raises(NotPermitted):
            sdviewer.open(closed)
    finally:
        closed.chmod(0o700)


def test_a_folder_that_vanishes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        sdviewer.open(tmp_path / "gone")
