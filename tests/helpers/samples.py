"""One small file of each format, written by its own library, with the values that it holds."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from tests.helpers import old_tar, shards
from tests.helpers.torch_archives import entries_of, repacked

TENSORS: Mapping[str, torch.Tensor] = {
    "layer.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "layer.bias": torch.tensor([1.5, -2.0], dtype=torch.float64),
    "count": torch.tensor(7),
}


def _torch_zip(path: Path) -> None:
    torch.save(dict(TENSORS), path)


def _deflated(path: Path) -> None:
    _torch_zip(path)
    repacked(path, entries_of(path), zipfile.ZIP_DEFLATED)


def _legacy(path: Path) -> None:
    torch.save(dict(TENSORS), path, _use_new_zipfile_serialization=False)


def _nested_state(path: Path) -> None:
    """A training checkpoint: nested dicts, an optimizer, tied and strange tensors."""
    weight = torch.nn.Parameter(torch.arange(4.0))
    torch.save(
        {
            "model": {
                "a": weight,
                "b": weight,
                "sparse": torch.eye(2).to_sparse(),
                "meta": torch.zeros(2, device="meta"),
            },
            "optimizer": {
                "state": {0: {"step": 1, "exp_avg": torch.zeros(4)}},
                "param_groups": [{"lr": 0.1, "params": [0]}],
            },
            "epoch": 3,
            "array": np.arange(3),
        },
        path,
    )


def _whole_module(path: Path) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)), path)


def _safetensors(path: Path) -> None:
    safetensors.torch.save_file(dict(TENSORS), path, {"format": "pt"})


def _npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, TENSORS["layer.weight"].numpy())


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{name: tensor.numpy() for name, tensor in TENSORS.items()})  # type: ignore[arg-type]


def _pickled(protocol: int) -> Callable[[Path], None]:
    arrays = {name: tensor.numpy() for name, tensor in TENSORS.items()}
    return lambda path: (path.write_bytes(pickle.dumps(arrays, protocol)), None)[1]


def _archive_of_archives(path: Path) -> None:
    inner = io.BytesIO()
    torch.save(dict(TENSORS), inner)
    repacked(path, [("data", b"{}"), ("policy.pth", inner.getvalue())])


def _torchscript(path: Path) -> None:
    """The entries that torch's tracer writes, without running it: it leaves threads and warnings behind."""
    torch.save({"layer": dict(TENSORS)}, path)
    entries = entries_of(path)
    prefix = entries[0][0].partition("/")[0]
    repacked(
        path,
        [
            *entries,
            (f"{prefix}/constants.pkl", pickle.dumps((), 2)),
            (f"{prefix}/code/__torch__.py", b"class M(Module):\n  pass\n"),
        ],
    )


def _tar(path: Path) -> None:
    old_tar.save(dict(TENSORS), path)


def _shards(path: Path) -> None:
    path.mkdir()
    shards.write(path, shards.two_shards())


# What holds TENSORS, and under what names if not their own.
PLAIN: Mapping[str, Callable[[Path], None]] = {
    "torch zip": _torch_zip,
    "deflated zip": _deflated,
    "legacy": _legacy,
    "tar": _tar,
    "safetensors": _safetensors,
    "npz": _npz,
    "npy": _npy,
    **{f"pickle, protocol {protocol}": _pickled(protocol) for protocol in (0, 2, 4, 5)},
    "torchscript": _torchscript,
    "archive of archives": _archive_of_archives,
}
ALL: Mapping[str, Callable[[Path], None]] = {
    **PLAIN,
    "training state": _nested_state,
    "whole module": _whole_module,
    "shards": _shards,
}
