"""Companion names: what the Hugging Face libraries call the files that they save beside a model.

Transformers, its Trainer and Accelerate; the order here is the one in which they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdviewer.formats.shard_names import natural_key

if TYPE_CHECKING:
    # A reader process weighs files by these names before numpy is imported.
    from sdviewer.checkpoint.document import Shard

MODEL = "model"
"""The name under which a model stands where files beside it hold tensors, too."""

WITH_STATE = " with training state"
"""What the format of such a folder ends with."""

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
# JSON that says what the model is.
_BEFORE = (CONFIG, ADAPTER_CONFIG, "generation_config.json", "quantize_config.json")
# Pickles of torch that a run needs to go on.
_STATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"optimizer(_\d{1,6})?\.(pt|bin)",
        r"scheduler(_\d{1,6})?\.(pt|bin)",
        r"scaler(_\d{1,6})?\.pt",
        r"training_args\.bin",
        r"sampler(_\d{1,6})?\.bin",
        r"(rng_state(_\d{1,6})?\.pth|random_states_\d{1,6}\.pkl)",
    )
)
# JSON that tells of the run and of what is around the model.
_BEHIND = (
    *("trainer_state.json", "all_results.json", "train_results.json", "eval_results.json"),
    *("tokenizer_config.json", "special_tokens_map.json", "preprocessor_config.json", "processor_config.json"),
)
# Folders of what is sharded: Trainer and Accelerate with FSDP, and with DeepSpeed.
_STATE_FOLDER = re.compile(r"(optimizer|pytorch_model_fsdp)_\d{1,6}|global_step\d{1,12}")
# Called so, a file is a model of these libraries, and what lies beside it belongs to it.
_MODEL = re.compile(r"(pytorch_model|model|adapter_model|diffusion_pytorch_model)(\.[^.]+)?\.(safetensors|bin)")
# The history of a run of a million steps has so many bytes; configurations have a few thousand.
LARGEST_NOTE = 16 << 20
# Random states come one a rank.
_MOST_OF_A_KIND = 64


def is_note(name: str) -> bool:
    """Whether a file is called like JSON that is shown beside a model."""
    return name in _BEFORE or name in _BEHIND


def is_state(name: str) -> bool:
    """Whether a file is called like the training state beside a model."""
    return any(pattern.fullmatch(name) for pattern in _STATES)


def is_state_folder(name: str) -> bool:
    """Whether a folder is called like one of sharded training state."""
    return _STATE_FOLDER.fullmatch(name) is not None


def files_word(shards: Iterable[Shard]) -> str:
    """What the files of a checkpoint are together: its shards, or files where some are none."""
    return "Files" if any(is_state(shard.file) for shard in shards) else "Shards"


def is_model(weights: str) -> bool:
    """Whether weights are called as these libraries call a model's, "model.safetensors"; see `index_weights`."""
    return _MODEL.fullmatch(weights) is not None


def companions_among(names: Iterable[str], *, with_states: bool) -> list[str]:
    """The files among these that are shown beside a model, in the order in which they are."""
    there = set(names)
    found = [name for name in _BEFORE if name in there]
    if with_states:
        for pattern in _STATES:
            of_kind = sorted((name for name in there if pattern.fullmatch(name)), key=natural_key)
            found += of_kind[:_MOST_OF_A_KIND]
    return [*found, *(name for name in _BEHIND if name in there)]
