"""Folders: which of the files in one is the checkpoint, and to which whole a single shard belongs.

Decided by names, from the table below; what is left aside is named in a problem, so that nothing is hidden.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdviewer.checkpoint.document import Description, Problem
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.errors import CannotOpen, Damaged, NotACheckpoint, NotPermitted, UnsupportedFormat
from sdviewer.formats import dcp, dcp_safetensors
from sdviewer.formats.companions import Beside, with_companions
from sdviewer.formats.deepspeed_names import LATEST, is_of_rank, zero_files
from sdviewer.formats.files import LocalSources
from sdviewer.formats.reading import Reading
from sdviewer.formats.shard_names import (
    CHECKPOINT_SUFFIXES,
    FOREIGN_SUFFIXES,
    Family,
    families,
    index_weights,
    is_distributed,
    is_index,
    natural_key,
    parse_shard,
)
from sdviewer.formats.sharded import ReadSource, read_family, read_indexed

# Which name is the checkpoint of a folder: the first row that one fits wins. Safetensors come before pickles, a file
# before its variants (model.fp16.safetensors).
_PREFERENCES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (whose, re.compile(pattern, re.IGNORECASE))
    for whose, pattern in (
        ("transformers, Accelerate, Trainer", r"model\.safetensors"),
        ("transformers, a variant or one of several models", r"model[._].+\.safetensors"),
        ("diffusers", r"diffusion_pytorch_model\.safetensors"),
        ("diffusers, a variant", r"diffusion_pytorch_model\..+\.safetensors"),
        ("PEFT", r"adapter_model\.safetensors"),
        ("other safetensors", r".*\.safetensors"),
        ("transformers, Accelerate, Trainer", r"pytorch_model\.bin"),
        ("transformers, a variant or one of several models", r"pytorch_model[._].+\.bin"),
        ("diffusers", r"diffusion_pytorch_model\.bin"),
        ("diffusers, a variant", r"diffusion_pytorch_model\..+\.bin"),
        ("PEFT", r"adapter_model\.bin"),
        ("DeepSpeed", r"mp_rank_\d+_model_states\.pt"),
        ("the best of a run", r"(.*[^a-z])?best([^a-z].*)?"),
        ("the last of a run", r"(.*[^a-z])?(last|latest|final)([^a-z].*)?"),
        ("weights by name", r".*(model|weights|state_dict|checkpoint|ckpt).*\..*"),
    )
)
# What a training run saves beside its model.
_COMPANION = re.compile(
    r"(.*[^a-z])?(optim(i[sz]er)?s?|sched(uler)?s?|scaler|sampler|rng_states?|random_states?|training_args)([^a-z].*)?",
    re.IGNORECASE,
)
_UNKNOWN, _BESIDE, _FOREIGN = len(_PREFERENCES), len(_PREFERENCES) + 1, len(_PREFERENCES) + 2

# A folder of files that are all called like checkpoints and are none is given up after so many.
_MOST_TRIED = 8
_NAMES_TOLD = 20
_FOLDERS_TOLD = 5
_STEP = 1 << 20

# Checkpoints that are folders and are not read, by a file that each of them has.
_FOREIGN_FOLDERS = {
    "saved_model.pb": ("is a TensorFlow SavedModel", "export its variables with tf.saved_model.load and numpy.savez"),
    "_CHECKPOINT_METADATA": (
        "is a checkpoint of Orbax (JAX, Flax)",
        "restore it with orbax.checkpoint.PyTreeCheckpointer, and save its arrays with numpy.savez",
    ),
    "Manifest.json": (
        "is a Core ML package",
        "take its weights from coremltools.optimize.coreml.get_weights_metadata, and save them with numpy.savez",
    ),
}


@dataclass(frozen=True, slots=True)
class _Whole:
    """Something in a folder that can be opened as one checkpoint: an index, a family of shards, a file."""

    name: str
    rank: int
    family: Family | None = None


def read_folder(text: str, sources: LocalSources, control: Control, read_source: ReadSource) -> Description:
    """What a folder, or an index of shards, holds.

    Raises:
        CannotOpen: there is no checkpoint in it, or nothing of it could be read.

    """
    path = Path(text)
    # Not the methods of Path, which raise for a name that is too long or a folder that may not be entered.
    if not os.path.isdir(text):  # noqa: PTH112  # see above
        names, _ = _list(path.parent) if os.path.exists(text) else ([], [])  # noqa: PTH110  # see above
        if is_distributed(path.name):
            return _read_distributed(str(path.parent), names, sources, control)
        return read_indexed(str(path.parent), path.name, names, sources, control, read_source)
    names, folders = _list(path)
    wholes = _wholes(names)
    if any(map(is_distributed, names)):
        try:
            return _with_others(_read_distributed(text, names, sources, control), (), names, text, ())
        except NotACheckpoint:
            # Something else calls its files so.
            if not wholes:
                raise
    if zero_files(names):
        from sdviewer.formats import deepspeed

        return _with_others(deepspeed.read_folder(text, names, sources, control, read_source), (), names, text, ())
    if LATEST in names and (not wholes or wholes[0].rank >= _UNKNOWN):
        from sdviewer.formats import deepspeed

        if step := deepspeed.step_folder(text, folders):
            if LATEST in (inside := _list(Path(step))[0]) and not zero_files(inside):
                raise Damaged("is a step, and refers to a further one", file=step)
            return _of_step(read_folder(step, sources, control, read_source), text, step, names, folders)
    if not wholes or wholes[0].rank == _FOREIGN:
        _refuse_foreign(text, names)
    if not wholes:
        raise _nothing_there(text, names, folders)
    cut = dcp_safetensors.cut_files(names)
    if cut and not is_index(wholes[0].name):
        description = dcp_safetensors.read_folder(text, names, sources, control, read_source)
        return _with_others(description, cut, names, text, ())
    refusals: list[tuple[str, CannotOpen]] = []
    for whole in wholes[:_MOST_TRIED]:
        if refusals and whole.rank == _BESIDE and wholes[0].rank < _UNKNOWN:
            # An optimizer is no stand-in for its model.
            break
        try:
            description = _read_whole(path, whole, names, sources, control, read_source)
        except CannotOpen as error:
            refusals.append((whole.name, error))
            # That the checkpoint is damaged is what must be told, not what lies beside it.
            if not is_index(whole.name) and not isinstance(error, NotACheckpoint | UnsupportedFormat):
                break
        else:
            beside = Beside(path, whole.name, _weights(whole), tuple(folders))
            description, taken = with_companions(description, beside, names, sources, control, read_source)
            return _with_others(description, (whole.name, *taken), names, text, refusals)
    raise refusals[0][1]


def _read_distributed(folder: str, names: Sequence[str], sources: LocalSources, control: Control) -> Description:
    if not dcp.metadata_names(names):
        raise dcp.unfinished(folder, names)
    return dcp.read_folder(folder, names, sources, control)


def _of_step(
    description: Description, folder: str, step: str, names: Sequence[str], folders: Sequence[str]
) -> Description:
    """The description of the last step of a run, with a word on the others."""
    others = [name for name in folders if name != Path(step).name]
    problems = list(description.problems)
    if others:
        more = f" and {len(others) - _FOLDERS_TOLD:,} more" if len(others) > _FOLDERS_TOLD else ""
        message = (
            f"{Path(step).name} is shown, which the file 'latest' names; open others by themselves: "
            f"{', '.join(others[:_FOLDERS_TOLD])}{more}"
        )
        problems.append(Problem("extra", "info", message, folder))
    return _with_others(dataclasses.replace(description, problems=tuple(problems)), (), names, folder, ())


def as_part(description: Description, text: str) -> Description:
    """The description of a single file that is called like a shard, with the whole that it belongs to."""
    path = Path(text)
    if dcp_safetensors.cut_files([path.name]):
        message = f"holds parts of tensors; open {path.parent} to see them whole"
        problem = Problem("part", "info", message, path.name)
        return dataclasses.replace(description, part_of=str(path.parent), problems=(*description.problems, problem))
    if is_of_rank(path.name):
        message = f"holds what one rank keeps, without names; open {path.parent} to see parameters by name"
        problem = Problem("part", "info", message, path.name)
        return dataclasses.replace(description, part_of=str(path.parent), problems=(*description.problems, problem))
    shard = parse_shard(path.name)
    if shard is None or shard.family.total < 2:
        return description
    try:
        names, _ = _list(path.parent)
    except CannotOpen:
        names = []
    whole = ""
    index = next((name for name in names if is_index(name) and _mentions(path.parent / name, path.name)), None)
    if index is not None:
        whole = str(path.parent / index)
    siblings = families(names).get(shard.family, {})
    if not whole and len(siblings) > 1 and _wholes(names)[0].family == shard.family:
        whole = str(path.parent)
    message = f"is shard {shard.number:,} of {shard.family.total:,} of {shard.family.weights}"
    if whole:
        message += f"; open {whole} to see the whole"
    elif len(siblings) <= 1:
        message += "; the others are not beside it"
    problem = Problem("part", "info", message, path.name)
    return dataclasses.replace(description, part_of=whole, problems=(*description.problems, problem))


def _mentions(index: Path, name: str) -> bool:
    """Whether an index holds a file name, by a look at its text alone."""
    # As writers of JSON have it, with escapes or without.
    sought = {json.dumps(name).encode("ascii"), f'"{name}"'.encode("utf-8", "surrogateescape")}
    try:
        with index.open("rb") as file:
            before = b""
            while piece := file.read(_STEP):
                if any(text in before + piece for text in sought):
                    return True
                before = piece[-max(map(len, sought)) :]
    except OSError:
        return False
    return False


def _list(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders in a folder.

    Raises:
        NotPermitted, Damaged: it cannot be listed.

    """
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    (folders if entry.is_dir() else files).append(entry.name)
                except OSError:
                    # A link in a loop: whoever reads it is told.
                    files.append(entry.name)
    except PermissionError as error:
        raise NotPermitted("may not be listed", file=str(folder), hint="check its permissions") from error
    except OSError as error:
        raise Damaged(f"cannot be listed: {error.strerror}", file=str(folder)) from error
    return sorted(files, key=natural_key), sorted(folders, key=natural_key)


def _wholes(names: Sequence[str]) -> list[_Whole]:
    """What can be opened, the best first: an index, then what the table prefers; of equals the last by number."""
    indexes = [_Whole(name, _rank(index_weights(name))) for name in names if is_index(name)]
    weights = [name for name in names if name.lower().endswith(CHECKPOINT_SUFFIXES + FOREIGN_SUFFIXES)]
    groups = {family: shards for family, shards in families(weights).items() if family.total > 1}
    in_groups = {name for shards in groups.values() for name in shards.values()}
    others = [
        *(_Whole(min(shards.values()), _rank(family.weights), family) for family, shards in groups.items()),
        *(_Whole(name, _rank(name)) for name in reversed(weights) if name not in in_groups),
    ]
    # An index of shards beside the same tensors in one file: the sort is stable, families come first.
    return [*sorted(indexes, key=lambda whole: whole.rank), *sorted(others, key=lambda whole: whole.rank)]


def _weights(whole: _Whole) -> str:
    """What it would be called in one file."""
    return whole.family.weights if whole.family is not None else index_weights(whole.name)


def _rank(name: str) -> int:
    """How much a name sounds like the checkpoint of its folder: 0 most."""
    if name.lower().endswith(FOREIGN_SUFFIXES):
        return _FOREIGN
    if _COMPANION.fullmatch(name):
        return _BESIDE
    return next((rank for rank, (_, row) in enumerate(_PREFERENCES) if row.fullmatch(name)), _UNKNOWN)


def _read_whole(
    folder: Path,
    whole: _Whole,
    names: Sequence[str],
    sources: LocalSources,
    control: Control,
    read_source: ReadSource,
) -> Description:
    if whole.family is not None:
        shards = families(names)[whole.family]
        return read_family(str(folder), whole.family, shards, sources, control, read_source)
    if is_index(whole.name):
        return read_indexed(str(folder), whole.name, names, sources, control, read_source)
    return read_source(Reading(sources, sources.add_file(folder / whole.name), control))


def _with_others(
    description: Description,
    opened: Sequence[str],
    names: Sequence[str],
    folder: str,
    refusals: Sequence[tuple[str, CannotOpen]],
) -> Description:
    """The description with a problem that names what else lies in the folder."""
    shown = {*opened, *(name for name, _ in refusals), *(shard.file for shard in description.shards)}
    others = [
        name for name in names if name not in shown and (is_index(name) or name.lower().endswith(CHECKPOINT_SUFFIXES))
    ]
    problems = [
        Problem("irregular", "warning", f"could not be opened and was passed over: {error.message}", name)
        for name, error in refusals
    ]
    if others:
        more = f" and {len(others) - _NAMES_TOLD:,} more" if len(others) > _NAMES_TOLD else ""
        problems.append(
            Problem(
                "extra",
                "info",
                f"{plural(len(others), 'more file')} in the folder may hold tensors, each can be opened by itself: "
                f"{', '.join(others[:_NAMES_TOLD])}{more}",
                folder,
            )
        )
    return dataclasses.replace(description, problems=(*description.problems, *problems)) if problems else description


def _refuse_foreign(folder: str, names: Sequence[str]) -> None:
    """Raise if the folder is a checkpoint of a kind that is not read."""
    for mark, (what, how) in _FOREIGN_FOLDERS.items():
        if mark in names:
            raise UnsupportedFormat(f"{what}, which sdviewer does not read", file=folder, hint=f"convert it: {how}")


def _nothing_there(folder: str, names: Sequence[str], folders: Sequence[str]) -> NotACheckpoint:
    hint = "open the file itself" if names else ""
    if folders:
        more = " …" if len(folders) > _FOLDERS_TOLD else ""
        hint = f"subfolders are not searched, open one of them: {', '.join(folders[:_FOLDERS_TOLD])}{more}"
    looked_for = ", ".join(f"*{suffix}" for suffix in (".index.json", *CHECKPOINT_SUFFIXES))
    message = f"holds no checkpoint among its {plural(len(names), 'file')} (looked for {looked_for})"
    return NotACheckpoint(message, file=folder, hint=hint)
