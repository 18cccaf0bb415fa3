"""Arranging: the rows that are to be shown, sorted and looked up off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.listing import Listing, Sorting
from sdviewer.checkpoint.tensor_problems import rows_named
from sdviewer.control import Control
from sdviewer.ui.table.selection import RowSelection


@dataclass(frozen=True, eq=False, slots=True)
class Arranged:
    """Rows as they are to be shown, with the selection and the current tensor that they keep."""

    listing: Listing
    rows: npt.NDArray[np.integer]
    sorting: Sorting | None
    selection: RowSelection
    current: int


def arrange(
    listing: Listing,
    rows: npt.NDArray[np.int64] | None,
    sorting: Sorting | None,
    before: tuple[Listing, RowSelection, int] | None,
    control: Control,
) -> Arranged:
    """Sort rows, and for a new listing look up all that is shown; `before` is what was shown of an older one.

    Raises:
        Cancelled: `control` was cancelled.

    """
    listing.prepare(control)
    selection, current = RowSelection(len(listing)), -1
    if before is not None:
        selection, current = carried(*before, listing)
    return Arranged(listing, listing.arranged(rows, sorting, control), sorting, selection, current)


def carried(older: Listing, selection: RowSelection, current: int, listing: Listing) -> tuple[RowSelection, int]:
    """What is selected and current of an older listing in a newer one: by names, and all if these are the same."""
    if older.facts.listed_names == listing.facts.listed_names:
        return selection, current
    names = [older.checkpoint.table.name[current]] if current >= 0 else []
    found = rows_named(listing.checkpoint.table.name, len(listing), names)
    carried = RowSelection(len(listing))
    for row in found.values():
        if current in selection:
            carried.only(row)
    return carried, next(iter(found.values()), -1)
