"""Conditions mean what Python's comparisons, torch's dtypes and plain counting say."""

from __future__ import annotations

import operator
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.dtypes import BY_NAME, DTYPES
from sdviewer.search.conditions import (
    DTYPE_NAMES,
    DtypeSet,
    Naming,
    Unfit,
    nearest,
    read_choice,
    read_count,
    read_dtype,
    read_naming,
    read_part,
    read_size,
)

_OPERATORS = {"": operator.eq, "=": operator.eq, ">": operator.gt, ">=": operator.ge, "≥": operator.ge}
_OPERATORS |= {"<": operator.lt, "<=": operator.le, "≤": operator.le}
_UNITS = {"": 1, "B": 1, "k": 10**3, "KB": 10**3, "kib": 2**10, "M": 10**6, "MB": 10**6, "MiB": 2**20, "GB": 10**9}
_UNITS |= {"GiB": 2**30, "TB": 10**12, "TiB": 2**40}


@given(
    sign=st.sampled_from(sorted(_OPERATORS)),
    number=st.decimals(0, 100, allow_nan=False, places=2),
    unit=st.sampled_from(sorted(_UNITS)),
    value=st.integers(0, 2**41),
    near=st.integers(-2, 2),
)
def test_a_size_compares_as_its_number_does(sign: str, number: object, unit: str, value: int, near: int) -> None:
    limit = Fraction(str(number)) * _UNITS[unit]
    found = read_size(f"{sign}{number}{unit}")
    for candidate in (value, int(limit) + near):
        assert found.holds(candidate) == _OPERATORS[sign](candidate, limit)


@given(low=st.integers(0, 50), high=st.integers(0, 50), value=st.integers(0, 50))
def test_two_dots_hold_both_ends(low: int, high: int, value: int) -> None:
    assert read_count(f"{low}..{high}").holds(value) == (low <= value <= high)
    assert read_count(f"{low}..").holds(value) == (low <= value)
    assert read_count(f"..{high}").holds(value) == (value <= high)


def test_counts_have_units_of_a_thousand() -> None:
    assert read_count("16.8M").holds(16_800_000)
    assert read_count("1k").holds(1000)
    assert read_count("2B") == read_count("2G") == read_count("2,000,000,000") == read_count("2_000_000_000")


@pytest.mark.parametrize("text", [f">{10**30}", f"{10**30}", f"{10**30}..", f">{2**63 - 1}"])
def test_nothing_is_larger_than_a_column_holds(text: str) -> None:
    found = read_count(text)
    assert not found.holds(2**63 - 1)
    assert not found.holds(0)


@pytest.mark.parametrize(
    "text", ["half", "float", "double", "bfloat16", "int", "long", "short", "bool", "cfloat", "uint16"]
)
def test_torch_words_mean_torch_dtypes(text: str) -> None:
    name = str(getattr(torch, text)).removeprefix("torch.")
    found = read_dtype(f"torch.{text}")
    assert BY_NAME[name].code in found.codes


@pytest.mark.parametrize(
    ("group", "holds"),
    [
        ("float", lambda d: getattr(torch, d).is_floating_point),
        ("complex", lambda d: getattr(torch, d).is_complex),
        ("fp8", lambda d: getattr(torch, d).is_floating_point and getattr(torch, d).itemsize == 1 and "8" in d),
    ],
)
def test_groups_hold_what_torch_counts_to_them(group: str, holds: object) -> None:
    names = {dtype.name for dtype in DTYPES if dtype.in_torch}
    found = {DTYPES[code].name for code in read_dtype(group).codes} & names
    assert callable(holds)
    assert found == {name for name in names if holds(name)}


def test_int_means_all_whole_numbers_and_uint_those_without_a_sign() -> None:
    assert {DTYPES[code].name for code in read_dtype("int").codes} >= {"int8", "uint8", "int64", "uint64"}
    assert {DTYPES[code].kind for code in read_dtype("uint").codes} == {"uint"}
    assert not read_dtype("int").codes & read_dtype("bool").codes


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_every_dtype_has_its_own_names(dtype: object) -> None:
    row = BY_NAME[dtype.name]  # type: ignore[attr-defined]  # the parametrised row
    for name in (row.name, row.safetensors, row.numpy):
        if name:
            assert row.code in read_dtype(name.upper()).codes


def test_a_glob_means_all_dtypes_that_it_fits() -> None:
    found = read_dtype("bf*")
    assert found.codes == DTYPE_NAMES["bf16"] == DTYPE_NAMES["bfloat16"]
    assert found == DtypeSet(found.codes, Naming("bf*", is_glob=True))


def test_names_are_compared_without_case() -> None:
    assert read_naming("linear").fits("Linear")
    assert not read_naming("linear").fits("Bilinear")
    assert read_naming("*LINEAR").fits("Bilinear")
    assert read_part("00001").fits("model-00001-of-2")
    assert not read_part("0000?").fits("model-00001-of-2")


def test_a_word_may_be_cut_where_it_is_clear() -> None:
    read = read_choice({"parameter": "parameter", "buffer": "buffer", "unknown": "unknown"})
    assert read("par").word == "parameter"
    with pytest.raises(Unfit, match="none of"):
        read("x")
    with pytest.raises(Unfit):
        read_choice({"aa": "aa", "ab": "ab"})("a")


def test_the_nearest_word_is_found_or_none() -> None:
    assert nearest("dtyp", ["dtype", "shape"]) == "dtype"
    assert nearest("qqq", ["dtype", "shape"]) == ""
