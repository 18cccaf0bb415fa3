"""Remembering: the statistics of a file kept between starts, and given back to the last bit.

An entry belongs to one file, known by what the system says of it and by what was found in it, not by its
path. It is plain arrays with a digest of all: whatever is odd about it, the figures are computed again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import platformdirs

import sdviewer
from sdviewer.analysis.statistics_table import BOUNDED, COLUMNS, FiguresBlock, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.json_text import to_json
from sdviewer.checkpoint.source import SourceSpec, bytes_view
from sdviewer.checkpoint.table import Flag
from sdviewer.errors import CannotWrite
from sdviewer.whole_file import write_whole

Int64 = npt.NDArray[np.int64]
_Identity = tuple[int, ...]

# Of the layout of an entry.
_VERSION = 1
_MOST_BYTES = 256 << 20
_DIGEST_BYTES = 32
_SUFFIX = ".statistics"
# Minimum, maximum and largest magnitude of 64-bit integers, signed or not.
_INTEGER_BYTES = 16
_INTEGERS = 3


@dataclass(frozen=True, eq=False, slots=True)
class Remembered:
    """The files of a checkpoint as they were when this was made, and the rows that lie in each.

    Make it before reading: what a scan finds in a file that is changed meanwhile is not kept.

    Attributes:
        entries: for each file that is what the checkpoint described, and for all of them together where tensors
            are assembled from several: the paths, what the system said of them, the rows of the tensor table that
            they hold, and the name of the entry.

    """

    checkpoint: Checkpoint
    entries: tuple[tuple[tuple[str, ...], tuple[_Identity, ...], Int64, str], ...]

    def recall(self, table: StatisticsTable) -> Int64:
        """Fill the rows that are remembered; returns them."""
        found = [np.empty(0, np.int64)]
        for _, _, rows, name in self.entries:
            block = _read(_folder() / name, rows)
            if block is not None:
                table.fill_block(block)
                found.append(block.rows)
        return np.concatenate(found)

    def keep(self, table: StatisticsTable) -> None:
        """Remember the rows that are filled, of files that are still the same; a disk that is full is no error."""
        for paths, identities, rows, name in self.entries:
            block = table.block(rows)
            if len(block.rows) and _entry_bytes(block) <= _MOST_BYTES and _identities(paths) == identities:
                _write(_folder() / name, paths[0], rows, block)

    def keep_further(self, kind: str, told: Callable[[Int64], bytes]) -> None:
        """Remember more of the same files: what `told` makes of the rows of each."""
        for paths, identities, rows, name in self.entries:
            body = told(rows)
            if len(body) <= _MOST_BYTES and _identities(paths) == identities:
                digest = hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
                _put(_folder() / f"{name}.{kind}", paths[0], [_MAGIC, digest, body])

    def further(self, kind: str) -> Iterator[tuple[Int64, bytes]]:
        """The rows of each file of which more is remembered, and what `keep_further` was given."""
        lead = len(_MAGIC) + _DIGEST_BYTES
        for _, _, rows, name in self.entries:
            path = _folder() / f"{name}.{kind}"
            try:
                if path.stat().st_size > _MOST_BYTES + lead:
                    continue
                found = path.read_bytes()
                os.utime(path)
            except OSError:
                continue
            digest = hashlib.blake2b(found[lead:], digest_size=_DIGEST_BYTES).digest()
            if found[:lead] == _MAGIC + digest:
                yield rows, found[lead:]


def remembered(checkpoint: Checkpoint) -> Remembered:
    """What is remembered of a checkpoint, and where to keep what is found out about it now."""
    table, specs = checkpoint.table, checkpoint.sources.specs
    roots = np.array([*(_root(specs, index) for index in range(len(specs))), -1], np.int64)
    storage = table.storage.astype(np.int64)
    source = np.where(storage >= 0, table.storages.source[storage] if len(table.storages) else -1, -1)
    # Sources that lie in no file are texts of the pickle; of one file it is clear which.
    files = [index for index, spec in enumerate(specs) if spec.kind == "file"]
    root = np.where(source >= 0, roots[source], -1)
    if len(files) == 1:
        root[(source >= 0) & (root < 0)] = files[0]
    # An assembled tensor has chunks in some of the files: they are remembered as long as all are the same.
    is_assembled = np.array([*(spec.kind == "assembled" for spec in specs), False])
    root[is_assembled[source]] = len(specs)
    root[(table.flags & np.uint16(Flag.NOT_DENSE)) != 0] = -1
    entries = []
    for holders, place in [*(([index], index) for index in files), (files, len(specs))]:
        rows = np.flatnonzero(root == place)
        if not len(rows):
            continue
        paths = tuple(specs[index].path for index in holders)
        identities = _identities(paths)
        if identities and all(map(_is_same, identities, (specs[index] for index in holders))):
            entries.append((paths, identities, rows, _name(checkpoint, rows, identities)))
    return Remembered(checkpoint, tuple(entries))


def _folder() -> Path:
    return Path(platformdirs.user_cache_dir("sdviewer", appauthor=False)) / "statistics"


def _identities(paths: Sequence[str]) -> tuple[_Identity, ...]:
    """What tells each of these files apart, nothing where one cannot be looked at."""
    found = [_identity(path) for path in paths]
    return tuple(identity for identity in found if identity is not None) if None not in found else ()


def _identity(path: str) -> _Identity | None:
    """What tells a file and its content apart from all others: size, times of content and of facts, device, inode."""
    try:
        facts = os.stat(path)  # noqa: PTH116  # Path("") is the current folder
    except (OSError, ValueError):
        return None
    return facts.st_size, facts.st_mtime_ns, facts.st_dev, facts.st_ino, facts.st_ctime_ns


def _is_same(identity: _Identity, spec: SourceSpec) -> bool:
    return identity[:4] == (spec.size, spec.mtime_ns, spec.device, spec.inode)


def _root(specs: Any, index: int) -> int:
    """The file in which a source lies, -1 if in none."""
    seen = 0
    while index >= 0 and specs[index].kind != "file":
        index = specs[index].parent
        seen += 1
        if seen > len(specs):
            return -1
    return index


def _name(checkpoint: Checkpoint, rows: Int64, identities: tuple[_Identity, ...]) -> str:
    """The name of an entry: a digest of everything that its figures depend on."""
    table, storages = checkpoint.table, checkpoint.table.storages
    told = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def tell(*values: Any) -> None:
        told.update(to_json(values).encode())

    tell(_VERSION, _code_of_figures(), COLUMNS, BOUNDED, identities, len(rows))
    names = table.name.take(rows)
    told.update(names.data)
    used = np.unique(table.storage[rows])
    own = np.searchsorted(used, table.storage[rows])
    forms = np.unique(table.form[rows])
    for form in forms.tolist():
        tell(table.forms.shape_of(form), table.forms.stride_of(form))
    columns = (names.offsets, own, np.searchsorted(forms, table.form[rows]))
    for column in (*columns, table.dtype[rows], table.offset[rows], table.flags[rows]):
        told.update(np.ascontiguousarray(column).data)
    for column in (storages.offset, storages.nbytes, storages.stored, storages.encoding, storages.swapped):
        told.update(np.ascontiguousarray(column[used]).data)
    sources, which = np.unique(storages.source[used], return_inverse=True)
    told.update(which.astype(np.int64).data)
    specs = checkpoint.sources.specs
    for index in sources.tolist():
        # Down to the file, whose place among the sources says nothing.
        while index >= 0:
            spec = specs[index]
            tell(spec.kind, spec.size, spec.offset, spec.stored)
            index = spec.parent if spec.kind != "file" else -1  # noqa: PLW2901  # a way down
    for row in np.flatnonzero(table.extra[rows] >= 0).tolist():
        facts = dict(table.extra_of(int(rows[row])))
        parts = facts.pop("components", {})
        tell(row, facts, {part: np.searchsorted(rows, place).item() for part, place in parts.items()})
    told.update(checkpoint.description.inline)
    return told.hexdigest() + _SUFFIX


@functools.cache
def _code_of_figures() -> str:
    """Of everything that computes figures: what another version computed is not ours."""
    told = hashlib.blake2b(sdviewer.__version__.encode(), digest_size=_DIGEST_BYTES)
    # Where a program is bundled there are no sources, and its version says all.
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        told.update(file.read_bytes())
    return told.hexdigest()


# -- an entry: magic, digest of all that follows, three counts, arrays ----------------------------

_MAGIC = b"sdviewer statistics\n"
_HEAD = struct.Struct("<QQQ")  # rows that have figures, those with bounds, those with exact integers


def _body_bytes(filled: int, bounded: int, integers: int) -> int:
    places = 8 * (filled + bounded + integers)
    return places + 8 * (filled * len(COLUMNS) + 2 * bounded * len(BOUNDED)) + integers * _INTEGERS * _INTEGER_BYTES


def _entry_bytes(block: FiguresBlock) -> int:
    counts = len(block.rows), len(block.bounds), len(block.integers)
    return len(_MAGIC) + _DIGEST_BYTES + _HEAD.size + _body_bytes(*counts)


def _write(path: Path, checkpoint: str, rows: Int64, block: FiguresBlock) -> None:
    """Write an entry of a file, in which rows are places among `rows`; a disk that is full is no error."""
    places = np.searchsorted(rows, block.rows)
    integers = b"".join(
        number.to_bytes(_INTEGER_BYTES, "little", signed=True)
        for numbers in block.integers.values()
        for number in numbers
    )
    arrays = (
        places.astype("<i8"),
        np.flatnonzero(block.bounded).astype("<i8"),
        np.searchsorted(rows, np.fromiter(block.integers, np.int64, len(block.integers))).astype("<i8"),
        block.values.astype("<f8", copy=False),
        block.bounds.astype("<f8", copy=False),
    )
    head = _HEAD.pack(len(places), len(block.bounds), len(block.integers))
    pieces: list[bytes | memoryview] = [head, *map(bytes_view, arrays), integers]
    told = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for piece in pieces:
        told.update(piece)
    _put(path, checkpoint, [_MAGIC, told.digest(), *pieces])


def _put(path: Path, checkpoint: str, pieces: Sequence[bytes | memoryview]) -> None:
    def write(file: IO[bytes]) -> None:
        file.writelines(pieces)

    with contextlib.suppress(OSError, CannotWrite):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(str(path), checkpoint, write)
        _drop_oldest(path.parent)


def _read(path: Path, rows: Int64) -> FiguresBlock | None:
    """The figures in an entry; None if there is none, or anything about it is odd."""
    lead = len(_MAGIC) + _DIGEST_BYTES + _HEAD.size
    try:
        with path.open("rb") as file:
            start = file.read(lead)
            if len(start) != lead or not start.startswith(_MAGIC):
                return None
            filled, bounded, integers = _HEAD.unpack_from(start, lead - _HEAD.size)
            size = _body_bytes(filled, bounded, integers)
            if max(filled, bounded, integers) > len(rows) or os.fstat(file.fileno()).st_size != lead + size:
                return None
            body = file.read(size)
        os.utime(path)
    except OSError:
        return None
    told = hashlib.blake2b(start[lead - _HEAD.size :], digest_size=_DIGEST_BYTES)
    told.update(body)
    if len(body) != size or told.digest() != start[len(_MAGIC) : len(_MAGIC) + _DIGEST_BYTES]:
        return None
    return _unpacked(body, rows, filled, bounded, integers)


def _unpacked(body: bytes, rows: Int64, filled: int, bounded: int, integers: int) -> FiguresBlock | None:
    places, with_bounds, whole = (
        np.frombuffer(body, "<i8", count, offset)
        for count, offset in ((filled, 0), (bounded, 8 * filled), (integers, 8 * (filled + bounded)))
    )
    # The digest keeps out accidents; whoever computes it anew may still not reach past an array.
    if any(
        len(chosen) and not 0 <= int(chosen.min()) <= int(chosen.max()) < most
        for chosen, most in ((places, len(rows)), (with_bounds, filled), (whole, len(rows)))
    ):
        return None
    first = 8 * (filled + bounded + integers)
    values = np.frombuffer(body, "<f8", filled * len(COLUMNS), first).reshape(filled, len(COLUMNS))
    first += values.nbytes
    bounds = np.frombuffer(body, "<f8", 2 * bounded * len(BOUNDED), first).reshape(bounded, len(BOUNDED), 2)
    first += bounds.nbytes
    numbers = [
        int.from_bytes(body[at : at + _INTEGER_BYTES], "little", signed=True)
        for at in range(first, len(body), _INTEGER_BYTES)
    ]
    triples = zip(*[iter(numbers)] * _INTEGERS, strict=True)
    is_bounded = np.zeros(filled, np.bool_)
    is_bounded[with_bounds] = True
    if int(is_bounded.sum()) != bounded or len(np.unique(places)) != filled:
        return None
    return FiguresBlock(rows[places], values, is_bounded, bounds, dict(zip(rows[whole].tolist(), triples, strict=True)))


def _drop_oldest(folder: Path) -> None:
    """Let go of what was used the longest time ago, down to the size that is allowed."""
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            facts = path.stat()
            found.append((facts.st_mtime_ns, facts.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= _MOST_BYTES:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
