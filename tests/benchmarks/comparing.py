"""Comparing two checkpoints, against torch that loads both; and pairing 100,000 tensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measuring import Row, best_side_by_side, limit_row, ratio_row, run

_OURS = """
import json, resource, sys, time
import sdviewer
import sdviewer.formats.torch_zip, sdviewer.processes.client  # as torch, these are imported before
from sdviewer.analysis.kernels import comparing, raster  # compiled before
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
found = sdviewer.compare(sys.argv[1], sys.argv[2])
seconds = time.perf_counter() - start
assert found.summary["changed"] == len(found.pairs), found.summary
added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"seconds": seconds, "megabytes": added / 1024}))
"""

_TORCH = """
import json, sys, time
import torch
start = time.perf_counter()
a, b = (torch.load(path, weights_only=True, mmap=True) for path in sys.argv[1:3])
told = {}
for name, x in a.items():
    x, y = x.float(), b[name].float()
    d = x - y
    told[name] = (
        d.abs().max().item(),
        d.abs().mean().item(),
        d.norm().item(),
        torch.nn.functional.cosine_similarity(x.reshape(-1), y.reshape(-1), 0).item(),
    )
print(json.dumps({"seconds": time.perf_counter() - start}))
"""

_MATCH = """
import json, sys, time
import sdviewer
from sdviewer.comparison.matching import match
from sdviewer.comparison.sides import chosen_sides
import rapidfuzz.process
a, b = (sdviewer.open(path) for path in sys.argv[1:3])
start = time.perf_counter()
found = match(*chosen_sides(a, b, None, None))
seconds = time.perf_counter() - start
assert len(found.pairs) == len(found.a), (len(found.pairs), len(found.a))
print(json.dumps({"seconds": seconds}))
"""


def comparing(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """Two models of bfloat16, all of whose tensors changed a little."""
    layers, width = (2, 256) if small else (24, 2560)
    paths = _models(folder, layers, width)
    ours, theirs = best_side_by_side((_OURS, *paths), (_TORCH, *paths), runs)
    gigabytes = sum(path.stat().st_size for path in paths) / 1e9
    work = f"compare 2 × {gigabytes / 2:.1f} GB bfloat16, {layers * 8 + 1} tensors"
    yield ratio_row(work, ours, theirs, "torch: load, max, mean, L2, cosine", 1 / 12)
    yield limit_row(f"{work}: memory added", float(run(_OURS, *paths)["megabytes"]), 300, "MB")


def matching(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """By name, and with every key renamed."""
    count = 2_000 if small else 100_000
    plain = _tiny(folder, count, "layers.{}.block.{}.weight")
    renamed = _tiny(folder, count, "net.h.{}.unit.{}.kernel")
    for title, other, mark in (("by name", plain, 1.5), ("every key renamed", renamed, 5.0)):
        best = min(float(run(_MATCH, plain, other)["seconds"]) for _ in range(runs))
        yield limit_row(f"match {count:,} tensors, {title}", best, mark, "s")


def _models(folder: Path, layers: int, width: int) -> tuple[Path, Path]:
    import torch

    generator = torch.Generator().manual_seed(0)
    paths = folder / "base.pt", folder / "tuned.pt"
    state: dict[str, torch.Tensor] = {"embed.weight": torch.randn(64, width, generator=generator).bfloat16()}
    for layer in range(layers):
        for name, rows in (("q", 1), ("k", 1), ("v", 1), ("o", 1), ("up", 1), ("gate", 1), ("down", 1)):
            weight = torch.randn(rows * width, width, generator=generator) * 0.02
            state[f"layers.{layer}.{name}.weight"] = weight.bfloat16()
        state[f"layers.{layer}.norm.weight"] = torch.rand(width, generator=generator).bfloat16() + 0.5
    torch.save(state, paths[0])
    torch.save({name: value * 1.02 for name, value in state.items()}, paths[1])
    return paths


def _tiny(folder: Path, count: int, pattern: str) -> Path:
    import torch

    path = folder / f"{pattern.partition('.')[0]}-{count}.pt"
    leaves = ("q_proj", "k_proj", "v_proj", "o_proj", "gate", "up", "down", "norm")
    state = {pattern.format(i // 8, leaves[i % 8]): torch.zeros(2, 2) for i in range(count)}
    torch.save(state, path)
    return path
