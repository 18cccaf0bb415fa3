"""The command line: arguments in, exit code out; every error ends as one line on standard error."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import sdviewer
from sdviewer.cli.command import Parser, command_parser, open_checkpoint, write
from sdviewer.cli.exits import Exit, WrongUsage
from sdviewer.errors import Cancelled, SdviewerError

# What each is given. Those not defined here are modules of this package.
COMMANDS = {
    "info": "FILE",
    "values": "FILE NAME",
    "stats": "FILE",
    "check": "FILE",
    "diff": "A B",
    "load-check": "A B",
    "export": "FILE OUT",
    "screenshot": "FILE OUT.png",
}

# Opens the window on files (a new one if that is asked for), or on two compared with each other, and returns when it
# is closed, with the exit code. Handed in, as the window lies above.
OpenWindow = Callable[[Sequence[str], bool, bool], int]

_TENSORS_ON_A_TERMINAL = 40
_LONGEST_ERROR = 4_000


def run(arguments: Sequence[str], open_window: OpenWindow) -> int:
    """Do what the arguments say; returns the exit code (see contracts: 0, 1, 2, 64, 130)."""
    if arguments and arguments[0] in COMMANDS:
        return _guarded(_run_command, arguments)
    return run_window_command(arguments, open_window)


def run_window_command(arguments: Sequence[str], open_window: OpenWindow) -> int:
    """Open the window on the files named."""

    def act(given: Sequence[str]) -> int:
        options = _window_parser().parse_args(given)
        if options.diff and len(options.files) != 2:
            raise WrongUsage("--diff compares two files", "sdviewer")
        return open_window(options.files, options.new_window, options.diff)

    return _guarded(act, arguments)


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


def _window_parser() -> Parser:
    parser = Parser(
        prog="sdviewer",
        description="Look inside PyTorch checkpoints without executing anything in them.",
        epilog=f"Commands: {', '.join(f'sdviewer {name} {given}' for name, given in COMMANDS.items())}; "
        "`sdviewer COMMAND --help` tells more. A file that is called like a command opens as ./info.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="checkpoints or folders to open in a window")
    parser.add_argument("--diff", action="store_true", help="compare the two files with each other")
    parser.add_argument("--new-window", action="store_true", help="do not use a window that is already open")
    parser.add_argument("--version", action="version", version=f"sdviewer {sdviewer.__version__}")
    return parser


def _run_command(arguments: Sequence[str]) -> int:
    options = _parser_of(arguments[0]).parse_args(_with_slice_joined(arguments[1:]))
    return int(options.act(options))


def _parser_of(command: str) -> Parser:
    if command == "info":
        return _info_parser()
    if command == "values":
        return _values_parser()
    parser: Parser = importlib.import_module(f"sdviewer.cli.{command.replace('-', '_')}").parser()
    return parser


def _with_slice_joined(arguments: Sequence[str]) -> list[str]:
    """`--slice X` as `--slice=X`: argparse takes an X such as "-1,:" for an option."""
    joined = list(arguments)
    if "--slice" in joined[:-1]:
        at = joined.index("--slice")
        joined[at : at + 2] = [f"--slice={joined[at + 1]}"]
    return joined


def _info_parser() -> Parser:
    parser = command_parser("info", "What a checkpoint holds. Exit code 1 if something is missing or dangerous.")
    parser.add_argument("--all", action="store_true", help="list everything, however long, on a terminal too")
    parser.set_defaults(act=_info)
    return parser


def _info(options: argparse.Namespace) -> int:
    from sdviewer.checkpoint.facts import has_findings

    checkpoint = open_checkpoint(options)
    if options.json:
        from sdviewer.cli.info_json import info_pieces

        write(info_pieces(checkpoint))
    else:
        from sdviewer.cli.info_text import info_lines

        limit = None if options.all or not sys.stdout.isatty() else _TENSORS_ON_A_TERMINAL
        write(f"{line}\n" for line in info_lines(checkpoint, limit))
    return Exit.FINDING if has_findings(checkpoint) else Exit.FINE


def _values_parser() -> Parser:
    parser = command_parser("values", "The values of one tensor.")
    parser.add_argument("name", metavar="NAME", help="a canonical name, or a state_dict key if it is unique")
    parser.add_argument("--slice", default="...", metavar='"0:2,:"', help="the part that is wanted, as numpy indexes")
    parser.add_argument("--npy", metavar="OUT", help="write the values into this .npy file")
    parser.add_argument(
        "--derived",
        action="store_true",
        help="the real values of the quantised weight, or ΔW of the adapter, that this tensor is a part of",
    )
    parser.set_defaults(act=_values)
    return parser


def _values(options: argparse.Namespace) -> int:
    from sdviewer.checkpoint.json_text import document
    from sdviewer.cli import values

    index = values.parse_slice(options.slice)
    checkpoint = open_checkpoint(options)
    further: dict[str, Any] = {}
    if options.derived:
        ref, further = values.derived(checkpoint, options.name)
    else:
        ref = checkpoint.tensors.find(options.name)
    shape = ref.payload().shape
    selected = values.full_index(index, shape)
    told: dict[str, Any] = {"path": options.file, "name": ref.name, "dtype": ref.dtype, "shape": list(ref.shape)}
    told |= further
    if options.npy is not None:
        array = values.read(ref, selected, shape)
        nbytes = values.write_npy(array, options.npy, options.file)
        if options.json:
            told |= {"selected": list(array.shape), "written": [{"file": options.npy, "bytes": nbytes}]}
            write([document(**told) + "\n"])
        elif not options.quiet:
            print(f"{options.npy}: {array.dtype} {list(array.shape)}, {nbytes:,} bytes", file=sys.stderr)
    elif options.json:
        told |= {"selected": list(values.selected_shape(selected, shape))}
        write([document(**told, values=values.as_lists(ref, selected, shape)) + "\n"])
    else:
        write([values.printed(ref, selected, shape) + "\n"])
    return Exit.FINE
