"""A column of strings gives back the strings that were put into it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn

any_text = st.text(st.characters(exclude_categories=()), max_size=12)  # lone surrogates too
some_texts = st.lists(any_text, max_size=12)


@given(some_texts)
def test_a_column_gives_back_its_strings_one_by_one_and_together(texts: list[str]) -> None:
    column = StringColumn.of(texts)
    assert len(column) == len(texts)
    assert column.tolist() == list(column) == [column[i] for i in range(len(texts))] == texts


@given(some_texts)
def test_the_bytes_are_utf8_one_behind_the_other(texts: list[str]) -> None:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    column = StringColumn.of(iter(texts))
    assert column.data == b"".join(encoded)
    assert column.bytes_array.tobytes() == column.data
    assert np.diff(column.offsets).tolist() == [len(item) for item in encoded]
    assert column.offsets[0] == 0


@given(some_texts, some_texts)
def test_columns_are_equal_exactly_if_their_strings_are(left: list[str], right: list[str]) -> None:
    assert (StringColumn.of(left) == StringColumn.of(right)) is (left == right)
    assert StringColumn.of(left) == StringColumn.of(list(left))


@given(st.data(), some_texts)
def test_chosen_rows_come_in_the_order_asked_for(data: st.DataObject, texts: list[str]) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=20)) if texts else []
    taken = StringColumn.of(texts).take(np.array(rows, np.int64))
    assert taken == StringColumn.of([texts[row] for row in rows])


def test_the_same_bytes_cut_elsewhere_are_other_strings() -> None:
    assert StringColumn.of(["ab", "c"]) != StringColumn.of(["a", "bc"])
    assert StringColumn.of(["a"]).__eq__(["a"]) is NotImplemented


@pytest.mark.parametrize("index", [-1, 2, 99])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError):
        StringColumn.of(["a", "b"])[index]


def test_the_bytes_cannot_be_written_to() -> None:
    assert not StringColumn.of(["a"]).bytes_array.flags.writeable
