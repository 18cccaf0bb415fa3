"""StatisticsView: the first numbers of a tensor, aligned, with exact figures in the tooltips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from sdviewer.checkpoint.wording import count_for_people, number, share
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip

if TYPE_CHECKING:
    from sdviewer.analysis.statistics import TensorStatistics

# Three columns of pairs, read downwards.
_NAMES = (("Minimum", "Maximum", "Count"), ("Mean", "Std", "Zeros"), ("NaN", "+Inf", "−Inf"))


class StatisticsView(QWidget):
    """Nine numbers in three columns; empty until they are known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(3)
        self._values: dict[str, QLabel] = {}
        for column, names in enumerate(_NAMES):
            for row, name in enumerate(names):
                value = plain_label(selectable=True)
                value.setFont(number_font())
                value.setAlignment(Qt.AlignmentFlag.AlignRight)
                value.setMinimumWidth(96)
                self._values[name] = value
                grid.addWidget(plain_label(name, muted=True), row, 3 * column)
                grid.addWidget(value, row, 3 * column + 1)
            grid.setColumnMinimumWidth(3 * column + 2, 26)
        grid.setColumnStretch(9, 1)

    @property
    def is_filled(self) -> bool:
        """Whether there are numbers in it."""
        return bool(self._values["Count"].text())

    def clear(self) -> None:
        """Nothing is known yet."""
        for value in self._values.values():
            value.clear()
            value.setToolTip("")

    def show_statistics(self, statistics: TensorStatistics) -> None:
        """Fill in the numbers."""
        for name, figure in (
            ("Minimum", statistics.min),
            ("Maximum", statistics.max),
            ("Mean", statistics.mean),
            ("Std", statistics.std),
        ):
            self._set(name, number(figure), "" if figure is None else repr(figure))
        for name, count in (
            ("Count", statistics.count),
            ("NaN", statistics.nan),
            ("+Inf", statistics.posinf),
            ("−Inf", statistics.neginf),
        ):
            alarm = "⚠ " if count and name != "Count" else ""
            self._set(name, alarm + count_for_people(count), f"{count:,}")
        zeros = statistics.zeros
        self._set("Zeros", share(zeros, statistics.count), f"{zeros:,} of {statistics.count:,}")

    def text(self, name: str) -> str:
        """What stands beside a name."""
        return self._values[name].text()

    def _set(self, name: str, text: str, exact: str) -> None:
        self._values[name].setText(text)
        self._values[name].setToolTip(tooltip(exact))
        self._values[name].setAccessibleName(f"{name}: {text}")
