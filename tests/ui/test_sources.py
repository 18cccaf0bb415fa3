"""Source texts: coloured as Python's own tokenizer sees them, found in, copied, never run, never slow to show."""

from __future__ import annotations

import argparse
import inspect
import io
import json
import keyword
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint, TextEntry
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.formats.files import LocalSources
from sdviewer.formats.opening import open_checkpoint
from sdviewer.ui.detail.marked_text import in_document, places_of
from sdviewer.ui.detail.pane import DetailPane
from sdviewer.ui.sources import pane as pane_module
from sdviewer.ui.sources.pane import SourcesPane
from sdviewer.ui.sources.reading import LONGEST_LINE, laid_out, read_source
from sdviewer.ui.sources.syntax import State, Token, language_of, tokens
from sdviewer.ui.sources.text_view import SourceView, token_color
from sdviewer.ui.theme import DARK, LIGHT, Colors
from tests.ui.checkpoints import checkpoint_with, small_tensors
from tests.ui.details import detail_window, settled
from tests.ui.looking import picture
from tests.ui.test_window import contrast

Key, Modifier = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def detail(qtbot: QtBot) -> Iterator[DetailPane]:
    with detail_window(qtbot) as pane:
        yield pane


def scripted(folder: Path) -> Checkpoint:
    class Doubled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    with warnings.catch_warnings():
        # TorchScript is to go away one day; files of it stay.
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(Doubled(), torch.ones(1)), folder / "s.pt")  # type: ignore[no-untyped-call]
    return open_checkpoint(folder / "s.pt")


def carrying(folder: Path, texts: dict[str, bytes]) -> Checkpoint:
    """A checkpoint that carries these texts, one behind the other at the end of its file."""
    offset = sum(array.nbytes for array in small_tensors().values())
    entries = []
    for name, text in texts.items():
        entries.append(TextEntry(name, 0, offset, len(text), len(text)))
        offset += len(text)
    checkpoint = checkpoint_with(folder, small_tensors(), texts=tuple(entries))
    file = folder / "payload.bin"
    file.write_bytes(file.read_bytes() + b"".join(texts.values()))
    sources = LocalSources()
    sources.add_file(file)
    return replace(checkpoint, sources=sources)


def shown(qtbot: QtBot, detail: DetailPane, checkpoint: Checkpoint) -> SourcesPane:
    detail.show_node(checkpoint, 0, "t.pt")
    detail.show_pane("source")
    pane = settled(qtbot, detail).panes["source"]
    assert isinstance(pane, SourcesPane)
    return pane


def choose(qtbot: QtBot, pane: SourcesPane, row: int) -> None:
    assert pane.list is not None
    place = pane.list.visualRect(pane.list.model().index(row, 0)).center()
    QTest.mouseClick(pane.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: pane.is_settled)


# Colours.


def python_tokens(text: str) -> set[tuple[int, int, int, Token]]:
    """Line, start, end and kind of words, numbers, remarks and strings on one line, as Python's tokenizer has them."""
    found = set()
    kinds = {tokenize.NUMBER: Token.NUMBER, tokenize.COMMENT: Token.REMARK, tokenize.STRING: Token.STRING}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = kinds.get(token.type)
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            kind = Token.WORD
        if kind is not None and token.start[0] == token.end[0]:
            found.add((token.start[0], token.start[1], token.end[1], kind))
    return found


@pytest.mark.parametrize("module", [argparse, inspect, json, tokenize, __import__("typing"), __import__("ast")])
def test_python_is_coloured_as_its_tokenizer_sees_it(module: Any) -> None:
    text = inspect.getsource(module)
    source = laid_out(text, "python", "", Control())
    assert not source.breaks
    found = set()
    for number, (line, state) in enumerate(zip(source.lines, source.states, strict=True), 1):
        spans, _ = tokens(line, "python", state)
        found |= {(number, start, end, kind) for start, end, kind in spans}
    ours = set()
    for line_number, start, end, kind in found:
        # "def" and "class" with the blank behind them; names of what is defined are an addition.
        stripped = source.lines[line_number - 1][start:end].rstrip()
        ours.add((line_number, start, start + len(stripped), kind))
    expected = python_tokens(text)
    assert expected - ours == set()
    soft = {"match", "case", "type"}
    extra = {t for t in ours - expected if t[3] in (Token.NUMBER, Token.REMARK)}
    words = {t for t in ours - expected if t[3] is Token.WORD and source.lines[t[0] - 1][t[1] : t[2]] not in soft}
    assert extra == set()
    assert words == set()


@pytest.mark.parametrize(
    ("line", "spans"),
    [
        ("def forward(self):", [("def ", Token.WORD), ("forward", Token.NAME)]),
        ("@torch.jit.export", [("@torch.jit.export", Token.NAME)]),
        ("x.if_ = notnone", []),
        ("a = rb'x\\'y' # z", [("rb'x\\'y'", Token.STRING), ("# z", Token.REMARK)]),
        ("x = 0xFF + 1_0.5e-3j", [("0xFF", Token.NUMBER), ("1_0.5e-3j", Token.NUMBER)]),
    ],
)
def test_a_line_of_python_is_taken_apart(line: str, spans: list[tuple[str, Token]]) -> None:
    found, state = tokens(line, "python")
    assert [(line[start:end], kind) for start, end, kind in found] == spans
    assert state is State.PLAIN


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def json_parts(value: Any) -> list[tuple[str, Token]]:
    """The texts, numbers and words of a JSON value in the order in which they are written."""
    match value:
        case dict():
            pairs = ([(json.dumps(key), Token.NAME), *json_parts(item)] for key, item in value.items())
            return [part for pair in pairs for part in pair]
        case list():
            return [part for item in value for part in json_parts(item)]
        case str():
            return [(json.dumps(value), Token.STRING)]
        case bool() | None:
            return [(json.dumps(value), Token.WORD)]
    return [(json.dumps(value), Token.NUMBER)]


@given(json_values)
def test_json_is_coloured_as_it_was_written(value: Any) -> None:
    text = json.dumps(value)
    found, state = tokens(text, "json")
    assert [(text[start:end], kind) for start, end, kind in found] == json_parts(value)
    assert state is State.PLAIN


@given(st.text(st.sampled_from("'\"\\#ab1.(\n "), max_size=60), st.sampled_from(["python", "json", ""]))
def test_any_text_is_taken_apart_from_left_to_right(text: str, language: str) -> None:
    source = laid_out(text, language, "", Control())
    for line, state in zip(source.lines, source.states, strict=True):
        spans, _ = tokens(line, language, state)
        ends = [0, *(place for start, end, _ in spans for place in (start, end)), len(line)]
        assert ends == sorted(ends)


def test_languages_are_known_by_names() -> None:
    assert [language_of(name) for name in ("a/B.py", "m.JSON", "constants.pkl", "version", "x.pyi")] == [
        "python",
        "json",
        "",
        "",
        "python",
    ]


@pytest.mark.parametrize("c", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_can_be_read_on_its_ground(c: Colors) -> None:
    for token in Token:
        assert contrast(token_color(token, c), c.base) >= 4.5
    assert contrast(c.muted, c.raised) >= 4.5
    assert contrast(c.text, c.found) >= 4.5


# Lines.


@given(st.text(st.sampled_from("ab'\"\n"), max_size=400), st.integers(1, 40))
def test_long_lines_are_broken_and_nothing_is_lost(text: str, factor: int) -> None:
    text = text * factor
    source = laid_out(text, "python", "", Control())
    assert all(len(line) <= LONGEST_LINE for line in source.lines)
    joined = ""
    for line, number in zip(source.lines, source.numbers, strict=True):
        joined += f"\n{line}" if number > 1 else line
    assert joined == text
    assert [number for number in source.numbers if number] == list(range(1, text.count("\n") + 2))
    together = "\n".join(source.lines)
    for start, end in places_of(text, "ab'")[:50]:
        first, last = source.shown_place(start, end)
        assert together[first:last].replace("\n", "") == text[start:end]


def test_a_string_goes_on_where_a_long_line_was_broken() -> None:
    line = f"x = '{'a' * 1000}' + b"
    source = laid_out(line + "\ny = 'open\nz = 1", "python", "", Control())
    assert list(source.states[:5]) == [State.PLAIN] + [State.SINGLE_LINE] * 4
    # What is not closed at the end of a true line is not carried on.
    assert source.states[-1] == State.PLAIN


def test_a_large_text_is_cut_and_says_so(tmp_path: Path) -> None:
    checkpoint = carrying(tmp_path, {"big.py": b"x = 1\n" * 200_000})
    source = read_source(checkpoint, checkpoint.description.texts[0], Control())
    assert source.text == ("x = 1\n" * 200_000)[: 1 << 20]
    assert source.note == f"The first 1.00 MiB; {1_200_000 - (1 << 20):,} more bytes not shown"


def test_json_on_one_line_is_shown_with_line_breaks(tmp_path: Path) -> None:
    value = {"names": [f"name {n}" for n in range(200)], "λ": {"deep": None}}
    checkpoint = carrying(tmp_path, {"model.json": json.dumps(value).encode(), "short.json": b'{"a": 1}'})
    source = read_source(checkpoint, checkpoint.description.texts[0], Control())
    assert json.loads(source.text) == value
    assert len(source.lines) > 200
    assert "one line" in source.note
    short = read_source(checkpoint, checkpoint.description.texts[1], Control())
    assert (short.text, short.note) == ('{"a": 1}', "")


def test_broken_texts_are_shown_all_the_same(tmp_path: Path) -> None:
    texts = {"a.py": b"\xff\x00\xe2\x80\xae x", "b.json": b"[" * 5000, "empty.py": b""}
    checkpoint = carrying(tmp_path, texts)
    entries = checkpoint.description.texts
    assert read_source(checkpoint, entries[0], Control()).text == "\ufffd\\0\\u202e x"
    assert read_source(checkpoint, entries[1], Control()).text == "[" * 5000
    assert read_source(checkpoint, entries[2], Control()).lines == ("",)


def test_laying_out_can_be_stopped() -> None:
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        laid_out("a\n" * 2000, "python", "", control)


@given(st.text("aA\U0001f600é\nß", max_size=40), st.text("aA\U0001f600", min_size=1, max_size=2))
def test_places_are_counted_as_qt_counts(text: str, wanted: str) -> None:
    units = text.encode("utf-16-le")
    for (start, end), (first, last) in zip(
        places_of(text, wanted), in_document(text, places_of(text, wanted)), strict=True
    ):
        assert text[start:end].casefold() == wanted.casefold()
        assert units[2 * first : 2 * last].decode("utf-16-le") == text[start:end]


# The pane.


def test_the_texts_of_a_script_are_listed_and_the_first_python_one_is_shown(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path
) -> None:
    checkpoint = scripted(tmp_path)
    pane = shown(qtbot, detail, checkpoint)
    assert pane.list is not None
    assert [row[0] for row in pane.list.grid.rows] == [entry.name for entry in checkpoint.description.texts]
    assert "def forward" in pane.text.toPlainText()
    assert pane.text.isReadOnly()
    detail.show_pane("overview")
    settled(qtbot, detail)
    assert dict(detail.facts.texts())["Source text"].endswith("see Source")


def test_another_text_is_shown_by_a_click_and_by_keys(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": b"first = 1", "b.txt": b"second", "c.py": b"third = 3"}))
    assert pane.text.toPlainText() == "first = 1"
    choose(qtbot, pane, 1)
    assert pane.text.toPlainText() == "second"
    assert pane.list is not None
    pane.list.setFocus()
    QTest.keyClick(pane.list, Key.Key_Down)
    qtbot.waitUntil(lambda: pane.text.toPlainText() == "third = 3")


def test_only_lines_in_sight_are_coloured(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": b"def f(): return 'x'\n" * 5000}))
    view = pane.text
    document = view.document()
    qtbot.waitUntil(lambda: bool(document.findBlockByNumber(0).layout().formats()))
    assert not document.findBlockByNumber(4000).layout().formats()
    view.verticalScrollBar().setValue(3990)
    qtbot.waitUntil(lambda: bool(document.findBlockByNumber(4000).layout().formats()))
    kinds = [found.format.foreground().color().name() for found in document.findBlockByNumber(4000).layout().formats()]
    assert kinds == [token_color(token, LIGHT) for token in (Token.WORD, Token.NAME, Token.WORD, Token.STRING)]
    assert len(view._coloured) < 300


def test_long_texts_come_in_slices_and_whole(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    text = "".join(f"line_{n} = {n}\n" for n in range(9000))
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": text.encode()}))
    assert pane.text.toPlainText() == text
    assert pane.text.verticalScrollBar().value() == 0


def test_a_search_marks_every_place_and_goes_round(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": b"alpha = 1\nbeta = Alpha\n" + b"#\n" * 300 + b"ALPHA"}))
    QTest.keyClick(pane.text, Key.Key_F, Modifier.ControlModifier)
    assert pane.find_line.line.hasFocus()
    QTest.keyClicks(pane.find_line.line, "alpha")
    qtbot.waitUntil(lambda: pane.is_settled)
    assert pane.find_line.count.text() == "1 of 3"
    assert len(pane.text.extraSelections()) == 3
    assert pane.text.textCursor().selectedText() == "alpha"
    for expected in ("2 of 3", "3 of 3", "1 of 3"):
        QTest.keyClick(pane.find_line.line, Key.Key_Return)
        assert pane.find_line.count.text() == expected
    QTest.keyClick(pane.find_line.line, Key.Key_Return, Modifier.ShiftModifier)
    assert pane.text.textCursor().selectedText() == "ALPHA"
    assert pane.text.verticalScrollBar().value() > 200
    QTest.keyClick(pane.find_line.line, Key.Key_Escape)
    QTest.keyClick(pane.find_line.line, Key.Key_Escape)
    assert pane.text.hasFocus()


def test_what_is_selected_is_copied_without_the_breaks(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    long = "x" * 1000
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": f"{long}\nsecond".encode()}))
    assert pane.text.blockCount() == 6
    pane.text.setFocus()
    pane.text.moveCursor(QTextCursor.MoveOperation.Start)
    QTest.keyClick(pane.text, Key.Key_A, Modifier.ControlModifier)
    QTest.keyClick(pane.text, Key.Key_C, Modifier.ControlModifier)
    assert QApplication.clipboard().text() == f"{long}\nsecond"
    QTest.mouseClick(pane.copy_button, Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == f"{long}\nsecond"


def test_line_numbers_are_those_of_the_file(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": b"x" * 1000 + b"\ny"}))
    source = pane.text.source
    assert source is not None
    assert source.numbers == (1, 0, 0, 0, 0, 2)
    strip = picture(pane.text._strip)
    height = pane.text.fontMetrics().height()

    def shades_of_line(line: int) -> int:
        top = 4 + line * height
        return len({strip.pixel(x, y) for x in range(strip.width()) for y in range(top, top + height)})

    grounds = [shades_of_line(0), shades_of_line(2)]
    assert grounds[0] > 2
    assert grounds[1] == 1


def test_a_text_whose_bytes_are_gone_says_so(qtbot: QtBot, detail: DetailPane, tmp_path: Path) -> None:
    checkpoint = carrying(tmp_path, {"a.py": b"x = 1", "b.py": b"y = 2"})
    pane = shown(qtbot, detail, checkpoint)
    checkpoint.close()
    (tmp_path / "payload.bin").unlink()
    choose(qtbot, pane, 1)
    assert pane.error.isVisible()
    assert "payload.bin" in pane.error.file.text()
    assert pane.text.toPlainText() == ""
    assert not pane.copy_button.isEnabled()


def test_reading_a_text_can_be_tried_again(
    qtbot: QtBot, detail: DetailPane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]

    def sometimes(*given: Any) -> Any:
        if broken[0]:
            raise MemoryError
        return read_source(*given)

    monkeypatch.setattr(pane_module, "read_source", sometimes)
    pane = shown(qtbot, detail, carrying(tmp_path, {"a.py": b"x = 1"}))
    assert pane.error.message.text().startswith("✖ a.py cannot be read. There is not enough memory")
    broken[0] = False
    QTest.mouseClick(pane.error.tools.try_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.text.toPlainText() == "x = 1")
    assert not pane.error.isVisible()


def test_a_view_without_a_text_is_empty(qtbot: QtBot) -> None:
    view = SourceView()
    qtbot.addWidget(view)
    view.show()
    view.show_source(None)
    view.find_all("x")
    view.step(1)
    assert (view.places, view.place, view.toPlainText()) == (0, 0, "")
