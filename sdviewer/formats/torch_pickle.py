"""One torch pickle from its bytes to a walked tree: shared by the zip, legacy, tar and TorchScript readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any

from sdviewer.checkpoint.document import GlobalUse, Problem
from sdviewer.checkpoint.source import ByteSource
from sdviewer.checkpoint.table import Flag, TableBuilder
from sdviewer.errors import Damaged
from sdviewer.formats import globals as known_globals
from sdviewer.formats.inert_pickle import BrokenPickle, Machine, SlowPathNeeded
from sdviewer.formats.pickle_objects import PickleObjects
from sdviewer.formats.pickle_values import Interpreter
from sdviewer.formats.reading import Reading
from sdviewer.formats.tensor_run import TensorRun
from sdviewer.formats.torch_objects import FindStorage, FindStorages, TorchObjects
from sdviewer.formats.walking import Walk, Walked

# Steps of the pickle machine that a rebuilt tensor is worth; torch writes about forty for each.
_STEPS_A_TENSOR = 120
# Rebuilt tensors for which steps are granted: more than any model has.
_MOST_TENSORS = 20_000_000


@dataclass
class TorchPickle:
    """Reads the pickles of one source into one table.

    Args:
        reading: the container.
        source_index: the source that the pickles lie in.
        find_storage: gives the storage row of a key.
        find_storages: gives those of many keys, where that is quicker.
        persistent_load: what a persistent id stands for, if not the usual storages.
        builder: the table, where several pickles fill one.
        steps_used: steps that pickles of the same file took before; all together have one budget.
        further: gives interpreters of more globals, for objects that only one format has.
    """

    reading: Reading
    source_index: int
    find_storage: FindStorage
    persistent_load: Callable[[Any], Any] | None = None
    builder: TableBuilder = field(default_factory=TableBuilder)
    find_storages: FindStorages | None = None
    steps_used: int = 0
    further: Callable[[TorchPickle], AnyMapping[str, Interpreter]] | None = None
    problems: list[Problem] = field(default_factory=list)
    global_names: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plain = PickleObjects(self.builder, self.source_index, self.reading.sources)
        self.objects = TorchObjects(self.builder, self.find_storage, self.plain, self.find_storages)
        self.machine = self.new_machine(0)

    @property
    def source(self) -> ByteSource:
        """The source that the pickles lie in."""
        return self.reading.sources.get(self.source_index)

    def new_machine(self, position: int) -> Machine:
        """A machine at `position` that writes into this table."""
        machine = Machine(
            self.source,
            position,
            interpreters=self.objects.interpreters() | dict(self.further(self) if self.further else {}),
            persistent_load=self.persistent_load or self.objects.persistent_load,
            control=self.reading.control,
        )
        machine.runner = TensorRun(self.objects)
        machine.credit = -self.steps_used

        def grant(tensors: int) -> None:
            machine.credit = min(machine.credit + tensors * _STEPS_A_TENSOR, _MOST_TENSORS * _STEPS_A_TENSOR)

        self.objects.credit = grant
        return machine

    def load(self, position: int) -> Any:
        """The value of the pickle at `position`; of a broken one what there is, with a problem noted.

        Raises:
            Damaged: it breaks before anything was built.
        """
        self.machine = self.new_machine(position)
        try:
            try:
                return self.machine.load()
            except SlowPathNeeded:
                self.machine = self.new_machine(position)
                self.machine.runner = None
                return self.machine.load()
        except BrokenPickle as error:
            if not self.machine.stack:
                raise Damaged(
                    f"holds a pickle that {error.message}, at byte {error.offset:,}", file=self.source.label
                ) from error
            self.problems.append(
                Problem(
                    "partial", "error", f"the pickle {error.message}", f"{self.source.label} at byte {error.offset:,}"
                )
            )
            return self.machine.salvage()
        finally:
            self.global_names.update(dict.fromkeys(found.full for found in self.machine.globals.values()))
            for oddity, count in self.machine.oddities.items():
                times = f" ({count:,} times)" if count > 1 else ""
                self.problems.append(
                    Problem("irregular", "warning", f"the pickle has {oddity}{times}", self.source.label)
                )

    def walk(self, value: Any, *, scripted: bool = False, extra: Iterable[tuple[str, Any]] = ()) -> Walked:
        """Names, structure and the finished table."""
        walk = Walk(
            self.builder,
            self.source,
            as_tensor=self.plain.as_tensor,
            scripted=scripted,
            finish_tensor=self.objects.attach_state,
        )
        walked = walk.run(value, extra)
        self.problems += walked.problems
        self.problems += out_of_bounds(walked)
        return walked

    def global_uses(self) -> tuple[GlobalUse, ...]:
        """The globals that were named, with their classes; a dangerous one becomes a problem."""
        found = known_globals.uses(self.global_names)
        self.problems += [
            Problem(
                "dangerous_global",
                "error",
                f"the pickle calls {use.name}: loading it with pickle would run it",
                use.name,
            )
            for use in found
            if use.klass == "dangerous"
        ]
        return found


def out_of_bounds(walked: Walked) -> list[Problem]:
    """A problem for the tensors whose values are not all there."""
    table = walked.tensors
    rows = (table.flags & Flag.OUT_OF_BOUNDS.value).nonzero()[0].tolist()
    if not rows:
        return []
    # A file that is one bare tensor gives it no name.
    named = ", ".join(table.name[row] or "the tensor" for row in rows[:3])
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return [
        Problem(
            "out_of_bounds",
            "error",
            f"{named}{more}: shape and stride reach past the stored bytes",
            table.name[rows[0]],
        )
    ]
