"""The marks of pictures: from the wish to the painted heatmap, and frames a second while the hand moves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.benchmarks.measuring import Row, limit_row, run

_MOST_MS = 100.0
_LEAST_FRAMES = 30.0

_COMMON = """
import json, sys, time
import sdviewer
from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from sdviewer.analysis.kernels import warming
from sdviewer.ui.app import application
from sdviewer.ui.collecting import Collector
from sdviewer.ui.bridge import Bridge
app = application()
warming.load()
from sdviewer.ui.plots.image.view import ImageView
bridge = Bridge()
view = ImageView(bridge, ("benchmark",))
view.resize(1100, 800)
view.show()
Collector(view, lambda: bool(bridge.running)).start()
sys.setswitchinterval(0.0005)
def settle():
    while not (view.is_settled and view.drawn is not None):
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 5)
checkpoint = sdviewer.open(sys.argv[1])
refs = list(checkpoint.tensors.values())
"""

# One tensor after the other, painted.
_HEATMAP = (
    _COMMON
    + """
best = float("inf")
for turn in range(int(sys.argv[2]) * 4 + 2):
    start = time.perf_counter()
    view.show_tensor(refs[turn % len(refs)])
    settle()
    view.graphics.viewport().repaint()
    if turn > 1:
        best = min(best, time.perf_counter() - start)
print(json.dumps({"ms": 1000 * best}))
"""
)

# A part of a giant, moved by some pixels a frame as a hand does; each frame is painted.
_PANNING = (
    _COMMON
    + """
view.show_tensor(refs[0])
start = time.perf_counter()
while view.drawn is None:
    app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 5)
first = time.perf_counter() - start
settle()
whole = time.perf_counter() - start
box, rows, columns = view.picture.box, view.plane.rows, view.plane.columns
view.picture.center(rows // 3, columns // 3, (columns / 6, rows / 6))
settle()
steps, times, fresh = int(sys.argv[2]), [], 0
across, down = box.viewPixelSize()
for step in range(steps):
    start = time.perf_counter()
    before = view.drawn
    box.translateBy(x=7 * across, y=5 * down)
    app.processEvents()
    times.append(time.perf_counter() - start)
    fresh += view.drawn is not before
    while time.perf_counter() - start < 1 / 60:
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 2)
times.sort()
slow = times[int(len(times) * 0.95)]
settle()
print(json.dumps({"frames": 1 / slow, "fresh": fresh, "first": first, "whole": whole}))
"""
)


def pictures(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """A heatmap of 4096 × 4096 bfloat16, warm; then a 50,000 × 12,000 float32 that is sampled, read and moved."""
    side = 256 if small else 4096
    path = folder / "heatmap.safetensors"
    generator = torch.Generator().manual_seed(1)
    save_file({name: torch.randn(side, side, generator=generator).bfloat16() for name in "ab"}, path)
    told = run(_HEATMAP, path, str(runs))
    path.unlink()
    yield limit_row(f"heatmap painted, {side} × {side} bfloat16, warm", told["ms"], _MOST_MS, "ms")
    rows, columns = (2_000, 600) if small else (50_000, 12_000)
    giant = _sparse(folder / "giant.safetensors", rows, columns)
    results = [run(_PANNING, giant, "30" if small else "150") for _ in range(runs)]
    giant.unlink()
    frames = max(result["frames"] for result in results)
    work = f"panning over {rows:,} × {columns:,} float32, 95 % of frames"
    yield Row(work, f"{frames:.0f} a second", "", "", f"≥ {_LEAST_FRAMES:g}", frames >= _LEAST_FRAMES)
    first, whole = (min(result[what] for result in results) for what in ("first", "whole"))
    yield Row(
        "its first picture, from a sample", f"{first * 1000:.0f} ms", f"{whole:.2f} s all read", "", "", kept=True
    )


def _sparse(path: Path, rows: int, columns: int) -> Path:
    """A tensor of zeros that takes no room on the disk."""
    nbytes = rows * columns * 4
    header = json.dumps({"t": {"dtype": "F32", "shape": [rows, columns], "data_offsets": [0, nbytes]}}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + nbytes)
    return path
