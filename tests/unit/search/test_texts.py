"""Words and globs over one block of bytes find what Python finds text by text."""

from __future__ import annotations

import fnmatch
import itertools
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.search import texts as texts_module
from sdviewer.search.query import Glob, Word
from sdviewer.search.texts import ByteBlock, Texts

_NAMES = st.lists(st.text("abAB.0/_") | st.text("aAäÄßẞKσς.", max_size=8) | st.text(max_size=4), max_size=12)
_WORDS = st.text("abAB.0/_", min_size=1, max_size=4) | st.text("aAäÄßsKkσς.", min_size=1, max_size=3)


def texts_of(names: Sequence[str]) -> Texts:
    return Texts.of(StringColumn.of(names), len(names))


def smart(text: str) -> tuple[str, bool]:
    case = any(char.isupper() for char in text)
    return (text if case else text.casefold()), case


@pytest.fixture(params=[1 << 20, 7], ids=["one block", "tiny blocks"], autouse=True)
def _block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_module, "_BLOCK_BYTES", request.param)


@given(names=_NAMES, text=_WORDS)
@example(names=["ab", "ab"], text="ba")
@example(names=["", "a", "", ""], text="a")
@example(names=["STRASSE", "straße", "x"], text="strasse")
@example(names=["\u212aelvin"], text="kel")
@example(names=["\ud800a"], text="a")
def test_a_word_is_found_where_python_finds_it(names: list[str], text: str) -> None:
    word = Word(*smart(text))
    expected = [word.text in (name if word.case else name.casefold()) for name in names]
    assert texts_of(names).with_word(word, Control()).tolist() == expected


_GLOBS = st.text("ab*?.A0", min_size=1, max_size=8) | st.text("aä*?[]!-bß", min_size=1, max_size=8)


@given(names=_NAMES, text=_GLOBS)
@example(names=["ab", "b", "a.b"], text="a*b")
@example(names=["aXbXb", "ab"], text="a*x*b")
@example(names=["aa", "a"], text="a*a")
@example(names=["abab", "ab"], text="*ab*ab*")
@example(names=["a\nb"], text="a?b")
@example(names=["[a", "a]"], text="[a")
@example(names=["]", "a"], text="[]]")
@example(names=["-", "b", "d"], text="[!a-c]")
@example(names=["a", "b"], text="[b-a]")
@example(names=["aä", "ab"], text="a?")
@example(names=["äb", "äxb"], text="ä*b")
def test_a_glob_fits_what_fnmatch_says(names: list[str], text: str) -> None:
    glob = Glob(*smart(text))
    expected = [fnmatch.fnmatchcase(name if glob.case else name.casefold(), glob.text) for name in names]
    assert texts_of(names).with_glob(glob, Control()).tolist() == expected


@given(names=_NAMES, cut=st.integers(0, 3), text=_WORDS, pattern=_GLOBS)
def test_texts_that_do_not_touch_are_told_apart(names: list[str], cut: int, text: str, pattern: str) -> None:
    cuts = [min(cut, len(name)) for name in names]
    whole = texts_of(names)
    before = np.array([len(name[:at].encode("utf-8", "surrogatepass")) for name, at in zip(names, cuts, strict=True)])
    ends = Texts(whole.block, whole.starts + before.astype(np.int64), whole.ends)
    kept = [name[at:] for name, at in zip(names, cuts, strict=True)]
    assert [ends[row] for row in range(len(ends))] == kept
    word, glob = Word(*smart(text)), Glob(*smart(pattern))
    alone = texts_of(kept)
    assert ends.with_word(word, Control()).tolist() == alone.with_word(word, Control()).tolist()
    assert ends.with_glob(glob, Control()).tolist() == alone.with_glob(glob, Control()).tolist()


@given(names=_NAMES, data=st.data())
def test_texts_can_be_gathered_and_joined(names: list[str], data: st.DataObject) -> None:
    whole = texts_of(names)
    rows = data.draw(st.lists(st.integers(0, len(names) - 1), max_size=6)) if names else []
    taken = whole.gathered(np.array(rows, np.int64))
    assert [taken[row] for row in range(len(taken))] == [names[row] for row in rows]
    first, last = sorted(data.draw(st.tuples(st.integers(0, len(names)), st.integers(0, len(names)))))
    for texts, expected in (
        (whole, names[first:last]),
        (Texts(whole.block, whole.ends, whole.ends), [""] * (last - first)),
    ):
        joined, offsets = texts.joined(slice(first, last))
        assert len(offsets) == max(last - first, 0) + (1 if last > first else 0)
        parts = [joined[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(offsets.tolist())]
        assert parts == expected


@given(names=_NAMES, wanted=_NAMES)
def test_whole_texts_are_found_case_and_all(names: list[str], wanted: list[str]) -> None:
    wanted += names[:2]
    assert texts_of(names).equal_to(wanted, Control()).tolist() == [name in wanted for name in names]


@given(st.binary())
def test_only_ascii_letters_are_lowered(data: bytes) -> None:
    assert ByteBlock(data).lowered.tobytes() == data.lower()


def test_a_search_stops_when_it_is_not_wanted() -> None:
    control = Control()
    control.cancel()
    texts = texts_of(["a", "ä"] * 3)
    with pytest.raises(Cancelled):
        texts.with_word(Word("a", case=False), control)
    with pytest.raises(Cancelled):
        texts.with_glob(Glob("*", case=False), control)
    with pytest.raises(Cancelled):
        texts.equal_to(["a"], control)


def test_a_glob_with_many_stars_takes_no_longer_than_its_length() -> None:
    texts = texts_of(["a" * 5000 + "b", "a" * 5000 + "ä", "a" * 5000])
    began = time.thread_time()
    assert texts.with_glob(Glob("*a" * 60 + "*c*", case=False), Control()).sum() == 0
    assert time.thread_time() - began < 1


def test_a_block_is_never_larger_than_it_may_be_or_holds_one_text() -> None:
    names = ["a" * size for size in (3, 9, 0, 0, 20, 1, 1, 1)]
    stretches = list(texts_of(names).blocks(Control()))
    assert [row for stretch in stretches for row in range(stretch.start, stretch.stop)] == list(range(8))
    limit = texts_module._BLOCK_BYTES
    assert all(sum(map(len, names[s])) <= limit + 1 or len(names[s]) == 1 for s in stretches)
