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

# Opens a file, filters it letter by letter, opens and closes nodes, sorts, scrolls and goes through tensors, and does
# much of it again while it is scanned; a heartbeat of 5 ms listens.
_GAPS = """
import json, sys, time
from PySide6.QtCore import QEventLoop, QTimer, Qt
from sdviewer.analysis.kernels.warming import compile_elsewhere
from sdviewer.checkpoint.listing import Sorting
from sdviewer.ui.app import application
from sdviewer.ui.collecting import Collector
from sdviewer.ui.document.browser import ALL_TENSORS, MODULES
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import Theme, apply_theme
app = application()
apply_theme(Theme.LIGHT)
window = MainWindow()
compile_elsewhere()
Collector(window, lambda: bool(window.bridge.running)).start()
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
def settle():
    wait(10)
    while not (window.has_tabs_for_all and window.current_tab.is_settled):
        wait(10)
result = {}
def step(title, *acts, pause=40):
    # One act after the other, as a quick user does them; what they start comes to its end within the step.
    beats.clear()
    beats.append(time.perf_counter())
    for act in acts:
        act()
        wait(pause)
    settle()
    wait(100)
    result[title] = 1000 * max(b - a for a, b in zip(beats, beats[1:]))
window.show()
wait(300)
window.open_files([sys.argv[2]])
settle()
while not window.library.ready:
    wait(10)
wait(300)
step("opening", lambda: window.open_files([sys.argv[1]]))
browser = window.current_tab.browser
tree, line = browser.tree, browser.filter.line
text = sys.argv[3]
step("filtering letter by letter", *[lambda i=i: line.setText(text[:i]) for i in range(1, len(text) + 1)], line.clear)
step("opening all nodes", lambda: tree.expand(0, deep=True))
bar = tree.verticalScrollBar()
step("scrolling", *[lambda i=i: bar.setValue(bar.maximum() * i // 40) for i in range(40)], pause=15)
count = len(window.current_tab.loaded.checkpoint.tree)
step("selecting", *[lambda i=i: tree.select_node(count * i // 20) for i in range(20)])
step("closing nodes", *[lambda i=i: tree.collapse(1 + count * i // 20) for i in range(20)])
step("showing the table", lambda: browser.show_view(ALL_TENSORS))
table = browser.table
sorts = [lambda c=c: table.sort_by(Sorting(c, True)) for c in ("name", "nbytes", "shape", "name")]
step("sorting the table", *sorts, pause=200)
bar = table.view.verticalScrollBar()
step("scrolling the table", *[lambda i=i: bar.setValue(bar.maximum() * i // 40) for i in range(40)], pause=15)
step("selecting all", table.view.selectAll)
step("filtering the table", *[lambda i=i: line.setText(text[:i]) for i in range(1, len(text) + 1)], line.clear)
scanning = window.current_tab.scanning
def while_scanning(title, *acts, pause=40):
    # One that is over begins anew: it takes less time than what is done meanwhile.
    scanning.start()
    wait(200)
    step(title + " while it scans", *acts, pause=pause)
while ("window", "loops") in window.bridge.running:
    wait(50)
step("beginning a scan", scanning.start, pause=1000)
while_scanning("filtering", *[lambda i=i: line.setText(text[:i]) for i in range(1, len(text) + 1)], line.clear)
sorts = [lambda c=c: table.sort_by(Sorting(c, True)) for c in ("mean", "std", "health", "zeros_share")]
while_scanning("sorting by statistics", *sorts, pause=700)
bar = table.view.verticalScrollBar()
while_scanning("scrolling", *[lambda i=i: bar.setValue(bar.maximum() * i // 40) for i in range(40)], pause=15)
asked = ("std:<1", "health:bad", "")
while_scanning("asking for findings", *[lambda t=t: line.setText(t) for t in asked], pause=600)
browser.show_view(MODULES)
while_scanning("clicking around", *[lambda i=i: tree.select_node(count * i // 20) for i in range(20)])
step("stopping the scan", scanning.stop)
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
    for title, path, text in (
        (f"{count:,} tensors", made_files.torch_zip(folder, count), "layers.12 *q_proj*"),
        (f"{count:,} siblings", made_files.siblings(folder, count), "entry_99 dtype:f32"),
    ):
        results = [run(_GAPS, path, sample, text) for _ in range(runs)]
        for work in results[0]:
            yield limit_row(f"event loop gap, {title}, {work}", min(r[work] for r in results), 50, "ms")
