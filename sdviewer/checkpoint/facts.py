"""Facts of a whole checkpoint, column by column: what `info` tells of each tensor, in words and in JSON."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES, OTHER
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.table import DTYPE_BITS, Encoding, Flag
from sdviewer.checkpoint.tensor_problems import TensorProblems, problems_of_tensors

Int64 = npt.NDArray[np.int64]

# What says that something of the checkpoint is not there, or is there twice.
_FINDINGS = {"missing", "partial", "duplicate", "out_of_bounds"}


def has_findings(checkpoint: Checkpoint) -> bool:
    """Whether something is missing, partial or duplicated, or a global is dangerous."""
    return (
        any(problem.kind in _FINDINGS for problem in checkpoint.problems)
        or bool(checkpoint.duplicates)
        or any(shard.status in {"missing", "truncated", "unreadable"} for shard in checkpoint.shards)
        or any(use.klass == "dangerous" for use in checkpoint.globals)
    )


@dataclass(frozen=True, eq=False)
class TensorFacts:
    """What the tree and the sections say of each listed tensor."""

    checkpoint: Checkpoint

    @cached_property
    def section_index(self) -> Int64:
        """Of each listed tensor which of `section_names` is its section, -1 for none."""
        rows = np.full(len(self.checkpoint.table), -1, np.int64)
        for index, section in enumerate(self.checkpoint.sections.values()):
            rows[section.rows] = index
        return rows[: self.checkpoint.table.listed]

    @cached_property
    def section_names(self) -> tuple[str, ...]:
        """The names of the sections."""
        return tuple(self.checkpoint.sections)

    @cached_property
    def section(self) -> list[str | None]:
        """The name of its section, None for none."""
        names = [*self.section_names, None]
        return [names[index] for index in self.section_index.tolist()]

    @cached_property
    def kind_index(self) -> Int64:
        """Of each listed tensor which of `ModuleTree.kinds` its module is, -1 for none."""
        tree = self.checkpoint.tree
        nodes = np.flatnonzero(tree.what == TreeNode.TENSOR)
        kinds = np.full(len(self.checkpoint.table), -1, np.int64)
        # Reversed: of several places in the tree the first one counts.
        kinds[tree.ref[nodes[::-1]]] = tree.kind[tree.parent[nodes[::-1]]]
        return kinds[: self.checkpoint.table.listed]

    @cached_property
    def kind(self) -> list[str]:
        """The kind of the module that owns it, "" for an unknown one."""
        names = [*self.checkpoint.tree.kinds, ""]
        return [names[index] for index in self.kind_index.tolist()]

    @cached_property
    def listed_names(self) -> StringColumn:
        """The canonical names of the listed tensors."""
        table = self.checkpoint.table
        if table.listed == len(table):
            return table.name
        return StringColumn(table.name.data, table.name.offsets[: table.listed + 1])

    @cached_property
    def first_letters(self) -> npt.NDArray[np.uint8]:
        """The first byte of each listed name, of A to Z the small letter; 0 for an empty name."""
        names = self.listed_names
        filled = np.flatnonzero(np.diff(names.offsets))
        found = np.zeros(len(names), np.uint8)
        found[filled] = names.bytes_array[names.offsets[filled]]
        found[(found >= ord("A")) & (found <= ord("Z"))] |= 32
        return found

    @cached_property
    def dtype_index(self) -> Int64:
        """Of each listed tensor which of `dtype_names` its dtype is."""
        table = self.checkpoint.table
        index = table.dtype[: table.listed].astype(np.int64)
        others = {name: len(DTYPES) + place for place, name in enumerate(self._other_dtypes)}
        for row in np.flatnonzero(index == OTHER.code).tolist():
            index[row] = others[table.dtype_name(row)]
        return index

    @cached_property
    def dtype_names(self) -> tuple[str, ...]:
        """The names of all dtypes that we know, then those that only this file has."""
        return (*(dtype.name for dtype in DTYPES), *self._other_dtypes)

    @cached_property
    def _other_dtypes(self) -> tuple[str, ...]:
        table = self.checkpoint.table
        rows = np.flatnonzero(table.dtype[: table.listed] == OTHER.code).tolist()
        return tuple(dict.fromkeys(table.dtype_name(row) for row in rows))

    @cached_property
    def problems(self) -> TensorProblems:
        """What is wrong with single tensors."""
        return problems_of_tensors(self.checkpoint)

    @cached_property
    def axes(self) -> Int64:
        """Of each listed tensor how many axes it has."""
        return self._of_form(np.diff(self.checkpoint.table.forms.start))

    @cached_property
    def requires_grad(self) -> Int64:
        """Of each listed tensor 1 where it requires a gradient, 0 where not, -1 where the file does not say."""
        flags = self.checkpoint.table.flags[: self.checkpoint.table.listed]
        known = (flags & np.uint16(Flag.GRAD_KNOWN)) != 0
        return np.where(known, (flags & np.uint16(Flag.REQUIRES_GRAD)) != 0, -1).astype(np.int64)

    @cached_property
    def contiguous(self) -> Int64:
        """Of each listed tensor 1 where its elements lie row-major without gaps, 0 where not, -1 without a storage."""
        table = self.checkpoint.table
        stored = table.storage[: table.listed] >= 0
        return np.where(stored, self._of_form(table.forms.contiguous.astype(np.int64)), -1)

    @cached_property
    def shared(self) -> Int64:
        """Of each listed tensor how many others lie in the same storage."""
        storage = self.checkpoint.table.storage[: self.checkpoint.table.listed]
        return _others(storage)

    @cached_property
    def tied(self) -> Int64:
        """Of each listed tensor how many others are the very same elements."""
        return _others(self.checkpoint.tree.tie[: self.checkpoint.table.listed])

    @cached_property
    def file_names(self) -> tuple[str, ...]:
        """The files that hold bytes of tensors, as the checkpoint's sources name them."""
        files, _ = places(self.checkpoint.sources.specs)
        return tuple(dict.fromkeys(file for file in files if file is not None))

    @cached_property
    def file_index(self) -> Int64:
        """Of each listed tensor which of `file_names` holds its bytes, -1 for none."""
        files, _ = places(self.checkpoint.sources.specs)
        number = {file: index for index, file in enumerate(self.file_names)}
        of_source = np.array([-1 if file is None else number[file] for file in files], np.int64)
        return self._of_storage(of_source[self.checkpoint.table.storages.source], -1)

    @cached_property
    def file_offset(self) -> Int64:
        """Of each listed tensor the byte of its file at which it begins; -1 where it is not stored as it is."""
        table = self.checkpoint.table
        storages, listed = table.storages, table.listed
        _, begins = places(self.checkpoint.sources.specs)
        plain = (storages.source >= 0) & (storages.encoding == Encoding.RAW)
        begin = self._of_storage(np.where(plain, storages.offset + begins[storages.source], -1), -1)
        bits = DTYPE_BITS[table.dtype[:listed]]
        for row in np.flatnonzero(table.dtype[:listed] == OTHER.code).tolist():
            bits[row] = 8 * int(table.extra_of(row).get("itemsize", 0))
        return np.where(begin >= 0, begin + table.offset[:listed] * bits // 8, -1)

    def _of_form(self, values: Int64) -> Int64:
        """Of each listed tensor the value of its form."""
        form = self.checkpoint.table.form[: self.checkpoint.table.listed]
        return values[form] if len(form) else np.zeros(0, np.int64)

    def _of_storage(self, values: Int64, missing: int) -> Int64:
        """Of each listed tensor the value of its storage."""
        storage = self.checkpoint.table.storage[: self.checkpoint.table.listed]
        return np.append(values, missing)[storage]

    @cached_property
    def sharing(self) -> dict[int, list[int]]:
        """Storage → listed rows, for each storage that more than one of them uses."""
        storage = self.checkpoint.table.storage[: self.checkpoint.table.listed]
        order = np.argsort(storage, kind="stable")
        ordered = storage[order]
        bounds = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]
        return {
            int(ordered[start]): order[start:end].tolist()
            for start, end in itertools.pairwise(bounds)
            if end - start > 1 and ordered[start] >= 0
        }


def _others(group: npt.NDArray[np.integer]) -> Int64:
    """Of each entry how many others have the same number; 0 for negative ones."""
    if not (group >= 0).any():
        return np.zeros(len(group), np.int64)
    sizes = np.bincount(group[group >= 0])
    return np.where(group >= 0, sizes[group] - 1, 0)


def places(specs: Sequence[SourceSpec]) -> tuple[list[str | None], Int64]:
    """For each source the file that it lies in, and where in it the source begins; None and 0 for no file.

    What is inflated or assembled has no place of its own in a file: its offsets count from its own beginning.
    """
    files: list[str | None] = []
    begins: list[int] = []
    for spec in specs:
        inside = 0 <= spec.parent < len(files)
        match spec.kind:
            case "file":
                files.append(spec.path)
                begins.append(0)
            case "range" if inside:
                files.append(files[spec.parent])
                begins.append(begins[spec.parent] + spec.offset)
            case "inflated" if inside:
                files.append(spec.label)
                begins.append(0)
            case "assembled":
                files.append(spec.label)
                begins.append(0)
            case _:
                files.append(None)
                begins.append(0)
    # The last one is for a storage without a source, whose index is -1.
    return [*files, None], np.array([*begins, 0], np.int64)
