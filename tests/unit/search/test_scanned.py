"""The filter asks what only a scan tells, and says of what was not scanned that nobody knows."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.search.conditions import Unfit, read_real, read_share
from sdviewer.search.filtering import Matches, find_matches
from sdviewer.search.index import index_of
from sdviewer.search.query import Query, parse
from tests.unit.search.making import Made, checkpoint_of

_NAMES = ("a.weight", "a.bias", "b.weight", "b.bias")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "≤": operator.le,
}


@dataclass
class Results:
    """Four tensors: counted with NaN, counted and constant, unreadable, not scanned."""

    has_figures: npt.NDArray[np.bool_]
    is_examined: npt.NDArray[np.bool_]

    def figure(self, field: str) -> npt.NDArray[np.float64]:
        columns = {"nan": (3, 0), "std": (0.5, 0), "kurtosis": (3, math.nan), "sparsity": (0.25, 1)}
        return np.array([*columns[field], math.nan, math.nan])

    def having(self, word: str) -> npt.NDArray[np.bool_]:
        # Wrong on purpose where nothing was examined: it must not count.
        return np.array({"nan": (1, 0, 0, 1), "bad": (1, 0, 1, 0), "unreadable": (0, 0, 1, 0)}[word], np.bool_)


SCANNED = Results(np.array([True, True, False, False]), np.array([True, True, True, False]))


def found(text: str, scanned: Results | None = SCANNED) -> tuple[list[str], int]:
    """The names that fit, and how many tensors may fit as well."""
    query = parse(text)
    assert isinstance(query, Query), query
    matches = find_matches(query, index_of(checkpoint_of([Made(name) for name in _NAMES])), scanned=scanned)
    assert isinstance(matches, Matches)
    return [_NAMES[row] for row in matches.rows.tolist()], matches.unknown


@pytest.mark.parametrize(
    ("text", "names", "unknown"),
    [
        ("nan:>0", ["a.weight"], 2),
        ("-nan:>0", ["a.bias"], 2),
        ("std:<1e-6", ["a.bias"], 2),
        ("std:0,0.5", ["a.weight", "a.bias"], 2),
        ("kurtosis:>2", ["a.weight"], 2),
        ("-kurtosis:>2", ["a.bias"], 2),
        ("sparsity:>=100%", ["a.bias"], 2),
        ("health:nan", ["a.weight"], 1),
        ("is:nan", ["a.weight"], 1),
        ("health:bad", ["a.weight", "b.weight"], 1),
        ("-health:bad", ["a.bias"], 1),
        ("health:unreadable weight", ["b.weight"], 0),
        ("health:unknown", ["b.bias"], 0),
        ("-health:unknown", ["a.weight", "a.bias", "b.weight"], 0),
        ("health:nan,unknown", ["a.weight", "b.bias"], 0),
        ("weight nan:>0", ["a.weight"], 1),
        ("weight", ["a.weight", "b.weight"], 0),
    ],
)
def test_what_was_not_scanned_fits_neither_a_question_nor_its_opposite(
    text: str, names: list[str], unknown: int
) -> None:
    assert found(text) == (names, unknown)


def test_without_a_scan_all_is_unknown() -> None:
    assert found("nan:>0", None) == ([], 4)
    assert found("-health:bad bias", None) == ([], 2)
    assert found("health:unknown", None) == (list(_NAMES), 0)


def test_a_scan_that_goes_on_is_asked_again() -> None:
    checkpoint = checkpoint_of([Made(name) for name in _NAMES])
    query = parse("nan:>0")
    assert isinstance(query, Query)
    nothing = Results(np.zeros(4, np.bool_), np.zeros(4, np.bool_))
    before = find_matches(query, index_of(checkpoint), scanned=nothing)
    after = find_matches(query, index_of(checkpoint), scanned=SCANNED)
    assert isinstance(before, Matches)
    assert isinstance(after, Matches)
    assert (before.rows.tolist(), after.rows.tolist()) == ([], [0])
    assert before.needs_scan


@given(
    sign=st.sampled_from(sorted(_OPERATORS)),
    limit=st.floats(-1e30, 1e30, allow_nan=False),
    value=st.floats(-1e30, 1e30, allow_nan=False),
)
def test_a_real_number_compares_as_it_does_in_python(sign: str, limit: float, value: float) -> None:
    found = read_real(f"{sign}{limit!r}")
    for candidate in (value, limit):
        above = candidate > found.low if found.open_low else candidate >= found.low
        below = candidate < found.high if found.open_high else candidate <= found.high
        assert (above and below) == _OPERATORS[sign](candidate, limit)


def test_reals_have_signs_exponents_units_and_ranges() -> None:
    assert read_real("−0.5..1e-3") == read_real("-0.5..0.001")
    assert read_real(">2k") == read_real(">2000")
    assert read_share("50%") == read_share("0.5")
    assert read_real("..3").low == -math.inf
    for text in ("", ">", "..", "x", "1e", "1q", "nan", "1..x", "50%"):
        with pytest.raises(Unfit):
            read_real(text)
