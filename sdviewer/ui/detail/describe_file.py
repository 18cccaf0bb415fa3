"""Describe file: what the detail pane says of a checkpoint as a whole."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.wording import (
    PROBLEM_MARKS,
    bytes_for_people,
    count_for_people,
    plural,
    shown,
    shown_lines,
)
from sdviewer.ui.detail.parts import Description, Fact, Grid, Note, Text

_ROWS_LISTED = 1000
_LONGEST_TEXT = 200_000
_NOTES_SHOWN = 3


def describe_file(checkpoint: Checkpoint, title: str) -> Description:
    """The description of a file, which is called `title`."""
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
