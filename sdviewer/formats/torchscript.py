"""TorchScript archives, mobile ones too: tensors by attribute name, code as text. Nothing is run or compiled."""

from __future__ import annotations

from typing import Any

from sdviewer.checkpoint.coverage import unshown_bytes
from sdviewer.checkpoint.document import Description, Problem, TextEntry
from sdviewer.errors import CannotOpen
from sdviewer.formats import globals as known_globals
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_zip import Archive, pickle_prefix
from sdviewer.formats.zip_directory import DEFLATED, STORED


def matches(reading: Reading) -> bool:
    """A torch archive with constants.pkl, as torch itself tells."""
    if not reading.is_zip:
        return False
    prefix = pickle_prefix(reading.directory)
    return prefix is not None and f"{prefix}constants.pkl" in reading.directory.index


def read(reading: Reading) -> Description:
    """Describe the archive; see `Reader.read`."""
    archive = Archive(reading)
    pickle = archive.open_pickle("data.pkl", "data/")
    value = pickle.load(0)
    extra: list[tuple[str, Any]] = []
    constants = None
    try:
        constants = archive.open_pickle("constants.pkl", "constants/", pickle.builder)
        loaded = constants.load(0)
    except CannotOpen as error:
        loaded = ()
        pickle.problems.append(Problem("partial", "error", error.message, error.file))
    if loaded not in ((), None):
        extra.append(("constants", loaded))
    walked = pickle.walk(value, scripted=True, extra=extra)
    if constants is not None:
        pickle.global_names.update(constants.global_names)
        pickle.problems += constants.problems
    found = pickle.global_uses()
    return Description(
        format="torchscript",
        tensors=walked.tensors,
        structure=walked.structure,
        root=walked.root,
        globals=found,
        problems=(*archive.problems, *pickle.problems),
        texts=_texts(archive),
        duplicates=(*archive.duplicates, *walked.duplicates),
        module_classes=walked.module_classes,
        module_versions=walked.module_versions,
        torch_lines=known_globals.torchscript_lines(reading.source.label, found),
        unshown_bytes=archive.unused_bytes() + unshown_bytes(walked.tensors),
    )


def _texts(archive: Archive) -> tuple[TextEntry, ...]:
    """Source code and other readable entries of the archive."""
    prefix, source = archive.prefix, archive.reading.index
    return tuple(
        TextEntry(
            entry.name.removeprefix(prefix), source, entry.offset, entry.size, entry.stored, entry.method == DEFLATED
        )
        for entry in archive.directory
        if entry.name.removeprefix(prefix).startswith(("code/", "extra/"))
        and not entry.name.endswith(".debug_pkl")
        and entry.method in (STORED, DEFLATED)
        and entry.offset >= 0
    )
