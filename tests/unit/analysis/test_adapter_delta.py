"""The change that an adapter makes is (α/r)·B·A, with the α and r of its files, or said to lack a scale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sdviewer.analysis.adapter_delta import Scaled, adapter_delta
from sdviewer.analysis.counting import count
from sdviewer.analysis.derived_values import derivation_at
from sdviewer.analysis.spectrum import spectrum
from sdviewer.checkpoint.adapter_pairs import pair_at, pairs_in
from sdviewer.checkpoint.computed import computed_checkpoint
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import Cancelled, SourceChanged
from sdviewer.formats.opening import open_checkpoint

Q = "base_model.model.layers.0.q_proj"


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def saved(path: Path, tensors: dict[str, torch.Tensor], config: Any = None) -> Checkpoint:
    save_file(tensors, path / "adapter_model.safetensors")
    if config is not None:
        (path / "adapter_config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return open_checkpoint(path / "adapter_model.safetensors")


def change(checkpoint: Checkpoint) -> tuple[Scaled, TensorRef]:
    (pair,) = pairs_in(checkpoint)
    found = adapter_delta(checkpoint, pair)
    (ref,) = computed_checkpoint([found.delta], checkpoint).tensors.values()
    return found, ref


def linear(a: torch.Tensor, b: torch.Tensor) -> dict[str, torch.Tensor]:
    return {f"{Q}.lora_A.weight": a, f"{Q}.lora_B.weight": b}


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({"lora_alpha": 16, "r": 4}, 4.0),
        ({"lora_alpha": 6.0, "r": 4, "use_rslora": True}, 3.0),
        ({"lora_alpha": 16, "alpha_pattern": {"q_proj": 2}}, 0.5),
        ({"lora_alpha": 16, "alpha_pattern": {"layers.0.q_proj": 2}}, 0.5),
        ({"lora_alpha": 16, "alpha_pattern": {"proj": 2, "layers.1.q_proj": 2}}, 4.0),
    ],
)
def test_the_change_is_the_scaled_product(tmp_path: Path, config: dict[str, Any], scale: float) -> None:
    a, b = some(4, 50), some(30, 4, seed=1).bfloat16()
    found, ref = change(saved(tmp_path, linear(a, b), config))
    assert found.scale == pytest.approx(scale)
    expected = (scale * (b.double() @ a.double())).numpy()
    assert (ref.name, ref.shape) == (f"{Q}.weight", (30, 50))
    np.testing.assert_allclose(ref.numpy(), expected, rtol=1e-6)
    assert count(ref).statistics().l2 == pytest.approx(float(np.linalg.norm(expected)), rel=1e-6)


def test_any_stretch_of_the_change_is_that_of_the_whole(tmp_path: Path) -> None:
    _, ref = change(saved(tmp_path, linear(some(4, 50), some(30, 4)), {"lora_alpha": 4}))
    whole = ref.numpy().reshape(-1)
    random = np.random.default_rng(1)
    for _ in range(40):
        first, last = np.sort(random.integers(0, 1501, 2)).tolist()
        np.testing.assert_allclose(ref.values_between(first, last - first), whole[first:last], rtol=1e-6, atol=1e-9)


def test_its_spectrum_is_that_of_the_product(tmp_path: Path) -> None:
    a, b = some(4, 50), some(30, 4)
    _, ref = change(saved(tmp_path, linear(a, b), {"lora_alpha": 8}))
    expected = torch.linalg.svdvals(2 * (b.double() @ a.double())).numpy()
    found = spectrum(ref).singular
    np.testing.assert_allclose(found[:4], expected[:4], rtol=1e-6)
    assert (found[4:] < 1e-5 * found[0]).all()


def test_convolutions_embeddings_and_turned_weights(tmp_path: Path) -> None:
    folder = tmp_path / "conv"
    folder.mkdir()
    a, b = some(4, 6, 3, 3), some(8, 4, 1, 1)
    _, ref = change(saved(folder, linear(a, b), {"lora_alpha": 4}))
    np.testing.assert_allclose(ref.numpy(), torch.einsum("oruv,rikl->oikl", b, a).numpy(), rtol=1e-4, atol=1e-5)
    folder = tmp_path / "embedding"
    folder.mkdir()
    a, b = some(4, 20), some(8, 4)
    tensors = {"e.lora_embedding_A": a, "e.lora_embedding_B": b}
    _, ref = change(saved(folder, tensors, {"lora_alpha": 4}))
    np.testing.assert_allclose(ref.numpy(), (b @ a).T.numpy(), rtol=1e-4, atol=1e-5)
    folder = tmp_path / "turned"
    folder.mkdir()
    _, ref = change(saved(folder, linear(a, b), {"lora_alpha": 4, "fan_in_fan_out": True}))
    np.testing.assert_allclose(ref.numpy(), (b @ a).T.numpy(), rtol=1e-4, atol=1e-5)


def test_alpha_beside_the_pair_counts(tmp_path: Path) -> None:
    a, b = some(4, 20), some(8, 4)
    tensors = {"up.lora_down.weight": a, "up.lora_up.weight": b, "up.alpha": torch.tensor(2.0)}
    found, ref = change(saved(tmp_path, tensors, {"lora_alpha": 400}))
    assert found.scale == 0.5
    np.testing.assert_allclose(ref.numpy(), 0.5 * (b @ a).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "no adapter_config.json"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "holds no mapping"),
        ({"r": 4}, "lora_alpha"),
        ({"lora_alpha": "many"}, "lora_alpha"),
        ({"lora_alpha": 1, "alpha_pattern": {"(a+)+$": 2}}, "regular expression"),
        ({"lora_alpha": 1, "alpha_pattern": [2]}, "no mapping"),
    ],
)
def test_a_scale_that_is_not_known_is_said(tmp_path: Path, config: Any, why: str) -> None:
    a, b = some(4, 50), some(30, 4)
    found, ref = change(saved(tmp_path, linear(a, b), config))
    assert found.scale is None
    assert why in found.reason
    np.testing.assert_allclose(ref.numpy(), (b.double() @ a.double()).numpy(), rtol=1e-6)
    checkpoint = ref.checkpoint
    assert checkpoint.format == "computed"


def test_each_of_a_pair_leads_to_it_and_others_do_not(tmp_path: Path) -> None:
    tensors = linear(some(4, 50), some(30, 4)) | {f"{Q}.base_layer.weight": some(30, 50)}
    tensors |= {f"{Q}.lora_A.other.weight": some(2, 50), f"{Q}.lora_B.other.weight": some(30, 2)}
    tensors |= {"v.lora_A.weight": some(4, 50), "v.lora_B.weight": some(30, 5), "k.lora_A.weight": some(4, 50)}
    checkpoint = saved(tmp_path, tensors)
    assert [(pair.module, pair.rank) for pair in pairs_in(checkpoint)] == [(Q, 2), (Q, 4)]
    tree = checkpoint.tree
    found = {
        checkpoint.table.name[int(tree.ref[node])]: pair_at(checkpoint, node)
        for node in range(len(tree))
        if tree.what[node] == TreeNode.TENSOR
    }
    ranks = {name: pair.rank for name, pair in found.items() if pair is not None}
    assert ranks == {
        f"{Q}.lora_A.weight": 4,
        f"{Q}.lora_B.weight": 4,
        f"{Q}.lora_A.other.weight": 2,
        f"{Q}.lora_B.other.weight": 2,
    }


def test_what_is_offered_tells_of_the_scale(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, linear(some(4, 50), some(30, 4)), {"lora_alpha": 16, "use_dora": True})
    node = checkpoint.tree.label.tolist().index("lora_A") + 1
    offer = derivation_at(checkpoint, node)
    assert offer is not None
    assert offer.make is not None
    derived = offer.make()
    assert dict(derived.facts)["Scale"] == "4, α/r = 16/4, of adapter_config.json"
    assert "use_dora" in derived.warnings[0]


def test_a_changed_file_is_noticed_and_looking_can_be_cancelled(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, linear(some(4, 50), some(30, 4)))
    _, ref = change(checkpoint)
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        list(pairs_in(checkpoint, control))
    save_file(linear(some(4, 51), some(30, 4)), tmp_path / "adapter_model.safetensors")
    with pytest.raises(SourceChanged):
        ref.numpy()
