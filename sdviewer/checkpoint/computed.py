"""Computed: tensors whose values no file holds, worked out of others when they are asked for.

They stand in a checkpoint of their own, whose sources compute bytes instead of reading them. All that goes over
the values of a tensor sees none of that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint, Description
from sdviewer.checkpoint.modules import build_tree
from sdviewer.checkpoint.sections import find_sections
from sdviewer.checkpoint.source import ByteSource, SourceSpec, WritableBuffer, bytes_view
from sdviewer.checkpoint.structure import Node, StructureBuilder
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.errors import MissingBytes

Floats = npt.NDArray[np.float32]

# Values that are computed at a time, so that what they are made of stays small beside them.
_AT_ONCE = 1 << 19
_WIDTH = 4


class Computation(Protocol):
    """How the float32 values of one tensor come about; any thread may ask for any of them."""

    @property
    def name(self) -> str:
        """What the tensor is called."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    def values(self, first: int, count: int) -> Floats:
        """Values `first … first + count - 1` in row-major order, shape `(count,)`.

        Raises:
            CannotRead: and its kinds: what they are made of cannot be read.

        """

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` if the file that they are made of is not the one that was described."""


class ComputedSource:
    """The bytes of a computed tensor, row by row; nothing is kept."""

    def __init__(self, computation: Computation, file: str) -> None:
        self._computation = computation
        self._label = file
        self._numel = math.prod(computation.shape)

    @property
    def label(self) -> str:
        """The file that it is computed from."""
        return self._label

    @property
    def size(self) -> int:
        """Bytes of the whole tensor."""
        return self._numel * _WIDTH

    def check_unchanged(self) -> None:
        """As the file that it is computed from."""
        self._computation.check_unchanged()

    def read_into(self, offset: int, buffer: WritableBuffer) -> None:
        """Fill `buffer` from `offset`; see `ByteSource`."""
        view = bytes_view(buffer)
        end = offset + len(view)
        if offset < 0 or end > self.size:
            raise MissingBytes(
                f"bytes {offset:,} to {end:,} of {self._computation.name!r} are not inside its {self.size:,}",
                file=self._label,
            )
        last = -(-end // _WIDTH)
        for first in range(offset // _WIDTH, last, _AT_ONCE):
            count = min(_AT_ONCE, last - first)
            raw = np.ascontiguousarray(self._computation.values(first, count), np.float32).view(np.uint8).data
            low, high = max(offset, first * _WIDTH), min(end, (first + count) * _WIDTH)
            view[low - offset : high - offset] = raw[low - first * _WIDTH : high - first * _WIDTH]


class ComputedSources:
    """The sources of a checkpoint of computed tensors: one each."""

    def __init__(self, computations: Sequence[Computation], file: str) -> None:
        self._sources = tuple(ComputedSource(computation, file) for computation in computations)
        self.specs: Sequence[SourceSpec] = tuple(
            SourceSpec("computed", source.label, source.size) for source in self._sources
        )

    def get(self, index: int) -> ByteSource:
        """The source of a tensor."""
        return self._sources[index]

    def inflated(self, index: int, offset: int, stored: int, size: int) -> ByteSource:
        """Nothing computed is ever deflated."""
        raise MissingBytes(f"{stored:,} bytes at {offset:,} of source {index} are no stream of {size:,}")

    def close(self) -> None:
        """Nothing is open."""


def computed_checkpoint(computations: Sequence[Computation], of: Checkpoint) -> Checkpoint:
    """A checkpoint of computed float32 tensors, which are worked out of `of` when their values are read."""
    sources = ComputedSources(computations, of.path)
    table, structure = TableBuilder(), StructureBuilder()
    root = structure.open("", Node.MAPPING, -1, "dict")
    for index, computation in enumerate(computations):
        storage = table.add_storage(str(index), source=index, offset=0, nbytes=sources.specs[index].size)
        structure.tensor(computation.name, root, table.add_tensor("float32", computation.shape, storage=storage))
    structure.close(root)
    names = [computation.name for computation in computations]
    description = Description(
        "computed", table.finish(names, range(len(names))), structure.finish(plain_keys=True), root="mapping"
    )
    sections = find_sections(description)
    return Checkpoint(
        path=of.path,
        file_bytes=sum(spec.size for spec in sources.specs),
        description=description,
        sections={section.name: section for section in sections},
        tree=build_tree(description, sections),
        sources=sources,
    )
