"""The status bar shows the job that matters most, and all of them in a list; each can be stopped."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Running
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.status.job_bar import progress_words
from sdviewer.ui.status.jobs_popup import JobsPopup
from sdviewer.ui.values.tasks import ValueTasks
from tests.ui.conftest import MakeWindow
from tests.ui.looking import picture, shades

pytestmark = pytest.mark.qt_log_ignore("does not support (raise|grabbing the keyboard)")


@pytest.fixture
def loading(make_window: MakeWindow, qtbot: QtBot) -> Iterator[MainWindow]:
    """A window in which three files load that never end by themselves; the second is in front."""
    begun: list[str] = []

    def slow(path: str, control: Control) -> Checkpoint:
        begun.append(path)
        number = "abc".index(path[0]) + 1
        while True:
            control.report(number, 10, "reading the pickle")

    window = make_window(slow)
    for number, path in enumerate(("a.pt", "b.pt", "c.pt"), 1):
        window.open_files([path])
        qtbot.waitUntil(partial(_are, begun, number))
    window.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: window.jobs.more_button.isVisible() and window.jobs.more_button.text() == "+ 2 more")
    yield window
    window.close()


def _are(things: Sequence[object], count: int) -> bool:
    return len(things) == count


def _lists(popup: JobsPopup, count: int) -> bool:
    return len(popup.rows) == count


def popup_of(window: MainWindow) -> JobsPopup:
    (popup,) = window.findChildren(JobsPopup)
    return popup


def states(window: MainWindow) -> dict[str, State]:
    return {tab.title: tab.state for tab in window.tabs.documents()}


def test_the_job_of_the_tab_in_front_is_shown(loading: MainWindow, qtbot: QtBot) -> None:
    jobs = loading.jobs
    qtbot.waitUntil(lambda: jobs.activity.text() == "Opening b.pt: reading the pickle, 20 %")
    assert jobs.progress.value() * 5 == jobs.progress.maximum()
    assert jobs.cancel_button.accessibleName() == "Cancel Opening b.pt"
    loading.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: jobs.activity.text() == "Opening c.pt: reading the pickle, 30 %")


def test_the_job_that_is_shown_is_cancelled_and_the_next_one_is_shown(loading: MainWindow, qtbot: QtBot) -> None:
    QTest.mouseClick(loading.jobs.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: states(loading)["b.pt"] is State.STOPPED)
    assert loading.jobs.activity.text().startswith("Opening a.pt")
    assert loading.jobs.more_button.text() == "+ 1 more"
    QTest.mouseClick(loading.jobs.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: loading.jobs.activity.text().startswith("Opening c.pt"))
    assert not loading.jobs.more_button.isVisible()
    QTest.mouseClick(loading.jobs.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not loading.jobs.isVisible())
    assert set(states(loading).values()) == {State.STOPPED}


def test_the_list_shows_all_and_stops_each(loading: MainWindow, qtbot: QtBot) -> None:
    QTest.mouseClick(loading.jobs.more_button, Qt.MouseButton.LeftButton)
    popup = popup_of(loading)
    assert popup.isVisible()
    assert not popup.isModal()
    assert [row.title.text() for row in popup.rows] == ["Opening b.pt", "Opening a.pt", "Opening c.pt"]
    qtbot.waitUntil(lambda: popup.rows[2].words.text() == "reading the pickle, 30 %")
    assert shades(picture(popup)) > 10
    QTest.mouseClick(popup.rows[1].cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: states(loading)["a.pt"] is State.STOPPED)
    assert [row.title.text() for row in popup.rows] == ["Opening b.pt", "Opening c.pt"]
    popup.close()


def test_the_list_goes_with_the_last_job(loading: MainWindow, qtbot: QtBot) -> None:
    loading.jobs.more_button.click()
    popup = popup_of(loading)
    while popup.rows:
        left = len(popup.rows)
        popup.rows[0].cancel_button.click()
        if left == 1:
            break
        qtbot.waitUntil(partial(_lists, popup, left - 1))
    qtbot.waitUntil(lambda: not loading.findChildren(JobsPopup))
    assert not loading.jobs.isVisible()


def test_the_list_is_used_by_the_keyboard_alone(loading: MainWindow, qtbot: QtBot) -> None:
    button = loading.jobs.more_button
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    button.setFocus()
    QTest.keyClick(button, Qt.Key.Key_Space)
    popup = popup_of(loading)
    qtbot.waitUntil(popup.rows[0].cancel_button.hasFocus)
    QTest.keyClick(popup.rows[0].cancel_button, Qt.Key.Key_Down)
    assert popup.rows[1].cancel_button.hasFocus()
    assert popup.rows[1].cancel_button.accessibleName() == "Cancel Opening a.pt"
    QTest.keyClick(popup.rows[1].cancel_button, Qt.Key.Key_Up)
    QTest.keyClick(popup.rows[0].cancel_button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: states(loading)["b.pt"] is State.STOPPED)
    # The keyboard goes on in the list, and leaves it by Escape.
    assert popup.rows[0].cancel_button.hasFocus()
    QTest.keyClick(popup.rows[0].cancel_button, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not loading.findChildren(JobsPopup))
    loading.jobs.more_button.click()
    popup_of(loading).close()


def test_a_list_that_is_open_goes_with_the_window(loading: MainWindow) -> None:
    loading.jobs.more_button.click()
    popup = popup_of(loading)
    loading.close()
    assert not popup.isVisible()


def test_a_job_of_another_part_names_its_file(make_window: MakeWindow, qtbot: QtBot) -> None:
    stop = threading.Event()

    def slow(_: str, control: Control) -> Checkpoint:
        while not stop.is_set():
            control.check()
        raise RuntimeError("enough")

    window = make_window(slow)
    window.open_files(["a.pt"])
    tab = window.current_tab
    assert isinstance(tab, DocumentTab)
    window.bridge.start(
        Lane.READING,
        ((id(tab), "values"), "save", 1),
        lambda _: stop.wait(10),
        on_value=_ignored,
        on_error=_ignored,
        title="Saving w.npy",
    )
    qtbot.waitUntil(window.jobs.more_button.isVisible)
    window.jobs.more_button.click()
    popup = popup_of(window)
    told = {row.title.text(): row.words.text() for row in popup.rows}
    assert told == {"Opening a.pt": "…", "Saving w.npy": "a.pt"}
    popup.close()
    stop.set()
    qtbot.waitUntil(lambda: not window.jobs.isVisible())


def test_a_job_without_a_title_is_not_shown(window: MainWindow, qtbot: QtBot) -> None:
    stop = threading.Event()
    window.bridge.start(Lane.READING, "quiet", lambda _: stop.wait(10), on_value=_ignored, on_error=_ignored)
    qtbot.wait(350)
    assert not window.jobs.isVisible()
    stop.set()


def _ignored(_: object) -> None:
    """The outcome does not matter here."""


@pytest.mark.parametrize(
    ("running", "words"),
    [
        (Running("t", 0.0), ""),
        (Running("t", 0.0, 1, 3), "33 %"),
        (Running("t", 0.0, 5 << 60, 8 << 60, "a\nb"), "a\\nb, 62 %"),
        (
            Running("t", 0.0, 0, 0, "encoder." + "x" * 100 + ".weight"),
            "encoder." + "x" * 22 + "…" + "x" * 22 + ".weight",
        ),
    ],
)
def test_progress_in_words(running: Running, words: str) -> None:
    assert progress_words(running) == words


def running_at(bytes_a_step: float, *steps: tuple[float, int], total: int, note: str = "") -> Running:
    """A job that told at these times in seconds how much of the whole it had done."""
    running = Running("t", 0.0, bytes_a_step=bytes_a_step)
    for now, done in steps:
        running.advance(done, total, note, now)
    return running


AT_NEXT_TO_NOTHING = f"{'a' * 12}…{'b' * 11}, 0 %, 150 B/s, days left"


@pytest.mark.parametrize(
    ("running", "words"),
    [
        # Steps that are no bytes have no rate, and nothing is known before a job has gone on for a while.
        (running_at(0.0, (0, 0), (1, 500), total=1000), "50 %"),
        (running_at(1.0, (0, 0), total=1000), "0 %"),
        (running_at(1.0, (0, 0), (0.1, 500), total=1000), "50 %"),
        (running_at(4.0, (0, 0), (0.5, 25_000_000), total=100_000_000), "25 %, 200 MB/s"),
        (running_at(1.0, (5, 0), (6, 3_100_000_000), total=62_000_000_000), "5 %, 3.1 GB/s, 19 s left"),
        (running_at(1.0, (5, 0), (6, 50_000), total=12_050_000), "0 %, 50 kB/s, 4 min left"),
        (
            running_at(0.5, (0, 0), (1, 300), total=10**9, note="a" * 40),
            f"{'a' * 12}…{'a' * 11}, 0 %, 150 B/s, days left",
        ),
        # It counts anew, as a second pass over the same values does.
        (running_at(1.0, (0, 0), (1, 10**9), (2, 0), total=2 * 10**9), "0 %"),
        # It has come to a stand.
        (running_at(1.0, (0, 10), (1, 10), total=20), "50 %"),
    ],
)
def test_progress_in_bytes_tells_its_rate_and_a_long_time_that_is_left(running: Running, words: str) -> None:
    assert progress_words(running) == words


def test_a_rate_follows_a_change_in_some_seconds_and_does_not_jump() -> None:
    running = running_at(1.0, *((step / 2, step * 50_000_000) for step in range(11)), total=10**12)
    assert running.bytes_per_second == pytest.approx(100e6)
    done, rates = running.done, []
    for step in range(1, 21):
        done += 100_000_000
        running.advance(done, 10**12, "", 5 + step / 2)
        rates.append(running.bytes_per_second)
    assert rates[0] < 150e6
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(200e6, rel=0.02)
    assert running.seconds_left == pytest.approx((10**12 - done) / running.bytes_per_second)


def test_the_bar_and_the_list_tell_the_rate_of_a_job_that_says_what_its_steps_are(
    window: MainWindow, qtbot: QtBot
) -> None:
    def work(control: Control) -> None:
        done = 0
        while True:
            control.check()
            done += 1000
            control.report(done, 10**12)
            time.sleep(0.002)

    window.bridge.start(
        Lane.READING, "scan", work, on_value=_ignored, on_error=_ignored, title="Scanning", bytes_a_step=1e6
    )
    pattern = re.compile(r"Scanning: 0 %, \d+(\.\d)? GB/s, .* left")
    qtbot.waitUntil(lambda: pattern.fullmatch(window.jobs.activity.text()) is not None)
    window.jobs.more_button.click()
    assert "GB/s" in popup_of(window).rows[0].words.text()
    assert "GB/s" in window.jobs.progress.accessibleDescription()
    popup_of(window).close()
    window.bridge.cancel("scan")


def test_reading_and_saving_a_tensor_are_told_in_bytes(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    torch.save({"half": torch.ones(10, 30, dtype=torch.float16)}, tmp_path / "some.pt")
    window.open_files([str(tmp_path / "some.pt")])
    qtbot.waitUntil(lambda: window.current_tab is not None and window.current_tab.is_settled, timeout=20_000)
    tab = window.current_tab
    assert tab is not None
    assert tab.loaded is not None
    ref = tab.loaded.checkpoint.tensors["half"]
    tab.go_to_name("half")
    tasks = ValueTasks(window.bridge, "values")
    tasks.save(ref, str(tmp_path / "half.npy"))
    told = {job.title: job.bytes_a_step for job in window.bridge.running.values()}
    assert told["Saving half.npy"] == told["Reading values"] == 2
    qtbot.waitUntil(lambda: not tasks.slots)
    assert np.array_equal(np.load(tmp_path / "half.npy"), np.ones((10, 30)))


def test_a_message_is_alone_when_a_job_is_shown_beside_it(make_window: MakeWindow, qtbot: QtBot) -> None:
    def slow(_: str, control: Control) -> Checkpoint:
        while True:
            control.report(1, 10, "reading the pickle")

    window = make_window(slow)
    window.tell("Something was done.", 0)
    assert not window.summary.isVisible()
    height = window.statusBar().height()
    window.open_files(["a.pt"])
    qtbot.waitUntil(window.jobs.cancel_button.isVisible)
    QApplication.processEvents()
    assert window.statusBar().height() == height
    assert not window.summary.isVisible()
    window.statusBar().clearMessage()
    assert window.summary.isVisible()
