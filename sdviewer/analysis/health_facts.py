"""Health facts: what names, dtypes and sections say of every tensor before a value is read, as columns."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.layer_roles import layer_roles
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.facts import TensorFacts
from sdviewer.checkpoint.roles import buffer_rows
from sdviewer.checkpoint.table import Flag
from sdviewer.control import Control

Bools = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]

_FLOATING = np.array([dtype.kind in {"float", "complex", "quantised"} for dtype in DTYPES])
_WIDE = np.array([dtype.kind in {"float", "complex"} and dtype.bits >= 16 for dtype in DTYPES])
_FLOAT8 = np.array([dtype.name.startswith(("float8_e4", "float8_e5")) for dtype in DTYPES])
# Exponents of 8 bits and more: a subnormal is below 1e-38.
_DEEP = np.array([dtype.name in {"float32", "float64", "bfloat16", "complex64", "complex128"} for dtype in DTYPES])
_UNKNOWN = np.array([dtype.kind in {"bits", "other"} for dtype in DTYPES])
_ROWS_AT_ONCE = 512


class _Name(IntFlag):
    """What the last part of a name says."""

    BIAS = 1
    MASK = 2
    RUNNING_VAR = 4
    LIMIT = 8  # where something that looks for extremes begins: an observer of a quantiser, a metric
    BEGINS_AT_ZERO = 16  # set to zero on purpose before training


_BEGINS_AT_ZERO = re.compile("lora_(?:b|up)|zero_conv", re.IGNORECASE)
_LIMITS = {"min_val", "max_val", "min_value", "max_value", "min_vals", "max_vals"}


def _what_is_said(name: str) -> int:
    said = _last_part_says(name[max(name.rfind("."), name.rfind("/")) + 1 :])
    return said | _Name.BEGINS_AT_ZERO if _BEGINS_AT_ZERO.search(name) else said


@functools.lru_cache(1024)
def _last_part_says(last: str) -> int:
    last = last.lower()
    said = _Name(0)
    if last == "bias" or last.endswith("_bias") or last in {"beta", "b"}:
        said |= _Name.BIAS
    if "mask" in last or last == "tril":
        said |= _Name.MASK
    if last == "running_var":
        said |= _Name.RUNNING_VAR
    if last in _LIMITS:
        said |= _Name.LIMIT
    return int(said)


@dataclass(frozen=True, eq=False, slots=True)
class HealthFacts:
    """Columns of the tensor table's length.

    Attributes:
        checkpoint: whose.
        floating: values with fractions: float, complex, quantised.
        wide: float and complex of 16 bits and more.
        float8: float8 with mantissas.
        deep: dtypes whose subnormals are below 1e-38.
        unknown: dtypes whose values are not known.
        dense: tensors that have values of their own.
        learned: in a model or an EMA copy, and no buffer.
        embedding: weights of embeddings.
        bias, mask, running_var, limit, begins_at_zero: what the last part of the name says.
        axes: axes longer than 1.
        numel: elements.
        group: equal for tensors of one role, shape and section; -1 for none. See `layer_roles`.
        section: which section, -1 for none.

    """

    checkpoint: Checkpoint
    floating: Bools
    wide: Bools
    float8: Bools
    deep: Bools
    unknown: Bools
    dense: Bools
    learned: Bools
    embedding: Bools
    bias: Bools
    mask: Bools
    running_var: Bools
    limit: Bools
    begins_at_zero: Bools
    axes: Int64
    numel: Int64
    group: Int64
    section: Int64


def health_facts(checkpoint: Checkpoint, control: Control | None = None) -> HealthFacts:
    """The facts of a checkpoint: make them once, as a job.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    table, facts = checkpoint.table, TensorFacts(checkpoint)
    count = len(table)
    forms = table.forms
    longer = np.array([sum(size > 1 for size in forms.shape_of(form)) for form in range(len(forms))], np.int64)
    said = np.zeros(count, np.int64)
    for first in range(0, count, _ROWS_AT_ONCE):
        control.check()
        rows = np.arange(first, min(first + _ROWS_AT_ONCE, count))
        said[rows] = [_what_is_said(name) for name in table.name.take(rows).tolist()]
    in_model = np.zeros(count, np.bool_)
    section = np.full(count, -1, np.int64)
    for index, part in enumerate(checkpoint.sections.values()):
        section[part.rows] = index
        in_model[part.rows] = part.kind in ("model", "ema")
    embedding = np.zeros(count, np.bool_)
    if "Embedding" in checkpoint.tree.kinds:
        embedding[: table.listed] = facts.kind_index == checkpoint.tree.kinds.index("Embedding")
    return HealthFacts(
        checkpoint=checkpoint,
        floating=_FLOATING[table.dtype],
        wide=_WIDE[table.dtype],
        float8=_FLOAT8[table.dtype],
        deep=_DEEP[table.dtype],
        unknown=_UNKNOWN[table.dtype],
        dense=(table.flags & np.uint16(Flag.NOT_DENSE)) == 0,
        learned=in_model & ~buffer_rows(table) & _FLOATING[table.dtype],
        embedding=embedding,
        bias=(said & _Name.BIAS) != 0,
        mask=(said & _Name.MASK) != 0,
        running_var=(said & _Name.RUNNING_VAR) != 0,
        limit=(said & _Name.LIMIT) != 0,
        begins_at_zero=(said & _Name.BEGINS_AT_ZERO) != 0,
        axes=longer[table.form] if len(forms) else np.zeros(count, np.int64),
        numel=table.numel,
        group=_groups(checkpoint, section, control),
        section=section,
    )


def _groups(checkpoint: Checkpoint, section: Int64, control: Control) -> Int64:
    table = checkpoint.table
    role = layer_roles(table.name, control)
    forms, known = table.forms, dict[tuple[int, ...], int]()
    shape = np.array([known.setdefault(forms.shape_of(form), len(known)) for form in range(len(forms))], np.int64)
    if not len(role):
        return role
    columns = (role, section, shape[table.form])
    order = np.lexsort(columns)
    new = np.any([np.diff(column[order], prepend=column[order[:1]] - 1) != 0 for column in columns], axis=0)
    group = np.empty(len(role), np.int64)
    group[order] = np.cumsum(new) - 1
    group[role < 0] = -1
    return group
