"""What a regex cannot do without is read from it: never too much, so that nothing that fits is passed over."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.control import Control
from sdviewer.search.literals import Literal, literal_in, looks_back, narrowed
from sdviewer.search.query import Regex, compile_regex
from sdviewer.search.texts import Texts

PIECES = [
    *"aabBk.1_-/ ]}{^$|()",
    r"\.",
    r"\d",
    r"\b",
    r"\\",
    r"\A",
    r"\x61",
    r"\1",
    r"\141",
    "[ab]",
    "[^]a]",
    "[a]]",
    r"[\]a]",
    *("*", "+", "?", "*?", "++", "{2}", "{0}", "{,2}", "{1,", "{}"),
    *("(a)", "(a|b)", "(?:a)", "(?i)", "(?x)", "(?!a)", "(?#a)", "ab", "layer", "ä", "ſ"),
]
patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
texts = st.text(st.sampled_from("aabBkKſ.1_-/ ]}{\\ä\ud800"), max_size=12) | st.sampled_from(
    ["layer", "aalayerb", "aa.1"]
)


def texts_of(names: list[str]) -> Texts:
    return Texts.of(StringColumn.of(names), len(names))


@given(patterns, st.lists(texts, max_size=6), st.booleans(), st.data())
@example(r"a{,2}b", ["b"], True, None)
@example(r"(a)\1k", ["aak"], True, None)
@example("k", ["K", "\N{KELVIN SIGN}"], False, None)
@settings(max_examples=400)
def test_nothing_that_fits_is_passed_over_and_what_is_certain_fits(
    pattern: str, names: list[str], case: bool, data: st.DataObject | None
) -> None:
    regex = Regex(pattern, case)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search = compile_regex(regex).search
    except re.error:
        assume(False)
    among = None
    if data is not None and data.draw(st.booleans()):
        among = np.array(data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names))), np.bool_)
    certain, possible = narrowed(regex, texts_of(names), Control(), among)
    assert not (certain & possible).any()
    for row, name in enumerate(names):
        asked = among is None or bool(among[row])
        fits = search(name) is not None
        assert not certain[row] or (fits and asked)
        assert certain[row] or possible[row] or not fits or not asked
        assert asked or not possible[row]


@given(patterns, texts, st.integers(0, 12))
@settings(max_examples=400)
def test_what_does_not_look_back_is_found_in_a_text_if_it_is_found_in_its_end(
    pattern: str, text: str, start: int
) -> None:
    regex = Regex(pattern, case=True)
    try:
        search = compile_regex(regex).search
    except re.error:
        assume(False)
    if not looks_back(regex) and search(text[start:]) is not None:
        assert search(text) is not None


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("layers", Literal("layers", is_whole=True)),
        (r"layers\.1", Literal("layers.1", is_whole=True)),
        (r"layers.\d+5.block", Literal("layers", is_whole=False)),
        (r"^h\.\d+\.attn", Literal(".attn", is_whole=False)),
        (r"\d", None),
        ("a*b?", None),
        ("(abc)d", Literal("d", is_whole=False)),
        ("[abc]+weight$", Literal("weight", is_whole=False)),
        ("abc|abd", None),
        ("(?i)abc", None),
        (r"\x41bc", None),
    ],
)
def test_the_longest_literal_is_found(pattern: str, literal: Literal | None) -> None:
    assert literal_in(Regex(pattern, case=True)) == literal
