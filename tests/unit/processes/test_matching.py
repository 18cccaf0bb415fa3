"""A regex is matched in another process: with the same answer, and never for longer than is allowed."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.columns import StringColumn
from sdviewer.control import Control
from sdviewer.errors import Cancelled, HelperDied
from sdviewer.processes import matching
from sdviewer.processes.frames import read_frame, write_frame
from sdviewer.processes.matching import RegexProcess
from sdviewer.processes.regex_child import serve
from sdviewer.search.filtering import find_matches
from sdviewer.search.index import index_of
from sdviewer.search.patterns import TooSlow, match_here
from sdviewer.search.query import Mistake, Query, Regex, compile_regex, parse
from sdviewer.search.texts import Texts
from tests.unit.search.making import Made, checkpoint_of

CATASTROPHIC = Regex("(a+)+$", case=True)


def texts_of(names: Sequence[str]) -> Texts:
    return Texts.of(StringColumn.of(names), len(names))


# It takes longer than anyone would wait.
HARD = texts_of(["a" * 60 + "b"])


@pytest.fixture(scope="module")
def process() -> Iterator[RegexProcess]:
    process = RegexProcess()
    yield process
    process.close()


@given(
    names=st.lists(st.text("abAB.0/\n") | st.text(max_size=4), max_size=8),
    pattern=st.sampled_from(["a", "^a", "b$", r"\d", "[^a]", "A|B", "", "ä", ".", r"^\w+$", "^$"]),
    case=st.booleans(),
)
@example(names=["\ud800a", "a"], pattern="a", case=True)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_finds_what_re_finds(process: RegexProcess, names: list[str], pattern: str, case: bool) -> None:
    regex = Regex(pattern, case)
    expected = [re.search(pattern, name, 0 if case else re.IGNORECASE) is not None for name in names]
    texts = texts_of(names)
    assert process.match(regex, texts, Control()).tolist() == expected
    assert match_here(regex, texts, Control()).tolist() == expected


def test_many_names_go_in_pieces_through_one_process(process: RegexProcess) -> None:
    names = [f"layer.{number}" for number in range(20_000)]
    first = process._running(2)
    assert np.flatnonzero(process.match(Regex("7777$", case=True), texts_of(names), Control())).tolist() == [
        7777,
        17_777,
    ]
    assert process._running(2) == first


def test_one_that_takes_too_long_is_given_up_and_the_next_one_is_answered() -> None:
    process = RegexProcess(0.3)
    began = time.monotonic()
    with pytest.raises(TooSlow):
        process.match(CATASTROPHIC, HARD, Control())
    assert time.monotonic() - began < 5
    assert RegexProcess.match(process, Regex("b", case=True), HARD, Control()).tolist() == [True]
    process.close()


def test_a_filter_with_it_is_told_in_words() -> None:
    process = RegexProcess(0.3)
    query = parse("a /(a+)+$/")
    assert isinstance(query, Query)
    index = index_of(checkpoint_of([Made("a" * 60 + "b")]))
    answer = find_matches(query, index, match_regex=process.match)
    assert isinstance(answer, Mistake)
    assert answer.start == 2
    process.close()


def test_one_that_is_not_wanted_any_more_ends_at_once() -> None:
    process, control = RegexProcess(30), Control()
    process.match(Regex("a", case=True), HARD, control)
    timer = threading.Timer(0.1, control.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        process.match(CATASTROPHIC, HARD, control)
    assert time.monotonic() - began < 2
    timer.join()
    process.close()


def test_whoever_waits_for_his_turn_can_be_stopped() -> None:
    process, control = RegexProcess(30), Control()
    control.cancel()
    with process._turn, pytest.raises(Cancelled):
        process.match(Regex("a", case=True), HARD, control)


def test_a_process_that_has_died_is_replaced() -> None:
    process = RegexProcess()
    process.match(Regex("a", case=True), HARD, Control())
    (running,) = (helper.process for helper in process._running(1))
    running.kill()
    running.wait()
    assert process.match(Regex("b$", case=True), HARD, Control()).tolist() == [True]
    assert process._running(1)[0].process is not running
    process.close()
    assert not process._helpers


def test_a_process_that_dies_at_work_is_an_error() -> None:
    process = RegexProcess()
    (running,) = (helper.process for helper in process._running(1))
    timer = threading.Timer(0.5, running.kill)
    timer.start()
    with pytest.raises(HelperDied, match="try it again"):
        process.match(CATASTROPHIC, HARD, Control())
    timer.join()
    process.close()


def test_that_it_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(HelperDied, match="could not be started"):
        RegexProcess().match(CATASTROPHIC, HARD, Control())


def test_it_answers_until_nobody_asks() -> None:
    requests, answers = io.BytesIO(), io.BytesIO()
    buffers = [b"abc", np.array([0, 1, 3], np.int64).tobytes()]
    for pattern, ignore_case, keep, sent, among in (
        ("B", True, None, buffers, None),
        ("B", False, 7, buffers, None),
        ("c", False, 7, [], None),
        ("a", False, 7, [], None),
        ("c", False, 7, [], b"\0\1"),
        ("a", False, None, buffers, b"\0\1"),
    ):
        message = {
            "pattern": pattern,
            "ignore_case": ignore_case,
            "keep": keep,
            "forget": False,
            "among": among is not None,
        }
        write_frame(requests, message, sent if among is None else [*sent, among])
    requests.seek(0)
    serve(requests, answers)
    answers.seek(0)
    told = [cast("tuple[object, list[bytes]]", read_frame(answers))[1] for _ in range(6)]
    assert told == [[b"\0\1"], [b"\0\0"], [b"\0\1"], [b"\1\0"], [b"\1"], [b"\0"]]
    assert read_frame(answers) is None


def test_names_are_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    joined = Texts.joined

    def counted(self: Texts, rows: slice) -> tuple[bytes, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        sent.append(rows.start)
        return joined(self, rows)

    monkeypatch.setattr(Texts, "joined", counted)
    process = RegexProcess(processes=2)
    names, others = (texts_of([f"{word}{number}" for number in range(20_000)]) for word in ("a", "b"))
    for pattern, texts in (("7$", names), ("8$", names), ("9$", others), ("99$", names), ("^b", others)):
        expected = [re.search(pattern, texts[row]) is not None for row in range(0, len(texts), 500)]
        found = process.match(Regex(pattern, case=True), texts, Control())
        assert found[::500].tolist() == expected
    halves = [0, 10_000]
    assert sent == halves + halves
    # Processes that are new have none of them.
    process.close()
    sent.clear()
    assert process.match(Regex("^b", case=True), others, Control()).all()
    assert sent == halves
    process.close()


def test_names_that_lack_what_the_regex_needs_are_not_looked_at() -> None:
    process = RegexProcess(0.3)
    names = texts_of(["a" * 60 + "b", "aaaa.c", "a.c"])
    # With a literal in it, it would take ages on the first name alone.
    assert process.match(Regex(r"(a+)+\.c$", case=True), names, Control()).tolist() == [False, True, True]
    process.close()


def test_a_plain_word_is_found_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    process = RegexProcess()
    names = texts_of(["layers.0.weight", "Layers.1", "head"])

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(process, "_converse", never)
    assert process.match(Regex(r"layers\.", case=True), names, Control()).tolist() == [True, False, False]
    assert process.match(Regex(r"layers\.", case=False), names, Control()).tolist() == [True, True, False]
    # The next letter may need the process: it is there.
    assert process._helpers
    process.close()


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_many_names_are_shared_out_between_processes(processes: int) -> None:
    process = RegexProcess(processes=processes)
    names = texts_of([f"layer.{number}" for number in range(140_000)])
    marked = np.arange(len(names)) % 3 == 0
    for pattern in (r"77\d$", r"\.1.*[05]$"):
        regex = Regex(pattern, case=True)
        expected = match_here(regex, names, Control())
        assert np.array_equal(process.match(regex, names, Control()), expected)
        assert np.array_equal(process.match(regex, names, Control(), marked), expected & marked)
    assert len(process._helpers) == processes
    process.close()


@pytest.mark.parametrize("pattern", [r"9\d9$", r"1.*\d$"])
def test_more_names_than_are_kept_are_answered_as_well(monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    monkeypatch.setattr(matching, "_MOST_KEPT", 1000)
    process = RegexProcess()
    for count in (400, 500, 900, 3000):
        names = texts_of([f"layer.{number}" for number in range(count)])
        for _ in range(2):
            found = process.match(Regex(pattern, case=True), names, Control())
            assert found.tolist() == [re.search(pattern, names[row]) is not None for row in range(count)]
    process.close()


def test_the_process_of_the_program_ends_with_it() -> None:
    script = (
        "from sdviewer.processes import matching\n"
        "from tests.unit.processes.test_matching import *\n"
        "mask = matching.match_in_process(Regex('b$', case=True), HARD, Control())\n"
        "print(mask.tolist(), matching._shared._helpers[0].process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, check=True, text=True, timeout=60
    )
    assert done.stderr == ""
    answer, _, pid = done.stdout.strip().rpartition(" ")
    assert answer == "[True]"
    assert subprocess.run(["ps", "-p", pid], capture_output=True, check=False).returncode != 0


def test_a_pattern_that_python_warns_of_is_compiled_in_silence() -> None:
    assert compile_regex(Regex("[[a]", case=True)).search("[") is not None
