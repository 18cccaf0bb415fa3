"""A folder of PEFT: its pairs, and what its config says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.analysis.derived_values import derivation_at
from sdviewer.checkpoint.adapter_pairs import pairs_in
from sdviewer.checkpoint.document import Problem
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.modules import TreeNode
from tests.helpers.trained_folders import write_json

BASE = "base_model.model.model.layers"


def adapter(ranks: dict[str, int]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for module, rank in ranks.items():
        tensors[f"{BASE}.{module}.lora_A.weight"] = torch.randn(rank, 24, generator=generator)
        tensors[f"{BASE}.{module}.lora_B.weight"] = torch.randn(32, rank, generator=generator)
    return tensors


def peft_config(**changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = {
        "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": "some/model", "bias": "none",
        "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True, "lora_alpha": 16,
        "lora_dropout": 0.05, "modules_to_save": None, "peft_type": "LORA", "r": 4, "rank_pattern": {},
        "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", "use_dora": False, "use_rslora": False,
    }  # fmt: skip
    return {**config, **changes}


def write(folder: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any] | None) -> list[Problem]:
    safetensors.torch.save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    if config is not None:
        write_json(folder / "adapter_config.json", config)
    return list(sdviewer.open(folder).problems)


TWO = {"0.self_attn.q_proj": 4, "0.self_attn.v_proj": 4}


def test_an_adapters_folder_has_its_config_in_the_tree_and_no_finding(tmp_path: Path) -> None:
    assert write(tmp_path, adapter(TWO), peft_config()) == []
    checkpoint = sdviewer.open(tmp_path)
    assert metadata_of(checkpoint.description)["adapter_config.json"] == peft_config()
    assert [pair.module for pair in pairs_in(checkpoint)] == [f"{BASE}.{module}" for module in TWO]


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize(
    ("changes", "ranks", "scales"),
    [
        ({}, TWO, (4.0, 4.0)),
        ({"use_rslora": True}, TWO, (8.0, 8.0)),
        ({"rank_pattern": {"v_proj": 2}}, {**TWO, "0.self_attn.v_proj": 2}, (4.0, 8.0)),
        ({"alpha_pattern": {"0.self_attn.v_proj": 2}}, TWO, (4.0, 0.5)),
    ],
    ids=["alpha/r", "rslora", "rank_pattern", "alpha_pattern"],
)
def test_a_pair_of_a_folder_gives_the_change_of_its_weight(
    tmp_path: Path, changes: dict[str, Any], ranks: dict[str, int], scales: tuple[float, float], *, with_state: bool
) -> None:
    tensors = adapter(ranks)
    if with_state:
        state = {at: {"exp_avg": torch.zeros_like(tensor)} for at, tensor in enumerate(tensors.values())}
        groups = [{"lr": 0.1, "params": list(range(len(tensors)))}]
        torch.save({"state": state, "param_groups": groups}, tmp_path / "optimizer.pt")
    assert write(tmp_path, tensors, peft_config(**changes)) == []
    checkpoint = sdviewer.open(tmp_path)
    tree = checkpoint.tree
    for module, scale in zip(ranks, scales, strict=True):
        key = f"{BASE}.{module}.lora_A.weight"
        row = checkpoint.sections["model"].tensors[key].row
        (node,) = np.flatnonzero((tree.what == TreeNode.TENSOR) & (tree.ref == row)).tolist()
        derivation = derivation_at(checkpoint, node)
        assert derivation is not None
        assert derivation.make is not None
        (change,) = derivation.make().checkpoint.tensors.values()
        a, b = tensors[key], tensors[key.replace("lora_A", "lora_B")]
        expected = scale * (b.double() @ a.double())
        assert np.allclose(change.numpy(), expected.numpy(), rtol=1e-6, atol=1e-6)


def test_a_rank_that_the_config_does_not_say_is_told_with_its_tensor(tmp_path: Path) -> None:
    (problem,) = write(tmp_path, adapter({**TWO, "0.self_attn.v_proj": 2}), peft_config())
    assert problem.where == f"{BASE}.0.self_attn.v_proj.lora_A.weight"
    assert "says a rank of 4" in problem.message
    assert "2 × 24 (2 of 4 tensors)" in problem.message


def test_half_a_pair_is_missing_the_other(tmp_path: Path) -> None:
    tensors = adapter(TWO)
    del tensors[f"{BASE}.0.self_attn.q_proj.lora_B.weight"]
    (problem,) = write(tmp_path, tensors, peft_config())
    assert (problem.kind, problem.severity) == ("missing", "error")
    assert problem.where == f"{BASE}.0.self_attn.q_proj.lora_A.weight"


def test_without_the_config_the_scale_is_said_to_be_unknown(tmp_path: Path) -> None:
    (problem,) = write(tmp_path, adapter(TWO), None)
    assert "no adapter_config.json lies beside" in problem.message


@pytest.mark.parametrize(
    "config",
    [{"r": "4"}, {"rank_pattern": {"(a+)+$": 3}}, {"rank_pattern": [3]}, {"r": None}],
    ids=["text", "expression", "list", "none"],
)
def test_ranks_that_cannot_be_used_are_not_compared(tmp_path: Path, config: dict[str, Any]) -> None:
    assert write(tmp_path, adapter(TWO), peft_config(**config)) == []


def test_a_broken_config_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{")
    (problem,) = write(tmp_path, adapter(TWO), None)
    assert problem.where == "adapter_config.json"
    assert "is no JSON" in problem.message
