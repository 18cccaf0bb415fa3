"""Wording: names made safe to show, numbers written for people.

Names come from files that may want to deceive: control characters, surrogates and marks that turn
the direction of text are shown as escapes, so that what is read is what is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\0"}
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_COUNTS = ((10**15, " P"), (10**12, " T"), (10**9, " B"), (10**6, " M"), (10**3, " K"))
_SPEEDS = ((1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"))
_SECONDS_TOLD, _DAYS = 99.5, 4 * 86_400
_LEAST_IN_UNIT, _LEAST_WITHOUT_DECIMALS = 0.9995, 9.95
_LONGEST = 2_000

PROBLEM_MARKS = {"error": "✖", "warning": "⚠", "info": "ℹ"}


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def shown(text: str, limit: int = _LONGEST) -> str:
    """A name or value on one line, every unseen character as its escape, cut after `limit` characters."""
    cut = len(text) > limit
    safe = _UNSEEN.sub(_escape, text[:limit])
    return f"{safe}… ({len(text) - limit:,} more characters)" if cut else safe


def shown_lines(text: str, limit: int) -> str:
    """As `shown`, but line breaks and tabs stay."""
    safe = _UNSEEN.sub(lambda m: m.group() if m.group() in "\n\t" else _escape(m), text[:limit].replace("\r\n", "\n"))
    return f"{safe}\n… {len(text) - limit:,} more characters not shown" if len(text) > limit else safe


def label_of(part: str) -> str:
    """A part of a path as a label; an empty one can be seen, too."""
    return shown(part, 300) if part else '""'


def bytes_for_people(count: int) -> str:
    """A size in binary units with three significant digits: "32.0 MiB"."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1024
        if value < 999.5 or unit == _UNITS[-1]:
            return f"{value:.{_decimals(value)}f} {unit}"
    raise AssertionError


def speed_for_people(bytes_per_second: float) -> str:
    """A rate as makers of disks count it, in powers of ten, with two significant digits: "3.1 GB/s"."""
    for factor, unit in _SPEEDS:
        value = bytes_per_second / factor
        if value >= _LEAST_IN_UNIT:
            return f"{value:.1f} {unit}" if value < _LEAST_WITHOUT_DECIMALS else f"{value:,.0f} {unit}"
    return f"{bytes_per_second:.0f} B/s"


def time_for_people(seconds: float) -> str:
    """How long something takes, roughly: "12 s", "3 min", "1 h 20 min"."""
    if seconds < _SECONDS_TOLD:
        return f"{seconds:.0f} s"
    if seconds >= _DAYS:
        # A pace of next to nothing has hardly an end.
        return "days"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def count_for_people(count: int) -> str:
    """A number of things with three significant digits: "6.74 B", "16.8 M", small ones exact."""
    if count < 10_000:
        return f"{count:,}"
    for factor, unit in _COUNTS:
        if count >= factor * 0.9995:
            value = count / factor
            return f"{value:.{_decimals(value)}f}{unit}"
    return str(count)


def _decimals(value: float) -> int:
    return 2 if value < 9.995 else 1 if value < 99.95 else 0


def cut_in_middle(text: str, most: int) -> str:
    """At most so many characters: names and paths of one folder often begin alike and differ at their end."""
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def plural(count: int, one: str, many: str = "") -> str:
    """A counted noun: "1 tensor", "6.74 B parameters"."""
    return f"{count_for_people(count)} {one if count == 1 else many or one + 's'}"


def shape_text(shape: Sequence[int]) -> str:
    """A shape: "4096 × 4096"; "scalar" for the shape of one element without axes."""
    if len(shape) > 32:
        return " × ".join(map(str, shape[:32])) + f" … ({len(shape)} axes)"
    return " × ".join(map(str, shape)) if shape else "scalar"


def number(value: complex | None) -> str:
    """A statistic with six significant digits and a real minus sign."""
    if value is None:
        return "–"
    if isinstance(value, complex):
        return f"{number(value.real)} {'−' if value.imag < 0 else '+'} {number(abs(value.imag))} i"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    return f"{value:.6g}".replace("-", "−").replace("e+", "e").replace("inf", "∞").replace("nan", "NaN")


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent, never "0 %" for something nor "100 %" for less than all."""
    if whole == 0 or part == 0:
        return "0 %"
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if percent < 0.01:
        return "< 0.01 %"
    return "> 99.99 %" if percent > 99.99 else f"{percent:.2f} %"
