"""Describe file: what the detail pane says of a checkpoint as a whole."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath

import numpy as np

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.summary import what_it_is
from sdviewer.checkpoint.tree_problems import nodes_of_sections
from sdviewer.checkpoint.wording import (
    PROBLEM_MARKS,
    bytes_for_people,
    count_for_people,
    plural,
    shown,
    shown_lines,
)
from sdviewer.formats.companion_names import files_word
from sdviewer.ui.detail.describe_groups import groups_grid
from sdviewer.ui.detail.parts import Description, Fact, Grid, Note, Text
from sdviewer.ui.detail.places import filter_term, nodes_of_tensors
from sdviewer.ui.translating import tr

_ROWS_LISTED = 1000
_LONGEST_TEXT = 200_000
_NOTES_SHOWN = 3

_GLOBAL_TIPS = {
    "known": "Loading the file with torch uses it to make plain data or tensors.",
    "unknown": "Loading the file with torch.load(weights_only=False) would import it and run its code. "
    "It was not run here: what it would have made is shown as its class, arguments and state.",
    "dangerous": "It can run programs, change files or open connections: no checkpoint needs it. "
    "It was not run here. Do not load this file with torch.load(weights_only=False) or pickle.",
}
_SHARD_TIPS = {
    "missing": "The index names this file, but it is not in the folder.",
    "extra": "The file lies in the folder, but the index does not name it.",
    "truncated": "The file is shorter than what it says it holds: it was probably not written or copied to its end.",
    "unreadable": "The file could not be read: see the problems.",
}


def describe_file(checkpoint: Checkpoint, title: str) -> Description:
    """The description of a file, which is called `title`; of a million tensors it takes a job."""
    tree, description = checkpoint.tree, checkpoint.description
    tensors, parameters, nbytes = int(tree.tensors[0]), int(tree.parameters[0]), int(tree.nbytes[0])
    facts = [
        Fact(tr("Path"), shown(checkpoint.path)),
        Fact(tr("Format"), checkpoint.format),
        Fact(
            tr("File"),
            bytes_for_people(checkpoint.file_bytes),
            tr("{file_bytes:,} bytes", file_bytes=checkpoint.file_bytes),
        ),
        Fact(tr("Tensors"), f"{tensors:,}"),
        Fact(tr("Parameters"), f"{parameters:,}"),
        Fact(tr("Tensor data"), bytes_for_people(nbytes), tr("{nbytes:,} bytes", nbytes=nbytes)),
    ]
    if description.unshown_bytes:
        unshown = description.unshown_bytes
        facts.append(
            Fact(tr("Shown by no tensor"), bytes_for_people(unshown), tr("{unshown:,} bytes", unshown=unshown))
        )
    if description.texts:
        facts.append(Fact(tr("Source text"), tr("{files}, see Source", files=plural(len(description.texts), "file"))))
    facts.append(Fact(tr("Safety"), safety(checkpoint)))
    blocks = [
        block
        for block in (
            _problems(checkpoint),
            _sections(checkpoint),
            _dtypes(checkpoint),
            groups_grid(checkpoint),
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
        what_it_is(checkpoint),
    )


def _told(problem: Problem) -> str:
    return f"{shown(problem.where, 200)}: {shown(problem.message)}" if problem.where else shown(problem.message)


def _torch_lines(lines: Sequence[str]) -> Text | None:
    text = "\n".join(lines)
    return Text(tr("How torch would load it"), shown_lines(text, _LONGEST_TEXT), text) if lines else None


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
    problems = checkpoint.problems[:_ROWS_LISTED]
    rows = tuple(
        (f"{PROBLEM_MARKS[p.severity]} {p.kind.replace('_', ' ')}", shown(p.message, 400), shown(p.where, 200))
        for p in problems
    )
    # A problem of a shard names its file, or file and tensor: "model-2.bin: head.weight".
    inner = [p.where.rpartition(": ")[2] for p in problems]
    nodes = {**nodes_of_sections(checkpoint), **_nodes_of(checkpoint, [*(p.where for p in problems), *inner])}
    leads = tuple(nodes.get(p.where, nodes.get(name, -1)) for p, name in zip(problems, inner, strict=True))
    files = {shard.file for shard in checkpoint.shards if shard.tensors}
    filters = tuple(filter_term("file", PurePath(p.where).name) if p.where in files else "" for p in problems)
    title = _counted("Problems", len(checkpoint.problems))
    return Grid(title, (tr("Kind"), tr("What"), tr("Where")), rows, nodes=leads, filters=filters) if rows else None


def _sections(checkpoint: Checkpoint) -> Grid | None:
    tree = checkpoint.tree
    nodes = {int(tree.ref[n]): int(n) for n in np.flatnonzero(tree.what == TreeNode.SECTION)[:_ROWS_LISTED]}
    order = sorted(enumerate(checkpoint.sections.values()), key=lambda item: -item[1].nbytes)[:_ROWS_LISTED]
    rows = tuple(
        (
            shown(s.name),
            s.kind,
            f"{len(s.rows):,}" if len(s.rows) else "–",
            count_for_people(s.parameters) if s.parameters else "–",
            bytes_for_people(s.nbytes) if s.nbytes else "–",
        )
        for _, s in order
    )
    leads = tuple(nodes.get(index, -1) for index, _ in order)
    title = _counted("Sections", len(checkpoint.sections))
    header = ("Name", "Kind", "Tensors", "Parameters", "Size")
    return Grid(title, header, rows, frozenset((2, 3, 4)), leads) if rows else None


def _dtypes(checkpoint: Checkpoint) -> Grid | None:
    table = checkpoint.table
    codes = table.dtype[: table.listed]
    counts = np.bincount(codes, minlength=len(DTYPES))
    # float64 holds the sum of hostile sizes that int64 does not.
    sizes = np.bincount(codes, weights=table.nbytes[: table.listed], minlength=len(DTYPES))
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda code: -sizes[code])
    rows = tuple((DTYPES[code].name, f"{int(counts[code]):,}", bytes_for_people(int(sizes[code]))) for code in order)
    filters = tuple(filter_term("dtype", DTYPES[code].name) for code in order)
    return (
        Grid(tr("Dtypes"), (tr("Dtype"), tr("Tensors"), tr("Size")), rows, frozenset((1, 2)), filters=filters)
        if rows
        else None
    )


def _globals(checkpoint: Checkpoint) -> Grid | None:
    marks = {"known": "✓ known", "unknown": "⚠ unknown", "dangerous": "✖ dangerous"}
    rank = {"dangerous": 0, "unknown": 1, "known": 2}
    uses = sorted(checkpoint.globals, key=lambda use: rank[use.klass])[:_ROWS_LISTED]
    rows = tuple((marks[use.klass], shown(use.name, 300)) for use in uses)
    tips = tuple(_GLOBAL_TIPS[use.klass] for use in uses)
    title = _counted("Code that the file names", len(checkpoint.globals))
    return Grid(title, (tr("Class"), tr("Global")), rows, tips=tips) if rows else None


def _shards(checkpoint: Checkpoint) -> Grid | None:
    shards = checkpoint.shards[:_ROWS_LISTED]
    rows = tuple(
        (
            shown(shard.file),
            ("✓ " if shard.status == "ok" else "✖ ") + shard.status,
            f"{shard.tensors:,}" if shard.tensors else "–",
            bytes_for_people(shard.nbytes) if shard.nbytes else "–",
        )
        for shard in shards
    )
    filters = tuple(filter_term("file", PurePath(shard.file).name) if shard.tensors else "" for shard in shards)
    tips = tuple(_SHARD_TIPS.get(shard.status, "") for shard in shards)
    title = _counted(files_word(checkpoint.shards), len(checkpoint.shards))
    header = ("File", "Status", "Tensors", "Size")
    return Grid(title, header, rows, frozenset((2, 3)), filters=filters, tips=tips) if rows else None


def _duplicates(checkpoint: Checkpoint) -> Grid | None:
    hidden = checkpoint.duplicates[:_ROWS_LISTED]
    rows = tuple((shown(d.name, 300), shown(d.where, 300)) for d in hidden)
    nodes = _nodes_of(checkpoint, [d.name for d in hidden])
    leads = tuple(nodes.get(d.name, -1) for d in hidden)
    title = _counted("Duplicates", len(checkpoint.duplicates))
    return Grid(title, (tr("Name"), tr("Hidden at")), rows, nodes=leads) if rows else None


def _nodes_of(checkpoint: Checkpoint, names: Sequence[str]) -> Mapping[str, int]:
    return nodes_of_tensors(checkpoint, list(dict.fromkeys(filter(None, names)))[:_ROWS_LISTED])


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
