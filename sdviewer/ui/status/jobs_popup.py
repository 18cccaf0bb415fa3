"""JobsPopup: all that runs in all tabs, each with its progress and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.ui.bridge import Running
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.status.job_bar import JobBar, progress_words
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_WIDTH = 400
_HIGHEST = 360
_LINE = 1


class _Row(QWidget):
    """One job."""

    def __init__(self, running: Running, file: str) -> None:
        super().__init__()
        self.title = ElidedLabel(running.title)
        self.words = ElidedLabel(muted=True)
        self.bar = JobBar()
        self.cancel_button = QToolButton()
        self.cancel_button.setText(tr("Cancel"))
        self.cancel_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cancel_button.setAccessibleName(tr("Cancel {title}", title=running.title))
        self._file = file if file not in running.title else ""
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.title, 0, 0)
        grid.addWidget(self.bar, 1, 0)
        grid.addWidget(self.words, 2, 0)
        grid.addWidget(self.cancel_button, 0, 1, 3, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.setColumnStretch(0, 1)
        self.show_running(running)

    def show_running(self, running: Running) -> None:
        """How far it is."""
        self.bar.show_running(running)
        self.words.setText(" · ".join(part for part in (self._file, progress_words(running)) if part) or "…")


class JobsPopup(QFrame):
    """Goes with Escape, with a click elsewhere, and with the last job."""

    closed = Signal()

    def __init__(self, cancel: Callable[[Hashable], None], file_of: Callable[[Hashable], str], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._cancel, self._file_of = cancel, file_of
        self._rows: dict[Hashable, _Row] = {}
        self.setAccessibleName(tr("Everything that runs"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(_WIDTH)
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 4, 0, 4)
        self._column.setSpacing(0)
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._list.setAutoFillBackground(True)
        self._scroll.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._scroll.setWidget(self._list)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(_LINE, _LINE, _LINE, _LINE)
        outer.addWidget(self._scroll)

    @property
    def rows(self) -> list[_Row]:
        """What is listed, from the top."""
        return list(self._rows.values())

    def show_jobs(self, jobs: Sequence[tuple[Hashable, Running]]) -> None:
        """List these: what has ended goes, what is new comes last."""
        running_now = dict(jobs)
        for slot in [slot for slot in self._rows if slot not in running_now]:
            self._remove(slot)
        for slot, running in jobs:
            if slot in self._rows:
                self._rows[slot].show_running(running)
            else:
                row = self._rows[slot] = _Row(running, self._file_of(slot))
                row.cancel_button.clicked.connect(self._cancel_clicked)
                self._column.addWidget(row)
        if not self._rows and self.isVisible():
            self.close()
        self._fit()

    def show_above(self, corner: QPoint) -> None:
        """Open with its lower right corner here, and the keyboard on its first button."""
        self._fit()
        self.move(corner - QPoint(self.width(), self.height()))
        self.show()
        if self._rows:
            self.rows[0].cancel_button.setFocus(Qt.FocusReason.TabFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Arrows go from job to job."""
        match event.key():
            case Qt.Key.Key_Escape:
                self.close()
            case Qt.Key.Key_Down:
                self.focusNextChild()
            case Qt.Key.Key_Up:
                self.focusPreviousChild()
            case _:
                super().keyPressEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A line around it: in the dark the shadow of the desktop is not seen."""
        c = colors()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.raised))
        painter.setPen(QColor(c.line))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802  # Qt
        """It will not come back."""
        super().hideEvent(event)
        self.closed.emit()

    def _remove(self, slot: Hashable) -> None:
        row = self._rows.pop(slot)
        had_focus = row.cancel_button.hasFocus()
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        if had_focus and self._rows:
            self.rows[0].cancel_button.setFocus(Qt.FocusReason.TabFocusReason)

    def _fit(self) -> None:
        """As high as its rows; the lower edge stays where it is."""
        self._column.activate()
        height = self._list.sizeHint().height() + 2 * _LINE
        bottom = self.geometry().bottom()
        self.setFixedHeight(min(height, _HIGHEST))
        if self.isVisible():
            self.move(self.x(), bottom - self.height() + 1)

    def _cancel_clicked(self) -> None:
        button = self.sender()
        slot = next((slot for slot, row in self._rows.items() if row.cancel_button is button), None)
        if slot is not None:
            self._cancel(slot)
