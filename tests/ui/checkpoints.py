"""Checkpoints made without a file format: the window's tests depend on no reader."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.modules import build_tree
from sdviewer.checkpoint.sections import find_sections
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.formats.files import LocalSources

Tensors = Mapping[str, np.ndarray[Any, Any]]


def checkpoint_with(folder: Path, tensors: Tensors, **facts: Any) -> Checkpoint:
    """A bare state_dict whose bytes lie in a raw file in `folder`; `facts` are fields of its `Description`."""
    file = folder / "payload.bin"
    file.write_bytes(b"".join(array.tobytes() for array in tensors.values()))
    sources = LocalSources()
    index = sources.add_file(file)
    table, structure = TableBuilder(), StructureBuilder()
    root = structure.open("", Node.MAPPING, -1, "dict")
    offset = 0
    for row, (name, array) in enumerate(tensors.items()):
        storage = table.add_storage(name, source=index, offset=offset, nbytes=array.nbytes)
        table.add_tensor(array.dtype.name, array.shape, storage=storage)
        structure.tensor(name, root, row)
        offset += array.nbytes
    structure.close(root)
    description = Description(
        "safetensors",
        table.finish(list(tensors), range(len(tensors))),
        structure.finish(plain_keys=True),
        **facts,
    )
    sections = find_sections(description)
    return Checkpoint(
        path=os.fspath(file),
        file_bytes=offset,
        description=description,
        sections={section.name: section for section in sections},
        tree=build_tree(description, sections),
        sources=sources,
    )


def small_tensors() -> dict[str, np.ndarray[Any, Any]]:
    """A little network: 7 tensors in modules up to two levels deep."""
    values = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    return {
        "encoder.layers.0.weight": values,
        "encoder.layers.0.bias": np.zeros(64, np.float32),
        "encoder.layers.1.weight": values * 2,
        "encoder.layers.1.bias": np.full(64, np.nan, np.float32),
        "head.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "head.steps": np.array(7, np.int64),
        "scale": np.ones((), np.float32),
    }
