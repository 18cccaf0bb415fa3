"""Adapter delta: ΔW = scale · B · A of a low-rank adapter, computed row by row in float64 and given as float32.

Hu et al., “LoRA: Low-Rank Adaptation of Large Language Models” (2021), section 4.1; of embeddings and with
`fan_in_fan_out` it is turned, as peft/tuners/lora/layer.py `get_delta_weight` has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.adapter_pairs import AdapterPair
from sdviewer.checkpoint.computed import Floats
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.memory import check_memory
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.formats.adapter_config import read_adapter_config

Wide = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Delta:
    """A product of two thin matrices, of which no more is ever in memory than is asked for.

    Attributes:
        name: of the weight that it changes.
        shape: of the change.
        left, right: shapes (rows, r) and (r, columns); the scale is in `left`.
        refs: the two tensors.

    """

    name: str
    shape: tuple[int, ...]
    left: Wide
    right: Wide
    refs: tuple[TensorRef, TensorRef]

    def values(self, first: int, count: int) -> Floats:
        """See `Computation`."""
        columns = self.right.shape[1]
        values = np.empty(count, np.float32)
        done = 0
        with np.errstate(over="ignore", invalid="ignore"):
            while done < count:
                row, column = divmod(first + done, columns)
                rows = max(1, (count - done) // columns) if column == 0 else 1
                width = min(columns - column, count - done)
                product = self.left[row : row + rows] @ self.right[:, column : column + width]
                values[done : done + product.size] = product.reshape(-1)
                done += product.size
        return values

    def check_unchanged(self) -> None:
        """See `Computation`."""
        for ref in self.refs:
            ref.payload().check_unchanged()


@dataclass(frozen=True, eq=False, slots=True)
class Scaled:
    """How an adapter's change comes about.

    Attributes:
        delta: the change.
        scale: what B · A is multiplied with, None where that is not known: the change is B · A then.
        reason: where the scale is from, or why it is not known.
        remarks: what the adapter does beside.

    """

    delta: Delta
    scale: float | None
    reason: str
    remarks: tuple[str, ...]


def adapter_delta(checkpoint: Checkpoint, pair: AdapterPair) -> Scaled:
    """The change of a pair; reads both tensors, and `adapter_config.json` beside the file.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.

    """
    refs = TensorRef(checkpoint, pair.first), TensorRef(checkpoint, pair.second)
    check_memory(16 * sum(ref.numel for ref in refs), pair.module, checkpoint.path)
    a, b = (ref.numpy().astype(np.float64) for ref in refs)
    config = read_adapter_config(checkpoint.path)
    turns = config.turns and not pair.is_embedding and a.ndim == 2
    if pair.alpha >= 0:
        scale, reason = _stored_scale(TensorRef(checkpoint, pair.alpha), pair.rank)
    else:
        scale, reason = config.scale(pair.module, pair.rank)
    left, right = b.reshape(len(b), -1), a.reshape(len(a), -1)
    shape = pair.shape
    if pair.is_embedding or turns:
        left, right = right.T, left.T
        shape = shape if pair.is_embedding else shape[::-1]
    with np.errstate(over="ignore", invalid="ignore"):
        left = np.ascontiguousarray(left) * (1.0 if scale is None else scale)
    delta = Delta(f"{pair.module}.weight", shape, left, np.ascontiguousarray(right), refs)
    return Scaled(delta, scale, reason, config.remarks)


def _stored_scale(ref: TensorRef, rank: int) -> tuple[float | None, str]:
    if ref.numel != 1 or not rank or ref.checkpoint.table.dtype_of(ref.row).kind not in {"float", "int", "uint"}:
        return None, f"{ref.name} is no number"
    alpha = float(ref.numpy().reshape(-1)[0])
    if not math.isfinite(alpha):
        return None, f"{ref.name} is {alpha}"
    return alpha / rank, f"α/r = {alpha:g}/{rank}, α of {ref.name}"
