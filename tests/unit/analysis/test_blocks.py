"""Blocks: how they are read is tested with what counts them; here is what they are read into."""

from __future__ import annotations

from sdviewer.analysis.blocks import BLOCK_BYTES, new_buffer


def test_buffers_begin_where_no_copy_is_slow() -> None:
    assert len(new_buffer()) == BLOCK_BYTES
    for nbytes in (1, 100, BLOCK_BYTES):
        buffer = new_buffer(nbytes)
        assert len(buffer) == nbytes
        assert buffer.flags.writeable
        assert buffer.ctypes.data % 64 == 0
