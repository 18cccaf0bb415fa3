"""IndexBox: a spin box for a place on an axis, which may be longer than Qt's own can count."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontMetrics, QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_ROOM = 34


class IndexBox(QAbstractSpinBox):
    """Takes 0 … size − 1."""

    index_changed = Signal(object)
    """The user chose another place: a Python integer."""

    def __init__(self, size: int, index: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size, self._index = size, index
        self.setFont(number_font())
        self.setAccessibleName(name)
        self.setToolTip(tr("{name}: 0 to {value}", name=name, value=size - 1))
        self.setKeyboardTracking(False)
        digits = QFontMetrics(self.font()).horizontalAdvance("0" * min(max(len(str(size - 1)), 2), 19))
        self.setFixedWidth(digits + _ROOM)
        self.lineEdit().setText(str(index))
        self.editingFinished.connect(self._edited)

    @property
    def index(self) -> int:
        """The place."""
        return self._index

    def show_index(self, index: int) -> None:
        """Show another place; nothing is emitted."""
        self._index = index
        self.lineEdit().setText(str(index))

    def stepBy(self, steps: int) -> None:  # noqa: N802  # Qt
        """So many places on, not beyond the ends."""
        self._choose(max(0, min(self._index + steps, self._size - 1)))
        self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802  # Qt
        """Which ways there is something left."""
        flag = QAbstractSpinBox.StepEnabledFlag
        down = flag.StepDownEnabled if self._index > 0 else flag.StepNone
        return down | (flag.StepUpEnabled if self._index < self._size - 1 else flag.StepNone)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Digits that are a place on the axis."""
        text = text.strip()
        if not text:
            return QValidator.State.Intermediate, text, position
        fits = text.isascii() and text.isdigit() and len(text) <= len(str(self._size)) and int(text) < self._size
        return (QValidator.State.Acceptable if fits else QValidator.State.Invalid), text, position

    def _edited(self) -> None:
        text = self.lineEdit().text()
        if text:
            self._choose(int(text))
        else:
            self.show_index(self._index)

    def _choose(self, index: int) -> None:
        changed = index != self._index
        self.show_index(index)
        if changed:
            self.index_changed.emit(index)
