"""Ahead: pieces are read, and their checksum taken, on a thread of their own while the one before is written."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Generator, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Piece = npt.NDArray[np.uint8]

# Pieces between the threads: the producer fills one, the consumer writes one, so many wait.
WAITING = 2
# As many buffers must a source of pieces have.
BUFFERS = WAITING + 2
# Less is read in less time than a thread takes to start.
_LEAST = 8 << 20


class Ahead:
    """Iterates once over pieces that another thread makes; `checksum` is their CRC-32 once all have come.

    As a context it ends the thread, whatever becomes of the pieces. A source of pieces may use a buffer again
    after `BUFFERS` - 1 further pieces.
    """

    def __init__(self, pieces: Iterator[Piece], nbytes: int) -> None:
        self._pieces, self._nbytes = pieces, nbytes
        self._coming = self._come()
        self.checksum = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._coming.close()

    def __iter__(self) -> Iterator[Piece]:
        return self._coming

    def _come(self) -> Generator[Piece, None, None]:
        if self._nbytes < _LEAST:
            for piece in self._pieces:
                self.checksum = zlib.crc32(piece.data, self.checksum)
                yield piece
            return
        waiting: queue.Queue[Any] = queue.Queue(WAITING)
        stop = threading.Event()
        thread = threading.Thread(target=self._make, args=(waiting, stop), name="reading ahead")
        thread.start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
            # One that waits for room goes on, sees that it shall stop, and ends.
            while thread.is_alive():
                try:
                    waiting.get(timeout=0.01)
                except queue.Empty:
                    continue
            thread.join()

    def _make(self, waiting: queue.Queue[Any], stop: threading.Event) -> None:
        try:
            for piece in self._pieces:
                if stop.is_set():
                    return
                self.checksum = zlib.crc32(piece.data, self.checksum)
                waiting.put(piece)
        except BaseException as error:  # noqa: BLE001  # raised again where the pieces are wanted
            waiting.put(error)
        else:
            waiting.put(None)
