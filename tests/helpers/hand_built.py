"""Checkpoints built by hand: columns that no reader was needed for."""

from __future__ import annotations

import numpy as np

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import (
    Checkpoint,
    Description,
    Duplicate,
    GlobalUse,
    ModuleClass,
    ModuleVersion,
    Problem,
    Shard,
    TextEntry,
)
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.formats.files import LocalSources

ODD_NAMES = ("plain.weight", "", "naïve λ 🦀", "lone \ud800 surrogate", "line\nbreak/~[0]", "a" * 300)


def description_with(names: tuple[str, ...] = ODD_NAMES, problems: tuple[Problem, ...] = ()) -> Description:
    """One float32 tensor of shape (2, 3) a name, each in a storage of its own, and some of everything else."""
    table, structure = TableBuilder(), StructureBuilder()
    root = structure.open("", Node.MAPPING, -1, "dict")
    for row, name in enumerate(names):
        storage = table.add_storage(f"{row}", source=0, offset=24 * row, nbytes=24, location=f"cuda:{row % 2}")
        flags = Flag.GRAD_KNOWN | Flag.REQUIRES_GRAD if row == 0 else Flag(0)
        extra = {"layout": "torch.strided", "sizes": [1, 2.5, None], "nested": {"a": ["b"]}} if row == 1 else None
        table.add_tensor("float32", (2, 3), storage=storage, flags=flags, extra=extra)
        structure.tensor(name, root, row)
    structure.scalar("epoch", root, "3", "int")
    structure.close(root)
    return Description(
        format="torch zip",
        tensors=table.finish(names, range(len(names))),
        structure=structure.finish(plain_keys=True),
        globals=(GlobalUse("collections.OrderedDict", "known"), GlobalUse("os.system", "dangerous")),
        problems=problems,
        shards=(Shard("a.bin", 3, 72), Shard("b.bin", 0, 0, "missing")),
        texts=(TextEntry("code/__torch__.py", 0, 10, 20, 15, deflated=True),),
        duplicates=(Duplicate("plain.weight", "b.bin"),),
        module_classes=(ModuleClass(0, "plain", "torch.nn.modules.linear.Linear"),),
        module_versions=(ModuleVersion(0, "plain", 2), ModuleVersion(0, "", None)),
        torch_lines=("torch.load(path)",),
        unshown_bytes=5,
        inline=b"\x00\xff inline",
    )


def checkpoint_with(description: Description, path: str = "hand/built.pt") -> Checkpoint:
    """An opened checkpoint with one section and a flat tree."""
    count = description.tensors.listed
    nodes = count + 1
    rows = np.arange(count, dtype=np.int64)
    section = Section("model", "", "model", 0, rows, 6 * count, 24 * count)
    tree = ModuleTree(
        label=StringColumn.of(["", *description.tensors.name.tolist()]),
        what=np.array([TreeNode.SECTION, *[TreeNode.TENSOR] * count], np.uint8),
        depth=np.array([0, *[1] * count], np.int32),
        parent=np.array([-1, *[0] * count], np.int32),
        end=np.array([nodes, *range(2, nodes + 1)], np.int32),
        ref=np.array([0, *rows.tolist()], np.int64),
        node=np.arange(nodes, dtype=np.int32),
        tensors=np.array([count, *[1] * count], np.int64),
        parameters=np.array([6 * count, *[6] * count], np.int64),
        nbytes=np.array([24 * count, *[24] * count], np.int64),
        kind=np.zeros(nodes, np.int32),
        kinds=("", "Linear"),
        version=np.full(nodes, -1, np.int32),
        role=np.zeros(count, np.uint8),
        tie=np.full(count, -1, np.int64),
    )
    spec = SourceSpec("file", path, 4_000, path, 2**60 + 1, 2, 2**63 + 5)
    inner = SourceSpec("range", "inner", 3_000, parent=0, offset=100)
    return Checkpoint(
        path, 4_000, description, {"model": section}, tree, LocalSources([spec, inner], description.inline)
    )
