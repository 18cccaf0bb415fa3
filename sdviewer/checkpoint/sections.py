"""Sections: which parts of a checkpoint are state_dicts, EMA copies, optimizers, metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

SectionKind = Literal["model", "ema", "optimizer", "scheduler", "tensors", "metadata"]


@dataclass(frozen=True, eq=False)
class Section:
    """One part of a checkpoint.

    Attributes:
        name: its canonical path, or "model" for a bare state_dict; unique.
        path: canonical name of its container in the file, "" for the root.
        kind: "model", "ema", "optimizer", "scheduler", "tensors" (others: RNG states …), "metadata".
        node: its node in the structure.
        rows: its tensors, as rows of the tensor table, in file order.
        parameters: elements of the tensors that are no buffers, tied ones once.
        nbytes: bytes of its tensors, tied ones once.

    """

    name: str
    path: str
    kind: SectionKind
    node: int
    rows: npt.NDArray[np.int64]
    parameters: int
    nbytes: int
