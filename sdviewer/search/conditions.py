"""Conditions: what may stand behind a field's colon, each read from text into a small frozen record.

A reader raises `Unfit` with words for the user; the parser turns it into a `Mistake` with its place.
"""

from __future__ import annotations

import difflib
import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from sdviewer.checkpoint.dtypes import DTYPES

LARGEST = 2**63 - 1
GLOB_SIGNS = frozenset("*?[")

_DECIMAL = MappingProxyType({"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12})
_BYTES = MappingProxyType(
    {"": 1, "b": 1}
    | {unit + tail: 10**power for unit, power in (("k", 3), ("m", 6), ("g", 9), ("t", 12)) for tail in ("", "b")}
    | {unit + tail: 2**power for unit, power in (("ki", 10), ("mi", 20), ("gi", 30), ("ti", 40)) for tail in ("", "b")}
)
_NUMBER = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)\Z", re.ASCII)
_REAL = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?)\s*([a-z%]*)\Z", re.ASCII)
_MOST_DIGITS = 40
_SIGNS = {"≥": ">=", "≤": "<=", "==": "="}


class Unfit(Exception):
    """A value that a field cannot have: what is wrong, and what to write instead."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `low` to `high`, both included; nothing where `low > high`."""

    low: int
    high: int

    def holds(self, value: int) -> bool:
        """Whether a number lies in it."""
        return self.low <= value <= self.high


ANY = Range(-LARGEST - 1, LARGEST)


@dataclass(frozen=True, slots=True)
class RealRange:
    """Numbers between two limits, which belong to it unless an end is open."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False


@dataclass(frozen=True, slots=True)
class ShapeForm:
    """Sizes of axes: first `head`, then, if `open_ended`, any number of axes, then `tail`."""

    head: tuple[Range, ...]
    open_ended: bool = False
    tail: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Naming:
    """A name to compare without regard to case: as a glob, whole, or as a part (`anywhere`)."""

    text: str
    is_glob: bool = False
    anywhere: bool = False

    def fits(self, name: str) -> bool:
        """Whether a name is meant."""
        folded = name.casefold()
        if self.is_glob:
            return fnmatch.fnmatchcase(folded, self.text)
        return self.text in folded if self.anywhere else self.text == folded


@dataclass(frozen=True, slots=True)
class DtypeSet:
    """Codes of the dtype table; `naming` also fits names that only the file knows."""

    codes: frozenset[int]
    naming: Naming | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a field's few words."""

    word: str


Condition = Range | RealRange | ShapeForm | Naming | DtypeSet | Choice


def read_count(text: str) -> Range:
    """Numbers: `5`, `>=1M`, `10..20`, `..1K`; K, M, B or G, T are powers of 1000."""
    return _read_range(text, _DECIMAL, "a number, as in >=1M or 10..20")


def read_size(text: str) -> Range:
    """Bytes: `>10MB`, `1GiB..2GiB`; KB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024."""
    return _read_range(text, _BYTES, "a size, as in >10MB or 1KiB..4KiB")


def read_real(text: str) -> RealRange:
    """Any numbers: `>0`, `<1e-6`, `-0.5..0.5`; K, M, B or G, T are powers of 1000."""
    return _read_reals(text, _DECIMAL, "a number, as in >0, <1e-6 or -0.5..0.5")


def read_share(text: str) -> RealRange:
    """Shares: `>50%`, `0.9..1`."""
    return _read_reals(text, {"": 1.0, "%": 0.01}, "a share, as in >50% or 0.9..1")


def read_shape(text: str) -> ShapeForm:
    """A shape: `4096x*`, `[4096, 4096]`, `scalar`, `...x3x3`; an axis may be a number, `*` or a comparison."""
    inner = text.strip().lower()
    if inner in ("scalar", "[]", "()"):
        return ShapeForm(())
    if inner[:1] in "[(":
        closing = {"[": "]", "(": ")"}[inner[0]]
        if not inner.endswith(closing):
            raise Unfit(f"the shape ends without {closing}", f"{text}{closing}")
        inner = inner[1:-1].rstrip(" ,")
    axes = [axis.strip() for axis in re.split(r"[x×,]", inner)]
    dots = [place for place, axis in enumerate(axes) if axis in ("...", "…")]
    if len(dots) > 1:
        raise Unfit("a shape has one … at most", "...x3x3")
    split = dots[0] if dots else len(axes)
    head, tail = (tuple(map(_read_axis, part)) for part in (axes[:split], axes[split + 1 :]))
    return ShapeForm(head, bool(dots), tail)


def _read_axis(text: str) -> Range:
    if text == "*":
        return ANY
    if not text:
        raise Unfit("an axis of the shape is missing", "4096x*")
    return _read_range(text, _DECIMAL, "the size of an axis, a number or *, as in 4096x*")


def read_naming(text: str) -> Naming:
    """A whole name, or a glob of one."""
    return Naming(text.casefold(), is_glob=is_glob(text))


def read_part(text: str) -> Naming:
    """A part of a name, or a glob of a whole one."""
    return Naming(text.casefold(), is_glob=is_glob(text), anywhere=True)


def read_dtype(text: str) -> DtypeSet:
    """A dtype by torch's, numpy's or safetensors' name, a short one, a kind of numbers, or a glob."""
    wanted = text.casefold().removeprefix("torch.")
    if is_glob(wanted):
        codes = {code for name, group in DTYPE_NAMES.items() if fnmatch.fnmatchcase(name, wanted) for code in group}
        return DtypeSet(frozenset(codes), Naming(wanted, is_glob=True))
    if wanted in DTYPE_NAMES:
        return DtypeSet(DTYPE_NAMES[wanted])
    raise Unfit(f"there is no dtype “{text}”", nearest(wanted, DTYPE_NAMES))


def read_own_dtype(text: str) -> DtypeSet:
    """A dtype in quotes: its name in this file, known to others or not."""
    wanted = text.casefold()
    return DtypeSet(DTYPE_NAMES.get(wanted, frozenset()), Naming(wanted))


def read_choice(words: Mapping[str, str]) -> Callable[[str], Choice]:
    """A reader of these words and of the first letters of one."""

    def read(text: str) -> Choice:
        wanted = text.casefold()
        if wanted in words:
            return Choice(words[wanted])
        names = dict.fromkeys(words.values())
        begun = [name for name in names if name.startswith(wanted)]
        if len(begun) == 1:
            return Choice(begun[0])
        raise Unfit(f"“{text}” is none of {', '.join(names)}", nearest(wanted, names) or next(iter(names)))

    return read


def is_glob(text: str) -> bool:
    """Whether a text has signs of a glob."""
    return not GLOB_SIGNS.isdisjoint(text)


def nearest(word: str, words: Iterable[str]) -> str:
    """The word that was probably meant, "" if none is like it."""
    return next(iter(difflib.get_close_matches(word, list(words), n=1)), "")


def _read_range(text: str, units: Mapping[str, int], expected: str) -> Range:
    text = text.strip().lower().replace(",", "").replace("_", "")
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    if ".." in text:
        low, _, high = text.partition("..")
        if not low and not high:
            raise Unfit(f"this is not {expected}")
        first = math.ceil(_read_number(low, units, expected)) if low else ANY.low
        last = math.floor(_read_number(high, units, expected)) if high else ANY.high
        return _range(first, last)
    operator = re.match(r"[<>]=?|=|", text)
    sign = operator.group() if operator else ""
    value = _read_number(text[len(sign) :], units, expected)
    match sign:
        case ">":
            return _range(math.floor(value) + 1, ANY.high)
        case ">=":
            return _range(math.ceil(value), ANY.high)
        case "<":
            return _range(ANY.low, math.ceil(value) - 1)
        case "<=":
            return _range(ANY.low, math.floor(value))
        case _:
            return _range(math.ceil(value), math.floor(value))


def _read_number(text: str, units: Mapping[str, int], expected: str) -> Fraction:
    text = text.strip()
    if not text:
        raise Unfit(f"a number is missing: write {expected}")
    found = _NUMBER.match(text)
    if found is None or len(found[1]) > _MOST_DIGITS:
        raise Unfit(f"“{text}” is not {expected}")
    if found[2] not in units:
        raise Unfit(f"“{found[2]}” is no unit here: write {expected}")
    return Fraction(found[1]) * units[found[2]]


def _read_reals(text: str, units: Mapping[str, float], expected: str) -> RealRange:
    text = text.strip().lower().replace(",", "").replace("_", "").replace("−", "-")
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    if ".." in text:
        low, _, high = text.partition("..")
        if not low and not high:
            raise Unfit(f"this is not {expected}")
        return RealRange(
            _read_real(low, units, expected) if low else -math.inf,
            _read_real(high, units, expected) if high else math.inf,
        )
    operator = re.match(r"[<>]=?|=|", text)
    sign = operator.group() if operator else ""
    value = _read_real(text[len(sign) :], units, expected)
    match sign[:1]:
        case ">":
            return RealRange(value, math.inf, open_low=sign == ">")
        case "<":
            return RealRange(-math.inf, value, open_high=sign == "<")
        case _:
            return RealRange(value, value)


def _read_real(text: str, units: Mapping[str, float], expected: str) -> float:
    text = text.strip()
    if not text:
        raise Unfit(f"a number is missing: write {expected}")
    found = _REAL.match(text)
    if found is None or len(found[1]) > _MOST_DIGITS:
        raise Unfit(f"“{text}” is not {expected}")
    if found[2] not in units:
        raise Unfit(f"“{found[2]}” is no unit here: write {expected}")
    return float(found[1]) * units[found[2]]


def _range(low: int, high: int) -> Range:
    """Cut to what a column can hold; beyond it lies nothing."""
    if low > LARGEST or high < ANY.low:
        return Range(1, 0)
    return Range(max(low, ANY.low), min(high, LARGEST))


def _dtype_names() -> dict[str, frozenset[int]]:
    names: dict[str, set[int]] = {}
    for dtype in DTYPES:
        for name in {dtype.name, dtype.safetensors.lower(), dtype.numpy} - {""}:
            names.setdefault(name, set()).add(dtype.code)
    by_name = {dtype.name: dtype.code for dtype in DTYPES}
    for alias, name in (
        *(("half", "float16"), ("fp16", "float16"), ("fp32", "float32"), ("single", "float32"), ("fp64", "float64")),
        *(("double", "float64"), ("long", "int64"), ("short", "int16"), ("char", "int8"), ("byte", "uint8")),
        *(("chalf", "complex32"), ("cfloat", "complex64"), ("cdouble", "complex128")),
        ("c32", "complex32"),
    ):
        names.setdefault(alias, set()).add(by_name[name])
    for dtype in DTYPES:
        # "int" and "float" are kinds here, as in torch.is_floating_point, not torch's names of two dtypes.
        kinds = ("int", "uint") if dtype.kind == "uint" else (dtype.kind,)
        for kind in kinds:
            names.setdefault(kind, set()).add(dtype.code)
    names["quantized"] = names["quantised"]
    for bits in ("8", "6", "4"):
        small = {dtype.code for dtype in DTYPES if dtype.name.startswith(f"float{bits}_")}
        for alias in (f"fp{bits}", f"float{bits}", f"f{bits}"):
            names.setdefault(alias, set()).update(small)
    return {name: frozenset(codes) for name, codes in names.items()}


# Every word for a dtype or a kind of dtypes → their codes.
DTYPE_NAMES: Mapping[str, frozenset[int]] = MappingProxyType(_dtype_names())
