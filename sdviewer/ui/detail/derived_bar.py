"""DerivedBar: lets the tabs of a tensor tell of what it means together with its neighbours."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from sdviewer.analysis.derived_values import Derivation, Derived, derivation_at
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.describe_derived import describe_derived, members_grid, node_of
from sdviewer.ui.detail.panes import Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_WORDS = {
    "Dequantised": (
        tr("Show the &dequantised values"),
        tr("The tabs tell of the weight that this tensor and those beside it stand for, by the formula of its format"),
    ),
    "ΔW": (
        tr("Show &ΔW, the change that the pair makes"),
        tr("The tabs tell of (α/r)·B·A, which the adapter adds to the weight"),
    ),
}


class DerivedBar(QWidget):
    """Hidden where a tensor stands for itself. What was chosen stays chosen for the next one."""

    chosen = Signal()
    """The user wants other values than are shown: see `is_wanted`."""

    arrived = Signal(object)
    """The `Selection` of derived values."""

    failed = Signal()
    """They cannot be had; the bar says why."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "derived")
        self._selection: Selection | None = None
        self._derivation: Derivation | None = None
        self.is_working = False
        self.box = QCheckBox()
        self.error = ErrorStrip(self.box, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.box)
        column.addWidget(self.error)
        self.box.toggled.connect(self._toggled)
        self.hide()

    @property
    def is_wanted(self) -> bool:
        """Whether derived values are there to be shown, and chosen."""
        return self._derivation is not None and self.box.isChecked()

    def offer(self, selection: Selection) -> None:
        """Look at another node."""
        self.close_jobs()
        derivation = derivation_at(selection.checkpoint, selection.node)
        if derivation is not None and derivation.make is None:
            derivation = None
        self._selection, self._derivation = selection, derivation
        self.setVisible(derivation is not None)
        if derivation is not None:
            words, tip = _WORDS[derivation.title]
            self.box.setText(words)
            self.box.setToolTip(tooltip(tip))

    def ask(self) -> None:
        """Have the values made ready; `arrived` or `failed` follows."""
        selection, derivation = self._selection, self._derivation
        if selection is None or derivation is None or derivation.make is None:
            return
        make = derivation.make
        self.is_working = True
        self.error.clear()

        def work(_: Control) -> Derived:
            return make()

        def value(derived: Derived) -> None:
            self.is_working = False
            parts = members_grid(selection.checkpoint, selection.node, derivation)
            description = describe_derived(derived, derivation, parts)
            self.arrived.emit(Selection(derived.checkpoint, node_of(derived), selection.title, description))

        self._bridge.start(
            Lane.READING, self._slot, work, on_value=value, on_error=self._told, title=tr("Reading scales")
        )

    def close_jobs(self) -> None:
        """Stop reading, and say nothing of what failed."""
        self._bridge.drop(self._slot)
        self.is_working = False
        self.error.clear()

    def _told(self, error: BaseException) -> None:
        self.is_working = False
        self.error.show_error(error, again=self.chosen.emit)
        self.failed.emit()

    def _toggled(self, _: bool) -> None:  # Qt
        if self._derivation is not None:
            self.chosen.emit()
