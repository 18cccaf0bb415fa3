"""Roles: which tensors are parameters of their module, which are buffers, and where nothing says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.table import Flag, TensorTable, once_each

if TYPE_CHECKING:
    from sdviewer.checkpoint.sections import Section


class Role(IntEnum):
    """What a tensor is to its module."""

    UNKNOWN = 0
    PARAMETER = 1
    BUFFER = 2


# What torch's norms register as buffers, spectral ones too; no parameter has these names.
BUFFER_NAMES = ("running_mean", "running_var", "num_batches_tracked", "weight_u", "_u", "_v")

# Quantised layers keep their weights as integers: no buffers in spirit, no parameters in torch's books.
_PACKED_NAMES = ("weight", "weight_packed", "bias", "_blocks", "_scales")

_INTEGER_KINDS = np.array([dtype.kind in ("int", "uint", "bool") for dtype in DTYPES])


@once_each
def buffer_rows(table: TensorTable) -> npt.NDArray[np.bool_]:
    """Which rows would be buffers of a module, shape `(len(table),)`.

    The file says so, or the name does, or the dtype does: a parameter is a floating point tensor
    unless it was rebuilt as one.
    """
    declared = (table.flags & (Flag.PARAMETER | Flag.REQUIRES_GRAD)) != 0
    result = (table.flags & Flag.BUFFER) != 0
    endings = _Endings(table.name)
    for name in BUFFER_NAMES:
        result |= endings.are_last_part(name)
    result |= _beside(endings, "weight_v", "weight_u")
    integers = np.flatnonzero(_INTEGER_KINDS[table.dtype])
    if len(integers):
        endings = _Endings(table.name.take(integers))
        packed = np.zeros(len(integers), np.bool_)
        for name in _PACKED_NAMES:
            packed |= endings.are(name)
        result[integers[~packed]] = True
    return np.asarray(result & ~declared, np.bool_)


def find_roles(
    description: Description,
    sections: Sequence[Section],
    recognised: npt.NDArray[np.bool_],
    tie: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint8]:
    """The `Role` of each row. Beside what the file declares, only what is in a model or EMA copy has one.

    A floating point tensor is a parameter where its module's kind is `recognised`, or where an optimizer
    has as many parameters as the section has tensors that are no buffers, tied ones once.
    """
    table = description.tensors
    role = np.full(len(table), Role.UNKNOWN, np.uint8)
    buffers = buffer_rows(table)
    may_be_parameter = ~_INTEGER_KINDS[table.dtype]
    optimised = {
        count
        for section in sections
        if section.kind == "optimizer"
        for count in (_optimised_parameters(description.structure, section.node),)
        if count
    }
    for section in sections:
        if section.kind not in ("model", "ema"):
            continue
        rows = section.rows
        role[rows[buffers[rows]]] = Role.BUFFER
        free = rows[~buffers[rows]]
        known = free if optimised and _count_once(free, tie) in optimised else free[recognised[free]]
        role[known[may_be_parameter[known]]] = Role.PARAMETER
    role[(table.flags & Flag.BUFFER) != 0] = Role.BUFFER
    role[(table.flags & (Flag.PARAMETER | Flag.REQUIRES_GRAD)) != 0] = Role.PARAMETER
    return role


def _count_once(rows: npt.NDArray[np.int64], tie: npt.NDArray[np.int64]) -> int:
    """How many rows there are, tied ones once."""
    tied = tie[rows]
    return int((tied < 0).sum()) + len(np.unique(tied[tied >= 0]))


def _optimised_parameters(structure: Structure, node: int) -> int:
    """How many parameters the groups of an optimizer's state name; 0 if it is not torch's layout."""
    groups = next((child for child in structure.children(node) if structure.part[child] == "param_groups"), -1)
    if groups < 0:
        return 0
    return sum(
        _length(structure, entry)
        for group in structure.children(groups)
        for entry in structure.children(group)
        if structure.part[entry] == "params"
    )


def _length(structure: Structure, node: int) -> int:
    """How many items a list has; one of numbers is a single value of the structure."""
    if structure.kind[node] == Node.SCALAR:
        items = json.loads(structure.values[int(structure.ref[node])])
        return len(items) if isinstance(items, list) else 0
    return sum(1 for _ in structure.children(node)) if structure.kind[node] == Node.SEQUENCE else 0


class _Endings:
    """How many names end, the last eight bytes of each as one number."""

    def __init__(self, names: StringColumn) -> None:
        self.names = names
        before = bytes(8) + names.data
        words = np.ndarray((len(names.data) + 1,), np.dtype("<u8"), before, 0, (1,))
        self._last = words[names.offsets[1:]]

    def are(self, suffix: str) -> npt.NDArray[np.bool_]:
        """Whether each name ends so."""
        names, raw = self.names, suffix.encode()
        shown = raw[-8:]
        result: npt.NDArray[np.bool_] = self._last >> np.uint64(8 * (8 - len(shown))) == int.from_bytes(shown, "little")
        rows = np.flatnonzero(result)
        rows = rows[names.offsets[rows + 1] - names.offsets[rows] >= len(raw)]
        for back, byte in enumerate(reversed(raw), start=1):
            rows = rows[names.bytes_array[names.offsets[rows + 1] - back] == byte]
        result[:] = False
        result[rows] = True
        return result

    def are_last_part(self, last: str) -> npt.NDArray[np.bool_]:
        """Whether the part of each name behind its last "." or "/" is this one."""
        names, ends = self.names, self.are(last)
        found = np.flatnonzero(ends)
        before = names.offsets[found + 1] - len(last) - 1
        inside = before >= names.offsets[found]
        joint = np.isin(names.bytes_array[before[inside]], np.frombuffer(b"./", np.uint8))
        ends[found[inside][~joint]] = False
        return ends


def _beside(endings: _Endings, last: str, other: str) -> npt.NDArray[np.bool_]:
    """Whether each name has this last part, and its module a tensor of the other name.

    torch.nn.utils.weight_norm has a parameter `weight_v`, spectral_norm a buffer of that name beside `weight_u`.
    """
    names = endings.names
    found, others = np.flatnonzero(endings.are_last_part(last)), np.flatnonzero(endings.are_last_part(other))
    owners = {name.removesuffix(other) for name in names.take(others).tolist()}
    result = np.zeros(len(names), np.bool_)
    if owners:
        result[found] = [name.removesuffix(last) in owners for name in names.take(found).tolist()]
    return result
