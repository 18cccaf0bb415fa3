"""The modules that keys name are those that splitting each key at its dots gives, made once each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.dotted import LEVELS, KeyText, distinct_values, modules_of_keys

SEGMENTS = st.sampled_from(
    ["layers", "0", "1", "10", "", "weight", "é", "a" * 15, "a" * 16, "a" * 16 + "b", "a\0", "a"]
)
KEYS = st.lists(
    st.lists(SEGMENTS, min_size=2, max_size=6).map(".".join) | st.text(max_size=30).map(".".join), max_size=40
)


def found_in(keys: list[str]) -> list[str]:
    """For each key the dotted name of its module, put together from the columns."""
    names = StringColumn.of(keys)
    text = KeyText(names.data)
    last_dots = [start + len(key.rpartition(".")[0].encode()) for key, start in zip(keys, names.offsets, strict=False)]
    found = modules_of_keys(text, names.offsets[:-1], np.array(last_dots, np.int64))
    full: list[str] = []
    for parent, segment in zip(found.parent.tolist(), found.segment.tolist(), strict=True):
        assert parent < len(full)
        full.append((full[parent] + "." if parent >= 0 else "") + found.segments[segment])
    assert len(set(zip(found.parent.tolist(), found.segment.tolist(), strict=True))) == len(full)
    for name, first in zip(full, found.first.tolist(), strict=True):
        # The first key that has it is the first that begins with its name and a dot.
        assert [key.startswith(name + ".") for key in keys[: first + 1]] == [False] * first + [True]
    rests = [text.text(rest, dot) for rest, dot in zip(found.rest.tolist(), last_dots, strict=True)]
    return [
        full[module] + ("." + rest if at >= 0 else "")
        for module, rest, at in zip(found.module.tolist(), rests, found.rest.tolist(), strict=True)
    ]


@given(KEYS)
def test_each_key_lies_in_the_module_before_its_last_dot(keys: list[str]) -> None:
    keys = [key for key in keys if "." in key]
    assert found_in(keys) == [key.rpartition(".")[0] for key in keys]


def test_what_is_deeper_than_levels_are_looked_for_is_left_as_a_rest() -> None:
    deep = ["." * (LEVELS + 5), ".".join(["a"] * (LEVELS + 1)), ".".join(["a"] * (LEVELS + 2)), "a.b"]
    assert found_in(deep) == [key.rpartition(".")[0] for key in deep]


@given(st.lists(SEGMENTS | st.text(max_size=20), max_size=40))
def test_equal_pieces_have_one_number(pieces: list[str]) -> None:
    column = StringColumn.of(pieces)
    numbers, texts = KeyText(column.data).distinct(column.offsets[:-1], column.offsets[1:])
    assert texts == list(dict.fromkeys(pieces))
    assert [texts[number] for number in numbers.tolist()] == pieces


def test_pieces_that_only_their_mixed_words_make_equal_are_told_apart() -> None:
    # The words of a piece of 8 to 15 bytes are mixed as low * m + high: a step of one in low is one of m in high.
    mix, low, high = 0x9E3779B97F4A7C15, int.from_bytes(b"abcdefgh", "little"), 15 << 56
    candidates = (
        low.to_bytes(8, "little")
        + ((high + mix * step) % 2**64).to_bytes(8, "little")
        + (low + step).to_bytes(8, "little")
        + high.to_bytes(8, "little")
        for step in range(1, 10_000_000)
    )
    both = next(pair for pair in candidates if pair.isascii() and pair[15] == pair[31] == 15)
    data = both[:15] + both[16:31]
    numbers, _ = KeyText(data).distinct(np.array([0, 15]), np.array([15, 30]))
    assert numbers.tolist() == [0, 1]


@given(st.lists(st.integers(0, 20)))
def test_values_are_numbered_in_the_order_in_which_they_appear(values: list[int]) -> None:
    first, number = distinct_values(np.array(values, np.int64))
    different = list(dict.fromkeys(values))
    assert [values[at] for at in first.tolist()] == different
    assert [different[at] for at in number.tolist()] == values


@given(st.lists(st.text("ab\0é", max_size=20)))
def test_what_a_piece_shares_with_the_one_before_is_counted_in_bytes(pieces: list[str]) -> None:
    column = StringColumn.of(pieces)
    shared = KeyText(column.data).shared(column.offsets[:-1], np.diff(column.offsets)).tolist()
    expected = [0] * bool(pieces)
    for one, other in pairwise(piece.encode() for piece in pieces):
        equal = 0
        while equal < min(len(one), len(other)) and one[equal] == other[equal]:
            equal += 1
        expected.append(equal)
    assert shared == expected
