"""Names are shown so that what is read is what is there; numbers are written for people."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.wording import (
    bytes_for_people,
    count_for_people,
    cut_in_middle,
    label_of,
    number,
    plural,
    shape_text,
    share,
    shown,
    shown_lines,
    speed_for_people,
    time_for_people,
)

# Signs of Arabic, Syriac, Kaithi and hieroglyphs that Unicode files under formatting, and fonts draw.
VISIBLE_FORMAT_SIGNS = {
    *range(0x600, 0x606),
    0x6DD,
    0x70F,
    0x890,
    0x891,
    0x8E2,
    0x110BD,
    0x110CD,
    *range(0x13430, 0x13440),
}

any_text = st.text(st.characters(exclude_categories=()), max_size=30)


@given(any_text)
def test_nothing_unseen_is_shown_as_it_is(text: str) -> None:
    for char in shown(text):
        assert unicodedata.category(char) not in ("Cc", "Cs")
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        assert unicodedata.category(char) != "Cf" or ord(char) in VISIBLE_FORMAT_SIGNS
    assert len(shown(text).splitlines()) <= 1


@given(st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FF), max_size=30))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("layers.0.weight", "layers.0.weight"),
        ("naïve λ 🦀 日本", "naïve λ 🦀 日本"),
        ("a\nb\tc\rd\0e", r"a\nb\tc\rd\0e"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\ud800", r"\ud800"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("soft\xadhyphen", r"soft\xadhyphen"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("\U0001d173", r"\U0001d173"),
        ("\ufeff", r"\ufeff"),
        ("line\u2028end", r"line\u2028end"),
        ("\x85", r"\x85"),
    ],
)
def test_signs_that_deceive_are_shown_as_escapes(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_long_text_is_cut_and_says_by_how_much() -> None:
    assert shown("x" * 2_500) == "x" * 2_000 + "… (500 more characters)"
    assert shown("x" * 10, 10) == "x" * 10


def test_several_lines_stay_lines() -> None:
    assert shown_lines("a\r\n\tb\x1b\n", 100) == "a\n\tb\\x1b\n"
    assert shown_lines("a" * 5, 3) == "aaa\n… 2 more characters not shown"


def test_an_empty_part_can_be_seen() -> None:
    assert label_of("") == '""'
    assert label_of("a\nb") == r"a\nb"
    assert len(label_of("x" * 10_000)) < 350


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10 * 1024, "10.0 KiB"),
        (100 * 1024, "100 KiB"),
        (999 * 1024, "999 KiB"),
        (1_048_000, "1.00 MiB"),
        (32 << 20, "32.0 MiB"),
        (8 << 30, "8.00 GiB"),
        (2**63 - 1, "8.00 EiB"),
        (2**80, "1048576 EiB"),
    ],
)
def test_sizes_have_three_digits_and_binary_units(count: int, text: str) -> None:
    assert bytes_for_people(count) == text


@given(st.integers(1024, 2**63))
def test_a_size_is_off_by_half_a_digit_at_most(count: int) -> None:
    value, unit = bytes_for_people(count).split(" ")
    back = float(value) * 1024 ** (["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].index(unit))
    assert math.isclose(back, count, rel_tol=0.005)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.4, "0 B/s"),
        (999.4, "999 B/s"),
        (999.9, "1.0 kB/s"),
        (3_140_000_000, "3.1 GB/s"),
        (9_940_000, "9.9 MB/s"),
        (9_951_000, "10 MB/s"),
        (850e6, "850 MB/s"),
        (999.6e6, "1.0 GB/s"),
        (4e15, "4,000 TB/s"),
    ],
)
def test_rates_have_two_digits_and_units_in_powers_of_ten(rate: float, text: str) -> None:
    assert speed_for_people(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10.2, "10 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (3569, "59 min"),
        (3571, "1 h 0 min"),
        (4800, "1 h 20 min"),
        (1e9, "days"),
        (math.inf, "days"),
    ],
)
def test_a_time_is_told_roughly(seconds: float, text: str) -> None:
    assert time_for_people(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0 K"),
        (123_456, "123 K"),
        (999_499, "999 K"),
        (999_500, "1.00 M"),
        (16_777_216, "16.8 M"),
        (6_738_415_616, "6.74 B"),
        (10**12, "1.00 T"),
        (10**15, "1.00 P"),
    ],
)
def test_counts_have_three_digits_and_small_ones_are_exact(count: int, text: str) -> None:
    assert count_for_people(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 tensors"), (1, "1 tensor"), (2, "2 tensors"), (20_000, "20.0 K tensors")]
)
def test_things_are_counted_in_the_right_number(count: int, text: str) -> None:
    assert plural(count, "tensor") == text
    assert plural(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("shape", "text"),
    [((), "scalar"), ((3,), "3"), ((4096, 4096), "4096 × 4096"), ((1, 0, 2), "1 × 0 × 2")],
)
def test_shapes_are_written_with_times_signs(shape: tuple[int, ...], text: str) -> None:
    assert shape_text(shape) == text


def test_a_shape_of_very_many_axes_is_cut() -> None:
    assert shape_text((1,) * 100).endswith("… (100 axes)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (1.5, "1.5"),
        (-0.123456789, "−0.123457"),
        (1e-9, "1e−09"),
        (1e20, "1e20"),
        (1234567, "1,234,567"),
        (-5, "−5"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "NaN"),
        (1 - 2j, "1 − 2 i"),
        (-1.5 + 0.25j, "−1.5 + 0.25 i"),
    ],
)
def test_numbers_have_six_digits_and_a_real_minus_sign(value: complex | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0 %"),
        (0, 9, "0 %"),
        (9, 9, "100 %"),
        (1, 3, "33.33 %"),
        (1, 10**6, "< 0.01 %"),
        (10**6 - 1, 10**6, "> 99.99 %"),
    ],
)
def test_a_share_is_never_nothing_for_something_nor_all_for_less(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [("", 5, ""), ("abcde", 5, "abcde"), ("abcdef", 5, "ab…ef"), ("abcdefgh", 6, "abc…gh"), ("abc", 2, "a…")],
)
def test_a_long_name_keeps_its_ends(text: str, most: int, cut: str) -> None:
    assert cut_in_middle(text, most) == cut
    assert len(cut) <= most
