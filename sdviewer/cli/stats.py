"""`stats`: the statistics of all tensors, or of some."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from sdviewer.checkpoint.wording import plural, shown
from sdviewer.cli import progress
from sdviewer.cli.command import Parser, command_parser, open_checkpoint, write
from sdviewer.cli.exits import Exit, WrongUsage
from sdviewer.control import Control
from sdviewer.errors import NotDense

if TYPE_CHECKING:
    from sdviewer.analysis.derived_scan import DerivedFigures
    from sdviewer.analysis.results import ScanResult

_FORMS = ("json", "csv", "tsv", "markdown")
_FLAT_FORMS = ("csv", "tsv")
_LONGEST_ERROR = 500


def parser() -> Parser:
    """What the command understands."""
    made = command_parser(
        "stats",
        "Statistics of every tensor. Exit code 2 if the values of one cannot be read; tensors that have none of "
        "their own (sparse, nested, meta) only say so, and what they consist of follows.",
    )
    made.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="GLOB",
        help="only tensors whose name or state_dict key fits, e.g. '*.weight'; may be given more than once",
    )
    made.add_argument("--csv", action="store_true", help="all figures, and the limits of those that are not exact")
    made.add_argument("--tsv", action="store_true", help="the same between tabs")
    made.add_argument("--markdown", action="store_true", help="a table for people, as Markdown")
    made.add_argument(
        "--derived",
        action="store_true",
        help="also of what tensors mean together: real values of quantised weights (nf4, fp4, int8, fp8), ΔW of "
        'adapters; as "derived" in JSON, in a table of its own otherwise',
    )
    made.add_argument("--no-cache", action="store_true", help="neither use nor keep results in the cache folder")
    made.set_defaults(act=stats)
    return made


def stats(options: argparse.Namespace) -> int:
    """Scan and write; returns the exit code."""
    chosen = [form for form in _FORMS if getattr(options, form)]
    if len(chosen) > 1:
        raise WrongUsage(f"--{chosen[0]} and --{chosen[1]} exclude each other", "sdviewer stats")
    if options.derived and chosen and chosen[0] in _FLAT_FORMS:
        raise WrongUsage(f"--derived needs a second table, which --{chosen[0]} has not", "sdviewer stats")
    checkpoint = open_checkpoint(options)
    from sdviewer.analysis.results import scan
    from sdviewer.cli.stats_derived import WITH_DERIVED
    from sdviewer.cli.stats_text import AS

    control = progress.control_for(quiet=options.quiet)
    try:
        result = scan(checkpoint, select=options.select, control=control, remember=not options.no_cache)
        derived = _derived(options, result, control) if options.derived else None
    finally:
        progress.clear()
    form = chosen[0] if chosen else "text"
    if derived is None:
        write(AS[form](result))
    else:
        write(WITH_DERIVED[form](result, derived))
    unread = [error for error in result.errors.values() if not isinstance(error, NotDense)]
    unread += [each.error for each in derived or () if each.error is not None and not each.is_only_named]
    if unread:
        first = shown(str(unread[0]), _LONGEST_ERROR)
        print(f"sdviewer: {plural(len(unread), 'tensor')} could not be read: {first}", file=sys.stderr)
    return Exit.CANNOT if unread else Exit.FINE


def _derived(options: argparse.Namespace, result: ScanResult, control: Control) -> list[DerivedFigures]:
    from sdviewer.analysis.derived_scan import scan_derived

    return list(scan_derived(result.checkpoint, result.rows if options.select else None, control))
