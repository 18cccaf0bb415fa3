"""Texts of values lose nothing where they are exact, and are short where they are short. Numpy and Python judge."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sdviewer.checkpoint.decoding import decode, decode_table
from sdviewer.checkpoint.dtypes import BY_NAME
from sdviewer.checkpoint.value_text import (
    Mark,
    as_shown,
    code_text,
    exact_texts,
    long_text,
    marks_of,
    python_texts,
    short_texts,
)
from tests.helpers.python_text import evaluated

NUMPY_DTYPES = ["float64", "float32", "complex128", "complex64", "int64", "int8", "uint64", "uint8", "bool"]
NARROW = ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


def bits(value: Any) -> bytes:
    """A number to the sign of its zero; all NaNs are one."""
    if isinstance(value, complex):
        return bits(value.real) + bits(value.imag)
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


@pytest.mark.parametrize("name", NUMPY_DTYPES)
@given(data=st.data())
def test_exact_and_python_texts_give_the_same_values_back(name: str, data: st.DataObject) -> None:
    values: npt.NDArray[Any] = data.draw(arrays.arrays(name, st.integers(0, 20)))
    dtype = BY_NAME[name]
    parsed = [evaluated(text) for text in python_texts(values, dtype)]
    assert [type(value) for value in parsed] == [type(value) for value in values.tolist()]
    same = [bits(np.dtype(name).type(value).item()) for value in parsed]
    assert same == [bits(value) for value in values.tolist()]
    read: Any = {"f": float, "c": complex, "b": {"True": True, "False": False}.__getitem__}.get(values.dtype.kind, int)
    assert [bits(np.dtype(name).type(read(text)).item()) for text in exact_texts(values, dtype)] == same


@pytest.mark.parametrize("name", NARROW)
def test_narrow_floats_are_given_as_the_values_that_they_are(name: str) -> None:
    table = decode_table(name)
    texts = exact_texts(table, BY_NAME[name])
    assert [bits(float(text)) for text in texts] == [bits(value) for value in table.tolist()]
    assert [bits(evaluated(text)) for text in python_texts(table, BY_NAME[name])] == [bits(v) for v in table.tolist()]


def test_a_float32_is_spelled_as_short_as_it_can_be() -> None:
    tenth = np.array([0.1, 1 / 3, 16777216], np.float32)
    assert exact_texts(tenth, BY_NAME["float32"]) == ["0.1", "0.33333334", "1.6777216e+07"]
    assert exact_texts(np.array([0.1]), BY_NAME["float64"]) == ["0.1"]
    rounded = decode(np.array([0x3DCD], np.uint16), BY_NAME["bfloat16"])
    assert exact_texts(rounded, BY_NAME["bfloat16"]) == ["0.10009765625"]


def test_odd_values_are_told_in_words_and_marked() -> None:
    values = np.array([[math.nan, math.inf, -math.inf, -0.0, 1e-7, 123456789.0]])
    assert short_texts(values, BY_NAME["float64"]) == [["NaN", "∞", "−∞", "−0", "1e−07", "1.23457e08"]]
    assert marks_of(values).tolist() == [[Mark.NAN, Mark.INFINITE, Mark.INFINITE, 0, 0, 0]]
    assert marks_of(np.array([1 + 2j, complex(0, math.inf), complex(math.inf, math.nan)])).tolist() == [0, 2, 1]
    assert marks_of(np.array([1, 2])).tolist() == [0, 0]
    assert long_text(np.array(-math.inf), BY_NAME["float64"]) == "−∞"
    assert long_text(np.array(-0.1, np.float32), BY_NAME["float32"]) == "−0.1"
    assert long_text(np.array(1 - 2.5j), BY_NAME["complex128"]) == "1.0 − 2.5 i"
    assert long_text(np.array(complex(math.nan, math.inf)), BY_NAME["complex128"]) == "NaN + ∞ i"


def test_integers_and_truth_are_plain() -> None:
    assert short_texts(np.array([[-(2**63), 2**40]]), BY_NAME["int64"]) == [["−9223372036854775808", "1099511627776"]]
    assert exact_texts(np.array([-5]), BY_NAME["int64"]) == ["-5"]
    assert short_texts(np.array([[True, False]]), BY_NAME["bool"]) == [["True", "False"]]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_short_text_is_right_to_six_digits(value: float) -> None:
    ((text,),) = short_texts(np.array([[value]]), BY_NAME["float64"])
    assert len(text) <= 13
    back = float(text.replace("−", "-"))
    assert math.isinf(back) or math.isclose(back, value, rel_tol=5.001e-6)


def test_codes_are_told_in_hexadecimal() -> None:
    assert code_text(np.array(0x3DCD, np.uint16), BY_NAME["bfloat16"]) == "0x3dcd"
    assert code_text(np.array([1, 0x3F800000], np.uint32), BY_NAME["complex64"]) == "0x00000001, 0x3f800000"
    assert code_text(np.array(0xFE, np.uint8), BY_NAME["qint8"]) == "0xfe (−2)"
    assert code_text(np.array(0xFE, np.uint8), BY_NAME["quint8"]) == "0xfe (254)"


def test_values_that_nobody_knows_are_bytes() -> None:
    raw = np.arange(12, dtype=np.uint8).reshape(1, 1, 12)
    values = as_shown(raw, BY_NAME["other"])
    assert values.shape == (1, 1)
    assert short_texts(values, BY_NAME["other"]) == [["00 01 02 03 04 05 06 07 …"]]
    assert bytes.fromhex(exact_texts(values[0], BY_NAME["other"])[0]) == bytes(range(12))
    assert evaluated(python_texts(values[0], BY_NAME["other"])[0]) == bytes(range(12))
    assert long_text(np.asarray(values[0, 0]), BY_NAME["other"]) == "00 01 02 03 04 05 06 07 08 09 0a 0b"
    long = as_shown(np.zeros((1, 100), np.uint8), BY_NAME["other"])
    assert long_text(np.asarray(long[0]), BY_NAME["other"]).endswith("… (36 more bytes)")
    fields = np.array([[3, 255]], np.uint16)
    assert short_texts(as_shown(fields, BY_NAME["bits16"]), BY_NAME["bits16"]) == [["0x0003", "0x00ff"]]
    assert [evaluated(text) for text in python_texts(fields[0], BY_NAME["bits16"])] == [3, 255]
