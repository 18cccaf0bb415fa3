"""Every row of the table is what some training code writes, and fits just that."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sdviewer.checkpoint.conventions import CONVENTIONS, by_keys, by_name

# Row → what fits it: a key under which a container stands, or the keys that one holds.
FITTING: dict[str, tuple[str | frozenset[str], ...]] = {
    "torch.optim.Optimizer.state_dict": (
        frozenset({"state", "param_groups"}),
        frozenset({"state", "param_groups", "x"}),
    ),
    "torch.optim.lr_scheduler state": (frozenset({"last_epoch", "_step_count", "base_lrs"}),),
    "Hugging Face Trainer rng_state.pth": (frozenset({"python", "numpy", "cpu", "cuda"}),),
    "Accelerate random_states_0.pkl": (
        frozenset({"step", "random_state", "numpy_random_seed", "torch_manual_seed", "torch_cuda_manual_seed"}),
    ),
    "Lightning ModelCheckpoint": (
        frozenset({"monitor", "best_model_path", "best_model_score", "best_k_models", "kth_value"}),
    ),
    "schedulers (Lightning: lr_schedulers)": (
        "scheduler",
        "lr_schedulers",
        "scheduler_state_dict",
        "LRScheduler",
        "lr_sched",
        "schedulers",
    ),
    "optimizers (tutorial: optimizer_state_dict, Lightning: optimizer_states, GANs: optimizer_G, optG)": (
        "optimizer",
        "optimizer_state_dict",
        "optimizer_states",
        "optimizers",
        "optimizer_G",
        "optG",
        "optimiser",
        "optim",
        "optim_D",
        "optims",
        "opt_state",
        "g_opt",
    ),
    "random number generators": ("rng_state", "cuda_rng_state", "torch_rng_state_all", "rng", "random_states"),
    "gradient scalers": ("scaler", "grad_scaler", "loss_scaler", "scaler_state_dict", "amp"),
    "EMA copies (timm: state_dict_ema, BasicSR: params_ema, YOLO: ema)": (
        "ema",
        "state_dict_ema",
        "params_ema",
        "model_ema",
        "ema_model",
        "EMA",
        "ema_0.9999",
        "swa_model",
        "shadow_params",
        "average_model",
        "averaged_model",
    ),
    "what a run was told (Lightning: hyper_parameters, loops …, YOLO: train_args, safetensors: __metadata__)": (
        "config",
        "cfg",
        "hyper_parameters",
        "hparams",
        "args",
        "train_args",
        "train_metrics",
        "train_results",
        "training_args",
        "callbacks",
        "loops",
        "__metadata__",
        "_metadata",
        "metadata",
        "meta",
    ),
    "files that transformers saves beside a model": (
        "config.json",
        "trainer_state.json",
        "training_args.bin",
        "scaler.pt",
    ),
    "PyTorch tutorial": ("model_state_dict", "model_state"),
    "Lightning, timm": ("state_dict",),
    "YOLO and most others": ("model", "Model"),
    "BasicSR, Flax": ("params",),
    "GAN pairs": ("netG", "netD", "net_g", "net_d", "G", "D", "g_state_dict", "generator", "discriminator_state_dict"),
    "DeepSpeed, torch.nn.DataParallel": ("module",),
    "distillation pairs": ("teacher", "student", "teacher_state_dict"),
    "other words for a model": ("net", "network", "weights", "state", "model_weights", "encoder_state_dict"),
}

CASES = [(title, what) for title, all_of_row in FITTING.items() for what in all_of_row]


@pytest.mark.parametrize(
    ("title", "what"), CASES, ids=lambda value: str(value if isinstance(value, str) else sorted(value))[:40]
)
def test_the_first_row_that_fits_is_the_one_for_it(title: str, what: str | frozenset[str]) -> None:
    row = by_name(what) if isinstance(what, str) else by_keys(what)
    assert row is not None
    assert row.title == title


def test_every_row_of_the_table_has_something_that_fits_it() -> None:
    assert [row.title for row in CONVENTIONS] == list(FITTING)


def test_a_row_is_about_keys_or_about_names_and_not_both() -> None:
    assert all(bool(row.keys) is (row.names is None) for row in CONVENTIONS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "layers",
        "encoder",
        "conv1",
        "weight",
        "embedding",
        "schema",
        "scale",
        "upscaler",
        "opt",
        "option",
        "optional",
        "adopt",
        "gemalto",
        "schematic",
        "swallow",
        "trng",
        "string",
        "modelling",
        "remodel",
        "networks",
        "dg",
        "gd",
        "configs_of_layers",
        "metanet",
    ],
)
def test_words_that_only_resemble_a_convention_fit_none(name: str) -> None:
    assert by_name(name) is None


@pytest.mark.parametrize(
    "keys", [frozenset[str](), frozenset({"state"}), frozenset({"last_epoch"}), frozenset({"cpu"})]
)
def test_a_part_of_the_keys_is_not_enough(keys: frozenset[str]) -> None:
    assert by_keys(keys) is None


OPTIMIZERS = [
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.NAdam,
    torch.optim.LBFGS,
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_what_an_optimizer_of_torch_saves_is_known_by_its_keys(make: type[torch.optim.Optimizer]) -> None:
    optimizer = make(nn.Linear(1, 1).parameters(), lr=0.1)  # type: ignore[call-arg]  # each of these has one
    row = by_keys(optimizer.state_dict().keys())
    assert row is not None
    assert row.kind == "optimizer"


def test_what_a_scheduler_of_torch_saves_is_known_by_its_keys() -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    for scheduler in (
        torch.optim.lr_scheduler.StepLR(optimizer, 3),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3),
        torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9, cycle_momentum=False),
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.9**epoch),
    ):
        row = by_keys(scheduler.state_dict().keys())
        assert row is not None
        assert row.kind == "scheduler"
