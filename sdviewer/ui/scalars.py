"""Scalars: the values of a checkpoint's metadata in the words of Python, from the JSON that columns hold."""

from __future__ import annotations

import json
from typing import Any

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import plural, shown

# A longer text is shown as it is: to take it apart would take longer than a paint may.
_LONGEST_PARSED = 20_000


def scalar_line(checkpoint: Checkpoint, node: int, limit: int) -> str:
    """The value of a scalar node of the tree on one line, cut after `limit` characters."""
    raw = raw_scalar(checkpoint, node)
    if len(raw) > _LONGEST_PARSED:
        return shown(raw, limit)
    try:
        return shown(words(json.loads(raw)), limit)
    except (ValueError, RecursionError):
        return shown(raw, limit)


def raw_scalar(checkpoint: Checkpoint, node: int) -> str:
    """The JSON of a scalar node of the tree."""
    structure = checkpoint.description.structure
    return structure.values[int(structure.ref[checkpoint.tree.node[node]])]


def words(value: Any) -> str:
    """A value as Python would write it; what JSON has no type for stands in an object with one key."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(map(words, value))}]"
        case {"$bytes": int(count)} if len(value) == 1:
            return plural(count, "byte")
        case {"$global": str(name)} if len(value) == 1:
            return name
        case {"$complex": [real, imaginary]} if len(value) == 1:
            return f"{real} + {imaginary} i"
        case dict():
            return f"{{{', '.join(f'{words(key)}: {words(item)}' for key, item in value.items())}}}"
        case _:
            return str(value)
