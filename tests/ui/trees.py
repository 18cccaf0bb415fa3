"""Trees with ranges and alike blocks, and what their rows say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.ui.models.tree_model import TreeModel
from sdviewer.ui.tree.view import TreeView
from sdviewer.ui.tree.visible_rows import rows_of
from tests.ui.checkpoints import Tensors, checkpoint_with

ONE = np.zeros(1, np.float32)


def layers(count: int, wider_from: int = 1 << 30) -> dict[str, np.ndarray[Any, Any]]:
    """Layers of two tensors each, those from `wider_from` on with another shape, between two other modules."""
    tensors: dict[str, np.ndarray[Any, Any]] = {"embed.weight": np.zeros((4, 2), np.float32)}
    for layer in range(count):
        size = 8 if layer >= wider_from else 2
        tensors[f"layers.{layer}.proj.weight"] = np.zeros((size, size), np.float32)
        tensors[f"layers.{layer}.norm"] = np.zeros(size, np.float32)
    return {**tensors, "head": np.zeros(2, np.float32)}


def model_with(folder: Path, tensors: Tensors, **facts: Any) -> TreeModel:
    """A model whose rows have all that the loading job finds."""
    return model_for(checkpoint_with(folder, tensors, **facts))


def model_for(checkpoint: Checkpoint) -> TreeModel:
    """The same of a checkpoint that is there; its section is open and nothing below it."""
    rows = rows_of(checkpoint, Control())
    rows.expand_only(np.array([0, 1]))
    return TreeModel(checkpoint, rows, "file.pt")


def view_with(model: TreeModel, *, folding: bool = False) -> TreeView:
    """A view of a model, with the keys."""
    view = TreeView()
    model.setParent(view)
    view.set_folding(folding)
    view.show_tree(model)
    view.resize(760, 600)
    view.show()
    view.setFocus()
    return view


def texts(model: TreeModel) -> list[str]:
    """The rows below the section, indented by two blanks a level."""
    cells = [model.cells(row) for row in range(2, model.rowCount())]
    return ["  " * (row.indent - 1) + row.name + row.aside for row in cells]


def item_called(model: TreeModel, name: str) -> int:
    """The item in the first row with this name."""
    return next(model.rows.item(row) for row in range(model.rowCount()) if model.cells(row).name == name)


def node_at(checkpoint: Checkpoint, *labels: str) -> int:
    """The node that these labels lead to, from below the section."""
    node = 1
    for label in labels:
        node = next(child for child in checkpoint.tree.children(node) if checkpoint.tree.label[child] == label)
    return node
