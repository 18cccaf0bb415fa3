"""Adapter pairs: the two small matrices that low-rank adapters keep instead of a change of a weight.

Hu et al., “LoRA: Low-Rank Adaptation of Large Language Models” (2021): ΔW = (α/r) · B · A. Names are those of PEFT
(`lora_A`, `lora_B`, `lora_embedding_A` …), of kohya's scripts (`lora_down`, `lora_up`, `alpha`) and of diffusers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.quantised_groups import tensors_near
from sdviewer.checkpoint.table import Flag, TensorTable
from sdviewer.control import Control

_PARTS = (
    (".lora_A.", ".lora_B."),
    (".lora_down.", ".lora_up."),
    (".lora.down.", ".lora.up."),
    (".lora_embedding_A", ".lora_embedding_B"),
)
_FIRST = re.compile("|".join(re.escape(first) for first, _ in _PARTS).encode())
_EMBEDDING = ".lora_embedding_A"
_FOUND_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class AdapterPair:
    """Two tensors that stand for the change of a weight.

    Attributes:
        module: what is adapted, as the file calls it.
        first, second: rows of A, shape (r, …), and of B, shape (out, r).
        alpha: the row of a tensor that holds α, -1 where the file has none.
        rank: r.
        is_embedding: whether ΔW is turned, as embeddings are.
        shape: of ΔW.

    """

    module: str
    first: int
    second: int
    alpha: int
    rank: int
    is_embedding: bool
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        """Values of ΔW."""
        return math.prod(self.shape)


def pair_at(checkpoint: Checkpoint, node: int) -> AdapterPair | None:
    """The pair that a tensor of the tree is one of, looked for among its neighbours; None for none."""
    tree, table = checkpoint.tree, checkpoint.table
    if tree.what[node] != TreeNode.TENSOR:
        return None
    name = table.name[int(tree.ref[node])]
    near: dict[str, int] | None = None
    for first, second in _PARTS:
        for part in (first, second):
            before, found, behind = name.rpartition(part)
            if found:
                near = near or {table.name[row]: row for row in tensors_near(checkpoint, node)}
                return _pair(table, before, first, second, behind, near.get)
    return None


def pairs_in(checkpoint: Checkpoint, control: Control | None = None) -> Iterator[AdapterPair]:
    """All pairs of a checkpoint, in the order in which their A stand in the file.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    names, listed = checkpoint.table.name, checkpoint.table.listed
    seconds = dict(_PARTS)
    for index, found in enumerate(_FIRST.finditer(names.data, 0, int(names.offsets[listed]))):
        if index % _FOUND_AT_ONCE == 0:
            control.check()
        row = int(np.searchsorted(names.offsets, found.start(), "right")) - 1
        name, first = names[row], found.group().decode()
        before, part, behind = name.rpartition(first)
        if part:
            pair = _pair(checkpoint.table, before, first, seconds[first], behind, checkpoint.tensors.rows.get)
            if pair is not None and pair.first == row:
                yield pair


def _pair(
    table: TensorTable, before: str, first: str, second: str, behind: str, find: Callable[[str], int | None]
) -> AdapterPair | None:
    a, b = find(f"{before}{first}{behind}"), find(f"{before}{second}{behind}")
    if a is None or b is None or not (_is_plain(table, a) and _is_plain(table, b)):
        return None
    a_shape, b_shape = table.shape_of(a), table.shape_of(b)
    # Of a convolution A has the kernel, and B is one of 1 × 1.
    if len(a_shape) != len(b_shape) or len(a_shape) < 2 or a_shape[0] != b_shape[1] or math.prod(b_shape[2:]) != 1:
        return None
    is_embedding = first == _EMBEDDING
    shape = (*a_shape[1:], b_shape[0]) if is_embedding else (b_shape[0], *a_shape[1:])
    alpha = find(f"{before}.alpha")
    return AdapterPair(before, a, b, -1 if alpha is None else alpha, a_shape[0], is_embedding, shape)


def _is_plain(table: TensorTable, row: int) -> bool:
    return table.dtype_of(row).kind == "float" and not int(table.flags[row]) & int(Flag.NOT_DENSE)
