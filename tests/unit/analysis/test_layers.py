"""Layers: where the numbered modules are, what each tensor does in its layer, and where it stands along them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdviewer.analysis.layers import Layers, layers_below, may_have_layers
from sdviewer.checkpoint.document import Checkpoint
from tests.ui.checkpoints import checkpoint_with


def with_names(folder: Path, *names: str, sizes: dict[str, int] | None = None) -> Checkpoint:
    return checkpoint_with(folder, {name: np.zeros((sizes or {}).get(name, 4), np.float32) for name in names})


def table_of(checkpoint: Checkpoint, found: Layers) -> list[tuple[str, str, float]]:
    names = checkpoint.table.name
    return [
        (names[row], found.roles[role], round(x, 3))
        for row, role, x in zip(found.rows.tolist(), found.role.tolist(), found.x.tolist(), strict=True)
    ]


def test_tensors_of_one_name_in_all_layers_have_one_role(tmp_path: Path) -> None:
    names = [f"model.layers.{i}.{part}" for i in (0, 1, 2, 10) for part in ("attn.q.weight", "norm.bias")]
    checkpoint = with_names(tmp_path, "model.embed.weight", *names)
    found = layers_below(checkpoint, 0)
    assert table_of(checkpoint, found) == [
        (f"model.layers.{number}.{role}", role, float(place))
        for place, number in enumerate((0, 1, 2, 10))
        for role in ("attn.q.weight", "norm.bias")
    ]
    assert [checkpoint.tree.label[int(node)] for node in found.layers] == ["0", "1", "2", "10"]
    assert [checkpoint.tree.label[int(node)] for node in found.stacks] == ["layers"]
    assert found.left_out == 1


def test_roles_come_by_their_bytes(tmp_path: Path) -> None:
    names = [f"h.{i}.{part}" for i in range(3) for part in ("small", "large")]
    sizes = {name: 100 for name in names if name.endswith("large")}
    found = layers_below(with_names(tmp_path, *names, sizes=sizes), 0)
    assert found.roles == ("large", "small")
    assert found.role_bytes.tolist() == [1200, 48]


def test_numbers_within_a_layer_are_left_out_and_their_tensors_stand_side_by_side(tmp_path: Path) -> None:
    names = [f"layers.{i}.experts.{e}.w" for i in range(2) for e in range(4)]
    found = layers_below(with_names(tmp_path, *names), 0)
    assert found.roles == ("experts.*.w",)
    assert np.allclose(found.x, [-0.3, -0.1, 0.1, 0.3, 0.7, 0.9, 1.1, 1.3])
    assert found.layer.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_several_stacks_follow_each_other_and_share_roles(tmp_path: Path) -> None:
    names = [f"{stack}.block.{i}.w" for stack in ("encoder", "decoder") for i in range(2)]
    found = layers_below(with_names(tmp_path, *names), 0)
    assert found.roles == ("w",)
    assert found.x.tolist() == [0, 1, 2, 3]
    assert found.stack_of.tolist() == [0, 0, 1, 1]


def test_a_number_that_holds_nearly_all_is_no_layer_but_has_them_inside(tmp_path: Path) -> None:
    inside = [f"0.encoder.layer.{i}.w" for i in range(3)]
    checkpoint = with_names(tmp_path, *inside, "1.pool.w", sizes=dict.fromkeys(inside, 1000))
    found = layers_below(checkpoint, 0)
    assert [checkpoint.table.name[row] for row in found.rows.tolist()] == inside
    assert found.left_out == 1


def test_a_module_without_numbers_has_no_layers(tmp_path: Path) -> None:
    checkpoint = with_names(tmp_path, "a.weight", "a.bias", "b.weight", "c.0.weight")
    found = layers_below(checkpoint, 0)
    assert (len(found.layers), len(found.nodes), found.left_out) == (0, 0, 4)
    assert not may_have_layers(checkpoint.tree, 0)


def test_layers_are_suspected_where_they_are(tmp_path: Path) -> None:
    checkpoint = with_names(tmp_path, "head.w", "layers.0.w", "layers.1.w")
    tree = checkpoint.tree
    assert may_have_layers(tree, 0)
    head = next(node for node in range(len(tree)) if tree.label[node] == "head")
    assert not may_have_layers(tree, head)


def test_layers_below_a_module_are_its_own(tmp_path: Path) -> None:
    checkpoint = with_names(tmp_path, *(f"{side}.{i}.w" for side in ("a", "b") for i in range(3)))
    tree = checkpoint.tree
    b = next(node for node in range(len(tree)) if tree.label[node] == "b")
    found = layers_below(checkpoint, b)
    assert [checkpoint.table.name[row] for row in found.rows.tolist()] == ["b.0.w", "b.1.w", "b.2.w"]
