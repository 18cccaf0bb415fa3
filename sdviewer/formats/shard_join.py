"""Shard join: the descriptions of all shards as one, tensors as the index lists them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdviewer.checkpoint.document import Description, Problem, Shard
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.shard_check import settle
from sdviewer.formats.shard_code import torch_lines
from sdviewer.formats.shard_index import ShardIndex
from sdviewer.formats.shard_layout import index_notes, notes_once, ordered, spliced


@dataclass(frozen=True, eq=False)
class ReadShard:
    """One shard and what became of it: a description, or the reason why there is none."""

    shard: Shard
    description: Description | None = None
    reason: str = ""


def joined(
    read: Sequence[ReadShard],
    index: ShardIndex | None,
    problems: Sequence[Problem],
    extra: Sequence[Shard] = (),
) -> Description:
    """One description of the shards that could be read, at least one of `read`.

    `problems` are those that are known before; `extra` are files that are not among `read`. Shards that
    are state_dicts give one with plain keys.
    """
    files = [one.shard.file for one in read]
    there = [number for number, one in enumerate(read) if one.description is not None]
    descriptions = [_state_dict(one.description) for one in read if one.description is not None]
    splice = spliced(descriptions)
    names = [name for description in descriptions for name in _listed(description)]
    counts = [description.tensors.listed for description in descriptions]
    holder = np.repeat(np.array(there, np.int64), counts)
    absent = np.array([one.description is None for one in read], np.bool_)
    settled = settle(names, holder, files, index, absent)
    counted = np.zeros(len(names), np.bool_)
    counted[settled.order] = True
    # One that hangs under its file's name hides nothing.
    counted |= np.repeat(np.array([not joins for joins in splice], np.bool_), counts)
    keep = np.split(counted, np.cumsum(counts)[:-1])

    once = notes_once(
        [files[number] if joins else None for number, joins in zip(there, splice, strict=True)], descriptions
    )
    parts = [
        Part(description, None if joins else files[number], rows)
        for description, number, joins, rows in zip(once, there, splice, keep, strict=True)
    ]
    if index is not None and index.metadata:
        parts.append(Part(index_notes(index.metadata, once)))
    whole = merge(parts, root_type=next(filter(None, (one.structure.type_name(0) for one in once)), "dict"))
    if whole.structure.plain_keys:
        # `order` counts all rows that were found, the merged table has the counted ones.
        whole = ordered(whole, (np.cumsum(counted) - 1)[settled.order])
    hidden = sum(
        int(nbytes)
        for description, rows in zip(descriptions, keep, strict=True)
        for nbytes in description.tensors.nbytes[: description.tensors.listed][~rows]
    )
    shown = np.bincount(holder[counted], minlength=len(read)).tolist()
    shards = [dataclasses.replace(one.shard, tensors=count) for one, count in zip(read, shown, strict=True)]
    complete = all(shard.status == "ok" for shard in shards) and not settled.problems
    return dataclasses.replace(
        whole,
        format=_format(descriptions),
        problems=(
            *problems,
            *settled.problems,
            *(_total_size(whole, index) if complete and index is not None else ()),
            *whole.problems,
        ),
        duplicates=(*settled.duplicates, *whole.duplicates),
        shards=(*shards, *extra),
        torch_lines=torch_lines(
            dict(zip((files[number] for number in there), descriptions, strict=True)),
            whole.globals,
            are_all=len(there) == sum(shard.status != "missing" for shard in shards) and not extra,
            has_duplicates=bool(settled.duplicates),
        ),
        unshown_bytes=whole.unshown_bytes + hidden,
    )


def _state_dict(description: Description) -> Description:
    """The same shard, with plain keys if it is a mapping without tensors, so that it joins those that have them."""
    structure = description.structure
    if description.root == "mapping" and not description.tensors.listed and not structure.plain_keys:
        return dataclasses.replace(description, structure=dataclasses.replace(structure, plain_keys=True))
    return description


def _listed(description: Description) -> list[str]:
    names = description.tensors.name
    if len(names) > description.tensors.listed:
        names = names.take(np.arange(description.tensors.listed))
    return names.tolist()


def _format(descriptions: Sequence[Description]) -> str:
    """Named after most of the shards."""
    safetensors = sum(one.format == "safetensors" for one in descriptions)
    return "sharded safetensors" if 2 * safetensors >= len(descriptions) else "sharded torch"


def _total_size(whole: Description, index: ShardIndex) -> list[Problem]:
    """Whether the index tells another size than the tensors have."""
    claimed = index.metadata.get("total_size")
    if type(claimed) not in (int, float):
        return []
    table = whole.tensors
    sizes, storages = table.nbytes[: table.listed], table.storage[: table.listed]
    stored = storages >= 0
    # Some writers count a tensor that is tied to another one, some do not.
    _, first = np.unique(storages[stored], return_index=True)
    total, once = int(sizes.sum()), int(sizes[~stored].sum()) + int(sizes[stored][first].sum())
    if claimed in (total, once):
        return []
    message = f"the index says {claimed:,} bytes in all, the tensors have {total:,}"
    return [Problem("irregular", "info", message, "total_size")]
