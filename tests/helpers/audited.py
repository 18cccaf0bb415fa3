"""Opens files under an audit hook and tells what happened: run as a program, never imported by a test.

It is sent {"warm": [path], "cases": {name: path}} as JSON, opens the benign files so that every import is
done, arms the hook, then does with each case all that a user can do, and answers
{name: {"events": […], "dangerous": […], "finding": bool, "error": text}}.
"""

from __future__ import annotations

import copyreg
import io
import json
import os
import sys
from typing import Any

from sdviewer.checkpoint.facts import has_findings
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.source import read_bytes
from sdviewer.cli.info_json import info_pieces
from sdviewer.cli.info_text import info_lines
from sdviewer.errors import SdviewerError
from sdviewer.formats.opening import open_checkpoint
from sdviewer.processes.reader_child import answer
from tests.helpers.attacks import EXTENSIONS

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What looking at files and objects needs.
_HARMLESS = {"os.listdir", "os.scandir", "object.__getattr__", "sys._getframe", "builtins.id", "array.__new__"}


def is_harmless(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a program that only looks may do this."""
    if event == "open":
        _, mode, flags = arguments
        written = isinstance(mode, str) and any(letter in mode for letter in "wax+")
        return not written and not (isinstance(flags, int) and flags & _WRITING)
    # ast.literal_eval makes a syntax tree of a key's text; only `exec` would run one.
    return event in _HARMLESS or (event == "compile" and arguments[1] == "<unknown>")


class Watch:
    """The audit hook; it stays for good, so it is armed and disarmed."""

    def __init__(self) -> None:
        self.armed = False
        self.events: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.armed and not is_harmless(event, arguments):
            self.events.append(f"{event} {arguments!r:.200}")


def do_everything(path: str) -> dict[str, Any]:
    """Open, list, print, describe as JSON, read every value and text."""
    told: dict[str, Any] = {"dangerous": [], "finding": False, "error": ""}
    # As the reader process does it.
    answer(path, io.BytesIO(), open_checkpoint)
    try:
        checkpoint = open_checkpoint(path)
    except SdviewerError as error:
        return {**told, "error": str(error)}
    told["dangerous"] = [use.name for use in checkpoint.globals if use.klass == "dangerous"]
    told["finding"] = has_findings(checkpoint)
    told["text"] = len("".join(info_lines(checkpoint, None)))
    told["json"] = len("".join(info_pieces(checkpoint)))
    metadata_of(checkpoint.description)
    for ref in checkpoint.tensors.values():
        try:
            ref.numpy()
            ref.codes()
        except SdviewerError:
            pass
    for text in checkpoint.description.texts:
        if not text.deflated:
            read_bytes(checkpoint.sources.get(text.source), text.offset, text.nbytes)
    checkpoint.close()
    return told


def main() -> None:
    """Answer the one request on standard input."""
    for number, (module, name) in EXTENSIONS.items():
        copyreg.add_extension(module, name, number)
    request = json.load(sys.stdin)
    for path in request["warm"]:
        do_everything(path)
    watch = Watch()
    result = {}
    for name, path in request["cases"].items():
        watch.armed, watch.events = True, []
        told = do_everything(path)
        watch.armed = False
        result[name] = {**told, "events": watch.events}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
