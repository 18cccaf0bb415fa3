"""Writing: a plan to a file, whole or not at all.

The file grows under a hidden name beside the target, is flushed to disk, read again and compared with the
source, and only then takes the target's name. Several files of a sharded target do so as one folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.structure import Node
from sdviewer.control import Control
from sdviewer.edit.npz_file import write_npz
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.planned_keys import PlannedKey
from sdviewer.edit.safetensors_file import Entry, in_file_order, write_safetensors
from sdviewer.edit.storages import Piece
from sdviewer.edit.ties import tie_groups, ties
from sdviewer.edit.torch_file import write_torch
from sdviewer.edit.verifying import verify
from sdviewer.errors import CannotWrite
from sdviewer.formats.companion_names import MODEL, WITH_STATE
from sdviewer.whole_file import set_usual_mode

_TIES = "sdviewer.ties"
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors|model\.safetensors\.index\.json")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written."""

    file: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a plan: the files, and whether they were compared with the source."""

    files: tuple[WrittenFile, ...]
    verified: bool


class Refused(CannotWrite):
    """The plan has refusals; nothing was written."""

    kind = "refused"


def write(
    plan: ExportPlan,
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    replace_source: bool = False,
    check: bool = True,
    control: Control | None = None,
) -> Written:
    """Carry out a plan. Progress is in bytes: written, and read again where `check`.

    Raises:
        Refused: the plan has refusals.
        CannotWrite: the target exists and may not be replaced, is the source, or the disk says no; or what was
            written is not what it should be. The target's name holds what it held before.
        CannotRead: bytes of the source are not to be had any more, or the source changed meanwhile.
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    if plan.refusals:
        raise Refused("; ".join(map(str, plan.refusals)), file=os.fspath(target))
    place = Path(target)
    _check_target(plan, place, overwrite=overwrite, replace_source=replace_source)
    total = plan.nbytes * (2 if check else 1)
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        control.report(min(done, total), total, "writing")

    try:
        if plan.options.target == "sharded":
            files = _write_shards(plan, place, told, control, check=check)
        else:
            files = [_write_file(plan, place, told, control, check=check)]
    except OSError as error:
        if isinstance(error, CannotWrite) or error.errno is None:
            raise
        raise CannotWrite(f"cannot be written: {error.strerror}", file=str(place)) from error
    control.report(total, total, "writing")
    return Written(tuple(files), check)


def _check_target(plan: ExportPlan, place: Path, *, overwrite: bool, replace_source: bool) -> None:
    source = Path(plan.source.checkpoint.path)
    if not place.parent.is_dir():
        raise CannotWrite("its folder does not exist", file=str(place), hint="make the folder first")
    if not place.exists():
        return
    if source.exists() and place.samefile(source) and not replace_source:
        raise CannotWrite("is the checkpoint itself", file=str(place), hint="choose another name")
    if not overwrite:
        raise CannotWrite("exists already", file=str(place), hint="choose another name, or overwrite it")
    if place.is_dir() != (plan.options.target == "sharded"):
        raise CannotWrite("is a folder" if place.is_dir() else "is a file", file=str(place), hint="choose another name")
    if place.is_dir():
        check_folder(place)


def check_folder(place: Path) -> None:
    """A folder is replaced as a whole, so nothing may be in it but shards and their index.

    Raises:
        CannotWrite: something else is in it.

    """
    other = next((entry.name for entry in place.iterdir() if not _SHARD.fullmatch(entry.name)), None)
    if other is not None:
        message = f"holds other files than shards, such as {other!r}, which would be lost"
        raise CannotWrite(message, file=str(place), hint="choose another name")


def _write_file(
    plan: ExportPlan, place: Path, told: Callable[[int], None], control: Control, *, check: bool
) -> WrittenFile:
    descriptor, hidden = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=f".part{place.suffix}")
    path = Path(hidden)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(plan, place.name, file, told, control)
            _settle(file)
        if check:
            verify(plan, written_keys(plan), path, _reading(control, told, plan))
        nbytes = path.stat().st_size
        path.replace(place)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    _flush_folder(place.parent)
    return WrittenFile(str(place), nbytes)


def _fill(plan: ExportPlan, name: str, file: IO[bytes], told: Callable[[int], None], control: Control) -> None:
    match plan.options.target:
        case "pt":
            write_torch(plan, name, file, told, control)
        case "npz":
            write_npz(_entries(plan, written_keys(plan)), file, told, control)
        case _:
            entries = in_file_order(_entries(plan, written_keys(plan)))
            write_safetensors(entries, _metadata(plan), file, told, control)


def _write_shards(
    plan: ExportPlan, place: Path, told: Callable[[int], None], control: Control, *, check: bool
) -> list[WrittenFile]:
    folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part"))
    try:
        files = _fill_folder(plan, folder, told, control)
        if check:
            verify(plan, written_keys(plan), folder, _reading(control, told, plan))
        folder.chmod(0o777 & ~_mask())
        _swap(folder, place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _flush_folder(place.parent)
    return [WrittenFile(str(place / name), nbytes) for name, nbytes in files]


def _fill_folder(
    plan: ExportPlan, folder: Path, told: Callable[[int], None], control: Control
) -> list[tuple[str, int]]:
    """`model-00001-of-00003.safetensors` … and the index, as Hugging Face's libraries name and read them."""
    shards = _shards(_entries(plan, written_keys(plan)), plan.options.shard_bytes)
    names = [f"model-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
    metadata = {"format": "pt", **_metadata(plan)}
    files = []
    for name, shard in zip(names, shards, strict=True):
        with (folder / name).open("xb") as file:
            write_safetensors(in_file_order(shard), metadata, file, told, control)
            _settle(file)
            files.append((name, file.tell()))
    index = {
        "metadata": {"total_size": sum(entry.nbytes for shard in shards for entry in shard)},
        "weight_map": {entry.name: name for name, shard in zip(names, shards, strict=True) for entry in shard},
    }
    text = json.dumps(index, indent=2, ensure_ascii=False).encode("utf-8")
    index_name = "model.safetensors.index.json"
    with (folder / index_name).open("xb") as file:
        file.write(text)
        _settle(file)
    return [*files, (index_name, len(text))]


def _shards(entries: Sequence[Entry], most: int) -> list[list[Entry]]:
    """Entries in their order, at most `most` bytes a shard, but one tensor at least."""
    shards: list[list[Entry]] = [[]]
    size = 0
    for entry in entries:
        if shards[-1] and size + entry.nbytes > most:
            shards.append([])
            size = 0
        shards[-1].append(entry)
        size += entry.nbytes
    return shards


def written_keys(plan: ExportPlan) -> list[PlannedKey]:
    """The keys of the plan that get bytes of their own: without ties that are only noted."""
    if plan.options.target == "pt" or plan.options.ties == "copies":
        return list(plan.keys)
    tied = _ties(plan)
    return [key for key in plan.keys if key.new not in tied]


def _ties(plan: ExportPlan) -> dict[str, str]:
    """New name of each tensor that lies exactly where an earlier one lies → that one's new name."""
    new = plan.keys.new
    pairs = zip(*(column.tolist() for column in ties(plan.keys, tie_groups(plan.source.side))), strict=True)
    return {new[tied]: new[first] for tied, first in pairs}


def _entries(plan: ExportPlan, keys: Sequence[PlannedKey]) -> list[Entry]:
    return [
        Entry(
            key.new,
            Piece(plan.ref(key), key.dtype_after if key.dtype_after != key.dtype_before else ""),
            key.dtype_after,
            key.shape,
            key.nbytes,
        )
        for key in keys
    ]


def _metadata(plan: ExportPlan) -> dict[str, str]:
    """What the source has in its header, changed as asked; an empty text drops an entry."""
    merged = {**source_metadata(plan.source.checkpoint), **plan.options.metadata}
    metadata = {key: text for key, text in merged.items() if text}
    if plan.options.ties == "once" and (tied := _ties(plan)):
        metadata[_TIES] = json.dumps(tied, ensure_ascii=False)
    return metadata


def source_metadata(checkpoint: Checkpoint) -> dict[str, str]:
    """The texts in the header of a safetensors file, empty for other files."""
    structure = checkpoint.description.structure
    if "safetensors" not in checkpoint.format or not len(structure):
        return {}
    places = list(structure.children(0))
    if checkpoint.format.endswith(WITH_STATE):
        # In a folder with training state the model stands under a name of its own.
        places += [inner for node in places if structure.part[node] == MODEL for inner in structure.children(node)]
    for node in places:
        if structure.part[node] == "__metadata__" and structure.kind[node] == Node.MAPPING:
            texts = {
                str(decode_part(structure.part[child])): json.loads(structure.values[int(structure.ref[child])])
                for child in structure.children(node)
                if structure.kind[child] == Node.SCALAR
            }
            return {key: text for key, text in texts.items() if isinstance(text, str)}
    return {}


def _reading(control: Control, told: Callable[[int], None], plan: ExportPlan) -> Control:
    """A control for reading again: its progress, of bytes on both sides, counts on."""
    before = 0

    def advance(done: int, total: int, _: str) -> None:
        nonlocal before
        share = plan.nbytes * done // total if total else 0
        told(max(share - before, 0))
        before = max(share, before)

    reading = Control(advance)
    control.when_cancelled(reading.cancel)
    return reading


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
    set_usual_mode(file.fileno())


def _swap(folder: Path, place: Path) -> None:
    """Give a folder its name; an older one stands aside until it has it."""
    if not place.exists():
        folder.rename(place)
        return
    aside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=".old"))
    aside.rmdir()
    place.rename(aside)
    try:
        folder.rename(place)
    except BaseException:
        aside.rename(place)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _flush_folder(folder: Path) -> None:
    """A rename is on disk once its folder is."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
