"""Archive check: whether the entries of zip archives are what was written, by their checksums."""

from __future__ import annotations

import itertools
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sdviewer.checkpoint.document import Checkpoint, Problem
from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.control import Control
from sdviewer.errors import CannotRead, SdviewerError
from sdviewer.formats.zip_directory import DEFLATED, ENCRYPTED, STORED, Entry, ZipDirectory, read_directory

_THREADS = 2
_STEP = 1 << 20
_LARGEST_INFLATED = 256 << 20
_MOST_INFLATION = 20
_SIGNATURE = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class ArchiveCheck:
    """What the checksums of all archives of a checkpoint say.

    Attributes:
        checked: entries whose bytes were compared with their checksum.
        unchecked: entries without one (torch can leave it out), or that cannot be read.
        problems: one an entry that holds other bytes, "damaged".

    """

    checked: int
    unchecked: int
    problems: tuple[Problem, ...]


def check_archives(checkpoint: Checkpoint, control: Control | None = None) -> ArchiveCheck:
    """Read every entry of every zip archive that the checkpoint is made of. Progress is in bytes.

    Raises:
        CannotRead: a file has changed, or is gone.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    found = [
        _entries(checkpoint.sources.get(index), control)
        for index, spec in enumerate(checkpoint.sources.specs)
        if spec.kind == "file"
    ]
    tasks = [(source, directory, place) for source, directory, places in found for place in places]
    total = sum(int(directory.stored[places].sum()) for _, directory, places in found)
    unchecked = sum(len(directory) - len(places) for _, directory, places in found)
    waiting, lock = iter(tasks), threading.Lock()
    done = itertools.accumulate(itertools.repeat(_STEP))
    failed = threading.Event()
    problems: list[tuple[int, Problem]] = []

    def work(*, tells: bool) -> None:
        try:
            while not failed.is_set():
                with lock:
                    task = next(waiting, None)
                if task is None:
                    return
                source, directory, place = task
                entry = directory.entry(place)
                crc = 0
                for piece in _pieces(source, entry):
                    crc = zlib.crc32(piece, crc)
                    with lock:
                        so_far = next(done)
                    control.check()
                    if tells:
                        control.report(min(so_far, total - 1), total, entry.name)
                if crc != int(directory.crc[place]):
                    with lock:
                        problems.append((entry.offset, _damaged(source, entry)))
        except BaseException:
            failed.set()
            raise

    if tasks:
        with ThreadPoolExecutor(_THREADS - 1, "checksums") as pool:
            other = pool.submit(work, tells=False)
            work(tells=True)
            other.result()
    for source, _, _ in found:
        source.check_unchanged()
    control.report(total, total)
    return ArchiveCheck(len(tasks), unchecked, tuple(problem for _, problem in sorted(problems, key=lambda p: p[0])))


def _entries(source: ByteSource, control: Control) -> tuple[ByteSource, ZipDirectory, list[int]]:
    """The directory of a file and the entries that can be checked, in file order; none if it is no archive."""
    nothing = np.empty(0, np.int64)
    none = ZipDirectory(
        [], nothing.astype(np.uint16), nothing.astype(np.uint16), nothing, nothing, nothing, nothing.astype(np.uint32)
    )
    if source.size < len(_SIGNATURE) or read_bytes(source, 0, len(_SIGNATURE)) != _SIGNATURE:
        return source, none, []
    try:
        directory = read_directory(source, control)
    except CannotRead:
        raise
    except SdviewerError:
        return source, none, []
    known = np.isin(directory.method, (STORED, DEFLATED)) & ((directory.flags & ENCRYPTED) == 0)
    inside = (directory.offset >= 0) & (directory.offset + directory.stored <= source.size)
    # What claims to inflate beyond reason, or to lie over others, would take forever.
    modest = directory.size <= _LARGEST_INFLATED + _MOST_INFLATION * directory.stored.astype(np.float64)
    places = np.flatnonzero(known & inside & modest & (directory.crc != 0) & (directory.stored > 0))
    if directory.stored[places].sum(dtype=np.float64) > source.size:
        return source, directory, []
    return source, directory, places[np.argsort(directory.offset[places])].tolist()


def _pieces(source: ByteSource, entry: Entry) -> Iterator[bytes | memoryview]:
    """The bytes of an entry, inflated, as many as it claims and one step more at most."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == DEFLATED else None
    buffer = np.empty(min(_STEP, entry.stored), np.uint8)
    left = entry.size
    for start in range(0, entry.stored, _STEP):
        part = buffer[: min(_STEP, entry.stored - start)]
        source.read_into(entry.offset + start, part)
        if unpacker is None:
            yield part.data
            continue
        rest = bytes(part)
        while rest and left >= 0:
            try:
                piece = unpacker.decompress(rest, _STEP)
            except zlib.error:
                yield b"damaged"
                return
            left -= len(piece)
            yield piece
            rest = unpacker.unconsumed_tail


def _damaged(source: ByteSource, entry: Entry) -> Problem:
    return Problem(
        "damaged",
        "error",
        f"the bytes of {entry.name!r} do not match their checksum: they were changed after they were written",
        source.label,
    )
