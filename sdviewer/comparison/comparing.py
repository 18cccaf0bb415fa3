"""Comparing: every pair of a matching, its values read once, results as they come.

Pairs are taken in file order by two threads; a large pair is split over both. What one pair fails with
is that pair's error, and the others go on.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from sdviewer.comparison.matching import Matching, Pair
from sdviewer.comparison.measures import Measures, Sums, measures_of
from sdviewer.comparison.pair_blocks import PairBlocks, index_of, new_buffers
from sdviewer.comparison.pair_counting import PairCounting
from sdviewer.comparison.places import NoCommonPlaces
from sdviewer.comparison.relations import Relation
from sdviewer.comparison.small_pairs import SmallPairs
from sdviewer.comparison.tolerances import Tolerance, tolerance_of
from sdviewer.control import Control, Gate
from sdviewer.errors import Cancelled, NotDense, SdviewerError, SourceChanged

_THREADS = 2
# Blocks that one thread takes at a time of a large pair.
_RUN = 32
# Small pairs that are compared in one go.
_TOGETHER = 256
# Elements of a tensor that costs no time beside its description.
_QUICKLY_READ = 1 << 16

MARKS = (
    "identical",
    "equal",
    "equal_after_cast",
    "close",
    "changed",
    "shape",
    "dtype",
    "renamed",
    "failed",
)
"""What a pair can be marked with: one of the first five where values were compared, and any of the others."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair and what became of it.

    Attributes:
        pair: which one.
        marks: of `MARKS`, in their order.
        measures: None where values could not be compared.
        sums: what measures of several pairs are made from; None as well.
        index: where the largest |Δ| is, in `a`.
        equal_after_cast: whether all values are equal after a is cast to the dtype of b, or b to that of a;
            None for equal dtypes.
        error: why values were not compared, "" if they were.

    """

    pair: Pair
    marks: tuple[str, ...]
    measures: Measures | None = None
    sums: Sums | None = None
    index: tuple[int, ...] | None = None
    equal_after_cast: bool | None = None
    error: str = ""

    @property
    def differs(self) -> bool:
        """Whether anything but the bits of the values, its name, shape and dtype, is not the same."""
        return self.marks != ("identical",)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` returns.

    Attributes:
        matching: which tensor is which.
        pairs: in the order of `matching.pairs`; those that were not compared, as the work was cancelled or
            only structure was asked for, have no verdict on values among their marks.
        partial: whether some were not reached, or a file changed meanwhile.

    """

    matching: Matching
    pairs: tuple[Compared, ...]
    partial: bool = False
    summary: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(mark for pair in self.pairs for mark in pair.marks)
        summary = {mark: counted[mark] for mark in MARKS}
        summary |= {"only_a": len(self.matching.only_a), "only_b": len(self.matching.only_b)}
        object.__setattr__(self, "summary", summary)

    def fails(self, on: str) -> bool:
        """Whether there is what `--fail-on` names: "changed", "tolerance" or "structure"."""
        if self.matching.only_a or self.matching.only_b or self.partial:
            return True
        found = self.summary
        if found["shape"] or found["failed"]:
            return True
        if on == "structure":
            return bool(found["dtype"] or found["renamed"])
        if on == "tolerance":
            return bool(found["changed"])
        return any(pair.differs for pair in self.pairs)


def compare_matching(
    matching: Matching,
    *,
    tolerance: Callable[[str, str], Tolerance] = tolerance_of,
    structure_only: bool = False,
    chosen: Sequence[int] | None = None,
    on_compared: Callable[[int, Compared], None] | None = None,
    gate: Gate | None = None,
    only_differences: bool = False,
    control: Control | None = None,
) -> Comparison:
    """Compare the values of all pairs, or of those `chosen` (places in `matching.pairs`, in this order).

    `on_compared(place, result)` is called on working threads as each is done; at a closed `gate` the work
    waits. With `only_differences` the norms leave out blocks that are the same bit by bit, which saves time
    where only marks are wanted. Progress is in bytes of both sides.

    Raises:
        Cancelled: `control` was cancelled.

    """
    results = [structural(matching, pair) for pair in matching.pairs]
    if structure_only:
        return Comparison(matching, tuple(results))
    places = range(len(results)) if chosen is None else chosen
    work = _Work(matching, results, places, tolerance, on_compared, gate or Gate(), control or Control())
    work.only_differences = only_differences
    work.run()
    done = len(places) == len(results)
    return Comparison(matching, tuple(results), partial=not done or work.source_changed)


def structural(matching: Matching, pair: Pair) -> Compared:
    """What is said of a pair before its values are read."""
    a, b = matching.a.ref(pair.a), matching.b.ref(pair.b)
    marks = []
    if pair.relation is not Relation.SAME:
        marks.append("shape")
    if a.dtype != b.dtype:
        marks.append("dtype")
    if matching.a.keys[pair.a] != matching.b.keys[pair.b]:
        marks.append("renamed")
    return Compared(pair, tuple(marks))


class _Task:
    """A pair under way: how many runs of blocks are left, and the shares of the threads."""

    def __init__(self, place: int, counting: PairCounting, runs: int) -> None:
        self.place, self.counting, self.left = place, counting, runs
        self.shares: list[Any] = []
        self.failed: BaseException | None = None
        self.lock = threading.Lock()


class _Work:
    def __init__(
        self,
        matching: Matching,
        results: list[Compared],
        places: Sequence[int],
        tolerance: Callable[[str, str], Tolerance],
        on_compared: Callable[[int, Compared], None] | None,
        gate: Gate,
        control: Control,
    ) -> None:
        self.matching, self.results, self.tolerance = matching, results, tolerance
        self.on_compared, self.gate, self.control = on_compared, gate, control
        self.source_changed = False
        self.only_differences = False
        self._places = places
        self._total = sum(self._weight(place) for place in places)
        self._done = 0
        self._counting = threading.Lock()
        self._lock = threading.Lock()
        self._small = SmallPairs(matching, tolerance)
        self._steps = self._all_steps()

    def run(self) -> None:
        """Until all is done, or cancelled."""
        self.control.report(0, self._total, "comparing")
        with ThreadPoolExecutor(_THREADS - 1, "comparing") as pool:
            others = [pool.submit(self._take) for _ in range(_THREADS - 1)]
            try:
                self._take()
            finally:
                for other in others:
                    other.result()
        self.control.report(self._total, self._total, "comparing")

    def _weight(self, place: int) -> int:
        pair = self.matching.pairs[place]
        a, b = self.matching.a, self.matching.b
        return int(a.checkpoint.table.nbytes[a.rows[pair.a]]) + int(b.checkpoint.table.nbytes[b.rows[pair.b]])

    def _all_steps(self) -> Iterator[tuple[_Task, range] | list[int]]:
        """Runs of blocks of a pair, or the places of small pairs; made as they are asked for."""
        together: list[int] = []
        for place in self._places:
            if self._small.is_small[place]:
                together.append(place)
            if len(together) >= _TOGETHER or (together and not self._small.is_small[place]):
                yield together
                together = []
            if not self._small.is_small[place]:
                yield from self._runs_of(place)
        if together:
            yield together

    def _runs_of(self, place: int) -> list[tuple[_Task, range]]:
        """A pair that cannot be compared is settled at once, and has none."""
        pair = self.matching.pairs[place]
        a, b = self.matching.a.ref(pair.a), self.matching.b.ref(pair.b)
        try:
            blocks = PairBlocks(a, b, pair.relation, pair.part)
            blocks.check_unchanged()
            tolerance = self.tolerance(a.dtype, b.dtype)
            counting = PairCounting(blocks, tolerance, only_differences=self.only_differences)
        except NotDense as error:
            # What has no values of its own (a meta tensor) is compared by its description.
            self._settle(place, replace(self.results[place], error=str(error)))
            return []
        except (SdviewerError, MemoryError) as error:
            self._fail(place, error)
            return []
        except NoCommonPlaces:
            self._settle(place, self.results[place])
            return []
        runs = [range(first, min(first + _RUN, len(blocks))) for first in range(0, len(blocks), _RUN)]
        task = _Task(place, counting, max(len(runs), 1))
        return [(task, run) for run in runs or [range(0)]]

    def _take(self) -> None:
        buffers = new_buffers()
        share, of = None, None
        while not self.control.cancelled:
            self.gate.wait(self.control)
            with self._lock:
                step = next(self._steps, None)
            if step is None:
                return
            if isinstance(step, list):
                self._do_together(step, buffers)
                continue
            task, run = step
            if task is not of:
                share, of = task.counting.new_share(), task
                with task.lock:
                    task.shares.append(share)
            self._do(task, share, run, buffers)
        self.control.check()

    def _do_together(self, places: list[int], buffers: Any) -> None:
        left = dict.fromkeys(places)
        # What cannot be read has its own error, pair by pair.
        with contextlib.suppress(SdviewerError):
            for place, sums in self._small.sums(places, only_differences=self.only_differences):
                if sums is not None:
                    del left[place]
                    shape = self.matching.a.ref(self.matching.pairs[place].a).shape
                    self._settle(place, _verdict(self.results[place], sums, shape))
        for place in left:
            for task, run in self._runs_of(place):
                share = task.counting.new_share()
                task.shares.append(share)
                self._do(task, share, run, buffers)

    def _do(self, task: _Task, share: Any, run: range, buffers: Any) -> None:
        blocks = task.counting.blocks
        try:
            for index in run:
                if task.failed is not None or self.control.cancelled:
                    break
                share.add(index, *blocks.read(index, *buffers))
        except (SdviewerError, MemoryError) as error:
            task.failed = error
        with task.lock:
            task.left -= 1
            is_last = task.left == 0
        if is_last and not self.control.cancelled:
            self._finish(task)

    def _finish(self, task: _Task) -> None:
        error = task.failed
        if error is None:
            try:
                task.counting.blocks.check_unchanged()
            except SdviewerError as changed:
                error = changed
        if error is not None:
            self._fail(task.place, error)
            return
        counting = task.counting
        sums = counting.result(task.shares)
        if sums.place >= 0:
            sums = replace(sums, place=counting.blocks.flat(sums.place))
        after_cast = None if counting.same_dtype else sums.cast_a == 0 or sums.cast_b == 0
        result = _verdict(self.results[task.place], sums, counting.blocks.shape, after_cast, casts=counting.casts)
        self._settle(task.place, result)

    def _fail(self, place: int, error: BaseException) -> None:
        self.source_changed |= isinstance(error, SourceChanged)
        known = self.results[place]
        text = str(error) or type(error).__name__
        self._settle(place, Compared(known.pair, (*known.marks, "failed"), error=text))

    def _settle(self, place: int, result: Compared) -> None:
        self.results[place] = result
        with self._counting:
            self._done += self._weight(place)
        if self.on_compared is not None:
            self.on_compared(place, result)
        # Cancelled or not: the threads see to that themselves.
        with contextlib.suppress(Cancelled):
            self.control.report(min(self._done, self._total), self._total, "comparing")


def _verdict(
    known: Compared, sums: Sums, shape: tuple[int, ...], after_cast: bool | None = None, *, casts: bool = False
) -> Compared:
    measures = measures_of(sums)
    if sums.codes == 0:
        verdict = "identical"
    elif sums.differing == 0:
        verdict = "equal"
    elif casts and after_cast:
        verdict = "equal_after_cast"
    elif sums.outside == 0:
        verdict = "close"
    else:
        verdict = "changed"
    index = index_of(sums.place, shape) if sums.place >= 0 else None
    marks = tuple(mark for mark in MARKS if mark == verdict or mark in known.marks)
    return Compared(known.pair, marks, measures, sums, index, after_cast)


def telling_order(matching: Matching) -> list[int]:
    """Places of pairs, those first that are quickly read: norms and biases tell within a moment what was trained."""
    table = matching.a.checkpoint.table
    numel = table.numel[matching.a.rows]
    return sorted(range(len(matching.pairs)), key=lambda place: int(numel[matching.pairs[place].a]) > _QUICKLY_READ)
