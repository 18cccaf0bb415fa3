"""Facts of a whole checkpoint, column by column: what `info` tells of each tensor, in words and in JSON."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.source import SourceSpec

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
    def section(self) -> list[str | None]:
        """The name of its section, None for none."""
        rows = np.full(len(self.checkpoint.table), -1, np.int64)
        for index, section in enumerate(self.checkpoint.sections.values()):
            rows[section.rows] = index
        names = [*self.checkpoint.sections, None]
        return [names[index] for index in rows[: self.checkpoint.table.listed].tolist()]

    @cached_property
    def kind(self) -> list[str]:
        """The kind of the module that owns it, "" for an unknown one."""
        tree = self.checkpoint.tree
        nodes = np.flatnonzero(tree.what == TreeNode.TENSOR)
        kinds = np.full(len(self.checkpoint.table), -1, np.int64)
        # Reversed: of several places in the tree the first one counts.
        kinds[tree.ref[nodes[::-1]]] = tree.kind[tree.parent[nodes[::-1]]]
        names = [*tree.kinds, ""]
        return [names[index] for index in kinds[: self.checkpoint.table.listed].tolist()]

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


def places(specs: Sequence[SourceSpec]) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """For each source the file that it lies in, and where in it the source begins; None and 0 for no file.

    What is inflated has no place of its own in a file: its offsets count from its own beginning.
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
            case _:
                files.append(None)
                begins.append(0)
    # The last one is for a storage without a source, whose index is -1.
    return [*files, None], np.array([*begins, 0], np.int64)
