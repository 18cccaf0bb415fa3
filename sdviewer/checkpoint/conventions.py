"""Conventions: how training code names and shapes the parts of a checkpoint, one row each.

A row recognises a container by the keys that it holds or by the key under which it stands. What a
container holds weighs more than what it is called; the first row that fits wins.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

SectionKind = Literal["model", "ema", "optimizer", "scheduler", "tensors", "metadata"]


@dataclass(frozen=True, slots=True)
class Convention:
    """One habit of one library.

    Attributes:
        title: whose habit it is.
        kind: what a container that fits is.
        keys: a mapping that holds all of these fits; empty for a row about names.
        names: a container whose key this finds fits (without regard to case).

    """

    title: str
    kind: SectionKind
    keys: frozenset[str] = frozenset()
    names: re.Pattern[str] | None = None


def _holds(title: str, kind: SectionKind, *keys: str) -> Convention:
    return Convention(title, kind, keys=frozenset(keys))


def _called(title: str, kind: SectionKind, pattern: str) -> Convention:
    return Convention(title, kind, names=re.compile(pattern, re.IGNORECASE))


CONVENTIONS: tuple[Convention, ...] = (
    _holds("torch.optim.Optimizer.state_dict", "optimizer", "state", "param_groups"),
    _holds("torch.optim.lr_scheduler state", "scheduler", "last_epoch", "_step_count"),
    _holds("Hugging Face Trainer rng_state.pth", "tensors", "python", "numpy", "cpu"),
    _holds("Accelerate random_states_0.pkl", "tensors", "random_state", "numpy_random_seed", "torch_manual_seed"),
    _holds("Lightning ModelCheckpoint", "tensors", "best_model_path", "best_model_score"),
    _called("schedulers (Lightning: lr_schedulers)", "scheduler", r"schedul|(^|_)sched($|_)"),
    _called(
        "optimizers (tutorial: optimizer_state_dict, Lightning: optimizer_states, GANs: optimizer_G, optG)",
        "optimizer",
        r"optimi[sz]er|(^|_)optims?($|[_\d])|^opt_?(states?|g|d)$|^[gd]_opt$",
    ),
    _called("random number generators", "tensors", r"(^|_)rng($|_)|random_states?$"),
    _called("gradient scalers", "tensors", r"^(grad_|loss_|amp_)?scaler(_state(_dict)?)?$|^amp$"),
    _called(
        "EMA copies (timm: state_dict_ema, BasicSR: params_ema, YOLO: ema)",
        "ema",
        r"(^|[_.-])(ema|swa)($|[_.\d-])|^shadow(_params)?$|^averaged?_model",
    ),
    _called(
        "what a run was told (Lightning: hyper_parameters, loops …, YOLO: train_args, safetensors: __metadata__)",
        "metadata",
        r"^(config|cfg|hyper_parameters|hparams|(train|training)?_?(args|metrics|results)|callbacks|loops"
        r"|(__|_)?metadata(__)?|meta)$",
    ),
    _called(
        "files that transformers saves beside a model",
        "metadata",
        r"^(\w+\.json|training_args\.bin|(scaler|sampler)(_\d+)?\.(bin|pt))$",
    ),
    _called("PyTorch tutorial", "model", r"^model_state(_dict)?$"),
    _called("Lightning, timm", "model", r"^state_dict$"),
    _called("YOLO and most others", "model", r"^model$"),
    _called("BasicSR, Flax", "model", r"^params$"),
    _called("GAN pairs", "model", r"^(net_?[gd]|[gd]|generator|discriminator)(_state_dict)?$"),
    _called("DeepSpeed, torch.nn.DataParallel", "model", r"^module$"),
    _called("distillation pairs", "model", r"^(teacher|student)(_state_dict)?$"),
    _called("other words for a model", "model", r"^(net|network|weights|state|model_weights|\w+_state_dict)$"),
)


FLAT_OPTIMIZER = _holds("torch.distributed.checkpoint, optimizer flattened", "optimizer", "state.…", "param_groups.…")
"""What a container fits whose keys begin so: see `is_flat_optimizer`."""


def by_keys(keys: AbstractSet[str]) -> Convention | None:
    """The row that a mapping with these keys fits."""
    return next((row for row in CONVENTIONS if row.keys and row.keys <= keys), None)


def by_name(name: str) -> Convention | None:
    """The row that a container under this key fits."""
    return next((row for row in CONVENTIONS if row.names is not None and row.names.search(name)), None)
