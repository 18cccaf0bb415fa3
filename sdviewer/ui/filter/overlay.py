"""Overlay: a frame over the contents of a window that blocks nothing and goes when the user turns elsewhere.

It is no window of its own: those take the keyboard from the whole desktop, and not every desktop gives it.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QWidget
from shiboken6 import isValid

from sdviewer.ui.theme import colors


class Overlay(QFrame):
    """Hidden until `open_over`; Escape, or the focus somewhere else, closes it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._before: QWidget | None = None
        # Room for the edge that is painted: a style's own frame is hardly seen on a dark ground.
        self.setFrameShape(QFrame.Shape.Box)
        self.setAutoFillBackground(True)
        self.hide()
        window.installEventFilter(self)

    def place_in(self, room: QRect) -> QRect:
        """Where it lies in a window of this size; each kind knows its own place."""
        return room

    def open_over(self, focused: QWidget) -> None:
        """Show it, with the focus in one of its parts."""
        if not self.isVisible():
            self._before = _focus_behind_overlays()
            application().focusChanged.connect(self._focus_changed)
        self.setGeometry(self.place_in(self._window.rect()))
        self.show()
        self.raise_()
        focused.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_overlay(self) -> None:
        """Hide it, and give the focus back if it has it."""
        if not self.isVisible():
            return
        application().focusChanged.disconnect(self._focus_changed)
        focus = QApplication.focusWidget()
        had_focus = focus is not None and self.isAncestorOf(focus)
        self.hide()
        # Where the focus came from may have been closed meanwhile.
        if had_focus and self._before is not None and isValid(self._before):
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self._before = None

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """The edge."""
        painter = QPainter(self)
        painter.setPen(QColor(colors().muted))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_overlay()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The window has another size."""
        if watched is self._window and event.type() is QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self.place_in(self._window.rect()))
        return False

    @Slot(QWidget, QWidget)
    def _focus_changed(self, _: QWidget | None, now: QWidget | None) -> None:
        # None: another program, or a menu, which only borrows the focus.
        if now is not None and now is not self and not self.isAncestorOf(now) and now.window() is self.window():
            self._before = None
            self.close_overlay()


def _focus_behind_overlays() -> QWidget | None:
    """What has the focus; of another overlay, which goes now, what it would have given it back to."""
    focus = widget = QApplication.focusWidget()
    while widget is not None:
        if isinstance(widget, Overlay):
            return widget._before  # noqa: SLF001  # of its own kind
        widget = widget.parentWidget()
    return focus


def application() -> QApplication:
    """The application, which is there while there are widgets."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)  # noqa: S101  # no widget without one
    return app
