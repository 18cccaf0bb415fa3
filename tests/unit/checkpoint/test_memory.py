"""What would not fit into memory is refused by name, and small reads do not ask."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdviewer.checkpoint import memory
from sdviewer.checkpoint.memory import available_memory, check_memory
from sdviewer.errors import CannotRead

MIB = 1 << 20


def test_some_memory_is_available_and_less_than_any_machine_has() -> None:
    assert 64 * MIB < available_memory() < 1 << 50


def test_what_the_system_calls_available_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_bytes(b"MemTotal:  9 kB\nMemAvailable:     1234 kB\n")
    monkeypatch.setattr(memory, "Path", lambda _: told)
    assert available_memory() == 1234 * 1024


@pytest.mark.parametrize("content", [None, b"", b"MemAvailable:\n", b"MemAvailable: many kB\n"])
def test_a_system_that_does_not_tell_gives_the_memory_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    told = tmp_path / "meminfo"
    if content is not None:
        told.write_bytes(content)
    monkeypatch.setattr(memory, "Path", lambda _: told)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__, raising=False)
    assert available_memory() == 4_096_000


def test_a_system_without_any_answer_is_taken_for_an_ordinary_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "Path", lambda _: tmp_path / "nothing")
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert available_memory() == 16 << 30


def test_more_than_is_available_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 100 * MIB)
    check_memory(100 * MIB, "w", "file.pt")
    with pytest.raises(CannotRead, match=r"file\.pt: .*'w' take 104,857,601 bytes and 104,857,600 .*slice"):
        check_memory(100 * MIB + 1, "w", "file.pt")


def test_a_small_read_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: pytest.fail("asked"))
    check_memory(64 * MIB, "w", "file.pt")
