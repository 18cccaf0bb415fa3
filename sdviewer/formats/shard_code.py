"""Shard code: the lines of Python with which torch and safetensors load all shards into one dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdviewer.checkpoint.document import Description, GlobalUse
from sdviewer.formats import globals as known_globals
from sdviewer.formats.shard_names import pattern

# More files than this are told by a pattern, if they have one.
_MOST_FILES_TOLD = 4


def torch_lines(
    shards: Mapping[str, Description], found: Sequence[GlobalUse], *, are_all: bool, has_duplicates: bool
) -> tuple[str, ...]:
    """The lines for these shards, by file name, run in their folder; `found` are the globals of all of them.

    `are_all` says that the folder holds no shard that cannot be read.
    """
    safetensors = [file for file, description in shards.items() if description.format == "safetensors"]
    pickled = [file for file in shards if file not in safetensors]
    lines: list[str] = []
    loops: list[str] = []
    for files in (safetensors, pickled):
        if not files:
            continue
        if files is safetensors:
            lines.append("from safetensors.torch import load_file")
            load = "load_file(file)"
        else:
            strict = not any("weights_only=False" in line for file in files for line in shards[file].torch_lines)
            *before, last = known_globals.torch_lines("file", found, weights_only_reads=strict)
            if not before:
                return (last,)
            lines += before
            load = last.partition(" = ")[2].replace("'file'", "file", 1)
        among = _pattern(files, shards, are_all=are_all)
        if among is None:
            listed = repr(files)
        else:
            lines.insert(0, "import glob")
            listed = f"sorted(glob.glob({among!r}))"
        loops += [f"for file in {listed}:", f"    checkpoint.update({load})"]
    comment = ["# of a name that stands in two shards this takes the last one"] if has_duplicates else []
    return (*dict.fromkeys(lines), "checkpoint = {}", *comment, *loops)


def _pattern(files: Sequence[str], shards: Mapping[str, Description], *, are_all: bool) -> str | None:
    """A pattern for glob that finds just these files, None if they are told one by one."""
    if len(files) <= _MOST_FILES_TOLD or len(files) < len(shards) or not are_all:
        return None
    patterns = {pattern(file) for file in files}
    return patterns.pop() if len(patterns) == 1 else None
