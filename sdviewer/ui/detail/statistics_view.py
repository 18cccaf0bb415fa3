"""StatisticsView: the first numbers of a tensor, aligned, with exact figures in the tooltips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from sdviewer.checkpoint.wording import count_for_people, number, share
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip

if TYPE_CHECKING:
    from sdviewer.analysis.statistics import TensorStatistics

# Groups of pairs, read downwards, beside each other while there is room.
_GROUPS = (("Minimum", "Maximum", "Count"), ("Mean", "Std", "Zeros"), ("NaN", "+Inf", "−Inf"))
_GROUP_WIDTH = 176


class StatisticsView(QWidget):
    """Nine numbers in three groups; empty until they are known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(28)
        self._grid.setVerticalSpacing(3)
        self._values: dict[str, QLabel] = {}
        self._groups: list[QWidget] = []
        for names in _GROUPS:
            group = QWidget()
            group.setFixedWidth(_GROUP_WIDTH)
            pairs = QGridLayout(group)
            pairs.setContentsMargins(0, 0, 0, 0)
            pairs.setVerticalSpacing(3)
            pairs.setColumnStretch(1, 1)
            for row, name in enumerate(names):
                value = plain_label(selectable=True)
                value.setFont(number_font())
                value.setAlignment(Qt.AlignmentFlag.AlignRight)
                self._values[name] = value
                pairs.addWidget(plain_label(name, muted=True), row, 0)
                pairs.addWidget(value, row, 1)
            self._groups.append(group)
        self._beside = 0
        self._arrange(len(_GROUPS))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """As many groups beside each other as there is room for."""
        super().resizeEvent(event)
        room = event.size().width() + self._grid.horizontalSpacing()
        self._arrange(max(1, min(len(_GROUPS), room // (_GROUP_WIDTH + self._grid.horizontalSpacing()))))

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

    def _arrange(self, beside: int) -> None:
        if beside != self._beside:
            self._beside = beside
            for position, group in enumerate(self._groups):
                self._grid.addWidget(group, position // beside, position % beside)
            for column in range(len(_GROUPS) + 1):
                self._grid.setColumnStretch(column, int(column == beside))

    def _set(self, name: str, text: str, exact: str) -> None:
        self._values[name].setText(text)
        self._values[name].setToolTip(tooltip(exact))
        self._values[name].setAccessibleName(f"{name}: {text}")
