"""Pruning: a description without what is shown elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.structure import Node
from sdviewer.formats.merging import Part


def pruned(description: Description, name: str | None, nodes: Iterable[int]) -> Part:
    """The part called `name`, None to splice it, without these structure nodes and what is in them.

    What stands for one of them goes with it. Problems and globals stay: they are of the whole file.
    """
    structure = description.structure
    kept = np.ones(len(structure), np.bool_)
    for node in nodes:
        if node > 0:
            kept[node : int(structure.end[node])] = False
    aliases = np.flatnonzero(structure.kind == Node.ALIAS)
    kept[aliases] &= kept[structure.ref[aliases]]
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept)))
    chosen = np.flatnonzero(kept)
    ref, kind = structure.ref[chosen].copy(), structure.kind[chosen]
    leads = kind == Node.ALIAS
    ref[leads] = before[ref[leads]]
    parent = structure.parent[chosen]
    smaller = dataclasses.replace(
        structure,
        part=structure.part.take(chosen),
        kind=kind,
        parent=np.where(parent < 0, -1, before[parent]).astype(np.int32),
        end=before[structure.end[chosen]].astype(np.int32),
        ref=ref,
        type=structure.type[chosen],
    )
    rows = np.zeros(description.tensors.listed, np.bool_)
    rows[smaller.ref[smaller.kind == Node.TENSOR]] = True
    left = dataclasses.replace(
        description,
        structure=smaller,
        module_classes=tuple(
            dataclasses.replace(fact, node=int(before[fact.node]))
            for fact in description.module_classes
            if kept[fact.node]
        ),
        module_versions=tuple(
            dataclasses.replace(fact, node=int(before[fact.node]))
            for fact in description.module_versions
            if kept[fact.node]
        ),
    )
    return Part(left, name, rows)


def holds_tensors(part: Part) -> bool:
    """Whether any tensor of a part is left."""
    return part.keep is None or bool(part.keep.any())
