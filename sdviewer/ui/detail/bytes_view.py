"""BytesView: where the bytes of a checkpoint go, and what that suggests: export the model, compare it with its EMA."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.optimizers import group_options, optimizer_name
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.wording import bytes_for_people, shown
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.translating import tr

_PARTS_TOLD = 6


class BytesView(QWidget):
    """For the root of a file whose model is one of several parts with tensors; hidden for all else."""

    export_wanted = Signal(str)
    """This section alone shall be exported."""

    sections_wanted = Signal(str, str)
    """These two sections shall be compared."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = self._ema = ""
        self.text = plain_label(selectable=True)
        self.text.setWordWrap(True)
        self.export_button, self.compare_button = QPushButton(), QPushButton(tr("Compare model with EMA"))
        self.compare_button.setToolTip(tr("Open a comparison of the two, tensor by tensor"))
        self.export_button.setToolTip(tr("Open the export with the model alone; what lies beside it stays out"))
        flow = FlowLayout()
        for button in (self.export_button, self.compare_button):
            button.setAutoDefault(False)
            flow.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading(tr("Where the bytes go")))
        column.addWidget(self.text)
        column.addLayout(flow)
        self.export_button.clicked.connect(lambda: self.export_wanted.emit(self._model))
        self.compare_button.clicked.connect(lambda: self.sections_wanted.emit(self._model, self._ema))
        self.hide()

    def show_node(self, checkpoint: Checkpoint, node: int) -> None:
        """Show the parts of a file, or nothing for a node in it."""
        parts = [section for section in checkpoint.sections.values() if len(section.rows) and section.nbytes]
        models = [section for section in parts if section.kind == "model"]
        is_told = node == 0 and bool(models) and len(parts) > 1
        if is_told:
            self._fill(checkpoint, parts, models)
        if self.isHidden() == is_told:
            self.setVisible(is_told)

    def _fill(self, checkpoint: Checkpoint, parts: list[Section], models: list[Section]) -> None:
        told = [f"{_called(checkpoint, part)} {bytes_for_people(part.nbytes)}" for part in parts]
        # The order of the file is that of training code: the model first.
        more = len(told) - _PARTS_TOLD
        self.text.setText(", ".join(told[:_PARTS_TOLD]) + (tr(", {more:,} more below", more=more) if more > 0 else ""))
        model = max(models, key=lambda part: part.nbytes)
        copies = [part for part in parts if part.kind == "ema"]
        self._model = model.name
        self._ema = max(copies, key=lambda part: part.nbytes).name if copies else ""
        only = "the model" if len(models) == 1 else shown(model.name, 40)
        self.export_button.setText(f"Export {only} only".replace("&", "&&"))
        self.compare_button.setVisible(bool(copies))


def _called(checkpoint: Checkpoint, section: Section) -> str:
    if section.kind == "optimizer":
        name = optimizer_name(group_options(checkpoint.description.structure, section.node))
        return f"{name} state" if name else shown(section.name, 40)
    return "EMA" if section.kind == "ema" else shown(section.name, 40)
