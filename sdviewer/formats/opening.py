"""Opening: looks at the content, picks the reader, makes the Checkpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.modules import build_tree
from sdviewer.checkpoint.sections import find_sections
from sdviewer.control import Control
from sdviewer.errors import CannotRead, Damaged
from sdviewer.formats.deepspeed_names import is_of_rank
from sdviewer.formats.files import LocalSources
from sdviewer.formats.reading import Reader, Reading
from sdviewer.formats.shard_names import is_distributed, is_index, parse_shard
from sdviewer.formats.zip_end import directory_bytes


def readers() -> Iterator[Reader]:
    """The readers in the order in which they are asked; one that claims a file has it.

    Each is imported when it is asked: for most files that is the first or the second.
    """
    from sdviewer.formats import safetensors

    yield safetensors
    from sdviewer.formats import torch_zip

    yield torch_zip
    from sdviewer.formats import torch_export, torch_legacy, torch_tar, torchscript

    yield from (torchscript, torch_export, torch_legacy, torch_tar)
    # Archives of torch hold pickles as well, and those of others may hold arrays.
    from sdviewer.formats import nested_archive, numpy_files, plain_pickle

    yield from (nested_archive, numpy_files, plain_pickle)


def describe(path: str | Path, control: Control | None = None) -> tuple[Description, LocalSources]:
    """What the file or folder holds, and the sources to read it from. Reads no payload.

    Raises:
        CannotOpen: nothing in it could be read.
        Cancelled: `control` was cancelled.
    """
    control = control or Control()
    text = os.fspath(path)
    sources = LocalSources()
    try:
        description = _describe(text, sources, control)
    except CannotRead as error:
        # It was cut short, or its disk failed, while it was being described.
        raise Damaged(error.message, file=error.file, hint=error.hint) from error
    return replace(description, inline=sources.seal_inline()), sources


def _describe(path: str, sources: LocalSources, control: Control) -> Description:
    # Not Path.is_dir(), which raises for a name that is too long or a folder that may not be entered.
    if os.path.isdir(path) or is_index(path) or is_distributed(path):  # noqa: PTH112  # see above
        from sdviewer.formats import folders

        return folders.read_folder(path, sources, control, read_source)
    description = read_source(Reading(sources, sources.add_file(path), control))
    if parse_shard(Path(path).name) or is_of_rank(Path(path).name):
        from sdviewer.formats import folders

        return folders.as_part(description, path)
    return description


def read_source(reading: Reading) -> Description:
    """Describe one file's source by the first reader that knows its content."""
    for reader in readers():
        if reader.matches(reading):
            return reader.read(reading)
    if not reading.is_zip and directory_bytes(reading.source) is not None:
        # An archive that something was put in front of: only its end tells.
        return read_source(replace(reading, shifted=True))
    from sdviewer.formats import foreign

    raise foreign.refusal(reading)


def assemble(path: str, description: Description, sources: LocalSources) -> Checkpoint:
    """The Checkpoint of a description: sections and module tree are made here."""
    sections = find_sections(description)
    return Checkpoint(
        path=path,
        file_bytes=sum(spec.size for spec in sources.specs if spec.kind == "file"),
        description=description,
        sections={section.name: section for section in sections},
        tree=build_tree(description, sections),
        sources=sources,
    )


def open_checkpoint(path: str | Path, control: Control | None = None) -> Checkpoint:
    """Open a checkpoint in this process; see `sdviewer.open` for one that guards against huge or hostile files.

    Raises:
        CannotOpen: nothing in it could be read.
        Cancelled: `control` was cancelled.
    """
    description, sources = describe(path, control)
    return assemble(os.fspath(path), description, sources)


__all__ = ["assemble", "describe", "open_checkpoint", "read_source"]
