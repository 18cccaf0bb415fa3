"""The marks of a click: how soon the statistics and the picture of a tensor are painted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.benchmarks.measuring import Row, limit_row, run

# Goes to and fro between two tensors, and forgets what it counted of the large one; time ends with the last paint.
_CLICK = """
import json, sys, time
from PySide6.QtCore import QEventLoop, QTimer
from sdviewer.analysis.kernels import warming
from sdviewer.ui.app import application
from sdviewer.ui.collecting import Collector
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import Theme, apply_theme
app = application()
apply_theme(Theme.LIGHT)
warming.load()
window = MainWindow()
Collector(window, lambda: bool(window.bridge.running)).start()
window.show()
window.open_files([sys.argv[1]])
def settle():
    while True:
        loop = QEventLoop()
        QTimer.singleShot(1, loop.quit)
        loop.exec()
        if window.has_tabs_for_all and window.current_tab.is_settled:
            app.processEvents()
            return
settle()
tab = window.current_tab
result = []
for _ in range(12):
    tab.go_to_name("small")
    settle()
    tab.detail.measuring.close_jobs()
    began = time.perf_counter()
    tab.go_to_name("large")
    settle()
    result.append(1000 * (time.perf_counter() - began))
window.close()
print(json.dumps({"milliseconds": result}))
"""


def click(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """A click on a tensor of bfloat16 to its painted statistics and histogram, read and counted anew each time."""
    side = 256 if small else 4096
    path = folder / f"click-{side}.safetensors"
    bits = np.random.default_rng(0).normal(0, 0.02, (side, side)).astype(np.float32).view(np.uint32) >> 16
    save_file({"large": bits.astype(np.uint16), "small": np.zeros(4, np.uint16)}, path)
    # numpy has no bfloat16: the header says what the bytes are.
    path.write_bytes(_as_bfloat16(path.read_bytes()))
    times = [min(run(_CLICK, path)["milliseconds"]) for _ in range(runs)]
    yield limit_row(f"click → statistics and histogram, {side} × {side} bfloat16", min(times), 50, "ms")


def _as_bfloat16(content: bytes) -> bytes:
    """A safetensors file of uint16 as one of bfloat16."""
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].replace(b'"U16"', b'"BF16"')
    return len(header).to_bytes(8, "little") + header + content[8 + length :]
