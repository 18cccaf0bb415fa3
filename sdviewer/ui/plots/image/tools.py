"""ImageTools: the controls above a picture: layout, what a pixel tells, colours and their limits, margins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QToolButton, QWidget

from sdviewer.analysis.raster import How
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.plots.image.color_maps import MAPS
from sdviewer.ui.plots.image.drawing import Limits
from sdviewer.ui.plots.image.layouts import Layout
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_MOST_TILES = 1_000_000
_TIP = Qt.ItemDataRole.ToolTipRole

_HOWS = (
    (How.MEAN, "Mean", "Each pixel is the mean of its values"),
    (How.LARGEST, "Largest", "Each pixel is the value of largest magnitude, so that a lone outlier stays in sight"),
    (How.RANGE, "Range", "Each pixel is its largest value less its smallest"),
)


class Margins(Enum):
    """What stands beside the picture for each row and column."""

    NONE = "No margins"
    MEANS = "Means"
    NORMS = "RMS"


class ImageTools(QObject):
    """`widgets` stand in a row; the signals say what the user chose."""

    layout_wanted = Signal()
    style_changed = Signal()
    margins_changed = Signal()
    square_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layouts: Sequence[Layout] = ()
        self._limits: Limits | None = None
        self._shown: Limits = (0.0, 1.0)
        self.layouts = _choice("Layout: how the values lie on the plane", ())
        self.count_box = QSpinBox()
        self.count_box.setRange(0, _MOST_TILES)
        self.count_box.setSpecialValueText("auto")
        self.count_box.setKeyboardTracking(False)
        self.count_box.setAccessibleName(tr("Tiles in a line"))
        self.count_box.setToolTip(tr("How many stand in a line"))
        self.hows = _choice("What a pixel tells of its values", [(title, tip) for _, title, tip in _HOWS])
        names = [("Automatic", "Two colours where zero is in the middle, else one scale")]
        self.maps = _choice("Colours", names + [(each.name, "") for each in MAPS])
        self.low, self.high = (_limit_line(f"{which} limit of the colours") for which in ("Lower", "Upper"))
        self.auto = QToolButton()
        self.auto.setText(tr("Auto"))
        self.auto.setCheckable(True)
        self.auto.setChecked(True)
        tip = "Limits that hold 99.5 % of what is in sight, symmetric about zero where values have both signs"
        self.auto.setToolTip(tip)
        self.auto.setAccessibleName(tr("Automatic limits: {tip}", tip=tip))
        self.margins_box = _choice("Beside the picture, for each row and column", [(m.value, "") for m in Margins])
        self.square = QToolButton()
        self.square.setText(tr("Square cells"))
        self.square.setCheckable(True)
        self.square.setToolTip(tr("Cells as wide as high; else the picture fills the pane"))
        self.square.setAccessibleName(tr("Square cells"))
        limits = QWidget()
        row = QHBoxLayout(limits)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.low, plain_label("to", muted=True), self.high, self.auto):
            row.addWidget(widget)
        self.widgets = (
            self.layouts,
            self.count_box,
            self.hows,
            self.maps,
            limits,
            self.margins_box,
            self.square,
        )
        self.layouts.currentIndexChanged.connect(self._layout_chosen)
        self.count_box.valueChanged.connect(self.layout_wanted)
        self.hows.currentIndexChanged.connect(self._how_chosen)
        self.maps.currentIndexChanged.connect(self.style_changed)
        self.margins_box.currentIndexChanged.connect(self.margins_changed)
        self.square.toggled.connect(self.square_changed)
        self.auto.clicked.connect(self._auto_clicked)
        for line in (self.low, self.high):
            line.editingFinished.connect(self._limits_edited)

    @property
    def chosen_layout(self) -> Layout | None:
        """The layout, None before there is any."""
        index = self.layouts.currentIndex()
        return self._layouts[index] if 0 <= index < len(self._layouts) else None

    @property
    def layout_title(self) -> str:
        """Its title."""
        return self.layouts.currentText()

    @property
    def count(self) -> int:
        """Tiles in a line, 0 for as many as suit."""
        return self.count_box.value()

    @property
    def how(self) -> How:
        """What a pixel tells."""
        return _HOWS[self.hows.currentIndex()][0]

    @property
    def map_name(self) -> str:
        """The colours, "" for those that suit."""
        return self.maps.currentText() if self.maps.currentIndex() else ""

    @property
    def limits(self) -> Limits | None:
        """What the user set, None for limits that suit."""
        return self._limits

    @property
    def margins(self) -> Margins:
        """What stands beside the picture."""
        return tuple(Margins)[self.margins_box.currentIndex()]

    @property
    def is_square(self) -> bool:
        """Whether cells are as wide as high."""
        return self.square.isChecked()

    def show_layouts(self, layouts: Sequence[Layout], index: int) -> None:
        """Offer these, one of them chosen; nothing is emitted."""
        self._layouts = layouts
        blockers = [QSignalBlocker(widget) for widget in (self.layouts, self.count_box)]
        self.layouts.clear()
        for place, layout in enumerate(layouts):
            self.layouts.addItem(layout.title)
            self.layouts.setItemData(place, layout.tip, _TIP)
        self.layouts.setCurrentIndex(index)
        self.layouts.setVisible(len(layouts) > 1)
        self.count_box.setValue(0)
        self.count_box.setVisible(layouts[index].takes_count)
        for blocker in blockers:
            blocker.unblock()

    def suggest_square(self, *, is_square: bool) -> None:
        """What suits the plane; nothing is emitted."""
        blocker = QSignalBlocker(self.square)
        self.square.setChecked(is_square)
        blocker.unblock()

    def forget_limits(self) -> None:
        """Limits that suit, for another tensor; nothing is emitted."""
        self._limits = None
        self.auto.setChecked(True)

    def show_limits(self, limits: Limits) -> None:
        """Show the limits in force, unless one is being typed."""
        self._shown = limits
        for line, value in zip((self.low, self.high), limits, strict=True):
            if not (line.hasFocus() and line.isModified()):
                line.setText(f"{value:.4g}")
                line.setToolTip(f"{line.accessibleName()}: {value!r}")

    def _layout_chosen(self) -> None:
        layout = self.chosen_layout
        if layout is not None:
            blocker = QSignalBlocker(self.count_box)
            self.count_box.setValue(0)
            blocker.unblock()
            self.count_box.setVisible(layout.takes_count)
            self.layout_wanted.emit()

    def _how_chosen(self) -> None:
        # Limits of means say nothing about ranges.
        self.forget_limits()
        self.style_changed.emit()

    def _auto_clicked(self) -> None:
        self._limits = None if self.auto.isChecked() else self._shown
        self.style_changed.emit()

    def _limits_edited(self) -> None:
        if not (self.low.isModified() or self.high.isModified()):
            return
        shown = [f"{value:.4g}" for value in self._shown]
        values = []
        for line, text, value in zip((self.low, self.high), shown, self._shown, strict=True):
            line.setModified(False)
            # What is left as it was shown is the value with all its digits.
            values.append(value if line.text() == text else _number(line.text()))
        low, high = values
        if not low < high:
            self.show_limits(self._shown)
            return
        if (low, high) != self._shown:
            self._limits = (low, high)
            self.auto.setChecked(False)
            self.style_changed.emit()


def _number(text: str) -> float:
    """What someone typed, NaN if it is no number that can be a limit."""
    try:
        value = float(text.strip().replace("−", "-").replace(",", "."))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _choice(name: str, items: Sequence[tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(name)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    for place, (title, tip) in enumerate(items):
        box.addItem(title)
        box.setItemData(place, tip, _TIP)
    return box


def _limit_line(name: str) -> QLineEdit:
    line = QLineEdit()
    line.setAcceptDrops(False)
    line.setFont(number_font())
    line.setAccessibleName(name)
    line.setMaxLength(40)
    line.setFixedWidth(94)
    line.setAlignment(Qt.AlignmentFlag.AlignRight)
    return line
