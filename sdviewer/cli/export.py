"""`export`: a state_dict filtered, renamed, cast, and written where it is needed."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sdviewer.checkpoint.json_text import document
from sdviewer.checkpoint.wording import bytes_for_people, plural, shown
from sdviewer.cli import progress
from sdviewer.cli.command import Parser, command_parser, open_checkpoint, write
from sdviewer.cli.exits import Exit, WrongUsage
from sdviewer.edit.plan import ExportPlan, Options, Planner, source_of
from sdviewer.edit.rules import (
    CASTABLE,
    AddPrefix,
    BadRule,
    CastTo,
    Exclude,
    Include,
    Rename,
    Rule,
    StripPrefix,
)
from sdviewer.edit.verifying import read_by_torch

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"([\d.]+)\s*([A-Za-z]*)")
_LISTED_ON_A_TERMINAL = 40


class _InOrder(argparse.Action):
    """Rules in the order in which they are given, whatever options they come by."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Note the rule."""
        namespace.rules = [*namespace.rules, (option_string, str(values))]


def parser() -> Parser:
    """What the command understands."""
    made = command_parser(
        "export",
        "Write a state_dict to another file. The ending says what: .pt, .safetensors, .npz; a folder is sharded "
        "safetensors. Rules are carried out in the order in which they are given. What no option can say (names by a "
        "table or a template, one prefix in place of another, names sorted) stands in a recipe, a small TOML file that "
        "the window saves. Exit code 1 if the plan is refused.",
    )
    made.add_argument("out", metavar="OUT", help="the file, or the folder of shards")
    made.add_argument(
        "--section", metavar="S", help="the part of the file to export (else the model and all beside it)"
    )
    for option, metavar, about in (
        ("--include", "FILTER", "keep only what the filter fits (words, globs, /regex/, dtype:… kind:… role:…)"),
        ("--exclude", "FILTER", "drop what the filter fits"),
        ("--strip-prefix", "P", "take a prefix away; auto: every known wrapper, such as module. and _orig_mod."),
        ("--add-prefix", "P", "put a prefix before every key"),
        ("--rename", "'REGEX=>REPLACEMENT'", r"rename what a regex finds; groups are \1 or \g<name>"),
        ("--cast", "DTYPE[:FILTER]", f"convert floating point tensors to {', '.join(CASTABLE)}"),
    ):
        made.add_argument(option, action=_InOrder, dest="rules", default=[], metavar=metavar, help=about)
    made.add_argument(
        "--recipe",
        metavar="R.toml",
        help="a recipe: its rules come before those given here, its part and options count where none is given",
    )
    made.add_argument(
        "--drop", action="append", default=[], metavar="PART", help="leave out optimizer, ema, scheduler …"
    )
    made.add_argument("--wrap", default="", metavar="KEY", help="a dict with the state_dict under this key (.pt)")
    made.add_argument("--unwrap", action="store_true", help="the bare state_dict, without what is around it")
    made.add_argument(
        "--ties",
        choices=("copies", "once"),
        default="copies",
        help="tied tensors outside .pt: copied, or once and the others noted",
    )
    made.add_argument("--shard-size", metavar="5GB", help="the most payload in one file: sharded safetensors")
    made.add_argument("--metadata", action="append", default=[], metavar="K=V", help="text for a safetensors header")
    made.add_argument("--dry-run", action="store_true", help="only say what would be written")
    made.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    made.add_argument("--no-verify", action="store_true", help="do not read the result again and compare it")
    made.set_defaults(act=export)
    return made


def export(options: argparse.Namespace) -> int:
    """Plan, and write unless the plan is refused; returns the exit code."""
    try:
        rules, chosen, section = _asked(options)
        checkpoint = open_checkpoint(options)
        control = progress.control_for(quiet=options.quiet)
        plan = Planner(source_of(checkpoint, section)).plan(rules, chosen, control)
    except BadRule as error:
        raise WrongUsage(str(error), "sdviewer export") from error
    written: list[dict[str, Any]] = []
    verified: dict[str, Any] = {"ours": False, "torch": False}
    if not plan.refusals and not options.dry_run:
        try:
            done = plan.write(options.out, overwrite=options.overwrite, check=not options.no_verify, control=control)
            if plan.options.target == "pt" and not options.no_verify:
                verified["torch"] = read_by_torch(options.out, control) or "not available"
        finally:
            progress.clear()
        written = [{"file": item.file, "bytes": item.nbytes} for item in done.files]
        verified["ours"] = done.verified
    if options.json:
        write([_document(plan, written, verified) + "\n"])
    else:
        most = _LISTED_ON_A_TERMINAL if sys.stdout.isatty() else None
        write(f"{line}\n" for line in _lines(plan, options, written, done_verified=bool(verified["ours"]), most=most))
    return Exit.FINDING if plan.refusals else Exit.FINE


def _asked(options: argparse.Namespace) -> tuple[list[Rule], Options, str | None]:
    """Rules, options, and the part of the file: of the recipe, changed by what else is given."""
    from sdviewer.edit.exporting import target_kind

    rules: list[Rule] = []
    chosen = Options()
    section: str | None = options.section
    if options.recipe:
        from sdviewer.edit.recipe import read_recipe

        recipe = read_recipe(options.recipe)
        rules += recipe.rules
        chosen = recipe.options
        section = recipe.section if section is None else section
    rules += [_rule(option, text) for option, text in options.rules]
    metadata = dict(chosen.metadata)
    for text in options.metadata:
        key, equals, value = text.partition("=")
        if not equals:
            raise WrongUsage(f"--metadata {text}: is no key=value", "sdviewer export")
        metadata[key] = value
    shard_bytes = _size(options.shard_size) if options.shard_size else chosen.shard_bytes
    chosen = replace(
        chosen,
        target=target_kind(options.out, sharded=bool(options.shard_size)),
        wrap=options.wrap or chosen.wrap,
        unwrap=options.unwrap or chosen.unwrap,
        drop=(*chosen.drop, *options.drop),
        ties=options.ties if options.ties != "copies" else chosen.ties,
        shard_bytes=shard_bytes,
        metadata=metadata,
    )
    return rules, chosen, section


def _rule(option: str, text: str) -> Rule:
    match option:
        case "--include":
            return Include(text)
        case "--exclude":
            return Exclude(text)
        case "--strip-prefix":
            return StripPrefix(text)
        case "--add-prefix":
            return AddPrefix(text)
        case "--cast":
            dtype, _, fits = text.partition(":")
            return CastTo(dtype.removeprefix("torch."), fits)
        case _:
            pattern, arrow, replacement = text.partition("=>")
            if not arrow:
                raise BadRule(f"{text} is no REGEX=>REPLACEMENT")
            return Rename(pattern, replacement)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower()) if found is not None else None
    try:
        size = int(float(found[1]) * unit) if found is not None and unit is not None else 0
    except ValueError:
        size = 0
    if size < 1:
        raise WrongUsage(f"--shard-size {text}: is no size such as 5GB or 500MiB", "sdviewer export")
    return size


def _document(plan: ExportPlan, written: list[dict[str, Any]], verified: dict[str, Any]) -> str:
    told = {
        "keys": [
            {
                "old": key.old,
                "new": key.new,
                "dtype_before": key.dtype_before,
                "dtype_after": key.dtype_after,
                "shape": list(key.shape),
                "nbytes": key.nbytes,
            }
            for key in plan.keys
        ],
        "dropped": [{"old": item.old, "by": item.by} for item in plan.dropped],
        "refusals": [{"kind": item.kind, "message": item.message, "keys": list(item.keys)} for item in plan.refusals],
        "warnings": [{"kind": item.kind, "message": item.message, "keys": list(item.keys)} for item in plan.warnings],
        "kept_sections": [section.name for section in plan.kept_sections],
        "nbytes": plan.nbytes,
    }
    return document(plan=told, written=written, verified=verified)


def _lines(
    plan: ExportPlan,
    options: argparse.Namespace,
    written: list[dict[str, Any]],
    *,
    done_verified: bool,
    most: int | None,
) -> Iterator[str]:
    if plan.refusals:
        yield "Refused, nothing was written:"
        yield from (f"  {shown(str(item), 2000)}" for item in plan.refusals)
        return
    if options.dry_run:
        for key in plan.keys[:most]:
            cast = f"  {key.dtype_before} → {key.dtype_after}" if key.dtype_before != key.dtype_after else ""
            yield f"{shown(key.old)} → {shown(key.new)}{cast}" if key.old != key.new else f"{shown(key.old)}{cast}"
        if most is not None and len(plan.keys) > most:
            yield f"and {len(plan.keys) - most:,} more"
        yield f"{plural(len(plan.keys), 'tensor')}, {bytes_for_people(plan.nbytes)}; {len(plan.dropped):,} dropped"
    for item in written:
        yield f"{item['file']}: {bytes_for_people(item['bytes'])}"
    if written:
        how = "read again and equal to the source" if done_verified else "not verified"
        yield f"{plural(len(plan.keys), 'tensor')} written, {len(plan.dropped):,} dropped; {how}"
    yield from (f"Note: {shown(str(item), 2000)}" for item in plan.warnings)
