"""Rename rules say in a few words what pairs of names have in common, and never spoil a name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.comparison.rename_rules import RenameRule, rename_rules

KEYS = [
    f"layers.{layer}.{name}.weight" for layer in range(4) for name in ("attn.q", "attn.k", "mlp.up", "norm", "mlp.down")
]


def applied(rules: tuple[RenameRule, ...], key: str) -> str:
    for rule in rules:
        key = rule.apply(key)
    return key


@pytest.mark.parametrize(
    ("rename", "texts"),
    [
        (lambda key: f"module.{key}", ["^=>module."]),
        (lambda key: key.replace("layers", "h"), [r"^layers\.=>h."]),
        (lambda key: key.removeprefix("layers."), [r"^layers\.=>"]),
        (lambda key: key.replace("weight", "w"), [r"(^|\.)weight$=>\1w"]),
    ],
)
def test_one_rule_says_what_all_pairs_have_in_common(rename: Callable[[str], str], texts: list[str]) -> None:
    rules = rename_rules([(key, rename(key)) for key in KEYS])
    assert [rule.text for rule in rules] == texts
    assert [rule.keys for rule in rules] == [len(KEYS)]


@pytest.mark.parametrize(
    "rename",
    [
        lambda key: key.replace("attn", "self_attn").replace("mlp", "ffn"),
        lambda key: "model." + key.replace("norm", "ln").replace("layers", "blocks"),
        lambda key: key.replace("layers.0", "first"),
        lambda key: key.replace("q.weight", "w_q").replace("k.weight", "w_k"),
        lambda key: "module." + key.replace("attn.q", "self_attn.query").replace("mlp", "ffn"),
        lambda key: "model." + key.replace(".weight", ".w").replace("layers", "h"),
    ],
)
def test_several_rules_together_turn_every_old_name_into_its_new_one(rename: Callable[[str], str]) -> None:
    pairs = [(key, rename(key)) for key in KEYS]
    rules = rename_rules(pairs)
    assert len(rules) < len(KEYS) / 2
    assert all(applied(rules, old) == new for old, new in pairs)


def test_a_wrapper_and_renames_inside_it_are_told_apart() -> None:
    pairs = [(f"module.{key}", key.replace("mlp", "ffn").replace("attn", "att")) for key in KEYS]
    rules = rename_rules(pairs)
    assert all(applied(rules, old) == new for old, new in pairs)
    assert len(rules) <= 4


def test_names_that_stay_make_no_rule() -> None:
    assert rename_rules([(key, key) for key in KEYS]) == ()


def test_two_pairs_are_too_few_unless_that_is_asked_for() -> None:
    pairs = [("head.weight", "fc.weight"), ("head.bias", "fc.bias")]
    assert rename_rules(pairs) == ()
    assert [rule.text for rule in rename_rules(pairs, least=1)] == [r"^head\.=>fc."]


SEGMENTS = st.sampled_from(["a", "b", "0", "1", "10", "a+b", "(c", "\\d", "weight", ""])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map(".".join)


@given(st.dictionaries(NAMES, NAMES, max_size=12))
def test_whatever_the_names_are_a_rule_brings_its_keys_home_and_no_other_key_astray(pairs: dict[str, str]) -> None:
    rules = rename_rules(pairs.items(), least=1)
    home = [old for old, new in pairs.items() if old != new and applied(rules, old) == new]
    assert sum(rule.keys for rule in rules) <= len(home)
    for old, new in pairs.items():
        if old != new:
            assert applied(rules, old) in {old, new}


def test_a_number_behind_what_is_kept_is_no_part_of_its_group() -> None:
    pairs = {"net.x.w": "net.0.w", "other.x.w": "other.0.w"}
    (rule,) = rename_rules(pairs.items(), least=2)
    assert {old: rule.apply(old) for old in pairs} == pairs
