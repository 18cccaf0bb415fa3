"""Pieces come as they were made, in order, with their checksums; no buffer is filled again before its time."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdviewer.edit.ahead import PIECE, Ahead, Piece, Room
from sdviewer.edit.encoding_loops import crc32

LARGE = 1 << 30


def source(number: int, sizes: list[int], room: Room) -> Iterator[Piece]:
    """Pieces of which every byte tells where it belongs; those of odd sizes have bytes of their own."""
    for place, size in enumerate(sizes):
        piece = room(size) if size % 2 == 0 else np.empty(size, np.uint8)
        piece[:] = (7 * number + place) % 251
        yield piece


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([0, 1, 2, 100, 5001, 70_000, PIECE // 2, PIECE]), max_size=5), max_size=12),
    st.sampled_from([0, LARGE]),
    st.booleans(),
)
def test_pieces_come_in_order_with_their_checksums(described: list[list[int]], nbytes: int, checksums: bool) -> None:
    sources = (partial(source, number, sizes) for number, sizes in enumerate(described))
    with Ahead(sources, nbytes, checksum_of=crc32 if checksums else None) as ahead:
        for number, sizes in enumerate(described):
            found = []
            for piece in ahead.next():
                # What has come stays as it is for as long as it is held.
                before = piece.copy()
                time.sleep(0)
                assert np.array_equal(before, piece)
                found.append(before)
            expected = [np.full(size, (7 * number + place) % 251, np.uint8) for place, size in enumerate(sizes)]
            assert [len(piece) for piece in found] == sizes
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
            assert ahead.checksum == (zlib.crc32(b"".join(piece.tobytes() for piece in expected)) if checksums else 0)
        assert list(ahead.next()) == []
    assert not _threads()


@pytest.mark.parametrize("nbytes", [0, LARGE])
def test_what_goes_wrong_is_raised_where_the_pieces_are_wanted(nbytes: int) -> None:
    def broken(room: Room) -> Iterator[Piece]:
        yield room(10)
        raise OSError("gone")

    with Ahead([partial(source, 0, [100]), broken], nbytes) as ahead:
        assert len(list(ahead.next())) == 1
        with pytest.raises(OSError, match="gone"):
            list(ahead.next())
    assert not _threads()


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_the_thread_ends_with_the_context_whatever_is_left(taken: int) -> None:
    made = []

    def endless(room: Room) -> Iterator[Piece]:
        while True:
            made.append(room(PIECE))
            yield made[-1]

    def stops_early() -> None:
        with Ahead([endless], LARGE) as ahead:
            for _, _ in zip(range(taken), ahead.next(), strict=False):
                pass
            raise KeyError

    _raises_key_error(stops_early)
    assert not _threads()
    # No more was read than there are buffers.
    assert len(made) <= taken + 6


def _raises_key_error(work: Callable[[], None]) -> None:
    with pytest.raises(KeyError):
        work()


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reading ahead"]
