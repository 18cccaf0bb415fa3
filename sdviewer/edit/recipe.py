"""Recipes: what is exported, rules and options, as a small TOML file to be saved and used again."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdviewer.edit.plan import Options
from sdviewer.edit.rules import BadRule, Rule, from_plain, to_plain
from sdviewer.errors import CannotRead

VERSION = 1
_LARGEST = 10_000_000
_TARGETS = ("pt", "safetensors", "sharded", "npz")


@dataclass(frozen=True, eq=False, slots=True)
class Recipe:
    """What is done to a state_dict, whatever it is.

    Attributes:
        section: the name of the part that is exported; None for the model with all beside it.

    """

    rules: tuple[Rule, ...]
    options: Options
    section: str | None = None


def to_toml(rules: Sequence[Rule], options: Options, section: str | None = None) -> str:
    """The text of a recipe."""
    import tomli_w

    usual = Options()
    told: dict[str, Any] = {"version": VERSION, "target": options.target}
    if section is not None:
        told["section"] = section
    for name in ("wrap", "unwrap", "ties", "shard_bytes"):
        if getattr(options, name) != getattr(usual, name):
            told[name] = getattr(options, name)
    if options.drop:
        told["drop"] = list(options.drop)
    if options.metadata:
        told["metadata"] = dict(options.metadata)
    told["rules"] = [to_plain(rule) for rule in rules]
    return tomli_w.dumps(told)


def from_toml(text: str) -> Recipe:
    """The recipe of a text.

    Raises:
        BadRule: it is no recipe, of another version, or a rule in it makes no sense; says what.

    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRule(f"this is no TOML: {error}") from error
    if (version := told.pop("version", None)) != VERSION:
        raise BadRule(f"this is no recipe of version {VERSION} (version = {version!r})")
    rules = told.pop("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise BadRule("rules are tables, [[rules]]")
    section = told.pop("section", None)
    if not isinstance(section, str | None):
        raise BadRule(f"section is {section!r}, no str")
    return Recipe(tuple(from_plain(rule) for rule in rules), _options(told), section)


def read_recipe(path: str) -> Recipe:
    """The recipe in a file.

    Raises:
        CannotRead: the file cannot be read, or is no recipe; says why.

    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise CannotRead(f"cannot be read: {error.strerror}", file=path) from error
    if len(data) > _LARGEST:
        raise CannotRead("is too large for a recipe", file=path)
    try:
        return from_toml(data.decode("utf-8"))
    except (BadRule, UnicodeDecodeError) as error:
        raise CannotRead(f"is no recipe: {error}", file=path) from error


def _options(told: dict[str, Any]) -> Options:
    kinds: dict[str, type] = {
        "target": str,
        "wrap": str,
        "unwrap": bool,
        "ties": str,
        "shard_bytes": int,
        "drop": list,
        "metadata": dict,
    }
    for name, value in told.items():
        if name not in kinds:
            raise BadRule(f"a recipe has no {name!r}; it has section, {', '.join(kinds)} and rules")
        if not isinstance(value, kinds[name]):
            raise BadRule(f"{name} is {value!r}, no {kinds[name].__name__}")
    if told.get("target", "pt") not in _TARGETS:
        raise BadRule(f"target is {told['target']!r}; there are {', '.join(_TARGETS)}")
    if told.get("ties", "copies") not in {"copies", "once"}:
        raise BadRule(f"ties is {told['ties']!r}; there are copies and once")
    if told.get("shard_bytes", 1) < 1:
        raise BadRule("shard_bytes is at least 1")
    texts = [*told.get("drop", []), *told.get("metadata", {}).values()]
    if not all(isinstance(text, str) for text in texts):
        raise BadRule("drop and metadata hold texts")
    return Options(**{**told, "drop": tuple(told.get("drop", ()))})
