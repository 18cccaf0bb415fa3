"""The values of a tensor as text: short for a table, exact for a tooltip, and as Python or a spreadsheet reads them.

Values that nobody knows how to read (bit fields, numpy's text and records) are shown as the bytes they are.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.wording import number

_BYTES_SHORT = 8
_BYTES_LONG = 64


class Mark(IntEnum):
    """What is special about a value."""

    NONE = 0
    NAN = 1
    INFINITE = 2
    MISSING = 3  # the chunk that holds it is not there


def as_shown(codes: npt.NDArray[Any], dtype: Dtype) -> npt.NDArray[Any]:
    """Codes of a dtype without known values, one item each: bit fields as integers, others as raw bytes."""
    if dtype.kind != "other":
        return codes
    return np.ascontiguousarray(codes).view(f"V{codes.shape[-1]}")[..., 0]


def marks_of(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A `Mark` for each value; a complex one is NaN if a part of it is."""
    marks = np.zeros(values.shape, np.uint8)
    if values.dtype.kind in "fc":
        marks[np.isinf(values)] = Mark.INFINITE
        marks[np.isnan(values)] = Mark.NAN
    return marks


def short_texts(values: npt.NDArray[Any], dtype: Dtype) -> list[list[str]]:
    """Six significant digits, integers in full; a list for each row of the two-dimensional `values`."""
    if dtype.kind == "bits":
        return [exact_texts(row, dtype) for row in values]
    return [list(map(_short, row)) for row in values.tolist()]


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return value[:_BYTES_SHORT].hex(" ") + (" …" if len(value) > _BYTES_SHORT else "")
    if isinstance(value, (float, complex)):
        return number(value)
    return str(value).replace("-", "−")


def exact_texts(values: npt.NDArray[Any], dtype: Dtype) -> list[str]:
    """Every digit that tells a value from its neighbours, of flat `values`; the values of narrow floats themselves.

    Plain and without locale: "0.1", "-inf", "nan", "(1+2j)", "True"; bit fields and bytes in hexadecimal.
    """
    if dtype.kind == "bits":
        return [f"0x{value:0{dtype.bits // 4}x}" for value in values.tolist()]
    if values.dtype.kind == "V":
        return [value.hex() for value in values.tolist()]
    if values.dtype.kind == "c":
        real, imaginary = exact_texts(values.real, dtype), exact_texts(values.imag, dtype)
        return [f"({re}{'' if im[0] in '+-' else '+'}{im}j)" for re, im in zip(real, imaginary, strict=True)]
    # A float32 has a shorter spelling than the float64 of the same value: 0.1, not 0.10000000149011612.
    # The values of narrower floats have few digits by themselves, and are given in full.
    if values.dtype == np.float32 and (dtype.name in {"float32", "complex64"} or dtype.kind == "quantised"):
        return list(map(str, values))
    return list(map(repr, values.tolist()))


def python_texts(values: npt.NDArray[Any], dtype: Dtype) -> list[str]:
    """Flat `values` as Python source that evaluates to them, to the sign of every zero."""
    if values.dtype.kind == "V":
        return list(map(repr, values.tolist()))
    if values.dtype.kind == "c":
        parts = zip(exact_texts(values.real, dtype), exact_texts(values.imag, dtype), strict=True)
        return [_python_complex(re, im) for re, im in parts]
    texts = exact_texts(values, dtype)
    return list(map(_python_float, texts)) if values.dtype.kind == "f" else texts


def _python_float(text: str) -> str:
    return f'float("{text}")' if text.lstrip("-") in {"nan", "inf"} else text


def _python_complex(real: str, imaginary: str) -> str:
    re, im = float(real), float(imaginary)
    # A sum of two literals has neither infinities nor negative zeros.
    plain = math.isfinite(re) and math.isfinite(im) and not any(v == 0 and math.copysign(1, v) < 0 for v in (re, im))
    if plain:
        return f"({real}{'' if imaginary[0] == '-' else '+'}{imaginary}j)"
    return f"complex({_python_float(real)}, {_python_float(imaginary)})"


def long_text(value: npt.NDArray[Any], dtype: Dtype) -> str:
    """One value, in a 0-d array, for a tooltip: exact, with a real minus sign; long bytes are cut."""
    if value.dtype.kind == "V":
        return _hex(value.item())
    if value.dtype.kind == "c":
        real, imaginary = (long_text(np.asarray(part), dtype) for part in (value.real, value.imag))
        return f"{real} {'−' if imaginary[0] == '−' else '+'} {imaginary.lstrip('−')} i"
    text = exact_texts(value.reshape(1), dtype)[0].replace("-", "−")
    return text.replace("nan", "NaN").replace("inf", "∞") if value.dtype.kind == "f" else text


def code_text(code: npt.NDArray[Any], dtype: Dtype) -> str:
    """The stored bits of one value in hexadecimal, of a quantised one also as the integer that it is."""
    if dtype.kind == "other":
        return _hex(code.tobytes())
    digits = code.dtype.itemsize * 2
    text = ", ".join(f"0x{part:0{digits}x}" for part in code.reshape(-1).tolist())
    if dtype.kind == "quantised":
        signed = code.view(f"i{code.dtype.itemsize}") if dtype.name.startswith("qint") else code
        text += f" ({int(signed)})".replace("-", "−")
    return text


def _hex(raw: bytes) -> str:
    rest = len(raw) - _BYTES_LONG
    return raw[:_BYTES_LONG].hex(" ") + (f" … ({rest:,} more bytes)" if rest > 0 else "")
