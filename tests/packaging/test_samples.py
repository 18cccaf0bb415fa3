"""The samples are what their script makes, trained and damaged as it says, and small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer.resource_files import resource_path

_CHECKOUT = Path(__file__).parents[2]
_SCRIPT = _CHECKOUT / "resources" / "make_samples.py"
_NAMES = ("digits-damaged.safetensors", "digits-tuned.pt", "digits.pt")
_MOST_BYTES = 700_000

pytestmark = pytest.mark.skipif(not _SCRIPT.is_file(), reason="the script is part of a checkout")


def listed(path: Path) -> list[tuple[str, str, tuple[int, ...]]]:
    """Every tensor of a file: its name, dtype and shape."""
    with sdviewer.open(path) as checkpoint:
        return [(name, ref.dtype, ref.shape) for name, ref in checkpoint.tensors.items()]


def test_the_script_makes_files_that_hold_what_the_committed_ones_do(tmp_path: Path) -> None:
    command = [sys.executable, str(_SCRIPT), "--folder", str(tmp_path), "--steps", "2"]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == list(_NAMES)
    for name in _NAMES:
        assert listed(tmp_path / name) == listed(resource_path("sample") / name), name


def test_they_are_few_hundred_kilobytes_in_all() -> None:
    files = sorted(resource_path("sample").iterdir())
    assert [path.name for path in files] == [*_NAMES, "slim.toml"]
    assert sum(path.stat().st_size for path in files) < _MOST_BYTES


def test_the_networks_were_trained() -> None:
    for name, least in (("digits.pt", 0.9), ("digits-tuned.pt", 0.75)):
        assert torch.load(resource_path("sample") / name)["accuracy"] > least
