"""JobBar: how far one job is, as a bar, and the words that go with it."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QWidget

from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.ui.bridge import Running

# Work that ends sooner shows no progress: it would only flicker.
SECONDS_BEFORE_PROGRESS = 0.25

# A bar counts to 2**31 at most, a file may have more bytes.
_STEPS = 1000
_HEIGHT = 10
_LONGEST_NOTE = 60


def progress_words(running: Running) -> str:
    """What a job is doing and how far it is: "reading the pickle, 61 %"; "" if it has not said anything."""
    note = cut_in_middle(shown(running.note), _LONGEST_NOTE)
    percent = f"{100 * running.done // running.total} %" if running.total else ""
    return ", ".join(part for part in (note, percent) if part)


class JobBar(QProgressBar):
    """A bar without a text; it runs to and fro while the job does not say how much there is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextVisible(False)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Progress")
        self.setRange(0, 0)

    def show_running(self, running: Running) -> None:
        """Stand where the job is."""
        self.setRange(0, _STEPS if running.total else 0)
        self.setValue(_STEPS * running.done // running.total if running.total else 0)
        self.setAccessibleDescription(progress_words(running))
