"""Config families: which numbers of a `config.json` which axes of which tensors show, one row a family.

After the classes of transformers (models/*/modeling_*.py and configuration_*.py): the same number has other keys in
other families, and the layers stand under other names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """A number that follows from a config, and how: `num_attention_heads · head_dim = 32 · 128`."""

    value: int
    words: str


@dataclass(frozen=True, slots=True)
class Family:
    """One layout.

    Attributes:
        types: the `model_type`s that have it.
        keys: role → the keys that say it, the first that is there counts.
        stacks: a pattern with the number of a layer in it → the role that says how many there are.
        widths: pattern of a tensor's name, axis, role or formula (see `FORMULAS`) of its length.
        embedding: how the name of the word embedding ends, whose rows are the vocabulary.
        head: the same of the output layer.

    """

    types: tuple[str, ...]
    stacks: tuple[tuple[re.Pattern[str], str], ...]
    widths: tuple[tuple[str, int, str], ...]
    embedding: str
    head: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Numbers:
    """The numbers of one config by their roles."""

    def __init__(self, config: Mapping[str, Any], family: Family) -> None:
        self._config, self._keys = config, {**_KEYS, **family.keys}

    def get(self, role: str) -> Said | None:
        """The number of a role or formula, None where the config does not say it."""
        formula = FORMULAS.get(role)
        return formula(self) if formula is not None else self.plain(role)

    def plain(self, role: str) -> Said | None:
        """The number that stands in the config itself."""
        for key in self._keys.get(role, ()):
            value = self._config.get(key)
            if type(value) is int and value > 0:
                return Said(value, f"{key} = {value:,}")
        return None


def _head_size(numbers: Numbers) -> Said | None:
    own = numbers.plain("head_dim")
    hidden, heads = numbers.plain("hidden"), numbers.plain("heads")
    if own is not None or hidden is None or heads is None or hidden.value % heads.value:
        return own
    return Said(hidden.value // heads.value, f"{hidden.words}, {heads.words}")


def _times_heads(role: str) -> Callable[[Numbers], Said | None]:
    def formula(numbers: Numbers) -> Said | None:
        size = _head_size(numbers)
        count = numbers.plain(role) or numbers.plain("heads")
        if size is None or count is None:
            return None
        words = ", ".join(dict.fromkeys((*count.words.split(", "), *size.words.split(", "))))
        return Said(count.value * size.value, words)

    return formula


def _thrice_hidden(numbers: Numbers) -> Said | None:
    hidden = numbers.plain("hidden")
    return None if hidden is None else Said(3 * hidden.value, hidden.words)


def _inner(numbers: Numbers) -> Said | None:
    own, hidden = numbers.plain("inner"), numbers.plain("hidden")
    if own is not None or hidden is None:
        return own
    return Said(4 * hidden.value, f"{hidden.words} and no inner size, which is four times that")


FORMULAS: Mapping[str, Callable[[Numbers], Said | None]] = {
    "head size": _head_size,
    "all heads": _times_heads("heads"),
    "all key heads": _times_heads("key heads"),
    "3 hidden": _thrice_hidden,
    "inner or 4 hidden": _inner,
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers",),
    "hidden": ("hidden_size",),
    "heads": ("num_attention_heads",),
    "key heads": ("num_key_value_heads",),
    "head_dim": ("head_dim",),
    "inner": ("intermediate_size",),
    "vocabulary": ("vocab_size",),
    "experts": ("num_local_experts", "num_experts"),
    "expert inner": ("moe_intermediate_size",),
    "positions": ("max_position_embeddings",),
    "types": ("type_vocab_size",),
}

FAMILIES: tuple[Family, ...] = (
    Family(
        types=(
            *("llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"),
            *("gemma", "gemma2", "gemma3_text", "phi3", "starcoder2", "olmo", "olmo2"),
        ),
        stacks=((re.compile(r"(?:^|\.)layers\.(\d{1,6})\."), "layers"),),
        widths=(
            (r"embed_tokens\.weight", 1, "hidden"),
            (r"self_attn\.q_proj\.weight", 1, "hidden"),
            (r"(?:input|post_attention)_layernorm\.weight", 0, "hidden"),
            (r"mlp\.down_proj\.weight", 0, "hidden"),
            (r"self_attn\.q_proj\.weight", 0, "all heads"),
            (r"self_attn\.o_proj\.weight", 1, "all heads"),
            (r"self_attn\.[kv]_proj\.weight", 0, "all key heads"),
            (r"mlp\.(?:gate|up)_proj\.weight", 0, "inner"),
            (r"mlp\.down_proj\.weight", 1, "inner"),
            (r"block_sparse_moe\.gate\.weight", 0, "experts"),
            (r"block_sparse_moe\.experts\.\d+\.w[13]\.weight", 0, "inner"),
            (r"mlp\.gate\.weight", 0, "experts"),
            (r"mlp\.experts\.\d+\.(?:gate|up)_proj\.weight", 0, "expert inner"),
        ),
        embedding="embed_tokens.weight",
        head="lm_head.weight",
    ),
    Family(
        types=("gpt2",),
        stacks=((re.compile(r"(?:^|\.)h\.(\d{1,6})\."), "layers"),),
        widths=(
            (r"wte\.weight", 1, "hidden"),
            (r"ln_f\.weight", 0, "hidden"),
            (r"attn\.c_attn\.weight", 0, "hidden"),
            (r"attn\.c_attn\.weight", 1, "3 hidden"),
            (r"mlp\.c_fc\.weight", 1, "inner or 4 hidden"),
            (r"wpe\.weight", 0, "positions"),
        ),
        embedding="wte.weight",
        head="lm_head.weight",
        keys={
            "layers": ("n_layer", "num_hidden_layers"),
            "hidden": ("n_embd", "hidden_size"),
            "heads": ("n_head", "num_attention_heads"),
            "inner": ("n_inner",),
            "positions": ("n_positions", "n_ctx", "max_position_embeddings"),
        },
    ),
    Family(
        types=("bert", "roberta", "xlm-roberta", "electra", "camembert"),
        stacks=((re.compile(r"(?:^|\.)encoder\.layer\.(\d{1,6})\."), "layers"),),
        widths=(
            (r"attention\.self\.(?:query|key|value)\.weight", 0, "hidden"),
            (r"attention\.output\.dense\.weight", 0, "hidden"),
            (r"intermediate\.dense\.weight", 0, "inner"),
            (r"embeddings\.position_embeddings\.weight", 0, "positions"),
            (r"embeddings\.token_type_embeddings\.weight", 0, "types"),
        ),
        embedding="word_embeddings.weight",
        head="cls.predictions.decoder.weight",
    ),
    Family(
        types=("distilbert",),
        stacks=((re.compile(r"(?:^|\.)transformer\.layer\.(\d{1,6})\."), "layers"),),
        widths=(
            (r"attention\.[qkv]_lin\.weight", 0, "hidden"),
            (r"ffn\.lin1\.weight", 0, "inner"),
            (r"embeddings\.position_embeddings\.weight", 0, "positions"),
        ),
        embedding="word_embeddings.weight",
        head="vocab_projector.weight",
        keys={
            "layers": ("n_layers", "num_hidden_layers"),
            "hidden": ("dim", "hidden_size"),
            "heads": ("n_heads", "num_attention_heads"),
            "inner": ("hidden_dim",),
        },
    ),
    Family(
        types=("gpt_neox",),
        stacks=((re.compile(r"(?:^|\.)layers\.(\d{1,6})\."), "layers"),),
        widths=(
            (r"embed_in\.weight", 1, "hidden"),
            (r"attention\.query_key_value\.weight", 0, "3 hidden"),
            (r"mlp\.dense_h_to_4h\.weight", 0, "inner"),
        ),
        embedding="embed_in.weight",
        head="embed_out.weight",
    ),
    Family(
        types=("t5", "mt5"),
        stacks=(
            (re.compile(r"(?:^|\.)encoder\.block\.(\d{1,6})\."), "layers"),
            (re.compile(r"(?:^|\.)decoder\.block\.(\d{1,6})\."), "decoder layers"),
        ),
        widths=(
            (r"shared\.weight", 1, "hidden"),
            (r"SelfAttention\.q\.weight", 1, "hidden"),
            (r"(?:SelfAttention|EncDecAttention)\.[qkv]\.weight", 0, "all heads"),
            (r"DenseReluDense\.wi(?:_[01])?\.weight", 0, "inner"),
        ),
        embedding="shared.weight",
        head="lm_head.weight",
        keys={
            "layers": ("num_layers", "num_hidden_layers"),
            "decoder layers": ("num_decoder_layers", "num_layers"),
            "hidden": ("d_model", "hidden_size"),
            "heads": ("num_heads", "num_attention_heads"),
            "head_dim": ("d_kv",),
            "inner": ("d_ff",),
        },
    ),
)


def family_of(config: Mapping[str, Any]) -> Family | None:
    """The family that a config names, None for one that the table does not have."""
    model_type = config.get("model_type")
    return next((family for family in FAMILIES if model_type in family.types), None)
