"""Groups: the `param_groups` of an optimizer's state_dict, from its inert description."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.metadata import metadata_values
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.optimizers import optimizer_name
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.control import Control
from sdviewer.training.flat_layout import is_flat, read_flat

ParameterId = int | str

# More options than any optimizer has; what lies beyond them is no option.
_MOST_OPTIONS = 256
_CHECKED_AFTER = 256
_NOT_OPTIONS = ("params", "param_names")


@dataclass(frozen=True, eq=False, slots=True)
class ParamGroup:
    """One of the groups.

    Attributes:
        node: its node in the structure.
        options: hyper-parameters as JSON-ready values, in file order; one that is a tensor is
            `{"$tensor": canonical name}`.
        params: the ids of its parameters: numbers, or their names where the file was written so.
        names: the names in its `param_names`, one each parameter; None where there are none, or not as many.

    """

    node: int
    options: Mapping[str, Any]
    params: tuple[ParameterId, ...]
    names: tuple[str, ...] | None


@dataclass(frozen=True, eq=False, slots=True)
class ParamGroups:
    """All groups of one optimizer.

    Attributes:
        optimizer: its name as far as the options tell, "" if they do not, see `optimizer_name`.
        groups: in file order.
        state: the structure node of its `state`, -1 for none.
        problems: what is not as torch writes it, in words.
        flat: where the file has the flat layout, of each parameter which field is which structure node; else None.

    """

    optimizer: str
    groups: tuple[ParamGroup, ...]
    state: int
    problems: tuple[str, ...]
    flat: Mapping[str, Mapping[str, int]] | None = None

    @property
    def parameters(self) -> int:
        """How many parameters all groups have."""
        return sum(len(group.params) for group in self.groups)

    @property
    def option_names(self) -> tuple[str, ...]:
        """The hyper-parameters that any group has, in the order in which they come first."""
        return tuple(dict.fromkeys(name for group in self.groups for name in group.options))

    @property
    def differing(self) -> tuple[str, ...]:
        """The hyper-parameters that are not the same in all groups."""
        return tuple(
            name
            for name in self.option_names
            if any(not same_option(group.options, self.groups[0].options, name) for group in self.groups)
        )


def same_option(a: Mapping[str, Any], b: Mapping[str, Any], name: str) -> bool:
    """Whether two groups have the same value of a hyper-parameter, or both none."""
    if (name in a) != (name in b):
        return False
    one, other = a.get(name), b.get(name)
    return bool(one == other) or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def has_groups(structure: Structure, node: int) -> bool:
    """Whether a node is the state_dict of an optimizer in one of torch's layouts."""
    return child_named(structure, node, "param_groups") >= 0 or is_flat(structure, node)


def read_groups(description: Description, node: int, control: Control | None = None) -> ParamGroups:
    """The groups in an optimizer's state_dict, whose container is structure node `node`.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    structure = description.structure
    problems: list[str] = []
    if is_flat(structure, node):
        layout = read_flat(description, node, control)
        groups = tuple(ParamGroup(each.node, each.options, each.params, None) for each in layout.groups)
        name = optimizer_name(groups[0].options) if groups else ""
        return ParamGroups(name, groups, node, (), layout.fields)
    at = child_named(structure, node, "param_groups")
    if at < 0:
        problems.append("It holds no param_groups: this is not what torch.optim.Optimizer.state_dict() gives.")
    elif structure.kind[at] not in (Node.SEQUENCE, Node.MAPPING):
        problems.append("Its param_groups are no list of dicts.")
    found: list[ParamGroup] = []
    for index, child in enumerate(structure.children(at) if at >= 0 else ()):
        if index % _CHECKED_AFTER == 0:
            control.check()
        group = int(structure.ref[child]) if structure.kind[child] == Node.ALIAS else child
        if structure.kind[group] == Node.MAPPING:
            found.append(_group(description, group, index, problems))
        else:
            problems.append(f"Group {index} is not a dict.")
    _tell_repeated(found, problems)
    name = optimizer_name(found[0].options) if found else ""
    return ParamGroups(name, tuple(found), child_named(structure, node, "state"), tuple(problems))


def optimizers_of(checkpoint: Checkpoint) -> list[Section]:
    """The optimizers of a file whose groups can be read."""
    structure = checkpoint.description.structure
    sections = checkpoint.sections.values()
    return [section for section in sections if section.kind == "optimizer" and has_groups(structure, section.node)]


def child_named(structure: Structure, node: int, part: str) -> int:
    """The first of a node's children that is called so, -1 for none."""
    below = np.flatnonzero(structure.parent[node + 1 : int(structure.end[node])] == node) + node + 1
    return next((int(child) for child in below[:_MOST_OPTIONS] if structure.part[int(child)] == part), -1)


def _group(description: Description, node: int, index: int, problems: list[str]) -> ParamGroup:
    structure = description.structure
    options: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {}
    for position, child in enumerate(structure.children(node)):
        if position >= _MOST_OPTIONS:
            problems.append(f"Group {index} has more than {_MOST_OPTIONS} entries: the others are not shown.")
            break
        name = str(decode_part(structure.part[child]))
        if name in _NOT_OPTIONS:
            lists[name] = list(_items(structure, child))
        else:
            options[name] = _value(description, child)
    params = tuple(item if _is_id(item) else repr(item) for item in lists.get("params", []))
    if "params" not in lists:
        problems.append(f"Group {index} lists no params.")
    names: tuple[str, ...] | None = None
    if "param_names" in lists:
        given = lists["param_names"]
        if len(given) == len(params) and all(isinstance(name, str) for name in given):
            names = tuple(given)
        else:
            problems.append(
                f"Group {index} has {len(params):,} params and {len(given):,} param_names: the names are not used."
            )
    return ParamGroup(node, MappingProxyType(options), params, names)


def _is_id(item: Any) -> bool:
    return isinstance(item, (int, str)) and not isinstance(item, bool)


def _items(structure: Structure, node: int) -> Iterator[Any]:
    """The items of a list; one of plain values is a single value of the structure."""
    if structure.kind[node] == Node.ALIAS:
        node = int(structure.ref[node])
    kind = Node(int(structure.kind[node]))
    if kind is Node.SCALAR:
        items = json.loads(structure.values[int(structure.ref[node])])
        yield from items if isinstance(items, list) else ()
    elif kind is Node.SEQUENCE:
        for child in structure.children(node):
            scalar = structure.kind[child] == Node.SCALAR
            yield json.loads(structure.values[int(structure.ref[child])]) if scalar else None


def _value(description: Description, node: int) -> Any:
    structure = description.structure
    kind = Node(int(structure.kind[node]))
    if kind is Node.SCALAR:
        return json.loads(structure.values[int(structure.ref[node])])
    if kind is Node.TENSOR:
        return {"$tensor": description.tensors.name[int(structure.ref[node])]}
    return metadata_values(description, {"": node})[""]


def _tell_repeated(groups: list[ParamGroup], problems: list[str]) -> None:
    seen: set[ParameterId] = set()
    repeated: dict[ParameterId, None] = {}
    for group in groups:
        for item in group.params:
            if item in seen:
                repeated[item] = None
            seen.add(item)
    if repeated:
        listed = ", ".join(map(repr, list(repeated)[:5])) + (" …" if len(repeated) > 5 else "")
        problems.append(f"The groups list the same parameter more than once: {listed}.")
