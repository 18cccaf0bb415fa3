"""HealthView: what a scan says of the file, and of a selected tensor; it follows the scan."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.ui.detail.blocks import GridView, NoteStrip, clear, heading, plain_label
from sdviewer.ui.detail.parts import Grid, Note
from sdviewer.ui.errors import describe_error
from sdviewer.ui.scan.scanning import Scan, Scanning
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_SEVERITY_OF_SIGN = {"✖": "error", "⚠": "warning"}


class HealthView(QWidget):
    """A section for the root; `notes` stands apart, for the findings of one tensor."""

    node_wanted = Signal(int)
    filter_wanted = Signal(str)

    def __init__(self, scanning: Scanning | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scanning = scanning
        self._checkpoint: Checkpoint | None = None
        self._node = -1
        self._grid: Grid | None = None
        self._lines: list[str] = []
        self._severity = ""
        self.notes = QWidget()
        self._notes = QVBoxLayout(self.notes)
        self._notes.setContentsMargins(0, 0, 0, 0)
        self._notes.setSpacing(6)
        self.verdict, self.extent = plain_label(selectable=True), plain_label(muted=True)
        for label in (self.verdict, self.extent):
            label.setWordWrap(True)
        self.scan_button, self.stop_button = QPushButton(), QPushButton(tr("Stop"))
        self.stop_button.setToolTip(tr("End the scan; what was found stays"))
        line = QHBoxLayout()
        line.setSpacing(8)
        for button in (self.scan_button, self.stop_button):
            button.setAutoDefault(False)
            line.addWidget(button)
        line.addStretch(1)
        self._blocks = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading(tr("Health")))
        column.addWidget(self.verdict)
        column.addWidget(self.extent)
        column.addLayout(line)
        column.addLayout(self._blocks)
        self.hide()
        self.notes.hide()
        self.scan_button.clicked.connect(self._scan_clicked)
        if scanning is not None:
            self.stop_button.clicked.connect(scanning.stop)
            scanning.changed.connect(self.refresh)
            scanning.judged.connect(self.refresh)

    def show_node(self, checkpoint: Checkpoint, node: int) -> None:
        """Tell of this node: the root has the section, a tensor its notes, others nothing."""
        self._checkpoint, self._node = checkpoint, node
        self.refresh()

    def refresh(self) -> None:
        """Show how things stand."""
        checkpoint, scanning = self._checkpoint, self._scanning
        if checkpoint is None or scanning is None:
            return
        what = int(checkpoint.tree.what[self._node])
        is_root = what == TreeNode.ROOT and len(checkpoint.table) > 0
        if self.isHidden() is is_root:
            self.setVisible(is_root)
        if is_root:
            self._show_file(checkpoint, scanning)
        self._show_lines(self._findings() if what == TreeNode.TENSOR else [])

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """The verdict takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_severity"):
            self._color_verdict()

    def texts(self) -> list[tuple[str, ...]]:
        """The rows of the findings that are in sight."""
        return list(self._grid.rows) if self._grid is not None else []

    def _show_file(self, checkpoint: Checkpoint, scanning: Scanning) -> None:
        found = scanning.found_in(checkpoint)
        judged = found.judged if found is not None else None
        report = judged.report if judged is not None else None
        self.verdict.setText(report.verdict if report is not None else tr("The values were not looked at yet."))
        self._severity = report.severity if report is not None else ""
        self._color_verdict()
        told = [report.extent] if report is not None else []
        told += [_state_words(scanning)]
        self.extent.setText(" ".join(filter(None, told)))
        self.extent.setVisible(bool(self.extent.text()))
        is_running = scanning.state is Scan.RUNNING
        self.scan_button.setText(_verb(scanning, is_whole=judged is not None and judged.is_whole))
        self.scan_button.setEnabled(scanning.state is not Scan.LOOKING_UP)
        self.stop_button.setVisible(is_running)
        self._show_grid(report.grid if report is not None else None)

    def _color_verdict(self) -> None:
        palette, c = QPalette(self.verdict.palette()), colors()
        color = {"error": c.error, "warning": c.warning, "good": c.good}.get(self._severity, c.text)
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text):
            palette.setColor(role, QColor(color))
        self.verdict.setPalette(palette)

    def _show_grid(self, grid: Grid | None) -> None:
        if grid == self._grid:
            return
        self._grid = grid
        clear(self._blocks)
        if grid is not None:
            view = GridView(grid, self)
            view.node_wanted.connect(self.node_wanted)
            view.filter_wanted.connect(self.filter_wanted)
            self._blocks.addWidget(view)

    def _findings(self) -> list[str]:
        scanning, checkpoint = self._scanning, self._checkpoint
        found = scanning.found_in(checkpoint) if scanning is not None and checkpoint is not None else None
        judged = found.judged if found is not None else None
        return judged.marks.words(self._node) if judged is not None else []

    def _show_lines(self, lines: list[str]) -> None:
        if lines == self._lines:
            return
        self._lines = lines
        clear(self._notes)
        for line in lines:
            sign, _, text = line.partition(" ")
            self._notes.addWidget(NoteStrip(Note(_SEVERITY_OF_SIGN.get(sign, "info"), text)))
        self.notes.setVisible(bool(lines))

    def _scan_clicked(self) -> None:
        scanning = self._scanning
        if scanning is None:
            return
        if scanning.state is Scan.RUNNING:
            scanning.set_paused(paused=not scanning.is_paused)
            self.refresh()
        else:
            scanning.start()


def _state_words(scanning: Scanning) -> str:
    match scanning.state:
        case Scan.RUNNING:
            return "The scan is paused." if scanning.is_paused else "The scan goes on …"
        case Scan.STOPPED:
            return "The scan was stopped before its end."
        case Scan.FAILED if scanning.error is not None:
            text = describe_error(scanning.error)
            return f"The scan has failed: {text.message} {text.hint}".strip()
        case _:
            return ""


def _verb(scanning: Scanning, *, is_whole: bool) -> str:
    if scanning.state is Scan.RUNNING:
        return "Resume" if scanning.is_paused else "Pause"
    if scanning.findings is None:
        return "Scan all tensors"
    return "Scan again" if is_whole else "Scan the rest"
