"""A folder of transformers or its Trainer is one checkpoint: the model, and each file beside it under its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.facts import has_findings
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.summary import what_it_is
from sdviewer.formats.files import LocalFile
from tests.helpers.trained_folders import llama_config, write_json, write_trained

STATES = ("optimizer.pt", "scheduler.pt", "scaler.pt", "training_args.bin", "rng_state.pth")


def problem_of(checkpoint: Checkpoint, name: str) -> Problem:
    (problem,) = [problem for problem in checkpoint.problems if name in problem.where or name in problem.message]
    return problem


@pytest.mark.parametrize("shards", [1, 3])
def test_every_file_of_a_trainers_folder_stands_in_one_tree_with_its_values(tmp_path: Path, shards: int) -> None:
    model = write_trained(tmp_path, shards=shards)
    checkpoint = sdviewer.open(tmp_path)
    assert checkpoint.problems == ()
    kinds = {name: section.kind for name, section in checkpoint.sections.items()}
    assert kinds["model"] == "model"
    assert kinds["optimizer.pt"] == "optimizer"
    assert kinds["scheduler.pt"] == "scheduler"
    assert kinds["rng_state.pth"] == "tensors"
    assert {"config.json", "generation_config.json", "trainer_state.json", "tokenizer_config.json"} <= kinds.keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(checkpoint.tensors[f"model/{name}"].torch(), tensor), name
    assert list(checkpoint.sections["model"].tensors) == list(checkpoint.sections["model"].tensors.keys())
    stored = torch.load(tmp_path / "optimizer.pt", weights_only=True)
    for number, fields in stored["state"].items():
        for field, tensor in fields.items():
            assert torch.equal(checkpoint.tensors[f"optimizer.pt/state/[{number}]/{field}"].torch(), tensor)
    assert [shard.file for shard in checkpoint.shards][-5:] == list(STATES)
    assert {shard.status for shard in checkpoint.shards} == {"ok"}
    assert checkpoint.file_bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert "epoch 1, step 2, in" in what_it_is(checkpoint)
    assert checkpoint.format == ("safetensors" if shards == 1 else "sharded safetensors") + " with training state"


def test_what_the_notes_and_states_say_is_shown_as_they_say_it(tmp_path: Path) -> None:
    write_trained(tmp_path)
    metadata = metadata_of(sdviewer.open(tmp_path).description)
    assert metadata["config.json"] == llama_config()
    assert metadata["trainer_state.json"] == json.loads((tmp_path / "trainer_state.json").read_text())
    assert metadata["scaler.pt"] == torch.load(tmp_path / "scaler.pt", weights_only=True)
    assert metadata["optimizer.pt"]["param_groups"][0]["weight_decay"] == 0.01
    arguments = metadata["training_args.bin"]
    assert arguments["$opaque"] == "tests.helpers.trained_folders.TrainingArguments"
    assert arguments["state"]["learning_rate"] == 1e-3


def test_the_class_in_training_args_is_named_and_nothing_of_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_trained(tmp_path)
    monkeypatch.delattr("tests.helpers.trained_folders.TrainingArguments")
    checkpoint = sdviewer.open(tmp_path)
    classes = {use.name: use.klass for use in checkpoint.globals}
    assert classes["tests.helpers.trained_folders.TrainingArguments"] == "unknown"


def test_without_other_tensors_the_model_keeps_the_names_that_it_has_in_its_file(tmp_path: Path) -> None:
    model = write_trained(tmp_path, without=("optimizer.pt", "rng_state.pth"))
    checkpoint = sdviewer.open(tmp_path)
    assert set(checkpoint.tensors) == set(model.state_dict())
    assert checkpoint.format == "safetensors"
    assert checkpoint.sections["model"].parameters == sum(p.numel() for p in model.parameters())
    metadata = metadata_of(checkpoint.description)
    assert metadata["config.json"]["hidden_size"] == 16
    assert metadata["scheduler.pt"]["last_epoch"] == 1
    assert metadata["training_args.bin"]["state"]["output_dir"] == "out"
    assert checkpoint.sections["scheduler.pt"].kind == "scheduler"
    assert checkpoint.sections["scaler.pt"].kind == "metadata"


def test_the_training_state_alone_is_shown_by_the_names_of_its_files(tmp_path: Path) -> None:
    write_trained(tmp_path, without=("model.safetensors",))
    checkpoint = sdviewer.open(tmp_path)
    assert checkpoint.problems == ()
    assert checkpoint.sections["optimizer.pt"].kind == "optimizer"
    assert "optimizer.pt/state/[0]/exp_avg" in checkpoint.tensors
    assert "rng_state.pth/cpu" in checkpoint.tensors


def test_the_model_of_pickles_is_shown_with_its_companions_too(tmp_path: Path) -> None:
    model = write_trained(tmp_path, without=("model.safetensors",))
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    checkpoint = sdviewer.open(tmp_path)
    assert list(checkpoint.sections["model"].tensors) == list(model.state_dict())
    assert checkpoint.format == "torch zip with training state"


def test_opening_reads_no_payload_of_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_trained(tmp_path)
    big = torch.nn.Parameter(torch.zeros(1 << 18))
    optimizer = torch.optim.AdamW([big])
    big.grad = torch.ones_like(big)
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    read: list[int] = []
    read_into = LocalFile.read_into

    def counted(self: LocalFile, offset: int, buffer: bytearray) -> None:
        if self.spec.path.endswith("optimizer.pt"):
            read.append(memoryview(buffer).nbytes)
        read_into(self, offset, buffer)

    monkeypatch.setattr(LocalFile, "read_into", counted)
    checkpoint = sdviewer.open(tmp_path)
    assert checkpoint.tensors["optimizer.pt/state/[0]/exp_avg"].nbytes == 1 << 20
    assert 0 < sum(read) < 1 << 17


@pytest.mark.parametrize("name", STATES)
def test_a_broken_file_is_a_problem_that_names_it_and_the_rest_is_shown(tmp_path: Path, name: str) -> None:
    write_trained(tmp_path)
    (tmp_path / name).write_bytes(b"PK\x03\x04 cut off here")
    checkpoint = sdviewer.open(tmp_path)
    problem = problem_of(checkpoint, name)
    assert (problem.severity, problem.where) == ("error", name)
    assert has_findings(checkpoint)
    assert next(shard for shard in checkpoint.shards if shard.file == name).status == "unreadable"
    assert checkpoint.sections["model"].parameters > 0
    assert "config.json" in checkpoint.sections


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{not json", "is no JSON"),
        (b"[" * 200_000, "brackets"),
        (b'{"a":' * 60_000, "brackets"),
        (b'{"' + b"a" * 60 + b'":' + (b'{"' + b"a" * 60 + b'":') * 20_000, "nested too deeply"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b'{"a": 1' + b"1" * 10_000 + b"}", "is no JSON"),
    ],
    ids=["text", "brackets", "objects", "deep", "bytes", "digits"],
)
def test_a_config_that_cannot_be_read_is_told_and_the_tensors_are_shown(
    tmp_path: Path, content: bytes, told: str
) -> None:
    model = write_trained(tmp_path)
    (tmp_path / "config.json").write_bytes(content)
    checkpoint = sdviewer.open(tmp_path)
    problem = problem_of(checkpoint, "config.json")
    assert problem.severity == "error"
    assert told in problem.message
    assert len(checkpoint.sections["model"].rows) == len(model.state_dict())


def test_a_config_of_a_hundred_megabytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_trained(tmp_path, without=("optimizer.pt",))
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(100_000_000)
    asked: list[SourceSpec] = []
    read_into = LocalFile.read_into

    def counted(self: LocalFile, offset: int, buffer: bytearray) -> None:
        asked.append(self.spec)
        read_into(self, offset, buffer)

    monkeypatch.setattr(LocalFile, "read_into", counted)
    problem = problem_of(sdviewer.open(tmp_path), "config.json")
    assert "95.4 MiB" in problem.message
    read = {Path(spec.path).name for spec in asked}
    assert "generation_config.json" in read
    assert "config.json" not in read


def test_a_long_history_is_cut_and_what_comes_behind_it_is_shown(tmp_path: Path) -> None:
    write_trained(tmp_path)
    history = [{"loss": 1.0, "step": at} for at in range(5000)]
    write_json(tmp_path / "trainer_state.json", {"log_history": history, "max_steps": 9})
    state = metadata_of(sdviewer.open(tmp_path).description)["trainer_state.json"]
    assert state["max_steps"] == 9
    assert state["log_history"][999] == {"loss": 1.0, "step": 999}
    assert state["log_history"][1000:] == [{"$more": 4000}]


def test_a_history_without_end_does_not_hide_what_comes_behind_it(tmp_path: Path) -> None:
    write_trained(tmp_path)
    history = [{"loss": 1.0} for _ in range(200_000)]
    write_json(tmp_path / "trainer_state.json", {"log_history": history, "max_steps": 9})
    checkpoint = sdviewer.open(tmp_path)
    assert metadata_of(checkpoint.description)["trainer_state.json"]["max_steps"] == 9
    assert len(checkpoint.description.structure) < 150_000


def test_a_half_written_folder_tells_what_is_missing_and_shows_the_rest(tmp_path: Path) -> None:
    write_trained(tmp_path, shards=3, without=("model-00002-of-00003.safetensors",))
    checkpoint = sdviewer.open(tmp_path)
    problem = next(problem for problem in checkpoint.problems if problem.kind == "missing")
    assert problem.where == "model-00002-of-00003.safetensors"
    assert "37 tensors" in problem.message
    assert checkpoint.sections["optimizer.pt"].kind == "optimizer"


def test_an_index_that_names_files_outside_opens_none_of_them(tmp_path: Path) -> None:
    outside = tmp_path / "outside.safetensors"
    folder = tmp_path / "folder"
    write_trained(folder, shards=2)
    (folder / "model-00002-of-00002.safetensors").rename(outside)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"] = {
        name: "../outside.safetensors" if file.startswith("model-00002") else file
        for name, file in index["weight_map"].items()
    }
    write_json(folder / "model.safetensors.index.json", index)
    checkpoint = sdviewer.open(folder)
    assert any("cannot lie in its folder" in problem.message for problem in checkpoint.problems)
    assert not any("outside" in spec.path for spec in checkpoint.sources.specs)
    assert checkpoint.sections["optimizer.pt"].kind == "optimizer"


def test_a_companion_that_is_a_link_to_nothing_or_a_folder_does_no_harm(tmp_path: Path) -> None:
    write_trained(tmp_path, without=("scheduler.pt", "config.json"))
    (tmp_path / "scheduler.pt").symlink_to(tmp_path / "gone")
    (tmp_path / "config.json").mkdir()
    checkpoint = sdviewer.open(tmp_path)
    assert "a link leads to a file that is not there" in problem_of(checkpoint, "scheduler.pt").message
    assert checkpoint.sections["optimizer.pt"].kind == "optimizer"


@pytest.mark.parametrize("without", [(), (*STATES, "config.json")], ids=["with files", "alone"])
def test_training_state_in_folders_is_pointed_at(tmp_path: Path, without: tuple[str, ...]) -> None:
    write_trained(tmp_path, without=without)
    for name in ("optimizer_0", "pytorch_model_fsdp_0", "global_step500", "runs"):
        (tmp_path / name).mkdir()
    (problem,) = sdviewer.open(tmp_path).problems
    assert (problem.kind, problem.severity) == ("extra", "info")
    assert "3 folders" in problem.message
    assert "global_step500" in problem.message
    assert "runs" not in problem.message
