"""FilterBar: the filter's line with its chips, its count, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.control import WAY
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.errors import describe_error
from sdviewer.ui.filter.chips import ChipRow
from sdviewer.ui.filter.line import FilterLine
from sdviewer.ui.filter.tasks import Found, run_filter
from sdviewer.ui.filter.terms import with_term, without_term
from sdviewer.ui.scan.scanning import SECONDS_TO_ANSWER
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.search.query import Mistake
    from sdviewer.search.scanned import Scanned
    from sdviewer.ui.filter.help_popup import HelpPopup

# What comes in one burst is one search; a letter more supersedes the search before it.
_MS_BEFORE_SEARCH = 5
# While a scan goes on, what it has found is asked for at most so often.
_MS_BETWEEN_RESULTS = 500
_AGAIN = "Try again"


def _nothing_scanned(_: Checkpoint) -> None:
    """Without a scan nobody knows what it would find."""


class FilterBar(QWidget):
    """Runs what is typed as a job; the newest line counts, and a line that is not understood changes nothing."""

    filtered = Signal(object)
    """The `Remains` of the tree that the line leaves, None if it asks for nothing."""

    results_wanted = Signal()
    """Arrow down or Enter: the user goes on to what was found."""

    left = Signal()
    """Escape in an empty line: the user goes back to where he came from."""

    def __init__(
        self,
        bridge: Bridge,
        scanned_in: Callable[[Checkpoint], Scanned | None] = _nothing_scanned,
        parent: QWidget | None = None,
    ) -> None:
        """`scanned_in` gives what a scan has found so far in a checkpoint."""
        super().__init__(parent)
        self._bridge, self._scanned_in = bridge, scanned_in
        self.slot: Hashable = (id(self), "filter")
        self._checkpoint: Checkpoint | None = None
        self.found: Found | None = None
        self._settled = True
        self._wrong = False
        self._mistake: Mistake | None = None
        self._popup: HelpPopup | None = None

        self.line = FilterLine()
        self.count = plain_label(muted=True)
        self.count.setFont(number_font())
        self.help_button = QToolButton()
        self.help_button.setText("?")
        self.help_button.setAccessibleName(tr("What a filter can say"))
        self.help_button.setToolTip(tooltip(tr("What a filter can say (Shift+F1)")))
        self.chips = ChipRow()
        self.message = plain_label()
        self.message.setWordWrap(True)
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.suggestion = QPushButton()
        self.suggestion.setFont(number_font())
        self.suggestion.setAutoDefault(False)

        above = QHBoxLayout()
        above.setSpacing(6)
        above.addWidget(self.line, 1)
        above.addWidget(self.count)
        above.addWidget(self.help_button)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.message, 1)
        below.addWidget(self.suggestion)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 4)
        column.setSpacing(5)
        column.addLayout(above)
        column.addWidget(self.chips)
        column.addLayout(below)

        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_SEARCH)
        self._timer.timeout.connect(self._search)
        self._again_timer = QTimer(self)
        self._again_timer.setSingleShot(True)
        self._again_timer.setInterval(_MS_BETWEEN_RESULTS)
        self._again_timer.timeout.connect(self._search)
        self.line.textChanged.connect(self._typed)
        self.line.help_wanted.connect(self.show_help)
        self.line.results_wanted.connect(self.results_wanted)
        self.line.left.connect(self.left)
        self.help_button.clicked.connect(self.show_help)
        self.chips.toggled.connect(self._toggle)
        self.suggestion.clicked.connect(self._take_suggestion)
        self.chips.show_text("")
        self._say("")
        self.setFocusProxy(self.line)

    @property
    def is_settled(self) -> bool:
        """Whether what is shown belongs to what is typed."""
        return self._settled

    @property
    def mistake(self) -> str:
        """Why what is typed makes no sense, "" if it does."""
        return self._mistake.message if self._mistake is not None else ""

    def show_checkpoint(self, checkpoint: Checkpoint | None) -> None:
        """Filter this one from now on; what is typed is asked of it at once."""
        self._checkpoint = checkpoint
        self.found = None
        self.count.clear()
        self._bridge.drop(self.slot)
        if self.line.text().strip():
            self._settled = False
            self._search()

    def text(self) -> str:
        """What is typed."""
        return self.line.text()

    def set_text(self, text: str) -> None:
        """Type this."""
        self.line.setText(text)

    def results_came(self) -> None:
        """A scan has found more: what is typed is asked again, if it asks for that."""
        is_asked = self.found is not None and self.found.matches.needs_scan and self._settled
        if is_asked and not self._again_timer.isActive():
            self._again_timer.start()

    def focus_line(self) -> None:
        """Begin to type: what stands there is selected."""
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def show_help(self) -> None:
        """Open the list of what a filter can say."""
        if self._popup is None:
            from sdviewer.ui.filter.help_popup import HelpPopup

            self._popup = HelpPopup(self.line)
            self._popup.chosen.connect(self._insert)
        self._popup.open_help()

    def close_jobs(self) -> None:
        """Stop what runs; nothing more will be shown."""
        self._timer.stop()
        self._again_timer.stop()
        self._bridge.drop(self.slot)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """The message takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_timer"):
            self._color_message()

    def _typed(self, text: str) -> None:
        WAY.keep_clear(SECONDS_TO_ANSWER)
        self._settled = False
        self.chips.show_text(text)
        self._timer.start()

    def _search(self) -> None:
        checkpoint, text = self._checkpoint, self.line.text()
        if checkpoint is None:
            self._settled = True
            return
        if not text.strip():
            # Taking a filter away needs no job.
            self._bridge.drop(self.slot)
            self._answered(None)
            return
        scanned = self._scanned_in(checkpoint)
        self._bridge.start(
            Lane.COMPUTING,
            self.slot,
            lambda control: run_filter(checkpoint, text, control, scanned),
            on_value=self._answered,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Filtering"),
        )

    def _answered(self, answer: Found | Mistake | None) -> None:
        self._ended()
        self._mistake = None
        if answer is not None and not isinstance(answer, Found):
            self._mistake = answer
            self.line.mark_wrong(answer.start, answer.length)
            self._say(answer.message, wrong=True, suggestion=answer.suggestion)
            return
        self.line.mark_wrong(0, 0)
        before, self.found = self.found, answer
        if answer is None:
            self.count.clear()
            self.count.setToolTip("")
            self._say("")
            if before is not None:
                self.filtered.emit(None)
            return
        matches = answer.matches
        self.count.setText(tr("{rows:,} of {total:,}", rows=len(matches.rows), total=matches.total))
        self.count.setAccessibleName(
            tr("{rows:,} of {total:,} tensors fit the filter", rows=len(matches.rows), total=matches.total)
        )
        lines = [f"{shown(term.text)}   {term.count:,} of {matches.total:,}" for term in matches.terms]
        self.count.setToolTip(tooltip("\n".join(["Tensors that fit", *lines])))
        if matches.unknown:
            are = "was" if matches.unknown == 1 else "were"
            self._say(
                tr(
                    "{more_tensors} may fit, but {are} not scanned: F9 scans all",
                    more_tensors=plural(matches.unknown, "more tensor"),
                    are=are,
                )
            )
        else:
            self._say("" if len(matches.rows) else matches.note or tr("No tensor fits"))
        # Often a letter more changes nothing: then what the user has closed in the tree stays closed.
        if before is None or not np.array_equal(before.matches.mask, matches.mask):
            self.filtered.emit(answer.remains)

    def _failed(self, error: BaseException) -> None:
        self._ended()
        self._mistake = None
        self.line.mark_wrong(0, 0)
        text = describe_error(error)
        self._say(f"{text.message} {text.hint}".strip(), wrong=True)
        self.suggestion.setText(_AGAIN)
        self.suggestion.setAccessibleName(tr("{AGAIN} to filter", AGAIN=_AGAIN))
        self.suggestion.show()

    def _stopped(self) -> None:
        self._ended()
        self._say(tr("The filter was stopped; what is shown is the result before it."))

    def _ended(self) -> None:
        # What was typed meanwhile is not looked for yet.
        self._settled = not self._timer.isActive()

    def _say(self, message: str, *, wrong: bool = False, suggestion: str = "") -> None:
        self._wrong = wrong
        self.message.setText(f"✖ {message}" if wrong else message)
        self.message.setVisible(bool(message))
        self._color_message()
        self.suggestion.setText(f"Write {shown(suggestion, 40)}".replace("&", "&&"))
        self.suggestion.setAccessibleName(tr("Write {suggestion} instead", suggestion=suggestion))
        self.suggestion.setVisible(bool(suggestion))

    def _color_message(self) -> None:
        palette = QPalette(self.message.palette())
        color = colors().error if self._wrong else colors().muted
        palette.setColor(QPalette.ColorRole.WindowText, QColor(color))
        self.message.setPalette(palette)

    def _toggle(self, term: str, on: bool) -> None:
        if not term:
            self.line.clear()
        else:
            change = with_term if on else without_term
            self.line.setText(change(self.line.text(), term))
        self.chips.show_text(self.line.text())

    def _insert(self, example: str) -> None:
        self.line.setText(with_term(self.line.text(), example))
        self.line.setFocus(Qt.FocusReason.PopupFocusReason)

    def _take_suggestion(self) -> None:
        if self._mistake is not None:
            self.line.setText(self._mistake.mended(self.line.text()))
        else:
            # It stands there because filtering failed.
            self._typed(self.line.text())
        self.line.setFocus(Qt.FocusReason.OtherFocusReason)
