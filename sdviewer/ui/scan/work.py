"""ScanWork: a scan as its threads do it: figures first, what health says of them every now and then, copies last."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import CannotRead

if TYPE_CHECKING:
    # Imported on the working thread: the window stands before the engine is loaded.
    from sdviewer.analysis.channel_table import ChannelTable
    from sdviewer.analysis.health_facts import HealthFacts
    from sdviewer.analysis.remembering import Remembered
    from sdviewer.analysis.scan import Scan
    from sdviewer.ui.scan.findings import Findings

Groups = Mapping[int, Sequence[tuple[int, ...]]]

# How long the scan waits for its loops while another process compiles them; without them it is slower.
_SECONDS_FOR_LOOPS = 3.0
_LOOPS = ("counting", "deriving")
_SECONDS_BETWEEN_LOOKS = 0.1
# Health is asked at most so often, and for a small part of the time at most.
_SECONDS_BETWEEN_VERDICTS = 0.5
_TIMES_ITS_COST = 10
_COPIES_PENDING = "copies among them were not looked for yet"
_REMEMBERED_ONLY = "channels and copies were not: these figures are remembered from before"


class ScanWork:
    """One run over a checkpoint. It is made on the GUI thread, and paused from there; `run` belongs to a job.

    Attributes:
        findings: what is found, from what was known before on; None until it has begun.
        ended: whether `run` is over.

    """

    def __init__(self, checkpoint: Checkpoint, findings: Findings | None, *, remember: bool) -> None:
        self.findings = findings
        self.ended = False
        self._checkpoint, self._remember = checkpoint, remember
        self._scan: Scan | None = None
        self._paused = False
        self._preferred: list[int] = []
        self._next_verdict = 0.0

    @property
    def paused(self) -> bool:
        """Whether it waits until `resume`."""
        return self._paused

    def pause(self) -> None:
        """Wait before the next block."""
        self._paused = True
        if self._scan is not None:
            self._scan.pause()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        if self._scan is not None:
            self._scan.resume()

    def prefer(self, row: int) -> None:
        """Take this row of the tensor table next."""
        self._preferred.append(row)
        if self._scan is not None:
            self._scan.prefer(row)

    def run(self, control: Control) -> Findings:
        """Scan what is not in the findings yet; progress is in bytes.

        Raises:
            Cancelled: `control` was cancelled; what was found stays.

        """
        try:
            return self._run(control)
        finally:
            self.ended = True

    def _run(self, control: Control) -> Findings:
        from sdviewer.analysis.channel_table import ChannelTable, beside_scan
        from sdviewer.analysis.health_facts import health_facts
        from sdviewer.analysis.remembering import remembered
        from sdviewer.analysis.scan import Scan
        from sdviewer.ui.scan.findings import Findings

        checkpoint, findings = self._checkpoint, self.findings
        if findings is None:
            findings = self.findings = Findings(checkpoint)
        wait_for_loops(control)
        known = remembered(checkpoint) if self._remember else None
        facts = health_facts(checkpoint, control)
        channels = findings.channels
        if channels is None:
            channels = findings.channels = ChannelTable(len(checkpoint.table))

        def filled(_: npt.NDArray[np.int64]) -> None:
            if (start := time.monotonic()) >= self._next_verdict:
                judge(findings, facts, _COPIES_PENDING)
                cost = time.monotonic() - start
                self._next_verdict = start + max(_SECONDS_BETWEEN_VERDICTS, _TIMES_ITS_COST * cost)

        scan = Scan(checkpoint, table=findings.table, on_filled=filled, further=[beside_scan(checkpoint, channels)])
        self._scan = scan
        if self._paused:
            scan.pause()
        for row in self._preferred:
            scan.prefer(row)
        equal: tuple[Mapping[int, int], Groups] = {}, {}
        pending = _COPIES_PENDING
        try:
            scan.run(control)
            equal = _equal(checkpoint, findings, channels, control)
            pending = ""
        finally:
            judge(findings, facts, pending, *equal)
            if known is not None and scan.has_news:
                _keep(known, findings)
        return findings


def look_up(checkpoint: Checkpoint, control: Control) -> Findings | None:
    """What is remembered of a checkpoint, judged; None for nothing.

    Raises:
        Cancelled: `control` was cancelled.

    """
    from sdviewer.analysis.health_facts import health_facts
    from sdviewer.analysis.remembering import remembered
    from sdviewer.analysis.remembering_channels import recall_channels
    from sdviewer.ui.scan.findings import Findings

    findings = Findings(checkpoint)
    known = remembered(checkpoint)
    control.check()
    rows = known.recall(findings.table)
    if not len(rows):
        return None
    control.check()
    facts = health_facts(checkpoint, control)
    channels, looked_at = recall_channels(known, len(checkpoint.table))
    if not looked_at[rows].all():
        judge(findings, facts, _REMEMBERED_ONLY)
        return findings
    findings.channels = channels
    judge(findings, facts, "", *_equal(checkpoint, findings, channels, control))
    return findings


def judge(
    findings: Findings,
    facts: HealthFacts,
    pending: str,
    equal: Mapping[int, int] | None = None,
    equal_channels: Groups | None = None,
) -> None:
    """Let health say what it thinks of the figures that are there; `pending` is what was not looked at yet."""
    from sdviewer.analysis.health import health
    from sdviewer.analysis.statistics_table import Filled
    from sdviewer.ui.scan.findings import Judged
    from sdviewer.ui.scan.marks import tree_marks
    from sdviewer.ui.scan.report import health_report

    checkpoint, table = findings.checkpoint, findings.table
    # Before the figures are looked at: what is filled meanwhile is judged the next time.
    examined = table.filled != Filled.NOTHING
    found = health(facts, table, findings.channels, equal=equal, equal_channels=equal_channels)
    marks = tree_marks(checkpoint, found, examined, facts.dense & ~facts.unknown)
    report = health_report(checkpoint, found, pending)
    findings.judged = Judged(found, examined, marks, report, found.is_complete and not pending)


def _equal(
    checkpoint: Checkpoint, findings: Findings, channels: ChannelTable, control: Control
) -> tuple[Mapping[int, int], Groups]:
    """Tensors, and rows of embeddings, that hold the same bytes."""
    from sdviewer.analysis.equal_bytes import equal_channels, equal_tensors, likely_equal
    from sdviewer.checkpoint.tensors import TensorRef

    tensors = equal_tensors(checkpoint, likely_equal(checkpoint, findings.table), control)
    rows: dict[int, list[tuple[int, ...]]] = {}
    for row, told in channels.told.items():
        if told.maybe_equal:
            # What cannot be read has its error from the scan.
            with contextlib.suppress(CannotRead):
                rows[row] = equal_channels(TensorRef(checkpoint, row), 0, told.maybe_equal, control)
    return tensors, rows


def _keep(known: Remembered, findings: Findings) -> None:
    from sdviewer.analysis.remembering_channels import keep_channels

    known.keep(findings.table)
    if findings.channels is not None:
        keep_channels(known, findings.channels, findings.has_figures)


def wait_for_loops(control: Control, seconds: float = _SECONDS_FOR_LOOPS) -> None:
    """Wait a little while another process compiles the loops: until then a scan is slow.

    Raises:
        Cancelled: `control` was cancelled.

    """
    from sdviewer.analysis.kernels import cache_folder, warming

    if not warming.compiles_elsewhere() or warming.is_ready():
        return
    until = time.monotonic() + seconds
    while not cache_folder.is_complete(_LOOPS) and time.monotonic() < until:
        control.report(0, 0, "preparing")
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    control.check()
