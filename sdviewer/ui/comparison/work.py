"""Comparing: the jobs of a comparison. What is paired comes at once, values as they are compared."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import Enum

from PySide6.QtCore import QObject, QTimer, Signal

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.comparison.by_hand import picked_pair
from sdviewer.comparison.comparing import compare_matching, telling_order
from sdviewer.comparison.matching import Replacement, match
from sdviewer.comparison.rejudging import JUDGED, rejudged
from sdviewer.comparison.sides import chosen_sides, with_components
from sdviewer.comparison.standing import Standing
from sdviewer.comparison.tolerances import Tolerance, tolerance_of
from sdviewer.control import WAY, Control, Gate
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.translating import tr

_MS_BETWEEN_LOOKS = 120
_JUDGED_AT_ONCE = 1024


class Progress(Enum):
    """How far a comparison is."""

    NOTHING = "nothing"
    PAIRING = "pairing"
    COMPARING = "comparing"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ask:
    r"""How two checkpoints are to be compared.

    Attributes:
        section_a, section_b: by name; None for those that are compared by default.
        maps: `REGEX=>REPLACEMENT` for the keys of the left side.
        vetoed, by_hand: pairs of keys that must not be made, and that hold whatever the names say.
        rtol, atol: in the place of those of `torch.testing`; None for these.
        picked: the canonical names of two tensors that are all that is compared; None for whole sections.

    """

    section_a: str | None = None
    section_b: str | None = None
    maps: tuple[str, ...] = ()
    vetoed: frozenset[tuple[str, str]] = frozenset()
    by_hand: tuple[tuple[str, str], ...] = ()
    rtol: float | None = None
    atol: float | None = None
    picked: tuple[str, str] | None = None

    def tolerance(self, dtype_a: str, dtype_b: str) -> Tolerance:
        """The tolerance for two dtypes."""
        usual = tolerance_of(dtype_a, dtype_b)
        return Tolerance(usual.rtol if self.rtol is None else self.rtol, usual.atol if self.atol is None else self.atol)

    def without(self, a: str, b: str) -> Ask:
        """The same, and these two are no pair."""
        by_hand = tuple(pair for pair in self.by_hand if pair != (a, b))
        return replace(self, by_hand=by_hand, vetoed=self.vetoed | {(a, b)})

    def with_pair(self, a: str, b: str) -> Ask:
        """The same, and these two are a pair, whatever partners they had."""
        by_hand = tuple(pair for pair in self.by_hand if pair[0] != a and pair[1] != b)
        return replace(self, by_hand=(*by_hand, (a, b)), vetoed=self.vetoed - {(a, b)})

    def swapped(self) -> Ask:
        """The same with both sides exchanged; replacements are of the left side and go."""
        return replace(
            self,
            section_a=self.section_b,
            section_b=self.section_a,
            maps=(),
            vetoed=frozenset((b, a) for a, b in self.vetoed),
            by_hand=tuple((b, a) for a, b in self.by_hand),
            picked=(self.picked[1], self.picked[0]) if self.picked is not None else None,
        )


def paired(a: Checkpoint, b: Checkpoint, ask: Ask, control: Control) -> Standing:
    """Pair the tensors of two checkpoints, whose values are still to be compared.

    Raises:
        NameNotFound: there is no such section or tensor, or a file holds no tensors.
        ValueError: one of the replacements is malformed.
        Cancelled: `control` was cancelled.

    """
    if ask.picked is not None:
        return Standing(picked_pair(a.tensors[ask.picked[0]], b.tensors[ask.picked[1]], control), control)
    rules = [Replacement.parse(text) for text in ask.maps]
    side_a, side_b = map(with_components, chosen_sides(a, b, ask.section_a, ask.section_b))
    matching = match(side_a, side_b, maps=rules, vetoed=ask.vetoed, by_hand=ask.by_hand, control=control)
    return Standing(matching, control)


def rejudge(standing: Standing, ask: Ask, control: Control) -> None:
    """Judge by the tolerances of `ask` all that was compared; what its sums do not decide is to be read again.

    Raises:
        Cancelled: `control` was cancelled.

    """
    matching = standing.matching
    undecided = []
    for count, place in enumerate(standing.places_marked(*JUDGED)):
        if count % _JUDGED_AT_ONCE == 0:
            control.check()
        known = standing.results[place]
        dtypes = matching.a.ref(known.pair.a).dtype, matching.b.ref(known.pair.b).dtype
        found = rejudged(known, ask.tolerance(*dtypes))
        if found is None:
            undecided.append(place)
        elif found is not known:
            standing.settle(place, found)
    standing.unsettle(undecided)


class Comparing(QObject):
    """Pairs, then compares the values of the pairs; a new ask begins anew.

    Attributes:
        standing: what is known, None before the first pairs.
        error: what ended the work, None while all is well.

    """

    paired = Signal()
    """There are other pairs: `standing` is another one."""

    advanced = Signal()
    """More values are compared."""

    changed = Signal()
    """`progress` is another one."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, slot
        self._sides: tuple[Checkpoint, Checkpoint] | None = None
        self._title = ""
        self._seen = -1
        self._gate = Gate()
        # Whether all that was compared is judged by the tolerances of `ask`.
        self._is_judged = True
        self.ask = Ask()
        self.progress = Progress.NOTHING
        self.standing: Standing | None = None
        self.error: BaseException | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_MS_BETWEEN_LOOKS)
        self._timer.timeout.connect(self._look)

    @property
    def slots(self) -> tuple[Hashable, ...]:
        """The slots of its jobs."""
        return ((self._slot, "pair"), (self._slot, "compare"), (self._slot, "judge"))

    @property
    def is_settled(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.progress not in (Progress.PAIRING, Progress.COMPARING)

    def begin(self, a: Checkpoint, b: Checkpoint, ask: Ask, title: str) -> None:
        """Pair and compare."""
        self._sides, self.ask, self._title = (a, b), ask, title
        for slot in self.slots[1:]:
            self._bridge.drop(slot)
        self._timer.stop()
        self.error = None
        self._is_judged = True
        self._set(Progress.PAIRING)
        self._bridge.start(
            Lane.READING,
            self.slots[0],
            lambda control: paired(a, b, ask, control),
            on_value=self._paired,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Pairing {title}", title=title),
            background=True,
        )

    def again(self, ask: Ask) -> None:
        """The same files, asked for in another way."""
        if self._sides is not None:
            self.begin(*self._sides, ask, self._title)

    def set_tolerance(self, rtol: float | None, atol: float | None) -> None:
        """Other tolerances: pairs whose values differ are judged once more; read are those that only values decide."""
        self.ask = replace(self.ask, rtol=rtol, atol=atol)
        if self.standing is None or self.progress is Progress.PAIRING:
            return
        self._bridge.drop(self.slots[1])
        self._judge()

    def go_on(self) -> None:
        """Compare the values that are still to be compared."""
        standing, ask = self.standing, self.ask
        if standing is None:
            if self._sides is not None:
                self.begin(*self._sides, ask, self._title)
            return
        if not self._is_judged:
            self._judge()
            return
        gate = self._gate = Gate()

        def work(control: Control) -> bool:
            waiting = set(standing.places_waiting().tolist())
            order = [place for place in telling_order(standing.matching) if place in waiting]
            found = compare_matching(
                standing.matching,
                tolerance=ask.tolerance,
                chosen=order,
                on_compared=standing.settle,
                gate=gate,
                control=control,
            )
            return found.partial and len(order) == len(found.pairs)

        self.error = None
        self._seen = -1
        self._set(Progress.COMPARING)
        self._timer.start()
        self._bridge.start(
            Lane.SCANNING,
            self.slots[1],
            work,
            on_value=self._compared,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Comparing {title}", title=self._title),
            background=True,
            bytes_a_step=1.0,
            pausable=gate,
        )

    def stop(self) -> None:
        """End the work; what is known stays."""
        for slot in self.slots:
            self._bridge.cancel(slot)

    def close_jobs(self) -> None:
        """Stop; nothing more is said."""
        self._timer.stop()
        for slot in self.slots:
            self._bridge.drop(slot)
        if not self.is_settled:
            self.progress = Progress.STOPPED

    def _paired(self, standing: Standing) -> None:
        self.standing = standing
        self.paired.emit()
        self.go_on()

    def _judge(self) -> None:
        """By sums first, which takes a moment, in a job as pairs may be many."""
        standing, ask = self.standing, self.ask
        assert standing is not None  # noqa: S101  # asked before
        self.error = None
        self._is_judged = False
        self._set(Progress.COMPARING)
        self._bridge.start(
            Lane.COMPUTING,
            self.slots[2],
            lambda control: rejudge(standing, ask, control),
            on_value=self._judged,
            on_error=self._failed,
            on_stopped=self._stopped,
        )

    def _judged(self, _: None) -> None:
        self._is_judged = True
        if self.standing is not None and self.standing.waiting:
            self.advanced.emit()
            self.go_on()
        else:
            self._end(Progress.DONE)

    def _compared(self, source_changed: bool) -> None:  # what the job returns
        if self.standing is not None:
            self.standing.source_changed |= source_changed
        self._end(Progress.DONE)

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self._end(Progress.FAILED)

    def _stopped(self) -> None:
        self._end(Progress.STOPPED)

    def _end(self, progress: Progress) -> None:
        self._timer.stop()
        if self.standing is not None:
            self.advanced.emit()
        self._set(progress)

    def _look(self) -> None:
        """Whoever shows it is told a few times a second, however many pairs are compared."""
        if self.standing is not None and self.standing.waiting != self._seen:
            WAY.keep_clear()
            self._seen = self.standing.waiting
            self.advanced.emit()

    def _set(self, progress: Progress) -> None:
        self.progress = progress
        self.changed.emit()
