"""What the monkey run opens: honest files of every format, large and strange ones, hostile ones, and damaged ones."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from sdviewer.resource_files import resource_path
from tests.helpers import hostile, samples
from tests.helpers.corpus import CORPUS

_MANY = 20_000
_SIDE = 1024
# Written by a few bytes, and so large on the disk that copying and writing them is most of what a run would do.
_LARGEST = 48 << 20


def made_files(folder: Path) -> list[Path]:
    """Files and folders that are made here, with the same content every time."""
    folder.mkdir()
    made = [_saved(folder / f"{name}.bin", write) for name, write in {**samples.ALL, **hostile.cases()}.items()]
    for name in ("digits.pt", "digits-tuned.pt", "digits-damaged.safetensors"):
        made.append(folder / name)
        shutil.copyfile(resource_path(f"sample/{name}"), made[-1])
    made += [_many(folder / "many.safetensors"), _training(folder / "training.pt"), *_networks(folder)]
    made += _damaged([path for path in made if path.is_file()], folder)
    return [path for path in made if path.exists() and (path.is_dir() or path.stat().st_size <= _LARGEST)]


def corpus_files(folder: Path) -> list[Path]:
    """A copy of the corpus: exports are offered beside what is exported. None where it is not."""
    if not CORPUS.is_dir():
        return []
    shutil.copytree(CORPUS, folder, symlinks=True, ignore_dangling_symlinks=True)
    return [path for kind in ("real", "made", "malformed", "hostile") for path in sorted((folder / kind).glob("*"))]


def copied(paths: Iterable[str], folder: Path) -> list[Path]:
    """Copies of files and folders that the user names."""
    copies = []
    for number, path in enumerate(paths):
        copies.append(folder / f"{number}" / Path(path).name)
        copies[-1].parent.mkdir(parents=True)
        (shutil.copytree if os.path.isdir(path) else shutil.copyfile)(path, copies[-1])  # noqa: PTH112  # a text in
    return copies


def _saved(path: Path, write: object) -> Path:
    path = path.with_name(path.name.replace("/", "-"))
    # One that needs what this machine lacks is done without.
    with contextlib.suppress(OSError, MemoryError):
        write(path)  # type: ignore[operator]  # builders of two tables
    return path


def _many(path: Path) -> Path:
    """Many small tensors, in many modules."""
    header = {
        f"block.{row // 10}.part.{row % 10}.weight": {
            "dtype": "F32",
            "shape": [2, 2],
            "data_offsets": [16 * row, 16 * (row + 1)],
        }
        for row in range(_MANY)
    }
    text = json.dumps(header).encode()
    values = np.random.default_rng(0).normal(size=4 * _MANY).astype("<f4")
    path.write_bytes(len(text).to_bytes(8, "little") + text + values.tobytes())
    return path


def _training(path: Path) -> Path:
    """Weights with what an optimizer keeps, some of them sick, and names that are hard to show."""
    generator = torch.Generator().manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(8, 64, generator=generator)).sum().backward()
    optimizer.step()
    sick = torch.randn(64, 64, generator=generator)
    sick[3, 5], sick[4, 4], sick[5] = float("nan"), float("inf"), 0.0
    odd = {
        "": torch.zeros(0),
        "a\nb": sick,
        "שלום/עולם": sick.half(),
        "x" * 3000: torch.tensor(3),
        "\ud800": sick.bool(),
    }
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "odd": odd}
    torch.save(state, path)
    return path


def _networks(folder: Path) -> list[Path]:
    """Two of one shape with other values, and one with other names."""
    paths = []
    for number, prefix in enumerate(("layers.", "layers.", "module.encoder.layers.")):
        generator = torch.Generator().manual_seed(number)
        net = {
            f"{prefix}{layer}.{name}": torch.randn(_SIDE, _SIDE, generator=generator).to(dtype)
            for layer in range(3)
            for name, dtype in (("attn.weight", torch.bfloat16), ("mlp.weight", torch.float32))
        }
        net |= {f"{prefix}{layer}.norm.weight": torch.ones(_SIDE) for layer in range(3)}
        net["conv.weight"] = torch.randn(32, 16, 3, 3, generator=generator)
        paths.append(folder / f"net-{number}.pt")
        torch.save(net, paths[-1])
    return paths


def _damaged(paths: list[Path], folder: Path) -> list[Path]:
    """Some of them cut off, and with some bytes changed."""
    rng = random.Random(0)  # noqa: S311  # the same every time
    damaged = []
    for path in rng.sample(paths, 16):
        content = bytearray(path.read_bytes()[: 1 << 22])
        if rng.random() < 0.5:
            del content[rng.randrange(len(content) + 1) :]
        for _ in range(8 if content else 0):
            content[rng.randrange(len(content))] = rng.randrange(256)
        damaged.append(folder / f"damaged-{path.name}")
        damaged[-1].write_bytes(content)
    return damaged
