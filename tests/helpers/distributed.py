"""Distributed checkpoints as two processes of torch write them, each its own part, over the loopback.

`trained/` is a model sharded by FSDP2 with its optimizer after a step, and what a training loop keeps beside it.
`placed/` holds DTensors of several dtypes, cut along either axis or both, `huggingface/` some of them as safetensors.
Beside each folder of `.distcp` files a `.pt` holds what `dcp_to_torch_save` makes of it.
"""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import get_state_dict
from torch.distributed.checkpoint.state_dict_saver import save as dcp_save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.multiprocessing.spawn import spawn

RANKS = 2
NOTE = "a text that is longer than what a pickle keeps in place " * 40


def placed_tensors() -> dict[str, torch.Tensor]:
    """What `placed/` holds, whole."""
    torch.manual_seed(3)
    return {
        "rows": torch.randn(7, 5),
        "columns": torch.randn(6, 5),
        "middle": torch.randn(3, 4, 5),
        "turned": torch.randn(6, 4).t(),
        "half": torch.randn(5, 3).bfloat16(),
        "eight": torch.randn(8, 2).to(torch.float8_e4m3fn),
        "wave": torch.randn(3, 2, dtype=torch.complex64),
        "counts": torch.arange(12).reshape(4, 3),
        "flags": torch.tensor([True, False, True]),
        "short": torch.randn(1, 3),
        "everywhere": torch.randn(2, 2),
    }


def _trained() -> dict[str, Any]:
    torch.manual_seed(0)
    mesh = init_device_mesh("cpu", (RANKS,))
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7), torch.nn.Linear(7, 3))
    fully_shard(model[0], mesh=mesh)
    fully_shard(model, mesh=mesh)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.randn(4, 5)).square().sum().backward()
    optimizer.step()
    weights, moments = get_state_dict(model, optimizer)
    return {
        "model": weights,
        "optimizer": moments,
        "step": 12,
        "note": NOTE,
        "rng": {"numpy": np.random.default_rng(1).bit_generator.state, "torch": torch.get_rng_state()},
        "history": [torch.arange(3.0), torch.zeros(2, 2)],
    }


def _placed(rank: int) -> dict[str, Any]:
    line = init_device_mesh("cpu", (RANKS,))
    state: dict[str, Any] = {}
    for name, tensor in placed_tensors().items():
        axis = 1 if name in ("columns", "middle", "turned") else 0
        pieces = tensor.chunk(RANKS, axis)
        place = Replicate() if name == "everywhere" else Shard(axis)
        piece = tensor if name == "everywhere" else pieces[rank] if rank < len(pieces) else tensor.narrow(axis, 0, 0)
        # Not distribute_tensor: gloo does not send every dtype.
        state[name] = DTensor.from_local(piece, line, [place], shape=tensor.shape, stride=tensor.stride())
    state["flags"] = placed_tensors()["flags"]
    return state


def _rank(rank: int, folder: str) -> None:
    """One of the processes."""
    warnings.simplefilter("ignore")
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=RANKS, init_method=f"file://{folder}/meeting")
    dcp_save(_trained(), checkpoint_id=f"{folder}/trained")
    state = _placed(rank)
    dcp_save(state, checkpoint_id=f"{folder}/placed")
    floats = {name: state[name] for name in ("rows", "columns", "middle", "half", "everywhere")}
    dcp_save(floats, storage_writer=HuggingFaceStorageWriter(f"{folder}/huggingface", save_distributed=True))
    dist.destroy_process_group()


def write_all(folder: Path) -> Path:
    """All folders and their references below `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spawn(_rank, args=(str(folder),), nprocs=RANKS)  # type: ignore[no-untyped-call]
        for name in ("trained", "placed"):
            dcp_to_torch_save(str(folder / name), str(folder / f"{name}.pt"))
    return folder


def changed(source: Path, target: Path, change: Callable[[Any], None]) -> Path:
    """A copy of a folder whose metadata, as torch reads it, went through `change`."""
    shutil.copytree(source, target)
    with (target / ".metadata").open("rb") as file:
        metadata = pickle.load(file)
    change(metadata)
    with (target / ".metadata").open("wb") as file:
        pickle.dump(metadata, file)
    return target
