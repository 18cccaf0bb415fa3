"""What is known of channels comes back to the last bit, and of a damaged entry nothing does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch

import sdviewer
from sdviewer.analysis.channel_table import ChannelTable, beside_scan
from sdviewer.analysis.remembering import remembered
from sdviewer.analysis.remembering_channels import keep_channels, recall_channels
from sdviewer.analysis.scan import Scan
from sdviewer.checkpoint.document import Checkpoint


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    dead = torch.randn(64, 32)
    dead[3] = 0
    dead[5, 7] = torch.inf
    torch.save({"a.weight": dead, "a.bias": torch.zeros(64), "b.weight": torch.randn(32, 16)}, tmp_path / "a.pt")
    return sdviewer.open(tmp_path / "a.pt")


def scanned(checkpoint: Checkpoint) -> ChannelTable:
    channels = ChannelTable(len(checkpoint.table))
    Scan(checkpoint, further=[beside_scan(checkpoint, channels)]).run()
    return channels


def test_channels_come_back_as_they_were(cache: Path, checkpoint: Checkpoint) -> None:
    channels = scanned(checkpoint)
    assert channels.dead.tolist() == [1, 0, 0]
    keep_channels(remembered(checkpoint), channels, np.array([True, True, False]))
    assert list(cache.rglob("*.channels"))
    found, looked_at = recall_channels(remembered(checkpoint), 3)
    assert looked_at.tolist() == [True, True, False]
    assert found.told == {row: told for row, told in channels.told.items() if row != 2}
    for name in ("size", "dead", "nonfinite", "spread", "variation"):
        was, now = getattr(channels, name), getattr(found, name)
        np.testing.assert_array_equal(now[:2], was[:2])
    assert found.size[2] == 0


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_entry_is_as_none(cache: Path, checkpoint: Checkpoint, damage: str) -> None:
    keep_channels(remembered(checkpoint), scanned(checkpoint), np.ones(3, np.bool_))
    (entry,) = cache.rglob("*.channels")
    raw = bytearray(entry.read_bytes())
    if damage == "changed":
        raw[-5] ^= 1
    entry.write_bytes(raw[:-1] if damage == "cut" else raw)
    if damage == "gone":
        entry.unlink()
    found, looked_at = recall_channels(remembered(checkpoint), 3)
    assert not looked_at.any()
    assert not found.size.any()
    assert found.told == {}
