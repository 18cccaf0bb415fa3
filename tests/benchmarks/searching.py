"""The marks of searching: a filter typed letter by letter above a tree, and the finder of names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import made_files
from tests.benchmarks.measuring import Row, limit_row, run

# Types each line key by key; a keystroke lasts until what it finds stands in the tree. A heartbeat of 5 ms listens.
_TYPING = """
import json, sys, time
import sdviewer
from PySide6.QtCore import QEventLoop, QTimer, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from sdviewer.ui.app import application
from sdviewer.ui.collecting import Collector
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.filter.bar import FilterBar
from sdviewer.ui.filter.go_to import GoToPanel
from sdviewer.ui.models.tree_model import TreeModel
from sdviewer.ui.theme import Theme, apply_theme
from sdviewer.ui.tree.view import TreeView
from sdviewer.ui.tree.visible_rows import VisibleRows
app = application()
apply_theme(Theme.LIGHT)
checkpoint = sdviewer.open(sys.argv[1])
assert checkpoint.table.listed == int(sys.argv[2])
window = QWidget()
window.resize(700, 900)
bridge = Bridge(window)
bar, tree = FilterBar(bridge), TreeView()
column = QVBoxLayout(window)
column.addWidget(bar)
column.addWidget(tree, 1)
bar.filtered.connect(tree.show_only)
tree.show_tree(TreeModel(checkpoint, VisibleRows(checkpoint.tree), "file", tree))
bar.show_checkpoint(checkpoint)
panel = GoToPanel(bridge, window)
window.show()
window.activateWindow()
Collector(window, lambda: bool(bridge.running)).start()
sys.setswitchinterval(0.0005)
beats = []
heart = QTimer()
heart.setTimerType(Qt.TimerType.PreciseTimer)
heart.timeout.connect(lambda: beats.append(time.perf_counter()))
heart.start(5)
def wait(condition, ms=0):
    loop, until = QEventLoop(), time.perf_counter() + ms / 1000
    while not condition() or time.perf_counter() < until:
        QTimer.singleShot(1, loop.quit)
        loop.exec()
def typed(line, owner, text):
    line.clear()
    wait(lambda: owner.is_settled, 60)
    beats.clear()
    beats.append(time.perf_counter())
    worst = 0.0
    for letter in text:
        began = time.perf_counter()
        QTest.keyClicks(line, letter)
        wait(lambda: owner.is_settled)
        worst = max(worst, time.perf_counter() - began)
        wait(lambda: True, 15)
    return 1000 * worst, 1000 * max(b - a for a, b in zip(beats, beats[1:]))
typed(bar.line, bar, "/warm/ w")
result = {}
for name, text in (
    ("words and fields", "layers.1 weight dtype:f32 size:>1B"),
    ("a glob", "*.q_proj.*"),
    ("a plain regex", "/proj.weight/"),
    ("a regex", r"/layers.\\d+5.block/"),
):
    result[name] = typed(bar.line, bar, text)
bar.line.clear()
wait(lambda: bar.is_settled)
panel.open_for(checkpoint)
wait(lambda: panel.is_settled)
result["fuzzy letters"] = typed(panel.line, panel, "l77qweight")
heart.stop()
panel.close_jobs()
bar.close_jobs()
bridge.close()
window.close()
print(json.dumps(result))
"""

# What the engine alone takes for names that no window has to show, in its slowest query.
_MILLION = """
import json, sys, time
import sdviewer
from sdviewer.search.filtering import find_matches
from sdviewer.search.index import index_of
from sdviewer.search.query import parse
checkpoint = sdviewer.open(sys.argv[1])
index = index_of(checkpoint)
find_matches(parse("warm -*up*"), index)
worst = 0.0
for text in ("w", "we", "weight", "e", "q_proj", "*.weight", "*.q_proj.*", "dtype:f32 size:>1", "12345", "Weight"):
    began = time.perf_counter()
    find_matches(parse(text), index)
    worst = max(worst, time.perf_counter() - began)
print(json.dumps({"seconds": worst}))
"""


def filtering(folder: Path, *, small: bool, runs: int) -> Iterator[Row]:
    """Lines typed letter by letter over 100,000 keys, the worst keystroke and gap of each; then a million names."""
    count = 2_000 if small else 100_000
    path = made_files.safetensors(folder, count)
    results = [run(_TYPING, path, str(count)) for _ in range(runs)]
    for work in results[0]:
        keystroke, gap = (min(result[work][figure] for result in results) for figure in (0, 1))
        yield limit_row(f"filter {count:,} keys, a keystroke of {work}", keystroke, 50, "ms")
        yield limit_row(f"filter {count:,} keys, event loop gap, {work}", gap, 50, "ms")
    many = 20_000 if small else 1_000_000
    path = made_files.safetensors(folder, many)
    seconds = min(float(run(_MILLION, path)["seconds"]) for _ in range(runs))
    yield limit_row(f"filter {many:,} keys, the slowest of ten queries", seconds * 1000, 300, "ms")
