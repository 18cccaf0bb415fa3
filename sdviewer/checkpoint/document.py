"""Checkpoint: all that opening a file tells, and no payload.

It is a frozen record of columns, so it crosses threads and processes as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from sdviewer.checkpoint.names import Path, decode_path
from sdviewer.checkpoint.source import Sources
from sdviewer.checkpoint.structure import Structure
from sdviewer.checkpoint.table import TensorTable

if TYPE_CHECKING:
    from sdviewer.checkpoint.modules import ModuleTree
    from sdviewer.checkpoint.sections import Section
    from sdviewer.checkpoint.tensors import Tensors

Severity = Literal["info", "warning", "error"]
GlobalClass = Literal["known", "unknown", "dangerous"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a user should know about the file.

    `kind` is one of "missing", "partial", "duplicate", "extra", "out_of_bounds", "dangerous_global",
    "unknown_dtype", "irregular" (readable, but not as the format's rules say), "changed", "part" (the file is
    a shard of a larger checkpoint, see `Description.part_of`).
    `where` names the tensor, entry or file concerned, "" for the whole.
    """

    kind: str
    severity: Severity
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class GlobalUse:
    """A global that a pickle names: `name` is "module.attribute"; nothing of it was imported."""

    name: str
    klass: GlobalClass


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a sharded checkpoint.

    `status`: "ok", "missing" (the index names it), "extra" (in the folder, not in the index),
    "truncated", "unreadable". `tensors` counts what it gave.
    """

    file: str
    tensors: int
    nbytes: int
    status: str = "ok"


@dataclass(frozen=True, slots=True)
class TextEntry:
    """Source code or other text that the file carries: TorchScript code, classes of a legacy file.

    Its bytes lie in source `source`, read when shown; never run.
    """

    name: str
    source: int
    offset: int
    nbytes: int
    stored: int
    deflated: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An entry that another one of the same name hides: `name`, and where it would have stood."""

    name: str
    where: str


@dataclass(frozen=True, slots=True)
class ModuleClass:
    """The class that the file names for a module: `prefix` is its dotted name below structure node `node`."""

    node: int
    prefix: str
    name: str


@dataclass(frozen=True, slots=True)
class ModuleVersion:
    """One entry of a state_dict's `_metadata`: dotted module name below structure node `node`, its version."""

    node: int
    prefix: str
    version: int | None


@dataclass(frozen=True, eq=False)
class Description:
    """What a reader gives: tensors, structure and findings, before sections and modules are made.

    Attributes:
        format: "torch zip", "torch legacy", "torch tar", "torchscript", "torch export", "safetensors",
            "sharded safetensors", "sharded torch", "torch distributed", "distributed safetensors", "pickle", "npy",
            "npz", "zip of checkpoints", "deepspeed zero"; of a folder that holds training state beside its model the
            model's, and " with training state".
        root: "mapping", "tensor" (the file is one bare tensor) or "other".
        part_of: for a single shard the index or folder to open to see the whole, "" for all else.
        inline: bytes that `SourceSpec(kind="inline")` refer to.

    """

    format: str
    tensors: TensorTable
    structure: Structure
    root: Literal["mapping", "tensor", "other"] = "mapping"
    globals: tuple[GlobalUse, ...] = ()
    problems: tuple[Problem, ...] = ()
    shards: tuple[Shard, ...] = ()
    texts: tuple[TextEntry, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    module_classes: tuple[ModuleClass, ...] = ()
    module_versions: tuple[ModuleVersion, ...] = ()
    torch_lines: tuple[str, ...] = ()
    unshown_bytes: int = 0
    part_of: str = ""
    inline: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """An opened checkpoint: what `sdviewer.open` returns.

    Attributes:
        path: the file or folder, as given.
        file_bytes: bytes of all files that make it up.
        description: what the reader found.
        sections: the parts it consists of, by name, in file order.
        tree: sections, modules and all else as one tree.
        sources: where payload bytes are read from, on demand.
        kept: what others worked out of it and will ask for again, under keys of their own; it goes with it.

    """

    path: str
    file_bytes: int
    description: Description
    sections: Mapping[str, Section]
    tree: ModuleTree
    sources: Sources = field(repr=False)
    kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        # A section's `tensors` are references into this checkpoint.
        bound = {name: section.bound_to(self) for name, section in self.sections.items()}
        object.__setattr__(self, "sections", bound)

    @property
    def format(self) -> str:
        """What kind of file it is, see `Description.format`."""
        return self.description.format

    @property
    def table(self) -> TensorTable:
        """All tensors as columns."""
        return self.description.tensors

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file, empty for a sound one."""
        return self.description.problems

    @property
    def globals(self) -> tuple[GlobalUse, ...]:
        """The globals that the file's pickles name; none was imported."""
        return self.description.globals

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The files of a sharded checkpoint, empty for a single file."""
        return self.description.shards

    @property
    def duplicates(self) -> tuple[Duplicate, ...]:
        """Entries hidden by another of the same name."""
        return self.description.duplicates

    @cached_property
    def tensors(self) -> Tensors:
        """Canonical name → `TensorRef`, in file order."""
        from sdviewer.checkpoint.tensors import Tensors

        return Tensors(self)

    def path_of(self, row: int) -> Path:
        """The path of a listed tensor: dict keys and list indices."""
        if self.description.root == "tensor":
            return ()
        name = self.table.name[row]
        return (name,) if self.description.structure.plain_keys else decode_path(name)

    def close(self) -> None:
        """Close the files behind it; reading a tensor opens them again."""
        self.sources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)
