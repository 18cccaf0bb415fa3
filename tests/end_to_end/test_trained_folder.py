"""What works on a file works on a folder of transformers: figures, comparison, export, other processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

import sdviewer
from sdviewer.cli.main import run
from sdviewer.control import Control
from sdviewer.errors import SourceChanged
from sdviewer.formats.files import check_file
from sdviewer.processes.client import open_in_child
from tests.helpers.trained_folders import llama_config, write_json, write_trained


def no_window(*_: object) -> int:
    raise AssertionError("no window is asked for")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    path = tmp_path_factory.mktemp("trained")
    return path, write_trained(path, shards=2)


def test_figures_are_those_of_torch_for_the_model_and_for_the_optimizer(folder: tuple[Path, nn.Module]) -> None:
    path, model = folder
    result = sdviewer.scan(sdviewer.open(path))
    assert dict(result.errors) == {}
    for name, tensor in model.state_dict().items():
        found = result[f"model/{name}"]
        assert found.mean == pytest.approx(float(tensor.double().mean()), abs=1e-9)
        assert found.max == float(tensor.max())
    state = torch.load(path / "optimizer.pt", weights_only=True)["state"]
    for number, fields in state.items():
        second = fields["exp_avg_sq"]
        assert result[f"optimizer.pt/state/[{number}]/exp_avg_sq"].max == float(second.max())


def test_two_folders_are_compared_by_the_keys_of_their_models(folder: tuple[Path, nn.Module], tmp_path: Path) -> None:
    path, model = folder
    with torch.no_grad():
        changed = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        changed["model.norm.weight"][3] += 1
    single = write_trained(tmp_path / "later")
    single.load_state_dict(changed)
    write_file(tmp_path / "later", changed)
    comparison = sdviewer.compare(path, tmp_path / "later")
    assert comparison.summary["identical"] == len(changed) - 1
    assert comparison.summary["changed"] == 1


def write_file(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_the_model_of_a_folder_is_exported_with_the_text_of_its_header(
    folder: tuple[Path, nn.Module], tmp_path: Path
) -> None:
    path, model = folder
    target = tmp_path / "out.safetensors"
    assert run(["export", "--quiet", "--section", "model", str(path), str(target)], no_window) == 0
    with safetensors.safe_open(target, "pt") as file:
        assert file.metadata()["format"] == "pt"
        assert set(file.keys()) == set(model.state_dict())
        for name, tensor in model.state_dict().items():
            assert torch.equal(file.get_tensor(name), tensor)


def test_a_folder_comes_back_from_the_reader_process_as_it_is_read_here(folder: tuple[Path, nn.Module]) -> None:
    path, _ = folder
    here, there = sdviewer.open(path), open_in_child(str(path), 1 << 30, Control())
    assert list(here.tensors) == list(there.tensors)
    assert here.problems == there.problems
    assert here.shards == there.shards
    name = "optimizer.pt/state/[3]/exp_avg"
    assert (here.tensors[name].numpy() == there.tensors[name].numpy()).all()


def test_info_tells_files_sections_and_the_config_in_json(
    folder: tuple[Path, nn.Module], capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = folder
    assert run(["info", "--json", str(path)], no_window) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metadata"]["config.json"] == llama_config()
    assert {"optimizer.pt", "rng_state.pth", "model-00001-of-00002.safetensors"} <= {
        shard["file"] for shard in told["shards"]
    }
    assert {"model", "optimizer.pt", "config.json"} <= {section["name"] for section in told["sections"]}


def test_a_config_that_contradicts_is_told_by_info_and_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_trained(tmp_path, config=llama_config(num_hidden_layers=14))
    assert run(["info", str(tmp_path)], no_window) == 1
    assert "num_hidden_layers = 14; the tensors have 12 layers" in capsys.readouterr().out
    assert run(["info", "--json", str(tmp_path)], no_window) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["kind"], problem["severity"], problem["where"]) == ("missing", "error", "config.json")
    assert run(["check", "--quiet", str(tmp_path)], no_window) == 1
    assert "num_hidden_layers = 14" in capsys.readouterr().out


def test_a_companion_that_changes_is_noticed_and_opening_again_shows_it(tmp_path: Path) -> None:
    write_trained(tmp_path)
    checkpoint = sdviewer.open(tmp_path)
    state = torch.load(tmp_path / "optimizer.pt", weights_only=True)
    state["state"] = {number: fields for number, fields in state["state"].items() if number < 5}
    torch.save(state, tmp_path / "optimizer.pt")
    write_json(tmp_path / "config.json", llama_config(vocab_size=47))
    changed = set()
    for spec in (spec for spec in checkpoint.sources.specs if spec.kind == "file"):
        try:
            check_file(spec)
        except SourceChanged:
            changed.add(Path(spec.path).name)
    # The window looks at these every two seconds.
    assert changed == {"optimizer.pt", "config.json"}
    again = sdviewer.open(tmp_path)
    assert len(again.sections["optimizer.pt"].rows) == 15
    assert any("vocab_size = 47" in problem.message for problem in again.problems)


def test_any_file_of_the_folder_opens_alone_as_before(folder: tuple[Path, nn.Module]) -> None:
    path, _ = folder
    checkpoint = sdviewer.open(path / "optimizer.pt")
    assert "state/[0]/exp_avg" in checkpoint.tensors
    assert checkpoint.format == "torch zip"
