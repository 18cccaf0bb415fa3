"""How the monkey touches widgets: what a mouse and a keyboard send to them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN = Qt.KeyboardModifier.NoModifier

_MOST_NAMES = 4


def click(widget: QWidget, at: QPoint, modifier: Qt.KeyboardModifier = PLAIN, *, twice: bool = False) -> None:
    """With the left button."""
    QTest.mouseClick(widget, LEFT, modifier, at)
    if twice:
        QTest.mouseDClick(widget, LEFT, modifier, at)


def ask_for_menu(widget: QWidget, at: QPoint) -> None:
    """With the right button."""
    QTest.mouseClick(widget, RIGHT, PLAIN, at)
    QApplication.sendEvent(widget, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at)))


def type_text(field: QWidget, text: str) -> None:
    """As a keyboard does; those of tests know no letters but ASCII."""
    for letter in text:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(field, QKeyEvent(kind, 0, PLAIN, letter))


def turn_wheel(widget: QWidget, at: QPoint, step: int, modifier: Qt.KeyboardModifier) -> None:
    """By so many eighths of a degree."""
    where = QPointF(widget.mapToGlobal(at))
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(QPointF(at), where, QPoint(), QPoint(0, step), none, modifier, phase, False)
    QApplication.sendEvent(widget, event)


def drag(widget: QWidget, begin: QPoint, end: QPoint) -> None:
    """Move with the left button held."""
    QTest.mousePress(widget, LEFT, PLAIN, begin)
    for step in range(1, 4):
        at = QPointF(begin + (end - begin) * (step / 3))
        where = QPointF(widget.mapToGlobal(at))
        QApplication.sendEvent(
            widget, QMouseEvent(QEvent.Type.MouseMove, at, where, Qt.MouseButton.NoButton, LEFT, PLAIN)
        )
    QTest.mouseRelease(widget, LEFT, PLAIN, end)


def drop(widget: QWidget, paths: Sequence[str]) -> None:
    """Files from a file manager."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(path) for path in paths])
    at, action = QPoint(300, 300), Qt.DropAction.CopyAction
    QApplication.sendEvent(widget, QDragEnterEvent(at, action, mime, LEFT, PLAIN))
    QApplication.sendEvent(widget, QDropEvent(QPointF(at), action, mime, LEFT, PLAIN))


def called(widget: QWidget) -> str:
    """What kind of widget it is, and in which part of the window."""
    chain: list[str] = []
    one: QWidget | None = widget
    while one is not None and len(chain) < _MOST_NAMES:
        name = type(one).__name__
        if not name.startswith("Q") or not chain:
            chain.append(name)
        one = one.parentWidget()
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return f"{' in '.join(chain)}{f' {text!a}' if text else ''}"
