"""Sides: the two state_dicts that are compared, and which sections are taken where nobody says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section, section_keys
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.errors import NameNotFound

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Side:
    """One state_dict of a comparison.

    Attributes:
        checkpoint: where it lies.
        section: which part of it; None for tensors that were chosen one by one.
        keys: state_dict keys, in file order.
        rows: the same tensors as rows of the checkpoint's table, shape `(len(keys),)`.

    """

    checkpoint: Checkpoint
    section: Section | None
    keys: tuple[str, ...]
    rows: Int64

    def __len__(self) -> int:
        return len(self.keys)

    def ref(self, index: int) -> TensorRef:
        """The tensor at a place of `keys`."""
        return TensorRef(self.checkpoint, int(self.rows[index]))

    @cached_property
    def shapes(self) -> tuple[Int64, tuple[tuple[int, ...], ...]]:
        """For each key the place of its shape among the shapes that occur, and these, each once."""
        table = self.checkpoint.table
        forms, form_of = np.unique(table.form[self.rows], return_inverse=True)
        place: dict[tuple[int, ...], int] = {}
        place_of = [place.setdefault(table.forms.shape_of(form), len(place)) for form in forms.tolist()]
        return np.array(place_of, np.int64)[form_of], tuple(place)


def side_of_section(checkpoint: Checkpoint, section: Section) -> Side:
    """All tensors of a section."""
    return Side(checkpoint, section, tuple(section_keys(checkpoint.description, section)), section.rows)


def section_around(side: Side) -> Section | None:
    """The section of a side; for tensors that were chosen one by one the one that holds them all, None for none."""
    if side.section is not None:
        return side.section
    parts = side.checkpoint.sections.values()
    return next((part for part in parts if np.isin(side.rows, part.rows).all()), None)


def with_components(side: Side) -> Side:
    """The side with sparse and nested tensors replaced by the tensors that hold their values, as `key/values`."""
    table = side.checkpoint.table
    holds_others = (table.flags[side.rows] & (Flag.SPARSE | Flag.NESTED | Flag.SUBCLASS)) != 0
    if not holds_others.any():
        return side
    keys: list[str] = []
    rows: list[int] = []
    for key, row, split in zip(side.keys, side.rows.tolist(), holds_others.tolist(), strict=True):
        parts = table.components(row) if split else {}
        keys += [f"{key}/{part}" for part in parts] or [key]
        rows += list(parts.values()) or [row]
    return Side(side.checkpoint, side.section, tuple(keys), np.array(rows, np.int64))


def section_named(checkpoint: Checkpoint, name: str) -> Section:
    """The section of this name or path.

    Raises:
        NameNotFound: there is none; the message lists those that there are.

    """
    for section in checkpoint.sections.values():
        if name in (section.name, section.path):
            return section
    known = ", ".join(repr(section.name) for section in checkpoint.sections.values() if len(section.rows))
    raise NameNotFound(f"no section {name!r}", file=checkpoint.path, hint=f"there are {known or 'none with tensors'}")


def chosen_sides(a: Checkpoint, b: Checkpoint, name_a: str | None, name_b: str | None) -> tuple[Side, Side]:
    """Both sides: the sections that are named, else those that are compared by default.

    Raises:
        NameNotFound: there is no such section, or a file holds no tensors.

    """
    section_a = section_named(a, name_a) if name_a is not None else None
    section_b = section_named(b, name_b) if name_b is not None else None
    if section_a is None or section_b is None:
        by_default = default_sections(a, b)
        section_a, section_b = section_a or by_default[0], section_b or by_default[1]
    return side_of_section(a, section_a), side_of_section(b, section_b)


# The kinds that are compared, in the order in which they are taken: the first that both files have.
# A model is compared with a model; where one side has only an averaged copy, that is its model.
_CHOICES: tuple[tuple[str, str], ...] = (
    ("model", "model"),
    ("ema", "ema"),
    ("model", "ema"),
    ("ema", "model"),
    ("optimizer", "optimizer"),
    ("tensors", "tensors"),
    ("model", "tensors"),
    ("tensors", "model"),
    ("ema", "tensors"),
    ("tensors", "ema"),
)


def default_sections(a: Checkpoint, b: Checkpoint) -> tuple[Section, Section]:
    """The sections that are compared unless the user says otherwise.

    Of several of a kind those with the same name are taken, else the largest by parameters, then bytes.

    Raises:
        NameNotFound: a file holds no tensors.

    """
    for checkpoint in (a, b):
        if not any(len(section.rows) for section in checkpoint.sections.values()):
            raise NameNotFound("holds no tensors to compare", file=checkpoint.path)
    for kind_a, kind_b in _CHOICES:
        of_a, of_b = _of_kind(a, kind_a), _of_kind(b, kind_b)
        if of_a and of_b:
            names = {section.name: section for section in of_b}
            same = next((section for section in of_a if section.name in names), None)
            return (same, names[same.name]) if same is not None else (of_a[0], of_b[0])
    return _largest(a), _largest(b)


def _of_kind(checkpoint: Checkpoint, kind: str) -> list[Section]:
    found = [section for section in checkpoint.sections.values() if section.kind == kind and len(section.rows)]
    return sorted(found, key=lambda section: (-section.parameters, -section.nbytes))


def _largest(checkpoint: Checkpoint) -> Section:
    return max(checkpoint.sections.values(), key=lambda section: (len(section.rows) > 0, section.nbytes))
