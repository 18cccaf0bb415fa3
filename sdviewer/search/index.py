"""SearchIndex: the columns of a checkpoint in the form in which the filter and the finder look at them.

It is made once a checkpoint, on a working thread, each part when it is first asked for.
"""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.dtypes import OTHER
from sdviewer.checkpoint.modules import ModuleTree, TreeNode
from sdviewer.checkpoint.sections import Section, section_keys
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.table import TensorTable
from sdviewer.search.query import FieldTest, Glob, Regex, Word
from sdviewer.search.texts import ByteBlock, Texts

Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_TESTS_REMEMBERED = 12
_SLASH, _DOT, _OPEN, _CLOSE = (ord(sign) for sign in "/.[]")


@dataclass(frozen=True, eq=False)
class Keys:
    """State_dict keys that are not the canonical names of their tensors: text `i` belongs to row `rows[i]`."""

    rows: Int64
    texts: Texts


class SearchIndex:
    """What is searched. `count` tensors are listed; every mask has one entry for each."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        # Not the checkpoint itself: the index lives as long as it does and may not keep it alive.
        self.description: Description = checkpoint.description
        self.table: TensorTable = checkpoint.table
        self.tree: ModuleTree = checkpoint.tree
        self.sections: tuple[Section, ...] = tuple(map(_unbound, checkpoint.sections.values()))
        self.specs: Sequence[SourceSpec] = checkpoint.sources.specs
        self.count = self.table.listed
        # Masks of the latest tests: while a term is typed, those before it stay as they are.
        self._remembered: dict[Word | Glob | Regex | FieldTest, Mask] = {}

    def remembered(self, test: Word | Glob | Regex | FieldTest) -> Mask | None:
        """The mask of a test that was evaluated lately."""
        return self._remembered.get(test)

    def remember(self, test: Word | Glob | Regex | FieldTest, mask: Mask) -> None:
        """Keep a mask for the next time."""
        while len(self._remembered) >= _TESTS_REMEMBERED:
            # Another thread may have made room just now.
            self._remembered.pop(next(iter(self._remembered)), None)
        mask.flags.writeable = False
        self._remembered[test] = mask

    @cached_property
    def names(self) -> Texts:
        """The canonical names."""
        return Texts.of(self.table.name, self.count)

    @cached_property
    def key_ends(self) -> Keys:
        """Keys that are the last stretch of their names: "encoder.0.weight" of "model/encoder.0.weight"."""
        below = self._below
        rows = np.flatnonzero((below > 0) & ~self._is_odd)
        return Keys(rows, Texts(self.names.block, self.names.starts[rows] + below[rows], self.names.ends[rows]))

    @cached_property
    def odd_keys(self) -> Keys:
        """Keys that are spelled otherwise: "state.0.exp_avg" of "optimizer/state/[0]/exp_avg"."""
        rows = np.flatnonzero(self._is_odd)
        if not len(rows):
            return Keys(rows, Texts(ByteBlock(b""), rows, rows))
        escaped = _have(self.names, rows, "~")
        plain, others = rows[~escaped], rows[escaped]
        column = _joined_by_dots(Texts(self.names.block, self.names.starts + self._below, self.names.ends), plain)
        spelled = dict(zip(others.tolist(), self._spell(others), strict=True))
        rest = StringColumn.of([spelled[row] for row in others.tolist()])
        both = StringColumn(
            column.data + rest.data, np.concatenate((column.offsets, rest.offsets[1:] + column.offsets[-1]))
        )
        return Keys(np.concatenate((plain, others)), Texts.of(both, len(both)))

    @cached_property
    def section_of(self) -> npt.NDArray[np.int32]:
        """The index into `sections` of each row, -1 for none."""
        result = np.full(self.count, -1, np.int32)
        for index, section in enumerate(self.sections):
            result[section.rows] = index
        return result

    @cached_property
    def nodes(self) -> Int64:
        """The tree node of each row, -1 for none."""
        result = np.full(self.count, -1, np.int64)
        tensors = np.flatnonzero(self.tree.what == TreeNode.TENSOR)
        result[self.tree.ref[tensors]] = tensors
        return result

    @cached_property
    def kind_of(self) -> npt.NDArray[np.int32]:
        """The index into `tree.kinds` of the module that holds each row, -1 for none."""
        parents = self.tree.parent[self.nodes]
        kinds = np.where((self.nodes >= 0) & (parents >= 0), self.tree.kind[parents], -1)
        return kinds.astype(np.int32)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The file in which each source lies: the last part of its path, "" for bytes inside the description."""
        return tuple(_file_of(self.specs, index) for index in range(len(self.specs)))

    @cached_property
    def own_dtypes(self) -> dict[str, Int64]:
        """Dtypes that only the file knows → the rows that have them."""
        rows = np.flatnonzero(self.table.dtype[: self.count] == OTHER.code)
        found: dict[str, list[int]] = {}
        for row in rows.tolist():
            found.setdefault(self.table.dtype_name(row).casefold(), []).append(row)
        return {name: np.array(rows, np.int64) for name, rows in found.items()}

    @cached_property
    def _below(self) -> Int64:
        """Bytes of each name before its key."""
        result = np.zeros(self.count, np.int64)
        if self.description.structure.plain_keys or self.description.root == "tensor":
            return result
        for section in self.sections:
            if section.node:
                result[section.rows] = len(section.path.encode("utf-8", "surrogatepass")) + 1
        return result

    @cached_property
    def _is_odd(self) -> Mask:
        """Rows whose keys are no stretch of their names; see `section_keys`."""
        if self.description.structure.plain_keys or self.description.root == "tensor":
            return np.zeros(self.count, np.bool_)
        every = np.arange(self.count)
        keys = Texts(self.names.block, self.names.starts + self._below, self.names.ends)
        return _have(keys, every, "/") | _have(self.names, every, "~") | _have(self.names, every, "[")

    def _spell(self, rows: Int64) -> list[str]:
        """The keys of some rows, one by one."""
        spelled: dict[int, str] = {}
        for index in np.unique(self.section_of[rows]).tolist():
            some = rows[self.section_of[rows] == index]
            keys = section_keys(self.description, dataclasses.replace(self.sections[index], rows=some))
            spelled.update(zip(some.tolist(), keys, strict=True))
        return [spelled[row] for row in rows.tolist()]


_indices: weakref.WeakKeyDictionary[Checkpoint, SearchIndex] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def index_of(checkpoint: Checkpoint) -> SearchIndex:
    """The index of a checkpoint, made on the first call and kept as long as the checkpoint."""
    with _lock:
        index = _indices.get(checkpoint)
        if index is None:
            index = _indices[checkpoint] = SearchIndex(checkpoint)
        return index


def _unbound(section: Section) -> Section:
    """The section without the way back to its checkpoint."""
    return dataclasses.replace(section)


def _have(texts: Texts, rows: Int64, sign: str) -> Mask:
    """Which of these rows have an ASCII character in them."""
    at = np.flatnonzero(texts.block.raw == ord(sign))
    return np.asarray(np.searchsorted(at, texts.ends[rows]) > np.searchsorted(at, texts.starts[rows]), np.bool_)


def _joined_by_dots(texts: Texts, rows: Int64) -> StringColumn:
    """Paths as `section_keys` joins them: dots for slashes, and numbers without their brackets."""
    taken = texts.gathered(rows)
    data = taken.block.raw.copy()
    slashes = np.flatnonzero(data == _SLASH)
    first = np.sort(np.concatenate((taken.starts, slashes + 1)))
    last = np.sort(np.concatenate((taken.ends, slashes))) - 1
    filled = last > first
    first, last = first[filled], last[filled]
    bracketed = (data[first] == _OPEN) & (data[last] == _CLOSE)
    kept = np.ones(len(data), np.bool_)
    kept[first[bracketed]] = kept[last[bracketed]] = False
    data[slashes] = _DOT
    before = np.concatenate(([0], np.cumsum(kept)))
    offsets = np.concatenate((taken.starts, taken.ends[-1:])) if len(taken) else np.zeros(1, np.int64)
    return StringColumn(data[kept].tobytes(), before[offsets])


def _file_of(specs: Sequence[SourceSpec], index: int) -> str:
    while specs[index].parent >= 0:
        index = specs[index].parent
    return specs[index].path.replace("\\", "/").rpartition("/")[2]
