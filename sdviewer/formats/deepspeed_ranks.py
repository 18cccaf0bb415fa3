"""DeepSpeed ranks: what the file of one rank keeps of the optimizer: flat stretches of parameters and of their state.

Layouts as `state_dict()` of DeepSpeed's optimizers gives them (deepspeed/runtime/zero/stage_1_and_2.py, stage3.py,
deepspeed/runtime/bf16_optimizer.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.checkpoint.table import Encoding, Flag, StorageTable
from sdviewer.formats.assembled import can_be_assembled
from sdviewer.formats.described_values import Described
from sdviewer.formats.files import LocalSources
from sdviewer.formats.flat_partitions import Piece

_GROUPS_OF_STAGE = {1: "single_partition_of_fp32_groups", 2: "single_partition_of_fp32_groups", 3: "fp32_flat_groups"}
_STATE_OF_STAGE = {1: "base_optimizer_state", 2: "base_optimizer_state", 3: "optimizer_state_dict"}
_MOST_GROUPS = 100_000
_TOLD = ("zero_stage", "partition_count", "ds_version", "base_optimizer_state_step")


@dataclass
class Rank:
    """The file of one data-parallel rank.

    Attributes:
        number: the rank.
        file: the name of its file.
        described: what the file holds.
        sources: where its bytes are read from.
        used: structure nodes of what is shown elsewhere.

    """

    number: int
    file: str
    described: Described
    sources: LocalSources
    used: set[int] = field(default_factory=set)
    _inflated: dict[int, int] = field(default_factory=dict)
    _states: dict[int, dict[str, int]] = field(default_factory=dict)

    @cached_property
    def _optimizer(self) -> int:
        return self.described.child(0, "optimizer_state_dict")

    @cached_property
    def stage(self) -> int:
        """The stage of ZeRO: 1, 2 or 3; 0 for a file of something else."""
        told = self.described.plain(self.described.child(self._optimizer, "zero_stage"))
        if type(told) is int:
            return told if told in _GROUPS_OF_STAGE else 0
        # An enumeration, and what the optimizer for bfloat16 leaves out, are told by what is there.
        inside = self.described.entries(self._optimizer)
        return next((stage for stage, name in _GROUPS_OF_STAGE.items() if name in inside), 0)

    @property
    def partitions(self) -> list[int]:
        """Into how many stretches each group, or all of it, is divided; empty where that is not told."""
        node = self.described.child(self._optimizer, "partition_count")
        told = self.described.plain(node)
        counts = told if isinstance(told, list) else [told]
        return [count for count in counts if type(count) is int and 0 < count < 10**6]

    def group_nodes(self) -> list[int]:
        """The node of each group's stretch."""
        node = self.described.child(self._optimizer, _GROUPS_OF_STAGE.get(self.stage, ""))
        return [child for _, child in zip(range(_MOST_GROUPS), self._items(node), strict=False)]

    def groups(self) -> list[Piece | None]:
        """The stretch of each group, None for one that cannot be had."""
        return [self.stretch(node) for node in self.group_nodes()]

    @cached_property
    def _base(self) -> int:
        return self.described.child(self._optimizer, _STATE_OF_STAGE.get(self.stage, ""))

    def state(self, group: int) -> dict[str, int]:
        """Field → node of the state of one group's stretch."""
        if group not in self._states:
            # A list where it is written for any number of ranks, else what the optimizer itself gives.
            base = self._base
            node = base if self.described.is_list(base) else self.described.child(base, "state")
            fields = self.described.entries(self.described.child(node, group))
            self._states[group] = {str(key): child for key, child in fields.items()}
        return self._states[group]

    def options(self) -> list[dict[str, Any]]:
        """The options of each group."""
        node = self.described.child(self._base, "param_groups")
        found = []
        for child in self.described.entries(node).values():
            entries = self.described.entries(child)
            names = ("params", "param_names")
            found.append({str(key): self.described.value(at) for key, at in entries.items() if key not in names})
        return found

    def use_all(self) -> None:
        """What is left of groups and state once all of it is shown elsewhere is not shown again."""
        for name in (_GROUPS_OF_STAGE, _STATE_OF_STAGE):
            node = self.described.child(self._optimizer, name.get(self.stage, ""))
            if node >= 0 and self._rows_below(node) <= self.used:
                self.used.add(node)

    def _rows_below(self, node: int) -> set[int]:
        structure = self.described.description.structure
        below = range(node, int(structure.end[node]))
        return {at for at in below if self.described.row(at) >= 0}

    def told(self) -> dict[str, Any]:
        """What is the same in the files of all ranks of one step, by words for it; no tensor is read."""
        found: dict[str, Any] = {}
        for name in _TOLD:
            found[name] = self.described.plain(self.described.child(self._optimizer, name))
        scaler = self.described.child(self._optimizer, "loss_scaler")
        found["loss_scaler cur_iter"] = self.described.plain(self.described.child(scaler, "cur_iter"))
        for index, options in enumerate(self.options()[:8]):
            for name, value in options.items():
                if isinstance(value, (int, float, str)):
                    found[f"{name} of group {index}"] = value
        found["step"] = self.described.plain(self.state(0).get("step", -1))
        return {name: value for name, value in found.items() if value is not None}

    def _items(self, node: int) -> Iterator[int]:
        for child in self.described.entries(node).values():
            inner = list(self.described.entries(child).values())
            # Some versions keep a list of one in place of the tensor.
            yield inner[0] if len(inner) == 1 and self.described.is_list(child) else child

    def is_flat(self, node: int) -> bool:
        """Whether a value is a tensor with one axis."""
        row = self.described.row(node)
        return row >= 0 and len(self.described.description.tensors.shape_of(row)) == 1

    def stretch(self, node: int) -> Piece | None:
        """The values of a flat tensor, None for what is none or lies otherwise than side by side."""
        row = self.described.row(node)
        if row < 0 or not self.is_flat(node):
            return None
        table = self.described.description.tensors
        dtype, storage = DTYPES[int(table.dtype[row])], int(table.storage[row])
        (count,) = table.shape_of(row)
        flags = int(table.flags[row])
        if count == 0:
            return Piece(self.file, -1, 0, 0, dtype)
        if not can_be_assembled(dtype) or storage < 0 or flags & (Flag.NOT_DENSE | Flag.CONJ | Flag.NEG):
            return None
        if (count > 1 and table.stride_of(row) != (1,)) or table.storages.swapped[storage]:
            return None
        source = int(table.storages.source[storage])
        encoding = Encoding(int(table.storages.encoding[storage]))
        if source < 0 or encoding not in (Encoding.RAW, Encoding.DEFLATED):
            return None
        width = dtype.bits // 8
        begin = int(table.offset[row]) * width
        # Of a file that is cut off what is there.
        there = max(0, int(table.storages.nbytes[storage]) - begin) // width
        if encoding is Encoding.DEFLATED:
            if storage not in self._inflated:
                self._inflated[storage] = self._inflate(table.storages, storage)
            return Piece(self.file, self._inflated[storage], begin, min(count, there), dtype)
        return Piece(self.file, source, int(table.storages.offset[storage]) + begin, min(count, there), dtype)

    def _inflate(self, storages: StorageTable, storage: int) -> int:
        """A source with the bytes of a storage that lies deflated in its file."""
        size, stored = int(storages.nbytes[storage]), int(storages.stored[storage])
        parent, offset = int(storages.source[storage]), int(storages.offset[storage])
        return self.sources.add(SourceSpec("inflated", self.file, size, parent=parent, offset=offset, stored=stored))
