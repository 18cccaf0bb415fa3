"""Pruned descriptions: what is taken out is gone, and the rest is as it was."""

from __future__ import annotations

from pathlib import Path

import torch

import sdviewer
from sdviewer.formats.described_values import Described
from sdviewer.formats.merging import merge
from sdviewer.formats.pruning import holds_tensors, pruned


def test_the_rest_stands_under_its_name(tmp_path: Path) -> None:
    inner = {"kept": torch.ones(2), "gone": torch.ones(3), "step": 4}
    torch.save({"a": inner, "b": {"gone": [torch.zeros(1)], "again": inner}, "c": torch.ones(5)}, tmp_path / "f.pt")
    description = sdviewer.open(tmp_path / "f.pt").description
    held = Described(description)
    a, b = held.child(0, "a"), held.child(0, "b")
    assert held.plain(held.child(held.child(b, "again"), "step")) == 4
    part = pruned(description, "f", [held.child(a, "gone"), held.child(b, "gone")])
    merged = merge([part])
    assert list(merged.tensors.name) == ["f/a/kept", "f/c"]
    left = Described(merged)
    root = left.child(0, "f")
    assert set(left.entries(root)) == {"a", "b", "c"}
    assert set(left.entries(left.child(left.child(root, "b"), "again"))) == {"kept", "step"}
    assert holds_tensors(part)


def test_what_stands_for_something_goes_with_it(tmp_path: Path) -> None:
    inner = {"x": torch.ones(2)}
    torch.save({"a": inner, "b": {"again": inner, "n": 1}}, tmp_path / "f.pt")
    description = sdviewer.open(tmp_path / "f.pt").description
    held = Described(description)
    part = pruned(description, None, [held.child(0, "a")])
    left = Described(merge([part]))
    assert set(left.entries(0)) == {"b"}
    assert set(left.entries(left.child(0, "b"))) == {"n"}
    assert not holds_tensors(part)
