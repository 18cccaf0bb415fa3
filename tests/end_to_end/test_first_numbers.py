"""A window that is started for the first time: numbers come at once, and nothing is compiled where it is felt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

# The window as `run_window` makes it, with a heart that tells how long it stood still.
_PROGRAM = """
import gc, json, sys, time
from PySide6.QtCore import QEventLoop, QTimer, Qt
from sdviewer.analysis.kernels import cache_folder, warming
from sdviewer.ui.app import application
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import Theme, apply_theme

app = application()
apply_theme(Theme.LIGHT)
window = MainWindow()
warming.compile_elsewhere()
gc.collect(); gc.freeze(); gc.disable()
sys.setswitchinterval(0.0005)
beats = []
heart = QTimer()
heart.setTimerType(Qt.TimerType.PreciseTimer)
heart.timeout.connect(lambda: beats.append(time.perf_counter()))
heart.start(5)

def wait(until):
    patience = time.perf_counter() + 250
    while not until() and time.perf_counter() < patience:
        loop = QEventLoop()
        QTimer.singleShot(10, loop.quit)
        loop.exec()

def gap():
    return max((after - before for before, after in zip(beats, beats[1:])), default=0.0)

def mean():
    return window.current_tab.detail.numbers.statistics.text("Mean")

window.show()
window.open_files([sys.argv[1]])
wait(lambda: window.has_tabs_for_all and window.current_tab.is_settled)
def select(name):
    began = time.perf_counter()
    window.current_tab.go_to_name(name)
    wait(mean)
    return {"seconds": time.perf_counter() - began, "mean": mean(), "numba": "numba" in sys.modules}

found = {"compiled before": cache_folder.is_complete(("counting",))}
beats.clear()
found["first"] = select("first")
wait(lambda: cache_folder.is_complete(("counting", "deriving")))
found["second"] = select("second")
found["gap"] = gap()
window.close()
from numba.core.registry import CPUDispatcher
loops = {
    id(value): value
    for name, module in sys.modules.items()
    if name.startswith("sdviewer.analysis.kernels.")
    for value in vars(module).values()
    if isinstance(value, CPUDispatcher)
}
found |= {"loops": len(loops), "compiled here": sum(sum(x.stats.cache_misses.values()) for x in loops.values())}
print(json.dumps(found))
"""


@pytest.mark.timeout(300)
def test_first_numbers_come_before_anything_is_compiled_and_it_is_compiled_elsewhere(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(2048, 2048, generator=generator).to(torch.bfloat16) for name in ("first", "second")}
    torch.save(tensors, tmp_path / "it.pt")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "compiled"), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "it.pt")],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not found["compiled before"]
    for name, tensor in tensors.items():
        assert float(found[name]["mean"].replace("−", "-")) == float(f"{tensor.double().mean():.6g}")
    # Under a second where nothing else runs.
    assert found["first"]["seconds"] < 10
    assert not found["first"]["numba"]
    assert found["second"]["numba"]
    assert found["loops"] > 0
    assert found["compiled here"] == 0
