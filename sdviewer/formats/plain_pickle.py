"""Pickles without torch around them: numpy arrays, lists, dicts and whatever else, shown as what they are."""

from __future__ import annotations

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.table import Encoding, TableBuilder
from sdviewer.errors import Damaged, NotACheckpoint
from sdviewer.formats import globals as known_globals
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_pickle import TorchPickle

# What a pickle of protocol 0 or 1 may begin with: MARK, GLOBAL, a container, a number or a text.
_TEXT_STARTS = b"(c]}l)dINFSVKMJLUXTG"


def matches(reading: Reading) -> bool:
    """A protocol opcode, or a text pickle that ends with STOP."""
    head = reading.head
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        return True
    return head[:1] in _TEXT_STARTS and bool(head) and _reads_as_pickle(reading)


def _reads_as_pickle(reading: Reading) -> bool:
    """Whether text that may be a pickle builds a value that holds something; plain words do not."""
    try:
        description = read(reading)
    except (Damaged, NotACheckpoint):
        return False
    return len(description.structure) > 1 and not any(problem.kind == "partial" for problem in description.problems)


def read(reading: Reading) -> Description:
    """Describe the file; see `Reader.read`."""
    pickle = TorchPickle(reading, reading.index, _no_storage)
    walked = pickle.walk(pickle.load(0))
    found = pickle.global_uses()
    return Description(
        format="pickle",
        tensors=walked.tensors,
        structure=walked.structure,
        root=walked.root,
        globals=found,
        problems=tuple(pickle.problems),
        duplicates=walked.duplicates,
        module_classes=walked.module_classes,
        module_versions=walked.module_versions,
        torch_lines=known_globals.torch_lines(reading.source.label, found, weights_only_reads=False),
    )


def _no_storage(builder: TableBuilder, key: str, dtype: Dtype | None, numel: int, location: str) -> int:
    # A pickle taken out of a torch archive refers to storages that are not here.
    del dtype, numel
    return builder.add_storage(key, source=-1, offset=0, nbytes=0, encoding=Encoding.MISSING, location=location)
