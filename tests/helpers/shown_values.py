"""What a checkpoint's structure shows, as Python values that a test can compare with what it saved."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.structure import Node
from sdviewer.checkpoint.tensors import TensorRef


class Alias:
    """Stands for a value shown elsewhere: the path of structure nodes to it is the number."""

    def __init__(self, node: int) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alias) and other.node == self.node

    __hash__ = None  # type: ignore[assignment]


def shown(checkpoint: Checkpoint, node: int = 0) -> Any:
    """Dicts, lists, numbers, texts; arrays as numpy; objects as (class, dict of what they hold)."""
    structure = checkpoint.description.structure
    part = structure.part
    match Node(int(structure.kind[node])):
        case Node.MAPPING:
            decode = str if structure.plain_keys and node == 0 else decode_part
            return {decode(part[child]): shown(checkpoint, child) for child in structure.children(node)}
        case Node.SEQUENCE:
            return [shown(checkpoint, child) for child in structure.children(node)]
        case Node.OBJECT:
            return (
                structure.type_name(node),
                {part[child]: shown(checkpoint, child) for child in structure.children(node)},
            )
        case Node.TENSOR:
            return TensorRef(checkpoint, int(structure.ref[node])).numpy()
        case Node.SCALAR:
            return plain(json.loads(structure.values[int(structure.ref[node])]))
        case Node.ALIAS:
            return Alias(int(structure.ref[node]))


def plain(value: Any) -> Any:
    """The value that a JSON leaf stands for."""
    if isinstance(value, dict):
        if "$complex" in value:
            real, imaginary = (float(part) for part in value["$complex"])
            return complex(real, imaginary)
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    return (
        {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": -float("inf")}.get(value, value)
        if isinstance(value, str)
        else value
    )


def alike(found: Any, saved: Any) -> bool:
    """Whether what is shown is what was saved: tuples, sets and deques are lists, bytes are counts."""
    if isinstance(saved, np.ndarray):
        return (
            isinstance(found, np.ndarray)
            and found.shape == saved.shape
            and found.dtype == saved.dtype.newbyteorder("=")
            and np.array_equal(found, saved)
        )
    if isinstance(saved, bytes | bytearray):
        return bool(found == {"$bytes": len(saved)})
    if isinstance(saved, dict):
        return (
            isinstance(found, dict)
            and list(map(repr, found)) == list(map(repr, saved))
            and all(alike(mine, other) for mine, other in zip(found.values(), saved.values(), strict=True))
        )
    if isinstance(saved, set | frozenset):
        members = [list(item) if isinstance(item, tuple) else item for item in saved]
        return isinstance(found, list) and sorted(map(repr, found)) == sorted(map(repr, members))
    if isinstance(saved, str | int | float | complex | None):
        return type(found) is type(saved) and (found == saved or (found != found and saved != saved))  # noqa: PLR0124  # NaN
    items = list(saved)
    return (
        isinstance(found, list)
        and len(found) == len(items)
        and all(alike(mine, other) for mine, other in zip(found, items, strict=True))
    )
