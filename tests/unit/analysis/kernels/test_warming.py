"""Loops are compiled once, in another process where there is a window, and found again on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from sdviewer.analysis.kernels import cache_folder, warming
from sdviewer.control import Control
from sdviewer.errors import Cancelled, HelperDied
from sdviewer.processes import starting

KERNELS = Path(warming.__file__).parent
# One is enough, and compiled in a moment.
ONE = "binning"
ONLY_ONE = f"""
from sdviewer.analysis.kernels import warming
warming.MODULES = ({ONE!r},)
"""
START = f"import sys; sys.path.append(sys.argv.pop(1)); {ONLY_ONE.strip().replace(chr(10), '; ')}; warming.main()"
NO_LOOPS = {"__init__", "cache_folder", "compiling", "vectors", "warming"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is compiled yet; processes that this one starts look there, too."""
    monkeypatch.setattr(warming, "MODULES", (ONE,))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setattr(warming, "_loaded", set())
    return cache_folder.cache_folder()


def run(program: str) -> str:
    """What a fresh interpreter prints that has the environment of this one."""
    program = f"start = {START!r}{ONLY_ONE}{textwrap.dedent(program)}"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=100)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_table_names_every_module_with_compiled_loops() -> None:
    files = {file.stem for file in KERNELS.glob("*.py")} - NO_LOOPS
    assert set(warming.MODULES) == files
    assert len(set(warming.MODULES)) == len(warming.MODULES)


def test_what_one_process_compiled_the_next_one_loads(folder: Path) -> None:
    """The window's way: nothing is compiled in its own process, neither before nor after."""
    assert not warming.is_ready()
    counted = run(
        """
        import sys
        from sdviewer.control import Control
        from sdviewer.processes import starting

        starting.START = start
        warming.compile_elsewhere()
        print(warming.available(), "numba" in sys.modules, end=" ")
        print(warming.warm(Control()), warming.is_ready(), warming.available(), end=" ")
        from numba.core.registry import CPUDispatcher

        loops = [
            value
            for name, module in sys.modules.items()
            if name.startswith("sdviewer.analysis.kernels.")
            for value in vars(module).values()
            if isinstance(value, CPUDispatcher) and value.signatures
        ]
        print(sum(len(loop.stats.cache_misses) for loop in loops))
        """
    )
    assert counted == "False False True True True 0"
    assert warming.is_ready()
    assert folder.is_dir()


def test_a_program_without_a_window_compiles_here_and_tells_so_once(folder: Path) -> None:
    program = """
        from sdviewer.control import Control

        notes = []
        print(warming.available(Control(lambda done, total, note: notes.append(note))), set(notes))
        """
    assert run(program) == "True {'compiling once'}"
    assert run(program) == "True set()"
    assert folder.is_dir()


def test_looking_whether_it_is_ready_imports_nothing_slow(folder: Path) -> None:
    assert not folder.exists()
    slow = run(
        """
        import sys

        warming.is_ready()
        print(*{"numba", "llvmlite", "numpy", "subprocess"} & set(sys.modules))
        """
    )
    assert slow == ""


def test_where_nothing_can_be_written_a_window_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(warming, "_loaded", set())
    monkeypatch.setattr(warming, "_elsewhere", elsewhere := threading.Event())
    elsewhere.set()
    assert warming.warm(Control()) is False
    assert warming.available() is False


def test_a_numba_that_fails_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "_broken", threading.Event())
    assert warming.available(names=("of_another_world",)) is False
    # It is not tried at every tensor.
    monkeypatch.setattr(warming, "load", None)
    assert warming.available(names=(ONE,)) is False
    assert not (folder / f"{ONE}.complete").exists()


def test_cancelling_ends_the_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "START", "import time; time.sleep(60)")
    control = Control()
    timer = threading.Timer(0.3, control.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        warming.warm(control)
    timer.join()
    assert time.monotonic() - began < 5
    assert not warming.is_ready()
    assert not (folder / f"{ONE}.complete").exists()


def test_a_process_that_fails_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "START", "raise SystemExit('no memory')")
    with pytest.raises(HelperDied, match="no memory"):
        warming.warm(Control())
    assert not (folder / f"{ONE}.complete").exists()


def test_the_process_ends_with_the_one_that_waits_for_it(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", START, str(KERNELS.parents[2])],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.communicate(timeout=60)
    # It may have been done before it noticed.
    assert process.returncode in {0, 1}
    assert warming.is_ready() is (folder / f"{ONE}.complete").exists()


def test_changed_loops_are_compiled_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    cache_folder.mark_complete((ONE,))
    assert cache_folder.is_complete((ONE,))
    request.addfinalizer(cache_folder._fingerprint.cache_clear)
    monkeypatch.setattr("sdviewer.__version__", "another")
    cache_folder._fingerprint.cache_clear()
    assert cache_folder.cache_folder() != folder
    assert not cache_folder.is_complete((ONE,))


def test_what_other_versions_left_long_ago_is_removed(folder: Path) -> None:
    old, recent = folder.parent / "old", folder.parent / "recent"
    for other in (old, recent):
        other.mkdir(parents=True)
        (other / f"{ONE}.complete").touch()
    os.utime(old / f"{ONE}.complete", (0, 0))
    cache_folder.mark_complete((ONE,))
    assert not old.exists()
    assert recent.exists()
    assert folder.exists()
