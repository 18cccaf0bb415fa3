"""What all commands share: their parser, opening the file with progress, writing the answer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import NoReturn

import sdviewer
from sdviewer.cli import progress
from sdviewer.cli.exits import WrongUsage
from sdviewer.errors import CannotWrite


class Parser(argparse.ArgumentParser):
    """argparse with our exit code and one line instead of two."""

    def error(self, message: str) -> NoReturn:
        """Raise `WrongUsage`."""
        raise WrongUsage(message, self.prog)


def command_parser(name: str, description: str) -> Parser:
    """The parser of a command on one checkpoint."""
    parser = Parser(prog=f"sdviewer {name}", description=description)
    parser.add_argument("file", metavar="FILE", help="a checkpoint, an index of shards, or a folder")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def pair_parser(name: str, description: str) -> Parser:
    """The parser of a command on two checkpoints."""
    parser = Parser(prog=f"sdviewer {name}", description=description)
    for side in ("a", "b"):
        parser.add_argument(side, metavar=side.upper(), help="a checkpoint, an index of shards, or a folder")
        parser.add_argument(f"--section-{side}", metavar="S", help=f"the section of {side.upper()} that is taken")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def open_pair(options: argparse.Namespace) -> tuple[sdviewer.Checkpoint, sdviewer.Checkpoint]:
    """Open both files of the command, with progress on a terminal.

    Raises:
        CannotOpen: nothing in one of them could be read.

    """
    a, b = (sdviewer.open(path, progress.control_for(quiet=options.quiet)) for path in (options.a, options.b))
    progress.clear()
    return a, b


def open_checkpoint(options: argparse.Namespace) -> sdviewer.Checkpoint:
    """Open the command's file, with progress on a terminal.

    Raises:
        CannotOpen: nothing in it could be read.

    """
    checkpoint = sdviewer.open(options.file, progress.control_for(quiet=options.quiet))
    progress.clear()
    return checkpoint


def write(pieces: Iterable[str]) -> None:
    """Write to standard output.

    Raises:
        BrokenPipeError: the reader has gone.
        CannotWrite: the disk is full, or the like.

    """
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"cannot be written: {error.strerror}", file="standard output") from error
