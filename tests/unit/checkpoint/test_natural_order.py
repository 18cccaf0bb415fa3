"""Names come in natural order, as a key in plain Python sorts them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.checkpoint.natural_order import byte_ranks, natural_ranks
from sdviewer.control import Control
from sdviewer.errors import Cancelled

Key = list[tuple[int, int]]


def natural_key(text: str) -> Key:
    """Characters by code point, a run of digits as its number in the place of the character 0."""
    parts = re.findall(r"([0-9]+)|(.)", text, re.DOTALL)
    return [(ord("0"), int(digits)) if digits else (ord(char), 0) for digits, char in parts]


def order(texts: list[str]) -> list[str]:
    """The texts as their ranks sort them, equal ones in the order given."""
    ranks = natural_ranks(StringColumn.of(texts), Control())
    return [texts[index] for index in np.argsort(ranks, kind="stable")]


def competition_ranks(keys: list[Key]) -> list[int]:
    """For each key how many are smaller."""
    return [sum(other < key for other in keys) for key in keys]


names = st.text(st.sampled_from("ab.0129_/\0é𝄞\ud800"), max_size=24)


@given(st.lists(names, max_size=30))
@example(["abcdefgh", "abcdefghi", "abcdefgh", "abcdefghj", "abcdefgh\0"])
@example(["abcdefg", "abcdefg\0", "abcdefg\0\0", ""])
@example(["a0", "b", "a", "a00", "a0b", "0", "00"])
@example(["9" * 8, "9" * 9, "1" + "0" * 9, "0" * 20 + "5", "1" * 300, "2" * 299])
def test_ranks_are_those_of_a_key_in_python(texts: list[str]) -> None:
    found = natural_ranks(StringColumn.of(texts), Control())
    assert found.tolist() == competition_ranks([natural_key(text) for text in texts])


def test_numbers_count_as_people_do() -> None:
    texts = ["layers.10.w", "layers.2.w", "layer", "layers.1.w", "layers.2.b", "layers", "layers.02.w"]
    assert order(texts) == ["layer", "layers", "layers.1.w", "layers.2.b", "layers.2.w", "layers.02.w", "layers.10.w"]


def test_what_python_calls_digits_beyond_ascii_are_letters() -> None:
    assert order(["a٢", "a١٠", "a9"]) == ["a9", "a١٠", "a٢"]


@given(st.lists(st.binary(max_size=20), max_size=40))
def test_ranks_of_bytes_are_those_of_python(texts: list[bytes]) -> None:
    offsets = np.concatenate(([0], np.cumsum([len(text) for text in texts]))).astype(np.int64)
    found = byte_ranks(np.frombuffer(b"".join(texts), np.uint8), offsets, Control())
    assert found.tolist() == [sum(other < text for other in texts) for text in texts]


@pytest.mark.parametrize("shuffled", [False, True])
def test_many_names_are_sorted_as_few_are(shuffled: bool) -> None:
    texts = [f"model.layers.{layer}.{leaf}" for layer in range(9_000) for leaf in ("q.weight", "k.weight", "ln.1", "")]
    if shuffled:
        texts = [texts[index] for index in np.random.default_rng(0).permutation(len(texts))]
    assert order(texts) == sorted(texts, key=natural_key)


def test_long_names_are_told_apart_by_their_first_four_thousand_bytes() -> None:
    same = "x" * 5_000
    texts = [same + "2", "x" * 4_000 + "b", same + "1", "x" * 4_000 + "a", "w"]
    assert order(texts) == ["w", texts[3], texts[1], texts[0], texts[2]]


def test_sorting_stops_on_request() -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        natural_ranks(StringColumn.of(["a", "b"]), control)
