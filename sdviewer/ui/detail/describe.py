"""Describe: what the detail pane says of a node, as plain data, from columns that are there already."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.checkpoint.wording import (
    PROBLEM_MARKS,
    bytes_for_people,
    count_for_people,
    label_of,
    plural,
    shape_text,
    shown,
    shown_lines,
)

_NAMES_LISTED = 6
_NOTES_SHOWN = 3
_ROWS_LISTED = 1000
_LONGEST_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what, its value, and in the tooltip the exact figure."""

    label: str
    value: str
    exact: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a user should know before anything else."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A small table; `right` are the columns of numbers, `nodes` where a row leads in the tree."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    nodes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Read-only text of several lines: as it is shown, and as it is copied."""

    title: str
    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """All that is known of a node without reading a payload.

    `part` says of what the file is a part, `whole` is the path of that.
    """

    name: str
    copy_name: str
    subtitle: str
    notes: tuple[Note, ...] = ()
    facts: tuple[Fact, ...] = ()
    blocks: tuple[Grid | Text, ...] = ()
    part: str = ""
    whole: str = ""


def describe(checkpoint: Checkpoint, node: int, title: str) -> Description:
    """The description of a tree node; `title` is how the file is called."""
    match TreeNode(int(checkpoint.tree.what[node])):
        case TreeNode.TENSOR:
            return _tensor(checkpoint, node)
        case TreeNode.ROOT:
            return _root(checkpoint, title)
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
        Fact("Path", shown(" › ".join(encode_part(part) for part in checkpoint.path_of(row)) or "the whole file")),
        Fact("Section", f"{shown(section.name)} ({section.kind})" if section else "–"),
        Fact("Role", role.name.lower() + (f" of a {shown(kind)}" if kind else "")),
        Fact("Dtype", dtype, f"{table.dtype_of(row).bits} bits an element"),
        Fact("Shape", shape_text(shape)),
        Fact("Stride", _stride_text(checkpoint, row)),
        Fact("Elements", f"{numel:,}"),
        Fact("Bytes", f"{nbytes:,}"),
        *_storage_facts(checkpoint, row),
        Fact("requires_grad", str(bool(flags & Flag.REQUIRES_GRAD)) if flags & Flag.GRAD_KNOWN else "not recorded"),
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
    notes = [Note(problem.severity, shown(problem.message)) for problem in checkpoint.problems if problem.where == name]
    blocks = (_components(checkpoint, row),) if table.components(row) else ()
    return Description(shown(name) or '""', name, subtitle, tuple(notes[:20]), tuple(facts), blocks)


def _stride_text(checkpoint: Checkpoint, row: int) -> str:
    table = checkpoint.table
    stride = table.stride_of(row)
    kind = "contiguous" if table.forms.contiguous[int(table.form[row])] else "a view that is not contiguous"
    return f"({', '.join(map(str, stride[:32]))}{', …' if len(stride) > 32 else ''}), {kind}"


def _storage_facts(checkpoint: Checkpoint, row: int) -> list[Fact]:
    table = checkpoint.table
    storage = int(table.storage[row])
    if storage < 0:
        return [Fact("Storage", "none")]
    storages = table.storages
    source, encoding = int(storages.source[storage]), Encoding(int(storages.encoding[storage]))
    nbytes, start = int(storages.nbytes[storage]), int(table.offset[row]) * table.dtype_of(row).bits // 8
    key = shown(storages.key[storage])
    location = storages.locations[int(storages.location[storage])]
    facts = [
        Fact("Storage", f"{key}, {bytes_for_people(nbytes)}" + (f", {shown(location)}" if location else "")),
    ]
    if source < 0 or encoding is Encoding.MISSING:
        facts.append(Fact("In file", "its bytes are not in the file"))
    else:
        place = int(storages.offset[storage])
        label = shown(checkpoint.sources.specs[source].label)
        how = {Encoding.DEFLATED: ", deflated", Encoding.LATIN1: ", as text"}.get(encoding, "")
        exact = f"storage begins at byte {place:,}; the tensor {start:,} bytes into it"
        at = place + start if encoding is Encoding.RAW else place
        facts.append(Fact("In file", f"{label} @ 0x{at:x}{how}", exact))
        if storages.swapped[storage]:
            facts.append(Fact("Byte order", "big-endian"))
    others = np.flatnonzero(table.storage[: table.listed] == storage)
    others = others[others != row]
    if len(others):
        facts.append(Fact("Shares storage with", _names(checkpoint, others)))
    tie = int(checkpoint.tree.tie[row])
    if tie >= 0:
        tied = np.flatnonzero(checkpoint.tree.tie == tie)
        facts.append(Fact("Tied with", _names(checkpoint, tied[tied != row])))
    return facts


def _names(checkpoint: Checkpoint, rows: npt.NDArray[np.int64]) -> str:
    listed = "\n".join(shown(checkpoint.table.name[row], 300) for row in rows[:_NAMES_LISTED].tolist())
    return listed + (f"\nand {len(rows) - _NAMES_LISTED:,} more" if len(rows) > _NAMES_LISTED else "")


def _extra_facts(checkpoint: Checkpoint, row: int, flags: Flag) -> Iterable[Fact]:
    marks = [flag.name.lower() for flag in (Flag.CONJ, Flag.NEG, Flag.META) if flags & flag and flag.name]
    if marks:
        yield Fact("Marked", ", ".join(marks))
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
    return Grid("Components", ("Name", "Dtype", "Shape"), rows, frozenset((2,)))


def _scalar(checkpoint: Checkpoint, node: int) -> Description:
    tree, structure = checkpoint.tree, checkpoint.description.structure
    place = int(tree.node[node])
    raw = structure.values[int(structure.ref[place])]
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value, text = None, raw
    else:
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    name, section = name_of(checkpoint, node), section_of(checkpoint, node)
    kind = structure.type_name(place) or {
        str: "string",
        bool: "bool",
        int: "int",
        float: "float",
        type(None): "None",
    }.get(type(value), "value")
    facts = (Fact("Path", shown(name)), Fact("Section", f"{shown(section.name)} ({section.kind})" if section else "–"))
    length = f" · {len(text):,} characters" if isinstance(value, str) else ""
    blocks = (Text("Value", shown_lines(text, _LONGEST_TEXT), text),)
    return Description(label_of(tree.label[node]), name, shown(kind) + length, facts=facts, blocks=blocks)


def _parent(checkpoint: Checkpoint, node: int) -> Description:
    tree = checkpoint.tree
    what = TreeNode(int(tree.what[node]))
    name, section = name_of(checkpoint, node), section_of(checkpoint, node)
    kind = shown(tree.kinds[int(tree.kind[node])]) if tree.kind[node] >= 0 else ""
    tensors, parameters, nbytes = int(tree.tensors[node]), int(tree.parameters[node]), int(tree.nbytes[node])
    facts = [Fact("Path", shown(name) or "the whole file")]
    if section is not None:
        facts.append(Fact("Section", f"{shown(section.name)} ({section.kind})"))
    if tree.version[node] >= 0:
        facts.append(Fact("Version", str(int(tree.version[node]))))
    if what is TreeNode.ALIAS:
        target = int(tree.ref[node])
        facts.append(Fact("Stands for", shown(name_of(checkpoint, target)) if target >= 0 else "a part around it"))
    if tensors:
        facts += [
            Fact("Tensors", f"{tensors:,}"),
            Fact("Parameters", f"{parameters:,}"),
            Fact("Bytes", f"{nbytes:,}"),
        ]
    totals = (plural(tensors, "tensor"), plural(parameters, "parameter"), bytes_for_people(nbytes)) if tensors else ()
    subtitle = " · ".join((kind or what.name.lower(), *totals))
    children = tuple(itertools.islice(tree.children(node), _ROWS_LISTED))
    blocks = (_children(checkpoint, children, node),) if children else ()
    return Description(
        label_of(tree.label[node]) if what is not TreeNode.MODULE else shown(name) or '""',
        name,
        subtitle,
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
            structure = checkpoint.description.structure
            cells = (shown(structure.values[int(structure.ref[int(tree.node[child])])], 200), "", "")
        elif tree.tensors[child]:
            cells = (kind, plural(int(tree.tensors[child]), "tensor"), size)
        else:
            cells = (kind or what.name.lower(), "", "")
        rows.append((label_of(tree.label[child]), *cells))
    more = int(np.count_nonzero(tree.parent[node + 1 : int(tree.end[node])] == node)) - len(rows)
    title = f"Children (the first {len(rows):,}; {more:,} more not shown)" if more else "Children"
    header = ("Name", "Kind, dtype or value", "Shape", "Size")
    return Grid(title, header, tuple(rows), frozenset((2, 3)), tuple(children))


def _root(checkpoint: Checkpoint, title: str) -> Description:
    tree, description = checkpoint.tree, checkpoint.description
    tensors, parameters, nbytes = int(tree.tensors[0]), int(tree.parameters[0]), int(tree.nbytes[0])
    facts = [
        Fact("Path", shown(checkpoint.path)),
        Fact("Format", checkpoint.format),
        Fact("File", bytes_for_people(checkpoint.file_bytes), f"{checkpoint.file_bytes:,} bytes"),
        Fact("Tensors", f"{tensors:,}"),
        Fact("Parameters", f"{parameters:,}"),
        Fact("Tensor data", bytes_for_people(nbytes), f"{nbytes:,} bytes"),
    ]
    if description.unshown_bytes:
        unshown = description.unshown_bytes
        facts.append(Fact("Shown by no tensor", bytes_for_people(unshown), f"{unshown:,} bytes"))
    facts.append(Fact("Safety", safety(checkpoint)))
    blocks = [
        block
        for block in (
            _problems(checkpoint),
            _sections(checkpoint),
            _dtypes(checkpoint),
            _globals(checkpoint),
            _torch_lines(description.torch_lines),
            _shards(checkpoint),
            _duplicates(checkpoint),
        )
        if block is not None
    ]
    subtitle = f"{checkpoint.format} · {plural(tensors, 'tensor')} · {plural(parameters, 'parameter')}"
    errors = (Note(p.severity, _told(p)) for p in checkpoint.problems if p.severity == "error")
    part = next((f"This file {shown(p.message)}." for p in checkpoint.problems if p.kind == "part"), "")
    return Description(
        shown(title),
        checkpoint.path,
        subtitle,
        tuple(itertools.islice(errors, _NOTES_SHOWN)),
        tuple(facts),
        tuple(blocks),
        part or "This file is a part of a larger checkpoint.",
        description.part_of,
    )


def _told(problem: Problem) -> str:
    return f"{shown(problem.where, 200)}: {shown(problem.message)}" if problem.where else shown(problem.message)


def _torch_lines(lines: Sequence[str]) -> Text | None:
    text = "\n".join(lines)
    return Text("How torch would load it", shown_lines(text, _LONGEST_TEXT), text) if lines else None


def safety(checkpoint: Checkpoint) -> str:
    """One line on the code that the file names; none of it was executed."""
    if not checkpoint.globals:
        return "names no code"
    dangerous = sum(use.klass == "dangerous" for use in checkpoint.globals)
    unknown = sum(use.klass == "unknown" for use in checkpoint.globals)
    if dangerous:
        return f"{PROBLEM_MARKS['error']} names {plural(dangerous, 'dangerous global')}; nothing was executed"
    if unknown:
        return f"{PROBLEM_MARKS['warning']} names {plural(unknown, 'unknown global')}; nothing was executed"
    return "✓ names no unknown code"


def _problems(checkpoint: Checkpoint) -> Grid | None:
    problems = checkpoint.problems
    rows = tuple(
        (f"{PROBLEM_MARKS[p.severity]} {p.kind.replace('_', ' ')}", shown(p.message, 400), shown(p.where, 200))
        for p in problems[:_ROWS_LISTED]
    )
    return Grid(_counted("Problems", len(problems)), ("Kind", "What", "Where"), rows) if rows else None


def _sections(checkpoint: Checkpoint) -> Grid | None:
    tree = checkpoint.tree
    nodes = {int(tree.ref[n]): int(n) for n in np.flatnonzero(tree.what == TreeNode.SECTION)[:_ROWS_LISTED]}
    order = sorted(enumerate(checkpoint.sections.values()), key=lambda item: -item[1].nbytes)[:_ROWS_LISTED]
    rows = tuple(
        (
            shown(s.name),
            s.kind,
            f"{len(s.rows):,}",
            count_for_people(s.parameters),
            bytes_for_people(s.nbytes),
        )
        for _, s in order
    )
    leads = tuple(nodes.get(index, 0) for index, _ in order)
    header = ("Name", "Kind", "Tensors", "Parameters", "Size")
    return (
        Grid(_counted("Sections", len(checkpoint.sections)), header, rows, frozenset((2, 3, 4)), leads)
        if rows
        else None
    )


def _dtypes(checkpoint: Checkpoint) -> Grid | None:
    table = checkpoint.table
    codes = table.dtype[: table.listed]
    counts = np.bincount(codes, minlength=len(DTYPES))
    # float64 holds the sum of hostile sizes that int64 does not.
    sizes = np.bincount(codes, weights=table.nbytes[: table.listed], minlength=len(DTYPES))
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda code: -sizes[code])
    rows = tuple((DTYPES[code].name, f"{int(counts[code]):,}", bytes_for_people(int(sizes[code]))) for code in order)
    return Grid("Dtypes", ("Dtype", "Tensors", "Size"), rows, frozenset((1, 2))) if rows else None


def _globals(checkpoint: Checkpoint) -> Grid | None:
    marks = {"known": "✓ known", "unknown": "⚠ unknown", "dangerous": "✖ dangerous"}
    rank = {"dangerous": 0, "unknown": 1, "known": 2}
    uses = sorted(checkpoint.globals, key=lambda use: rank[use.klass])
    rows = tuple((marks[use.klass], shown(use.name, 300)) for use in uses[:_ROWS_LISTED])
    return Grid(_counted("Code that the file names", len(uses)), ("Class", "Global"), rows) if rows else None


def _shards(checkpoint: Checkpoint) -> Grid | None:
    rows = tuple(
        (
            shown(shard.file),
            ("✓ " if shard.status == "ok" else "✖ ") + shard.status,
            f"{shard.tensors:,}",
            bytes_for_people(shard.nbytes),
        )
        for shard in checkpoint.shards[:_ROWS_LISTED]
    )
    header = ("File", "Status", "Tensors", "Size")
    return Grid(_counted("Shards", len(checkpoint.shards)), header, rows, frozenset((2, 3))) if rows else None


def _duplicates(checkpoint: Checkpoint) -> Grid | None:
    rows = tuple((shown(d.name, 300), shown(d.where, 300)) for d in checkpoint.duplicates[:_ROWS_LISTED])
    return Grid(_counted("Duplicates", len(checkpoint.duplicates)), ("Name", "Hidden at"), rows) if rows else None


def _counted(title: str, count: int) -> str:
    return f"{title} (the first {_ROWS_LISTED:,} of {count:,})" if count > _ROWS_LISTED else title


def summary_line(checkpoint: Checkpoint) -> str:
    """The file in one line, for the status bar."""
    tree = checkpoint.tree
    parts = [
        plural(int(tree.tensors[0]), "tensor"),
        plural(int(tree.parameters[0]), "parameter"),
        bytes_for_people(int(tree.nbytes[0])),
        safety(checkpoint),
    ]
    counts = Counter(problem.severity for problem in checkpoint.problems)
    serious = counts["error"] + counts["warning"]
    if serious:
        parts.append(f"{PROBLEM_MARKS['error' if counts['error'] else 'warning']} {plural(serious, 'problem')}")
    if counts["info"]:
        parts.append(f"{PROBLEM_MARKS['info']} {plural(counts['info'], 'remark')}")
    return " · ".join(parts)


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


__all__ = [
    "Description",
    "Fact",
    "Grid",
    "Note",
    "Text",
    "basis_of",
    "can_be_read",
    "describe",
    "name_of",
    "safety",
    "section_of",
    "summary_line",
]
