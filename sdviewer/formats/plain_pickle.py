"""Pickles without torch around them: numpy arrays, lists, dicts and whatever else, shown as what they are."""

from __future__ import annotations

import re
from pathlib import PurePath

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.table import Encoding, TableBuilder
from sdviewer.errors import Damaged, NotACheckpoint, UnsupportedFormat
from sdviewer.formats import conversions
from sdviewer.formats import globals as known_globals
from sdviewer.formats.pickle_values import Mapping, Opaque, TensorNode
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_pickle import TorchPickle

# What a pickle of protocol 0 or 1 may begin with: MARK, GLOBAL, a container, a number or a text.
_TEXT_STARTS = b"(c]}l)dINFSVKMJLUXTG"
_GLOBAL = re.compile(rb"c([A-Za-z_][\w.]*)\n([A-Za-z_][\w.]*)\n[(q.R)p\x85X]")
# Behind each of these joblib writes the array's bytes, which no opcode announces.
_JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
# Shorter ones are two letters of text as well as pickles of nothing.
_SHORTEST_TEXT = 6


def matches(reading: Reading) -> bool:
    """A protocol opcode, or text that reads as a pickle."""
    head = reading.head
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        return True
    return head[:1] in _TEXT_STARTS and bool(head) and (_calls_at_once(head) or _reads_as_pickle(reading))


def _calls_at_once(head: bytes) -> bool:
    """Whether it begins with a global that does harm: worth telling even if the rest is broken."""
    named = _GLOBAL.match(head)
    return named is not None and known_globals.classify(b".".join(named.groups()).decode("ascii")) == "dangerous"


def _reads_as_pickle(reading: Reading) -> bool:
    """Whether text that may be a pickle builds one value to its last byte, or one that holds something."""
    pickle = TorchPickle(reading, reading.index, _no_storage)
    inline = reading.sources.inline
    before = len(inline)
    try:
        value = pickle.load(0)
    except (Damaged, NotACheckpoint):
        return False
    finally:
        # `read` comes to the same arrays again.
        del inline[before:]
    if _is_partial(pickle):
        return False
    is_whole = pickle.machine.position == reading.source.size >= _SHORTEST_TEXT
    return is_whole or isinstance(value, Opaque | TensorNode) or (isinstance(value, Mapping) and bool(value.items))


def _is_partial(pickle: TorchPickle) -> bool:
    return any(problem.kind == "partial" for problem in pickle.problems)


def read(reading: Reading) -> Description:
    """Describe the file; see `Reader.read`."""
    pickle = TorchPickle(reading, reading.index, _no_storage)
    walked = pickle.walk(pickle.load(0))
    found = pickle.global_uses()
    if {use.name for use in found if use.klass == "dangerous"} == {_JOBLIB_ARRAY} and _is_partial(pickle):
        raise UnsupportedFormat(
            "is a file of joblib: its arrays lie amid a pickle",
            file=reading.source.label,
            hint=conversions.filled_in(conversions.JOBLIB, PurePath(reading.source.label).name),
        )
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
