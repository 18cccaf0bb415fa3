"""Weighing: about how many bytes of description a file holds, by a look at a few of its bytes.

It decides where a file is opened and how much memory that may take, so it is quick (no entry
is inflated, nothing is parsed whole) and rather too high than too low.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from sdviewer.checkpoint.source import ByteSource, SourceSpec, read_bytes
from sdviewer.errors import CannotOpen, CannotRead
from sdviewer.formats.companion_names import LARGEST_NOTE, is_note
from sdviewer.formats.files import LocalFile, Range, describe_file
from sdviewer.formats.shard_names import CHECKPOINT_SUFFIXES, is_distributed, is_index
from sdviewer.formats.zip_end import directory_bytes

# Above this size the directory alone says that the description is large: a torch pickle is two to
# four times as long as the directory of its archive.
_TELLING_DIRECTORY = 256 << 10
_PICKLE_TO_DIRECTORY = 4
# Archives inside an archive that are looked into: a hostile one may hold thousands, all the same bytes.
_NESTED_LOOKED_INTO = 16
# An honest pickle deflates to a tenth or so; one that claims more is not given memory for its claim.
_HONEST_INFLATION = 10
_DESCRIBING = (".pkl", ".json", ".debug_pkl")
_NESTED = (".pt", ".pth", ".pkl", ".bin", ".ckpt", ".zip", ".npz", ".safetensors")
_NPY = b"\x93NUMPY"
# In the header of an array of objects, behind which comes a pickle.
_NPY_OBJECTS = re.compile(rb"'\|?O\d?'")
_WINDOW = 2048
# Short strings as protocols 2–3 and 4–5 write them, memo entries of protocols 0–1 and 2–3, small tuples:
# payload has next to none in one window, a pickle that describes tensors has many.
_PICKLED_TEXT = re.compile(
    rb"X[\x01-\xff]\x00\x00\x00[ -~]{2}|\x8c[\x01-\x7f][ -~]{2}|[pg]\d+\n|r..[\x00-\x7f]\x00|[\x85-\x87]q[^q]",
    re.DOTALL,
)
_PICKLED_TEXTS_PER_WINDOW = 6
# Pickles without either (a million empty lists of protocol 4) are told by opcodes that never differ.
_DULL_WINDOW = 8


def description_bytes(path: str) -> int:
    """About how many bytes of pickle, header and directory `path` holds: a file, an index or a folder.

    Raises:
        FileMissing, NotPermitted, Damaged: named after the path.

    """
    place = Path(path)
    # Not Path.is_dir(), which raises for a name that is too long or a folder that may not be entered.
    if os.path.isdir(path):  # noqa: PTH112  # see above
        return _folder_bytes(place)
    if is_index(path) or is_distributed(path):
        return _folder_bytes(place.parent)
    return _file_bytes(path)


def _folder_bytes(folder: Path) -> int:
    total = 0
    try:
        for member in folder.iterdir():
            is_told = is_index(member.name) or (is_distributed(member.name) and member.name.endswith("metadata"))
            if is_told and member.is_file():
                total += member.stat().st_size
            elif is_note(member.name) and member.is_file():
                # A larger one is not read: it gives nothing that may take memory for its claim.
                size = member.stat().st_size
                total += size if size <= LARGEST_NOTE else 0
            elif member.name.lower().endswith(CHECKPOINT_SUFFIXES) and member.is_file():
                total += _file_bytes(str(member))
    except (OSError, CannotOpen):
        # What is wrong with a folder is found, and told, by the reader.
        return total
    return total


def _file_bytes(path: str) -> int:
    spec = describe_file(path)
    if spec.size == 0:
        return 0
    try:
        file = LocalFile(spec)
        try:
            return source_bytes(file)
        finally:
            file.close()
    except CannotRead:
        return 0


def source_bytes(source: ByteSource, *, is_nested: bool = False) -> int:
    """About how many bytes of description one file, or one archive inside another, holds."""
    head = read_bytes(source, 0, min(source.size, 512))
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_bytes(source, is_nested=is_nested)
    if head.startswith(_NPY) and _NPY_OBJECTS.search(head) is None:
        return min(source.size, _WINDOW)
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{":
        return min(8 + header, source.size)
    return _pickle_bytes(source)


def _zip_bytes(source: ByteSource, *, is_nested: bool) -> int:
    directory = directory_bytes(source)
    if directory is None:
        # Its end is cut off: the reader will search the whole file for entries.
        return source.size
    if directory > _TELLING_DIRECTORY:
        return min(_PICKLE_TO_DIRECTORY * directory, source.size)
    # Here as the rest does without numpy, and the reader process of a large file starts before that is imported.
    from sdviewer.formats.zip_directory import ENCRYPTED, STORED, read_directory

    total = directory
    nested = 0
    for entry in read_directory(source):
        if entry.name.endswith(_DESCRIBING):
            total += min(entry.size, _HONEST_INFLATION * min(entry.stored, source.size))
        elif (
            entry.name.endswith(_NESTED)
            and entry.method == STORED
            and not entry.flags & ENCRYPTED
            and 0 <= entry.offset <= source.size - entry.stored
            and not is_nested
            and nested < _NESTED_LOOKED_INTO
        ):
            nested += 1
            spec = SourceSpec("range", entry.name, entry.stored, offset=entry.offset)
            total += source_bytes(Range(source, spec), is_nested=True)
    return total


def _pickle_bytes(source: ByteSource) -> int:
    """How far a pickle reaches: windows at powers of two are looked at, payload does not look like one."""
    reach = min(source.size, _WINDOW)
    for start in _powers_of_two(source.size):
        window = read_bytes(source, min(start, source.size - _WINDOW), _WINDOW)
        dull = len(set(window)) <= _DULL_WINDOW and any(window)
        if dull or len(_PICKLED_TEXT.findall(window)) >= _PICKLED_TEXTS_PER_WINDOW:
            reach = 2 * start
    return min(reach, source.size)


def _powers_of_two(limit: int) -> Iterable[int]:
    start = _WINDOW
    while start < limit:
        yield start
        start *= 2
