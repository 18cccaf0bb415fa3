"""Treemaps: every byte has its place, tiles lie within the tile of their module, and small ones stand together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdviewer.analysis.treemap import HEADER, Treemap, treemap
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from tests.ui.checkpoints import checkpoint_with

SIZE = (800.0, 500.0)


def net() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    return {
        "embed.weight": np.zeros((400, 16), np.float32),
        "layers.0.attn.weight": np.zeros((40, 100), np.float32),
        "layers.0.mlp.weight": np.zeros((80, 100), np.float16),
        "layers.1.attn.weight": np.zeros((40, 100), np.float32),
        "layers.1.mlp.weight": np.zeros((80, 100), np.float16),
    }


def labels(checkpoint: Checkpoint, found: Treemap) -> list[str]:
    return [checkpoint.tree.label[int(node)] for node in found.first]


def test_leaves_cover_their_module_in_proportion_to_their_bytes(tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, net())
    found = treemap(checkpoint, 0, SIZE, levels=3)
    area = found.rects[:, 2] * found.rects[:, 3]
    for tile in range(len(found)):
        parts = np.flatnonzero(found.parent == tile)
        assert bool(len(parts)) == bool(found.is_split[tile])
        if not len(parts):
            continue
        assert found.nbytes[parts].sum() == found.nbytes[tile]
        assert area[parts] / area[parts].sum() == pytest.approx(found.nbytes[parts] / found.nbytes[tile])
        left, top, width, height = found.rects[tile]
        inside = found.rects[parts]
        assert inside[:, 0].min() > left
        assert inside[:, 1].min() == pytest.approx(top + HEADER)
        assert (inside[:, 0] + inside[:, 2]).max() < left + width
        assert (inside[:, 1] + inside[:, 3]).max() < top + height
    assert found.nbytes[0] == sum(array.nbytes for array in net().values())


def test_two_levels_are_drawn_and_a_child_with_nearly_everything_is_none(tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, {f"net.{name}": array for name, array in net().items()})
    two = labels(checkpoint, treemap(checkpoint, 0, SIZE))
    # The section and "net" hold all there is: "layers" is the first level, its numbers are the second.
    assert {"net", "layers", "embed", "0", "1"} <= set(two)
    assert "attn" not in two
    assert "attn" in labels(checkpoint, treemap(checkpoint, 0, SIZE, levels=3))


def test_colours_tell_what_most_bytes_are(tmp_path: Path) -> None:
    tensors = net() | {"layers.1.mlp.weight": np.zeros((400, 100), np.float16)}
    checkpoint = checkpoint_with(tmp_path, tensors)
    found = treemap(checkpoint, 0, SIZE, levels=1)
    dtype = found.colored["dtype"]
    assert dtype.names == ("float16", "float32")
    assert dtype.nbytes.tolist() == [96_000, 57_600]
    of_label = dict(zip(labels(checkpoint, found), dtype.of_tile.tolist(), strict=True))
    assert dtype.names[of_label["embed"]] == "float32"
    assert dtype.names[of_label["layers"]] == "float16"
    assert found.colored["section"].names == tuple(checkpoint.sections)


def test_many_small_siblings_stand_together_in_the_order_of_the_tree(tmp_path: Path) -> None:
    tensors = {"big": np.zeros(200_000, np.float32)} | {f"t.{i}": np.zeros(3, np.float32) for i in range(5000)}
    checkpoint = checkpoint_with(tmp_path, tensors)
    found = treemap(checkpoint, 0, SIZE)
    assert len(found) < 100
    groups = np.flatnonzero(found.count > 1)
    assert found.count[groups].sum() == 5000
    assert found.nbytes[groups].sum() == 60_000
    assert (found.first[groups] < found.last[groups]).all()
    order = np.argsort(found.first[groups])
    assert (found.last[groups][order][:-1] < found.first[groups][order][1:]).all()
    assert (found.rects[groups, 2] * found.rects[groups, 3] > 30).all()


def test_a_node_without_room_or_parts_is_one_tile(tmp_path: Path) -> None:
    checkpoint = checkpoint_with(tmp_path, net())
    assert len(treemap(checkpoint, 0, (30.0, 30.0))) == 1
    tensor = int(np.flatnonzero(checkpoint.tree.tensors == 1)[-1])
    assert len(treemap(checkpoint, tensor, SIZE)) == 1


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        treemap(checkpoint_with(tmp_path, net()), 0, SIZE, control=control)
