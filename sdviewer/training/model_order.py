"""Model order: in which order a model makes its parameters, where its file does not keep it.

torch numbers parameters in the order in which modules are made; a state_dict has them so, but a safetensors file sorts
its tensors by dtype and name. For families of transformers the order of what stands side by side is known, by the
table below (the classes' `__init__` in transformers/models/*/modeling_*.py); for others it is not, and nothing is
made up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.wording import shown
from sdviewer.formats.companion_names import ADAPTER_CONFIG, CONFIG
from sdviewer.training.groups import child_named

Int64 = npt.NDArray[np.int64]

_LLAMA = (
    *("model", "embed_tokens", "layers"),
    *("self_attn", "q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm"),
    *("block_sparse_moe", "mlp", "gate", "experts", "w1", "w2", "w3", "gate_proj", "up_proj", "down_proj"),
    *("shared_expert", "shared_expert_gate"),
    *("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"),
    *("norm", "lm_head", "score"),
)
_BERT = (
    *("bert", "roberta", "embeddings", "word_embeddings", "position_embeddings", "token_type_embeddings"),
    *("encoder", "layer", "attention", "self", "query", "key", "value", "intermediate", "output", "pooler"),
    *("cls", "predictions", "transform", "lm_head", "classifier", "dense", "out_proj", "LayerNorm", "layer_norm"),
    *("decoder", "seq_relationship", "qa_outputs"),
)
_DISTILBERT = (
    *("distilbert", "embeddings", "word_embeddings", "position_embeddings", "LayerNorm"),
    *("transformer", "layer", "attention", "q_lin", "k_lin", "v_lin", "out_lin", "sa_layer_norm"),
    *("ffn", "lin1", "lin2", "output_layer_norm"),
    *("pre_classifier", "classifier", "vocab_transform", "vocab_layer_norm", "vocab_projector", "qa_outputs"),
)
_GPT2 = (
    *("transformer", "wte", "wpe", "h", "ln_1", "attn", "ln_2", "crossattention", "ln_cross_attn", "mlp"),
    *("c_attn", "q_attn", "c_fc", "c_proj", "ln_f", "lm_head", "score"),
)
_GPT_NEOX = (
    *("gpt_neox", "embed_in", "layers", "input_layernorm", "post_attention_layernorm"),
    *("attention", "query_key_value", "dense", "mlp", "dense_h_to_4h", "dense_4h_to_h"),
    *("final_layer_norm", "embed_out"),
)
_T5 = (
    *("shared", "encoder", "decoder", "embed_tokens", "block", "layer"),
    *("SelfAttention", "EncDecAttention", "q", "k", "v", "o", "relative_attention_bias"),
    *("DenseReluDense", "wi", "wi_0", "wi_1", "wo", "layer_norm", "final_layer_norm", "lm_head"),
)
# By `model_type` of config.json: what stands side by side comes in this order.
_ORDERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"), _LLAMA),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text"), _LLAMA),
    **dict.fromkeys(("bert", "roberta", "xlm-roberta"), _BERT),
    "distilbert": _DISTILBERT,
    "gpt2": _GPT2,
    "gpt_neox": _GPT_NEOX,
    **dict.fromkeys(("t5", "mt5"), _T5),
}
# What PEFT puts inside any of their modules.
_PEFT = ("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector")
# A module's own parameters come before those of what it holds.
_LIBRARY = re.compile(r"transformers\.models\.\w+(\.\w+)?")
_OWN = ("weight", "bias")


@dataclass(frozen=True, eq=False, slots=True)
class ModelOrder:
    """A model's parameters, and whether they are in its own order; `reason` says why, "" where its file tells it."""

    rows: Int64
    is_known: bool
    reason: str


def model_order(checkpoint: Checkpoint, rows: Int64, keys: Mapping[int, str]) -> ModelOrder:
    """The parameters `rows` in the order in which the model makes them, as far as that is known.

    `keys` has the state_dict key of each row.
    """
    if not _is_sorted_by_name(checkpoint, rows):
        return ModelOrder(rows, is_known=True, reason="")
    model_type = _model_type(checkpoint.description.structure)
    words = _ORDERS.get(model_type)
    names = [keys[row] for row in rows.tolist()]
    order = _sorted(names, words) if words is not None else None
    if order is not None:
        reason = (
            "A safetensors file does not keep the order of a model's parameters: it is taken as transformers makes "
            f"them for model_type “{model_type}”, which the config beside it names."
        )
        return ModelOrder(rows[order], is_known=True, reason=reason)
    if words is not None:
        why = f"these names are not all those of model_type “{model_type}”"
    elif model_type:
        why = f"that of model_type “{shown(model_type, 40)}” is not known here"
    else:
        why = "no config beside it names a model_type"
    reason = f"A safetensors file does not keep the order of a model's parameters, and {why}."
    return ModelOrder(rows, is_known=False, reason=reason)


def _is_sorted_by_name(checkpoint: Checkpoint, rows: Int64) -> bool:
    """Whether any of the rows lies in a safetensors file."""
    table, specs = checkpoint.table, checkpoint.sources.specs
    storages = np.unique(table.storage[rows])
    sources = np.unique(table.storages.source[storages[storages >= 0]]).tolist()
    return any(source >= 0 and specs[source].path.endswith(".safetensors") for source in sources)


def _model_type(structure: Structure) -> str:
    """What a config beside the model says; of an adapter where its base model's class is from."""
    model_type = _text_at(structure, CONFIG, "model_type")
    if model_type:
        return model_type
    library = _text_at(structure, ADAPTER_CONFIG, "auto_mapping", "parent_library")
    return library.split(".")[2] if _LIBRARY.fullmatch(library) else ""


def _text_at(structure: Structure, *path: str) -> str:
    node = 0 if len(structure) else -1
    for part in path:
        node = child_named(structure, node, part) if node >= 0 else -1
    if node < 0 or structure.kind[node] != Node.SCALAR:
        return ""
    value = json.loads(structure.values[int(structure.ref[node])])
    return value if isinstance(value, str) else ""


def _sorted(names: Sequence[str], words: Sequence[str]) -> Int64 | None:
    """Where each name of the sorted ones stands among `names`; None if the words do not tell it."""
    rank = {word: place for place, word in enumerate((*words, *_PEFT))}
    beside: dict[str, set[str]] = {}
    own: dict[str, set[str]] = {}
    for name in names:
        module, _, leaf = name.rpartition(".")
        own.setdefault(module, set()).add(leaf)
        while module and module not in beside.get(module.rpartition(".")[0], ()):
            before, _, _ = module.rpartition(".")
            beside.setdefault(before, set()).add(module)
            module = before
    if any(len(leaves) > 1 and not leaves <= set(_OWN) for leaves in own.values()):
        return None
    for modules in beside.values():
        last = [module.rpartition(".")[2] for module in modules]
        if len(last) > 1 and not all(word in rank for word in last) and not all(map(_is_number, last)):
            return None

    def key(place: int) -> list[tuple[int, int]]:
        *modules, leaf = names[place].split(".")
        path = [(1, int(word) if _is_number(word) else rank.get(word, 0)) for word in modules]
        return [*path, (0, _OWN.index(leaf) if leaf in _OWN else 0)]

    return np.array(sorted(range(len(names)), key=key), np.int64)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 10
