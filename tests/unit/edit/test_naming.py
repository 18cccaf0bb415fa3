"""Renaming many names at once gives what `re` gives for each of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.edit.naming import renaming
from sdviewer.edit.rules import AddPrefix, Rename, RenameKeys, ReplacePrefix, StripPrefix, Template

NAMES = st.lists(st.text("ab.01%\\é", max_size=8), max_size=6)
PATTERNS = [
    r"a",
    r"(a)|(b)",
    r"(\d)(\.)?",
    r"^(?P<head>[^.]*)\.",
    r"(a*)",
    r"x",
    r"((a)b)?$",
    r"(%)",
    r"\.(?P<n>.)(.)?",
]
PIECES = [
    "",
    "z",
    "%s",
    "%",
    r"\1",
    r"\2",
    r"\g<1>",
    r"\g<head>",
    r"\g<n>",
    r"\g<0>",
    r"\\",
    r"\n",
    r"\01",
    r"\10",
    "{}",
]


@given(NAMES, st.sampled_from(PATTERNS), st.lists(st.sampled_from(PIECES), max_size=4).map("".join))
def test_a_replacement_means_what_it_means_to_re(names: list[str], pattern: str, replacement: str) -> None:
    try:
        rule = Rename(pattern, replacement)
    except ValueError:
        return
    assert renaming(rule)(names) == [re.sub(pattern, replacement, name) for name in names]


@given(
    st.lists(st.text("ab.0", max_size=8), max_size=6),
    st.sampled_from(["{x}.{y}", "a.{rest}", "{x}", "{rest}.0", "a"]),
    st.lists(st.sampled_from(["{x}", "{y}", "{rest}", "b", ".", "%s", "\\1", "\\"]), max_size=4).map("".join),
)
def test_a_template_means_what_its_regex_means(names: list[str], old: str, new: str) -> None:
    try:
        rule = Template(old, new)
    except ValueError:
        return
    pattern, replacement = rule.regex()
    found = [(name, pattern.fullmatch(name)) for name in names]
    assert renaming(rule)(names) == [name if fits is None else fits.expand(replacement) for name, fits in found]


@pytest.mark.parametrize(
    ("rule", "names", "expected"),
    [
        (StripPrefix("a."), ["a.a.b", "b.a.", "a."], ["a.b", "b.a.", "a."]),
        (StripPrefix("auto"), ["module.model.module.w", "w", "module."], ["w", "w", "module."]),
        (AddPrefix("p."), ["", "a"], ["p.", "p.a"]),
        (ReplacePrefix("a", "b"), ["aa", "ba", "a"], ["ba", "ba", "b"]),
        (RenameKeys((("a", "b"), ("b", "a"))), ["a", "b", "c"], ["b", "a", "c"]),
    ],
)
def test_prefixes_and_tables(
    rule: StripPrefix | AddPrefix | ReplacePrefix | RenameKeys, names: list[str], expected: list[str]
) -> None:
    assert renaming(rule)(names) == expected
