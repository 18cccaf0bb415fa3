"""Plan: what a file will hold before a byte of it is written, and every reason not to write it.

A plan is made from descriptions alone and is pure: the same source, rules and options give the same plan.
What would lose a tensor unasked, give two tensors one name, or make a file that cannot be loaded is a
refusal that names the keys.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.comparison.sides import Side, section_named, side_of_section
from sdviewer.control import Control
from sdviewer.edit.applying import Applier
from sdviewer.edit.planned_keys import DroppedKeys, PlannedKey, PlannedKeys, taken
from sdviewer.edit.rules import Rule, WrapperUse, told
from sdviewer.edit.ties import tie_groups, ties

if TYPE_CHECKING:
    from sdviewer.edit.writing import Written

TargetKind = Literal["pt", "safetensors", "sharded", "npz"]
Ties = Literal["once", "copies"]

_NAMED_AT_MOST = 20


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """What is exported.

    Attributes:
        side: the state_dict whose keys the rules change.
        others: the other parts of the file with tensors in them, where no part was named: they are kept where
            the target can hold them, and are never left out in silence.
        container: path of the state_dict in the file, as canonical name; "" for the root.

    """

    side: Side
    others: tuple[Section, ...] = ()
    container: str = ""

    @property
    def checkpoint(self) -> Checkpoint:
        """Where it lies."""
        return self.side.checkpoint

    @property
    def beside(self) -> bool:
        """Whether the whole file is the source, and holds more than the state_dict."""
        return bool(self.others or self.container)


@dataclass(frozen=True, slots=True)
class Options:
    """What is said beside the rules.

    Attributes:
        target: what is written.
        wrap: the key of a dict around the state_dict, "" for none.
        unwrap: the bare state_dict even where the source has something around it.
        drop: kinds or names of sections to leave out: "optimizer", "ema", "scheduler", "metadata" …
        ties: tensors that share storage in a target that knows no sharing: the first one only, with the others
            noted in the metadata, or a copy of each.
        shard_bytes: the most payload in one file of a sharded target.
        metadata: texts for the header of safetensors; an empty one drops what the source has.

    """

    target: TargetKind = "pt"
    wrap: str = ""
    unwrap: bool = False
    drop: tuple[str, ...] = ()
    ties: Ties = "copies"
    shard_bytes: int = 5 * 10**9
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a plan is refused, or what is to be known of it: a sentence and the keys that it is about."""

    kind: str
    message: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.keys:
            return self.message
        shown = ", ".join(repr(key) for key in self.keys[:_NAMED_AT_MOST])
        more = len(self.keys) - _NAMED_AT_MOST
        return f"{self.message}: {shown}" + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True, eq=False, slots=True)
class ExportPlan:
    """What will be written.

    Attributes:
        keys: in the order in which they are written.
        dropped: in the order of the source.
        refusals: why it is not written; empty for a plan that can be carried out.
        warnings: what is to be known.
        kept_sections: other parts of the file that are written as they are.
        touched: how many keys each rule has changed.

    """

    source: Source
    rules: tuple[Rule, ...]
    options: Options
    keys: PlannedKeys
    dropped: DroppedKeys
    refusals: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    kept_sections: tuple[Section, ...]
    touched: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of payload, each tensor by itself."""
        return int(self.keys.nbytes.sum()) + sum(section.nbytes for section in self.kept_sections)

    def ref(self, key: PlannedKey) -> TensorRef:
        """The tensor behind a key."""
        return self.source.side.ref(key.place)

    def write(
        self,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        check: bool = True,
        control: Control | None = None,
    ) -> Written:
        """Carry it out: see `writing.write`."""
        from sdviewer.edit import writing

        return writing.write(self, target, overwrite=overwrite, check=check, control=control)


def source_of(checkpoint: Checkpoint, section: str | None = None) -> Source:
    """What is exported of a file: the section of that name, or the model with all else that the file holds.

    Raises:
        NameNotFound: there is no such section, or no tensors at all.

    """
    if section is not None:
        return Source(side_of_section(checkpoint, section_named(checkpoint, section)))
    from sdviewer.comparison.sides import default_sections

    chosen, _ = default_sections(checkpoint, checkpoint)
    others = tuple(s for s in checkpoint.sections.values() if s is not chosen and len(s.rows))
    return Source(side_of_section(checkpoint, chosen), others, chosen.path)


class Planner:
    """Makes plans of one source; what rules before a changed one did is not done again."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._applier = Applier(source.side)

    def plan(self, rules: Sequence[Rule], options: Options, control: Control | None = None) -> ExportPlan:
        """The plan of these rules.

        Raises:
            BadRule: a rule is not understood.
            Cancelled: `control` was cancelled.

        """
        state = self._applier.apply(rules, control)
        keys = PlannedKeys(self.source.side, state.places, state.keys, state.casts)
        kept, left = self._sections(options)
        others = [(f"drop {section.kind}", section.rows) for section in left]
        plan = ExportPlan(
            self.source,
            tuple(rules),
            options,
            keys,
            DroppedKeys(self.source.side, state.dropped_by, [told(rule) for rule in rules], others),
            (*_refusals(self.source, keys, options), *_lost(kept, options)),
            tuple(self._warnings(keys, rules, state.touched, options)),
            tuple(kept) if _is_nested(options) else (),
            state.touched,
        )
        return _with_objects(plan) if _is_nested(options) and self.source.beside else plan

    def wrappers(self) -> tuple[tuple[WrapperUse, ...], ...]:
        """The known wrappers that keys begin with: as each rule that was planned last sees them, and behind all."""
        return self._applier.wrappers()

    def _warnings(
        self, keys: PlannedKeys, rules: Sequence[Rule], touched: Sequence[int], options: Options
    ) -> Iterable[Reason]:
        for rule, count in zip(rules, touched, strict=True):
            if rule.enabled and not count:
                yield Reason("idle", f"the rule “{told(rule)}” changes nothing")
        if options.target != "pt":
            tied, _ = ties(keys, self._tie_groups)
            if len(tied):
                what = "each is written once more" if options.ties == "copies" else "only the first of each is written"
                names = taken(keys.old, tied)
                yield Reason(
                    "ties",
                    f"{_counted(len(tied), 'tensor shares', 'tensors share')} the values of others: {what}",
                    tuple(names),
                )
        cast = keys.is_cast
        if cast.any():
            yield Reason(
                "cast", f"{_counted(int(cast.sum()), 'tensor is', 'tensors are')} converted", keys.old_where(cast)
            )

    @cached_property
    def _tie_groups(self) -> npt.NDArray[np.int64]:
        return tie_groups(self.source.side)

    def _sections(self, options: Options) -> tuple[list[Section], list[Section]]:
        """The other sections: those that are kept, and those that are dropped as asked."""
        drop = set(options.drop)
        kept: list[Section] = []
        left: list[Section] = []
        for section in self.source.others:
            (left if drop & {section.kind, section.name, section.path} else kept).append(section)
        return kept, left


def _is_nested(options: Options) -> bool:
    return options.target == "pt" and not options.unwrap and not options.wrap


def _with_objects(plan: ExportPlan) -> ExportPlan:
    """The plan with what is to be said of objects beside the model, which no archive of ours can hold."""
    from sdviewer.edit.torch_file import left_out

    names, rows = left_out(plan)
    if not names:
        return plan
    some = _counted(
        len(names),
        "object beside the model cannot be written and is",
        "objects beside the model cannot be written and are",
    )
    told = Reason("objects", f"{some} left out", tuple(names))
    lost = plan.source.checkpoint.table.name.take(np.array(rows, np.int64)).tolist()
    refusals = plan.refusals
    if lost:
        some = _counted(len(lost), "tensor lies in an object", "tensors lie in objects")
        message = f"{some} that cannot be written; drop these parts, or unwrap the model"
        refusals = (*refusals, Reason("lost", message, tuple(lost)))
    return replace(plan, refusals=refusals, warnings=(*plan.warnings, told))


def _lost(kept: Sequence[Section], options: Options) -> Iterable[Reason]:
    if kept and not _is_nested(options):
        names = tuple(section.name for section in kept)
        count = sum(len(section.rows) for section in kept)
        yield Reason(
            "lost",
            f"{count:,} tensors of other parts of the file would be lost; drop these parts, or name the one to export",
            names,
        )


def _refusals(source: Source, keys: PlannedKeys, options: Options) -> Iterable[Reason]:
    if not keys:
        yield Reason("empty", "no tensor is left to write")
        return
    names = set(keys.new)
    if len(names) < len(keys):
        clashes = _clashes(keys)
        told_names = tuple(f"{new} ← {', '.join(olds)}" for new, olds in clashes.items())
        yield Reason(
            "collision", f"{_counted(len(clashes), 'name', 'names')} would be given to several tensors", told_names
        )
    flags = source.checkpoint.table.flags[source.side.rows[keys.places]]
    for flag, words in (
        (Flag.SPARSE | Flag.NESTED | Flag.SUBCLASS, "have no values of their own to write (sparse, nested, subclass)"),
        (Flag.META, "are meta tensors, which have no values"),
        (Flag.OUT_OF_BOUNDS, "reach past what the file holds"),
        (Flag.INCOMPLETE, "are put together from chunks of which some are missing"),
        (Flag.QUANTISED, "are quantised, which no target of ours can hold"),
        (Flag.CONJ | Flag.NEG, "are conjugated or negated views, which are stored as something else than they are"),
    ):
        found = keys.old_where((flags & np.uint16(flag)) != 0)
        if found:
            yield Reason("unwritable", f"{len(found):,} tensors {words}; exclude them", found)
    if "" in names:
        without = np.array([not name for name in keys.new])
        yield Reason("name", "a tensor would have an empty name", keys.old_where(without))
    yield from _refusals_of_target(keys, names, options)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _clashes(keys: PlannedKeys) -> dict[str, list[str]]:
    """New names that several tensors would have, with these tensors' old ones."""
    count = Counter(keys.new)
    clashes: dict[str, list[str]] = {}
    for old, new in zip(keys.old, keys.new, strict=True):
        if count[new] > 1:
            clashes.setdefault(new, []).append(old)
    return clashes


def _refusals_of_target(keys: PlannedKeys, names: set[str], options: Options) -> Iterable[Reason]:
    match options.target:
        case "pt":
            can, what = {dtype.name for dtype in DTYPES if dtype.in_torch}, "torch"
        case "npz":
            can, what = {dtype.name for dtype in DTYPES if dtype.numpy}, "numpy"
        case _:
            can, what = {dtype.name for dtype in DTYPES if dtype.safetensors}, "safetensors"
    cannot = keys.dtypes_after() - can
    if cannot:
        found = keys.with_dtype_after(cannot)
        listed = ", ".join(sorted(cannot))
        yield Reason(
            "dtype", f"{what} has no {listed}; cast or exclude {_counted(len(found), 'tensor', 'tensors')}", found
        )
    if options.target in {"safetensors", "sharded"} and ("__metadata__" in names or not _all_ascii(names)):
        odd = tuple(name for name in keys.new if name == "__metadata__" or not _is_text(name))
        if odd:
            yield Reason("name", "safetensors cannot hold these names", odd)
    if options.target == "npz":
        odd = tuple(name for name in keys.new if "\0" in name or not _is_text(name))
        if odd:
            yield Reason("name", "an archive cannot hold these names", odd)
    if options.wrap and options.target != "pt":
        yield Reason("wrap", f"only .pt files can hold a state_dict under a key ({options.wrap!r})")
    if options.wrap and options.unwrap:
        yield Reason("wrap", "wrapping and unwrapping exclude each other")


def _all_ascii(names: Iterable[str]) -> bool:
    return "".join(names).isascii()


def _is_text(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
