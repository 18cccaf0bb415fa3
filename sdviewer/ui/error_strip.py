"""ErrorStrip: an error of one part of the window, told where that part is, without taking its place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.ui.errors import ErrorTools, describe_error, error_label
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

_BAR = 3

Again = Callable[[], None]


class ErrorStrip(QWidget):
    """Hidden as long as there is nothing to tell.

    It is to be shown anew for every error, and cleared once what it speaks of is past. When it goes while it has
    the keys, `home` gets them.
    """

    def __init__(self, home: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._home = home
        self._again: Again | None = None
        self._about = ""
        self._is_error = False
        self.message = error_label()
        self.file = error_label()
        self.file.setFont(number_font())
        self.tools = ErrorTools(self)
        self.tools.retry.connect(self._try_again)
        self.close_button = QPushButton(tr("Close"))
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self._close)
        flow = FlowLayout()
        for button in (*self.tools.buttons, self.close_button):
            flow.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(_BAR + 9, 7, 9, 7)
        column.setSpacing(6)
        for label in (self.message, self.file):
            # A long word must not make the pane wider.
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            column.addWidget(label)
        column.addLayout(flow)
        column.addWidget(self.tools.details)
        self.hide()

    def show_error(self, error: BaseException, what: str = "", again: Again | None = None, *, about: str = "") -> None:
        """Tell an error.

        Args:
            error: any error, whoever raised it.
            what: a sentence on what it ended, to stand before it.
            again: begins once more what it ended; None where nothing can be tried again.
            about: what `clear` calls it by.
        """
        text = describe_error(error)
        self._show(f"✖ {_joined(what, text.message, text.hint)}", text.file, text.details, again, about)

    def show_stopped(self, words: str, again: Again | None = None, *, about: str = "") -> None:
        """Say that the user stopped something, which is no error."""
        self._show(words, "", "", again, about)

    def clear(self, about: str | None = None) -> None:
        """Go away; with `about` only if what is told is about that."""
        if about is None or about == self._about:
            focus = QApplication.focusWidget()
            if focus is not None and self.isAncestorOf(focus):
                self._home.setFocus(Qt.FocusReason.OtherFocusReason)
            self._again = None
            self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A ground of its own, with a bar and lines in the colours of the theme."""
        super().paintEvent(event)
        c = colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.raised))
        for y in (0, self.height() - 1):
            painter.fillRect(0, y, self.width(), 1, QColor(c.line))
        painter.fillRect(0, 0, _BAR, self.height(), QColor(c.error if self._is_error else c.muted))
        painter.end()

    def _show(self, words: str, file: str, details: str, again: Again | None, about: str) -> None:
        self._again, self._about, self._is_error = again, about, bool(details)
        self.message.setText(words)
        self.file.setText(file)
        self.file.setVisible(bool(file))
        self.tools.show_details.setChecked(False)
        self.tools.tell(details)
        self.tools.try_again.setVisible(again is not None)
        self.setAccessibleName(words)
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _close(self) -> None:
        self.clear()

    def _try_again(self) -> None:
        again = self._again
        self.clear()
        if again is not None:
            again()


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
