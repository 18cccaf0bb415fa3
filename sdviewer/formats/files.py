"""ByteSources: local files, ranges of them, inflated entries, and the set that opens them on demand.

Reads are positional, never mapped: a file that a training job overwrites while it is open gives
an error that can be shown, where a mapping would end the process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import stat
import tempfile
import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from sdviewer.checkpoint.source import ByteSource, SourceSpec, WritableBuffer, bytes_view, read_bytes
from sdviewer.errors import (
    CannotRead,
    Damaged,
    FileMissing,
    MissingBytes,
    NotACheckpoint,
    NotPermitted,
    SdviewerError,
    SourceChanged,
)

# Without blocking: what was a file may have become a pipe that nobody writes to.
_OPEN_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK"))
_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
_STEP = 1 << 20
# Inflated entries up to this size are kept in memory, larger ones in an unnamed temporary file.
_INFLATED_IN_MEMORY = 16 << 20
# How many inflated entries stay open; each costs its size in memory or on disk.
_INFLATED_KEPT = 8
# How many sources stay open: a checkpoint may have more shards than a process may have files (256 on macOS).
_SOURCES_KEPT = 64


def _out_of_range(label: str, offset: int, count: int, size: int) -> MissingBytes:
    return MissingBytes(f"bytes {offset:,} to {offset + count:,} are not inside its {size:,}", file=label)


class LocalFile:
    """A file on a local or mounted file system, safe to read and to close from several threads."""

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec
        # Where reads are not positional.
        self._position_lock = threading.Lock()
        # How many reads are on their way: the last of them closes a file that was closed meanwhile. At once,
        # its number would go to the next file that is opened, and the read would go on there.
        self._reads = 0
        self._closing = False
        self._lock = threading.Lock()
        self._fd = self._open()

    def _open(self) -> int:
        try:
            return os.open(self.spec.path, _OPEN_FLAGS)
        except OSError as error:
            raise SourceChanged(f"cannot be opened any more: {error.strerror}", file=self.spec.path) from error

    @property
    def label(self) -> str:
        """The path."""
        return self.spec.label

    @property
    def size(self) -> int:
        """Bytes, as of opening."""
        return self.spec.size

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`."""
        view = bytes_view(buffer)
        if offset < 0 or offset + len(view) > self.spec.size:
            raise _out_of_range(self.label, offset, len(view), self.spec.size)
        done = 0
        with self._opened() as fd:
            while done < len(view):
                count = self._pread(fd, view[done:], offset + done)
                if count == 0:
                    break
                done += count
        if done < len(view):
            self.check_unchanged()
            raise SourceChanged("is shorter than when it was opened", file=self.label, hint="reload it")

    def read_pieces(self, offsets: Sequence[int], count: int) -> list[bytes]:
        """`count` bytes at each offset, for many small reads in one go; short at the end of the file."""
        if not hasattr(os, "pread"):
            return [read_bytes(self, offset, min(count, self.size - offset)) for offset in offsets]
        pread = os.pread
        with self._opened() as fd:
            return [pread(fd, count, offset) for offset in offsets]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """The file's descriptor, which stays its own as long as this lasts."""
        with self._lock:
            if self._fd < 0:
                self._fd = self._open()
            self._closing = False
            self._reads += 1
        try:
            yield self._fd
        except OSError as error:
            raise SourceChanged(f"cannot be read: {error.strerror}", file=self.label) from error
        finally:
            with self._lock:
                self._reads -= 1
                self._close_if_unused()

    def _pread(self, fd: int, view: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(fd, [view], offset)
        with self._position_lock:
            os.lseek(fd, offset, os.SEEK_SET)
            data = os.read(fd, len(view))
        view[: len(data)] = data
        return len(data)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` unless the file under this path is the one that was described."""
        check_file(self.spec)

    def close(self) -> None:
        """Close the file as soon as the reads that are on their way have ended; further reads open it again."""
        with self._lock:
            self._closing = True
            self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._closing and not self._reads and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            self.close()


def check_file(spec: SourceSpec) -> None:
    """Raise `SourceChanged` unless the file that `spec` describes is still the same; it is not opened."""
    try:
        now = Path(spec.path).stat()
    except OSError as error:
        raise SourceChanged("is gone", file=spec.label, hint="reload it") from error
    if (now.st_size, now.st_mtime_ns, now.st_dev, now.st_ino) != (spec.size, spec.mtime_ns, spec.device, spec.inode):
        raise SourceChanged("changed on disk since it was opened", file=spec.label, hint="reload it")


class Range:
    """A stretch of another source: an archive inside an archive, one item of a concatenation."""

    def __init__(self, parent: ByteSource, spec: SourceSpec) -> None:
        self._parent = parent
        self.spec = spec

    @property
    def label(self) -> str:
        """The entry's name with the path of its file."""
        return self.spec.label

    @property
    def size(self) -> int:
        """Bytes of the stretch."""
        return self.spec.size

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`."""
        count = bytes_view(buffer).nbytes
        if offset < 0 or offset + count > self.spec.size:
            raise _out_of_range(self.label, offset, count, self.spec.size)
        self._parent.read_into(self.spec.offset + offset, buffer)

    def check_unchanged(self) -> None:
        """As the source that it is a part of."""
        self._parent.check_unchanged()


class Inflated:
    """A deflated entry, inflated once in one bounded stream; random access from then on."""

    def __init__(self, parent: ByteSource, spec: SourceSpec) -> None:
        self._parent = parent
        self.spec = spec
        self._lock = threading.Lock()
        self._file: tempfile.SpooledTemporaryFile[bytes] | None = None

    @property
    def label(self) -> str:
        """The entry's name with the path of its file."""
        return self.spec.label

    @property
    def size(self) -> int:
        """Bytes after inflating, as the archive's directory says."""
        return self.spec.size

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`."""
        view = bytes_view(buffer)
        if offset < 0 or offset + len(view) > self.spec.size:
            raise _out_of_range(self.label, offset, len(view), self.spec.size)
        with self._lock:
            if self._file is None:
                self._file = self._inflate()
                # With its last reference, also from a cycle, where the file would complain before `__del__` runs.
                weakref.finalize(self, self._file.close)
            self._file.seek(offset)
            view[:] = self._file.read(len(view))

    def _inflate(self) -> tempfile.SpooledTemporaryFile[bytes]:
        target: tempfile.SpooledTemporaryFile[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - kept open for later reads
            _INFLATED_IN_MEMORY
        )
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        written, position, pending = 0, 0, b""
        try:
            while not stream.eof and (pending or position < self.spec.stored):
                if not pending:
                    pending = self._next(position)
                    position += len(pending)
                piece = stream.decompress(pending, min(_STEP, self.spec.size - written + 1))
                pending = stream.unconsumed_tail
                written += len(piece)
                if written > self.spec.size:
                    break
                target.write(piece)
        except zlib.error as error:
            target.close()
            raise CannotRead(f"its compressed data is damaged: {error}", file=self.label) from error
        except BaseException as error:
            target.close()
            if isinstance(error, OSError) and not isinstance(error, SdviewerError):
                raise CannotRead(f"cannot be unpacked to a temporary file: {error}", file=self.label) from error
            raise
        if written != self.spec.size:
            target.close()
            amount = f"{written:,} bytes" if written < self.spec.size else "more"
            raise MissingBytes(f"inflates to {amount}, its directory says {self.spec.size:,}", file=self.label)
        return target

    def _next(self, position: int) -> bytes:
        buffer = bytearray(min(_STEP, self.spec.stored - position))
        self._parent.read_into(self.spec.offset + position, buffer)
        return bytes(buffer)

    def check_unchanged(self) -> None:
        """As the source that it is a part of."""
        self._parent.check_unchanged()

    def close(self) -> None:
        """Drop the inflated bytes."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Inline:
    """Bytes that the description itself carries."""

    def __init__(self, block: bytes, spec: SourceSpec) -> None:
        self._block = block
        self.spec = spec

    @property
    def label(self) -> str:
        """What they belong to."""
        return self.spec.label

    @property
    def size(self) -> int:
        """Bytes."""
        return self.spec.size

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`."""
        view = bytes_view(buffer)
        if offset < 0 or offset + len(view) > self.spec.size:
            raise _out_of_range(self.label, offset, len(view), self.spec.size)
        start = self.spec.offset + offset
        view[:] = self._block[start : start + len(view)]

    def check_unchanged(self) -> None:
        """They cannot change."""


def read_pieces(source: ByteSource, offsets: Sequence[int], count: int) -> list[bytes]:
    """`count` bytes at each of many offsets, all of which must lie inside the source."""
    if isinstance(source, LocalFile):
        pieces = source.read_pieces(offsets, count)
        if any(len(piece) != count for piece in pieces):
            raise SourceChanged("is shorter than when it was opened", file=source.label, hint="reload it")
        return pieces
    return [read_bytes(source, offset, count) for offset in offsets]


class LocalSources:
    """The sources of one checkpoint: specs in order, opened when first asked for."""

    def __init__(self, specs: Sequence[SourceSpec] = (), inline: bytes = b"") -> None:
        self._specs = list(specs)
        # Bytes that have no place of their own in a file; readers append, and refer to them by offset.
        self.inline = bytearray(inline)
        self._inline_index = -1
        self._open: OrderedDict[int, ByteSource] = OrderedDict()
        self._inflated: OrderedDict[tuple[int, int, int, int], Inflated] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def specs(self) -> Sequence[SourceSpec]:
        """What `get` opens, by index."""
        return tuple(self._specs)

    def add(self, spec: SourceSpec) -> int:
        """A further source; returns its index."""
        with self._lock:
            self._specs.append(spec)
            return len(self._specs) - 1

    def add_file(self, path: str | Path) -> int:
        """A local file with the identity that it has now.

        Raises:
            FileMissing, NotPermitted, CannotOpen: with the path.
        """
        return self.add(describe_file(path))

    def inline_index(self) -> int:
        """Index of the source whose bytes are `inline`."""
        with self._lock:
            if self._inline_index < 0:
                self._inline_index = self.add(SourceSpec("inline", "text inside a pickle", 0))
            return self._inline_index

    def seal_inline(self) -> bytes:
        """The inline bytes, now that all readers are done; their source has its size from here on."""
        if self._inline_index >= 0:
            spec = self._specs[self._inline_index]
            self._specs[self._inline_index] = dataclasses.replace(spec, size=len(self.inline))
            # A reader may have looked at what there was.
            self._open.pop(self._inline_index, None)
        return bytes(self.inline)

    def get(self, index: int) -> ByteSource:
        """The source of `specs[index]`."""
        with self._lock:
            source = self._open.get(index)
            if source is None:
                spec = self._specs[index]
                source = self._make(spec)
                if spec.kind != "inflated":
                    self._open[index] = source
            if index in self._open:
                self._open.move_to_end(index)
            while len(self._open) > _SOURCES_KEPT:
                # As below: whoever holds it may go on, and the file is closed with the last reference.
                self._open.popitem(last=False)
            return source

    def _make(self, spec: SourceSpec) -> ByteSource:
        match spec.kind:
            case "file":
                return LocalFile(spec)
            case "range":
                return Range(self.get(spec.parent), spec)
            case "inflated":
                return self._kept_inflated(spec)
            case "inline":
                return Inline(bytes(self.inline), spec)
            case "assembled":
                from sdviewer.formats.assembled import Assembled, from_bytes

                told = bytes(self.inline[spec.offset : spec.offset + spec.stored])
                return Assembled(from_bytes(told), spec, self)
            case "computed":
                raise CannotRead("is computed and in no file", file=spec.label)

    def inflated(self, index: int, offset: int, stored: int, size: int) -> ByteSource:
        """A deflated stretch of source `index`, kept for the next call."""
        label = f"{self.get(index).label} at {offset}"
        return self._kept_inflated(SourceSpec("inflated", label, size, parent=index, offset=offset, stored=stored))

    def _kept_inflated(self, spec: SourceSpec) -> ByteSource:
        key = (spec.parent, spec.offset, spec.stored, spec.size)
        with self._lock:
            found = self._inflated.get(key)
            if found is None:
                found = self._inflated[key] = Inflated(self.get(spec.parent), spec)
            self._inflated.move_to_end(key)
            while len(self._inflated) > _INFLATED_KEPT:
                # Not closed here: another thread may read it; it closes with its last reference.
                self._inflated.popitem(last=False)
            return found

    def close(self) -> None:
        """Close all files, those that are being read with the last read; a later `get` opens them again."""
        with self._lock:
            # Others may hold them, and garbage that is not collected yet does.
            for source in self._open.values():
                if isinstance(source, LocalFile):
                    source.close()
            self._open.clear()
            self._inflated.clear()


def describe_file(path: str | Path) -> SourceSpec:
    """The spec of a local file, followed through symbolic links.

    Raises:
        FileMissing, NotPermitted, NotACheckpoint, Damaged: named after the path.
    """
    text = os.fspath(path)
    with _refusals(text):
        status = os.stat(text)  # noqa: PTH116  # Path("") is the current folder
    kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "")
    if kind:
        # Not opened at all: that alone may wait for a writer, or do something to a device.
        raise NotACheckpoint(f"{kind}, not a file", file=text, hint="save what it gives to a file, and open that")
    with _refusals(text):
        # Opened once here, so that a file without read permission is refused at once and with its name.
        os.close(os.open(text, _OPEN_FLAGS))
    return SourceSpec("file", text, status.st_size, text, status.st_mtime_ns, status.st_dev, status.st_ino)


@contextlib.contextmanager
def _refusals(path: str) -> Iterator[None]:
    """What the operating system says against a path, as errors that name it."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileMissing("no such file", file=path, hint="check the path") from error
    except PermissionError as error:
        raise NotPermitted("may not be read", file=path, hint="check its permissions") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileMissing("is a symbolic link that leads back to itself", file=path) from error
        raise Damaged(f"cannot be read: {error.strerror}", file=path) from error
    except ValueError as error:
        raise FileMissing("is no possible file name", file=repr(path)) from error
