"""Kinds of modules as the rules find them in the state_dicts of real torch modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sdviewer.checkpoint.module_kinds import RULES, Facts, kind_of, name_hint
from tests.helpers.saved import nodes_by_path, opened


@dataclass(frozen=True)
class Case:
    """A module under a name, and the kind that is claimed."""

    kind: str
    name: str
    make: Callable[[], nn.Module]


def case(kind: str, name: str, make: Callable[[], nn.Module]) -> Case:
    return Case(kind, name, make)


# "block" tells nothing: there only names and shapes of the tensors speak.
CASES = [
    case("MultiheadAttention", "block", lambda: nn.MultiheadAttention(4, 2)),
    case("MultiheadAttention", "block", lambda: nn.MultiheadAttention(4, 2, bias=False)),
    case("MultiheadAttention", "block", lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=5)),
    case("MultiheadAttention", "block", lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True)),
    case("LSTM", "block", lambda: nn.LSTM(3, 4)),
    case("LSTM", "block", lambda: nn.LSTM(3, 4, num_layers=4, bidirectional=True)),
    case("LSTM", "block", lambda: nn.LSTM(3, 4, proj_size=2, bias=False)),
    case("GRU", "block", lambda: nn.GRU(3, 4, num_layers=2)),
    case("RNN", "block", lambda: nn.RNN(3, 4)),
    case("LSTMCell", "block", lambda: nn.LSTMCell(3, 4)),
    case("GRUCell", "block", lambda: nn.GRUCell(3, 4)),
    case("RNNCell", "block", lambda: nn.RNNCell(3, 4)),
    case("InstanceNorm", "instance_norm", lambda: nn.InstanceNorm2d(4, track_running_stats=True)),
    case("InstanceNorm", "in1", lambda: nn.InstanceNorm1d(4, affine=True)),
    case("BatchNorm", "block", lambda: nn.BatchNorm1d(4)),
    case("BatchNorm", "block", lambda: nn.BatchNorm2d(4, affine=False)),
    case("BatchNorm", "norm", lambda: nn.BatchNorm3d(4)),
    case("BatchNorm", "bn2", lambda: nn.BatchNorm2d(4, track_running_stats=False)),
    case("GroupNorm", "gn1", lambda: nn.GroupNorm(2, 4)),
    case("GroupNorm", "group_norm", lambda: nn.GroupNorm(2, 4)),
    case("LayerNorm", "ln_1", lambda: nn.LayerNorm(4)),
    case("LayerNorm", "layer_norm", lambda: nn.LayerNorm(4)),
    case("LayerNorm", "block", lambda: nn.LayerNorm([4, 5])),
    case("Norm", "block", lambda: nn.LayerNorm(4)),
    case("Norm", "norm1", lambda: nn.GroupNorm(2, 4)),
    case("Norm", "ln", lambda: nn.LayerNorm(4, bias=False)),
    case("RMSNorm", "rms_norm", lambda: nn.RMSNorm(4)),
    case("RMSNorm", "input_layernorm", lambda: nn.RMSNorm(4)),
    case("RMSNorm", "rmsnorm", lambda: nn.RMSNorm([4, 5])),
    case("PReLU", "prelu", lambda: nn.PReLU(4)),
    case("PReLU", "prelu", nn.PReLU),
    case("Embedding", "embed_tokens", lambda: nn.Embedding(9, 4)),
    case("Embedding", "wte", lambda: nn.Embedding(9, 4)),
    case("Embedding", "word_embeddings", lambda: nn.Embedding(9, 4)),
    case("Linear", "block", lambda: nn.Linear(3, 4)),
    case("Linear", "lm_head", lambda: nn.Linear(3, 4, bias=False)),
    case("Linear", "embed_out", lambda: nn.Linear(3, 4, bias=False)),
    case("Linear", "position_embeddings", lambda: nn.Linear(3, 4)),
    case("Conv1d", "block", lambda: nn.Conv1d(3, 4, 5)),
    case("Conv1d", "block", lambda: nn.Conv1d(3, 4, 5, bias=False)),
    case("Conv2d", "block", lambda: nn.Conv2d(3, 4, 5)),
    case("Conv2d", "block", lambda: nn.Conv2d(4, 8, 3, groups=2)),
    case("Conv2d", "block", lambda: nn.Conv2d(4, 4, 3, groups=4)),
    case("Conv2d", "block", lambda: nn.Conv2d(4, 4, 3)),
    case("Conv3d", "block", lambda: nn.Conv3d(3, 4, (1, 2, 3))),
    # BasicSR: convolutions behind an interpolation or before a pixel shuffle.
    case("Conv2d", "upconv1", lambda: nn.Conv2d(4, 16, 3)),
    case("Conv2d", "upconv1", lambda: nn.Conv2d(4, 4, 3)),
    case("Conv2d", "up", lambda: nn.Conv2d(4, 2, 1, bias=False)),
    case("ConvTranspose1d", "block", lambda: nn.ConvTranspose1d(3, 4, 5)),
    case("ConvTranspose2d", "block", lambda: nn.ConvTranspose2d(3, 4, 5)),
    case("ConvTranspose2d", "block", lambda: nn.ConvTranspose2d(6, 4, 3, groups=2)),
    case("ConvTranspose2d", "deconv", lambda: nn.ConvTranspose2d(4, 4, 3)),
    case("ConvTranspose2d", "deconv", lambda: nn.ConvTranspose2d(3, 4, 3, bias=False)),
    case("ConvTranspose2d", "up1", lambda: nn.ConvTranspose2d(4, 4, 2)),
    case("ConvTranspose2d", "upsample", lambda: nn.ConvTranspose2d(8, 4, 4, bias=False)),
    case("ConvTranspose3d", "block", lambda: nn.ConvTranspose3d(3, 4, 2)),
    case("ModuleList/Sequential", "block", lambda: nn.Sequential(nn.Linear(1, 2))),
    case("ModuleList/Sequential", "block", lambda: nn.ModuleList([nn.Linear(1, 2), nn.ReLU()])),
    case("Linear", "block", lambda: nn.utils.spectral_norm(nn.Linear(3, 4))),
    case("Conv2d", "block", lambda: nn.utils.spectral_norm(nn.Conv2d(3, 4, 3))),
    # Nothing shows what these are.
    case("", "block", lambda: nn.ParameterList([torch.zeros(2)])),
    case("", "block", lambda: nn.ModuleDict({"a": nn.Linear(1, 2)})),
    case("", "block", nn.PReLU),
    case("", "block", lambda: nn.RMSNorm(4)),
    case("", "block", lambda: nn.TransformerEncoderLayer(4, 2, 8)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind or 'nothing'} called {case.name}")
def test_a_real_module_is_told_by_its_names_and_shapes(tmp_path: Path, case: Case) -> None:
    model = nn.ModuleDict({"outer": nn.ModuleDict({case.name: case.make()})})
    tree = opened(tmp_path, model.state_dict()).tree
    node = nodes_by_path(tree)["model", "outer", case.name]
    assert tree.kinds[tree.kind[node]] == case.kind


def facts_of(case: Case) -> Facts:
    """What the tree tells the rules of a module, by torch's own books."""
    module = case.make()
    own = {key: tuple(value.shape) for key, value in module.state_dict().items() if "." not in key}
    held = {"0" if name.isdecimal() else name if name == "out_proj" else "…" for name, _ in module.named_children()}
    return Facts(name_hint(case.name), own, frozenset(held))


def test_each_rule_is_the_first_to_claim_some_real_module() -> None:
    first = {next(i for i, rule in enumerate(RULES) if rule.fits(facts_of(case))) for case in CASES if case.kind}
    assert first == set(range(len(RULES)))


def test_a_module_called_by_its_class_in_the_file_has_that_kind(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.LayerNorm(2))
    tree = opened(tmp_path, {"model": model}).tree
    kinds = {
        path[1:]: tree.kinds[tree.kind[node]] for path, node in nodes_by_path(tree).items() if path[:1] == ("model",)
    }
    assert kinds[()] == "Sequential"
    assert (kinds["0",], kinds["1",], kinds["2",]) == ("Linear", "Tanh", "LayerNorm")


@pytest.mark.parametrize(
    ("tensors", "claimed"),
    [
        ({"weight": (4, 3), "bias": (3,)}, ""),  # a bias that does not fit
        ({"weight": (4, 3), "bias": (4, 1)}, ""),
        ({"weight": (4, 3), "bias": ()}, ""),
        ({"weight": (4, 3), "bias": (4,), "scale": (4,)}, ""),  # a tensor too many
        ({"weight": ()}, ""),
        ({"weight": (4,)}, ""),
        ({"weight": (), "bias": ()}, ""),
        ({"bias": (4,)}, ""),
        ({}, ""),
        ({"weight": (4, 3, 2, 2, 2, 2)}, ""),
        ({"weight": (5, 3, 3, 3), "bias": (6,)}, ""),  # 2 groups do not divide 5 channels
        ({"weight": (4, 0, 3, 3), "bias": (6,)}, ""),
        ({"weight": (4, 3, 3, 3), "bias": (0,)}, ""),
        ({"weight_g": (4, 1), "weight_v": (4, 3)}, "Linear"),
        ({"weight_v": (4, 3)}, ""),
        ({"running_mean": (4,)}, ""),
        ({"running_mean": (4,), "running_var": (3,)}, ""),
        ({"running_mean": (4, 1), "running_var": (4, 1)}, ""),
        ({"weight_ih_l0": (12, 3)}, ""),
        ({"weight_ih_l0": (12, 3), "weight_hh_l0": (16, 4)}, ""),
        ({"weight_ih_l0": (8, 3), "weight_hh_l0": (8, 4)}, ""),  # two gates
        ({"weight_ih_l0": (0, 3), "weight_hh_l0": (0, 0)}, ""),
        ({"weight_ih_l0": (), "weight_hh_l0": ()}, ""),
        ({"in_proj_weight": (12, 4)}, ""),  # without its out_proj
        ({"qweight": (4, 3), "scales": (4,)}, ""),
        ({"weight": (4, 3), "lora_A": (4, 1)}, ""),
    ],
)
def test_shapes_that_a_module_cannot_have_claim_nothing(tensors: dict[str, tuple[int, ...]], claimed: str) -> None:
    assert kind_of(Facts(tensors=tensors)) == claimed


@pytest.mark.parametrize("hint", ["", "linear", "embedding", "transposed", "up", "rms", "group", "batch", "norm"])
def test_a_module_that_holds_other_modules_is_no_plain_layer(hint: str) -> None:
    facts = Facts(hint, {"weight": (4, 3), "bias": (4,)}, frozenset({"…"}))
    assert kind_of(facts) == ""


names = st.sampled_from(
    ["weight", "bias", "running_mean", "running_var", "weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]
)
hints = st.sampled_from(["", "linear", "embedding", "transposed", "up", "rms", "group", "instance", "batch", "layer"])


@given(st.dictionaries(names, st.lists(st.integers(0, 5), max_size=6).map(tuple), max_size=5), hints)
def test_any_shapes_are_judged_and_what_is_claimed_could_be_built(
    tensors: dict[str, tuple[int, ...]], hint: str
) -> None:
    kind = kind_of(Facts(hint, tensors))
    weight, bias = tensors.get("weight"), tensors.get("bias")
    if kind == "Linear" or (kind.startswith("Conv") and "Transpose" not in kind):
        assert weight is not None
        assert bias is None or bias == weight[:1]
        assert len(weight) == 2 + (int(kind[4]) if kind != "Linear" else 0)
    if "Transpose" in kind and bias is not None:
        assert weight is not None
        groups = bias[0] // weight[1]
        built = nn.ConvTranspose1d(weight[0], bias[0], 1, groups=groups) if min(*weight[:2], bias[0]) else None
        assert built is None or tuple(built.weight.shape[:2]) == weight[:2]
    if kind in ("LSTM", "GRU", "RNN"):
        gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
        size = (tensors.get("weight_hr_l0") or tensors["weight_hh_l0"])[-1]
        assert tensors["weight_ih_l0"][0] == tensors["weight_hh_l0"][0] == gates * size


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("layers", ""),
        ("attention", ""),
        ("downsample", ""),
        ("upper", ""),
        ("main", ""),
        ("inner", ""),
        ("convolution", ""),
        ("in2", "instance"),
        ("self_attn_layer_norm", "layernorm"),
        ("final_layernorm", "layernorm"),
        ("ln_f", "layer"),
        ("lnorm", "layer"),
        ("bn", "batch"),
        ("upsample_2", "up"),
        ("conv_transpose", "transposed"),
        ("q_proj", "linear"),
        ("fc1", "linear"),
        ("relative_attention_bias", "embedding"),
        ("token_type_embeddings", "embedding"),
    ],
)
def test_the_name_of_a_module_hints_at_its_kind(name: str, hint: str) -> None:
    assert name_hint(name) == hint
