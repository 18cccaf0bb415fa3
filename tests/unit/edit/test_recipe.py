"""Recipes come back as they were, and what is none says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.edit.plan import Options
from sdviewer.edit.recipe import from_toml, read_recipe, to_toml
from sdviewer.edit.rules import AddPrefix, BadRule, CastTo, Exclude, RenameKeys, Rule, StripPrefix
from sdviewer.errors import CannotRead

RULES: tuple[Rule, ...] = (StripPrefix("auto"), Exclude("head"), CastTo("bfloat16"), RenameKeys((("a", "b\n'\""),)))


def test_a_recipe_comes_back_as_it_was() -> None:
    options = Options(
        target="sharded", drop=("optimizer",), ties="once", shard_bytes=5, metadata={"format": "pt"}, unwrap=True
    )
    for section in ("ema", "", None):
        found = from_toml(to_toml(RULES, options, section))
        assert found.rules == RULES
        assert found.options == options
        assert found.section == section


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(AddPrefix), max_size=5))
def test_any_text_comes_back(rules: list[Rule]) -> None:
    assert from_toml(to_toml(rules, Options())).rules == tuple(rules)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "TOML"),
        ("", "version"),
        ("version = 2", "version"),
        ("version = 1\nrules = 3", "tables"),
        ("version = 1\nsurprise = 1", "surprise"),
        ("version = 1\nsection = 1", "section"),
        ('version = 1\ntarget = "gguf"', "gguf"),
        ('version = 1\nties = "some"', "some"),
        ("version = 1\nshard_bytes = 0", "shard_bytes"),
        ("version = 1\nunwrap = 1", "unwrap"),
        ("version = 1\ndrop = [1]", "texts"),
        ('version = 1\n[[rules]]\nrule = "explode"', "explode"),
    ],
)
def test_what_is_no_recipe_says_why(text: str, why: str) -> None:
    with pytest.raises(BadRule, match=why):
        from_toml(text)


def test_a_file_that_is_no_recipe_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    with pytest.raises(CannotRead, match=r"r\.toml"):
        read_recipe(str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CannotRead, match=r"r\.toml"):
        read_recipe(str(path))
    path.write_text(to_toml(RULES, Options()), "utf-8")
    assert read_recipe(str(path)).rules == RULES
