"""A checkpoint of very many tensors, made from columns: no file, no reader, no object for each."""

from __future__ import annotations

import numpy as np

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.modules import build_tree
from sdviewer.checkpoint.sections import find_sections
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.table import Forms, StorageTable, TensorTable
from sdviewer.formats.files import LocalSources

LEAVES = (
    "self_attn.q_proj.weight",
    "self_attn.k_proj.weight",
    "self_attn.v_proj.weight",
    "self_attn.o_proj.weight",
    "mlp.gate_proj.weight",
    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
    "input_norm.weight",
    "input_norm.bias",
    "scale",
)


def name_of(row: int) -> str:
    """The name of a tensor."""
    return f"model.layers.{row // 1000}.experts.{row // 10 % 100}.{LEAVES[row % 10]}"


def many_tensors(count: int) -> Checkpoint:
    """A bare state_dict of `count` tensors of four dtypes and twelve shapes, each with a storage of its own.

    Every tenth is tied to the one before it.
    """
    row = np.arange(count)
    forms = Forms.of([((size, 8), (8, 1)) for size in range(1, 13)])
    codes = np.array([BY_NAME[name].code for name in ("float32", "bfloat16", "int64", "bool")], np.uint8)
    tied = row % 10 == 9
    twin = np.where(tied, row - 1, row)
    dtype, form = codes[twin // 3 % 4], (twin % 12).astype(np.int32)
    nbytes = np.full(count, 8 * 12 * 8, np.int64)
    table = TensorTable(
        name=StringColumn.of([name_of(index) for index in range(count)]),
        dtype=dtype,
        form=form,
        storage=twin.astype(np.int32),
        offset=np.zeros(count, np.int64),
        flags=np.zeros(count, np.uint16),
        extra=np.full(count, -1, np.int32),
        forms=forms,
        storages=StorageTable(
            key=StringColumn(b"", np.zeros(count + 1, np.int64)),
            source=np.zeros(count, np.int32),
            offset=64 + 768 * row,
            nbytes=nbytes,
            stored=nbytes,
            encoding=np.zeros(count, np.uint8),
            swapped=np.zeros(count, np.uint8),
            location=np.zeros(count, np.uint16),
            locations=("cpu",),
        ),
        extras=(),
        listed=count,
    )
    nodes = count + 1
    structure = Structure(
        part=StringColumn(table.name.data, np.concatenate(([0], table.name.offsets))),
        kind=np.append(np.uint8(Node.MAPPING), np.full(count, Node.TENSOR, np.uint8)),
        parent=np.append(-1, np.zeros(count)).astype(np.int32),
        end=np.append(nodes, np.arange(2, nodes + 1)).astype(np.int32),
        ref=np.append(-1, row),
        type=np.append(0, np.full(count, -1)).astype(np.int32),
        types=("dict",),
        values=StringColumn.of([]),
        plain_keys=True,
    )
    description = Description("torch zip", table, structure)
    sections = find_sections(description)
    sources = LocalSources()
    sources.add(SourceSpec("file", "many.pt", 64 + 768 * count, path="/nowhere/many.pt"))
    return Checkpoint(
        "/nowhere/many.pt",
        64 + 768 * count,
        description,
        {section.name: section for section in sections},
        build_tree(description, sections),
        sources,
    )
