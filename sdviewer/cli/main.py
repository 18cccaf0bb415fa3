"""The command line: arguments in, exit code out; every error ends as one line on standard error."""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import sdviewer
from sdviewer.cli.exits import Exit, WrongUsage
from sdviewer.errors import Cancelled, CannotWrite, SdviewerError

COMMANDS = ("info", "values", "screenshot")

_TENSORS_ON_A_TERMINAL = 40
_LONGEST_ERROR = 4_000


class _Parser(argparse.ArgumentParser):
    """argparse with our exit code and one line instead of two."""

    def error(self, message: str) -> NoReturn:
        raise WrongUsage(message, self.prog)


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say; returns the exit code (see contracts: 0, 1, 2, 64, 130)."""
    if arguments and arguments[0] in COMMANDS:
        return _guarded(_run_command, arguments)
    return run_window_command(arguments)


def run_window_command(arguments: Sequence[str]) -> int:
    """Open the window on the files named."""
    return _guarded(_run_window, arguments)


def _guarded(act: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a letter of a name gets its escape.
            stream.reconfigure(errors="backslashreplace")
    try:
        return _flushed(act(arguments))
    except BrokenPipeError:
        # The reader (`head`) has what it wanted. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE
    except WrongUsage as error:
        return _fail(error, Exit.USAGE, as_json=as_json)
    except KeyboardInterrupt:
        return _fail(Cancelled("interrupted"), Exit.INTERRUPTED, as_json=as_json)
    except Cancelled as error:
        return _fail(error, Exit.INTERRUPTED, as_json=as_json)
    except SdviewerError as error:
        return _fail(error, Exit.CANNOT, as_json=as_json)
    except MemoryError:
        return _fail(SdviewerError("there is not enough memory for this"), Exit.CANNOT, as_json=as_json)
    except Exception as error:  # noqa: BLE001  # a fault of our own must not look like a finding (exit code 1)
        traceback.print_exc()
        return _fail(SdviewerError(f"sdviewer failed: {type(error).__name__}"), Exit.CANNOT, as_json=as_json)


def _flushed(code: int) -> int:
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _fail(error: SdviewerError | WrongUsage, code: Exit, *, as_json: bool) -> int:
    from sdviewer.checkpoint.wording import shown
    from sdviewer.cli import progress
    from sdviewer.cli.json_output import error_document

    progress.clear()
    print(f"sdviewer: {shown(str(error), _LONGEST_ERROR)}", file=sys.stderr)
    if as_json:
        print(error_document(error), flush=True)
    return code


def _run_window(arguments: Sequence[str]) -> int:
    options = _window_parser().parse_args(arguments)
    try:
        from sdviewer.ui.app import run_window
    except ImportError as error:
        raise SdviewerError(
            f"the window cannot be opened: {error}", hint="`sdviewer info FILE` works without it"
        ) from error
    return run_window(options.files)


def _window_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sdviewer",
        description="Look inside PyTorch checkpoints without executing anything in them.",
        epilog="Commands: sdviewer info FILE, sdviewer values FILE NAME, sdviewer screenshot FILE OUT.png; "
        "`sdviewer COMMAND --help` tells more. A file that is called like a command opens as ./info.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="checkpoints or folders to open in a window")
    parser.add_argument("--version", action="version", version=f"sdviewer {sdviewer.__version__}")
    return parser


def _run_command(arguments: Sequence[str]) -> int:
    parser = {"info": _info_parser, "values": _values_parser, "screenshot": _screenshot_parser}[arguments[0]]()
    options = parser.parse_args(arguments[1:])
    return int(options.act(options))


def _command_parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"sdviewer {name}", description=description)
    parser.add_argument("file", metavar="FILE", help="a checkpoint, an index of shards, or a folder")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def _open(options: argparse.Namespace) -> sdviewer.Checkpoint:
    from sdviewer.cli import progress

    checkpoint = sdviewer.open(options.file, progress.control_for(quiet=options.quiet))
    progress.clear()
    return checkpoint


def _write(pieces: Iterable[str]) -> None:
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"cannot be written: {error.strerror}", file="standard output") from error


def _info_parser() -> argparse.ArgumentParser:
    parser = _command_parser("info", "What a checkpoint holds. Exit code 1 if something is missing or dangerous.")
    parser.add_argument("--all", action="store_true", help="list everything, however long, on a terminal too")
    parser.set_defaults(act=_info)
    return parser


def _info(options: argparse.Namespace) -> int:
    from sdviewer.cli.facts import has_findings

    checkpoint = _open(options)
    if options.json:
        from sdviewer.cli.info_json import info_pieces

        _write(info_pieces(checkpoint))
    else:
        from sdviewer.cli.info_text import info_lines

        limit = None if options.all or not sys.stdout.isatty() else _TENSORS_ON_A_TERMINAL
        _write(f"{line}\n" for line in info_lines(checkpoint, limit))
    return Exit.FINDING if has_findings(checkpoint) else Exit.FINE


def _values_parser() -> argparse.ArgumentParser:
    parser = _command_parser("values", "The values of one tensor.")
    parser.add_argument("name", metavar="NAME", help="a canonical name, or a state_dict key if it is unique")
    parser.add_argument("--slice", default="...", metavar='"0:2,:"', help="the part that is wanted, as numpy indexes")
    parser.add_argument("--npy", metavar="OUT", help="write the values into this .npy file")
    parser.set_defaults(act=_values)
    return parser


def _values(options: argparse.Namespace) -> int:
    from sdviewer.cli import values
    from sdviewer.cli.json_output import document

    index = values.parse_slice(options.slice)
    ref = _open(options).tensors.find(options.name)
    shape = ref.payload().shape
    selected = values.full_index(index, shape)
    told: dict[str, Any] = {"path": options.file, "name": ref.name, "dtype": ref.dtype, "shape": list(ref.shape)}
    if options.npy is not None:
        array = values.read(ref, selected, shape)
        nbytes = values.write_npy(array, options.npy, options.file)
        if options.json:
            told |= {"selected": list(array.shape), "written": [{"file": options.npy, "bytes": nbytes}]}
            _write([document(**told) + "\n"])
        elif not options.quiet:
            print(f"{options.npy}: {array.dtype} {list(array.shape)}, {nbytes:,} bytes", file=sys.stderr)
    elif options.json:
        told |= {"selected": list(values.selected_shape(selected, shape))}
        _write([document(**told, values=values.as_lists(ref, selected, shape)) + "\n"])
    else:
        _write([values.printed(ref, selected, shape) + "\n"])
    return Exit.FINE


def _screenshot_parser() -> argparse.ArgumentParser:
    parser = _command_parser("screenshot", "A picture of the window with a checkpoint in it.")
    parser.add_argument("out", metavar="OUT.png", help="where the picture goes")
    parser.add_argument("--select", metavar="NAME", help="the tensor or module that is selected")
    parser.add_argument("--theme", choices=("dark", "light", "system"), default="light")
    parser.add_argument("--size", type=_size, default=(1400, 900), metavar="1400x900", help="of the window, in pixels")
    parser.set_defaults(act=_screenshot)
    return parser


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,5})[x×](\d{2,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; one looks like 1400x900")
    return int(match[1]), int(match[2])


def _screenshot(options: argparse.Namespace) -> int:
    from sdviewer.cli.json_output import document

    try:
        from sdviewer.ui import screenshot
    except ImportError as error:
        raise SdviewerError(f"the window cannot be drawn: {error}") from error
    screenshot.take(options.file, options.out, select=options.select, theme=options.theme, size=options.size)
    if options.json:
        _write([document(path=options.file, written=[{"file": options.out}]) + "\n"])
    return Exit.FINE
