"""`screenshot`: a picture of the window. The only module of the command line that knows the window."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from sdviewer.checkpoint.json_text import document
from sdviewer.cli.command import Parser, command_parser, write
from sdviewer.cli.exits import Exit, WrongUsage
from sdviewer.errors import CannotWrite, SdviewerError
from sdviewer.whole_file import write_whole

_MOST_PIXELS = 50_000_000
_LARGEST_SCALE = 4
_COMMAND = "sdviewer screenshot"


def parser() -> Parser:
    """The parser of the command."""
    made = command_parser("screenshot", "A picture of the window with a checkpoint in it.")
    made.add_argument("out", metavar="OUT.png", help="where the picture goes")
    made.add_argument("--select", metavar="NAME", help="the tensor or module that is selected")
    made.add_argument("--view", choices=("modules", "tensors"), default="modules", help="the tree, or all as a table")
    made.add_argument("--filter", default="", metavar="TEXT", help="what stands in the filter")
    made.add_argument("--tab", metavar="NAME", help="the tab of the details: overview, values, metadata …")
    made.add_argument("--scan", action="store_true", help="with what a scan of all tensors finds")
    instead = made.add_mutually_exclusive_group()
    instead.add_argument("--diff", metavar="OTHER", help="compared with another file, which is B")
    instead.add_argument("--export", nargs="?", const="", metavar="RECIPE", help="as it would be exported, by a recipe")
    made.add_argument("--theme", choices=("dark", "light", "system"), default="light")
    made.add_argument("--size", type=_size, default=(1400, 900), metavar="1400x900", help="of the window, in pixels")
    made.add_argument("--scale", type=_scale, default=1.0, metavar="2", help="pixels for each of the window's, 1 to 4")
    made.set_defaults(act=_take)
    return made


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{3,5})[x×](\d{3,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; one looks like 1400x900")
    return int(match[1]), int(match[2])


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 1 <= scale <= _LARGEST_SCALE:
        raise argparse.ArgumentTypeError(f"{text!r} is no scale from 1 to {_LARGEST_SCALE}")
    return scale


def _take(options: argparse.Namespace) -> int:
    try:
        from sdviewer.ui import screenshot
    except ImportError as error:
        raise SdviewerError(f"the window cannot be drawn: {error}") from error
    width, height = options.size
    if width * height * options.scale**2 > _MOST_PIXELS:
        raise WrongUsage(f"{width}x{height} at scale {options.scale:g} is more than {_MOST_PIXELS:,} pixels", _COMMAND)
    if options.diff is not None and (options.scan or options.view != "modules"):
        raise WrongUsage("a comparison has neither a scan nor a table of all tensors", _COMMAND)
    for other in filter(None, (options.diff, options.export)):
        if Path(options.out).exists() and Path(other).exists() and Path(options.out).samefile(other):
            raise CannotWrite(f"is {other} itself", file=options.out, hint="choose another name")
    scene = screenshot.Scene(
        select=options.select,
        view=options.view,
        filter=options.filter,
        tab=options.tab,
        scan=options.scan,
        diff=options.diff,
        export=options.export,
        theme=options.theme,
        size=options.size,
        scale=options.scale,
    )
    try:
        png = screenshot.take(options.file, scene)
    except screenshot.NotThere as error:
        raise WrongUsage(str(error), _COMMAND) from error
    nbytes = write_whole(options.out, options.file, lambda file: file.write(png))
    if options.json:
        write([document(path=options.file, written=[{"file": options.out, "bytes": nbytes}]) + "\n"])
    return Exit.FINE
