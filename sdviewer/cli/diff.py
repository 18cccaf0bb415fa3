"""`diff`: what differs between two checkpoints."""

from __future__ import annotations

import argparse
import sys

from sdviewer.cli import progress
from sdviewer.cli.command import Parser, open_pair, pair_parser, write
from sdviewer.cli.exits import Exit, WrongUsage

_FORMS = ("json", "markdown", "csv")
_FAIL_ON = ("changed", "tolerance", "structure")
_LISTED_ON_A_TERMINAL = 40


def parser() -> Parser:
    """What the command understands."""
    made = pair_parser(
        "diff",
        "What differs between two checkpoints. Exit code 1 if they differ in what --fail-on names.",
    )
    made.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="'REGEX=>REPLACEMENT'",
        help="rename keys of A before they are paired; may be given more than once",
    )
    made.add_argument("--rtol", type=float, metavar="X", help="relative tolerance, instead of torch's for the dtypes")
    made.add_argument("--atol", type=float, metavar="X", help="absolute tolerance")
    made.add_argument("--select", action="append", default=[], metavar="GLOB", help="only tensors whose name fits")
    made.add_argument("--structure-only", action="store_true", help="keys, shapes and dtypes; no values are read")
    made.add_argument("--no-guess", action="store_true", help="pair only what has the same name, but for wrappers")
    made.add_argument("--markdown", action="store_true", help="a report for an issue or a pull request")
    made.add_argument("--csv", action="store_true", help="a row for each tensor")
    made.add_argument(
        "--fail-on",
        choices=_FAIL_ON,
        default="changed",
        help="changed: anything that is not the same bit by bit (default); tolerance: values outside the tolerance, "
        "missing or misshapen tensors; structure: keys, shapes, dtypes. Groups and hyper-parameters of optimizers "
        "are told beside, and change no exit code",
    )
    made.set_defaults(act=diff)
    return made


def diff(options: argparse.Namespace) -> int:
    """Compare and write; returns the exit code."""
    chosen = [form for form in _FORMS if getattr(options, form)]
    if len(chosen) > 1:
        raise WrongUsage(f"--{chosen[0]} and --{chosen[1]} exclude each other", "sdviewer diff")
    from sdviewer.comparison import report
    from sdviewer.comparison.matching import Replacement
    from sdviewer.comparison.pairs_of_files import compare
    from sdviewer.training.resume_report import difference_lines, markdown_lines, resume_facts
    from sdviewer.training.resuming import Resuming, compare_optimizers

    try:
        _ = [Replacement.parse(text) for text in options.map]
    except ValueError as error:
        raise WrongUsage(str(error), "sdviewer diff") from error
    a, b = open_pair(options)

    control = progress.control_for(quiet=options.quiet)
    resuming = Resuming((), (), ())
    try:
        if options.section_a is None and options.section_b is None and not options.select:
            resuming = compare_optimizers(a, b, control)
        found = compare(
            a,
            b,
            section_a=options.section_a,
            section_b=options.section_b,
            maps=options.map,
            select=options.select,
            rtol=options.rtol,
            atol=options.atol,
            structure_only=options.structure_only,
            guess=not options.no_guess,
            control=control,
        )
    finally:
        progress.clear()
    if options.json:
        write([report.as_json(found, options.a, options.b, resume_facts(resuming)) + "\n"])
    elif options.csv:
        write(report.csv_pieces(found))
    elif options.markdown:
        write(f"{line}\n" for line in (*report.markdown_lines(found), *markdown_lines(resuming)))
    else:
        most = _LISTED_ON_A_TERMINAL if sys.stdout.isatty() else None
        write(f"{line}\n" for line in (*report.text_lines(found, most), *difference_lines(resuming)))
    if found.summary["failed"]:
        return Exit.CANNOT
    return Exit.FINDING if found.fails(options.fail_on) else Exit.FINE
