"""The parts of a description, as plain data: what the detail pane shows, before it is widgets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what, its value, and in the tooltip the exact figure."""

    label: str
    value: str
    exact: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a user should know before anything else."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A small table.

    Attributes:
        title: stands above it.
        header: the names of the columns.
        rows: the texts of the cells.
        right: the columns of numbers.
        nodes: for each row where it leads in the tree, -1 for nowhere; may be empty.
        filters: for each row the filter that it stands for, "" for none; may be empty.
        tips: for each row what explains it, "" for nothing; may be empty.

    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    nodes: tuple[int, ...] = ()
    filters: tuple[str, ...] = ()
    tips: tuple[str, ...] = ()

    def leads(self, row: int) -> bool:
        """Whether a row leads anywhere."""
        return bool((self.nodes and self.nodes[row] >= 0) or (self.filters and self.filters[row]))


@dataclass(frozen=True, slots=True)
class Text:
    """Read-only text of several lines: as it is shown, and as it is copied."""

    title: str
    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """All that is known of a node without reading a payload.

    `part` says of what the file is a part, `whole` is the path of that. `lead` is a sentence before all else.
    """

    name: str
    copy_name: str
    subtitle: str
    notes: tuple[Note, ...] = ()
    facts: tuple[Fact, ...] = ()
    blocks: tuple[Grid | Text, ...] = ()
    part: str = ""
    whole: str = ""
    lead: str = ""
