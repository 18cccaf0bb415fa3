"""Shard names: what the files of a checkpoint in pieces are called, and the index beside them.

`model-00002-of-00004.safetensors` is shard 2 of the family (model, 4, .safetensors), which
`model.safetensors.index.json` describes. Variants stand in either name and at several places:
`model.fp16-00001-of-00002.safetensors`, `model-00001-of-00002.fp16.safetensors`,
`model.safetensors.index.fp16.json`, `model.fp16.safetensors.index.json`.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

# What files of weights are called; beside them lie configurations, vocabularies and texts without end.
CHECKPOINT_SUFFIXES = (
    *(".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".ptl", ".pt2", ".th", ".torch", ".pkl", ".pickle", ".tar"),
    *(".npz", ".npy", ".zip"),
)
# Formats of others: the reader says how to convert them.
FOREIGN_SUFFIXES = (".gguf", ".h5", ".hdf5", ".keras", ".onnx", ".msgpack", ".tflite", ".pb")

_SHARD = re.compile(r"(.*?)[-_.](\d{1,6})[-_]of[-_](\d{1,6})((?:\.[^.]+)+)", re.DOTALL)
_INDEX = re.compile(r"(.+)\.index(\.[^./\\]+)?\.json", re.DOTALL)
# A distributed checkpoint of torch: its metadata, that of a rank that did not wait for others, a file of a rank.
_DISTRIBUTED = re.compile(r"(?:^|[/\\])(?:\.metadata|__\d{1,9}\.metadata|[^/\\]+\.distcp)\Z")
# In characters; no file system in use takes more than 255 of them or of bytes.
_LONGEST_NAME = 255
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Family:
    """Shards that belong together: what comes before the numbers, how many there are, what follows."""

    stem: str
    total: int
    rest: str

    @property
    def weights(self) -> str:
        """What the checkpoint would be called in one file."""
        return self.stem + self.rest


@dataclass(frozen=True, slots=True)
class ShardName:
    """A file name taken apart: its family, and its number in it."""

    family: Family
    number: int


def parse_shard(name: str) -> ShardName | None:
    """The shard that a file name stands for, None if it is no name of one."""
    match = _SHARD.fullmatch(name)
    if match is None:
        return None
    stem, number, total, rest = match.groups()
    if not 0 <= int(number) <= int(total) or int(total) == 0:
        return None
    return ShardName(Family(stem, int(total), rest), int(number))


def sibling(name: str, number: int) -> str:
    """What shard `number` of the same family is called, by the name of another one."""
    match = _SHARD.fullmatch(name)
    if match is None:
        return name
    start, end = match.span(2)
    return f"{name[:start]}{number:0{end - start}d}{name[end:]}"


def pattern(name: str) -> str | None:
    """A pattern for `glob` that finds the files of a shard's family, None if it is no name of a shard."""
    match = _SHARD.fullmatch(name)
    if match is None:
        return None
    start, end = match.span(2)
    return f"{glob.escape(name[:start])}*{glob.escape(name[end:])}"


def is_index(name: str) -> bool:
    """Whether a file is called like an index of shards; `name` may be a path."""
    return name.endswith(".json") and _INDEX.fullmatch(name) is not None


def is_distributed(name: str) -> bool:
    """Whether a file is called like one of a distributed checkpoint, or its metadata; `name` may be a path."""
    return _DISTRIBUTED.search(name) is not None


def index_describes(index: str, family: Family) -> bool:
    """Whether an index is called like this family, wherever either of them has its variant."""
    match = _INDEX.fullmatch(index)
    return match is not None and sorted(f"{match[1]}{match[2] or ''}".split(".")) == sorted(family.weights.split("."))


def index_weights(index: str) -> str:
    """What the checkpoint of an index would be called in one file."""
    match = _INDEX.fullmatch(index)
    return index if match is None else match[1]


def families(names: Iterable[str]) -> dict[Family, dict[int, str]]:
    """The shards among these files, by family and number."""
    found: dict[Family, dict[int, str]] = {}
    for name in sorted(names):
        shard = parse_shard(name)
        if shard is not None:
            found.setdefault(shard.family, {}).setdefault(shard.number, name)
    return found


def is_plain_name(name: str) -> bool:
    """Whether a name can only mean a file in the very folder, on any system."""
    return (
        name not in ("", ".", "..")
        and len(name) <= _LONGEST_NAME
        and "\0" not in name
        and PurePosixPath(name).name == name
        and PureWindowsPath(name).name == name
    )


def natural_key(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people count: 2 before 10."""
    # A run of digits is compared by its length first, so that no hostile name makes a number of it.
    pieces = enumerate(_DIGITS.split(name))
    return [(len(text.lstrip("0")), text.lstrip("0")) if odd % 2 else (0, text) for odd, text in pieces]
