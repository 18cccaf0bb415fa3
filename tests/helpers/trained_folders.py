"""Folders as transformers' Trainer writes them: small models of the layout of real ones, trained for some steps.

The modules are registered in the order in which transformers does it; its configs are written by hand.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

VOCABULARY, HIDDEN, INNER, HEADS, KEY_HEADS, LAYERS = 48, 16, 40, 4, 2, 12


class Norm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class Attention(nn.Module):
    def __init__(self, hidden: int, heads: int, key_heads: int) -> None:
        super().__init__()
        one = hidden // heads
        self.q_proj = nn.Linear(hidden, heads * one, bias=False)
        self.k_proj = nn.Linear(hidden, key_heads * one, bias=False)
        self.v_proj = nn.Linear(hidden, key_heads * one, bias=False)
        self.o_proj = nn.Linear(heads * one, hidden, bias=False)


class Mlp(nn.Module):
    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)


class Layer(nn.Module):
    def __init__(self, hidden: int, inner: int, heads: int, key_heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(hidden, heads, key_heads)
        self.mlp = Mlp(hidden, inner)
        self.input_layernorm = Norm(hidden)
        self.post_attention_layernorm = Norm(hidden)


class Body(nn.Module):
    def __init__(self, layers: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.layers = nn.ModuleList([Layer(HIDDEN, INNER, HEADS, KEY_HEADS) for _ in range(layers)])
        self.norm = Norm(HIDDEN)


class Llama(nn.Module):
    """The layout of LlamaForCausalLM."""

    def __init__(self, layers: int = LAYERS) -> None:
        super().__init__()
        self.model = Body(layers)
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)


def llama_config(**changes: Any) -> dict[str, Any]:
    """The config of `Llama`, as transformers writes it; a change to None leaves a key out."""
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "max_position_embeddings": 2048,
        "model_type": "llama",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_HEADS,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "transformers_version": "4.44.2",
        "use_cache": True,
        "vocab_size": VOCABULARY,
    }
    return {key: value for key, value in {**config, **changes}.items() if key not in changes or value is not None}


def trainers_optimizer(model: nn.Module) -> torch.optim.AdamW:
    """As Trainer makes it: weights that decay, then biases and norms that do not; each in the model's order."""
    decays = [p for name, p in model.named_parameters() if "norm" not in name and not name.endswith("bias")]
    others = [p for name, p in model.named_parameters() if "norm" in name or name.endswith("bias")]
    groups = [{"params": decays, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3)


def trainers_order(model: nn.Module) -> list[str]:
    """The names of all parameters in the order in which `trainers_optimizer` numbers them."""
    names = [name for name, _ in model.named_parameters()]
    no_decay = [name for name in names if "norm" in name or name.endswith("bias")]
    return [name for name in names if name not in no_decay] + no_decay


def step(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 2) -> None:
    generator = torch.Generator().manual_seed(3)
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_shards(folder: Path, tensors: Mapping[str, torch.Tensor], shards: int) -> None:
    """One safetensors file, or several and the index, as save_pretrained does it."""
    if shards == 1:
        safetensors.torch.save_file(dict(tensors), folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = list(tensors)
    index: dict[str, str] = {}
    for number in range(shards):
        file = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        own = names[number * len(names) // shards : (number + 1) * len(names) // shards]
        safetensors.torch.save_file({name: tensors[name] for name in own}, folder / file, metadata={"format": "pt"})
        index.update(dict.fromkeys(own, file))
    total = sum(tensor.nbytes for tensor in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": index})


class TrainingArguments:
    """A class of its own, as the one that training_args.bin holds: no reader has it."""

    def __init__(self) -> None:
        self.output_dir = "out"
        self.learning_rate = 1e-3
        self.per_device_train_batch_size = 8


def write_trained(
    folder: Path,
    model: nn.Module | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    shards: int = 1,
    without: Iterable[str] = (),
) -> nn.Module:
    """A checkpoint folder of Trainer; returns the model."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    model = Llama() if model is None else model
    optimizer = trainers_optimizer(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: 1 / (1 + at))
    step(model, optimizer)
    scheduler.step()
    write_shards(folder, {name: tensor.detach() for name, tensor in model.state_dict().items()}, shards)
    write_json(folder / "config.json", llama_config() if config is None else config)
    write_json(folder / "generation_config.json", {"_from_model_config": True, "bos_token_id": 1})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "model_max_length": 2048})
    history = [{"epoch": 0.5 * at, "learning_rate": 1e-3, "loss": 2.0 - 0.1 * at, "step": at} for at in range(3)]
    write_json(folder / "trainer_state.json", {"epoch": 1.0, "global_step": 2, "log_history": history, "max_steps": 9})
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    torch.save(scheduler.state_dict(), folder / "scheduler.pt")
    torch.save(torch.amp.GradScaler("cpu").state_dict(), folder / "scaler.pt")
    torch.save(TrainingArguments(), folder / "training_args.bin")
    numpy_state = np.random.get_state()  # noqa: NPY002  # Trainer saves the state of the legacy generator
    rng = {"python": random.getstate(), "numpy": numpy_state, "cpu": torch.random.get_rng_state()}
    torch.save(rng, folder / "rng_state.pth")
    for name in without:
        (folder / name).unlink()
    return model
