"""How a helper process ended before it answered: in a sentence, with its last words for a report."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import IO

from sdviewer.errors import HelperDied

_SECONDS_TO_END = 1.0
_MOST_WORDS = 1 << 16


def death_of(process: subprocess.Popen[bytes], complaints: IO[bytes] | None, who: str, *, hint: str) -> HelperDied:
    """The error to raise for `who` ("the process that …"), whose standard error went to the file `complaints`."""
    try:
        code = process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        return HelperDied(f"{who} sent something that is no answer", hint=hint)
    return told_death(code, _words_in(complaints), who, hint=hint)


def told_death(code: int, words: str, who: str, *, hint: str) -> HelperDied:
    """The same, of one that has ended with this code and these last words."""
    error = HelperDied(f"{who} {_ending(code, words)}", hint=hint)
    if words:
        error.add_note(f"Its last words:\n{words}")
    return error


def _ending(code: int, words: str) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            if name == "SIGKILL":
                return f"was ended by {name}, perhaps for lack of memory"
            return f"was ended by {name}" if name in ("SIGTERM", "SIGINT", "SIGHUP") else f"crashed with {name}"
    return f"ended with code {code}" + (f": {words.splitlines()[-1]}" if words else "")


def _words_in(complaints: IO[bytes] | None) -> str:
    if complaints is None:
        return ""
    complaints.seek(0)
    return complaints.read(_MOST_WORDS).decode("utf-8", "replace").strip()
