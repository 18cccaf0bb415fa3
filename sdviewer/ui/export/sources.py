"""What of a checkpoint is exported: the model with all beside it, one part, or what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section, section_keys
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.comparison.sides import Side, default_sections, section_around, side_of_section
from sdviewer.edit.plan import Source, TargetKind, source_of
from sdviewer.errors import NameNotFound

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """One way to choose, in words.

    Attributes:
        section: the name of a part, None for the model with all beside it.
        rows: the tensors that were selected, as rows of the tensor table; empty for the others.

    """

    title: str
    section: str | None = None
    rows: tuple[int, ...] = ()


def choices_of(checkpoint: Checkpoint, selected: Sequence[int] = ()) -> tuple[SourceChoice, ...]:
    """What may be chosen of a checkpoint, what is selected last."""
    filled = _filled(checkpoint)
    found = []
    if filled:
        model, _ = default_sections(checkpoint, checkpoint)
        title = f"{shown(model.name, _LONGEST_NAME)} ({plural(len(model.rows), 'tensor')})"
        beside = sum(len(part.rows) for part in filled if part is not model)
        if beside:
            title = f"Whole file: {title} and {plural(beside, 'other')}"
        found.append(SourceChoice(title))
        if len(filled) > 1:
            found += [
                SourceChoice(
                    f"Only {shown(part.name, _LONGEST_NAME)} ({plural(len(part.rows), 'tensor')})", section=part.name
                )
                for part in filled
            ]
    if selected:
        found.append(SourceChoice(f"Selection ({plural(len(selected), 'tensor')})", rows=tuple(selected)))
    return tuple(found)


def parts_beside(checkpoint: Checkpoint, choice: SourceChoice) -> tuple[Section, ...]:
    """The parts with tensors that a choice holds beside the one whose names are changed."""
    if choice.rows or choice.section is not None:
        return ()
    model, _ = default_sections(checkpoint, checkpoint)
    return tuple(part for part in _filled(checkpoint) if part is not model)


def source_for(checkpoint: Checkpoint, choice: SourceChoice) -> Source:
    """The source of a choice.

    Raises:
        NameNotFound: there is no such part, or no tensors.

    """
    if choice.rows:
        return Source(_side_of(checkpoint, choice.rows))
    if choice.section is not None:
        section = checkpoint.sections.get(choice.section)
        if section is None:
            raise NameNotFound(f"no section {choice.section!r}", file=checkpoint.path)
        return Source(side_of_section(checkpoint, section))
    return source_of(checkpoint)


def usual_target(source_format: str) -> TargetKind:
    """The same kind of file as the source, as far as it can be written."""
    if "safetensors" in source_format:
        return "safetensors"
    return "npz" if "npz" in source_format else "pt"


def _side_of(checkpoint: Checkpoint, rows: Sequence[int]) -> Side:
    """Selected tensors: with their keys if all lie in one part, else with their whole names, in file order."""
    wanted = np.unique(np.array(rows, np.int64))
    named = Side(checkpoint, None, tuple(checkpoint.table.name.take(wanted).tolist()), wanted)
    section = section_around(named)
    if section is None:
        return named
    keys = section_keys(checkpoint.description, section)
    within = np.isin(section.rows, wanted)
    return Side(checkpoint, None, tuple(compress(keys, within.tolist())), section.rows[within])


def _filled(checkpoint: Checkpoint) -> list[Section]:
    return [section for section in checkpoint.sections.values() if len(section.rows)]
