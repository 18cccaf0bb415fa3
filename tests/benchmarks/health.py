"""Health: a whole checkup of values with channels against the same scan without, in one process, in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measuring import Row, run

_MARK = 0.5

_PROGRAM = """
import json, sys, time
import sdviewer
from sdviewer.analysis.channel_table import ChannelTable, beside_scan
from sdviewer.analysis.health import health
from sdviewer.analysis.health_facts import health_facts
from sdviewer.analysis.kernels import warming
from sdviewer.analysis.scan import Scan

path, runs = sys.argv[1], int(sys.argv[2])
warming.load()
checkpoint = sdviewer.open(path)
facts = health_facts(checkpoint)

def judged(with_channels):
    start = time.perf_counter()
    channels = ChannelTable(len(checkpoint.table))
    further = [beside_scan(checkpoint, channels)] if with_channels else []
    health(facts, Scan(checkpoint, further=further).run(), channels)
    return time.perf_counter() - start

best = [float("inf"), float("inf")]
for turn in range(runs + 1):
    for side in (0, 1):
        seconds = judged(bool(side))
        best[side] = min(best[side], seconds if turn else best[side])
print(json.dumps({"without": best[0], "with": best[1], "bytes": checkpoint.file_bytes}))
"""


def health(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """Throughput with channels as a share of that without."""
    for dtype in ("float32", "bfloat16"):
        path = _weights(folder, dtype, 4 if small else 800)
        told = run(_PROGRAM, path, str(runs))
        path.unlink()
        share = told["without"] / told["with"]
        ours, against = (f"{told['bytes'] / told[side] / 1e9:.2f} GB/s" for side in ("with", "without"))
        work = f"health with channels, {told['bytes'] / 1e6:,.0f} MB of {dtype}"
        yield Row(work, ours, f"{against} without channels", f"{share:.2f} ×", f"≥ {_MARK} ×", share >= _MARK)


def _weights(folder: Path, dtype: str, megabytes: int) -> Path:
    """A file of linear layers and convolutions of usual sizes, as trained ones are spread."""
    import torch

    shapes = ((1024, 1024), (4096, 1024), (1024, 4096), (256, 256, 3, 3))
    generator = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}
    size = 0
    while size < megabytes * 1_000_000:
        for number, shape in enumerate(shapes if megabytes > 4 else shapes[-1:]):
            weight = (torch.randn(shape, generator=generator) * 0.02).to(getattr(torch, dtype))
            state[f"layers.{len(state) // len(shapes)}.part_{number}.weight"] = weight
            size += weight.nbytes
    path = folder / f"weights-{dtype}.pt"
    torch.save(state, path)
    return path
