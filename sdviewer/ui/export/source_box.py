"""SourceBox: what of a checkpoint is exported, to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.ui.export.sources import SourceChoice, choices_of
from sdviewer.ui.export.wishes import Chosen
from sdviewer.ui.translating import tr


class SourceBox(QComboBox):
    """Shows what is chosen; another choice of the user leaves it as a wish."""

    wished = Signal(object)
    """A `Chosen`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices: tuple[SourceChoice, ...] = ()
        self.setAccessibleName(tr("What is exported"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.currentIndexChanged.connect(self._chosen)

    def show_chosen(self, checkpoint: Checkpoint, chosen: Chosen, selected: Sequence[int]) -> bool:
        """Offer what there is, and `selected` rows; False if there is nothing."""
        self._choices = choices_of(checkpoint, chosen.rows or selected, chosen.section)
        self.blockSignals(True)
        self.clear()
        self.addItems([choice.title for choice in self._choices])
        if self._choices:
            self.setCurrentIndex([choice.chosen for choice in self._choices].index(chosen))
        self.blockSignals(False)
        return bool(self._choices)

    def _chosen(self, at: int) -> None:
        if 0 <= at < len(self._choices):
            self.wished.emit(self._choices[at].chosen)
