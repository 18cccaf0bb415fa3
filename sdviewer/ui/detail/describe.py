"""Describe: what the detail pane says of a node, as plain data, from columns that are there already."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.derived_values import derivation_at
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.checkpoint.wording import (
    bytes_for_people,
    label_of,
    plural,
    shape_text,
    shown,
    shown_lines,
)
from sdviewer.ui.detail.describe_derived import derivation_facts, members_grid
from sdviewer.ui.detail.describe_file import describe_file
from sdviewer.ui.detail.parts import Description, Fact, Grid, Note, Text
from sdviewer.ui.scalars import raw_scalar, scalar_line, words
from sdviewer.ui.translating import tr

_NAMES_LISTED = 6
_NOTES_SHOWN = 20
# The tree lists them all; a table of more would not be there with the click.
_CHILDREN_LISTED = 200
_LONGEST_TEXT = 200_000


def describe(checkpoint: Checkpoint, node: int, title: str) -> Description:
    """The description of a tree node; `title` is how the file is called."""
    match TreeNode(int(checkpoint.tree.what[node])):
        case TreeNode.TENSOR:
            return _tensor(checkpoint, node)
        case TreeNode.ROOT:
            return describe_file(checkpoint, title)
        case TreeNode.SCALAR:
            return _scalar(checkpoint, node)
        case _:
            return _parent(checkpoint, node)


def name_of(checkpoint: Checkpoint, node: int) -> str:
    """The canonical name of any node: of a tensor as in the table, else of where it would stand; "" for the root."""
    tree, description = checkpoint.tree, checkpoint.description
    if tree.what[node] == TreeNode.TENSOR:
        return description.tensors.name[int(tree.ref[node])]
    labels: list[str] = []
    while node > 0 and tree.what[node] == TreeNode.MODULE and tree.node[node] < 0:
        labels.append(tree.label[node])
        node = int(tree.parent[node])
    parts = [".".join(reversed(labels))] if labels else []
    place = int(tree.node[node]) if node > 0 else -1
    while place > 0:
        parts.append(description.structure.part[place])
        place = int(description.structure.parent[place])
    return "/".join(reversed(parts))


def section_of(checkpoint: Checkpoint, node: int) -> Section | None:
    """The section that a node lies in."""
    tree = checkpoint.tree
    while node > 0:
        if tree.what[node] == TreeNode.SECTION and tree.ref[node] >= 0:
            return list(checkpoint.sections.values())[int(tree.ref[node])]
        node = int(tree.parent[node])
    return None


def _tensor(checkpoint: Checkpoint, node: int) -> Description:
    tree, table = checkpoint.tree, checkpoint.table
    row = int(tree.ref[node])
    name, shape, flags = table.name[row], table.shape_of(row), Flag(int(table.flags[row]))
    role, numel, nbytes = Role(int(tree.role[row])), int(table.numel[row]), int(table.nbytes[row])
    section, parent = section_of(checkpoint, node), int(tree.parent[node])
    kind = tree.kinds[int(tree.kind[parent])] if parent >= 0 and tree.kind[parent] >= 0 else ""
    dtype = shown(table.dtype_name(row))
    facts = [
        Fact(tr("Path"), shown(" › ".join(map(_part_text, checkpoint.path_of(row))) or "the whole file")),
        Fact(tr("Section"), f"{shown(section.name)} ({section.kind})" if section else "–"),
        Fact(tr("Role"), role.name.lower() + (tr(" of a {kind}", kind=shown(kind)) if kind else "")),
        Fact(tr("Dtype"), dtype, tr("{bits} bits an element", bits=table.dtype_of(row).bits)),
        Fact(tr("Shape"), shape_text(shape)),
        Fact(tr("Stride"), _stride_text(checkpoint, row)),
        Fact(tr("Elements"), f"{numel:,}"),
        Fact(tr("Bytes"), f"{nbytes:,}"),
        *_storage_facts(checkpoint, row),
        Fact(
            tr("requires_grad"),
            str(bool(flags & Flag.REQUIRES_GRAD)) if flags & Flag.GRAD_KNOWN else tr("not recorded"),
        ),
        *_extra_facts(checkpoint, row, flags),
    ]
    elements = plural(numel, "element")
    subtitle = " · ".join(
        part
        for part in (
            "" if role is Role.UNKNOWN else role.name.lower(),
            dtype,
            shape_text(shape),
            elements,
            bytes_for_people(nbytes),
        )
        if part
    )
    derivation = derivation_at(checkpoint, node)
    if derivation is not None:
        facts += derivation_facts(derivation)
    notes = _notes(checkpoint, name)
    blocks = (_components(checkpoint, row),) if table.components(row) else ()
    if derivation is not None:
        blocks = (*blocks, members_grid(checkpoint, node, derivation))
    return Description(shown(name) or '""', name, subtitle, notes, tuple(facts), blocks)


def _notes(checkpoint: Checkpoint, name: str) -> tuple[Note, ...]:
    """What the file's problems say of this place."""
    found = (Note(problem.severity, shown(problem.message)) for problem in checkpoint.problems if problem.where == name)
    return tuple(itertools.islice(found, _NOTES_SHOWN))


def _part_text(part: Any) -> str:
    return part if isinstance(part, str) else encode_part(part)


def _stride_text(checkpoint: Checkpoint, row: int) -> str:
    table = checkpoint.table
    stride = table.stride_of(row)
    kind = "contiguous" if table.forms.contiguous[int(table.form[row])] else "a view that is not contiguous"
    return f"({', '.join(map(str, stride[:32]))}{', …' if len(stride) > 32 else ''}), {kind}"


def _storage_facts(checkpoint: Checkpoint, row: int) -> list[Fact]:
    table = checkpoint.table
    storage = int(table.storage[row])
    if storage < 0:
        return [Fact(tr("Storage"), tr("none"))]
    storages = table.storages
    source, encoding = int(storages.source[storage]), Encoding(int(storages.encoding[storage]))
    nbytes, start = int(storages.nbytes[storage]), int(table.offset[row]) * table.dtype_of(row).bits // 8
    key = shown(storages.key[storage])
    location = storages.locations[int(storages.location[storage])]
    facts = [
        Fact(tr("Storage"), " · ".join(filter(None, (f"key {key}", bytes_for_people(nbytes), shown(location))))),
    ]
    if source < 0 or encoding is Encoding.MISSING:
        facts.append(Fact(tr("In file"), tr("its bytes are not in the file")))
    else:
        place = int(storages.offset[storage])
        label = shown(checkpoint.sources.specs[source].label)
        how = {Encoding.DEFLATED: ", deflated", Encoding.LATIN1: ", as text"}.get(encoding, "")
        exact = f"storage begins at byte {place:,}; the tensor {start:,} bytes into it"
        at = place + start if encoding is Encoding.RAW else place
        if checkpoint.sources.specs[source].kind == "assembled":
            facts.append(Fact(tr("In files"), label, tr("put together from its chunks when it is read")))
        else:
            facts.append(Fact(tr("In file"), f"{label} @ 0x{at:x}{how}", exact))
        if storages.swapped[storage]:
            facts.append(Fact(tr("Byte order"), tr("big-endian")))
    others = np.flatnonzero(table.storage[: table.listed] == storage)
    others = others[others != row]
    if len(others):
        facts.append(Fact(tr("Shares storage with"), _names(checkpoint, others)))
    tie = int(checkpoint.tree.tie[row])
    if tie >= 0:
        tied = np.flatnonzero(checkpoint.tree.tie == tie)
        facts.append(Fact(tr("Tied with"), _names(checkpoint, tied[tied != row])))
    return facts


def _names(checkpoint: Checkpoint, rows: npt.NDArray[np.int64]) -> str:
    listed = "\n".join(shown(checkpoint.table.name[row], 300) for row in rows[:_NAMES_LISTED].tolist())
    return listed + (f"\nand {len(rows) - _NAMES_LISTED:,} more" if len(rows) > _NAMES_LISTED else "")


def _extra_facts(checkpoint: Checkpoint, row: int, flags: Flag) -> Iterable[Fact]:
    marks = [flag.name.lower() for flag in (Flag.CONJ, Flag.NEG, Flag.META) if flags & flag and flag.name]
    if marks:
        yield Fact(tr("Marked"), ", ".join(marks))
    for key, value in checkpoint.table.extra_of(row).items():
        if key not in ("components", "dtype"):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            yield Fact(shown(key.replace("_", " ").capitalize(), 40), shown(text, 400))


def _components(checkpoint: Checkpoint, row: int) -> Grid:
    table = checkpoint.table
    rows = tuple(
        (shown(name), shown(table.dtype_name(part)), shape_text(table.shape_of(part)))
        for name, part in table.components(row).items()
    )
    return Grid(tr("Components"), (tr("Name"), tr("Dtype"), tr("Shape")), rows, frozenset((2,)))


def _scalar(checkpoint: Checkpoint, node: int) -> Description:
    tree, structure = checkpoint.tree, checkpoint.description.structure
    place, raw = int(tree.node[node]), raw_scalar(checkpoint, node)
    try:
        value = json.loads(raw) if len(raw) <= _LONGEST_TEXT else None
    except (ValueError, RecursionError):
        value, text = None, raw
    else:
        text = value if isinstance(value, str) else raw if len(raw) > _LONGEST_TEXT else words(value)
    name, section = name_of(checkpoint, node), section_of(checkpoint, node)
    kind = structure.type_name(place) or {
        str: "string",
        bool: "bool",
        int: "int",
        float: "float",
        type(None): "None",
    }.get(type(value), "value")
    facts = (
        Fact(tr("Path"), shown(name)),
        Fact(tr("Section"), f"{shown(section.name)} ({section.kind})" if section else "–"),
    )
    length = f" · {len(text):,} characters" if isinstance(value, str) else ""
    blocks = (Text(tr("Value"), shown_lines(text, _LONGEST_TEXT), text),)
    return Description(label_of(tree.label[node]), name, shown(kind) + length, facts=facts, blocks=blocks)


def _parent(checkpoint: Checkpoint, node: int) -> Description:
    tree = checkpoint.tree
    what = TreeNode(int(tree.what[node]))
    name, section = name_of(checkpoint, node), section_of(checkpoint, node)
    kind = shown(tree.kinds[int(tree.kind[node])]) if tree.kind[node] >= 0 else ""
    tensors, parameters, nbytes = int(tree.tensors[node]), int(tree.parameters[node]), int(tree.nbytes[node])
    facts = [Fact(tr("Path"), shown(name) or tr("the whole file"))]
    if section is not None:
        facts.append(Fact(tr("Section"), f"{shown(section.name)} ({section.kind})"))
    if tree.version[node] >= 0:
        facts.append(Fact(tr("Version"), str(int(tree.version[node]))))
    if what is TreeNode.ALIAS:
        target = int(tree.ref[node])
        facts.append(
            Fact(tr("Stands for"), shown(name_of(checkpoint, target)) if target >= 0 else tr("a part around it"))
        )
    if tensors:
        facts += [
            Fact(tr("Tensors"), f"{tensors:,}"),
            Fact(tr("Parameters"), f"{parameters:,}"),
            Fact(tr("Bytes"), f"{nbytes:,}"),
        ]
    totals = (plural(tensors, "tensor"), plural(parameters, "parameter"), bytes_for_people(nbytes)) if tensors else ()
    subtitle = " · ".join((kind or what.name.lower(), *totals))
    children = tuple(itertools.islice(tree.children(node), _CHILDREN_LISTED))
    blocks = (_children(checkpoint, children, node),) if children else ()
    return Description(
        label_of(tree.label[node]) if what is not TreeNode.MODULE else shown(name) or '""',
        name,
        subtitle,
        _notes(checkpoint, name) if what is TreeNode.SECTION and name else (),
        facts=tuple(facts),
        blocks=blocks,
    )


def _children(checkpoint: Checkpoint, children: Sequence[int], node: int) -> Grid:
    tree, table = checkpoint.tree, checkpoint.table
    rows = []
    for child in children:
        what, size = TreeNode(int(tree.what[child])), bytes_for_people(int(tree.nbytes[child]))
        kind = shown(tree.kinds[int(tree.kind[child])]) if tree.kind[child] >= 0 else ""
        if what is TreeNode.TENSOR:
            row = int(tree.ref[child])
            cells = (shown(table.dtype_name(row)), shape_text(table.shape_of(row)), size)
        elif what is TreeNode.SCALAR:
            cells = (scalar_line(checkpoint, child, 200), "", "")
        elif tree.tensors[child]:
            cells = (kind, plural(int(tree.tensors[child]), "tensor"), size)
        else:
            cells = (kind or what.name.lower(), "", "")
        rows.append((label_of(tree.label[child]), *cells))
    more = int(np.count_nonzero(tree.parent[node + 1 : int(tree.end[node])] == node)) - len(rows)
    title = f"Children (the first {len(rows):,}; {more:,} more not shown)" if more else "Children"
    header = ("Name", "Kind, dtype or value", "Shape", "Size")
    return Grid(title, header, tuple(rows), frozenset((2, 3)), tuple(children))


def can_be_read(checkpoint: Checkpoint, row: int) -> str:
    """Why a tensor's values cannot be shown, "" if they can."""
    flags = Flag(int(checkpoint.table.flags[row]))
    if flags & Flag.META:
        return "A meta tensor has no values."
    if flags & Flag.NOT_DENSE:
        return "This tensor is not dense: its values lie in the components above."
    if flags & Flag.OUT_OF_BOUNDS:
        return "This tensor reaches past the bytes that the file holds for it."
    return ""


def basis_of(checkpoint: Checkpoint, row: int) -> str:
    """What the numbers of a tensor are of, where that is not plain; "" if it is."""
    if Flag(int(checkpoint.table.flags[row])) & Flag.QUANTISED:
        return "Of the real values: scale × (code − zero point)."
    if checkpoint.table.dtype_of(row).kind == "complex":
        return "Of the magnitudes √(re² + im²)."
    return ""
