"""MenuButton: a button that opens a menu, with its arrow behind the text instead of in a corner upon it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionToolButton, QStylePainter, QToolButton, QWidget

_ARROW = " ▾"


class MenuButton(QToolButton):
    """`name` is what a screen reader says."""

    def __init__(self, text: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setAccessibleName(name)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """With room for the arrow."""
        size = super().sizeHint()
        return QSize(size.width() + self.fontMetrics().horizontalAdvance(_ARROW), size.height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802  # Qt
        """The same."""
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802  # Qt
        """As the style paints a button that has no menu."""
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.features &= ~QStyleOptionToolButton.ToolButtonFeature.HasMenu
        option.text = self.text() + _ARROW
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        painter.end()
