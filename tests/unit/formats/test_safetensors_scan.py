"""Entries are taken from columns only where json would read just the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.formats.safetensors_scan import scan

GOOD = '"a.b":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},'


def scanned(text: str) -> list[tuple[str, str, list[int], list[int]]]:
    """Name, dtype, shape and place of each entry."""
    found = scan(b"{" + text.encode(), 1)
    if found is None:
        return []
    columns = zip(found.names, found.dtype, found.shape, found.start, found.end, strict=True)
    return [
        (name, found.dtypes[dtype], json.loads(f"[{found.shapes[shape]}]"), [int(start), int(end)])
        for name, dtype, shape, start, end in columns
    ]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters='"\\'), max_size=40),
            st.sampled_from(["F32", "BF16", "", "a dtype that nobody knows", "F8_E4M3FNUZ"]),
            st.lists(st.integers(0, 10**18 - 1), max_size=5),
            st.tuples(st.integers(0, 10**16 - 1), st.integers(0, 10**16 - 1)).map(list),
        ).filter(lambda entry: entry[0] != "__metadata__"),
        max_size=30,
    )
)
def test_entries_of_the_library_s_spelling_are_read_as_json_reads_them(
    entries: list[tuple[str, str, list[int], list[int]]],
) -> None:
    parts = [
        f'"{name}":' + json.dumps({"dtype": dtype, "shape": shape, "data_offsets": place}, separators=(",", ":"))
        for name, dtype, shape, place in entries
    ]
    text = ",".join([*parts, '"last":0}'])
    assert scanned(text) == entries
    found = scan(text.encode(), 0)
    assert (found is None) is (entries == [])
    if found is not None:
        assert text.encode()[found.behind :] == b'"last":0}'


@pytest.mark.parametrize(
    "change",
    [
        ("[2,3]", "[02,3]"),
        ("[2,3]", "[2,,3]"),
        ("[2,3]", "[2,3,]"),
        ("[2,3]", "[-2,3]"),
        ("[2,3]", "[2 ,3]"),
        ("[2,3]", "[2,3e0]"),
        ("[2,3]", "[1234567890123456789]"),
        ("[2,3]", "[[2],3]"),
        ("[0,24]", "[00,24]"),
        ("[0,24]", "[0,024]"),
        ("[0,24]", "[0,]"),
        ("[0,24]", "[,24]"),
        ("[0,24]", "[0]"),
        ("[0,24]", "[]"),
        ("[0,24]", "[0,24,25]"),
        ("[0,24]", "[0,-24]"),
        ("[0,24]", "[0,2:4]"),
        ("[0,24]", "[0,2/4]"),
        ("[0,24]", "[0,\x7f4]"),
        ("[0,24]", "[0,12345678901234567]"),
        ("a.b", "a\\nb"),
        ("a.b", "a\nb"),
        ("a.b", "__metadata__"),
        ('"dtype"', '"dtipe"'),
        ('"shape"', '"shapes"'),
        (":{", ": {"),
        ("},", "} ,"),
        ('"F32"', "32"),
    ],
    ids=lambda change: f"{change[0]} to {change[1]!r}",
)
def test_an_entry_that_differs_is_left_to_json_and_so_is_what_follows(change: tuple[str, str]) -> None:
    odd = GOOD.replace(*change)
    assert odd != GOOD
    one = ("a.b", "F32", [2, 3], [0, 24])
    assert scanned(GOOD + GOOD + odd + GOOD + '"z"') == [one, one]
    assert scanned(odd + GOOD + '"z"') == []


def test_a_name_that_is_no_utf_8_ends_the_scan() -> None:
    bad = GOOD.encode().replace(b"a.b", b"a\xffb")
    found = scan(GOOD.encode() + bad + GOOD.encode() + b'"z"', 0)
    assert found is None or found.names.tolist() == ["a.b"]


def test_a_text_that_is_no_shape_is_not_among_the_shapes() -> None:
    found = scan((GOOD + GOOD.replace("[2,3]", "[c,3]") + '"z"').encode(), 0)
    assert found is not None
    assert found.shapes == ["2,3"]
