"""Scan: the statistics of all tensors of a checkpoint, in file order, in flat memory, results as they come.

Threads take pieces: some small tensors that lie side by side, or a part of a large one, so each of them
reads a stretch of the file. Which thread takes what changes no figure: parts are merged in their order.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, Buffer, new_buffer
from sdviewer.analysis.compiled import compiled_or
from sdviewer.analysis.scan_order import rows_once, scan_order
from sdviewer.analysis.small_tensors import small_tensors
from sdviewer.analysis.statistics_table import Figures, FiguresBlock, Filled, StatisticsTable
from sdviewer.checkpoint.decoding import Codes
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import WAY, Control
from sdviewer.errors import Cancelled, CannotRead, NotDense, SdviewerError

Int64 = npt.NDArray[np.int64]

THREADS = 2
_SECONDS_BETWEEN_NEWS = 0.05
# Nobody waits long for a thread to stop, or to do first what is preferred: without compiled loops they take 50 ms.
_SMALL_AT_ONCE, _WITHOUT_LOOPS = 512, 32

_WAITING, _TAKEN, _DONE = 0, 1, 2


class BlockWork(Protocol):
    """Further work on the blocks of one tensor; a thread has a share of its own."""

    def new_share(self) -> Any:
        """Accumulators of one thread."""

    def add(self, share: Any, index: int, codes: Codes) -> None:
        """Take in block `index` of the tensor's `Blocks`; `codes` are in cache, and gone after the call."""

    def result(self, shares: Sequence[Any]) -> Any:
        """What all blocks give; the shares come in the order of their blocks."""


@dataclass(frozen=True, slots=True)
class Further:
    """Work that is done beside the counting, on the same blocks while they are in cache.

    Attributes:
        begin: the work for a tensor, None where there is nothing to do.
        keep: takes the rows that show the tensor and the result, on a thread of the scan, one call at a time.
        rows: bool, shape `(len(table),)`: where `begin` is asked at all, None for everywhere. Many small
            tensors are scanned faster where nobody asks.

    """

    begin: Callable[[Blocks], BlockWork | None]
    keep: Callable[[Int64, Any], None]
    rows: npt.NDArray[np.bool_] | None = None


class Scan:
    """One pass over the payload of a checkpoint; what is shown by several rows (tied weights) is read once.

    Sparse, nested and meta tensors and other objects have a reason in place of statistics; the tensors
    that they consist of are rows of their own. A tensor that cannot be read has its error, and the scan
    goes on. Rows of the table that are filled already are not read.

    Attributes:
        table: a row for each row of the tensor table, components among them; filled while the scan runs.
        failed: the errors, by row.
        total: bytes to read.

    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        rows: npt.NDArray[np.integer] | None = None,
        table: StatisticsTable | None = None,
        *,
        on_filled: Callable[[Int64], None] | None = None,
        further: Sequence[Further] = (),
        threads: int = THREADS,
    ) -> None:
        """Scan these rows of the tensor table (all if None).

        `on_filled` hears of the rows that were filled or have failed, some at a time, on the thread of `run`.
        """
        count = len(checkpoint.table)
        self.checkpoint = checkpoint
        self.table = StatisticsTable(count) if table is None else table
        self.failed: dict[int, SdviewerError] = {}
        wanted = np.arange(count) if rows is None else rows_once(rows, count)
        wanted = wanted[np.isin(self.table.filled[wanted], (Filled.NOTHING, Filled.FAILED))]
        self._order = scan_order(checkpoint, wanted)
        self._further = tuple(further)
        self._on_filled = on_filled
        self._threads = threads
        self._small = small_tensors(checkpoint)
        self._is_small = self._small.is_small[self._order.row]
        for each in self._further:
            self._is_small &= False if each.rows is None else ~each.rows[self._order.row]
        # Sizes that a hostile file claims may add up beyond an int64.
        self.total = sum(self._order.nbytes.tolist())
        self._state = np.zeros(len(self._order), np.uint8)
        self._piece = 0
        self._first: deque[int | _Part] = deque()
        self._parts: deque[int | _Part] = deque()
        self._done = 0
        self._note = -1
        self._news: list[Int64] = []
        self._fault: BaseException | None = None
        self._stopping = False
        self._going = threading.Event()
        self._going.set()
        self._lock = threading.Lock()
        self._refuse_not_dense(wanted)

    # -- from outside ------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """Whether it waits for `resume`."""
        return not self._going.is_set()

    @property
    def has_news(self) -> bool:
        """Whether it filled a row."""
        return bool((self._state == _DONE).any())

    def pause(self) -> None:
        """Let all threads wait before their next block; from any thread."""
        self._going.clear()

    def resume(self) -> None:
        """Go on."""
        self._going.set()

    def prefer(self, row: int) -> None:
        """Take this row of the tensor table next; from any thread."""
        entry = int(self._order.entry[row])
        if entry >= 0:
            with self._lock:
                self._first.appendleft(entry)

    def run(self, control: Control | None = None) -> StatisticsTable:
        """Scan what is not scanned yet. Progress is in bytes, its note the name of a tensor.

        Raises:
            Cancelled: `control` was cancelled; what was filled stays, and a further `run` goes on from there.

        """
        control = control or Control()
        control.check()
        _compile(control)
        control.when_cancelled(self._stop)
        self._stopping, self._fault = False, None
        with self._lock:
            # What another run left half done begins anew.
            self._state[self._state == _TAKEN] = _WAITING
            self._done = sum(self._order.nbytes[self._state == _DONE].tolist())
            self._piece = 0
            self._parts.clear()
        threads = [threading.Thread(target=self._work, name=f"sdviewer-scan-{i}") for i in range(self._threads)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(_SECONDS_BETWEEN_NEWS)
                    self._tell(control)
        finally:
            self._stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        self._tell(control)
        if self._fault is not None:
            raise self._fault
        control.report(self.total, self.total)
        return self.table

    def _tell(self, control: Control) -> None:
        with self._lock:
            news, self._news = self._news, []
            done, note = self._done, self._note
        if news and self._on_filled is not None:
            self._on_filled(np.concatenate(news))
        if done < self.total:
            control.report(done, self.total, self.checkpoint.table.name[note] if note >= 0 else "")
        control.check()

    def _stop(self) -> None:
        self._stopping = True
        self._going.set()

    # -- threads -----------------------------------------------------------------------------

    def _work(self) -> None:
        # The second one for what is preferred while the first one is in use.
        buffer, aside = new_buffer(), new_buffer()
        try:
            while (piece := self._take()) is not None:
                self._count(piece, buffer, aside)
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001  # a fault of our own: told by `run`
            self._fault = error
            self._stop()

    def _count(self, piece: list[int] | _Part, buffer: Buffer, aside: Buffer | None) -> None:
        if isinstance(piece, _Part):
            self._count_part(piece, buffer, aside)
        else:
            self._count_together(piece, buffer, aside)

    def _before_block(self, aside: Buffer | None) -> None:
        """Wait while it is paused, raise `Cancelled` if it is to stop, and do first what is preferred."""
        if not self._going.is_set():
            self._going.wait()
        WAY.give()
        if self._stopping:
            raise Cancelled("stopped on request")
        while aside is not None and self._first:
            with self._lock:
                piece = self._take_from(self._first)
            if piece is not None:
                self._count(piece, aside, None)

    def _take(self) -> list[int] | _Part | None:
        """The next entries of one source, or the next part of a large one; None at the end."""
        self._before_block(None)
        with self._lock:
            for queue in (self._first, self._parts):
                if (piece := self._take_from(queue)) is not None:
                    return piece
            starts = self._order.piece_start
            while self._piece + 1 < len(starts):
                begin, end = int(starts[self._piece]), int(starts[self._piece + 1])
                self._piece += 1
                entries = begin + np.flatnonzero(self._state[begin:end] == _WAITING)
                if len(entries):
                    return self._begin(entries.tolist(), self._parts)
        return None

    def _take_from(self, queue: deque[int | _Part]) -> list[int] | _Part | None:
        while queue:
            first = queue.popleft()
            if isinstance(first, _Part):
                return first
            if self._state[first] == _WAITING:
                return self._begin([first], queue)
        return None

    def _begin(self, entries: list[int], parts: deque[int | _Part]) -> list[int] | _Part:
        """Mark entries as taken; of a large one the further parts go in front of what follows."""
        self._state[entries] = _TAKEN
        self._note = int(self._order.row[entries[0]])
        count = int(self._order.parts[entries[0]])
        if count == 1:
            return entries
        large = _Large(entries[0], count)
        parts.extendleft(_Part(large, index) for index in range(count - 1, 0, -1))
        return _Part(large, 0)

    def _count_together(self, entries: list[int], buffer: Buffer, aside: Buffer | None) -> None:
        results: list[tuple[int, list[Any] | SdviewerError]] = []
        blocks: list[FiguresBlock] = []
        source = int(self._order.source[entries[0]])
        fault = self._change_of(source)
        if fault is None:
            small = self._is_small[entries]
            if small.any():
                blocks = self._count_small(np.asarray(entries)[small], source, buffer, aside)
            counted = {row for block in blocks for row in block.rows.tolist()}
            for entry, row in zip(entries, self._order.row[entries].tolist(), strict=True):
                if row not in counted:
                    results.append((entry, self._count_whole(entry, buffer, aside)))
            # Bytes that were read beside a change are worth nothing.
            fault = self._change_of(source)
        if fault is not None:
            results, blocks = [(entry, fault) for entry in entries], []
        with self._lock:
            for block in blocks:
                self._finish_block(block)
            for entry, result in results:
                self._finish(entry, result)
            self._done += sum(self._order.nbytes[entries].tolist())

    def _count_whole(self, entry: int, buffer: Buffer, aside: Buffer | None) -> list[Any] | SdviewerError:
        try:
            works = self._begin_works(entry)
            return works.results([self._count_blocks(works, 0, len(works.blocks), buffer, aside)])
        except CannotRead as error:
            return error

    def _count_small(self, entries: Int64, source: int, buffer: Buffer, aside: Buffer | None) -> list[FiguresBlock]:
        """The figures of small entries of one source, many at a time; what is left out is counted by itself."""
        found: list[FiguresBlock] = []
        at_once = _WITHOUT_LOOPS if compiled_or("deriving", None) is None else _SMALL_AT_ONCE
        for first, end, rows in self._small.runs(self._order.row[entries], len(buffer)):
            raw = buffer[: end - first]
            # What cannot be read has its own error, tensor by tensor.
            with contextlib.suppress(CannotRead):
                self.checkpoint.sources.get(source).read_into(first, raw)
                for begin in range(0, len(rows), at_once):
                    self._before_block(aside)
                    found += self._small.figures(rows[begin : begin + at_once], first, raw)
        return found

    def _count_part(self, part: _Part, buffer: Buffer, aside: Buffer | None) -> None:
        large = part.large
        source = int(self._order.source[large.entry])
        try:
            with large.lock:
                if large.works is None and large.error is None:
                    if (changed := self._change_of(source)) is not None:
                        raise changed
                    large.works = self._begin_works(large.entry)
            if large.works is not None and large.error is None:
                blocks = len(large.works.blocks)
                first, last = (blocks * i // large.count for i in (part.index, part.index + 1))
                large.shares[part.index] = self._count_blocks(large.works, first, last, buffer, aside)
        except CannotRead as error:
            large.error = error
        with large.lock:
            large.left -= 1
            is_last = large.left == 0
        nbytes = int(self._order.nbytes[large.entry])
        result = self._result_of(large, source) if is_last else None
        with self._lock:
            self._done += nbytes * (part.index + 1) // large.count - nbytes * part.index // large.count
            if result is not None:
                self._finish(large.entry, result)

    def _result_of(self, large: _Large, source: int) -> list[Any] | SdviewerError:
        error = large.error or self._change_of(source)
        if error is not None or large.works is None:
            return error or CannotRead("was not read")
        return large.works.results(large.shares)

    def _begin_works(self, entry: int) -> _Works:
        from sdviewer.analysis.counting import Counting

        row = int(self._order.row[entry])
        try:
            counting = Counting(TensorRef(self.checkpoint, row))
            asked = [each for each in self._further if each.rows is None or each.rows[row]]
            return _Works(counting, [each.begin(counting.blocks) if each in asked else None for each in self._further])
        except MemoryError as error:
            raise CannotRead("there is not enough memory to count its values", file=self.checkpoint.path) from error

    def _count_blocks(self, works: _Works, first: int, last: int, buffer: Buffer, aside: Buffer | None) -> list[Any]:
        """The shares of all works after these blocks."""
        counting, share = works.counting, works.counting.new_share()
        further = [(work, work.new_share()) for work in works.further if work is not None]
        for index in range(first, last):
            self._before_block(aside)
            codes = counting.add(share, index, buffer)
            for work, accumulators in further:
                work.add(accumulators, index, codes)
        return [share, *(accumulators for _, accumulators in further)]

    def _change_of(self, source: int) -> SdviewerError | None:
        """The error if a source is not what it was when it was described."""
        if source < 0:
            return None
        try:
            self.checkpoint.sources.get(source).check_unchanged()
        except CannotRead as error:
            return error
        return None

    # -- results -----------------------------------------------------------------------------

    def _finish(self, entry: int, result: list[Any] | SdviewerError) -> None:
        """Fill the rows of an entry; under the lock, as a table is filled by one thread at a time."""
        rows = self._order.rows_of(entry)
        for row in rows.tolist():
            if isinstance(result, SdviewerError):
                self._fail(row, result)
            else:
                self.table.fill(row, result[0])
        if not isinstance(result, SdviewerError):
            for further, value in zip(self._further, result[1:], strict=True):
                if value is not None:
                    further.keep(rows, value)
        self._state[entry] = _DONE
        self._news.append(rows)

    def _finish_block(self, block: FiguresBlock) -> None:
        """The same for many entries that nothing else was done with."""
        entries = self._order.entry[block.rows]
        starts = self._order.start
        self.table.fill_block(block)
        rows = block.rows
        if (starts[entries + 1] - starts[entries] > 1).any():
            for row, entry in zip(block.rows.tolist(), entries.tolist(), strict=True):
                figures = self.table.figures(row)
                assert figures is not None  # noqa: S101  # it was filled above
                for other in self._order.rows_of(entry).tolist():
                    self.table.fill(other, figures)
            rows = np.concatenate([self._order.rows_of(entry) for entry in entries.tolist()])
        self._state[entries] = _DONE
        self._news.append(rows)

    def _fail(self, row: int, error: SdviewerError) -> None:
        self.failed[row] = error
        self.table.fail(row, f"{error.message} ({error.hint})" if error.hint else error.message)

    def _refuse_not_dense(self, rows: Int64) -> None:
        flags = self.checkpoint.table.flags[rows]
        refused = rows[(flags & np.uint16(Flag.NOT_DENSE)) != 0]
        for row in refused.tolist():
            try:
                TensorRef(self.checkpoint, row).payload()
            except NotDense as error:
                self._fail(row, error)
        if len(refused):
            self._news.append(refused)


def _compile(control: Control) -> None:
    """Have the loops at hand before threads ask for them, where compiling can be cancelled."""
    with contextlib.suppress(ImportError):  # no numba for this Python or machine
        from sdviewer.analysis.kernels import warming

        warming.available(control, ("counting", "deriving"))


@dataclass(frozen=True, slots=True)
class _Works:
    """All that is done with one tensor's blocks."""

    counting: Any
    further: list[BlockWork | None]

    @property
    def blocks(self) -> Blocks:
        blocks: Blocks = self.counting.blocks
        return blocks

    def results(self, shares: Sequence[Sequence[Any]]) -> list[Any]:
        """Figures, and the result of each further work, None where there was none."""
        figures: Figures = self.counting.result([share[0] for share in shares]).figures()
        results: list[Any] = [figures]
        place = 0
        for work in self.further:
            place += work is not None
            results.append(None if work is None else work.result([share[place] for share in shares]))
        return results


@dataclass(slots=True)
class _Large:
    """A tensor that is counted in parts, and what they gave so far."""

    entry: int
    count: int
    works: _Works | None = None
    error: SdviewerError | None = None
    shares: list[list[Any]] = field(default_factory=list)
    left: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.shares = [[] for _ in range(self.count)]
        self.left = self.count


@dataclass(frozen=True, slots=True)
class _Part:
    """Part `index` of a large tensor."""

    large: _Large
    index: int
