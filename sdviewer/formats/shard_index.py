"""Shard index: the JSON file that says in which shard each tensor lies, checked before it is believed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Problem
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.errors import Damaged, LimitExceeded
from sdviewer.formats.shard_names import is_plain_name, natural_key

# A hundred bytes a tensor: two million tensors, ten times the largest index known.
_LARGEST = 256 << 20
# An index has three objects; a file of nothing but brackets would become a hundred times its size in memory.
BYTES_A_BRACKET = 16
# Fifty times as many shards as the largest models have.
_MOST_FILES = 10_000
_LONGEST_NAME_TOLD = 200
_DEEPEST_METADATA = 32
_MOST_METADATA = 10_000


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """What an index says.

    Attributes:
        names: the tensors that it lists, each once, in its order.
        file: for each of them the position in `files`.
        files: the shards that it names, in natural order.
        refused: those of them that are no plain file names and are not opened.
        metadata: its other facts, JSON-ready.
        problems: what is irregular about it.

    """

    names: list[str]
    file: npt.NDArray[np.int64]
    files: tuple[str, ...]
    refused: frozenset[str]
    metadata: dict[str, Any]
    problems: tuple[Problem, ...]


def read_index(source: ByteSource) -> ShardIndex:
    """The index in a source.

    Raises:
        Damaged: it is no JSON, has no usable `weight_map`, or names more files than any checkpoint has.
        LimitExceeded: it is larger than an honest one.

    """
    listed, others = _objects(source)
    problems = []
    if listed.twice:
        message = f"the index lists {listed.twice:,} names twice; the last entry counts"
        problems.append(Problem("irregular", "warning", message, source.label))
    distinct = set(listed.values())
    if len(distinct) > _MOST_FILES:
        raise Damaged(f"is no index of shards: it names {len(distinct):,} files", file=source.label)
    files = tuple(sorted(distinct, key=natural_key))
    refused = frozenset(name for name in files if not is_plain_name(name))
    if refused:
        some = ", ".join([repr(name[:_LONGEST_NAME_TOLD]) for name in sorted(refused)[:3]])
        problems.append(
            Problem(
                "irregular",
                "error",
                f"the index names files that cannot lie in its folder, and are not opened ({len(refused):,}): {some}",
                source.label,
            )
        )
    position = {name: number for number, name in enumerate(files)}
    return ShardIndex(
        names=list(listed),
        file=np.fromiter(map(position.__getitem__, listed.values()), np.int64, len(listed)),
        files=files,
        refused=refused,
        metadata=others,
        problems=tuple(problems),
    )


def _objects(source: ByteSource) -> tuple[_Object, dict[str, Any]]:
    """The entries of `weight_map`, and what else the index tells."""

    def damaged(what: str) -> Damaged:
        return Damaged(f"is no index of shards: {what}", file=source.label, hint="download it again, or open one shard")

    if source.size > _LARGEST:
        raise LimitExceeded(f"is no index of shards: it has {source.size:,} bytes", file=source.label)
    text = read_bytes(source, 0, source.size)
    if (text.count(b"[") + text.count(b"{")) * BYTES_A_BRACKET > len(text) + 4096:
        raise damaged("it is made of brackets")
    try:
        top = json.loads(text, object_pairs_hook=_Object, parse_constant=str)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise damaged(f"its JSON cannot be read ({reason})") from error
    if not isinstance(top, _Object):
        raise damaged("it is not a JSON object")
    facts = dict(top)
    weight_map = facts.pop("weight_map", None)
    if not isinstance(weight_map, _Object):
        raise damaged('its "weight_map" is ' + ("missing" if weight_map is None else "not an object"))
    if not set(map(type, weight_map.values())) <= {str}:
        raise damaged('its "weight_map" has values that are not file names')
    metadata = facts.pop("metadata", None)
    others = dict(metadata) if isinstance(metadata, _Object) else {} if metadata is None else {"metadata": metadata}
    return weight_map, {**others, **{key: value for key, value in facts.items() if key not in others}}


class _Object(dict[str, Any]):
    """A JSON object, of a name that stands twice the last entry; `twice` counts the others."""

    def __init__(self, entries: list[tuple[str, Any]]) -> None:
        super().__init__(entries)
        self.twice = len(entries) - len(self)


def add_metadata(
    builder: StructureBuilder,
    parent: int,
    part: str,
    value: Any,
    *,
    children: int = _MOST_METADATA,
    nodes: int = _MOST_METADATA,
) -> None:
    """A JSON value of an index as nodes below `parent`; what is deep or long is cut and says so.

    Of a container at most `children` are shown, and no more are begun when there are `nodes` in all.
    """
    _add(builder, parent, part, value, (children, nodes), 0)


def _add(builder: StructureBuilder, parent: int, part: str, value: Any, most: tuple[int, int], depth: int) -> None:
    if not isinstance(value, dict | list):
        builder.scalar(part, parent, json.dumps(value))
        return
    is_object = isinstance(value, dict)
    if isinstance(value, dict):
        entries = [(encode_part(key), item) for key, item in value.items()]
    else:
        entries = [(f"[{number}]", item) for number, item in enumerate(value)]
    node = builder.open(part, Node.MAPPING if is_object else Node.SEQUENCE, parent, "dict" if is_object else "list")
    for given, (key, item) in enumerate(entries):
        if given >= most[0] or depth >= _DEEPEST_METADATA or len(builder.kinds) >= most[1]:
            builder.scalar("$more", node, json.dumps(len(entries) - given))
            break
        _add(builder, node, key, item, most, depth + 1)
    builder.close(node)
