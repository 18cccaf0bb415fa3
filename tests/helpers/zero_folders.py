"""DeepSpeed folders as ZeRO writes them, by plain torch: a model trained a few steps, its parameters joined and cut.

The layout is that of `deepspeed/runtime/engine.py` (the model's file), `runtime/zero/stage_1_and_2.py`,
`runtime/zero/stage3.py` (the files of ranks), which `deepspeed/utils/zero_to_fp32.py` reads.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

MODEL = "mp_rank_00_model_states.pt"
STEP = "global_step3"


def rank_file(rank: int, kind: str = "optim") -> str:
    """What a file of one rank is called."""
    return f"zero_pp_rank_{rank}_mp_rank_00_{kind}_states.pt"


class Net(torch.nn.Module):
    """Odd sizes, a frozen parameter, a tied one, buffers, a parameter that is a number."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(7, 5)
        self.frozen = torch.nn.Linear(5, 3)
        self.frozen.requires_grad_(False)
        self.body = torch.nn.Linear(5, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.scale = torch.nn.Parameter(torch.tensor(1.5))
        self.head = torch.nn.Linear(5, 7, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of tokens."""
        inner = self.norm(self.body(self.embed(tokens)) * self.scale)
        logits: torch.Tensor = self.head(inner) + self.frozen(inner).sum()
        return logits


@dataclass(frozen=True)
class Trained:
    """A model after some steps: `weights` is its state_dict in float32, `moments` its optimizer's state by name."""

    weights: dict[str, torch.Tensor]
    moments: dict[str, dict[str, torch.Tensor]]
    groups: list[list[str]]
    options: list[dict[str, Any]]


def trained(steps: int = 3) -> Trained:
    """The same model for each number of steps."""
    torch.manual_seed(5)
    net = Net()
    names = {id(parameter): name for name, parameter in net.named_parameters() if parameter.requires_grad}
    decayed = [p for p in net.parameters() if p.requires_grad and p.ndim == 2]
    others = [p for p in net.parameters() if p.requires_grad and p.ndim != 2]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        net(torch.arange(7)).square().mean().backward()
        optimizer.step()
    return Trained(
        {name: value.detach().clone() for name, value in net.state_dict().items()},
        {
            names[id(p)]: {key: state[key].clone() for key in ("exp_avg", "exp_avg_sq")}
            for p, state in optimizer.state.items()
        },
        [[names[id(p)] for p in group] for group in (decayed, others)],
        [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups],
    )


def write(
    folder: Path, *, ranks: int = 2, stage: int = 2, steps: int = 3, layout: str = "padded", half: bool = True
) -> Trained:
    """Write a folder of one step; `layout` is "padded", "lean" (without padding, state as a list) or "old"."""
    folder.mkdir(parents=True, exist_ok=True)
    made = trained(steps)
    _write_models(folder, made, ranks, stage, half=half)
    for rank in range(ranks):
        state = {3: _stage_3}.get(stage, _stage_2)(made, rank, ranks, steps, layout)
        told = {"optimizer_state_dict": {"zero_stage": stage, **state}, "ds_config": {"a": 1}, "ds_version": "0.16.4"}
        torch.save(told, folder / rank_file(rank))
    return made


def _write_models(folder: Path, made: Trained, ranks: int, stage: int, *, half: bool) -> None:
    weights = made.weights
    buffers = [name for name in weights if name.startswith("norm.") and name.split(".")[1] not in ("weight", "bias")]
    frozen = ["frozen.weight", "frozen.bias"]
    module = OrderedDict(
        (name, value.bfloat16() if half and name not in buffers and value.is_floating_point() else value)
        for name, value in weights.items()
    )
    module["head.weight"] = module["embed.weight"]
    for rank in range(ranks if stage == 3 else 1):
        parts = {name: _share(weights[name], rank, ranks) if stage == 3 else weights[name] for name in frozen}
        inside = OrderedDict(
            (name, value if name in buffers or stage != 3 else torch.empty(0)) for name, value in module.items()
        )
        told = {
            "module": inside,
            "buffer_names": buffers,
            "optimizer": None,
            "param_shapes": [OrderedDict((name, weights[name].shape) for name in group) for group in made.groups],
            "frozen_param_shapes": OrderedDict((name, weights[name].shape) for name in frozen),
            "shared_params": {"head.weight": "embed.weight"},
            "frozen_param_fragments": OrderedDict(parts),
            "lr_scheduler": None,
            "global_steps": 3,
            "dp_world_size": ranks,
            "mp_world_size": 1,
            "ds_version": "0.16.4",
        }
        torch.save(told, folder / (rank_file(rank, "model") if stage == 3 else MODEL))


def _cut(values: list[torch.Tensor], rank: int, ranks: int, align: int) -> tuple[torch.Tensor, int]:
    """The stretch of a rank, padded, and how much of it is padding."""
    flat = torch.cat([value.reshape(-1) for value in values])
    whole = align * ranks * math.ceil(flat.numel() / (align * ranks))
    size = whole // ranks
    padded = torch.cat([flat, torch.full((whole - flat.numel(),), 99.0)])
    return padded[rank * size : (rank + 1) * size].clone(), max(0, min(size, (rank + 1) * size - flat.numel()))


def _stage_2(made: Trained, rank: int, ranks: int, steps: int, layout: str) -> dict[str, Any]:
    align = 1 if layout == "old" else 2
    flats, paddings, states = [], [], []
    for names in made.groups:
        flat, padding = _cut([made.weights[name] for name in names], rank, ranks, align)
        moments = {
            key: _cut([made.moments[name][key] for name in names], rank, ranks, align)[0]
            for key in ("exp_avg", "exp_avg_sq")
        }
        if layout == "lean":
            moments = {key: value[: value.numel() - padding] for key, value in moments.items()}
        flats.append(flat if layout == "old" else flat[: flat.numel() - padding])
        paddings.append(padding)
        states.append({"step": steps, **moments})
    groups = [{**options, "params": [at]} for at, options in enumerate(made.options)]
    return {
        "loss_scaler": {"cur_scale": 65536.0, "cur_iter": steps},
        "overflow": False,
        "partition_count": [ranks] * len(flats),
        "group_paddings": paddings,
        "single_partition_of_fp32_groups": flats,
        "base_optimizer_state": states
        if layout == "lean"
        else {"state": dict(enumerate(states)), "param_groups": groups},
    }


def _share(value: torch.Tensor, rank: int, ranks: int) -> torch.Tensor:
    size = math.ceil(value.numel() / ranks)
    return torch.cat([value.reshape(-1), torch.zeros(size * ranks - value.numel())])[rank * size : (rank + 1) * size]


def _stage_3(made: Trained, rank: int, ranks: int, steps: int, layout: str) -> dict[str, Any]:
    del layout
    names = [name for group in made.groups for name in group]

    def flat(values: Iterator[torch.Tensor]) -> list[torch.Tensor]:
        # In sub-groups, one of which ends inside a parameter.
        whole = torch.cat([_share(value, rank, ranks) for value in values])
        return [whole[:20].clone(), whole[20:].clone()]

    moments = {key: flat(made.moments[name][key] for name in names) for key in ("exp_avg", "exp_avg_sq")}
    return {
        "partition_count": ranks,
        "fp32_flat_groups": flat(made.weights[name] for name in names),
        "optimizer_state_dict": {
            "state": {at: {"step": steps, **{key: parts[at] for key, parts in moments.items()}} for at in (0, 1)},
            "param_groups": [{**made.options[0], "params": [0, 1]}],
        },
    }
