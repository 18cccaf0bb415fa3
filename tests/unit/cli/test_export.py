"""`export`: documents, exit codes, and files that load where they are needed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.unit.cli.running import CommandLine


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


@pytest.fixture
def file(tmp_path: Path, model: nn.Sequential) -> Path:
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(6, 4)).sum().backward()
    optimizer.step()
    path = tmp_path / "run.pt"
    torch.save({"model": nn.DataParallel(model).state_dict(), "optimizer": optimizer.state_dict(), "epoch": 2}, path)
    return path


def test_the_model_alone_loads_into_the_module(
    sdviewer_command: CommandLine, tmp_path: Path, file: Path, model: nn.Sequential
) -> None:
    out = tmp_path / "out.pt"
    told = sdviewer_command("export", file, out, "--section", "model", "--strip-prefix", "auto", "--json")
    assert told.code == 0
    assert [key["new"] for key in told.json["plan"]["keys"]] == list(model.state_dict())
    assert told.json["written"] == [{"file": str(out), "bytes": out.stat().st_size}]
    assert told.json["verified"] == {"ours": True, "torch": True}
    model.load_state_dict(torch.load(out, weights_only=True), strict=True)


def test_a_backbone_is_kept_and_renamed(sdviewer_command: CommandLine, tmp_path: Path, file: Path) -> None:
    out = tmp_path / "backbone.safetensors"
    told = sdviewer_command(
        "export", file, out, "--drop", "optimizer", "--include", "module.0.*", "--include", "module.1.*",
        "--rename", r"^module\.(\d)=>encoder.\1", "--cast", "bfloat16:*.weight",
    )  # fmt: skip
    assert told.code == 0
    found = load_file(out)
    assert set(found) == {f"encoder.{key}" for key in (
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"
    )}  # fmt: skip
    assert found["encoder.0.weight"].dtype == torch.bfloat16
    assert found["encoder.0.bias"].dtype == torch.float32


def test_a_plan_that_would_lose_tensors_is_refused_with_1(
    sdviewer_command: CommandLine, tmp_path: Path, file: Path
) -> None:
    out = tmp_path / "out.safetensors"
    told = sdviewer_command("export", file, out, "--json")
    assert told.code == 1
    (refusal,) = told.json["plan"]["refusals"]
    assert refusal["kind"] == "lost"
    assert told.json["written"] == []
    assert not out.exists()
    collision = sdviewer_command("export", file, out, "--drop", "optimizer", "--rename", r".*=>x")
    assert collision.code == 1
    assert "Refused" in collision.out


def test_a_dry_run_writes_nothing(sdviewer_command: CommandLine, tmp_path: Path, file: Path) -> None:
    out = tmp_path / "out.pt"
    told = sdviewer_command("export", file, out, "--strip-prefix", "module.", "--dry-run")
    assert told.code == 0
    assert "module.0.weight → 0.weight" in told.out
    assert not out.exists()


def test_an_existing_file_needs_overwrite(sdviewer_command: CommandLine, tmp_path: Path, file: Path) -> None:
    out = tmp_path / "out.pt"
    out.write_bytes(b"precious")
    told = sdviewer_command("export", file, out)
    assert told.code == 2
    assert out.read_bytes() == b"precious"
    assert sdviewer_command("export", file, out, "--overwrite").code == 0
    assert torch.load(out, weights_only=True)["epoch"] == 2


def test_a_recipe_says_which_part_unless_that_is_given(
    sdviewer_command: CommandLine, tmp_path: Path, file: Path, model: nn.Sequential
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('version = 1\nsection = "model"\n[[rules]]\nrule = "strip_prefix"\nprefix = "auto"\n')
    out = tmp_path / "out.pt"
    assert sdviewer_command("export", file, out, "--recipe", recipe).code == 0
    model.load_state_dict(torch.load(out, weights_only=True), strict=True)
    other = tmp_path / "other.pt"
    assert sdviewer_command("export", file, other, "--recipe", recipe, "--section", "optimizer").code == 0
    assert not set(torch.load(other, weights_only=True)) & set(model.state_dict())
    recipe.write_text('version = 1\nsection = "ema"\n')
    told = sdviewer_command("export", file, tmp_path / "no.pt", "--recipe", recipe)
    assert told.code == 2
    assert "no section 'ema'" in told.err


def test_shards_and_recipes(sdviewer_command: CommandLine, tmp_path: Path, file: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('version = 1\ndrop = ["optimizer"]\n[[rules]]\nrule = "strip_prefix"\nprefix = "auto"\n')
    told = sdviewer_command("export", file, tmp_path / "hf", "--recipe", recipe, "--shard-size", "100B", "--json")
    assert told.code == 0
    assert len(told.json["written"]) > 2
    assert (tmp_path / "hf" / "model.safetensors.index.json").exists()


def test_wrong_usage_is_64(sdviewer_command: CommandLine, tmp_path: Path, file: Path) -> None:
    for options in (
        ("--rename", "no arrow"),
        ("--cast", "int3"),
        ("--shard-size", "huge"),
        ("--metadata", "nothing"),
        ("--include", "dtype:florp"),
    ):
        assert sdviewer_command("export", file, tmp_path / "out.pt", *options).code == 64
    missing = sdviewer_command("export", file, tmp_path / "out.pt", "--section", "nope")
    assert missing.code == 2
