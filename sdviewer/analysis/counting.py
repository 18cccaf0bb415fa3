"""Counting: from the blocks of a tensor to `Counts`, block by block, in any number of threads.

A tensor is its bit patterns: those of at most 16 bits are counted in a table, wider ones by their first
bits, with moments and extremes of the same block beside. A thread counts into a share of its own; shares
are put together at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sdviewer.analysis import loops
from sdviewer.analysis.blocks import Blocks, Buffer, new_buffer
from sdviewer.analysis.compiled import compiled_or
from sdviewer.analysis.counts import Counts
from sdviewer.analysis.meaning import meaning_of
from sdviewer.analysis.shares import SmallShare, TableShare, WideShare
from sdviewer.checkpoint.decoding import Codes
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control

# Up to so many values are sorted instead: no table to clear and to walk.
_SMALL = 4096
_THREADS = 2
_BLOCKS_A_THREAD = 2

Share = SmallShare | TableShare | WideShare


class Counting:
    """How a tensor is counted.

    Attributes:
        blocks: its codes.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.

    """

    def __init__(self, ref: TensorRef) -> None:
        self.blocks = Blocks(ref)
        self._loops: Any = compiled_or("counting", loops)
        self._meaning = meaning_of(ref, self.blocks)

    def new_share(self) -> Share:
        """What one thread counts into."""
        if self.blocks.numel <= _SMALL:
            return SmallShare(self._meaning)
        kind = TableShare if self._meaning.bits <= 16 else WideShare
        return kind(self._meaning, self._loops)

    def add(self, share: Share, index: int, buffer: Buffer | None = None) -> Codes:
        """Count a block, and return its codes; any thread, with its own share and buffer."""
        codes = self.blocks.read(index, buffer)
        share.add(codes)
        return codes

    def result(self, shares: Sequence[Share]) -> Counts:
        """The counts of all that was added to these shares, at least one."""
        first, *others = shares
        counts: Counts = first.counts(others)  # type: ignore[arg-type]  # all are of one kind
        return counts.repeated(self.blocks.repeats)


def count(ref: TensorRef, control: Control | None = None, threads: int = _THREADS) -> Counts:
    """The counts of all values of a dense tensor. Progress is in values.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    counting = Counting(ref)
    blocks = counting.blocks
    total = blocks.numel * blocks.repeats
    indices = iter(range(len(blocks)))
    lock = threading.Lock()
    failed = threading.Event()

    def work(*, tells: bool) -> Share:
        share = counting.new_share()
        buffer = new_buffer()
        try:
            while not failed.is_set():
                with lock:
                    index = next(indices, None)
                if index is None:
                    break
                if tells:
                    control.report(index * blocks.per_block * blocks.repeats, total, ref.name)
                control.check()
                counting.add(share, index, buffer)
        except BaseException:
            failed.set()
            raise
        return share

    control.report(0, total, ref.name)
    blocks.check_unchanged()
    helpers = min(threads, len(blocks) // _BLOCKS_A_THREAD) - 1
    if helpers > 0:
        with ThreadPoolExecutor(helpers, "counting") as pool:
            others = [pool.submit(work, tells=False) for _ in range(helpers)]
            shares = [work(tells=True)]
        shares += [other.result() for other in others]
    else:
        shares = [work(tells=True)]
    blocks.check_unchanged()
    control.report(total, total, ref.name)
    return counting.result(shares)
