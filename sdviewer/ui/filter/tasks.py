"""The jobs of the filter and the finder, as functions that know no widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import shape_text, shown
from sdviewer.control import Control
from sdviewer.ui.tree.visible_rows import Remains, remains_of

if TYPE_CHECKING:
    from sdviewer.search.filtering import Matches
    from sdviewer.search.fuzzy import FuzzyFinder
    from sdviewer.search.query import Mistake
    from sdviewer.search.scanned import Scanned

_LONGEST_NAME = 500


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """What a filter finds: the tensors, and what it leaves of the tree."""

    matches: Matches
    remains: Remains


def run_filter(
    checkpoint: Checkpoint, text: str, control: Control, scanned: Scanned | None = None
) -> Found | Mistake | None:
    """What a line finds, given what a scan has found; None if it asks for nothing.

    Raises:
        Cancelled: `control` was cancelled.
        HelperDied: the process that matches regexes failed.

    """
    # Imported on the working thread: the first tree does not wait for it.
    from sdviewer.processes.matching import match_in_process
    from sdviewer.search.filtering import find_matches
    from sdviewer.search.index import index_of
    from sdviewer.search.query import Mistake, parse

    query = parse(text)
    if isinstance(query, Mistake):
        return query
    if not query.terms:
        return None
    index = index_of(checkpoint)
    found = find_matches(query, index, control, match_in_process, scanned)
    if isinstance(found, Mistake):
        return found
    nodes = index.nodes[found.rows]
    return Found(found, remains_of(checkpoint.tree, nodes[nodes >= 0]))


@dataclass(frozen=True, slots=True)
class HitRow:
    """A line of the list of what was found.

    Attributes:
        node: a tree node, or the number of what else is listed.
        name: as it is shown.
        places: the indices of its characters that were typed.
        aside: what else is told of it at the right.
        tip: its tooltip, where that is not both of them.
        rests: whether it cannot be chosen now.

    """

    node: int
    name: str
    places: frozenset[int]
    aside: str
    tip: str = ""
    rests: bool = False


@dataclass(frozen=True, slots=True)
class HitList:
    """The lines, and how many tensors fit at all."""

    rows: tuple[HitRow, ...]
    total: int


def run_finder(checkpoint: Checkpoint, finder: FuzzyFinder, query: str, control: Control) -> HitList:
    """The best tensors for a fuzzy name.

    Raises:
        Cancelled: `control` was cancelled.

    """
    from sdviewer.search.index import index_of

    hits = finder.find(query, control)
    nodes, table = index_of(checkpoint).nodes, checkpoint.table
    rows = []
    for hit in hits.hits:
        name, places = _shown(hit.name, hit.places)
        aside = f"{shown(table.dtype_name(hit.row), 40)}   {shape_text(table.shape_of(hit.row))}"
        rows.append(HitRow(int(nodes[hit.row]), name, places, aside))
    return HitList(tuple(rows), hits.total)


def _shown(name: str, places: tuple[int, ...]) -> tuple[str, frozenset[int]]:
    """A name safe to show, and where its characters stand in it: what is unseen becomes several characters."""
    name = name[:_LONGEST_NAME]
    if name == (safe := shown(name)):
        return safe, frozenset(places)
    pieces = [shown(char) for char in name]
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece))
    kept = (range(starts[place], starts[place + 1]) for place in places if place < len(pieces))
    return "".join(pieces), frozenset(at for span in kept for at in span)
