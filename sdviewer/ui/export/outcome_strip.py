"""OutcomeStrip: what became of an export, or what it asks, told in its pane; nothing waits for an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.theme import colors

_BAR = 3

Answers = Sequence[tuple[str, Callable[[], None]]]


class OutcomeStrip(QWidget):
    """Hidden as long as there is nothing to say; one of the answers, or Escape, takes it away."""

    def __init__(self, home: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._home = home
        self._is_good = False
        self.message = plain_label(selectable=True)
        self.message.setWordWrap(True)
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.buttons: list[QPushButton] = []
        self._flow = FlowLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(_BAR + 9, 7, 9, 7)
        column.setSpacing(6)
        column.addWidget(self.message)
        column.addLayout(self._flow)
        self.hide()

    def ask(self, words: str, answers: Answers) -> None:
        """Ask; the last answer is to leave things as they are."""
        self._show(f"⚠ {words}", answers, good=False, stays=False)
        self.buttons[-1].setFocus(Qt.FocusReason.OtherFocusReason)

    def tell(self, words: str, answers: Answers) -> None:
        """Say that all went well, and what can be done next."""
        self._show(f"✓ {words}", answers, good=True, stays=True)

    def clear(self) -> None:
        """Go away."""
        focus = QApplication.focusWidget()
        if focus is not None and self.isAncestorOf(focus):
            self._home.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape leaves things as they are."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """The words take the colour of another theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "buttons"):
            self._color()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A ground of its own, with a bar in the colour of what is said."""
        super().paintEvent(event)
        c = colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.raised))
        for y in (0, self.height() - 1):
            painter.fillRect(0, y, self.width(), 1, QColor(c.line))
        painter.fillRect(0, 0, _BAR, self.height(), QColor(c.good if self._is_good else c.warning))
        painter.end()

    def _show(self, words: str, answers: Answers, *, good: bool, stays: bool) -> None:
        self._is_good = good
        while (item := self._flow.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        for text, act in answers:
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(self._answered(act, stays=stays))
            self._flow.addWidget(button)
            self.buttons.append(button)
        self.message.setText(words)
        self._color()
        self.setAccessibleName(words)
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _color(self) -> None:
        palette = QPalette(self.message.palette())
        c = colors()
        palette.setColor(QPalette.ColorRole.WindowText, QColor(c.good if self._is_good else c.text))
        self.message.setPalette(palette)

    def _answered(self, act: Callable[[], None], *, stays: bool) -> Callable[[], None]:
        def answer() -> None:
            if not stays:
                self.clear()
            act()

        return answer
