"""Checkpoints with any columns, made without a file: what the filter is asked of stands in a record each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.modules import build_tree
from sdviewer.checkpoint.sections import find_sections
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import Encoding, Flag, TableBuilder
from sdviewer.formats.files import LocalSources

NO_FLAGS = Flag(0)


@dataclass(frozen=True, slots=True)
class Made:
    """One tensor. `storage` numbers are shared by tensors that share bytes; `own_dtype` is for dtype "other"."""

    name: str
    dtype: str = "float32"
    shape: tuple[int, ...] = (2,)
    flags: Flag = NO_FLAGS
    storage: int = -1
    file: int = 0
    missing: bool = False
    own_dtype: str = ""


def checkpoint_of(tensors: Sequence[Made], files: Sequence[str] = ("a.bin", "b.bin"), **facts: Any) -> Checkpoint:
    """A bare state_dict of these; storages that are not numbered are each tensor's own."""
    sources = LocalSources([SourceSpec("file", name, 1 << 40, path=os.path.join("folder", name)) for name in files])  # noqa: PTH118
    table, structure = TableBuilder(), StructureBuilder()
    root = structure.open("", Node.MAPPING, -1, "dict")
    storages: dict[tuple[int, int], int] = {}
    for row, made in enumerate(tensors):
        place = (made.storage if made.storage >= 0 else -1 - row, made.file)
        if place not in storages:
            storages[place] = table.add_storage(
                str(row),
                source=-1 if made.missing else made.file,
                offset=0,
                nbytes=1 << 40,
                encoding=Encoding.MISSING if made.missing else Encoding.RAW,
            )
        extra = {"dtype": made.own_dtype, "itemsize": 8} if made.own_dtype else None
        table.add_tensor(made.dtype, made.shape, storage=storages[place], flags=made.flags, extra=extra)
        structure.tensor(made.name, root, row)
    structure.close(root)
    description = Description(
        "safetensors",
        table.finish([made.name for made in tensors], range(len(tensors))),
        structure.finish(plain_keys=True),
        **facts,
    )
    sections = find_sections(description)
    return Checkpoint(
        path="folder",
        file_bytes=1,
        description=description,
        sections={section.name: section for section in sections},
        tree=build_tree(description, sections),
        sources=sources,
    )
