"""`sdviewer load-check`: what `load_state_dict` would say of model and optimizer, before anything is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from sdviewer.checkpoint.json_text import document
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.wording import shown
from sdviewer.cli.command import Parser, open_pair, pair_parser, write
from sdviewer.cli.exits import Exit
from sdviewer.comparison.load_check import LoadCheck, load_check
from sdviewer.comparison.sides import Side, chosen_sides
from sdviewer.control import Control
from sdviewer.training.resume_report import load_lines, resume_facts
from sdviewer.training.resuming import Resuming, compare_optimizers, compared_pairs

_CONVERSIONS_TOLD = 10


def parser() -> Parser:
    """Its arguments."""
    made = pair_parser(
        "load-check",
        "What loading A into the model that B was saved from would report. Exit code 1 if strict loading fails. "
        "Where both hold optimizers, and no sections are named, what loading their states would report is told "
        "too, and changes no exit code. Name two optimizers to check these alone: exit code 1 if loading fails.",
    )
    made.set_defaults(act=act)
    return made


def act(options: argparse.Namespace) -> int:
    """Do it."""
    a, b = open_pair(options)
    one, other = chosen_sides(a, b, options.section_a, options.section_b)
    found, resuming = None, Resuming((), (), ())
    if _is_optimizer(one) and _is_optimizer(other):
        # An optimizer goes by groups, and knows no missing keys.
        resuming = Resuming(compared_pairs(a, b, _sections(one, other), Control()), (), ())
    elif options.section_a is None and options.section_b is None:
        resuming = compare_optimizers(a, b)
    if not resuming.pairs or not _is_optimizer(one):
        found = load_check(one, other)
    if options.json:
        write([as_json(found, resuming, options.a, options.b) + "\n"])
    else:
        write(f"{line}\n" for line in lines(found, resuming))
    return Exit.FINE if (found or resuming).succeeds else Exit.FINDING


def _is_optimizer(side: Side) -> bool:
    return side.section is not None and side.section.kind == "optimizer"


def _sections(one: Side, other: Side) -> list[tuple[Section, Section]]:
    return [(one.section, other.section)] if one.section is not None and other.section is not None else []


def as_json(model: LoadCheck | None, resuming: Resuming, a: str, b: str) -> str:
    """The document; without a model, where only optimizers are checked, `succeeds` is theirs."""
    found = model or LoadCheck((), (), (), (), ())
    return document(
        a=a,
        b=b,
        succeeds=(model or resuming).succeeds,
        missing=list(found.missing),
        unexpected=list(found.unexpected),
        mismatched=[
            {
                "key": item.key,
                "shape_in_checkpoint": list(item.shape_in_checkpoint),
                "shape_in_model": list(item.shape_in_model),
            }
            for item in found.mismatched
        ],
        not_tensors=[{"key": key, "type": kind} for key, kind in found.not_tensors],
        dtype_converted=[
            {"key": item.key, "dtype_in_checkpoint": item.dtype_in_checkpoint, "dtype_in_model": item.dtype_in_model}
            for item in found.dtype_converted
        ],
        uninitialised=list(found.uninitialised),
        repair=[{"rename": rule.text, "keys": rule.keys} for rule in found.repair],
        repaired=found.repaired,
        unknown=list(found.unknown),
        text=found.text(),
        optimizers=resume_facts(resuming),
    )


def lines(model: LoadCheck | None, resuming: Resuming) -> Iterator[str]:
    """For people: torch's own words first."""
    told = list(load_lines(resuming))
    if model is None:
        yield from told[1:]
        return
    yield from _model_lines(model)
    yield from told
    yield ""
    yield "Not known from state_dicts: " + "; ".join(model.unknown) + "."


def _model_lines(found: LoadCheck) -> Iterator[str]:
    if found.succeeds:
        yield "load_state_dict(strict=True) succeeds."
    else:
        for line in found.text().split("\n"):
            yield shown(line.replace("\t", "    "), len(line) + 8)
        if not found.succeeds_loosely:
            yield "load_state_dict(strict=False) fails too: shapes differ."
        elif found.uninitialised:
            count = len(found.uninitialised)
            yield f"load_state_dict(strict=False) succeeds and leaves {_tensors(count)} of the model uninitialised."
        else:
            yield "load_state_dict(strict=False) succeeds and leaves nothing of the model uninitialised."
    if found.repair:
        yield ""
        yield "After these renames it succeeds:" if found.repaired else "These renames help, but not with everything:"
        for rule in found.repair:
            yield f"  --rename '{shown(rule.text)}'  ({rule.keys} keys)"
    if found.dtype_converted:
        yield ""
        yield f"Converted in silence: {_tensors(len(found.dtype_converted))}"
        for item in found.dtype_converted[:_CONVERSIONS_TOLD]:
            yield f"  {shown(item.key)}: {item.dtype_in_checkpoint} to {item.dtype_in_model}"
        if (more := len(found.dtype_converted) - _CONVERSIONS_TOLD) > 0:
            yield f"  and {more:,} more"


def _tensors(count: int) -> str:
    return f"{count:,} tensor" + ("" if count == 1 else "s")
