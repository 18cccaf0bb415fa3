"""The order of a model whose file sorts it by name is that in which the model was made, or is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.training.groups import read_groups
from sdviewer.training.model_order import model_order
from sdviewer.training.naming import Confidence, Naming, name_parameters
from sdviewer.training.state import read_state
from tests.helpers.trained_folders import Llama, llama_config, step, trainers_order, write_json, write_trained

# As `named_parameters` of transformers gives them, a layer each.
BERT = """
bert.embeddings.word_embeddings.weight bert.embeddings.position_embeddings.weight
bert.embeddings.token_type_embeddings.weight bert.embeddings.LayerNorm.weight bert.embeddings.LayerNorm.bias
bert.encoder.layer.0.attention.self.query.weight bert.encoder.layer.0.attention.self.query.bias
bert.encoder.layer.0.attention.self.key.weight bert.encoder.layer.0.attention.self.key.bias
bert.encoder.layer.0.attention.self.value.weight bert.encoder.layer.0.attention.self.value.bias
bert.encoder.layer.0.attention.output.dense.weight bert.encoder.layer.0.attention.output.dense.bias
bert.encoder.layer.0.attention.output.LayerNorm.weight bert.encoder.layer.0.attention.output.LayerNorm.bias
bert.encoder.layer.0.intermediate.dense.weight bert.encoder.layer.0.intermediate.dense.bias
bert.encoder.layer.0.output.dense.weight bert.encoder.layer.0.output.dense.bias
bert.encoder.layer.0.output.LayerNorm.weight bert.encoder.layer.0.output.LayerNorm.bias
cls.predictions.bias cls.predictions.transform.dense.weight cls.predictions.transform.dense.bias
cls.predictions.transform.LayerNorm.weight cls.predictions.transform.LayerNorm.bias
"""
GPT2 = """
transformer.wte.weight transformer.wpe.weight transformer.h.0.ln_1.weight transformer.h.0.ln_1.bias
transformer.h.0.attn.c_attn.weight transformer.h.0.attn.c_attn.bias transformer.h.0.attn.c_proj.weight
transformer.h.0.attn.c_proj.bias transformer.h.0.ln_2.weight transformer.h.0.ln_2.bias
transformer.h.0.mlp.c_fc.weight transformer.h.0.mlp.c_fc.bias transformer.h.0.mlp.c_proj.weight
transformer.h.0.mlp.c_proj.bias transformer.ln_f.weight transformer.ln_f.bias
"""
T5 = """
shared.weight encoder.block.0.layer.0.SelfAttention.q.weight encoder.block.0.layer.0.SelfAttention.k.weight
encoder.block.0.layer.0.SelfAttention.v.weight encoder.block.0.layer.0.SelfAttention.o.weight
encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight encoder.block.0.layer.0.layer_norm.weight
encoder.block.0.layer.1.DenseReluDense.wi.weight encoder.block.0.layer.1.DenseReluDense.wo.weight
encoder.block.0.layer.1.layer_norm.weight encoder.final_layer_norm.weight
decoder.block.0.layer.0.SelfAttention.q.weight decoder.block.0.layer.0.layer_norm.weight
decoder.block.0.layer.1.EncDecAttention.q.weight decoder.block.0.layer.1.layer_norm.weight
decoder.block.0.layer.2.DenseReluDense.wi.weight decoder.block.0.layer.2.layer_norm.weight
decoder.final_layer_norm.weight
"""
MIXTRAL = """
model.embed_tokens.weight model.layers.0.self_attn.q_proj.weight model.layers.0.self_attn.k_proj.weight
model.layers.0.self_attn.v_proj.weight model.layers.0.self_attn.o_proj.weight
model.layers.0.block_sparse_moe.gate.weight model.layers.0.block_sparse_moe.experts.0.w1.weight
model.layers.0.block_sparse_moe.experts.0.w2.weight model.layers.0.block_sparse_moe.experts.0.w3.weight
model.layers.0.block_sparse_moe.experts.1.w1.weight model.layers.0.input_layernorm.weight
model.layers.0.post_attention_layernorm.weight model.norm.weight lm_head.weight
"""


def folder_of(folder: Path, names: list[str], model_type: str) -> Checkpoint:
    safetensors.torch.save_file({name: torch.ones(2) for name in names}, folder / "model.safetensors")
    write_json(folder / "config.json", {"model_type": model_type})
    return sdviewer.open(folder)


@pytest.mark.parametrize(
    ("model_type", "text"), [("bert", BERT), ("gpt2", GPT2), ("t5", T5), ("mixtral", MIXTRAL)], ids=lambda it: it[:8]
)
def test_names_of_a_known_family_are_put_in_its_order(tmp_path: Path, model_type: str, text: str) -> None:
    names = text.split()
    checkpoint = folder_of(tmp_path, names, model_type)
    rows = checkpoint.sections["model"].rows
    keys = dict(zip(rows.tolist(), checkpoint.sections["model"].tensors, strict=True))
    assert list(keys.values()) != names
    order = model_order(checkpoint, rows, keys)
    assert [keys[row] for row in order.rows.tolist()] == names
    assert order.is_known
    assert f"“{model_type}”" in order.reason


@pytest.mark.parametrize("other", ["model.extra.weight", "model.layers.x.weight", "lm_head.scale"])
def test_a_name_that_the_family_does_not_have_leaves_the_order_unknown(tmp_path: Path, other: str) -> None:
    checkpoint = folder_of(tmp_path, [*MIXTRAL.split(), other], "mixtral")
    rows = checkpoint.sections["model"].rows
    keys = dict(zip(rows.tolist(), checkpoint.sections["model"].tensors, strict=True))
    order = model_order(checkpoint, rows, keys)
    assert not order.is_known
    assert order.rows.tolist() == rows.tolist()


def naming_of(folder: Path) -> Naming:
    checkpoint = sdviewer.open(folder)
    section = checkpoint.sections["optimizer.pt"]
    state = read_state(checkpoint, read_groups(checkpoint.description, section.node))
    return name_parameters(checkpoint, section, state)


@pytest.mark.parametrize("shards", [1, 3])
def test_the_optimizer_of_a_trainers_folder_is_named_against_the_model_beside_it(tmp_path: Path, shards: int) -> None:
    model = write_trained(tmp_path, shards=shards)
    naming = naming_of(tmp_path)
    assert list(naming.name) == trainers_order(model)
    assert set(naming.confidence.tolist()) == {Confidence.LIKELY}
    assert "which the config beside it names" in naming.reason
    assert naming.conflicts == ()


@pytest.mark.parametrize("config", [llama_config(model_type="mamba"), {}, llama_config(model_type=["llama"])])
def test_of_an_unknown_family_shapes_alone_tell_and_nothing_wrong_is_said(
    tmp_path: Path, config: dict[str, object]
) -> None:
    model = write_trained(tmp_path, config=config)
    naming = naming_of(tmp_path)
    truth = trainers_order(model)
    assert all(name in ("", true) for name, true in zip(naming.name, truth, strict=True))
    # Every shape of this model occurs more than once.
    assert set(naming.name) == {""}
    assert "could be several" in naming.reason


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.z = nn.Linear(3, 5)
        self.a = nn.Linear(5, 7)
        self.m = nn.Linear(7, 7)


def test_shapes_that_are_alone_name_their_parameters_without_an_order(tmp_path: Path) -> None:
    model = write_trained(tmp_path, Odd(), {"model_type": "odd"})
    naming = naming_of(tmp_path)
    known = {name for name in naming.name if name}
    assert known == {"z.weight", "a.weight", "m.weight", "z.bias"}
    truth = trainers_order(model)
    assert all(name in ("", true) for name, true in zip(naming.name, truth, strict=True))


def test_the_optimizer_of_another_model_gets_no_names(tmp_path: Path) -> None:
    write_trained(tmp_path)
    other = Odd()
    optimizer = torch.optim.AdamW(other.parameters())
    step(other, optimizer)
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    naming = naming_of(tmp_path)
    assert set(naming.name) == {""}


def test_the_order_of_a_pickled_model_is_that_of_its_file(tmp_path: Path) -> None:
    model = write_trained(tmp_path, Llama(2), {"model_type": "anything"}, without=("model.safetensors",))
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    naming = naming_of(tmp_path)
    assert list(naming.name) == trainers_order(model)
    assert "safetensors" not in naming.reason


@pytest.mark.parametrize("library", ["transformers.models.llama.modeling_llama", "other.models.llama", "", 3])
def test_the_optimizer_of_an_adapter_is_named_where_its_config_tells_the_base_model(
    tmp_path: Path, library: object
) -> None:
    names = [
        f"base_model.model.model.layers.{at}.self_attn.{module}.lora_{half}.weight"
        for at in (0, 1)
        for module in ("q_proj", "k_proj", "v_proj")
        for half in "AB"
    ]
    tensors = {name: torch.ones((4, 8) if "lora_A" in name else (8, 4)) for name in names}
    safetensors.torch.save_file(tensors, tmp_path / "adapter_model.safetensors")
    mapping = {"base_model_class": "LlamaForCausalLM", "parent_library": library}
    write_json(tmp_path / "adapter_config.json", {"r": 4, "lora_alpha": 8, "auto_mapping": mapping})
    optimizer = torch.optim.AdamW([nn.Parameter(tensor) for tensor in tensors.values()])
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    naming = naming_of(tmp_path)
    assert list(naming.name) == (names if library == "transformers.models.llama.modeling_llama" else [""] * len(names))
