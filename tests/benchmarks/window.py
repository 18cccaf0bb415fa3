"""The marks of the window: from the start of the process to the painted tree, and gaps of its event loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sdviewer.resource_files import resource_path
from tests.benchmarks import made_files
from tests.benchmarks.measuring import Row, best_wall_side_by_side, limit_row, ratio_row, run

# The real program, ended when the tree of its file has been painted.
_START = """
import os, sys
from sdviewer.ui.tree.view import TreeView
paint = TreeView.paintEvent
def painted(self, event):
    paint(self, event)
    if self.tree_model is not None and self.tree_model.rowCount() > 1:
        os._exit(0)
TreeView.paintEvent = painted
from sdviewer.__main__ import main
sys.argv = ["sdviewer", "--new-window", sys.argv[1]]
main()
sys.exit("the window closed before its tree was painted")
"""

# Opens a file, opens every node, scrolls, goes through tensors and back, while a heartbeat of 5 ms listens.
_GAPS = """
import json, sys, time
from PySide6.QtCore import QEventLoop, QTimer, Qt
from sdviewer.ui.app import application
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import Theme, apply_theme
import gc
app = application()
apply_theme(Theme.LIGHT)
window = MainWindow()
gc.collect(); gc.freeze(); gc.disable()
sys.setswitchinterval(0.0005)
beats = []
heart = QTimer()
heart.setTimerType(Qt.TimerType.PreciseTimer)
heart.timeout.connect(lambda: beats.append(time.perf_counter()))
heart.start(5)
def wait(ms):
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()
def until(condition):
    while not condition():
        wait(10)
def gaps(act):
    beats.clear()
    beats.append(time.perf_counter())
    act()
    wait(100)
    return 1000 * max(b - a for a, b in zip(beats, beats[1:]))
window.show()
wait(300)
result = {}
window.open_files([sys.argv[2]])
until(lambda: window.current_tab.is_settled and window.library.ready)
wait(300)
def opened():
    window.open_files([sys.argv[1]])
    until(lambda: window.current_tab.is_settled)
result["opening"] = gaps(opened)
tree = window.current_tab.tree
result["opening all nodes"] = gaps(lambda: tree.expand(0, deep=True))
bar = tree.verticalScrollBar()
def scrolled():
    for step in range(40):
        bar.setValue(bar.maximum() * step // 40)
        wait(15)
result["scrolling"] = gaps(scrolled)
count = len(window.current_tab.loaded.checkpoint.tree)
def selected():
    for step in range(20):
        tree.select_node(count * step // 20)
        wait(40)
result["selecting"] = gaps(selected)
def closed():
    for node in range(1, count, max(1, count // 20)):
        tree.collapse(node)
    tree.select_node(0)
result["closing nodes"] = gaps(closed)
heart.stop()
window.close()
print(json.dumps(result))
"""


def start(_: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """From the start of the process to the painted tree of the sample, beside an import of torch."""
    del small
    ours = [sys.executable, "-c", _START, str(resource_path("sample/digits.pt"))]
    ours_seconds, theirs = best_wall_side_by_side(ours, [sys.executable, "-c", "import torch"], runs)
    yield ratio_row("process start → painted tree", ours_seconds, theirs, "import torch", 0.5)


def gaps(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """The longest time for which the event loop did not answer; the least of several runs on a shared machine."""
    count = 2_000 if small else 100_000
    sample = resource_path("sample/digits.pt")
    for title, path in (
        (f"{count:,} tensors", made_files.torch_zip(folder, count)),
        (f"{count:,} siblings", made_files.siblings(folder, count)),
    ):
        results = [run(_GAPS, path, sample) for _ in range(runs)]
        for work in results[0]:
            yield limit_row(f"event loop gap, {title}, {work}", min(r[work] for r in results), 50, "ms")
