"""Tensors that are one quantised weight are found by names, dtypes and shapes, and nothing is read for that."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.quantised_groups import QuantisedGroup, group_at, groups_in
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.quantised import four_bits, fp8, int8
from tests.helpers.spying import spying

State = dict[str, torch.Tensor]

int32, uint8, half = torch.int32, torch.uint8, torch.float16


def zeros(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


def gptq(bits: int) -> State:
    """A layer of 256 inputs and 64 outputs, in groups of 128."""
    return {
        "m.qweight": zeros(int32, 256 * bits // 32, 64),
        "m.qzeros": zeros(int32, 2, 64 * bits // 32),
        "m.scales": zeros(half, 2, 64),
        "m.g_idx": zeros(int32, 256),
    }


AWQ = {"m.qweight": zeros(int32, 256, 8), "m.qzeros": zeros(int32, 2, 8), "m.scales": zeros(half, 2, 64)}
PACKED = {
    "m.weight_packed": zeros(int32, 64, 32),
    "m.weight_scale": zeros(torch.bfloat16, 64, 2),
    "m.weight_shape": zeros(torch.int64, 2),
}
MXFP4 = {"m.up_blocks": zeros(uint8, 4, 64, 8, 16), "m.up_scales": zeros(uint8, 4, 64, 8)}
NVFP4 = {
    "m.weight": zeros(uint8, 64, 128),
    "m.weight_scale": zeros(torch.float8_e4m3fn, 64, 16),
    "m.weight_scale_2": torch.tensor(1.0),
}
NVFP4_PACKED = {
    "m.weight_packed": zeros(uint8, 64, 128),
    "m.weight_scale": zeros(torch.float8_e4m3fn, 64, 16),
    "m.weight_global_scale": torch.ones(1),
}

# What is saved, what it is called, its name and shape, and bits a weight by hand.
CASES: dict[str, tuple[State, str, str, tuple[int, ...] | None, float | None]] = {
    "int8": (int8("m", (32, 16))[0], "bitsandbytes int8", "m.weight", (32, 16), 8 * (512 + 128 + 1) / 512),
    "DeepSeek": (
        fp8("m.weight", (256, 200), torch.ones(2, 2), "_scale_inv", (128, 128))[0],
        "fp8, a scale for each 128 × 128",
        "m.weight",
        (256, 200),
        8 * (256 * 200 + 16) / (256 * 200),
    ),
    "one scale": (
        fp8("m.weight", (8, 4), torch.tensor(2.0), "_scale", (8, 4))[0],
        "fp8, one scale",
        "m.weight",
        (8, 4),
        9.0,
    ),
    "a scale each row": (
        fp8("m.weight", (8, 4), torch.ones(8, 1), "_scale", (1, 4))[0],
        "fp8, a scale for each row",
        "m.weight",
        (8, 4),
        16.0,
    ),
    "GPTQ 4": (gptq(4), "GPTQ 4 bits", "m.weight", (64, 256), 4 + 8 * (64 + 256 + 1024) / 16384),
    "GPTQ 8": (gptq(8), "GPTQ 8 bits", "m.weight", (64, 256), 8 + 8 * (128 + 256 + 1024) / 16384),
    "GPTQ 3": (gptq(3), "GPTQ 3 bits", "m.weight", (64, 256), 3 + 8 * (48 + 256 + 1024) / 16384),
    "AWQ": (AWQ, "AWQ 4 bits", "m.weight", (64, 256), 4 + 8 * (64 + 256) / 16384),
    "compressed-tensors": (PACKED, "compressed-tensors, packed", "m.weight", None, None),
    "MXFP4": (MXFP4, "MXFP4", "m.up", (4, 64, 256), 4.25),
    "NVFP4": (NVFP4, "NVFP4", "m.weight", (64, 256), 4.5 + 8 * 4 / 16384),
    "NVFP4, packed": (NVFP4_PACKED, "NVFP4", "m.weight", (64, 256), 4.5 + 8 * 4 / 16384),
}


def saved(path: Path, tensors: State) -> Checkpoint:
    save_file(tensors, path / "model.safetensors")
    return open_checkpoint(path / "model.safetensors")


def at_each_tensor(checkpoint: Checkpoint) -> dict[str, QuantisedGroup | None]:
    """What is found at each tensor of the tree, by its name."""
    tree, names = checkpoint.tree, checkpoint.table.name
    nodes = [node for node in range(len(tree)) if tree.what[node] == TreeNode.TENSOR]
    return {names[int(tree.ref[node])]: group_at(checkpoint, node) for node in nodes}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_group_has_its_name_shape_and_bits(
    tmp_path: Path, case: tuple[State, str, str, tuple[int, ...] | None, float | None]
) -> None:
    tensors, called, name, shape, bits = case
    bystanders = {"m.bias": torch.zeros(4), "norm.weight": torch.zeros(4), "loss_scale": torch.ones(1)}
    checkpoint = saved(tmp_path, tensors | bystanders)
    (group,) = groups_in(checkpoint)
    assert (group.format, group.name, group.shape) == (called, name, shape)
    assert group.bits == (pytest.approx(bits, rel=1e-12) if bits is not None else None)
    assert {checkpoint.table.name[row] for row in group.members.values()} == set(tensors)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_member_leads_to_its_group(
    tmp_path: Path, case: tuple[State, str, str, tuple[int, ...] | None, float | None]
) -> None:
    checkpoint = saved(tmp_path, case[0] | {"m.bias": torch.zeros(4)})
    (group,) = groups_in(checkpoint)
    found = at_each_tensor(checkpoint)
    assert found.pop("m.bias") is None
    assert all(other == group for other in found.values())


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [True, False])
def test_all_that_bitsandbytes_keeps_of_four_bits_is_one_group(tmp_path: Path, kind: str, nested: bool) -> None:
    tensors, _ = four_bits("layers.0.q.weight", (64, 64), kind, nested=nested)
    checkpoint = saved(tmp_path, tensors)
    (group,) = groups_in(checkpoint)
    assert group.format == f"bitsandbytes {kind}"
    assert group.name == "layers.0.q.weight"
    assert group.bits == pytest.approx(8 * sum(t.nbytes for t in tensors.values()) / 4096)
    assert all(found == group for found in at_each_tensor(checkpoint).values())


def test_groups_of_many_layers_are_found_and_told_apart(tmp_path: Path) -> None:
    tensors: State = {}
    for layer in range(30):
        tensors |= int8(f"layers.{layer}.up", (8, 4), layer)[0]
        tensors |= four_bits(f"layers.{layer}.down.weight", (8, 8), "nf4", nested=True, seed=layer)[0]
    checkpoint = saved(tmp_path, tensors)
    names = {group.name for group in groups_in(checkpoint)}
    assert names == {f"layers.{i}.{name}.weight" for i in range(30) for name in ("up", "down")}
    found = at_each_tensor(checkpoint)
    assert all(
        group is not None and name.startswith(group.name.removesuffix(".weight")) for name, group in found.items()
    )


@pytest.mark.parametrize(
    "tensors",
    [
        {"a.weight": torch.zeros(4, 4), "a.weight_scale": torch.ones(1)},  # of plain floats
        {"a.weight": zeros(torch.int8, 8, 4), "a.SCB": torch.zeros(7)},  # as many scales as no axis has
        {"m.qweight": zeros(int32, 256, 9), "m.qzeros": zeros(int32, 2, 8), "m.scales": zeros(half, 2, 64)},
        {"m.up_blocks": zeros(uint8, 4, 64, 8, 15), "m.up_scales": zeros(uint8, 4, 64, 8)},
        {"a.weight.absmax": torch.zeros(4), "a.weight.quant_state.bitsandbytes__nf4": zeros(uint8, 9)},
    ],
)
def test_what_only_looks_like_a_group_is_none(tmp_path: Path, tensors: State) -> None:
    checkpoint = saved(tmp_path, tensors)
    assert list(groups_in(checkpoint)) == []
    assert set(at_each_tensor(checkpoint).values()) == {None}


def test_scales_that_fit_no_tiles_leave_a_group_that_is_only_named(tmp_path: Path) -> None:
    tensors = {"a.weight": zeros(torch.float8_e4m3fn, 10, 10), "a.weight_scale_inv": torch.ones(3, 3)}
    (group,) = groups_in(saved(tmp_path, tensors))
    assert (group.format, group.scheme) == ("fp8 with scales", "")


def test_looking_for_groups_reads_nothing_and_can_be_cancelled(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, int8("m", (32, 16))[0])
    with spying() as spy:
        assert len(list(groups_in(checkpoint))) == 1
        at_each_tensor(checkpoint)
    assert spy.total == 0
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        list(groups_in(checkpoint, control))
