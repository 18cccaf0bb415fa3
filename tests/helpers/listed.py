"""Checkpoints made from a table alone: a bare state_dict, with no bytes behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.modules import build_tree
from sdviewer.checkpoint.sections import find_sections
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.formats.files import LocalSources


def checkpoint_of(
    table: TableBuilder, names: Sequence[str], rows: Sequence[int] | None = None, **facts: Any
) -> Checkpoint:
    """The tensors of `table` (those of `rows`, if given) under these keys; `facts` are fields of its `Description`.

    Source 0 is a file that is not there, "/nowhere/made.pt".
    """
    structure = StructureBuilder()
    root = structure.open("", Node.MAPPING, -1, "dict")
    for row, name in enumerate(names):
        structure.tensor(name, root, row)
    structure.close(root)
    description = Description(
        "torch zip",
        table.finish(names, range(len(names)) if rows is None else rows),
        structure.finish(plain_keys=True),
        **facts,
    )
    sources = LocalSources()
    sources.add(SourceSpec("file", "made.pt", 1 << 40, path="/nowhere/made.pt"))
    sections = find_sections(description)
    return Checkpoint(
        "/nowhere/made.pt",
        1 << 40,
        description,
        {section.name: section for section in sections},
        build_tree(description, sections),
        sources,
    )
