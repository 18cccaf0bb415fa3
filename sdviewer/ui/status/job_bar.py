"""JobBar: how far one job is, as a bar, and the words that go with it."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QWidget

from sdviewer.checkpoint.wording import cut_in_middle, shown, speed_for_people, time_for_people
from sdviewer.ui.bridge import Running
from sdviewer.ui.translating import tr

# Work that ends sooner shows no progress: it would only flicker.
SECONDS_BEFORE_PROGRESS = 0.25

# A bar counts to 2**31 at most, a file may have more bytes.
_STEPS = 1000
_HEIGHT = 10
_LONGEST_NOTE, _LONGEST_BESIDE_SPEED = 60, 24
# A shorter time is over before it is read.
_SECONDS_LEFT_TOLD = 10


def progress_words(running: Running) -> str:
    """What a job is doing, how far it is and how quickly: "head.weight, 61 %, 3.1 GB/s, 12 s left"; may be ""."""
    if running.is_paused:
        percent = f"{100 * running.done // running.total} %" if running.total else ""
        return ", ".join(part for part in ("paused", percent) if part)
    speed = speed_for_people(running.bytes_per_second) if running.bytes_per_second else ""
    note = cut_in_middle(shown(running.note), _LONGEST_BESIDE_SPEED if speed else _LONGEST_NOTE)
    percent = f"{100 * running.done // running.total} %" if running.total else ""
    is_long = bool(speed) and running.seconds_left > _SECONDS_LEFT_TOLD
    left = f"{time_for_people(running.seconds_left)} left" if is_long else ""
    return ", ".join(part for part in (note, percent, speed, left) if part)


class JobBar(QProgressBar):
    """A bar without a text; it runs to and fro while the job does not say how much there is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextVisible(False)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName(tr("Progress"))
        self.setRange(0, 0)

    def show_running(self, running: Running) -> None:
        """Stand where the job is."""
        # A bar in sight paints the whole window at once when its value changes, in the midst of whatever goes on.
        self.setUpdatesEnabled(False)
        self.setRange(0, _STEPS if running.total else 0)
        self.setValue(_STEPS * running.done // running.total if running.total else 0)
        self.setUpdatesEnabled(True)
        self.setAccessibleDescription(progress_words(running))
