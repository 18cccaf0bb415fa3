"""The marks of counting one tensor: against threads that only read it, and how soon its statistics are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from tests.benchmarks.measuring import Row, limit_row, ratio_row, run

# Both sides in turn on the same threads: blocks read and counted, blocks read.
_COUNT = """
import json, sys, threading, time
import numpy as np
import sdviewer
from sdviewer.analysis.blocks import BLOCK_BYTES, Blocks
from sdviewer.analysis.counting import count
ref = next(iter(sdviewer.open(sys.argv[1]).tensors.values()))
blocks = Blocks(ref)
def read(first):
    buffer = np.empty(BLOCK_BYTES, np.uint8)
    for index in range(first, len(blocks), 2):
        blocks.read(index, buffer)
def reading():
    threads = [threading.Thread(target=read, args=(first,)) for first in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
def counting():
    count(ref).figures().statistics()
def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
counting(), reading()
times = [(timed(counting), timed(reading)) for _ in range(int(sys.argv[2]))]
print(json.dumps({"counting": min(a for a, _ in times), "reading": min(b for _, b in times)}))
"""


def counting(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """One large tensor of either common dtype, and one of the size of a weight."""
    import torch

    rounds = str(3 * runs + 2)
    for name in ("float32", "bfloat16"):
        dtype = getattr(torch, name)
        rows = 200 if small else (200 << 20) // 4096 // dtype.itemsize
        values = torch.from_numpy(np.random.default_rng(0).normal(0, 0.02, (rows, 4096)).astype(np.float32)).to(dtype)
        path = folder / f"one-{name}.safetensors"
        save_file({"weight": values}, path)
        told = run(_COUNT, path, rounds)
        work = f"count {path.stat().st_size / 1e6:,.0f} MB of {name}"
        yield ratio_row(work, told["counting"], told["reading"], "two threads that only read", 3.33)
        path.unlink()
    side = 64 if small else 4096
    path = folder / "weight.safetensors"
    save_file({"weight": torch.randn(side, side).bfloat16()}, path)
    yield limit_row(f"statistics of {side} × {side} bfloat16", run(_COUNT, path, rounds)["counting"] * 1000, 50, "ms")
