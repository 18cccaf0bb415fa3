"""TableTasks: copying and saving rows, as jobs that outlive what the table shows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from sdviewer.checkpoint.access import access_expressions
from sdviewer.checkpoint.listing import Column, Listing
from sdviewer.checkpoint.listing_text import markdown_pieces, one_line, save_listing, tsv_pieces
from sdviewer.checkpoint.wording import bytes_for_people, plural, shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.pane_tasks import PaneTasks
from sdviewer.ui.translating import tr

# A clipboard is for what is pasted; more than this is a file.
MOST_COPIED = 100_000
_AT_ONCE = 1_000
# Looking up where the tensors of a larger checkpoint hang is no matter of a moment.
_LARGE = 100_000

Rows = npt.NDArray[np.integer]


class TableTasks(PaneTasks):
    """The tasks of one table."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(bridge, slot, Lane.COMPUTING, parent)

    def copy_names(self, listing: Listing, rows: Rows) -> None:
        """The canonical names, a line each; a single one just as the file has it."""

        def names(control: Control) -> Iterator[str]:
            for first in range(0, len(rows), _AT_ONCE):
                control.check()
                for name in listing.checkpoint.table.name.take(rows[first : first + _AT_ONCE]).tolist():
                    yield name if len(rows) == 1 else one_line(name) + "\n"

        self._copy(names, rows, "name")

    def copy_tsv(self, listing: Listing, rows: Rows, columns: Sequence[Column]) -> None:
        """Rows for a spreadsheet."""
        self._copy(lambda control: tsv_pieces(listing, rows, columns, control), rows, "row")

    def copy_markdown(self, listing: Listing, rows: Rows, columns: Sequence[Column]) -> None:
        """Rows for a text with tables."""
        self._copy(lambda control: markdown_pieces(listing, rows, columns, control), rows, "row")

    def copy_expressions(self, listing: Listing, rows: Rows) -> None:
        """Python that reaches each tensor, a line each; none for those that Python cannot reach."""

        def expressions(control: Control) -> Iterator[str]:
            for count, code in enumerate(access_expressions(listing.checkpoint, rows)):
                if count % _AT_ONCE == 0:
                    control.check()
                if code:
                    yield code if len(rows) == 1 else code + "\n"

        self._copy(expressions, rows, "expression", at_once=len(listing) <= _LARGE)

    def save(self, listing: Listing, rows: Rows, columns: Sequence[Column], target: str) -> None:
        """Write rows as the ending of `target` says."""

        def told(written: int) -> None:
            what = plural(len(rows), "tensor")
            self.done.emit(
                tr(
                    "Saved {what} as {name} ({written}).",
                    what=what,
                    name=shown(Path(target).name),
                    written=bytes_for_people(written),
                )
            )

        self.start_save(
            f"Saving {shown(Path(target).name)}",
            lambda control: save_listing(listing, rows, columns, target, control),
            told,
        )

    def _copy(self, pieces: Callable[[Control], Iterator[str]], rows: Rows, what: str, *, at_once: bool = True) -> None:
        if len(rows) > MOST_COPIED:
            self.done.emit(
                tr(
                    "At most {MOST_COPIED:,} rows can be copied: save them as CSV or JSON instead.",
                    MOST_COPIED=MOST_COPIED,
                )
            )
            return

        def put(text: str) -> None:
            if text:
                QGuiApplication.clipboard().setText(text)
            self.done.emit(
                tr("Copied {rows}.", rows=plural(len(rows), what)) if text else tr("No Python expression leads there.")
            )

        def work(control: Control) -> str:
            return "".join(pieces(control))

        if at_once and len(rows) <= _AT_ONCE:
            put(work(Control()))
        else:
            self.start_copy(f"Copying {plural(len(rows), what)}", work, put)
