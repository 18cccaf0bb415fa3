"""Exporting with every key renamed, against torch that loads and saves, and against copying the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measuring import Row, best_side_by_side, limit_row, ratio_row, run

_START = """
import json, os, resource, shutil, sys, time
source, target = sys.argv[1:3]
if os.path.exists(target): os.remove(target)
"""
_END = """
print(json.dumps({"seconds": time.perf_counter() - start, "megabytes": megabytes}))
os.remove(target)
"""
_OURS = """
import sdviewer
from sdviewer.analysis.kernels import comparing, encoding, raster  # compiled before
from sdviewer.edit.exporting import plan
from sdviewer.edit.rules import AddPrefix, CastTo
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
plan(source, {rule}, target=target).write(target, check={check})
megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
"""
_TORCH = """
import torch
start = time.perf_counter()
state = torch.load(source, weights_only=True)
torch.save({{"x." + key: {value} for key, value in state.items()}}, target)
megabytes = 0
"""
_COPY = """
start = time.perf_counter()
shutil.copyfile(source, target)
megabytes = 0
"""
_RENAME = 'AddPrefix("x.")'


def _program(body: str, **parts: object) -> str:
    return _START + body.format(**parts) + _END


def exporting(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """In memory, where there is such a disk: the disk itself is not what is measured."""
    memory = Path("/dev/shm")  # noqa: S108  # a disk in memory, on Linux
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else folder) as disk:
        yield from _exporting(Path(disk), small=small, runs=runs)


def _exporting(disk: Path, *, small: bool, runs: int) -> Iterator[Row]:
    source = _source(disk, 4 if small else 40, 256 if small else 3000)
    gigabytes = source.stat().st_size / 1e9
    target = disk / "out.pt"
    verified = _program(_OURS, rule=_RENAME, check=True)
    plain = _program(_OURS, rule=_RENAME, check=False)
    renamed = _program(_TORCH, value="value")
    work = f"export {gigabytes:.1f} GB, every key renamed"
    yield ratio_row(f"{work}, verified", *_sides(verified, renamed, source, target, runs), "torch load, save", 0.5)
    yield ratio_row(f"{work}, verified", *_sides(verified, _program(_COPY), source, target, runs), "cp", 3)
    yield ratio_row(f"{work}, not verified", *_sides(plain, _program(_COPY), source, target, runs), "cp", 1.5)
    yield limit_row(f"{work}: memory added", float(run(verified, source, target)["megabytes"]), 300, "MB")
    cast = _program(_OURS, rule='CastTo("bfloat16")', check=True)
    halved = _program(_TORCH, value="value.bfloat16()")
    unchecked = _program(_OURS, rule='CastTo("bfloat16")', check=False)
    for words, program in (("verified", cast), ("not verified", unchecked)):
        name = f"cast {gigabytes:.1f} GB float32 to bfloat16, {words}"
        yield ratio_row(name, *_sides(program, halved, source, target, runs), "torch load, cast, save", 1 / 3)


def _sides(ours: str, theirs: str, source: Path, target: Path, runs: int) -> tuple[float, float]:
    return best_side_by_side((ours, source, target), (theirs, source, target), runs)


def _source(disk: Path, layers: int, width: int) -> Path:
    import torch

    generator = torch.Generator().manual_seed(0)
    path = disk / "source.pt"
    torch.save({f"layers.{i}.weight": torch.randn(width, width, generator=generator) for i in range(layers)}, path)
    return path
