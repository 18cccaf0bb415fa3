"""The marks of reading: opening many tensors, one large file, whole processes, hostile files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import made_files
from tests.benchmarks.measuring import (
    Row,
    best_side_by_side,
    best_wall_side_by_side,
    cost_of,
    limit_row,
    ratio_row,
    run,
)
from tests.helpers.corpus import CORPUS, files

# Opening is everything up to the module tree, the reader process included.
_OPEN = """
import json, sys, time
import sdviewer
start = time.perf_counter()
checkpoint = sdviewer.open(sys.argv[1])
assert len(checkpoint.tensors) == int(sys.argv[2]) and len(checkpoint.tree) > 1
print(json.dumps({"seconds": time.perf_counter() - start}))
"""
_TORCH_LOAD = """
import json, sys, time
import torch
start = time.perf_counter()
loaded = torch.load(sys.argv[1], weights_only=True, mmap=True)
assert len(loaded) == int(sys.argv[2])
print(json.dumps({"seconds": time.perf_counter() - start}))
"""
_SAFE_OPEN = """
import json, sys, time
from safetensors import safe_open
start = time.perf_counter()
with safe_open(sys.argv[1], "numpy") as file:
    assert len(file.keys()) == int(sys.argv[2])
print(json.dumps({"seconds": time.perf_counter() - start}))
"""
_OPEN_SPARSE = """
import json, resource, sys, time
import sdviewer
sdviewer.open(sys.argv[2]).close()  # imports what opening needs
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from tests.helpers.spying import spying
with spying() as spy:
    start = time.perf_counter()
    checkpoint = sdviewer.open(sys.argv[1])
    seconds = time.perf_counter() - start
added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
storages = checkpoint.table.storages
places = zip(storages.offset.tolist(), storages.nbytes.tolist())
payload = sum(spy.bytes_read_inside(first, first + size) for first, size in places)
print(json.dumps({"seconds": seconds, "added": added, "payload": payload, "stored": int(storages.nbytes.sum())}))
"""


def opening(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """100,000 tensors in a torch archive, and a whole process that tells them."""
    count = 2_000 if small else 100_000
    path = made_files.torch_zip(folder, count)
    ours, theirs = best_side_by_side((_OPEN, path, str(count)), (_TORCH_LOAD, path, str(count)), runs)
    yield ratio_row(f"open {count:,} tensors, torch zip", ours, theirs, "torch.load(mmap=True)", 0.3)
    info = [sys.executable, "-m", "sdviewer", "info", "--json", str(path)]
    load = [sys.executable, "-c", "import sys, torch; torch.load(sys.argv[1], weights_only=True, mmap=True)", str(path)]
    ours, theirs = best_wall_side_by_side(info, load, runs)
    yield ratio_row("whole process, info --json of it", ours, theirs, "import torch, load", 0.35)


def safetensors(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """500,000 tensors in a safetensors file."""
    count = 5_000 if small else 500_000
    path = made_files.safetensors(folder, count)
    ours, theirs = best_side_by_side((_OPEN, path, str(count)), (_SAFE_OPEN, path, str(count)), runs)
    yield ratio_row(f"open {count:,} tensors, safetensors", ours, theirs, "safe_open(…).keys()", 1.0)


def sparse(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """An archive of 8 GB with 8 tensors."""
    path = made_files.sparse_zip(folder, 8, 0.1 if small else 8.6)
    warm = made_files.torch_zip(folder, 8)
    told = min((run(_OPEN_SPARSE, path, warm) for _ in range(runs)), key=lambda figures: float(figures["seconds"]))
    work = f"open {told['stored'] / 1e9:.1f} GB in 8 tensors"
    yield limit_row(work, told["seconds"] * 1000, 20, "ms")
    yield limit_row(f"{work}: memory added", told["added"] / 1e6, 20, "MB")
    yield limit_row(f"{work}: payload read", told["payload"], 0, "bytes")


def hostile(_: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """Every hostile and malformed file of the corpus, each told by a whole process; the worst counts."""
    del small
    names = files("hostile", "malformed")
    if not names:
        return
    costs = {}
    for name in names:
        command = [sys.executable, "-m", "sdviewer", "info", "--json", str(CORPUS / name)]
        costs[name] = min((cost_of(command) for _ in range(runs)), key=lambda cost: cost.seconds)
    slowest = max(costs, key=lambda name: costs[name].seconds)
    largest = max(costs, key=lambda name: costs[name].megabytes)
    yield limit_row(f"{len(names)} hostile files, slowest {Path(slowest).name[-40:]}", costs[slowest].seconds, 2, "s")
    yield limit_row(f"hostile files, largest {Path(largest).name[-40:]}", costs[largest].megabytes, 500, "MB")
