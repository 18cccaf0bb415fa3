"""`check`: is this checkpoint sound? Health of its values, integrity of its files, safety of its pickles."""

from __future__ import annotations

import argparse
import sys

from sdviewer.cli import progress
from sdviewer.cli.command import Parser, command_parser, open_checkpoint, write
from sdviewer.cli.exits import Exit

_FINDINGS_ON_A_TERMINAL = 5


def parser() -> Parser:
    """What the command understands."""
    made = command_parser(
        "check",
        "Reads every byte and tells what is wrong with values (NaN, dead channels, saturation …), with the file "
        "(missing, damaged, duplicated) and with its pickles. Exit code 1 if the verdict is not healthy; notes "
        "leave it healthy.",
    )
    made.add_argument("--all", action="store_true", help="list every finding, on a terminal too")
    made.add_argument("--no-cache", action="store_true", help="do not keep the statistics in the cache folder")
    made.set_defaults(act=check)
    return made


def check(options: argparse.Namespace) -> int:
    """Check and write; returns the exit code."""
    checkpoint = open_checkpoint(options)
    from sdviewer.analysis.checkup import check_up
    from sdviewer.analysis.remembering import remembered

    known = None if options.no_cache else remembered(checkpoint)
    try:
        found = check_up(checkpoint, progress.control_for(quiet=options.quiet))
    finally:
        progress.clear()
    if known is not None:
        known.keep(found.table)
    if options.json:
        from sdviewer.cli.check_text import json_pieces

        write(json_pieces(found))
    else:
        from sdviewer.cli.check_text import letter

        limit = None if options.all or not sys.stdout.isatty() else _FINDINGS_ON_A_TERMINAL
        write(f"{line}\n" for line in letter(found, limit))
    return Exit.FINE if found.verdict == "healthy" else Exit.FINDING
