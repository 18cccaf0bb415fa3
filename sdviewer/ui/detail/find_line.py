"""FindLine: a line to look for something in what is shown, and the way from one find to the next."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from sdviewer.ui.clear_button import add_clear_button
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.translating import tr

# A pause in typing after which it is worth looking.
_MS_BEFORE_LOOKING = 60


class FindLine(QWidget):
    """Enter and Shift+Enter go to the next and the previous find, Escape empties the line, then leaves it."""

    wanted = Signal(str)
    """Look for this, "" for nothing."""

    stepped = Signal(int)
    """The user wants the find so many further on: 1 or -1."""

    left = Signal()
    """The user is done with looking."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        # Files that are dropped here are meant for the window.
        self.line.setAcceptDrops(False)
        self.line.setPlaceholderText(tr("Find in {what}", what=what))
        self.line.setAccessibleName(tr("Find in {what}", what=what))
        add_clear_button(self.line)
        self.line.setMinimumWidth(90)
        self.count = plain_label(muted=True)
        self.count.setAccessibleName(tr("Finds"))
        self.previous_button, self.next_button = QToolButton(), QToolButton()
        for button, sign, name, step in (
            (self.previous_button, "↑", tr("Previous find (Shift+Enter)"), self._back),
            (self.next_button, "↓", tr("Next find (Enter)"), self._on),
        ):
            button.setText(sign)
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.setEnabled(False)
            button.clicked.connect(step)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget, stretch in ((self.line, 1), (self.count, 0), (self.previous_button, 0), (self.next_button, 0)):
            row.addWidget(widget, stretch)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_LOOKING)
        self._timer.timeout.connect(self._look)
        self._looked_for = ""
        self._steps = 0
        self.line.textChanged.connect(self._changed)
        self.line.installEventFilter(self)

    @property
    def text(self) -> str:
        """What is looked for."""
        return self.line.text()

    @property
    def is_settled(self) -> bool:
        """Whether what was typed last has been asked for."""
        return not self._timer.isActive()

    def start(self) -> None:
        """Let the user type."""
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()

    def show_count(self, place: int, count: int, *, more: bool = False) -> None:
        """Say which of how many finds is shown, counted from 1; 0 is none of them."""
        if not self.text:
            told = ""
        elif count == 0:
            told = "not found"
        else:
            told = f"{place:,} of {count:,}{'+' if more else ''}" if place else f"{count:,} found"
        self.count.setText(told)
        for button in (self.previous_button, self.next_button):
            button.setEnabled(count > 0)

    def eventFilter(self, watched: QWidget, event: QEvent) -> bool:  # type: ignore[override]  # noqa: N802  # Qt
        """The keys of the line."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                if self.line.text():
                    self.line.clear()
                else:
                    self.left.emit()
                return True
        return super().eventFilter(watched, event)

    def _changed(self) -> None:
        self._timer.start()

    def _look(self) -> None:
        self._timer.stop()
        self._looked_for = self.text
        if not self.text:
            self.show_count(0, 0)
        self.wanted.emit(self.text)

    def _step(self, by: int) -> None:
        if self._timer.isActive():
            # What was typed is looked for first, which shows a find already.
            self._look()
        elif self.text:
            self.stepped.emit(by)

    def _on(self) -> None:
        self._step(1)

    def _back(self) -> None:
        self._step(-1)


def is_find_key(event: QEvent) -> bool:
    """Whether an event is Ctrl+F, pressed or about to be taken for a shortcut of the window."""
    return (
        isinstance(event, QKeyEvent)
        and event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        and event.matches(QKeySequence.StandardKey.Find)
    )
