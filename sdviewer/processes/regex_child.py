"""The regex process: looks for a regular expression in texts that it is sent, until nobody sends any more.

`re` cannot be stopped while it looks at a text, but a process can. It speaks frames: it is sent
{"pattern", "ignore_case", "keep", "forget", "among"} with two buffers, texts joined as UTF-8 and their
int64 offsets, and answers {} with one buffer, a byte for each text: 1 where the pattern is found. Texts
that are sent with a number in "keep" are kept under it, and meant where it comes without them;
"forget" lets go of all that is kept. With "among" comes a last buffer, a byte for each text: those
with 0 are left out, of the answer as well.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
import warnings
from typing import BinaryIO

from sdviewer.crash_report import end_on_any_failure
from sdviewer.processes.frames import BrokenFrame, Buffer, read_frame, write_frame


def main() -> None:
    """Answer what comes on standard input."""
    end_on_any_failure()
    # Ctrl-C goes to the whole group of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    # Whatever prints must not end up between the frames.
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, answers)
    except (BrokenFrame, BrokenPipeError):
        # The parent has ended in the middle of a sentence.
        os._exit(1)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    kept: dict[int, list[str]] = {}
    while (request := read_frame(requests)) is not None:
        message, buffers = request
        if message["forget"]:
            kept.clear()
        number = message["keep"]
        among = buffers.pop() if message["among"] else None
        texts = texts_of(*buffers) if buffers else kept[number]
        if number is not None:
            kept[number] = texts
        if among is not None:
            texts = list(itertools.compress(texts, among))
        pattern = re.compile(message["pattern"], re.IGNORECASE if message["ignore_case"] else 0)
        write_frame(answers, {}, [bytes(map(bool, map(pattern.search, texts)))])


def texts_of(data: Buffer, offsets: Buffer) -> list[str]:
    """The texts that lie in a block."""
    data = bytes(data)
    places = itertools.pairwise(memoryview(offsets).cast("q"))
    if data.isascii():
        text = data.decode("ascii")
        return [text[start:end] for start, end in places]
    return [data[start:end].decode("utf-8", "surrogatepass") for start, end in places]
