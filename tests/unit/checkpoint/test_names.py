"""Canonical names and paths say the same thing; examples are those of the contract."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.checkpoint.names import decode_part, decode_path, encode_part, encode_path

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
odd_text = st.text("~/[]012.'\\\n", max_size=8)
scalars = st.one_of(any_text, odd_text, st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=8))
keys = st.one_of(scalars, st.tuples(scalars), st.lists(scalars, max_size=3).map(tuple))
paths = st.lists(keys, min_size=1, max_size=5).map(tuple)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("model", "layers.0.weight"), "model/layers.0.weight"),
        (("a/b", "c~d"), "a~1b/c~0d"),
        (("optimizer", "state", 3, "exp_avg"), "optimizer/state/[3]/exp_avg"),
        (("[3]",), "~23]"),
        (("~2",), "~02"),
        ((None, True, 1.5), "[None]/[True]/[1.5]"),
        ((b"raw/", ("a", 1)), "[b'raw~1']/[('a', 1)]"),
        (("",), ""),
        (("", ""), "/"),
    ],
)
def test_a_path_has_this_name_and_the_name_this_path(path: tuple[Any, ...], name: str) -> None:
    assert encode_path(path) == name
    assert decode_path(name) == path


@given(paths)
@example((math.inf, (-math.inf, math.nan), -0.0))
@example(("1", 1, True, "True", "[1]", "~21]"))
def test_a_path_is_read_back_out_of_its_name_with_the_types_of_its_keys(path: tuple[Any, ...]) -> None:
    # repr tells NaN from NaN and True from 1, which == does not.
    assert repr(decode_path(encode_path(path))) == repr(path)


@given(paths, paths)
def test_different_paths_have_different_names(left: tuple[Any, ...], right: tuple[Any, ...]) -> None:
    assert (encode_path(left) == encode_path(right)) is (repr(left) == repr(right))


@given(st.one_of(any_text, odd_text))
def test_any_text_is_some_part_and_nothing_in_it_is_run(text: str) -> None:
    decode_part(text)


@pytest.mark.parametrize(
    "text", ["[", "]", "[]", "[x]", "[key #3]", "[__import__('os').system('x')]", "[1 +]", "[nano]", "[inf.real]"]
)
def test_brackets_that_hold_no_literal_stay_a_text(text: str) -> None:
    assert decode_part(text) == text


def test_a_literal_nested_too_deep_stays_a_text() -> None:
    text = "[" + "(" * 5_000 + ")" * 5_000 + "]"
    assert decode_part(text) == text


def test_a_plain_part_is_itself() -> None:
    assert encode_part("layers.0.weight") == "layers.0.weight"
