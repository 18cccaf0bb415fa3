"""Companions: what a training run saves beside its model, shown with it as one checkpoint.

JSON goes beside the model's tensors, which keep their names. Where a file beside holds tensors as well (an optimizer,
random states), the model goes under "model" and each file under its own name. What cannot be read is a problem that
names it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdviewer.checkpoint.document import Description, Problem, Shard
from sdviewer.checkpoint.names import encode_part
from sdviewer.checkpoint.structure import Node
from sdviewer.checkpoint.tensor_problems import rows_named
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.errors import CannotOpen, CannotRead
from sdviewer.formats.companion_names import (
    ADAPTER_CONFIG,
    CONFIG,
    MODEL,
    WITH_STATE,
    companions_among,
    is_model,
    is_note,
    is_state,
    is_state_folder,
)
from sdviewer.formats.files import LocalSources
from sdviewer.formats.json_notes import note_of, read_note
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.shard_join import ReadShard
from sdviewer.formats.sharded import ReadSource, read_shard

_FOLDERS_TOLD = 5
_NOT_IN_A_NAME = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class Beside:
    """What was opened, by name: `weights` is what the model would be called in one file; `folders` lie beside it."""

    folder: Path
    file: str
    weights: str
    folders: tuple[str, ...] = ()


def with_companions(
    model: Description,
    beside: Beside,
    names: Sequence[str],
    sources: LocalSources,
    control: Control,
    read_source: ReadSource,
) -> tuple[Description, tuple[str, ...]]:
    """The model with what the folder's `names` tell to belong to it, and which files these are."""
    with_states = is_model(beside.weights) or is_state(beside.file)
    chosen = [
        name for name in companions_among(names, with_states=with_states) if name not in (beside.file, beside.weights)
    ]
    shards_of_state = _state_in_folders(beside) if with_states else []
    if not chosen and not beside.weights.startswith("adapter_model"):
        return dataclasses.replace(model, problems=(*model.problems, *shards_of_state)), ()
    notes: dict[str, Any] = {}
    read: list[ReadShard] = []
    problems: list[Problem] = []
    parts: dict[str, Part] = {}
    for name in chosen:
        control.check()
        if is_note(name):
            try:
                notes[name] = read_note(sources.get(sources.add_file(beside.folder / name)))
                parts[name] = Part(note_of(name, notes[name]))
            except (CannotOpen, CannotRead) as error:
                problems.append(_unread(name, error.message))
            continue
        one = read_shard(str(beside.folder), name, sources, control, read_source)
        read.append(one)
        if one.description is None:
            problems.append(_unread(name, one.reason or "it is not there"))
        else:
            parts[name] = Part(one.description, name)
    problems = [*_findings(model, notes, beside), *problems, *shards_of_state]
    has_states = any(part.name is not None and part.description.tensors.listed for part in parts.values())
    is_alone = not has_states and model.root == "mapping" and model.structure.kind[0] == Node.MAPPING
    own = None if is_alone else MODEL if is_model(beside.weights) else beside.file
    before = [_placed(problem, model, own) for problem in (*model.problems, *problems)]
    of_files = [
        _placed(problem, part.description, name)
        for name, part in parts.items()
        if part.name is not None
        for problem in (*part.description.problems, *_of_state(name, part.description, model, beside))
    ]
    if is_alone:
        parts = {name: _beside_plain(part, model) for name, part in parts.items()}
    whole = merge(
        [Part(_told_of(model), own), *(Part(_told_of(part.description), part.name) for part in parts.values())],
        root_type=model.structure.type_name(0) if is_alone else "dict",
    )
    own_file = Shard(beside.file, model.tensors.listed, _size(beside))
    return (
        dataclasses.replace(
            whole,
            format=model.format if is_alone else model.format + WITH_STATE,
            problems=(*before, *of_files),
            shards=(*(model.shards or (own_file,)), *(one.shard for one in read)) if read else model.shards,
            torch_lines=model.torch_lines if is_alone else _torch_lines(model, parts),
        ),
        tuple(chosen),
    )


def _findings(model: Description, notes: dict[str, Any], beside: Beside) -> list[Problem]:
    """What the configuration says and the tensors do not."""
    found: list[Problem] = []
    if beside.weights.startswith("adapter_model"):
        # Not where the file is there and cannot be read, which is told already.
        if ADAPTER_CONFIG in notes or not (beside.folder / ADAPTER_CONFIG).exists():
            from sdviewer.formats.adapter_check import check_adapter

            found += check_adapter(notes.get(ADAPTER_CONFIG), model)
    elif CONFIG in notes:
        from sdviewer.formats.config_check import check_config

        found += check_config(notes[CONFIG], model)
    return found


def _of_state(name: str, state: Description, model: Description, beside: Beside) -> list[Problem]:
    """What the state of an optimizer shows of another model."""
    if not is_model(beside.weights) or not name.startswith("optimizer"):
        return []
    from sdviewer.formats.state_check import check_state

    return check_state(name, state, model)


def _state_in_folders(beside: Beside) -> list[Problem]:
    """Sharded training state lies in folders, which are checkpoints of their own."""
    found = [name for name in beside.folders if is_state_folder(name)]
    if not found:
        return []
    verb = "each can" if len(found) > 1 else "it can"
    some = f"{', '.join(found[:_FOLDERS_TOLD])}{' …' if len(found) > _FOLDERS_TOLD else ''}"
    text = f"more of the training state lies in {plural(len(found), 'folder')}, {verb} be opened by itself: {some}"
    return [Problem("extra", "info", text, str(beside.folder / found[0]))]


def _unread(name: str, reason: str) -> Problem:
    return Problem("partial", "error", f"{name} cannot be read: {reason}; the rest is shown", name)


def _size(beside: Beside) -> int:
    try:
        return (beside.folder / beside.file).stat().st_size
    except OSError:
        return 0


def _told_of(description: Description) -> Description:
    """Without its problems, which are placed here."""
    return dataclasses.replace(description, problems=(), shards=())


def _beside_plain(part: Part, model: Description) -> Part:
    """The same without tensors, so that it leaves the keys of a bare state_dict as they are."""
    if part.name is None:
        return part
    named = merge([part])
    structure = dataclasses.replace(named.structure, plain_keys=model.structure.plain_keys)
    return Part(dataclasses.replace(named, structure=structure))


def _placed(problem: Problem, description: Description, name: str | None) -> Problem:
    """The same problem, its tensor called as it is once the description stands under `name`."""
    if name is None or not problem.where:
        return problem
    file, colon, inner = problem.where.rpartition(": ")
    table = description.tensors
    told = rows_named(table.name, table.listed, [problem.where, inner])
    if not told:
        return problem
    if problem.where in told:
        file, colon, inner = "", "", problem.where
    tensor = encode_part(inner) if description.structure.plain_keys else inner
    # The tensor's whole name says in which file it is.
    return dataclasses.replace(problem, where=f"{encode_part(name)}/{tensor}" if tensor else f"{file}{colon}{name}")


def _torch_lines(model: Description, parts: dict[str, Part]) -> tuple[str, ...]:
    """The lines that load the model, then each file beside it into a variable of its own."""
    lines = list(model.torch_lines)
    for name, part in parts.items():
        if part.name is None or not part.description.torch_lines:
            continue
        variable = _NOT_IN_A_NAME.sub("_", Path(name).stem)
        lines += [line.replace("checkpoint = ", f"{variable} = ", 1) for line in part.description.torch_lines]
    return tuple(line for at, line in enumerate(lines) if not line.startswith("import ") or line not in lines[:at])
