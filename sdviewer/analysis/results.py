"""Results: what a whole scan gives to code that asks for it by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.remembering import remembered
from sdviewer.analysis.scan import Scan
from sdviewer.analysis.statistics import TensorStatistics
from sdviewer.analysis.statistics_table import Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.selecting import rows_named
from sdviewer.control import Control
from sdviewer.errors import NameNotFound, SdviewerError
from sdviewer.processes.client import open_checkpoint


class ScanResult(Mapping[str, TensorStatistics]):
    """Name → `TensorStatistics` of the tensors that were scanned, in file order.

    Components of sparse, nested and quantised tensors follow under names of their own, "owner/values".

    Attributes:
        checkpoint: what was scanned.
        rows: the rows of its tensor table that were asked for, ascending.
        table: their figures as columns.

    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        rows: npt.NDArray[np.int64],
        table: StatisticsTable,
        failed: Mapping[int, SdviewerError],
    ) -> None:
        self.checkpoint = checkpoint
        self.rows = rows
        self.table = table
        self._failed = failed

    @cached_property
    def errors(self) -> Mapping[str, SdviewerError]:
        """Name → why there are no statistics: `NotDense`, or the values could not be read."""
        names = self.checkpoint.table.name
        return MappingProxyType({names[row]: error for row, error in sorted(self._failed.items())})

    def error_of(self, row: int) -> SdviewerError | None:
        """The same by row."""
        return self._failed.get(row)

    @cached_property
    def _by_name(self) -> dict[str, int]:
        filled = self.rows[np.isin(self.table.filled[self.rows], (Filled.EXACT, Filled.BOUNDED))]
        names: dict[str, int] = {}
        for row, name in zip(filled.tolist(), self.checkpoint.table.name.take(filled).tolist(), strict=True):
            # A component never hides a tensor that is called like it.
            names.setdefault(name, row)
        return names

    def __getitem__(self, name: str) -> TensorStatistics:
        """The statistics of a tensor, by canonical name.

        Raises:
            NameNotFound: there are none; `errors` may say why.

        """
        figures = self.table.figures(self._by_name[name]) if name in self._by_name else None
        if figures is None:
            error = self.errors.get(name)
            why = f"{name!r} has no statistics: {error.message}" if error else f"no tensor {name!r} was scanned"
            raise NameNotFound(why, file=self.checkpoint.path)
        return figures.statistics()

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"<ScanResult {len(self)} tensors of {self.checkpoint.path!r}>"


def scan(
    checkpoint: Checkpoint | str | os.PathLike[str],
    *,
    select: Sequence[str] = (),
    control: Control | None = None,
    remember: bool = True,
) -> ScanResult:
    """The statistics of all tensors, or of those that the globs `select` name.

    Reads every payload byte once, in about four megabytes of memory a thread; what was found in these files
    before is taken from the user's cache folder unless `remember` is False. A tensor that cannot be read is in
    `errors` of the result. `control` cancels (within 0.2 s) and hears of progress in bytes.

    Raises:
        CannotOpen: a path was given, and nothing there could be read.
        NameNotFound: one of `select` fits nothing.
        Cancelled: `control` was cancelled; what was found until then is remembered.

    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = open_checkpoint(checkpoint, control)
    rows = rows_named(checkpoint, select) if select else np.arange(len(checkpoint.table))
    table = StatisticsTable(len(checkpoint.table))
    known = remembered(checkpoint) if remember else None
    if known is not None:
        known.recall(table)
    work = Scan(checkpoint, rows, table)
    try:
        work.run(control)
    finally:
        if known is not None and work.has_news:
            known.keep(table)
    return ScanResult(checkpoint, rows, table, work.failed)
