"""Filtering: which tensors a query fits, as masks over the listed rows of the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.table import Encoding, Flag
from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control
from sdviewer.search.conditions import ANY, Choice, Condition, DtypeSet, Naming, Range, ShapeForm
from sdviewer.search.fields import BY_WORD
from sdviewer.search.index import SearchIndex
from sdviewer.search.literals import looks_back
from sdviewer.search.patterns import MatchRegex, TooSlow, match_here
from sdviewer.search.query import FieldTest, Glob, Mistake, Query, Regex, Term, Test, Word
from sdviewer.search.scanned import Scanned, fit_of_scanned

Mask = npt.NDArray[np.bool_]

_NAMES_TOLD = 6
_FIELD_WITHOUT_COLON = re.compile(r"([a-z_]+)(?:=|(?=[<>≤≥]))(.+)")


@dataclass(frozen=True, slots=True)
class TermCount:
    """How many tensors one term fits by itself."""

    text: str
    count: int


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """What a query fits.

    Attributes:
        mask: one entry a listed row, read-only.
        rows: the rows that fit, in file order.
        terms: each term alone.
        note: where nothing fits, a sentence on why that may be; else "".
        needs_scan: whether a term asks for what only a scan tells.
        unknown: how many tensors may fit, too, but were not scanned.

    """

    mask: Mask
    rows: npt.NDArray[np.int64]
    terms: tuple[TermCount, ...]
    note: str = ""
    needs_scan: bool = False
    unknown: int = 0

    @property
    def total(self) -> int:
        """How many tensors there are."""
        return len(self.mask)


def find_matches(
    query: Query,
    index: SearchIndex,
    control: Control | None = None,
    match_regex: MatchRegex = match_here,
    scanned: Scanned | None = None,
) -> Matches | Mistake:
    """The tensors that fit every term. A regex that takes too long is a `Mistake`.

    What was not `scanned` fits no term that only a scan can answer, be it turned round or not.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    mask = np.ones(index.count, np.bool_)
    possible = mask.copy()
    counts = []
    needs_scan = False
    for term in query.terms:
        control.check()
        unknown: Mask | None = None
        try:
            if isinstance(term.test, FieldTest) and BY_WORD[term.test.field].needs_scan:
                needs_scan = True
                fits, unknown = fit_of_scanned(term.test, index.count, scanned)
            else:
                fits = _mask_of(term.test, index, control, match_regex)
        except TooSlow:
            message = "This regex takes too long on these names: write it without repeats inside repeats"
            return Mistake(term.start, len(term.text), message)
        fits = ~fits if term.negated else fits
        if unknown is not None:
            possible &= fits | unknown
            fits &= ~unknown
        else:
            possible &= fits
        counts.append(TermCount(term.text, int(fits.sum())))
        mask &= fits
    mask.flags.writeable = False
    rows = np.flatnonzero(mask)
    may_fit = int(possible.sum()) - len(rows)
    note = "" if len(rows) or may_fit else _why_nothing(query.terms, counts, index)
    return Matches(mask, rows, tuple(counts), note, needs_scan, may_fit)


def _mask_of(test: Test, index: SearchIndex, control: Control, match_regex: MatchRegex) -> Mask:
    known = index.remembered(test)
    if known is None:
        known = _evaluate(test, index, control, match_regex)
        index.remember(test, known)
    return known


def _evaluate(test: Test, index: SearchIndex, control: Control, match_regex: MatchRegex) -> Mask:
    match test:
        case Word():
            # A key that is the end of its name has no word that the name has not.
            mask = index.names.with_word(test, control)
            mask[index.odd_keys.rows] |= index.odd_keys.texts.with_word(test, control)
        case Glob():
            mask = index.names.with_glob(test, control)
            for keys in (index.key_ends, index.odd_keys):
                mask[keys.rows] |= keys.texts.with_glob(test, control)
        case Regex():
            mask = match_regex(test, index.names, control)
            # What is found in the end of a name is found in the name, unless it matters what stands before.
            for keys in (index.key_ends, index.odd_keys) if looks_back(test) else (index.odd_keys,):
                left = ~mask[keys.rows]
                if left.any():
                    mask[keys.rows] |= match_regex(test, keys.texts, control, left)
        case FieldTest():
            holds = EVALUATORS[test.field]
            mask = np.zeros(index.count, np.bool_)
            for condition in test.conditions:
                control.check()
                mask |= holds(index, condition)
    return mask


def _dtype(index: SearchIndex, condition: Condition) -> Mask:
    wanted = cast("DtypeSet", condition)
    by_code = np.zeros(len(DTYPES), np.bool_)
    by_code[list(wanted.codes)] = True
    mask = by_code[index.table.dtype[: index.count]]
    if wanted.naming is not None:
        for name, rows in index.own_dtypes.items():
            if wanted.naming.fits(name):
                mask[rows] = True
    return mask


def _shape(index: SearchIndex, condition: Condition) -> Mask:
    """Looked at once a form, of which there are few."""
    form = cast("ShapeForm", condition)
    forms = index.table.forms
    if not len(forms):
        return np.zeros(index.count, np.bool_)
    start, end = forms.start[:-1], forms.start[1:]
    axes = len(form.head) + len(form.tail)
    fits = end - start >= axes if form.open_ended else end - start == axes
    for first, ranges in ((start, form.head), (end - len(form.tail), form.tail)):
        for position, axis in enumerate(ranges):
            if axis != ANY:
                some = np.flatnonzero(fits)
                fits[some] = _within(forms.shape[first[some] + position], axis)
    return np.asarray(fits[index.table.form[: index.count]], np.bool_)


def _dims(index: SearchIndex, condition: Condition) -> Mask:
    forms = index.table.forms
    fits = _within(np.diff(forms.start), cast("Range", condition))
    return np.asarray(fits[index.table.form[: index.count]], np.bool_) if len(forms) else fits[: index.count]


def _numel(index: SearchIndex, condition: Condition) -> Mask:
    return _within(index.table.numel[: index.count], cast("Range", condition))


def _size(index: SearchIndex, condition: Condition) -> Mask:
    return _within(index.table.nbytes[: index.count], cast("Range", condition))


def _kind(index: SearchIndex, condition: Condition) -> Mask:
    naming = cast("Naming", condition)
    # Kinds that shapes cannot tell apart are written "ModuleList/Sequential": either word means them.
    return _one_of(
        [naming.fits(kind) or any(map(naming.fits, kind.split("/"))) for kind in index.tree.kinds], index.kind_of
    )


def _role(index: SearchIndex, condition: Condition) -> Mask:
    role = Role[cast("Choice", condition).word.upper()]
    return np.asarray(index.tree.role[: index.count] == role, np.bool_)


def _section(index: SearchIndex, condition: Condition) -> Mask:
    naming = cast("Naming", condition)
    fits = [naming.fits(section.name) or naming.fits(section.kind) for section in index.sections]
    return _one_of(fits, index.section_of)


def _tied(index: SearchIndex, condition: Condition) -> Mask:
    return _yes_or_no(index.tree.tie[: index.count] >= 0, condition)


def _grad(index: SearchIndex, condition: Condition) -> Mask:
    flags = index.table.flags[: index.count]
    known, required = (flags & Flag.GRAD_KNOWN) != 0, (flags & Flag.REQUIRES_GRAD) != 0
    match cast("Choice", condition).word:
        case "yes":
            return np.asarray(known & required, np.bool_)
        case "no":
            return np.asarray(known & ~required, np.bool_)
        case _:
            return np.asarray(~known, np.bool_)


def _file(index: SearchIndex, condition: Condition) -> Mask:
    naming = cast("Naming", condition)
    storages = index.table.storages
    by_storage = _one_of(list(map(naming.fits, index.files)), storages.source)
    return _one_of(by_storage, index.table.storage[: index.count])


def _problem(index: SearchIndex, condition: Condition) -> Mask:
    """Out of bounds, incomplete, in a storage that the file does not hold, or named by a problem."""
    storages = index.table.storages
    gone = np.asarray((storages.source < 0) | (storages.encoding == Encoding.MISSING), np.bool_)
    troubled = _one_of(gone, index.table.storage[: index.count])
    troubled |= (index.table.flags[: index.count] & (Flag.OUT_OF_BOUNDS | Flag.INCOMPLETE)) != 0
    troubled |= index.names.equal_to([problem.where for problem in index.description.problems], Control())
    return _yes_or_no(troubled, condition)


# One function a row of fields.FIELDS, but for what needs a scan: index and condition → mask.
EVALUATORS: Mapping[str, Callable[[SearchIndex, Condition], Mask]] = MappingProxyType(
    {
        "dtype": _dtype,
        "shape": _shape,
        "dims": _dims,
        "numel": _numel,
        "size": _size,
        "kind": _kind,
        "role": _role,
        "section": _section,
        "tied": _tied,
        "grad": _grad,
        "file": _file,
        "problem": _problem,
    }
)


def _within(values: npt.NDArray[np.int64], limits: Range) -> Mask:
    return np.asarray((values >= limits.low) & (values <= limits.high), np.bool_)


def _one_of(fits: list[bool] | Mask, which: npt.NDArray[np.integer]) -> Mask:
    """`fits[which]`, and False where `which` is -1."""
    # The entry at the end is the one that -1 means.
    return np.asarray(np.append(np.asarray(fits, np.bool_), np.False_)[which], np.bool_)


def _yes_or_no(mask: Mask, condition: Condition) -> Mask:
    return mask if cast("Choice", condition).word == "yes" else ~mask


def _why_nothing(terms: tuple[Term, ...], counts: list[TermCount], index: SearchIndex) -> str:
    """A sentence for a query that fits nothing, where one term is to blame."""
    for term, count in zip(terms, counts, strict=True):
        if count.count or term.negated:
            continue
        match term.test:
            case Glob():
                wider = f"*{term.text.strip('*')}*"
                return f"{shown(term.text)} has to fit a whole name; {shown(wider)} fits a part of one"
            case Word(text=text) if (found := _FIELD_WITHOUT_COLON.match(text)) and found[1] in BY_WORD:
                return f"{shown(text)} is looked for in names; did you mean {shown(f'{found[1]}:{found[2]}')}?"
            case FieldTest(field="kind"):
                return _there_are(
                    "kinds", [index.tree.kinds[kind] for kind in np.unique(index.kind_of).tolist() if kind >= 0]
                )
            case FieldTest(field="section"):
                return _there_are("sections", [section.name for section in index.sections if len(section.rows)])
            case FieldTest(field="dtype"):
                codes = np.unique(index.table.dtype[: index.count]).tolist()
                return _there_are("dtypes", [DTYPES[code].name for code in codes])
            case FieldTest(field="file"):
                return _there_are("files", list(index.files))
            case FieldTest(field="size" | "numel", conditions=(Range(low=low, high=high),)) if low == high:
                return f"{shown(term.text)} is exactly this number; write > or < before it, or .. between two"
            case _:
                return f"No tensor fits {shown(term.text)}"
    return "No tensor fits all of this at once" if len(terms) > 1 else ""


def _there_are(what: str, names: list[str]) -> str:
    told = [shown(name, 60) for name in dict.fromkeys(names) if name]
    if not told:
        return f"No {what} are known in this file"
    more = f" and {len(told) - _NAMES_TOLD} more" if len(told) > _NAMES_TOLD else ""
    return f"This file has the {what} {', '.join(told[:_NAMES_TOLD])}{more}"
