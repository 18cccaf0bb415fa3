"""Memory is allowed in proportion to the description, with a floor and a ceiling."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sdviewer.processes.limits import memory_allowance

MB = 1 << 20


def test_a_small_description_may_not_take_more_than_the_mark_for_hostile_files() -> None:
    assert memory_allowance(10 * MB) <= 300 * MB


def test_the_description_of_a_million_tensors_may_take_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdviewer.processes.limits.physical_memory", lambda: 64 << 30)
    assert memory_allowance(200 * MB) >= 3 << 30


def test_no_description_may_take_the_whole_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdviewer.processes.limits.physical_memory", lambda: 8 << 30)
    assert memory_allowance(100 << 30) <= 6 << 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_a_process_cannot_take_more_than_its_allowance() -> None:
    program = (
        "from sdviewer.processes.limits import limit_memory\n"
        "limit_memory(64 << 20)\n"
        "bytearray(16 << 20)\n"
        "try:\n    bytearray(128 << 20)\nexcept MemoryError:\n    print('refused')\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "refused\n"
