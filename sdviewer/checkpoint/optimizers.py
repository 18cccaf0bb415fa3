"""Optimizers: which one wrote a state_dict, told by the options of its first group."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdviewer.checkpoint.structure import Node, Structure

_MOST_OPTIONS = 64

# How keys begin in the flat layout that torch.distributed.checkpoint writes for resharding.
FLAT_STATE, FLAT_GROUPS = "state.", "param_groups."
_FLAT_LOOKED_AT = 256

# Options that only this optimizer has, the rarer ones first (names as torch.optim writes them).
_OWN_OPTIONS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Muon", frozenset({"ns_steps", "ns_coefficients"})),
    ("Adafactor", frozenset({"beta2_decay"})),
    ("Adafactor", frozenset({"scale_parameter", "relative_step"})),
    ("NAdam", frozenset({"betas", "momentum_decay"})),
    ("Rprop", frozenset({"etas", "step_sizes"})),
    ("ASGD", frozenset({"lambd", "t0"})),
    ("RMSprop", frozenset({"alpha", "centered"})),
    ("Adagrad", frozenset({"lr_decay", "initial_accumulator_value"})),
    ("Adadelta", frozenset({"rho", "eps"})),
    ("LBFGS", frozenset({"history_size", "max_iter"})),
    ("SGD", frozenset({"momentum", "dampening", "nesterov"})),
    ("AdamW", frozenset({"betas", "correct_bias"})),
)
# What every optimizer of torch may have beside.
_COMMON = frozenset(
    {"params", "lr", "initial_lr", "weight_decay", "foreach", "maximize", "differentiable", "capturable", "fused"}
)


def optimizer_name(options: Mapping[str, Any]) -> str:
    """The name of the optimizer whose group has these options: "AdamW", "Adam or AdamW", "" if it is not known."""
    keys = options.keys()
    for name, own in _OWN_OPTIONS:
        if own <= keys:
            return name
    if {"betas", "eps", "amsgrad"} <= keys and "bias_correction" not in keys:
        # Before torch 2.6 the two write the same options.
        decoupled = options.get("decoupled_weight_decay")
        return "Adam or AdamW" if decoupled is None else "AdamW" if decoupled else "Adam"
    if {"betas", "eps", "decoupled_weight_decay"} <= keys:
        return "RAdam"
    if {"betas", "eps"} <= keys <= _COMMON | {"betas", "eps"}:
        return "Adamax" if "foreach" in keys and "weight_decay" in keys else ""
    return ""


def group_options(structure: Structure, node: int) -> dict[str, Any]:
    """The options of the first of the `param_groups` in an optimizer's state_dict at `node`; containers as None."""
    groups = _child(structure, node, "param_groups")
    if groups < 0 or structure.end[groups] <= groups + 1:
        return {}
    options: dict[str, Any] = {}
    for child in itertools.islice(structure.children(groups + 1), _MOST_OPTIONS):
        scalar = structure.kind[child] == Node.SCALAR
        options[structure.part[child]] = _short(structure.values[int(structure.ref[child])]) if scalar else None
    return options


def _short(text: str) -> Any:
    return json.loads(text) if len(text) < 100 else None


def _child(structure: Structure, node: int, part: str) -> int:
    children = itertools.islice(structure.children(node), _MOST_OPTIONS)
    return next((child for child in children if structure.part[child] == part), -1)


def is_flat_optimizer(structure: Structure, node: int) -> bool:
    """Whether a container's own keys are `state.<parameter>.<field>` and `param_groups.<parameter>.<option>`.

    Ranks come one after the other, each with its state first: the first and the last keys tell.
    """
    part, end = structure.part, int(structure.end[node])
    if end <= node + 2 or part.data.find(FLAT_GROUPS.encode(), part.offsets[node + 1], part.offsets[end]) < 0:
        return False
    children = np.flatnonzero(structure.parent[node + 1 : end] == node) + node + 1
    chosen = np.unique(np.concatenate((children[:_FLAT_LOOKED_AT], children[-_FLAT_LOOKED_AT:]))).tolist()
    begins = {text.partition(".")[0] + "." for text in (part[child] for child in chosen)}
    return FLAT_GROUPS in begins and begins <= {FLAT_STATE, FLAT_GROUPS}
