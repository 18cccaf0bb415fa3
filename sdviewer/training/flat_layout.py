"""Flat layout: an optimizer's state_dict without nesting, as torch.distributed.checkpoint writes it for resharding.

Its keys are `state.<parameter>.<field>` and `param_groups.<parameter>.<option>` (torch 2.13,
`torch.distributed.checkpoint.state_dict`, `flatten_optimizer_state_dict`): parameters are called by their names,
and which ones were a group is told by equal options alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.metadata import metadata_values
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.optimizers import FLAT_GROUPS, FLAT_STATE, is_flat_optimizer
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.control import Control

_SLICE = 4096
# More options than any optimizer has; what lies beyond them is no option.
_MOST_OPTIONS = 256


@dataclass(frozen=True, eq=False, slots=True)
class FlatGroup:
    """Parameters of equal options: `node` is that of the first option, `params` are names."""

    node: int
    options: Mapping[str, Any]
    params: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class FlatLayout:
    """The groups, and of each parameter which field is which structure node, in file order."""

    groups: tuple[FlatGroup, ...]
    fields: Mapping[str, Mapping[str, int]]


def is_flat(structure: Structure, node: int) -> bool:
    """Whether a node is the state_dict of an optimizer in this layout."""
    return structure.kind[node] == Node.MAPPING and is_flat_optimizer(structure, node)


def read_flat(description: Description, node: int, control: Control) -> FlatLayout:
    """The optimizer in container `node`; no payload is read.

    Raises:
        Cancelled: `control` was cancelled.

    """
    options: dict[str, dict[str, int]] = {}
    state: list[tuple[str, int]] = []
    for index, child in enumerate(_children(description.structure, node).tolist()):
        if index % _SLICE == 0:
            control.check()
        part = str(decode_part(description.structure.part[child]))
        if part.startswith(FLAT_GROUPS):
            name, _, option = part[len(FLAT_GROUPS) :].rpartition(".")
            options.setdefault(name, {})[option] = child
        elif part.startswith(FLAT_STATE):
            state.append((part[len(FLAT_STATE) :], child))
    fields: dict[str, dict[str, int]] = {}
    for path, child in state:
        name, field = _parted(path, options)
        fields.setdefault(name, {})[field] = child
    return FlatLayout(_groups(description, options, control), fields)


def _children(structure: Structure, node: int) -> npt.NDArray[np.int64]:
    return np.flatnonzero(structure.parent[node + 1 : int(structure.end[node])] == node) + node + 1


def _parted(path: str, names: Mapping[str, object]) -> tuple[str, str]:
    """The parameter and the field; fields may be nested, so the longest name that is known counts."""
    name, _, field = path.rpartition(".")
    while name:
        if name in names:
            return name, path[len(name) + 1 :]
        name = name.rpartition(".")[0]
    name, _, field = path.rpartition(".")
    return name, field


def _groups(description: Description, options: dict[str, dict[str, int]], control: Control) -> tuple[FlatGroup, ...]:
    found: dict[str, tuple[int, dict[str, Any], list[str]]] = {}
    for index, (name, nodes) in enumerate(options.items()):
        if index % _SLICE == 0:
            control.check()
        few = dict(list(nodes.items())[:_MOST_OPTIONS])
        values = {option: _value(description, node) for option, node in few.items()}
        # A hyper-parameter that is a tensor lies beside each parameter, under its own name.
        told = json.dumps({option: _alike(value) for option, value in values.items()}, sort_keys=True)
        found.setdefault(told, (next(iter(few.values())), values, []))[2].append(name)
    return tuple(FlatGroup(node, MappingProxyType(values), tuple(names)) for node, values, names in found.values())


def _value(description: Description, node: int) -> Any:
    structure = description.structure
    kind = Node(int(structure.kind[node]))
    if kind is Node.SCALAR:
        return json.loads(structure.values[int(structure.ref[node])])
    if kind is Node.TENSOR:
        return {"$tensor": description.tensors.name[int(structure.ref[node])]}
    return metadata_values(description, {"": node})[""]


def _alike(value: Any) -> Any:
    return "$tensor" if isinstance(value, dict) and "$tensor" in value else value
