"""The rows of metadata are the JSON that the engine tells, key by key, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.ui.metadata import entries as entries_module
from sdviewer.ui.metadata.entries import (
    dissolve,
    entries_of,
    found_in,
    is_row,
    key_label,
    line_of,
    type_of,
    whole_text,
)
from sdviewer.ui.models.metadata_model import Column, MetadataModel

_NUMBERS = st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
_KEYS = st.text("ab/~[0]λ ", max_size=5)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "$opaque": st.sampled_from(["argparse.Namespace", "a.B", "C"]),
            "args": st.lists(inner, max_size=3),
            "state": st.dictionaries(_KEYS, inner, max_size=3),
        }
    )


_STANDINS = st.one_of(
    st.integers(0, 9).map(lambda n: {"$bytes": n}),
    _KEYS.map(lambda name: {"$ref": name}),
    _KEYS.map(lambda name: {"$tensor": name}),
    st.just({"$complex": [1.0, "NaN"]}),
    st.just({"$global": "torch.float16"}),
    st.just({"$storage": "float32", "elements": 3}),
    st.just({"$text": "abc", "$more": 7}),
)
values = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=8) | _STANDINS | st.lists(_NUMBERS, max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4) | _objects(inner),
    max_leaves=15,
)


def read_back(model: MetadataModel, index: QModelIndex) -> Any:
    """The value that the rows below an index spell."""
    value = model.entries.values[model.entry(index)]
    rows = [model.index(row, 0, index) for row in range(model.rowCount(index))]
    if not rows:
        return value
    keys = [model.entries.keys[model.entry(row)] for row in rows]
    found = [read_back(model, row) for row in rows]
    if isinstance(value, list):
        assert keys == [f"[{place}]" for place in range(len(keys))]
        return found
    if "$opaque" in value:
        state = dict(zip(keys, found, strict=True))
        return {"$opaque": type_of(value), "args": state.pop("$args", []), "state": state}
    return dict(zip(keys, found, strict=True))


@given(st.dictionaries(_KEYS, values, max_size=5))
def test_the_rows_spell_the_value(value: dict[str, Any]) -> None:
    model = MetadataModel(entries_of(value))
    assert read_back(model, QModelIndex()) == value


@given(st.dictionaries(_KEYS, values, min_size=1, max_size=5))
def test_every_row_knows_its_parent_and_its_name(value: dict[str, Any]) -> None:
    model = MetadataModel(entries_of(value))
    entries = model.entries
    for entry in range(1, len(entries)):
        index = model.index_of(entry)
        assert model.entry(index) == entry
        parent = model.parent(index)
        assert model.index(index.row(), 0, parent) == index
        names = []
        while index.isValid():
            names.append(entries.keys[model.entry(index)])
            index = model.parent(index)
        assert entries.path(entry) == "/".join(reversed(names))
        assert entries.depth(entry) == len(names) - 1


@given(values)
def test_every_value_has_a_line_a_type_and_a_text(value: Any) -> None:
    assert "\n" not in line_of(value)
    assert type_of(value)
    assert isinstance(whole_text(value), str)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1},
        {"a": {"b": [1, 2], "c": ["x", {"d": None}]}, "o": {"$opaque": "a.B", "args": ["x"], "state": {"s": {}}}},
        {"many": [{"n": n} for n in range(50)], "$more": 3},
    ],
)
def test_the_model_is_one_for_qt(qtmodeltester: ModelTester, qtbot: QtBot, value: dict[str, Any]) -> None:
    del qtbot  # makes the application
    model = MetadataModel(entries_of(value))
    qtmodeltester.check(model, force_py=True)  # type: ignore[no-untyped-call]  # pytest-qt has no types here


@pytest.mark.parametrize(
    ("value", "line", "kind"),
    [
        (None, "None", "None"),
        (True, "True", "bool"),
        (12000, "12000", "int"),
        (1e-08, "1e-08", "float"),
        ("NaN", '"NaN"', "str"),
        ("a\nb\u202e", r'"a\nb\u202e"', "str"),
        ("x" * 400, '"' + "x" * 300 + '…" (400 characters)', "str"),
        ([0.9, 0.999], "[0.9, 0.999]", "sequence"),
        ([1, "NaN", None], '[1, "NaN", None]', "sequence"),
        (list(range(200)), f"[{', '.join(map(str, range(200)))}"[:300] + "…", "sequence"),
        ([], "[]", "sequence"),
        ({}, "{}", "mapping"),
        ({"lr": 0.1, "names": ["a"]}, '{lr: 0.1, names: ["a"]}', "mapping"),
        ({"a": {"b": {"c": 1}}}, "{a: {b: {…}}}", "mapping"),
        ({"$bytes": 3}, "3 bytes", "bytes"),
        ({"$global": "torch.float16"}, "torch.float16", "global"),
        ({"$complex": [1.0, 2.0]}, "1.0 + 2.0 i", "complex"),
        ({"$ref": "a/inner"}, "→ a/inner", "reference"),
        ({"$ref": ""}, "→ the whole", "reference"),
        ({"$tensor": "list/[1]"}, "tensor list/[1]", "tensor"),
        ({"$storage": "float32", "elements": 3}, "storage of 3 elements, float32", "storage"),
        ({"$text": "abc", "$more": 7}, '"abc…" (7 more not read)', "str"),
        ({"$more": 1200}, "1,200 more not shown", "more"),
        ({"$opaque": "pathlib.PosixPath", "args": ["a", "b"], "state": {}}, 'PosixPath("a", "b")', "pathlib.PosixPath"),
        ({"$opaque": "argparse.Namespace", "args": [], "state": {"lr": 1}}, "Namespace {lr: 1}", "argparse.Namespace"),
        ({"$opaque": "a.B", "args": [], "state": {}}, "B()", "a.B"),
        ({"$opaque": "a.L", "args": [], "items": ["x"], "state": {}}, 'L() ["x"]', "a.L"),
    ],
)
def test_a_value_is_told_on_one_line(value: Any, line: str, kind: str) -> None:
    assert line_of(value) == line
    assert type_of(value) == kind


def test_lists_of_numbers_stay_one_row_and_others_are_opened() -> None:
    assert is_row([1, 2.5, True, None, "Infinity", {"$more": 3}])
    assert not is_row([None, None])
    assert not is_row(["a", 1])
    entries = entries_of({"betas": [0.9, 0.999], "names": ["cat", "dog"]})
    assert entries.keys == ["", "betas", "names", "[0]", "[1]"]


def test_what_was_left_out_is_a_row_that_says_so() -> None:
    model = MetadataModel(entries_of({"many": {"a": 1, "$more": 500}, "list": ["a", {"$more": 3}]}))
    rows = {model.entries.path(entry): model.cells(entry) for entry in range(1, len(model.entries))}
    assert rows["many/…"].value == "500 more not shown"
    assert rows["list/…"].value == "3 more not shown"
    assert rows["many/…"].is_note


def test_a_list_of_a_million_texts_is_cut_and_counted() -> None:
    entries = entries_of({"names": ["x"] * 3000})
    assert len(entries) == 1 + 1 + 1000 + 1
    assert line_of(entries.values[-1]) == "2,000 more not shown"


def test_there_are_never_more_rows_than_a_view_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_module, "MOST_ENTRIES", 100)
    entries = entries_of({f"k{n}": {"a": n, "b": n} for n in range(60)})
    assert len(entries) == 101
    assert entries.parents[-1] == 0
    assert line_of(entries.values[-1]).endswith("more not shown")


def test_a_value_alone_is_one_row() -> None:
    entries = entries_of(3, "epoch")
    assert (entries.keys, entries.values) == (["", "epoch"], [3, 3])
    assert entries_of([0.9, 0.999], "betas").keys == ["", "betas"]
    assert len(entries_of({}, "x")) == 1


def test_keys_are_shown_without_the_escapes_of_names() -> None:
    assert key_label("a~1b") == "a/b"
    assert key_label("[3]") == "[3]"
    assert key_label("") == '""'
    assert key_label("a\u202eb") == r"a\u202eb"


def searched_by_hand(value: Any, wanted: str) -> int:
    """How many keys and plain values hold a text: the plain way, over the JSON."""
    count = 0
    if isinstance(value, dict):
        for key, item in value.items():
            leaf = not isinstance(item, dict | list) or not item
            count += wanted in key.casefold() or (leaf and wanted in _plain(item).casefold())
            count += searched_by_hand(item, wanted)
    return count


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


_plain_values = st.recursive(
    st.text("abcAB ", max_size=4) | st.integers(0, 99),
    lambda inner: st.dictionaries(st.text("abcAB", min_size=1, max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.dictionaries(st.text("abcAB", min_size=1, max_size=3), _plain_values, max_size=5),
    st.text("abAB1", min_size=1, max_size=2),
)
def test_a_search_finds_what_is_there_and_nothing_else(value: dict[str, Any], wanted: str) -> None:
    entries = entries_of(value)
    finds = found_in(entries, wanted)
    assert finds == sorted(finds)
    assert len(finds) == searched_by_hand(value, wanted.casefold())


def test_a_search_finds_texts_whole_and_classes_of_objects() -> None:
    entries = entries_of({"s": "x" * 5000 + "needle", "o": {"$opaque": "my.Special", "args": [], "state": {"a": 1}}})
    assert [entries.keys[find] for find in found_in(entries, "NEEDLE")] == ["s"]
    assert [entries.keys[find] for find in found_in(entries, "special")] == ["o"]


def test_building_and_searching_can_be_stopped() -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        entries_of({f"k{n}": n for n in range(3000)}, control=control)
    with pytest.raises(Cancelled):
        found_in(entries_of({"a": 1}), "a", control)


def test_entries_are_let_go_piece_by_piece() -> None:
    value = {f"k{n}": {"inner": [{"a": n}]} for n in range(2000)}
    entries = entries_of(value)
    dissolve(entries, Control())
    assert len(entries.values) == 0
    assert value == {}


def test_cells_speak(qtbot: QtBot) -> None:
    del qtbot
    model = MetadataModel(entries_of({"lr": 0.1, "config": {"a": 1}, "betas": [0.9, 0.999]}))
    key = model.index(0, Column.KEY)
    assert model.data(key, Qt.ItemDataRole.AccessibleTextRole) == "lr: 0.1, float"
    assert model.data(model.index(1, Column.TYPE), Qt.ItemDataRole.DisplayRole) == "mapping · 1"
    assert model.data(model.index(2, Column.TYPE), Qt.ItemDataRole.DisplayRole) == "sequence · 2"
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Value"
    assert model.headerData(9, Qt.Orientation.Horizontal) is None
