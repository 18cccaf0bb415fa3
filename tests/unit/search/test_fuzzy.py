"""The fuzzy finder finds every name that has the letters in order, and puts first what a person means."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.search import fuzzy
from sdviewer.search.alignment import align, fold, is_subsequence
from sdviewer.search.fuzzy import FuzzyFinder
from sdviewer.search.texts import Texts

_NAMES = st.lists(st.text("abAB.0_", max_size=8) | st.text("aäÄbK.", max_size=6) | st.text(max_size=3), max_size=12)
_QUERIES = st.text("abAB0. ", max_size=4) | st.text("aäÄb", max_size=3)


def finder_of(names: Sequence[str]) -> FuzzyFinder:
    return FuzzyFinder(Texts.of(StringColumn.of(names), len(names)))


def best(query: str, names: Sequence[str]) -> str:
    return finder_of(names).find(query).hits[0].name


def has_in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


@given(names=_NAMES, queries=st.lists(_QUERIES, min_size=1, max_size=4))
@example(names=["ab"], queries=["a", "ab", "a"])
@example(names=["", "a"], queries=[""])
@example(names=["Äb", "äB", "ab"], queries=["ä", "äb", "bä"])
def test_all_names_with_the_letters_in_order_are_found(names: list[str], queries: list[str]) -> None:
    finder = finder_of(names)
    for query in queries:
        letters = fold("".join(query.split()))
        found = finder.find(query)
        expected = [row for row, name in enumerate(names) if has_in_order(letters, fold(name))]
        assert sorted(hit.row for hit in found.hits) == expected
        assert found.total == len(expected)
        for hit in found.hits:
            assert hit.name == names[hit.row]
            assert "".join(fold(hit.name)[place] for place in hit.places) == letters
            assert sorted(set(hit.places)) == list(hit.places)


@given(letters=st.text("ab.", min_size=1, max_size=4), name=st.text("abAB._0", max_size=10))
def test_an_alignment_is_there_where_the_letters_are(letters: str, name: str) -> None:
    found = align(letters, name)
    assert (found is not None) == has_in_order(letters, fold(name)) == is_subsequence(letters, fold(name))


_MODEL = [
    f"model.layers.{layer}.{rest}"
    for layer in range(24)
    for rest in (
        "self_attn.q_proj.weight",
        "self_attn.k_proj.weight",
        "self_attn.out_proj.weight",
        "mlp.up_proj.weight",
        "mlp.down_proj.weight",
        "input_layernorm.weight",
    )
] + ["model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("lm_head", "lm_head.weight"),
        ("lmhead", "lm_head.weight"),
        ("norm", "model.norm.weight"),
        ("12q", "model.layers.12.self_attn.q_proj.weight"),
        ("l3 down", "model.layers.3.mlp.down_proj.weight"),
        ("EMB", "model.embed_tokens.weight"),
        ("layers.23.mlp.up", "model.layers.23.mlp.up_proj.weight"),
        ("0sakpw", "model.layers.0.self_attn.k_proj.weight"),
        ("model.layers.10.self_attn.out_proj.weight", "model.layers.10.self_attn.out_proj.weight"),
    ],
)
def test_the_first_name_is_the_one_that_is_meant(query: str, name: str) -> None:
    assert best(query, _MODEL) == name


def test_one_stretch_beats_scattered_letters_and_the_beginning_of_a_word_its_inside() -> None:
    assert best("attn", ["a.t.t.n", "model.attn"]) == "model.attn"
    assert best("up", ["group.weight", "mlp.up.weight"]) == "mlp.up.weight"
    assert best("bias", ["bias_table.weight", "layer.bias"]) == "layer.bias"


def test_of_equals_the_first_in_the_file_comes_first() -> None:
    names = [f"layers.{number}.w" for number in range(5000)]
    found = finder_of(names).find("w")
    assert [hit.row for hit in found.hits[:10]] == list(range(10))
    assert (len(found.hits), found.total) == (fuzzy.MOST_HITS, 5000)


def test_the_one_that_is_meant_is_found_among_many() -> None:
    names = [f"model.layers.{number}.weight" for number in range(20_000)]
    names[12_345] = "model.late.weight"
    finder = finder_of(names)
    for length in range(1, 5):
        found = finder.find("late"[:length])
    assert found.hits[0].row == 12_345


def test_without_letters_the_first_names_are_shown() -> None:
    found = finder_of([f"w{number}" for number in range(300)]).find("  ")
    assert [hit.row for hit in found.hits] == list(range(fuzzy.MOST_HITS))
    assert found.total == 300


def test_typing_on_looks_only_at_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    narrow = FuzzyFinder._with_letter

    def counted(self: FuzzyFinder, before: fuzzy._Narrowed, letter: str, control: Control) -> fuzzy._Narrowed:
        looked_at.append(len(before.rows))
        return narrow(self, before, letter, control)

    monkeypatch.setattr(FuzzyFinder, "_with_letter", counted)
    finder = finder_of(_MODEL)
    for query in ("l", "lm", "lm_", "lm_h"):
        finder.find(query)
    assert len(looked_at) == 4
    assert looked_at == sorted(looked_at, reverse=True)
    assert looked_at[-1] < len(_MODEL)


def test_a_search_stops_when_it_is_not_wanted() -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        finder_of(["a"]).find("a", control)


def test_a_long_name_and_a_long_query_cost_little() -> None:
    finder = finder_of(["a" * 100_000, "ab" * 50_000])
    began = time.thread_time()
    assert finder.find("a" * 500).total == 2
    assert finder.find("ba" * 90 + "c").total == 0
    assert time.thread_time() - began < 2


def test_the_places_are_characters_not_bytes() -> None:
    assert finder_of(["ääb.c"]).find("bc").hits[0].places == (2, 4)
    assert np.array_equal(finder_of(["İb"]).find("b").hits[0].places, (1,))
