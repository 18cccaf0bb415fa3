"""CompareOffer: a line above the tabs that offers to compare what was just dropped; it blocks nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from sdviewer.ui.comparison.side import title_of
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_BAR = 3


class CompareOffer(QWidget):
    """Hidden as long as there is nothing to offer; Escape closes it."""

    compare_wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paths = ("", "")
        self.text = ElidedLabel()
        self.compare_button = QPushButton(tr("Compare"))
        self.close_button = QPushButton(tr("Not now"))
        row = QHBoxLayout(self)
        row.setContentsMargins(_BAR + 9, 4, 8, 4)
        row.addWidget(self.text, 1)
        for button in (self.compare_button, self.close_button):
            button.setAutoDefault(False)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.compare_button.clicked.connect(self._take)
        self.close_button.clicked.connect(self.hide)
        self.hide()

    def offer(self, a: str, b: str) -> None:
        """Offer to compare these two."""
        self._paths = (a, b)
        self.text.setText(tr("Compare {title_of} with {title_of_2}?", title_of=title_of(a), title_of_2=title_of(b)))
        self.compare_button.setAccessibleName(
            tr("Compare {title_of} with {title_of_2}", title_of=title_of(a), title_of_2=title_of(b))
        )
        self.setAccessibleName(self.text.text())
        self.show()

    def forget(self, path: str) -> None:
        """A file is closed: there is nothing to compare any more."""
        if path in self._paths:
            self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A ground of its own, with a bar and a line in the colours of the theme."""
        super().paintEvent(event)
        c = colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.raised))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(c.line))
        painter.fillRect(0, 0, _BAR, self.height(), QColor(c.accent))
        painter.end()

    def _take(self) -> None:
        self.hide()
        self.compare_wanted.emit(*self._paths)
