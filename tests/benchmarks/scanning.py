"""The marks of a scan: its speed against reading alone and against torch, its memory on a large file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import made_files
from tests.benchmarks.measuring import Row, best_side_by_side, cost_of, limit_row, ratio_row, run

_SCAN = """
import json, sys, time
import numpy as np
import sdviewer
from sdviewer.analysis.scan import Scan
checkpoint = sdviewer.open(sys.argv[1])
Scan(checkpoint, np.arange(1)).run()  # what is compiled is loaded
scan = Scan(checkpoint)
start = time.perf_counter()
scan.run()
seconds = time.perf_counter() - start
assert not scan.failed and scan.table.filled.all()
print(json.dumps({"seconds": seconds, "tensors": len(scan.table)}))
"""
# Positional reads into a buffer that stays in cache: nothing that looks at the bytes can be faster.
_READ = """
import json, os, sys, threading, time
path, size, step = sys.argv[1], os.path.getsize(sys.argv[1]), 1 << 20
descriptor = os.open(path, os.O_RDONLY)
def read(first, last):
    view = memoryview(bytearray(step))
    for offset in range(first, last, step):
        os.preadv(descriptor, [view[: min(step, last - offset)]], offset)
def both():
    halves = [threading.Thread(target=read, args=part) for part in ((0, size // 2), (size // 2, size))]
    start = time.perf_counter()
    for thread in halves:
        thread.start()
    for thread in halves:
        thread.join()
    return time.perf_counter() - start
both()
print(json.dumps({"seconds": both()}))
"""
# The same figures, one call or expression each. A cast is judged by what it does to each value.
_TORCH = """
import json, sys, time
import torch
torch.set_num_threads(2)
tensors = torch.load(sys.argv[1], weights_only=True, mmap=True)
shares = torch.tensor([0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999])
casts = (torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
def figures(stored):
    x = stored.float().flatten()
    told = [x.isnan().sum(), x.isposinf().sum(), x.isneginf().sum(), x.isfinite().sum(), (x == 0).sum()]
    told += [x.min(), x.max(), x.abs().max(), x.mean(), x.std(), x.norm(1), x.norm(2), x.square().mean().sqrt()]
    z = (x - x.mean()) / x.std()
    told += [z.pow(3).mean(), z.pow(4).mean(), (z.abs() > 6).sum()]
    told += [x.sort().values[(shares * (len(x) - 1)).long()], x.unique(return_counts=True)[1].max()]
    told += [x.frexp().exponent.aminmax()]
    for cast in casts:
        y = x.to(cast).float()
        told += [(y.isinf() & ~x.isinf()).sum(), ((y == 0) & (x != 0)).sum(), (x - y).square().sum()]
    scale = 127 / x.abs().max()
    y = (x * scale).round() / scale
    return told + [((y == 0) & (x != 0)).sum(), (x - y).square().sum()]
figures(torch.ones(1000))
start = time.perf_counter()
for tensor in tensors.values():
    figures(tensor)
print(json.dumps({"seconds": time.perf_counter() - start}))
"""


def scanning(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """Whole checkpoints of weights, float32 and bfloat16, and one of very many small tensors."""
    for dtype in ("float32", "bfloat16"):
        path = made_files.weights(folder, dtype, 1 if small else 400)
        ours, reading = best_side_by_side((_SCAN, path), (_READ, path), runs)
        work = f"all statistics of {path.stat().st_size / 1e6:,.0f} MB of {dtype}"
        yield ratio_row(work, ours, reading, "two threads that only read", 3.33)
        against = min(float(run(_TORCH, path)["seconds"]) for _ in range(1))
        yield ratio_row(work, ours, against, "torch, one call a statistic", 0.025)
        path.unlink()
    count = 1_000 if small else 100_000
    path = made_files.safetensors(folder, count)
    seconds = min(float(run(_SCAN, path)["seconds"]) for _ in range(runs))
    yield limit_row(f"all statistics of {count:,} small tensors, for each", seconds / count * 1e6, 20, "µs")


def memory(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """Whole processes `stats`, on 8 GB and on 100 MB."""
    figures = []
    for gigabytes in (0.1, 0.2 if small else 8.6):
        place = folder / f"{gigabytes} GB"
        place.mkdir()
        path = made_files.mostly_holes(place, 8, gigabytes)
        command = [sys.executable, "-m", "sdviewer", "stats", "--json", "--no-cache", str(path)]
        costs = [cost_of(command) for _ in range(min(runs, 2))]
        assert {cost.code for cost in costs} == {0}
        figures.append(min(cost.megabytes for cost in costs))
        path.unlink()
    work = f"stats of {'0.2' if small else '8.6'} GB: memory"
    yield limit_row(work, figures[1], 350, "MB")
    yield limit_row(f"{work} beyond that on 100 MB", max(0.0, figures[1] - figures[0]), 50, "MB")
