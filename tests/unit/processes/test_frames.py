"""Frames come out of a stream as they were written, and a broken stream is noticed."""

from __future__ import annotations

import io

import numpy as np
import pytest

from sdviewer.processes.frames import BrokenFrame, read_frame, write_frame


def test_frames_are_read_in_order_until_the_stream_ends() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"progress": [1, 2, "naïve \ud800"]})
    write_frame(stream, {"checkpoint": None}, [b"abc", memoryview(b""), b"d"])
    write_frame(stream, {}, [np.arange(3.0).data.cast("B")])
    stream.seek(0)
    assert read_frame(stream) == ({"progress": [1, 2, "naïve \ud800"]}, [])
    assert read_frame(stream) == ({"checkpoint": None, "buffers": [3, 0, 1], "arrays": [1]}, [b"abc", b"", b"d"])
    message, (array,) = read_frame(stream) or ({}, [])
    assert message == {"buffers": [24], "arrays": [0]}
    assert np.frombuffer(array).tolist() == [0, 1, 2]
    assert isinstance(array, memoryview)
    assert array.readonly
    assert read_frame(stream) is None


def test_a_stream_that_is_cut_anywhere_inside_a_frame_is_broken() -> None:
    whole = io.BytesIO()
    write_frame(whole, {"checkpoint": [1]}, [b"payload", memoryview(b"array")])
    for length in range(1, len(whole.getvalue())):
        with pytest.raises(BrokenFrame):
            read_frame(io.BytesIO(whole.getvalue()[:length]))


@pytest.mark.parametrize("junk", [b"\xff" * 20, b"\x02" + bytes(7) + b"[]", b"\x01" + bytes(7) + b"{"])
def test_something_that_is_no_frame_is_broken(junk: bytes) -> None:
    with pytest.raises(BrokenFrame):
        read_frame(io.BytesIO(junk))
