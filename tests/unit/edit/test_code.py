"""The generated script, run by Python, writes what the export writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdviewer.edit.code import script_of
from sdviewer.edit.exporting import plan
from sdviewer.edit.rules import (
    AddPrefix,
    CastTo,
    Exclude,
    Include,
    Rename,
    RenameKeys,
    ReplacePrefix,
    Rule,
    StripPrefix,
    Template,
)
from tests.helpers.trained_folders import write_trained

STATE = {
    "module.layers.0.w": torch.randn(3, 2),
    "module.layers.1.w": torch.randn(3, 2),
    "module._orig_mod.head.b'ias": torch.randn(2).half(),
    "module.steps": torch.tensor(4),
}
CASES: list[list[Rule]] = [
    [],
    [StripPrefix("auto"), AddPrefix("x.")],
    [StripPrefix("module."), Rename(r"layers\.(\d)", r"h\1"), CastTo("bfloat16")],
    [Include("layers"), ReplacePrefix("module.", "n."), Template("n.layers.{i}.{rest}", "{i}.{rest}")],
    [Exclude("head"), RenameKeys((("module.steps", "n"),)), CastTo("float16", "layers.0")],
]


def run(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert list(a) == list(b)
    for key, value in a.items():
        assert value.dtype == b[key].dtype
        assert value.equal(b[key])


@pytest.mark.parametrize("rules", CASES, ids=range(len(CASES)))
def test_a_script_for_torch_files(tmp_path: Path, rules: list[Rule]) -> None:
    torch.save({"state_dict": STATE, "epoch": 3}, tmp_path / "a.pt")
    made = plan(tmp_path / "a.pt", *rules, unwrap=True)
    made.write(tmp_path / "b.pt")
    run(script_of(made, str(tmp_path / "c.pt")))
    same(torch.load(tmp_path / "c.pt", weights_only=True), torch.load(tmp_path / "b.pt", weights_only=True))


def test_a_script_keeps_what_is_beside_the_model(tmp_path: Path) -> None:
    optimizer = {"state": {0: {"m": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save({"model": STATE, "optimizer": optimizer, "epoch": 3}, tmp_path / "a.pt")
    made = plan(tmp_path / "a.pt", StripPrefix("auto"))
    made.write(tmp_path / "b.pt")
    run(script_of(made, str(tmp_path / "c.pt")))
    ours, theirs = (torch.load(tmp_path / name, weights_only=True) for name in ("b.pt", "c.pt"))
    assert list(ours) == list(theirs)
    same(ours["model"], theirs["model"])


def test_a_script_for_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.safetensors")
    made = plan(tmp_path / "a.safetensors", StripPrefix("auto"), CastTo("bfloat16"), target="safetensors")
    made.write(tmp_path / "b.safetensors")
    run(script_of(made, str(tmp_path / "c.safetensors")))
    ours, theirs = (load_file(tmp_path / name) for name in ("b.safetensors", "c.safetensors"))
    assert set(ours) == set(theirs)
    same({key: ours[key] for key in sorted(ours)}, {key: theirs[key] for key in sorted(theirs)})


@pytest.mark.parametrize(
    ("shards", "without", "ending"),
    [(1, (), ".safetensors"), (3, (), ".pt"), (1, ("optimizer.pt", "rng_state.pth"), ".pt")],
    ids=["run", "shards", "model"],
)
def test_a_script_for_a_folder_loads_the_files_of_its_model(
    tmp_path: Path, shards: int, without: tuple[str, ...], ending: str
) -> None:
    model = write_trained(tmp_path / "run", shards=shards, without=without)
    made = plan(tmp_path / "run", AddPrefix("x."), section="model", target=tmp_path / f"b{ending}")
    run(script_of(made, str(tmp_path / f"c{ending}")))
    written = (
        torch.load(tmp_path / "c.pt", weights_only=True) if ending == ".pt" else load_file(tmp_path / "c.safetensors")
    )
    assert {key.removeprefix("x.") for key in written} == set(model.state_dict())
    assert all(torch.equal(written[f"x.{key}"], tensor) for key, tensor in model.state_dict().items())


def test_a_script_for_the_optimizer_of_a_folder_loads_that_file(tmp_path: Path) -> None:
    write_trained(tmp_path / "run")
    made = plan(tmp_path / "run", section="rng_state.pth", target=tmp_path / "b.safetensors")
    script = script_of(made, str(tmp_path / "c.safetensors"))
    assert "rng_state.pth" in script
    assert "model.safetensors" not in script
