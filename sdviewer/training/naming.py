"""Naming: which parameter of the model each state of an optimizer belongs to, and how sure that is.

The file may say it: in `param_names` of its groups, or with names in place of numbers as ids (FSDP, distributed
checkpoints). Else order and shape are compared with a model of the same file, see alignment.py: buffers left
out, tied parameters once. What could be several is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.roles import buffer_rows
from sdviewer.checkpoint.sections import Section, first_of_ties, section_keys
from sdviewer.checkpoint.table import TensorTable
from sdviewer.checkpoint.wording import shape_text, shown
from sdviewer.checkpoint.wrappers import WRAPPERS, unwrapped
from sdviewer.control import Control
from sdviewer.training.alignment import UNKNOWN_SHAPE, Told, align, align_without_order
from sdviewer.training.model_order import model_order
from sdviewer.training.prefixes import possible_shifts
from sdviewer.training.state import OptimizerState, Standing

Int64 = npt.NDArray[np.int64]

# State of the parameter's own shape, as torch, bitsandbytes and others call it.
LIKE_THE_PARAMETER = (
    "exp_avg",
    "exp_avg_sq",
    "max_exp_avg_sq",
    "momentum_buffer",
    "square_avg",
    "acc_delta",
    "grad_avg",
    "exp_inf",
    "sum",
    "ax",
    "prev",
    "step_size",
    "state1",
    "state2",
)
_FLAT_SHARDS = ("flat_param", "_flat_param")
_TECHNICAL = tuple(wrapper for wrapper in WRAPPERS if wrapper.is_technical)
_MOST_MODELS = 16
_MOST_CONFLICTS = 1000
_WORDS = re.compile(r"[a-z]+|[A-Z]+[a-z]*|\d+")
_NO_NAMES = frozenset({"optimizer", "optimiser", "optim", "opt", "state", "states", "dict", "model", "net", "params"})


class Source(IntEnum):
    """What tells a parameter's name."""

    NOTHING = 0
    PARAM_NAMES = 1
    KEYS = 2
    ORDER = 3


class Confidence(IntEnum):
    """How sure a name is, from not at all to what the file itself says."""

    UNKNOWN = 0
    POSSIBLE = 1  # it fits, but another one would, too
    LIKELY = 2  # order and shape leave this one alone
    CERTAIN = 3  # the file says so


@dataclass(frozen=True, slots=True)
class Conflict:
    """What does not fit: `index` is the parameter, -1 for the whole."""

    index: int
    text: str


@dataclass(frozen=True, eq=False)
class Naming:
    """Columns over the parameters of an `OptimizerState`.

    Attributes:
        name: as the model's state_dict or the file's list has it, "" where it is not known.
        row: row of the model's tensor, -1 for none.
        source: a `Source` each.
        confidence: a `Confidence` each.
        model: the section of the model that was compared, None for none.
        reason: how the names were found, or why not, in sentences.
        conflicts: what does not fit.
        left_out: rows of the model's parameters that are in no group; empty as long as a parameter is not known.

    """

    name: Sequence[str]
    row: Int64
    source: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    model: Section | None
    reason: str
    conflicts: tuple[Conflict, ...]
    left_out: Int64
    tie: Int64

    @cached_property
    def _by_row(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for index, row in enumerate(self.row.tolist()):
            if row >= 0:
                found.setdefault(row, index)
        return found

    def index_of_row(self, row: int) -> int:
        """The parameter that a tensor of the model is, or is tied to, -1 for none."""
        index = self._by_row.get(row, -1)
        if index >= 0 or row >= len(self.tie) or self.tie[row] < 0:
            return index
        tied = np.flatnonzero(self.tie == self.tie[row]).tolist()
        return next((self._by_row[other] for other in tied if other in self._by_row), -1)


class _Model:
    """A model of the file that an optimizer may be of."""

    def __init__(self, checkpoint: Checkpoint, section: Section) -> None:
        table, tie = checkpoint.table, checkpoint.tree.tie
        self.section = section
        rows = section.rows[~buffer_rows(table)[section.rows]]
        keys = section_keys(checkpoint.description, section)
        self.keys = dict(zip(section.rows.tolist(), keys, strict=True))
        self.order = model_order(checkpoint, first_of_ties(rows, tie), self.keys)
        self.rows = self.order.rows
        self.row_of = {key: row for row, key in reversed(self.keys.items())}

    @cached_property
    def row_of_plain(self) -> dict[str, int]:
        """Key without technical wrappers → row; of keys that become equal none."""
        found: dict[str, int] = {}
        for row, key in self.keys.items():
            plain = unwrapped(key, _TECHNICAL)
            found[plain] = -1 if plain in found else row
        return found

    def find(self, name: str) -> int:
        """The row of a tensor by its key, also where one of the two is wrapped; -1 for none."""
        row = self.row_of.get(name)
        return self.row_of_plain.get(unwrapped(name, _TECHNICAL), -1) if row is None else row


def name_parameters(
    checkpoint: Checkpoint, section: Section, state: OptimizerState, control: Control | None = None
) -> Naming:
    """The names of the parameters of the optimizer in `section`; no payload is read.

    Raises:
        Cancelled: `control` was cancelled.

    """
    return _Namer(checkpoint, section, state, control or Control()).name_all()


class _Namer:
    def __init__(self, checkpoint: Checkpoint, section: Section, state: OptimizerState, control: Control) -> None:
        self.checkpoint, self.section, self.state, self.control = checkpoint, section, state, control
        self.table = checkpoint.table
        self.number_of_form, self.shape_of_number = _numbered_shapes(self.table)
        count = len(state)
        self.name = [""] * count
        self.row = np.full(count, -1, np.int64)
        self.source = np.zeros(count, np.uint8)
        self.confidence = np.zeros(count, np.uint8)
        self.conflicts: list[Conflict] = []
        self.reasons: list[str] = []
        self.shape = self._shapes_of_state()

    def name_all(self) -> Naming:
        self._read_names()
        models = self._models()
        named = np.flatnonzero(self.source != Source.NOTHING)
        model = self._look_up(models, named) if len(named) else None
        unnamed = np.flatnonzero((self.source == Source.NOTHING) & (self.state.standing != Standing.IN_NO_GROUP))
        if len(unnamed):
            model = self._by_order(models if model is None else [model], unnamed)
        self._tell_of_flat_shards(models)
        known = self.row >= 0
        left_out = np.zeros(0, np.int64)
        in_groups = self.state.standing != Standing.IN_NO_GROUP
        if model is not None and in_groups.any() and known[in_groups].all():
            tie = self.checkpoint.tree.tie
            taken = np.isin(model.rows, self.row) | ((tie[model.rows] >= 0) & np.isin(tie[model.rows], tie[self.row]))
            left_out = model.rows[~taken]
        conflicts = self.conflicts[:_MOST_CONFLICTS]
        return Naming(
            self.name,
            self.row,
            self.source,
            self.confidence,
            None if model is None else model.section,
            " ".join(self.reasons),
            tuple(conflicts),
            left_out,
            self.checkpoint.tree.tie,
        )

    def _models(self) -> list[_Model]:
        sections = list(self.checkpoint.sections.values())
        found = [section for section in sections if section.kind == "model" and len(section.rows)]
        found = found or [section for section in sections if section.kind == "ema" and len(section.rows)]
        return [_Model(self.checkpoint, section) for section in found[:_MOST_MODELS]]

    def _shapes_of_state(self) -> Int64:
        """Of each parameter the number of its shape as its state tells it, -1 where it does not."""
        state, form = self.state, self.table.form
        fields = [field for field in LIKE_THE_PARAMETER if field in state.fields]
        shape = np.full(len(state), UNKNOWN_SHAPE, np.int64)
        for field in fields or state.fields:
            rows = state.column(field)
            has = np.flatnonzero(rows >= 0)
            number = self.number_of_form[form[rows[has]]]
            if not fields:
                # Of an optimizer that is not known: what has axes.
                axes = np.array([bool(self.shape_of_number[n]) for n in range(len(self.shape_of_number))], np.bool_)
                has, number = has[axes[number]], number[axes[number]]
            before = shape[has]
            for at in np.flatnonzero((before >= 0) & (before != number))[:_MOST_CONFLICTS].tolist():
                index = int(has[at])
                one, other = self._text(int(before[at])), self._text(int(number[at]))
                if fields:
                    self._disagree(index, f"its state has two shapes, {one} and {other}")
            shape[has] = np.where(before >= 0, before, number)
            if not fields:
                shape[has[(before >= 0) & (before != number)]] = -2
        shape[shape == -2] = UNKNOWN_SHAPE
        if state.groups.optimizer == "LBFGS":
            # One flat state for all.
            shape[:] = UNKNOWN_SHAPE
        return shape

    def _read_names(self) -> None:
        position = 0
        for group in self.state.groups.groups:
            for offset, name in enumerate(group.names or ()):
                self._call(position + offset, name, Source.PARAM_NAMES)
            position += len(group.params)
        for index, item in enumerate(self.state.ids):
            if isinstance(item, str) and self.source[index] == Source.NOTHING:
                self._call(index, item, Source.KEYS)

    def _call(self, index: int, name: str, source: Source) -> None:
        self.name[index] = name
        self.source[index] = source
        self.confidence[index] = Confidence.CERTAIN

    def _look_up(self, models: list[_Model], named: Int64) -> _Model | None:
        """Find the named parameters in the model that has most of them."""
        what = "param_names" if (self.source[named] == Source.PARAM_NAMES).any() else "names in place of numbers"
        self.reasons.append(f"The file names {len(named):,} parameters itself ({what}).")
        if not models:
            self.reasons.append("It holds no model to compare them with.")
            return None
        found = []
        for model in models:
            self.control.check()
            found.append(np.array([model.find(self.name[index]) for index in named.tolist()], np.int64))
        best = max(range(len(models)), key=lambda index: int((found[index] >= 0).sum()))
        rows = found[best]
        missing = int((rows < 0).sum())
        if missing == len(named):
            shifted = self._look_up_shifted(models, named)
            if shifted is None:
                return None
            best, rows = shifted
            missing = int((rows < 0).sum())
        if missing:
            self.reasons.append(f"{self._called(models[best])} has no tensor of {missing:,} of these names.")
            for index in named[rows < 0][:_MOST_CONFLICTS].tolist():
                self.conflicts.append(Conflict(index, f"{shown(self.name[index], 200)}: not in the model."))
        self.row[named] = rows
        here = named[(rows >= 0) & (self.shape[named] >= 0)]
        actual = self.number_of_form[self.table.form[self.row[here]]]
        for at in np.flatnonzero(actual != self.shape[here])[:_MOST_CONFLICTS].tolist():
            index = int(here[at])
            self._disagree(
                index,
                f"its state is {self._text(int(self.shape[index]))}, the model's tensor {self._text(int(actual[at]))}",
            )
        return models[best]

    def _look_up_shifted(self, models: list[_Model], named: Int64) -> tuple[int, Int64] | None:
        """The model, and the rows in it, of names that are its keys but for what stands before them."""
        names = [self.name[index] for index in named.tolist()]
        found = []
        for index, model in enumerate(models):
            for shift in possible_shifts(names, model.keys.values()):
                self.control.check()
                keys = [shift.apply(name) for name in names]
                rows = np.array([model.find(key) if key else -1 for key in keys], np.int64)
                own, shape = np.maximum(rows, 0), self.shape[named]
                fits = (rows >= 0) & ((shape < 0) | (self.number_of_form[self.table.form[own]] == shape))
                found.append((int(fits.sum()), index, shift, rows))
        most = max((each[0] for each in found), default=0)
        best = [each for each in found if each[0] == most]
        if not most:
            self.reasons.append(f"No model in this file has tensors of these names ({self._called(models[0])}).")
            return None
        if len(best) > 1:
            told = " or ".join(f"those of {self._called(models[each[1]])} {each[2].text}" for each in best[:4])
            self.reasons.append(f"No model has tensors of these very names; they could be {told}.")
            return None
        _, index, shift, rows = best[0]
        self.reasons.append(f"They are those of {self._called(models[index])} {shift.text}.")
        return index, rows

    def _by_order(self, models: list[_Model], unnamed: Int64) -> _Model | None:
        """Find the others by order and shape, in the model that they fit best."""
        if not models:
            self.reasons.append("There are no names in the file, and no model whose order and shapes could tell them.")
            return None
        group = self.state.group[unnamed].astype(np.int64)
        results = []
        for model in models:
            self.control.check()
            free = model.rows[~np.isin(model.rows, self.row)]
            shapes = self.number_of_form[self.table.form[free]].astype(np.int64)
            own = self.shape[unnamed]
            found = align(own, group, shapes) if model.order.is_known else align_without_order(own, shapes)
            results.append((found, free))
        score = [(int((a.told == Told.ONLY_ONE).sum()), int((a.candidate >= 0).sum())) for a, _ in results]
        best = max(score)
        equal = [index for index, each in enumerate(score) if each == best]
        chosen = equal[0]
        doubt = False
        if len(equal) > 1 and best[1]:
            alike = [index for index in equal if self._is_named_alike(models[index].section)]
            chosen = alike[0] if len(alike) == 1 else equal[0]
            names = " and ".join(self._called(models[index]) for index in equal[:4])
            if len(alike) == 1:
                self.reasons.append(f"{names} fit; {self._called(models[chosen])} is named like it.")
            else:
                doubt = True
                self.conflicts.append(Conflict(-1, f"Several models fit equally well: {names}."))
        alignment, free = results[chosen]
        self.reasons.append(f"{self._by_what(models[chosen])}: {alignment.reason}")
        self.reasons += filter(None, [models[chosen].order.reason])
        told = np.flatnonzero(alignment.candidate >= 0)
        rows = free[alignment.candidate[told]]
        sure = alignment.told[told] == Told.ONLY_ONE
        keys = models[chosen].keys
        for index, row in zip(unnamed[told].tolist(), rows.tolist(), strict=True):
            self.name[index] = keys[row]
        self.row[unnamed[told]] = rows
        self.source[unnamed[told]] = Source.ORDER
        level = np.where(sure & (not doubt), Confidence.LIKELY, Confidence.POSSIBLE)
        self.confidence[unnamed[told]] = level.astype(np.uint8)
        if not len(told) and (self.shape[unnamed] >= 0).any():
            self._first_misfit(unnamed, free)
        return models[chosen] if len(told) else None

    def _tell_of_flat_shards(self, models: list[_Model]) -> None:
        """FSDP1 lays the parameters of a module end to end, and each rank keeps a piece."""
        flat = [model for model in models if any(key.rpartition(".")[2] in _FLAT_SHARDS for key in model.row_of)]
        if flat:
            self.reasons.append(
                f"{self._called(flat[0])} holds flat shards of FSDP1: each is one rank's piece of several parameters "
                "laid end to end, whose own names and shapes no file of a rank tells."
            )
            return
        shapes = np.unique(self.shape[(self.shape >= 0) & (self.row < 0)]).tolist()
        if not len(shapes) or any(len(self.shape_of_number[number]) != 1 for number in shapes):
            return
        of_model = {number for model in models for number in self.number_of_form[self.table.form[model.rows]].tolist()}
        if any(len(self.shape_of_number[number]) > 1 for number in of_model) and not of_model.issuperset(shapes):
            self.reasons.append(
                "All state without a name has one axis, and the model's parameters have more: so FSDP1 keeps it, as "
                "flat shards. FSDP.optim_state_dict gives it under the parameters' names."
            )

    def _first_misfit(self, unnamed: Int64, free: Int64) -> None:
        """Where the order of the model and of the optimizer part first."""
        both = min(len(unnamed), len(free))
        own, actual = self.shape[unnamed[:both]], self.number_of_form[self.table.form[free[:both]]]
        apart = np.flatnonzero((own >= 0) & (own != actual))
        if len(apart):
            at = int(apart[0])
            index = int(unnamed[at])
            self.conflicts.append(
                Conflict(
                    index,
                    f"Parameter {self.state.ids[index]!r} has state of {self._text(int(own[at]))}, "
                    f"the model's parameter {at:,} is {self._text(int(actual[at]))} "
                    f"({shown(self.table.name[int(free[at])], 200)}).",
                )
            )

    def _disagree(self, index: int, text: str) -> None:
        name = shown(self.name[index], 200) or f"Parameter {self.state.ids[index]!r}"
        self.conflicts.append(Conflict(index, f"{name}: {text}."))
        self.confidence[index] = min(int(self.confidence[index]), Confidence.POSSIBLE)

    def _is_named_alike(self, section: Section) -> bool:
        return bool(_words_of(section.name) & _words_of(self.section.name))

    def _called(self, model: _Model) -> str:
        return f"“{shown(model.section.name, 80)}”"

    def _by_what(self, model: _Model) -> str:
        return f"By order and shape against {self._called(model)}"

    def _text(self, number: int) -> str:
        return shape_text(self.shape_of_number[number])


def _words_of(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)} - _NO_NAMES


def _numbered_shapes(table: TensorTable) -> tuple[Int64, list[tuple[int, ...]]]:
    """Of each form the number of its shape, and the shapes by number."""
    numbers: dict[tuple[int, ...], int] = {}
    of_form = [numbers.setdefault(table.forms.shape_of(form), len(numbers)) for form in range(len(table.forms))]
    return np.array(of_form, np.int64), list(numbers)
