"""Ahead: pieces are read, converted, and their checksum taken, on a thread of their own while others are written.

One thread goes through all sources of a file, so that the end of one and the beginning of the next overlap, too.
Buffers go round between the two threads; small pieces of several sources lie in one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import new_buffer
from sdviewer.edit.encoding import Checksum

Piece = npt.NDArray[np.uint8]
Room = Callable[[int], Piece]
"""Gives room for a piece of so many bytes, `PIECE` at most; the piece before is done with."""
Source = Callable[[Room], Iterator[Piece]]
"""Yields pieces, which lie where it was given room, or are its own."""

# Between pieces threads wait for each other: large ones take less time, and still lie in a cache.
PIECE = 2 << 20
_BUFFERS = 4
_ALIGNMENT = 64
# Less is read in less time than a thread takes to start.
_LEAST = 8 << 20

# Pieces, and the checksum of a source where it ends.
_Items = list[Piece | int]


class _Stopped(Exception):
    """Nobody asks for more."""


def _aligned(place: int) -> int:
    return place + -place % _ALIGNMENT


class Ahead:
    """Iterates once over the pieces of several sources, `nbytes` in all, one source after the other.

    A piece holds its bytes until the next one is asked for. As a context it ends the thread, whatever becomes of
    the pieces.

    Attributes:
        checksum: CRC-32 of the source that came to its end last; 0 where nobody takes any.

    """

    def __init__(self, sources: Iterable[Source], nbytes: int, *, checksum_of: Checksum | None = None) -> None:
        self._sources, self._checksum_of = sources, checksum_of
        self._coming = self._from_thread() if nbytes >= _LEAST else self._one_by_one()
        self.checksum = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._coming.close()

    def next(self) -> Iterator[Piece]:
        """The pieces of the next source."""
        for item in self._coming:
            if isinstance(item, int):
                self.checksum = item
                return
            yield item

    def _items(self, room: Room) -> Iterator[Piece | int]:
        for source in self._sources:
            checksum = 0
            for piece in source(room):
                if self._checksum_of is not None:
                    checksum = self._checksum_of(piece, checksum)
                yield piece
            yield checksum

    def _one_by_one(self) -> Generator[Piece | int, None, None]:
        buffer = new_buffer(PIECE)
        yield from self._items(lambda nbytes: buffer[:nbytes])

    def _from_thread(self) -> Generator[Piece | int, None, None]:
        making = _Making(self._items)
        making.thread.start()
        try:
            while isinstance(load := making.loads.get(), tuple):
                buffer, items = load
                yield from items
                making.free.put(buffer)
            if load is not None:
                raise load
        finally:
            making.stop()


def counted(pieces: Iterable[Piece], told: Callable[[int], None]) -> Iterator[memoryview]:
    """The bytes of pieces to be written; `told` hears of those that were."""
    for piece in pieces:
        yield piece.data
        told(len(piece))


class _Making:
    """The thread that makes pieces: it fills free buffers, and hands them over full.

    Attributes:
        free: buffers; None once nothing more is wanted.
        loads: buffers with what lies in them; at the end None, or what went wrong.

    """

    def __init__(self, items: Callable[[Room], Iterator[Piece | int]]) -> None:
        self._make_items = items
        self.free: SimpleQueue[Piece | None] = SimpleQueue()
        self.loads: SimpleQueue[tuple[Piece, _Items] | BaseException | None] = SimpleQueue()
        for _ in range(_BUFFERS):
            self.free.put(new_buffer(PIECE))
        self._stopped = threading.Event()
        self._buffer: Piece | None = None
        self._used = 0
        self._items: _Items = []
        self.thread = threading.Thread(target=self._run, name="reading ahead")

    def stop(self) -> None:
        """End the thread at the next piece."""
        self._stopped.set()
        self.free.put(None)
        self.thread.join()

    def _run(self) -> None:
        failed: BaseException | None
        try:
            for item in self._make_items(self._room):
                self._add(item)
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001  # raised again where the pieces are wanted
            failed = error
        else:
            failed = None
        self._hand_over()
        self.loads.put(failed)

    def _room(self, nbytes: int) -> Piece:
        if self._buffer is not None and _aligned(self._used) + nbytes > PIECE:
            self._hand_over()
        buffer = self._present()
        start = _aligned(self._used)
        self._used = start + nbytes
        return buffer[start : self._used]

    def _add(self, item: Piece | int) -> None:
        buffer = self._present()
        self._items.append(item)
        if not isinstance(item, int) and not np.may_share_memory(item, buffer):
            # It has bytes of its own, which take as much room.
            self._used += len(item)
        if self._used >= PIECE:
            self._hand_over()

    def _present(self) -> Piece:
        if self._stopped.is_set():
            raise _Stopped
        if self._buffer is None:
            self._buffer = self.free.get()
            if self._buffer is None:
                raise _Stopped
            self._used = 0
        return self._buffer

    def _hand_over(self) -> None:
        if self._buffer is not None:
            self.loads.put((self._buffer, self._items))
            self._buffer, self._items = None, []
