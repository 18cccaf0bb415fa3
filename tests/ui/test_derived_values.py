"""A tensor that is a part of a quantised weight or of an adapter can be looked at as what it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from safetensors.torch import save_file

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.formats.opening import open_checkpoint
from sdviewer.ui.detail.blocks import GridView
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.detail.places import node_of_tensor
from tests.helpers.quantised import four_bits
from tests.ui.details import detail_window, settled

NAME = "layers.0.q.weight"


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


def saved(path: Path, tensors: dict[str, torch.Tensor]) -> Checkpoint:
    save_file(tensors, path / "model.safetensors")
    return open_checkpoint(path / "model.safetensors")


def show(pane: DetailPane, qtbot: QtBot, checkpoint: Checkpoint, name: str) -> None:
    pane.show_node(checkpoint, node_of_tensor(checkpoint, name), "m.safetensors")
    settled(qtbot, pane)


def facts(pane: DetailPane) -> dict[str, str]:
    return dict(pane.facts.texts())


def test_a_quantised_weight_is_described_with_its_siblings(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> None:
    tensors, _ = four_bits(NAME, (64, 64), "nf4", nested=True)
    checkpoint = saved(tmp_path, tensors | {"norm": torch.ones(4)})
    show(detail, qtbot, checkpoint, f"{NAME}.absmax")
    assert facts(detail)["Quantised"] == "bitsandbytes nf4"
    assert facts(detail)["Weight"] == NAME
    bits = 8 * sum(tensor.nbytes for tensor in tensors.values()) / 4096
    assert facts(detail)["Bits a weight"].startswith(f"{bits:.4g},")
    grid = next(view for view in detail.findChildren(GridView) if view.grid.title == "Belongs together")
    assert {row[1] for row in grid.grid.rows} == set(tensors)
    names = [checkpoint.table.name[int(checkpoint.tree.ref[node])] for node in grid.grid.nodes]
    assert names == [row[1] for row in grid.grid.rows]
    show(detail, qtbot, checkpoint, "norm")
    assert detail.derived.isHidden()
    assert "Quantised" not in facts(detail)


def test_the_tabs_tell_of_the_dequantised_weight(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> None:
    tensors, expected = four_bits(NAME, (40, 100), "nf4", nested=True)
    more, other = four_bits("layers.1.q.weight", (8, 16), "fp4", nested=False)
    checkpoint = saved(tmp_path, tensors | more | {"norm": torch.ones(4)})
    show(detail, qtbot, checkpoint, NAME)
    detail.show_pane("statistics")
    settled(qtbot, detail)
    assert "spectrum" not in detail.panes_there
    detail.derived.box.setFocus()
    QTest.keyClick(detail.derived.box, Qt.Key.Key_Space)
    settled(qtbot, detail)
    pane = detail.panes["statistics"]
    statistics = pane.measured.statistics  # type: ignore[attr-defined]  # it is the pane of statistics
    assert statistics.l2 == pytest.approx(float(np.linalg.norm(expected)), rel=1e-5)
    assert statistics.max == pytest.approx(expected.max(), rel=1e-6)
    assert "spectrum" in detail.panes_there
    assert "40 × 100" in detail.subtitle.text()
    # It stays so for the next one that has them, and others are shown as they are.
    show(detail, qtbot, checkpoint, "layers.1.q.weight.absmax")
    assert pane.measured.statistics.max == pytest.approx(other.max(), rel=1e-6)  # type: ignore[attr-defined]
    show(detail, qtbot, checkpoint, "norm")
    assert pane.measured.statistics.max == 1  # type: ignore[attr-defined]
    show(detail, qtbot, checkpoint, NAME)
    assert pane.measured.statistics.max == pytest.approx(expected.max(), rel=1e-6)  # type: ignore[attr-defined]
    detail.show_pane("overview")
    settled(qtbot, detail)
    assert facts(detail)["Dequantised from"] == "bitsandbytes nf4"
    QTest.keyClick(detail.derived.box, Qt.Key.Key_Space)
    settled(qtbot, detail)
    assert facts(detail)["Dtype"] == "uint8"


def test_what_cannot_be_dequantised_is_said_and_the_codes_are_shown(
    detail: DetailPane, qtbot: QtBot, tmp_path: Path
) -> None:
    tensors, _ = four_bits(NAME, (64, 64), "nf4", nested=False)
    tensors[f"{NAME}.absmax"] = torch.ones(3)
    checkpoint = saved(tmp_path, tensors)
    detail.derived.box.setChecked(True)
    show(detail, qtbot, checkpoint, NAME)
    assert not detail.derived.error.isHidden()
    assert "absmax" in detail.derived.error.message.text()
    assert facts(detail)["Dtype"] == "uint8"
    detail.derived.box.setChecked(False)
    assert detail.derived.error.isHidden()


def test_a_format_that_is_only_named_offers_no_values(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> None:
    tensors = {
        "m.up_blocks": torch.zeros(4, 8, 2, 16, dtype=torch.uint8),
        "m.up_scales": torch.zeros(4, 8, 2, dtype=torch.uint8),
    }
    show(detail, qtbot, saved(tmp_path, tensors), "m.up_blocks")
    assert facts(detail)["Quantised"] == "MXFP4"
    assert detail.derived.isHidden()


@pytest.mark.parametrize("has_config", [True, False])
def test_the_change_of_an_adapter_is_shown_with_its_scale(
    detail: DetailPane, qtbot: QtBot, tmp_path: Path, *, has_config: bool
) -> None:
    a, b = torch.randn(4, 30), torch.randn(20, 4)
    if has_config:
        (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 8}))
    checkpoint = saved(tmp_path, {"q.lora_A.weight": a, "q.lora_B.weight": b})
    detail.derived.box.setChecked(True)
    show(detail, qtbot, checkpoint, "q.lora_B.weight")
    assert facts(detail)["Shape"] == "20 × 30"
    scale = 2 if has_config else 1
    assert facts(detail)["Scale"].startswith("2, α/r = 8/4" if has_config else "unknown")
    notes = [note.text for note in detail.description.notes] if detail.description else []
    assert bool(notes) is not has_config
    detail.show_pane("statistics")
    settled(qtbot, detail)
    expected = scale * (b.double() @ a.double()).numpy()
    l2 = detail.panes["statistics"].measured.statistics.l2  # type: ignore[attr-defined]
    assert l2 == pytest.approx(float(np.linalg.norm(expected)), rel=1e-6)


def test_a_file_tells_of_its_formats(detail: DetailPane, qtbot: QtBot, tmp_path: Path) -> None:
    tensors: dict[str, torch.Tensor] = {}
    for layer in range(3):
        tensors |= four_bits(f"layers.{layer}.q.weight", (64, 64), "nf4", nested=False)[0]
    bits = 8 * sum(tensor.nbytes for tensor in tensors.values()) / (3 * 4096)
    tensors |= {"v.lora_A.weight": torch.ones(2, 30), "v.lora_B.weight": torch.ones(20, 2)}
    detail.show_node(saved(tmp_path, tensors), 0, "m.safetensors")
    settled(qtbot, detail)
    title = "Tensors that belong together"
    grid = next(view.grid for view in detail.findChildren(GridView) if view.grid.title == title)
    assert grid.rows == (
        ("bitsandbytes nf4", "3", "12.3 K", f"{bits:.4g}"),
        ("low-rank adapter, pairs of A and B", "1", "600", "–"),
    )
    detail.show_node(saved(tmp_path, {"a": torch.ones(3)}), 0, "m.safetensors")
    settled(qtbot, detail)
    assert title not in {view.grid.title for view in detail.findChildren(GridView) if view.isVisible()}
