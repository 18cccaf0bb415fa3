"""Effective step: how far Adam's next update with this state would move each value, before weight decay.

The update of Kingma & Ba, “Adam: A Method for Stochastic Optimization” (2015), algorithm 1, as torch/optim/adam.py
writes it, for a state that was stepped t times:

    lr / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)  =  lr · m̂ / (√v̂ + ε)

with m = `exp_avg`, v = `exp_avg_sq`, or with amsgrad v = `max_exp_avg_sq`. It is what the last step subtracted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis import loops
from sdviewer.analysis.blocks import Blocks
from sdviewer.analysis.compiled import compiled_or
from sdviewer.analysis.counts import Counts, limits_of
from sdviewer.analysis.meaning import Meaning
from sdviewer.analysis.shares import SmallShare, WideShare
from sdviewer.checkpoint.decoding import decode
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.errors import CannotRead
from sdviewer.training.state import OptimizerState
from sdviewer.training.steps import read_scalars, read_steps, step_field

Floats = npt.NDArray[np.float64]

_ADAM = frozenset({"Adam", "AdamW", "Adam or AdamW", ""})
# Both moments and what is made of them stay in the cache of one core.
_BLOCK_BYTES = 1 << 18
_SMALL = 4096


@dataclass(frozen=True, slots=True)
class StepRule:
    """The numbers in the formula, of one parameter.

    Attributes:
        first, second: rows of the moments.
        step: how often it was stepped.
        corrects: whether the moments are corrected for their beginning at 0.

    """

    first: int
    second: int
    lr: float
    betas: tuple[float, float]
    eps: float
    step: float
    corrects: bool

    @property
    def text(self) -> str:
        """The formula with its numbers."""
        beta1, beta2 = self.betas
        numbers = f"lr = {self.lr:g}, β₁ = {beta1:g}, β₂ = {beta2:g}, ε = {self.eps:g}"
        if not self.corrects:
            return f"lr · m / (√v + ε), {numbers}, no correction for the beginning at 0"
        return f"lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε), {numbers}, t = {self.step:,.0f}"

    def apply(self, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Floats:
        """The effective steps of these moments, in float64."""
        beta1, beta2 = self.betas
        one = 1 - beta1**self.step if self.corrects else 1.0
        two = math.sqrt(1 - beta2**self.step) if self.corrects else 1.0
        with np.errstate(all="ignore"):
            below = np.sqrt(second.astype(np.float64)) / two + self.eps
            result: Floats = self.lr / one * first.astype(np.float64) / below
        return result


def has_effective_step(state: OptimizerState, index: int) -> bool:
    """Whether a parameter has what the formula needs, as far as columns tell."""
    name = state.groups.optimizer
    if name not in _ADAM or not {"exp_avg", "exp_avg_sq"} <= set(state.fields) or state.group[index] < 0:
        return False
    options = state.groups.groups[int(state.group[index])].options
    has_moments = state.column("exp_avg")[index] >= 0 and state.column("exp_avg_sq")[index] >= 0
    return bool(has_moments) and {"lr", "betas", "eps"} <= options.keys()


def step_rule(checkpoint: Checkpoint, state: OptimizerState, index: int, step: float = math.nan) -> StepRule:
    """The formula of one parameter; its `step` is read if it is not given.

    Raises:
        CannotRead: the state is not Adam's, or a number in it cannot be used; says which.

    """

    def fail(text: str) -> CannotRead:
        return CannotRead(text, file=checkpoint.path)

    if not has_effective_step(state, index):
        raise fail("The effective step needs Adam's two moments, and lr, betas and eps of its group.")
    options = state.groups.groups[int(state.group[index])].options
    lr, eps = _number(checkpoint, options["lr"]), _number(checkpoint, options["eps"])
    given = options["betas"]
    betas = [_number(checkpoint, beta) for beta in given] if isinstance(given, list) else []
    if lr is None or eps is None or len(betas) != 2 or betas[0] is None or betas[1] is None:
        raise fail("lr, betas or eps of the group are no numbers.")
    corrects = all(options.get(name, True) is not False for name in ("bias_correction", "correct_bias"))
    if math.isnan(step):
        step = float(read_steps(checkpoint, _only(state, index))[0]) if step_field(state) else math.nan
    if math.isnan(step):
        step = _number(checkpoint, options.get("step")) or math.nan  # where the group counts them
    if corrects and not step >= 1:
        raise fail("How often the parameter was stepped is not known, so its moments cannot be corrected.")
    amsgrad = options.get("amsgrad") is True and state.column("max_exp_avg_sq")[index] >= 0
    second = state.column("max_exp_avg_sq" if amsgrad else "exp_avg_sq")[index]
    return StepRule(int(state.column("exp_avg")[index]), int(second), lr, (betas[0], betas[1]), eps, step, corrects)


def count_effective_step(checkpoint: Checkpoint, rule: StepRule, control: Control | None = None) -> Counts:
    """The counts of all effective steps of a parameter, as float32. Progress is in values.

    A negative second moment gives NaN, which is counted as such.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    a, b = TensorRef(checkpoint, rule.first), TensorRef(checkpoint, rule.second)
    if a.shape != b.shape:
        raise CannotRead(f"The moments have two shapes, {a.shape} and {b.shape}.", file=checkpoint.path)
    first, second = (Blocks(ref, _BLOCK_BYTES, memory_order=False) for ref in (a, b))
    for blocks in (first, second):
        if blocks.dtype.kind != "float":
            raise CannotRead(f"{blocks.ref.name!r} holds no plain floating-point numbers.", file=checkpoint.path)
    first.per_block = second.per_block = min(first.per_block, second.per_block)
    meaning = _meaning()
    share = SmallShare(meaning) if first.numel <= _SMALL else WideShare(meaning, compiled_or("counting", loops))
    for blocks in (first, second):
        blocks.check_unchanged()
    for index in range(len(first)):
        control.report(index * first.per_block, first.numel, a.name)
        moments = (decode(blocks.read(index), blocks.dtype) for blocks in (first, second))
        with np.errstate(over="ignore", invalid="ignore"):
            share.add(rule.apply(*moments).astype(np.float32).view(np.uint32))
    for blocks in (first, second):
        blocks.check_unchanged()
    control.report(first.numel, first.numel, a.name)
    return share.counts([])


def _meaning() -> Meaning:
    dtype, nothing = BY_NAME["float32"], np.empty(0)
    facts = Counts(
        dtype,
        np.empty(0, np.uint8),
        np.empty(0, np.int64),
        nothing,
        nothing,
        nan=0,
        posinf=0,
        neginf=0,
        negative_zeros=0,
        limits=limits_of(dtype),
        carrier="float32",
        saturated=-1,
    )
    return Meaning(dtype, 1.0, 0, facts)


def _only(state: OptimizerState, index: int) -> OptimizerState:
    """The state of one parameter alone."""
    one = slice(index, index + 1)
    return OptimizerState(
        state.groups,
        state.description,
        state.ids[one],
        state.group[one],
        state.entry[one],
        state.standing[one],
        state.fields,
        state.nodes[one],
        state.unlisted,
    )


def _number(checkpoint: Checkpoint, value: Any) -> float | None:
    """A hyper-parameter as a number, also one that is a tensor of one value; None if it is none."""
    if isinstance(value, dict) and isinstance(value.get("$tensor"), str):
        ref = checkpoint.tensors[value["$tensor"]]
        if ref.numel != 1:
            return None
        found = float(read_scalars(checkpoint, np.array([ref.row]))[0])
        return None if math.isnan(found) else found
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
