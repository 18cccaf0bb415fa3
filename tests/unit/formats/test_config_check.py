"""A config and the tensors beside it are compared in words, and nothing is said that they do not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.document import Problem
from sdviewer.checkpoint.facts import has_findings
from tests.helpers.trained_folders import Llama, llama_config, write_json, write_shards, write_trained

DOWN = "model.layers.0.mlp.down_proj.weight"


def findings(folder: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> list[Problem]:
    folder.mkdir(exist_ok=True)
    safetensors.torch.save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors"
    )
    write_json(folder / "config.json", config)
    return list(sdviewer.open(folder).problems)


def llama(**changes: Any) -> dict[str, torch.Tensor]:
    tensors = {name: tensor.detach() for name, tensor in Llama().state_dict().items()}
    return {name: tensor for name, tensor in {**tensors, **changes}.items() if tensor is not None}


def test_a_config_that_agrees_says_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path, llama_config(), llama()) == []


@pytest.mark.parametrize(
    ("changes", "kind", "severity", "where", "words"),
    [
        ({"num_hidden_layers": 14}, "missing", "error", "config.json", ("14", "12 layers", "from 12 on")),
        ({"num_hidden_layers": 9}, "extra", "warning", "model.layers.9.input_layernorm.weight", ("9, 10, 11",)),
        ({"intermediate_size": 41}, "irregular", "error", DOWN, ("= 41", "16 × 40", "36 of 36")),
        ({"num_key_value_heads": 4}, "irregular", "error", "model.layers.0.self_attn.k_proj.weight", ("= 4", "8 × 16")),
        ({"vocab_size": 50}, "irregular", "error", "model.embed_tokens.weight", ("= 50", "2 rows too few")),
        ({"vocab_size": 20}, "irregular", "error", "model.embed_tokens.weight", ("28 rows too many",)),
        ({"vocab_size": 45}, "irregular", "info", "model.embed_tokens.weight", ("padded to a multiple of 16",)),
        ({"tie_word_embeddings": True}, "irregular", "info", "lm_head.weight", ("stored both",)),
        ({"torch_dtype": "bfloat16"}, "irregular", "info", "config.json", ("bfloat16", "float32 (134 KiB of 134 KiB)")),
        ({"dtype": "torch.float16"}, "irregular", "info", "config.json", ("dtype = torch.float16",)),
        ({"num_attention_heads": 3}, "irregular", "warning", "config.json", ("does not divide",)),
        ({"quantization_config": {"quant_method": "gptq"}}, "irregular", "warning", "config.json", ("gptq",)),
        ({"quantization_config": {"load_in_8bit": True}}, "irregular", "warning", "config.json", ("bitsandbytes",)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_each_number_that_the_tensors_contradict_is_told_with_its_place(
    tmp_path: Path, changes: dict[str, Any], kind: str, severity: str, where: str, words: tuple[str, ...]
) -> None:
    problem = findings(tmp_path, llama_config(**changes), llama())[0]
    assert (problem.kind, problem.severity, problem.where) == (kind, severity, where)
    assert problem.message.startswith("config.json says ")
    assert all(word in problem.message for word in words), problem.message


def test_a_wrong_hidden_size_and_a_head_size_of_its_own_are_told(tmp_path: Path) -> None:
    wrong = findings(tmp_path, llama_config(hidden_size=32), llama())
    assert "hidden_size = 32; model.embed_tokens.weight is 48 × 16 (49 of 49" in wrong[0].message
    wrong = findings(tmp_path, llama_config(head_dim=8), llama())
    assert any("num_attention_heads = 4, head_dim = 8, so 32" in problem.message for problem in wrong)
    q = {f"model.layers.{at}.self_attn.q_proj.weight": torch.ones(32, 16) for at in range(12)}
    o = {f"model.layers.{at}.self_attn.o_proj.weight": torch.ones(16, 32) for at in range(12)}
    k = {f"model.layers.{at}.self_attn.{x}_proj.weight": torch.ones(16, 16) for at in range(12) for x in "kv"}
    assert findings(tmp_path, llama_config(head_dim=8), llama(**q, **o, **k)) == []


def test_one_layer_in_the_middle_that_is_not_there_is_named(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in llama().items() if ".layers.4." not in name}
    (problem,) = findings(tmp_path, llama_config(), tensors)
    assert "the tensors have 11 layers, missing: 4" in problem.message
    tensors = {name: tensor for name, tensor in tensors.items() if ".layers.11." not in name}
    (problem,) = findings(tmp_path, llama_config(), tensors)
    assert "missing: 4, from 11 on" in problem.message


def test_one_tensor_among_many_is_counted(tmp_path: Path) -> None:
    name = "model.layers.3.mlp.up_proj.weight"
    (problem,) = findings(tmp_path, llama_config(), llama(**{name: torch.ones(39, 16)}))
    assert problem.where == name
    assert "1 of 36 tensors" in problem.message


def test_a_head_that_is_not_there_is_missing_unless_it_is_tied(tmp_path: Path) -> None:
    tensors = llama(**{"lm_head.weight": None})
    (problem,) = findings(tmp_path, llama_config(), tensors)
    assert (problem.kind, problem.severity) == ("missing", "error")
    assert "there is no lm_head.weight" in problem.message
    assert has_findings(sdviewer.open(tmp_path))
    assert findings(tmp_path, llama_config(tie_word_embeddings=True), tensors) == []
    assert findings(tmp_path, llama_config(tie_word_embeddings=None), tensors) == []
    assert findings(tmp_path, llama_config(architectures=["LlamaModel"]), tensors) == []


def test_a_head_that_is_one_with_the_embedding_is_told_where_the_config_says_otherwise(tmp_path: Path) -> None:
    model = Llama()
    model.lm_head.weight = model.model.embed_tokens.weight
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    write_json(tmp_path / "config.json", llama_config())
    (problem,) = sdviewer.open(tmp_path).problems
    assert "are one tensor in the file" in problem.message
    write_json(tmp_path / "config.json", llama_config(tie_word_embeddings=True))
    assert sdviewer.open(tmp_path).problems == ()


GPT2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 32, "vocab_size": 48}
T5 = {
    "model_type": "t5", "d_model": 16, "d_kv": 8, "num_heads": 4, "d_ff": 24, "num_layers": 2,
    "num_decoder_layers": 1, "vocab_size": 48,
}  # fmt: skip
BERT = {
    "model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4,
    "intermediate_size": 24, "vocab_size": 48, "max_position_embeddings": 12, "type_vocab_size": 2,
}  # fmt: skip
MIXTRAL = {**llama_config(model_type="mixtral", num_hidden_layers=1), "num_local_experts": 2}


def gpt2() -> dict[str, torch.Tensor]:
    tensors = {"wte.weight": torch.ones(48, 16), "wpe.weight": torch.ones(32, 16), "ln_f.weight": torch.ones(16)}
    for at in range(2):
        tensors[f"h.{at}.attn.c_attn.weight"] = torch.ones(16, 48)
        tensors[f"h.{at}.mlp.c_fc.weight"] = torch.ones(16, 64)
    return tensors


def t5() -> dict[str, torch.Tensor]:
    tensors = {"shared.weight": torch.ones(48, 16)}
    for stack, count in (("encoder", 2), ("decoder", 1)):
        for at in range(count):
            tensors[f"{stack}.block.{at}.layer.0.SelfAttention.q.weight"] = torch.ones(32, 16)
            tensors[f"{stack}.block.{at}.layer.1.DenseReluDense.wi_0.weight"] = torch.ones(24, 16)
    return tensors


def bert() -> dict[str, torch.Tensor]:
    layer = "bert.encoder.layer.0"
    return {
        "bert.embeddings.word_embeddings.weight": torch.ones(48, 16),
        "bert.embeddings.position_embeddings.weight": torch.ones(12, 16),
        "bert.embeddings.token_type_embeddings.weight": torch.ones(2, 16),
        f"{layer}.attention.self.query.weight": torch.ones(16, 16),
        f"{layer}.intermediate.dense.weight": torch.ones(24, 16),
    }


def mixtral() -> dict[str, torch.Tensor]:
    layer = "model.layers.0.block_sparse_moe"
    tensors = {"model.embed_tokens.weight": torch.ones(48, 16), "lm_head.weight": torch.ones(48, 16)}
    tensors[f"{layer}.gate.weight"] = torch.ones(2, 16)
    for at in range(2):
        tensors[f"{layer}.experts.{at}.w1.weight"] = torch.ones(40, 16)
    return tensors


@pytest.mark.parametrize(
    ("config", "tensors", "changes", "words"),
    [
        (GPT2, gpt2(), {"n_layer": 3}, "n_layer = 3; the tensors have 2 layers"),
        (GPT2, gpt2(), {"n_embd": 8}, "n_embd = 8; h.0.attn.c_attn.weight is 16 × 48"),
        (GPT2, gpt2(), {"n_inner": 60}, "n_inner = 60; h.0.mlp.c_fc.weight is 16 × 64"),
        (GPT2, gpt2(), {"n_positions": 64}, "n_positions = 64; wpe.weight is 32 × 16"),
        (T5, t5(), {"num_layers": 3}, "num_layers = 3; the tensors have 2 layers"),
        (T5, t5(), {"num_decoder_layers": 2}, "num_decoder_layers = 2; the tensors have 1 layer"),
        (T5, t5(), {"d_kv": 4}, "num_heads = 4, d_kv = 4, so 16"),
        (T5, t5(), {"d_ff": 25}, "d_ff = 25"),
        (BERT, bert(), {"max_position_embeddings": 13}, "max_position_embeddings = 13"),
        (BERT, bert(), {"type_vocab_size": 1}, "type_vocab_size = 1"),
        (MIXTRAL, mixtral(), {"num_local_experts": 8}, "num_local_experts = 8"),
        (MIXTRAL, mixtral(), {"intermediate_size": 41}, "2 of 2 tensors"),
    ],
    ids=lambda value: str(next(iter(value.items()))) if isinstance(value, dict) and len(value) == 1 else "",
)
def test_families_with_other_keys_are_read_by_theirs(
    tmp_path: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor], changes: dict[str, Any], words: str
) -> None:
    assert findings(tmp_path, config, tensors) == []
    wrong = findings(tmp_path, {**config, **changes}, tensors)
    assert any(words in problem.message for problem in wrong), wrong


def test_of_a_family_that_is_not_known_no_shape_is_claimed(tmp_path: Path) -> None:
    config = llama_config(model_type="mamba", hidden_size=7, num_hidden_layers=99, vocab_size=1)
    assert findings(tmp_path, config, llama()) == []


@pytest.mark.parametrize(
    "nonsense",
    [
        {"hidden_size": "16"}, {"hidden_size": -1}, {"hidden_size": [16]}, {"num_hidden_layers": 1e3},
        {"num_hidden_layers": True}, {"vocab_size": None}, {"architectures": {"a": 1}}, {"architectures": [[]]},
        {"torch_dtype": ["float32"]}, {"quantization_config": []}, {"quantization_config": {"quant_method": []}},
        {"model_type": ["llama"]}, {"tie_word_embeddings": "no"}, {"head_dim": {}},
    ],
)  # fmt: skip
def test_nonsense_in_a_config_is_passed_over(tmp_path: Path, nonsense: dict[str, Any]) -> None:
    problems = findings(tmp_path, {**llama_config(), **nonsense}, llama())
    assert [problem for problem in problems if problem.severity == "error"] == []


def test_a_config_without_end_and_without_object_are_passed_over(tmp_path: Path) -> None:
    assert findings(tmp_path, llama_config(num_hidden_layers=10**18), llama())[0].message.endswith("from 12 on")
    write_json(tmp_path / "config.json", [1, 2])
    (problem,) = sdviewer.open(tmp_path).problems
    assert "holds no JSON object" in problem.message


def test_weights_of_gptq_without_the_config_and_of_other_bits_are_told(tmp_path: Path) -> None:
    tensors = {
        "model.layers.0.self_attn.q_proj.qweight": torch.ones(2, 16, dtype=torch.int32),
        "model.layers.0.self_attn.q_proj.g_idx": torch.zeros(16, dtype=torch.int32),
    }
    config = llama_config(num_hidden_layers=1)
    (problem,) = findings(tmp_path, config, tensors)
    assert "GPTQ or AWQ" in problem.message
    quantised = {"quant_method": "gptq", "bits": 4}
    assert findings(tmp_path, {**config, "quantization_config": quantised}, tensors) == []
    (problem,) = findings(tmp_path, {**config, "quantization_config": {**quantised, "bits": 8}}, tensors)
    assert "8 bits" in problem.message
    assert problem.where == "model.layers.0.self_attn.q_proj.qweight"


def test_while_shards_are_missing_nothing_is_said_to_be_missing_by_the_config(tmp_path: Path) -> None:
    write_shards(tmp_path, llama(), 3)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    write_json(tmp_path / "config.json", llama_config())
    assert [problem.where for problem in sdviewer.open(tmp_path).problems] == ["model-00002-of-00003.safetensors"]


def test_in_a_folder_with_an_optimizer_the_place_has_the_name_that_it_has_there(tmp_path: Path) -> None:
    write_trained(tmp_path, config=llama_config(intermediate_size=41))
    checkpoint = sdviewer.open(tmp_path)
    (problem,) = checkpoint.problems
    assert problem.where == "model/model.layers.0.mlp.down_proj.weight"
    assert problem.where in checkpoint.tensors


class Small(torch.nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.a = torch.nn.Linear(size, size)


@pytest.mark.parametrize(("size", "words"), [(5, "is 5 × 5, which no tensor of the model is"), (16, "")])
def test_an_optimizer_of_another_model_is_told_with_file_and_tensor(tmp_path: Path, size: int, words: str) -> None:
    write_trained(tmp_path / "other", Small(size), {})
    write_trained(tmp_path / "own")
    (tmp_path / "other" / "optimizer.pt").rename(tmp_path / "own" / "optimizer.pt")
    checkpoint = sdviewer.open(tmp_path / "own")
    if words:
        (problem,) = checkpoint.problems
        assert words in problem.message
        assert "optimizer.pt is not of this model" in problem.message
        assert problem.where == "optimizer.pt/state/[0]/exp_avg"
        assert problem.where in checkpoint.tensors
    else:
        # Its shapes are those of this model: nothing tells.
        assert checkpoint.problems == ()


def test_an_optimizer_of_more_parameters_than_the_model_has_is_told(tmp_path: Path) -> None:
    write_trained(tmp_path / "large", Llama(3), llama_config(num_hidden_layers=3))
    write_trained(tmp_path / "small", Llama(2), llama_config(num_hidden_layers=2))
    (tmp_path / "large" / "optimizer.pt").rename(tmp_path / "small" / "optimizer.pt")
    (problem,) = sdviewer.open(tmp_path / "small").problems
    assert "state of 30 parameters, the model has fewer tensors (21)" in problem.message
