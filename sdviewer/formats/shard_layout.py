"""Shard layout: several shards as one state_dict: which are spliced, one copy of their notes, one order.

The work that is done for each tensor is done by column; see merging.py, which joins them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.structure import Node, Structure, StructureBuilder
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.formats.shard_index import add_metadata

Int64 = npt.NDArray[np.int64]


def spliced(descriptions: Sequence[Description]) -> list[bool]:
    """Which shards give what their root holds to the root of the whole; the others hang under their file's name.

    A shard whose root is no mapping cannot. Where two shards hold containers of tensors under one key,
    neither does any that has such containers.
    """
    holders = [_top_holders(description.structure) for description in descriptions]
    times = Counter(part for parts in holders for part in set(parts))
    collide = any(count > 1 for count in times.values())
    return [
        description.root == "mapping" and description.structure.kind[0] == Node.MAPPING and not (collide and parts)
        for description, parts in zip(descriptions, holders, strict=True)
    ]


def _top_holders(structure: Structure) -> list[str]:
    """The parts of the root's containers that have tensors in them."""
    if structure.plain_keys:
        return []
    sums = np.concatenate(([0], np.cumsum(structure.kind == Node.TENSOR)))
    top = np.flatnonzero((structure.parent == 0) & (structure.kind != Node.TENSOR))
    return [structure.part[node] for node in top[sums[structure.end[top]] > sums[top]].tolist()]


def notes_once(files: Sequence[str | None], descriptions: Sequence[Description]) -> list[Description]:
    """The same shards with what stands beside their tensors told once; None for a shard that is not spliced.

    Every shard of safetensors says {"format": "pt"}. A note of the same name that says something else
    is kept with its file's name.
    """
    told: dict[str, tuple[Structure, int]] = {}
    result = []
    for file, description in zip(files, descriptions, strict=True):
        structure = description.structure
        drop, rename = [], {}
        for node in [] if file is None else _notes(structure):
            part = structure.part[node]
            first = told.setdefault(part, (structure, node))
            if first[0] is structure:
                continue
            if _same(*first, structure, node):
                drop.append(node)
            else:
                rename[node] = f"{part} ({file})"
        result.append(_edited(description, drop, rename) if drop or rename else description)
    return result


def _notes(structure: Structure) -> list[int]:
    """The children of the root that are no tensors."""
    found: list[int] = np.flatnonzero((structure.parent == 0) & (structure.kind != Node.TENSOR)).tolist()
    return found


def _same(a: Structure, i: int, b: Structure, j: int) -> bool:
    """Whether two subtrees without tensors say the same."""
    length = int(a.end[i]) - i
    if length != int(b.end[j]) - j:
        return False
    of_a, of_b = np.arange(i, i + length), np.arange(j, j + length)
    kinds = a.kind[of_a]
    if not np.array_equal(kinds, b.kind[of_b]) or not np.array_equal(a.end[of_a] - i, b.end[of_b] - j):
        return False
    if np.isin(kinds, (Node.TENSOR, Node.ALIAS)).any() or a.part.take(of_a) != b.part.take(of_b):
        return False
    scalars = kinds == Node.SCALAR
    return a.values.take(a.ref[of_a[scalars]]) == b.values.take(b.ref[of_b[scalars]])


def _edited(description: Description, drop: Sequence[int], rename: Mapping[int, str]) -> Description:
    """The shard without the subtrees `drop`, and with other parts for the nodes of `rename`.

    What refers to a dropped node, an alias or a module's facts, refers to the root.
    """
    structure, part = description.structure, description.structure.part
    if rename:
        texts = part.tolist()
        for node, text in rename.items():
            texts[node] = text
        part = StringColumn.of(texts)
    kept = np.ones(len(structure), np.bool_)
    for node in drop:
        kept[node : structure.end[node]] = False
    before = np.concatenate(([0], np.cumsum(kept)))
    place = np.where(kept, before[:-1], 0)
    ref = np.where(structure.kind == Node.ALIAS, place[structure.ref], structure.ref)
    edited = dataclasses.replace(
        structure,
        part=part.take(np.flatnonzero(kept)),
        kind=structure.kind[kept],
        parent=np.where(structure.parent < 0, -1, place[structure.parent]).astype(np.int32)[kept],
        end=before[structure.end].astype(np.int32)[kept],
        ref=ref[kept],
        type=structure.type[kept],
    )
    return dataclasses.replace(
        description,
        structure=edited,
        module_classes=tuple(
            [dataclasses.replace(found, node=int(place[found.node])) for found in description.module_classes]
        ),
        module_versions=tuple(
            [dataclasses.replace(found, node=int(place[found.node])) for found in description.module_versions]
        ),
    )


def ordered(description: Description, order: Int64) -> Description:
    """The same state_dict with its tensors in another order: row `i` is the former row `order[i]`.

    Its keys must be plain, so that all tensors stand under the root, and `order` a permutation of its listed rows.
    """
    table, structure = description.tensors, description.structure
    if np.array_equal(order, np.arange(table.listed)):
        return description
    rows = np.concatenate((order, np.arange(table.listed, len(table))))
    tensors = dataclasses.replace(
        table,
        name=table.name.take(rows),
        **{name: getattr(table, name)[rows] for name in ("dtype", "form", "storage", "offset", "flags", "extra")},
    )
    # The tensors are leaves of the root: they change places among themselves, all else stays where it is.
    leaves = np.flatnonzero(structure.kind == Node.TENSOR)
    leaf_of = np.zeros(table.listed, np.int64)
    leaf_of[structure.ref[leaves]] = leaves
    parts = np.arange(len(structure))
    parts[leaves] = leaf_of[order]
    ref = structure.ref.copy()
    ref[leaves] = np.arange(len(leaves))
    return dataclasses.replace(
        description, tensors=tensors, structure=dataclasses.replace(structure, part=structure.part.take(parts), ref=ref)
    )


def index_notes(metadata: Mapping[str, object], shards: Sequence[Description]) -> Description:
    """The facts of an index as a mapping "metadata" below the root, beside what the shards have there."""
    taken = {one.structure.part[node] for one in shards for node in _notes(one.structure)}
    taken.update(name for one in shards if b"metadata" in one.tensors.name.data for name in one.tensors.name)
    name = "metadata"
    while name in taken:
        name += " (index)"
    builder = StructureBuilder()
    root = builder.open("", Node.MAPPING, -1, "dict")
    add_metadata(builder, root, name, dict(metadata))
    builder.close(root)
    return Description(format="", tensors=TableBuilder().finish((), ()), structure=builder.finish(plain_keys=True))
