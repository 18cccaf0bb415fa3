"""What of a checkpoint is exported: the model with all beside it, one part, or what is selected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import Section, section_keys
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.comparison.sides import Side, default_sections, section_around
from sdviewer.edit.plan import Source, TargetKind, source_of
from sdviewer.edit.rules import Exclude, Rule
from sdviewer.errors import SdviewerError
from sdviewer.ui.export.wishes import Chosen
from sdviewer.ui.translating import tr

_LONGEST_NAME = 60
_LONGEST_FILTER = 8_000


class CannotSay(SdviewerError):
    """No rule or option says this."""

    kind = "cannot_say"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """One way to choose, in words."""

    title: str
    chosen: Chosen


def choices_of(
    checkpoint: Checkpoint, selected: Sequence[int] = (), section: str | None = None
) -> tuple[SourceChoice, ...]:
    """What may be chosen of a checkpoint, what is selected last; `section` is offered even if it is the only one."""
    filled = _filled(checkpoint)
    found = []
    if filled:
        model, _ = default_sections(checkpoint, checkpoint)
        title = f"{shown(model.name, _LONGEST_NAME)} ({plural(len(model.rows), 'tensor')})"
        beside = sum(len(part.rows) for part in filled if part is not model)
        if beside:
            title = f"Whole file: {title} and {plural(beside, 'other')}"
        found.append(SourceChoice(title, Chosen()))
        if len(filled) > 1 or section is not None:
            found += [
                SourceChoice(
                    f"Only {shown(part.name, _LONGEST_NAME)} ({plural(len(part.rows), 'tensor')})", Chosen(part.name)
                )
                for part in filled
            ]
    if selected:
        found.append(SourceChoice(f"Selection ({plural(len(selected), 'tensor')})", Chosen(rows=tuple(selected))))
    return tuple(found)


def parts_beside(checkpoint: Checkpoint, chosen: Chosen) -> tuple[Section, ...]:
    """The parts with tensors that a source holds beside the one whose names are changed."""
    if chosen.rows or chosen.section is not None:
        return ()
    model, _ = default_sections(checkpoint, checkpoint)
    return tuple(part for part in _filled(checkpoint) if part is not model)


def source_for(checkpoint: Checkpoint, chosen: Chosen) -> Source:
    """The source that was chosen.

    Raises:
        NameNotFound: there is no such part, or no tensors.

    """
    if chosen.rows:
        return Source(_side_of(checkpoint, chosen.rows))
    return source_of(checkpoint, chosen.section)


def is_in(checkpoint: Checkpoint, section: str | None) -> bool:
    """Whether a checkpoint has a part with tensors of this name."""
    return section is None or any(part.name == section for part in _filled(checkpoint))


def in_another(checkpoint: Checkpoint, chosen: Chosen) -> Chosen:
    """What is chosen of another checkpoint, as far as it has that; rows were those of the one before."""
    return Chosen(chosen.section) if is_in(checkpoint, chosen.section) else Chosen()


def as_rules(checkpoint: Checkpoint, chosen: Chosen) -> tuple[str | None, tuple[Rule, ...]]:
    """The same for other files of its kind: the name of a part, and rules that leave of it what was selected.

    Raises:
        CannotSay: no rule of reasonable length does.

    """
    if not chosen.rows:
        return chosen.section, ()
    return selected_by_rules(_side_of(checkpoint, chosen.rows))


def selected_by_rules(side: Side) -> tuple[str, tuple[Rule, ...]]:
    """For tensors that were chosen one by one the part that they lie in, and rules that leave them alone.

    Raises:
        CannotSay: they are too scattered.

    """
    around = section_around(side)
    pattern = "|".join(re.escape(key).replace("/", "\\/") for key in side.keys)
    if around is None or len(pattern) > _LONGEST_FILTER:
        raise CannotSay(
            "the selection is too scattered for a rule", hint=tr("say by rules which tensors are kept, or copy Python")
        )
    return around.name, (Exclude(f"-/^(?:{pattern})$/"),) if len(side) < len(around.rows) else ()


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
