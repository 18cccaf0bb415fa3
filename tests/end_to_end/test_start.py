"""From the start to the first tree nothing heavy is imported; void calls of Qt keep their references."""

from __future__ import annotations

import json
import subprocess
import sys

from sdviewer.resource_files import resource_path

_FIRST_TREE = """
import json, os, sys
from sdviewer.ui.tree.view import TreeView
paint = TreeView.paintEvent
def painted(self, event):
    paint(self, event)
    if self.tree_model is not None and self.tree_model.rowCount() > 1:
        print(json.dumps(sorted(sys.modules)), flush=True)
        os._exit(0)
TreeView.paintEvent = painted
from sdviewer.__main__ import main
sys.argv = ["sdviewer", "--new-window", sys.argv[1]]
sys.exit(main())
"""
_VOID_CALLS = """
import sys
from PySide6.QtCore import QObject
thing = QObject()
before = sys.getrefcount(None)
for _ in range(20_000):
    thing.setObjectName("name")
print(before - sys.getrefcount(None))
"""


def test_the_first_tree_is_painted_without_torch_pyqtgraph_and_numba() -> None:
    command = [sys.executable, "-c", _FIRST_TREE, str(resource_path("sample/digits.pt"))]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=100)
    imported = set(json.loads(done.stdout))
    assert "sdviewer.formats.torch_zip" in imported
    assert imported.isdisjoint({"torch", "pyqtgraph", "numba", "scipy", "matplotlib", "asyncio", "multiprocessing"})
    # Nor what is only needed for a filter or a copy.
    assert not [name for name in imported if name.startswith("sdviewer.search.")]
    assert imported.isdisjoint({"sdviewer.checkpoint.listing_text", "sdviewer.ui.filter.help_popup", "csv"})


def test_void_calls_lose_no_reference_to_none() -> None:
    # PySide6 6.12.0 on Python 3.11 loses one each call, and aborts when none is left.
    done = subprocess.run([sys.executable, "-c", _VOID_CALLS], capture_output=True, check=True, text=True)
    assert abs(int(done.stdout)) < 1_000
