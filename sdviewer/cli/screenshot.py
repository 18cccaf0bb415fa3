"""`screenshot`: a picture of the window. The only module of the command line that knows the window."""

from __future__ import annotations

import argparse
import re

from sdviewer.checkpoint.json_text import document
from sdviewer.cli.command import Parser, command_parser, write
from sdviewer.cli.exits import Exit
from sdviewer.errors import SdviewerError
from sdviewer.whole_file import write_whole

_MOST_PIXELS = 50_000_000


def parser() -> Parser:
    """The parser of the command."""
    made = command_parser("screenshot", "A picture of the window with a checkpoint in it.")
    made.add_argument("out", metavar="OUT.png", help="where the picture goes")
    made.add_argument("--select", metavar="NAME", help="the tensor or module that is selected")
    made.add_argument("--theme", choices=("dark", "light", "system"), default="light")
    made.add_argument("--size", type=_size, default=(1400, 900), metavar="1400x900", help="of the window, in pixels")
    made.set_defaults(act=_take)
    return made


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{3,5})[x×](\d{3,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; one looks like 1400x900")
    width, height = int(match[1]), int(match[2])
    if width * height > _MOST_PIXELS:
        raise argparse.ArgumentTypeError(f"{text} is more than {_MOST_PIXELS:,} pixels")
    return width, height


def _take(options: argparse.Namespace) -> int:
    try:
        from sdviewer.ui import screenshot
    except ImportError as error:
        raise SdviewerError(f"the window cannot be drawn: {error}") from error
    png = screenshot.take(options.file, select=options.select, theme=options.theme, size=options.size)
    nbytes = write_whole(options.out, options.file, lambda file: file.write(png))
    if options.json:
        write([document(path=options.file, written=[{"file": options.out, "bytes": nbytes}]) + "\n"])
    return Exit.FINE
