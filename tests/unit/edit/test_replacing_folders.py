"""A folder of shards replaces a folder of shards alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import sdviewer
from sdviewer.errors import CannotWrite
from tests.helpers.saved import opened


def test_shards_replace_shards_and_nothing_else(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.ones(3), "b": torch.zeros(2)})
    plan = sdviewer.plan(checkpoint, target="sharded", shard_bytes=12)
    folder = tmp_path / "shards"
    plan.write(folder)
    plan.write(folder, overwrite=True)
    assert set(load_file(folder / "model-00001-of-00002.safetensors")) == {"a"}
    letter = folder / "letter.txt"
    letter.write_text("dear")
    with pytest.raises(CannotWrite, match=r"letter\.txt"):
        plan.write(folder, overwrite=True)
    assert letter.read_text() == "dear"
    assert set(load_file(folder / "model-00002-of-00002.safetensors")) == {"b"}
    checkpoint.close()
