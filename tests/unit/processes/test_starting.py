"""Helper processes are started by the interpreter, or by the program of a bundle, and answer alike."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer.analysis.kernels import cache_folder, warming
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.processes import client, limits, starting
from sdviewer.processes.matching import RegexProcess
from sdviewer.processes.torch_process import TorchProcess
from sdviewer.search.query import Regex
from tests.unit.processes.test_matching import texts_of
from tests.unit.processes.test_torch_process import SIDE, ask

_PROGRAM = Path(__file__).parents[3] / "packaging" / "bundle" / "program.py"

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that takes what a bundle's takes, as that of this process; it notes what it was started with."""
    program = tmp_path / "sdviewer"
    notes = tmp_path / "started"
    program.write_text(
        f'#!/bin/sh\nfor word; do echo "$word"; done >>"{notes}"\n'
        f'PYTHONPATH="{Path(sdviewer.__file__).parents[1]}" exec "{sys.executable}" -P "{_PROGRAM}" "$@"\n'
    )
    program.chmod(0o755)
    notes.touch()
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    return notes


def started(notes: Path) -> list[str]:
    return notes.read_text().split("\n")[:-1]


@posix_only
def test_a_bundle_reads_large_descriptions_by_its_own_program(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"a.weight": torch.arange(6.0), "b": torch.ones(2)}, tmp_path / "it.pt")
    monkeypatch.setattr(limits, "LARGE_DESCRIPTION", -1)
    checkpoint = client.open_checkpoint(str(tmp_path / "it.pt"))
    assert checkpoint.tensors["a.weight"].numpy().tolist() == [0, 1, 2, 3, 4, 5]
    assert started(bundle) == ["--helper", "sdviewer.processes.reader_child"]


@posix_only
def test_a_bundle_matches_regexes_by_its_own_program(bundle: Path) -> None:
    process = RegexProcess(processes=1)
    try:
        found = process.match(Regex("b$", case=True), texts_of(["ab", "ba"]), Control())
    finally:
        process.close()
    assert found.tolist() == [True, False]
    assert started(bundle) == ["--helper", "sdviewer.processes.regex_child"]


@posix_only
def test_a_bundle_computes_with_torch_by_its_own_program(bundle: Path) -> None:
    process = TorchProcess()
    try:
        values = ask(process)
    finally:
        process.close()
    assert values == pytest.approx([1.0] * SIDE)
    assert started(bundle)[:2] == ["--helper", "sdviewer.processes.torch_child"]


@posix_only
def test_a_bundle_compiles_by_its_own_program(bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What compiles all takes a minute: here it only ends as soon as it is started.
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    monkeypatch.setattr(warming, "is_ready", lambda: False)
    monkeypatch.setattr(cache_folder, "writable_cache_folder", lambda: tmp_path)
    control = Control()
    threading.Timer(0.5, control.cancel).start()
    with pytest.raises(Cancelled):
        warming.warm(control)
    assert started(bundle) == ["--helper", "sdviewer.analysis.kernels.warming"]


@posix_only
@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("arguments", [["os"], ["sdviewer.cli.main"], []])
def test_a_bundle_is_no_way_to_run_other_modules(arguments: list[str]) -> None:
    command = [sys.executable, "--helper", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "sdviewer: --helper is for its own processes\n"


@posix_only
@pytest.mark.usefixtures("bundle")
def test_a_bundle_is_the_command_line_otherwise() -> None:
    done = subprocess.run([sys.executable, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"sdviewer {sdviewer.__version__}\n"


def test_every_module_of_the_table_is_a_process() -> None:
    for module in starting.HELPERS:
        assert callable(importlib.import_module(module).main)


def test_an_interpreter_looks_into_our_own_folder_last() -> None:
    command = starting.helper_command("sdviewer.processes.regex_child", "more")
    assert command[:3] == [sys.executable, "-P", "-c"]
    assert command[-2:] == ["sdviewer.processes.regex_child", "more"]
    assert "append" in command[3]
