"""Zip archives that hold checkpoints: an agent of Stable-Baselines3, a folder zipped for sending.

Each entry that begins like a checkpoint is read where it lies and hangs under its name. What an archive
can cost is bounded: in depth, entries, and bytes to inflate; entries that share bytes are read once.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from sdviewer.checkpoint.document import Description, Duplicate, Problem, TextEntry
from sdviewer.errors import CannotOpen, CannotRead, Damaged, LimitExceeded, NotACheckpoint
from sdviewer.formats import foreign
from sdviewer.formats import globals as known_globals
from sdviewer.formats.files import Inflated
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.reading import HEAD_BYTES, Reading
from sdviewer.formats.zip_directory import DEFLATED, Entry
from sdviewer.formats.zip_entries import entry_label, entry_source, first_bytes

# An archive in an archive is opened, one in that is not.
_DEEPEST = 2
# Enough to tell what may be a checkpoint: an array's first numbers are not read.
_SIGN_BYTES = 9
# Deflated bytes that are looked at for it; more than any honest table of codes takes.
_DEFLATED_SIGN = 2048
_NPY = b"\x93NUMPY"
_MOST_ENTRIES = 1000
# All inflated entries together may be so many times as long as the file, or this long: weights hardly deflate,
# and a pickle of this length takes the machine two seconds at worst.
_INFLATION = 10
_INFLATED_ANYWAY = 4 << 20
# Larger inflated entries are let go when they are described, and inflated again for a tensor's values.
_KEPT_INFLATED = 1 << 20


def matches(reading: Reading) -> bool:
    """A zip archive with an entry that begins like a checkpoint; one of nothing but arrays is numpy's."""
    if not reading.is_zip or reading.depth >= _DEEPEST:
        return False
    for entry in _first_entries(reading):
        try:
            sign = _first_bytes(reading, entry, _SIGN_BYTES)
        except (CannotOpen, CannotRead):
            continue
        if _is_checkpoint(sign, entry.size) and not sign.startswith(_NPY):
            return True
    return False


def read(reading: Reading) -> Description:
    """Describe the archive; see `Reader.read`."""
    archive = _Archive(reading)
    parts = [Part(description, name) for name, description in archive.checkpoints()]
    if not parts:
        raise archive.refusal()
    whole = merge(parts, root_type="zip archive")
    return replace(
        whole,
        format="zip of checkpoints",
        problems=(*archive.problems, *whole.problems),
        texts=(*archive.texts, *whole.texts),
        duplicates=(*archive.duplicates, *whole.duplicates),
        torch_lines=_torch_lines(reading.source.label, parts, whole),
    )


def _first_entries(reading: Reading) -> Iterator[Entry]:
    """The entries that are looked at; of several with one name the last, as Python's zipfile takes it."""
    last = {name: number for number, name in enumerate(reading.directory.names) if not name.endswith("/")}
    for number in list(last.values())[:_MOST_ENTRIES]:
        yield reading.directory.entry(number)


def _first_bytes(reading: Reading, entry: Entry, count: int) -> bytes:
    """As `first_bytes`, without reading far into an entry that inflates to nothing."""
    looked_at = min(entry.stored, _DEFLATED_SIGN) if entry.method == DEFLATED else entry.stored
    return first_bytes(reading, replace(entry, stored=looked_at), count)


def _is_checkpoint(sign: bytes, size: int) -> bool:
    """Whether what begins so may be a torch archive, a pickle, safetensors or a numpy array."""
    if sign.startswith((b"PK\x03\x04", _NPY)):
        return True
    if sign[:1] == b"\x80" and len(sign) > 1 and sign[1] <= 5:
        return True
    return sign[8:9] == b"{" and 2 <= int.from_bytes(sign[:8], "little") <= size - 8


def _is_text(head: bytes) -> bool:
    if not head or b"\0" in head:
        return False
    try:
        # Not final: a character may be cut off at the end.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class _Archive:
    """One archive and what is found in it."""

    reading: Reading
    problems: list[Problem] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    texts: list[TextEntry] = field(default_factory=list)
    failures: list[CannotOpen | CannotRead] = field(default_factory=list)

    def checkpoints(self) -> Iterator[tuple[str, Description]]:
        """Name and description of each entry that is a checkpoint, in the order of the directory."""
        directory, label = self.reading.directory, self.reading.source.label
        if directory.partial:
            self._note("partial", "the archive is cut off: its directory is missing or incomplete", label)
        if len(directory) > _MOST_ENTRIES:
            self._note("partial", f"only the first {_MOST_ENTRIES:,} of {len(directory):,} entries are read", label)
        for name in directory.repeated:
            self.duplicates.append(Duplicate(name, f"another entry of {label}"))
        if directory.repeated:
            self._note("duplicate", "entries stand twice; the last one counts", directory.repeated[0])
        entries = list(_first_entries(self.reading))
        total, overlapping = len(entries), _overlapping(entries)
        for number, entry in enumerate(entries):
            self.reading.control.report(number, total, "reading the archive's entries")
            if entry.name in overlapping:
                self._note("irregular", "shares its bytes with another entry and is not read", entry.name)
                continue
            try:
                if _is_checkpoint(_first_bytes(self.reading, entry, _SIGN_BYTES), entry.size):
                    yield entry.name, self._read(entry)
                elif _is_text(_first_bytes(self.reading, entry, HEAD_BYTES)):
                    self._note_text(entry)
            except NotACheckpoint:
                continue
            except (CannotOpen, CannotRead) as error:
                self.failures.append(error)
                self._note("partial", error.message, entry.name)

    def refusal(self) -> CannotOpen:
        """Why nothing of it is shown."""
        label = self.reading.source.label
        if self.failures:
            first = self.failures[0]
            return Damaged(f"none of the checkpoints in this archive can be read: {first}", file=label)
        return foreign.refusal(self.reading)

    def _note(self, kind: str, message: str, where: str) -> None:
        self.problems.append(
            Problem(kind, "warning" if kind in ("duplicate", "irregular") else "error", message, where)
        )

    def _note_text(self, entry: Entry) -> None:
        self.texts.append(
            TextEntry(
                entry.name,
                self.reading.index,
                entry.offset,
                entry.size,
                entry.stored,
                deflated=entry.method == DEFLATED,
            )
        )

    def _read(self, entry: Entry) -> Description:
        """Raises `CannotOpen` or `CannotRead`; `NotACheckpoint` where it only began like one."""
        from sdviewer.formats.opening import read_source

        self._check_budget(entry)
        source = entry_source(self.reading, entry)
        description = read_source(self.reading.within(source))
        opened = self.reading.sources.get(source)
        if isinstance(opened, Inflated) and opened.size > _KEPT_INFLATED:
            opened.close()
        return description

    def _check_budget(self, entry: Entry) -> None:
        """Raise `LimitExceeded` where the archive, with those inside it, would inflate to much more than its size."""
        specs = self.reading.sources.specs
        inflated = sum(spec.size for spec in specs if spec.kind == "inflated")
        inflated += entry.size if entry.method == DEFLATED else 0
        allowed = max(_INFLATED_ANYWAY, _INFLATION * sum(spec.size for spec in specs if spec.kind == "file"))
        if inflated > allowed:
            raise LimitExceeded(
                f"would be inflated to {inflated:,} bytes in all, too many for such a file",
                file=entry_label(self.reading, entry),
                hint="unpack it and open what it holds, if you trust it",
            )


def _overlapping(entries: Iterable[Entry]) -> set[str]:
    """Names of the entries that begin inside another one."""
    found, end = set(), 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if 0 <= entry.offset < end and entry.stored:
            found.add(entry.name)
        end = max(end, entry.offset + entry.stored)
    return found


def _torch_lines(path: str, parts: Iterable[Part], whole: Description) -> tuple[str, ...]:
    """The lines with which torch loads the first part that holds tensors out of the archive."""
    if any(use.klass == "dangerous" for use in whole.globals):
        return known_globals.torch_lines(path, whole.globals, weights_only_reads=False)
    for part in sorted(parts, key=lambda part: part.description.tensors.listed == 0):
        own = f"torch.load({PurePath(f'{path}: {part.name}').name!r}"
        lines = part.description.torch_lines
        if lines and lines[-1].count(own) == 1:
            opened = f"torch.load(io.BytesIO(archive.read({part.name!r}))"
            return (
                "import io",
                "import zipfile",
                *lines[:-1],
                f"with zipfile.ZipFile({PurePath(path).name!r}) as archive:",
                "    " + lines[-1].replace(own, opened),
            )
    return ()
