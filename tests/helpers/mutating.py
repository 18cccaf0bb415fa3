"""Damages files at random, opens them, and tells what broke that should not: run as a program by a test.

It is sent {"seed", "first", "step", "cases", "memory", "seconds", "folder", "files"} as JSON and writes a line
of JSON for each case: {"case", "file"} before it is opened, and {"failed": …} behind it if something else than
an error of ours came of it. A case is made by its number and the seed alone, so it can be made again:

    python -m tests.helpers.mutating SEED CASE OUT FILE…
"""

from __future__ import annotations

import json
import random
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from sdviewer.checkpoint.facts import has_findings
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.cli.info_json import info_pieces
from sdviewer.cli.info_text import info_lines
from sdviewer.errors import CannotOpen, CannotRead, SdviewerError
from sdviewer.formats.opening import open_checkpoint
from sdviewer.processes.limits import limit_memory

_TENSORS_READ = 6
_LARGEST_READ = 1 << 20
# What is found at a place that says how long or how many.
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
_SIGNATURES = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x07\x08", b"X", b"c", b"R", b"Q", b"t")


class TooSlow(BaseException):
    """A case took more processor time than any file of its size may."""


def mutated(content: bytes, other: bytes, dice: random.Random) -> bytes:
    """The content with one to four random wounds."""
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        _WOUNDS[dice.randrange(len(_WOUNDS))](data, other, dice)
    return bytes(data)


def _place(data: bytearray, dice: random.Random) -> int:
    """An offset: anywhere, near either end, or behind a signature that lengths follow."""
    size = max(len(data), 1)
    match dice.randrange(4):
        case 0:
            return dice.randrange(size)
        case 1:
            return min(dice.randrange(600), size - 1)
        case 2:
            return max(size - 1 - dice.randrange(600), 0)
    at = data.find(dice.choice(_SIGNATURES), dice.randrange(size))
    return at + dice.randrange(30) if 0 <= at < size - 30 else dice.randrange(size)


def _flip(data: bytearray, _: bytes, dice: random.Random) -> None:
    if data:
        data[_place(data, dice)] ^= 1 << dice.randrange(8)


def _overwrite(data: bytearray, _: bytes, dice: random.Random) -> None:
    at = _place(data, dice)
    run = dice.randbytes(dice.choice((1, 1, 2, 4, 8, 40)))
    data[at : at + len(run)] = run


def _say_another_number(data: bytearray, _: bytes, dice: random.Random) -> None:
    at, width = _place(data, dice), dice.choice((1, 2, 4, 8))
    number = dice.choice((*_NUMBERS, len(data), len(data) - at)) & (256**width - 1)
    data[at : at + width] = number.to_bytes(width, "little")


def _insert(data: bytearray, _: bytes, dice: random.Random) -> None:
    at = _place(data, dice)
    data[at:at] = dice.randbytes(dice.choice((1, 2, 8, 100)))


def _delete(data: bytearray, _: bytes, dice: random.Random) -> None:
    at = _place(data, dice)
    del data[at : at + dice.choice((1, 2, 4, 30, 500))]


def _repeat(data: bytearray, _: bytes, dice: random.Random) -> None:
    at = _place(data, dice)
    chunk = bytes(data[at : at + dice.choice((1, 8, 46, 300))])
    to = _place(data, dice)
    data[to:to] = chunk * dice.choice((1, 2, 50))


def _splice(data: bytearray, other: bytes, dice: random.Random) -> None:
    at, start = _place(data, dice), dice.randrange(len(other) + 1)
    if dice.randrange(2):
        data[at:] = other[start:]
    else:
        data[at:at] = other[start : start + 400]


def _cut(data: bytearray, _: bytes, dice: random.Random) -> None:
    del data[_place(data, dice) :]


def _swap(data: bytearray, _: bytes, dice: random.Random) -> None:
    """Two opcodes or letters in each other's place."""
    if data:
        a, b = _place(data, dice), _place(data, dice)
        data[a], data[b] = data[b], data[a]


def _retell_digits(data: bytearray, _: bytes, dice: random.Random) -> None:
    """Another number where one is written as text: JSON, headers of arrays, lines of pickles."""
    at = next((i for i in range(_place(data, dice), len(data)) if 0x30 <= data[i] <= 0x39), -1)
    if at >= 0:
        end = at
        while end < len(data) and 0x30 <= data[end] <= 0x39:
            end += 1
        data[at:end] = dice.choice((b"-1", b"0", b"1e9", b"99999999999999999999", b"4611686018427387904", b"true"))


_WOUNDS = (
    _flip, _flip, _overwrite, _say_another_number, _say_another_number, _insert, _delete, _repeat, _splice, _cut,
    _swap, _retell_digits,
)  # fmt: skip


def make(seed: int, case: int, files: Sequence[Path], target: Path) -> str:
    """Write case `case` to `target`; returns the name of the file that it comes from."""
    dice = random.Random(f"{seed}:{case}")  # noqa: S311  # cases, not secrets
    source, other = dice.choice(files), dice.choice(files)
    target.write_bytes(mutated(source.read_bytes(), other.read_bytes(), dice))
    return source.name


def _say(error: SdviewerError) -> None:
    if not error.message:
        raise ValueError("an error that says nothing")


def exercise(path: Path) -> None:
    """All that a user may do with a file; its errors are ours, or it fails."""
    try:
        checkpoint = open_checkpoint(path)
    except CannotOpen as error:
        _say(error)
        return
    with checkpoint:
        json.loads("".join(info_pieces(checkpoint)))
        "".join(info_lines(checkpoint, None)).encode("utf-8", "strict")
        metadata_of(checkpoint.description)
        has_findings(checkpoint)
        for row in range(min(checkpoint.table.listed, _TENSORS_READ)):
            ref = checkpoint.tensors[checkpoint.table.name[row]]
            try:
                if ref.nbytes <= _LARGEST_READ:
                    ref.numpy()
                    ref.codes()
                    ref.read_slice((slice(0, 1),) * len(ref.shape))
            except CannotRead as error:
                _say(error)


def _too_slow(_: int, frame: FrameType | None) -> None:
    raise TooSlow("".join(traceback.format_stack(frame, 4)))


def main() -> None:
    """Do the cases that standard input asks for."""
    request: dict[str, Any] = json.load(sys.stdin)
    files = [Path(name) for name in request["files"]]
    target = Path(request["folder"]) / "case"
    for file in files[:3]:
        exercise(file)
    limit_memory(request["memory"])
    signal.signal(signal.SIGVTALRM, _too_slow)
    for case in range(request["first"], request["cases"], request["step"]):
        name = make(request["seed"], case, files, target)
        print(json.dumps({"case": case, "file": name}), flush=True)
        signal.setitimer(signal.ITIMER_VIRTUAL, request["seconds"])
        try:
            exercise(target)
        except (Exception, TooSlow) as error:  # noqa: BLE001  # whatever it is, it is told
            last = "".join(traceback.format_exception(error)[-3:])
            print(json.dumps({"failed": f"{type(error).__name__}: {error!s:.800}\n{last:.1500}"}), flush=True)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def make_again(arguments: Sequence[str]) -> None:
    """Write one case into a file."""
    seed, case, target, *files = arguments
    make(int(seed), int(case), [Path(file) for file in files], Path(target))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        make_again(sys.argv[1:])
    else:
        main()
