"""The header of a .npy: a Python literal that says dtype, shape and order of the array behind it.

The literal is checked token by token before it is evaluated: only strings, numbers, True, False,
None and brackets may stand in it, and its size and depth are bounded. Versions 1.0, 2.0 and 3.0 are
read (numpy.lib.format).
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sdviewer.checkpoint.dtypes import OTHER, Dtype
from sdviewer.errors import Damaged, LimitExceeded, UnsupportedFormat
from sdviewer.formats.pickle_objects import array_form, numpy_dtype

MAGIC = b"\x93NUMPY"
# Magic, version and the longer of the two forms of the literal's length.
PRELUDE = 12
# Plain arrays have 128 bytes; records of a thousand columns some ten thousand.
LONGEST = 64 << 10

_STRING = r"{0}(?:[^{0}\\\n]|\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}}))*+{0}"
_TOKEN = re.compile(
    rf"(?>{_STRING.format(chr(39))}|{_STRING.format(chr(34))}|True|False|None|-?\d{{1,20}}+(?!\d)L?|[\[\](){{}},:]|\s++)",
    re.ASCII,
)
_LITERAL = re.compile(rf"{_TOKEN.pattern}*+", re.ASCII)
_DEEPEST = 32
_KIND = re.compile(r"([<>|=]?)([?bBhHiuIlLqQpPefdgFDGSUVOMmc])(\d{0,10})(?:\[[A-Za-z0-9/]{1,20}\])?", re.ASCII)
_MOST_BYTES_AN_ELEMENT = 2**31 - 1  # numpy's own limit
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """What a header says of its array.

    Attributes:
        size: bytes of the whole header: the array begins behind them.
        shape, stride: in elements.
        dtype: row of the dtype table.
        itemsize: bytes of an element.
        swapped: whether elements are big-endian.
        extra: what an `other` dtype needs to say, else None.
        is_known: whether numpy has such a dtype.
        holds_objects: whether a pickle follows, not elements.
    """

    size: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: Dtype
    itemsize: int
    swapped: bool
    extra: dict[str, Any] | None
    is_known: bool
    holds_objects: bool

    @property
    def nbytes(self) -> int:
        """Bytes that the elements take."""
        return math.prod(self.shape) * self.itemsize


@dataclass(frozen=True, slots=True)
class _Element:
    dtype: Dtype
    itemsize: int
    swapped: bool = False
    extra: dict[str, Any] | None = None
    is_known: bool = True
    holds_objects: bool = False


def header_size(prelude: bytes, label: str) -> int:
    """Bytes of a header by its first `PRELUDE` bytes.

    Raises:
        Damaged: it is no header, or cut off.
        UnsupportedFormat: its version is none of the known ones.
        LimitExceeded: it is longer than any honest one.
    """
    if len(prelude) < len(MAGIC) + 4 or not prelude.startswith(MAGIC):
        raise Damaged("ends before its header does, or has none", file=label)
    version = tuple(prelude[6:8])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise UnsupportedFormat(
            f"has a header of version {version[0]}.{version[1]}",
            file=label,
            hint="load it with a numpy that knows it and save it again",
        )
    width = 2 if version == (1, 0) else 4
    if len(prelude) < 8 + width:
        raise Damaged("ends before its header does", file=label)
    size = 8 + width + int.from_bytes(prelude[8 : 8 + width], "little")
    if size > LONGEST:
        raise LimitExceeded(
            f"has a header of {size:,} bytes, of which at most {LONGEST:,} are read",
            file=label,
            hint="records of so many columns are to be split into arrays",
        )
    return size


def parse_header(header: bytes, size: int, label: str) -> NpyHeader:
    """What a header says of which `size` bytes should be there.

    Raises:
        Damaged: it is cut off, no literal of a dict with descr, fortran_order and shape, or these are impossible.
    """
    if len(header) < size:
        raise Damaged("ends before its header does", file=label)
    try:
        return _parsed(header)
    # KeyError prints only the key.
    except KeyError as error:
        raise Damaged(f"has a header that lacks {error}", file=label) from error
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError) as error:
        raise Damaged(f"has a header that is no description of an array: {error}", file=label) from error


@lru_cache(maxsize=4096)  # models repeat the shapes of their layers, so headers repeat
def _parsed(header: bytes) -> NpyHeader:
    version = header[6]
    facts = _literal(header[10 if version == 1 else 12 :].decode("utf-8" if version == 3 else "latin-1"))
    element = _element(facts["descr"])
    shape, stride = array_form(facts["shape"], fortran=facts["fortran_order"] is True)
    return NpyHeader(
        len(header),
        shape,
        stride,
        element.dtype,
        element.itemsize,
        element.swapped,
        element.extra,
        element.is_known,
        element.holds_objects,
    )


def _literal(text: str) -> dict[str, Any]:
    if _LITERAL.fullmatch(text) is None or "'''" in text or '"""' in text:
        raise ValueError("it holds something else than names and numbers")
    depth = 0
    words = []
    for found in _TOKEN.finditer(text):
        word = found[0]
        if word in "([{":
            depth += 1
        elif word in ")]}":
            depth -= 1
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        # Python 2 wrote long integers as 3L.
        words.append(word.removesuffix("L") if word[0] in "-0123456789" else word)
    value = ast.literal_eval("".join(words).strip())
    if not isinstance(value, dict):
        raise TypeError("it is no dict")
    return value


def _element(descr: Any) -> _Element:
    """What `dtype.descr` says: a type string, a list of fields, or a pair of dtype and shape."""
    if isinstance(descr, str):
        return _plain_element(descr)
    itemsize, holds_objects = _record(descr)
    text = repr(descr)
    name = text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
    return _Element(OTHER, itemsize, extra={"dtype": name, "itemsize": itemsize}, holds_objects=holds_objects)


def _plain_element(text: str) -> _Element:
    found = _KIND.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no dtype")
    order, kind, digits = found.groups()
    if kind == "O":
        return _Element(OTHER, 8, extra={"dtype": "object", "itemsize": 8}, holds_objects=True)
    try:
        dtype, itemsize, swapped, extra = numpy_dtype(text)
    except (ValueError, TypeError, OverflowError, MemoryError):
        # A name of a library on top of numpy ("<f1"): the digits are bytes, of U four each.
        itemsize = _checked_size(int(digits or 0) * (4 if kind == "U" else 1))
        return _Element(OTHER, itemsize, order == ">", {"dtype": text, "itemsize": itemsize}, is_known=False)
    return _Element(dtype, itemsize, swapped, extra)


def _record(descr: Any) -> tuple[int, bool]:
    """Bytes of a record or subarray, and whether objects are among it."""
    if isinstance(descr, str):
        element = _plain_element(descr)
        return element.itemsize, element.holds_objects
    if isinstance(descr, tuple) and len(descr) == 2:
        itemsize, holds_objects = _record(descr[0])
        return _checked_size(itemsize * _count(descr[1])), holds_objects
    if not isinstance(descr, list):
        raise TypeError("a dtype that is neither a name nor a list of fields")
    total, any_objects = 0, False
    for field in descr:
        if not isinstance(field, tuple) or len(field) not in (2, 3):
            raise TypeError("a field that has no name and dtype")
        itemsize, holds_objects = _record(field[1])
        total = _checked_size(total + itemsize * (_count(field[2]) if len(field) == 3 else 1))
        any_objects = any_objects or holds_objects
    return total, any_objects


def _count(shape: Any) -> int:
    sizes, _ = array_form((shape,) if type(shape) is int else shape, fortran=False)
    return math.prod(sizes)


def _checked_size(itemsize: int) -> int:
    if itemsize > _MOST_BYTES_AN_ELEMENT:
        raise ValueError("an element larger than numpy allows")
    return itemsize
