"""ChannelsView: a figure of each channel of a tensor, in their order or by size."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QSpinBox, QToolButton, QWidget

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.channels.measures import Int64, Measure, Prepared
from sdviewer.ui.plots.channels.picture import ChannelsPicture
from sdviewer.ui.plots.channels.words import channel_words, summary
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.translating import tr

_FURTHER = 20
_MS_BEFORE_TELLING = 100
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_PageUp: -_FURTHER,
    Qt.Key.Key_PageDown: _FURTHER,
}


class ChannelsView(PlotFrame):
    """Made after pyqtgraph is imported. Left and right choose a channel, Enter or a click lead to its values."""

    channel_wanted = Signal(int)
    """The values of this channel shall be shown."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(tr("Channels"), bridge, slot, parent)
        self._prepared: Prepared | None = None
        self._order: Int64 = np.empty(0, np.int64)
        self._place_of: Int64 = np.empty(0, np.int64)
        self._chosen = -1
        self.picture = ChannelsPicture(self)
        self.box = self.picture.box
        self.measures = QComboBox()
        self.measures.setAccessibleName(tr("What is drawn of each channel"))
        for measure in Measure:
            self.measures.addItem(measure.title)
            self.measures.setItemData(self.measures.count() - 1, measure.about, Qt.ItemDataRole.ToolTipRole)
        self.sorted = _toggle(tr("Sorted"), tr("The largest first"))
        self.log = _toggle(tr("Log"), tr("Draw figures by their logarithm"))
        self.number = QSpinBox()
        self.number.setPrefix(tr("Channel "))
        self.number.setAccessibleName(tr("Channel"))
        self.number.setToolTip(tr("Choose a channel; Enter in the picture, or the button beside, leads to its values"))
        self.number.setKeyboardTracking(False)
        self.values_button = QToolButton()
        self.values_button.setText(tr("Its values"))
        self.values_button.setAccessibleName(tr("Show the values of the channel"))
        self.values_button.setToolTip(tr("Show the values of this channel in the table of values"))
        for tool in (self.measures, self.sorted, self.log, self.number, self.values_button):
            self.add_tool(tool)
        self._draw_timer = QTimer(self)
        self._draw_timer.setSingleShot(True)
        self._draw_timer.setInterval(0)
        self._draw_timer.timeout.connect(self._draw)
        # Told when the view has come to rest.
        self._tell_timer = QTimer(self)
        self._tell_timer.setSingleShot(True)
        self._tell_timer.setInterval(_MS_BEFORE_TELLING)
        self._tell_timer.timeout.connect(self._tell)
        self.measures.currentIndexChanged.connect(self._lay_out)
        self.sorted.toggled.connect(self._lay_out)
        self.log.toggled.connect(self._lay_out)
        self.number.valueChanged.connect(self._number_chosen)
        self.values_button.clicked.connect(lambda: self.channel_wanted.emit(self.number.value()))
        self.box.sigXRangeChanged.connect(self._draw_timer.start)
        self.box.sigResized.connect(self._draw_timer.start)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self.recolored.connect(self.picture.recolor)
        self.picture.recolor()
        self.control_view(self.box, self.picture.show_all)
        self.set_data(self._columns)

    @property
    def is_settled(self) -> bool:
        """Whether what is in sight is drawn."""
        return not (self._draw_timer.isActive() or self._tell_timer.isActive())

    @property
    def measure(self) -> Measure:
        """What is drawn."""
        return list(Measure)[self.measures.currentIndex()]

    @property
    def chosen(self) -> int:
        """The channel with the ring, -1 for none."""
        return self._chosen

    def show_channels(self, ref: TensorRef, prepared: Prepared) -> None:
        """Draw the channels of a tensor."""
        self.set_origin(ref.checkpoint, ref.name)
        if prepared is self._prepared:
            return
        self._prepared, self._chosen = prepared, -1
        self.number.blockSignals(True)
        self.number.setRange(0, max(len(prepared.channels) - 1, 0))
        self.number.setValue(0)
        self.number.blockSignals(False)
        self.picture.choose(-1)
        self._lay_out()
        self.picture.show_all()

    def choose(self, channel: int) -> None:
        """Put a ring around a channel, and tell it."""
        prepared = self._prepared
        if prepared is None or not 0 <= channel < len(prepared.channels):
            return
        self._chosen = channel
        if self.number.value() != channel:
            self.number.setValue(channel)
        self.picture.choose(int(self._place_of[channel]))
        text = channel_words(prepared, channel)
        self.set_pointed(text)
        self.graphics.setAccessibleDescription(f"{text}. {self.summary}")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """Keys that choose a channel."""
        if event.type() is QEvent.Type.KeyPress and watched is self.graphics and self._prepared is not None:
            key = cast("QKeyEvent", event)
            if not key.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
                if key.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self._chosen >= 0:
                    self.channel_wanted.emit(self._chosen)
                    return True
                step = _STEPS.get(Qt.Key(key.key()))
                if step is not None:
                    self._step(step)
                    return True
        return super().eventFilter(watched, event)

    def _step(self, step: int) -> None:
        first, last = self.picture.places_in_sight
        place = int(self._place_of[self._chosen]) + step if self._chosen >= 0 else first if step > 0 else last - 1
        self.choose(int(self._order[min(max(place, 0), len(self._order) - 1)]))

    def _number_chosen(self, channel: int) -> None:
        if channel != self._chosen:
            self.choose(channel)

    def _lay_out(self) -> None:
        prepared = self._prepared
        if prepared is None:
            return
        channels = prepared.channels
        values = self.measure.of(channels)
        # A mean may be negative.
        may_be_log = self.measure is not Measure.MEAN
        self.log.setEnabled(may_be_log)
        is_sorted = self.sorted.isChecked()
        self._order = prepared.orders[self.measure] if is_sorted else np.arange(len(channels))
        self._place_of = np.empty(len(self._order), np.int64)
        self._place_of[self._order] = np.arange(len(self._order))
        self.picture.show_values(
            values[self._order],
            np.sort(self._place_of[prepared.dead]),
            np.sort(self._place_of[prepared.bad]),
            log=self.log.isChecked() and may_be_log,
        )
        self.picture.bottom.setLabel(f"Channel of axis {channels.axis}{', the largest first' * is_sorted}")
        if self._chosen >= 0:
            self.picture.choose(int(self._place_of[self._chosen]))
        self._tell()

    def _draw(self) -> None:
        self.picture.draw()
        self._tell_timer.start()

    def _tell(self) -> None:
        if self._prepared is not None:
            first, last = self.picture.places_in_sight
            self.set_summary(summary(self._prepared, self.measure, self._order[first:last]))

    def _pointed(self, point: QPointF) -> None:
        place = self.picture.place_at(point)
        if self._prepared is not None:
            channel = int(self._order[place]) if place >= 0 else self._chosen
            self.set_pointed(channel_words(self._prepared, channel) if channel >= 0 else "")

    def _clicked(self, event: object) -> None:
        button, point = event.button(), event.scenePos()  # type: ignore[attr-defined]  # an event of pyqtgraph
        place = self.picture.place_at(point)
        if button == Qt.MouseButton.LeftButton and place >= 0 and self._prepared is not None:
            channel = int(self._order[place])
            self.choose(channel)
            self.channel_wanted.emit(channel)

    def _columns(self) -> Columns:
        if self._prepared is None:
            return [("channel", [])]
        channels = self._prepared.channels
        return [
            ("channel", np.arange(len(channels))),
            *((measure.title.lower(), measure.of(channels)) for measure in Measure),
            ("nan or infinite", channels.nonfinite),
            ("dead", np.where(channels.dead, "true", "false")),
        ]


def _toggle(title: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(title)
    button.setToolTip(tip)
    button.setAccessibleName(f"{title}: {tip[:1].lower()}{tip[1:]}")
    button.setCheckable(True)
    return button
