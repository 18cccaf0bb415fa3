"""Resume report: what was found of the optimizers of two checkpoints, as JSON has it and in lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sdviewer.checkpoint.listing_text import markdown_cell
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.training.resuming import OptimizerPair, Resuming

_MOST_LINES = 40


def resume_facts(found: Resuming) -> list[dict[str, Any]]:
    """For each pair of optimizers: sizes of the groups, options that differ, and torch's error for A into B."""
    return [
        {
            "a": pair.a.name,
            "b": pair.b.name,
            "optimizer_a": pair.state_a.groups.optimizer or None,
            "optimizer_b": pair.state_b.groups.optimizer or None,
            "succeeds": pair.into_b.succeeds,
            "call": pair.into_b.call,
            "error": pair.into_b.error or None,
            "silent": list(pair.into_b.silent),
            "groups": [{"a": group.sizes[0], "b": group.sizes[1]} for group in pair.groups],
            # A side that has no such option has no entry: None is a value.
            "options": [
                {"group": group.index, "name": option.name}
                | ({"a": option.a} if option.in_a else {})
                | ({"b": option.b} if option.in_b else {})
                for group in pair.groups
                if group.a is not None and group.b is not None
                for option in group.options
                if option.differs
            ],
        }
        for pair in found.pairs
    ]


def load_lines(found: Resuming) -> Iterator[str]:
    """For `load-check`: what loading the optimizers of A into those of B says."""
    for pair in found.pairs:
        yield ""
        yield f"Optimizer: {called(pair)}"
        into = pair.into_b
        if into.succeeds:
            yield f"{into.call} succeeds."
        else:
            yield f"{into.call} fails:"
            yield f"    {shown(into.error, 500)}"
        yield from _differences(pair)
        yield from (shown(text, len(text) + 8) for text in into.silent)
    for title, sections in (("A", found.only_a), ("B", found.only_b)):
        for section in sections:
            yield ""
            yield f"Optimizer {shown(section.name, 80)} is in {title} alone."


def difference_lines(found: Resuming) -> Iterator[str]:
    """For `diff`: the groups and hyper-parameters that differ; nothing where they are the same."""
    for pair in found.pairs:
        lines = list(_differences(pair))
        if lines:
            yield ""
            yield f"Optimizer: {called(pair)}"
            yield from lines


def markdown_lines(found: Resuming) -> Iterator[str]:
    """The same as a table."""
    for pair in found.pairs:
        rows = [(str(group), name, a, b) for group, name, a, b in _rows(pair)]
        if rows:
            yield ""
            yield f"Optimizer: {markdown_cell(called(pair))}"
            yield ""
            yield "| group | option | A | B |"
            yield "|---:|---|---|---|"
            yield from ("| " + " | ".join(markdown_cell(cell) for cell in row) + " |" for row in rows)


def side_by_side(pair: OptimizerPair) -> Iterator[tuple[int, str, str, str, bool]]:
    """Sizes and hyper-parameters of all groups: group, name, what A and B have, whether that differs."""
    for group in pair.groups:
        a, b = ("no such group" if size is None else plural(size, "parameter") for size in group.sizes)
        yield group.index, "size", a, b, a != b
        if group.a is not None and group.b is not None:
            for option in group.options:
                a, b = (
                    option_text(value) if there else "not there"
                    for value, there in ((option.a, option.in_a), (option.b, option.in_b))
                )
                yield group.index, shown(option.name, 60), a, b, option.differs


def option_text(value: Any) -> str:
    """A hyper-parameter in a few characters."""
    if isinstance(value, dict) and isinstance(value.get("$tensor"), str):
        return "a tensor"
    return shown(value if isinstance(value, str) else json.dumps(value), 80)


def called(pair: OptimizerPair) -> str:
    """What both are called, and which optimizers they seem to be."""
    names = " and ".join(dict.fromkeys(shown(section.name, 80) for section in (pair.a, pair.b)))
    kinds = [state.groups.optimizer or "not known" for state in (pair.state_a, pair.state_b)]
    return f"{names} ({' → '.join(dict.fromkeys(kinds))})"


def _rows(pair: OptimizerPair) -> Iterator[tuple[int, str, str, str]]:
    for group, name, a, b, differs in side_by_side(pair):
        if differs:
            yield group, name, a, b


def _differences(pair: OptimizerPair) -> Iterator[str]:
    rows = list(_rows(pair))
    if not rows:
        return
    yield "A → B:"
    yield from (f"  group {group}: {name} {a} → {b}" for group, name, a, b in rows[:_MOST_LINES])
    if len(rows) > _MOST_LINES:
        yield f"  and {len(rows) - _MOST_LINES:,} more"
