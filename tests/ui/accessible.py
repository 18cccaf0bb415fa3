"""What a screen reader is told of a widget and all that it holds, by Qt's accessibility interfaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)

Role = QAccessible.Role
# Of a table so many cells are looked at; of one with a million rows all would be too many.
_MOST_CELLS = 600
# A Python object for a widget that only Qt holds would, when it goes, take those of the widget's layouts with it.
KEPT: list[object] = []
_FITTING: tuple[tuple[type[QWidget], frozenset[QAccessible.Role]], ...] = (
    (QCheckBox, frozenset({Role.CheckBox})),
    (QAbstractButton, frozenset({Role.Button, Role.CheckBox, Role.RadioButton, Role.ButtonMenu, Role.ButtonDropDown})),
    (QAbstractSpinBox, frozenset({Role.SpinBox})),
    (QAbstractSlider, frozenset({Role.Slider, Role.ScrollBar})),
    (QComboBox, frozenset({Role.ComboBox})),
    (QLineEdit, frozenset({Role.EditableText})),
    (QPlainTextEdit, frozenset({Role.EditableText, Role.StaticText})),
    (QTextEdit, frozenset({Role.EditableText, Role.StaticText})),
    (QTabBar, frozenset({Role.PageTabList})),
    (QLabel, frozenset({Role.StaticText, Role.Graphic})),
    (QAbstractItemView, frozenset({Role.Table, Role.Tree, Role.List})),
    # Qt has no role for a picture that scrolls and zooms; the name says what it is.
    (QAbstractScrollArea, frozenset({Role.Client})),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one element: the widget it is or lies in, what is around that, its role, its texts."""

    widget: QWidget | None
    around: QWidget | None
    inner: bool
    role: QAccessible.Role
    name: str
    description: str
    value: str
    focusable: bool
    checkable: bool
    checked: bool

    def __str__(self) -> str:
        return f"{self.role.name} {self.name!r} ({type(self.widget).__name__} in {type(self.around).__name__})"


def told_of(widget: QWidget) -> list[Told]:
    """The widget and all in sight that it holds, outermost first."""
    QApplication.processEvents()
    interface = QAccessible.queryAccessibleInterface(widget)
    return list(_walk(interface, None, None)) if interface is not None else []


def complaints(widget: QWidget) -> list[str]:
    """What a screen reader could not tell of what is in sight."""
    found = [f"{fault}: {one}" for one in told_of(widget) for fault in _faults(one)]
    return list(dict.fromkeys(found))


def _walk(interface: QAccessibleInterface, owner: QWidget | None, around: QWidget | None) -> Iterator[Told]:
    state = interface.state()
    if not interface.isValid() or state.invisible:
        return
    thing = interface.object()
    KEPT.append(thing)
    inner = not isinstance(thing, QWidget)
    if isinstance(thing, QWidget):
        owner, around = thing, owner
    text, kind = interface.text, QAccessible.Text
    yield Told(
        owner,
        around,
        inner,
        interface.role(),
        text(kind.Name).strip(),
        text(kind.Description),
        text(kind.Value),
        bool(state.focusable),
        bool(state.checkable),
        bool(state.checked),
    )
    count = interface.childCount()
    for index in range(min(count, _MOST_CELLS) if isinstance(owner, QAbstractItemView) else count):
        child = interface.child(index)
        if child is not None:
            yield from _walk(child, owner, around)


def _faults(one: Told) -> Iterator[str]:
    widget = one.widget
    for text in (one.name, one.description):
        if "<qt>" in text or "</" in text:
            yield "markup is read out"
    if one.inner:
        # The corner of a table is a pane without a name.
        if one.role in (Role.Cell, Role.TreeItem, Role.ListItem, Role.ColumnHeader, Role.PageTab) and not one.name:
            yield "nothing is read out"
        if one.role is Role.ColumnHeader and len(one.name) == 1 and not one.name.isalnum():
            yield "a sign is read out"
        return
    if widget is None or widget.focusProxy() is not None:
        return
    takes_keys = widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isEnabled()
    # Parts of a field of Qt's own, such as the line of a spin box, belong to it.
    if widget.objectName().startswith("qt_") or isinstance(one.around, QAbstractSpinBox | QComboBox):
        return
    if isinstance(widget, QAbstractButton) or takes_keys:
        if not one.name:
            yield "without a name"
        fitting = next((roles for kind, roles in _FITTING if isinstance(widget, kind)), None)
        if fitting is None:
            yield "takes keys and has no role"
        elif one.role not in fitting:
            yield "has a strange role"
    if isinstance(widget, QAbstractButton) and widget.isCheckable() and not one.checkable:
        yield "is on or off, and does not tell"
