"""ParameterTable: the parameters of an optimizer; a double click or Enter leads to one, or to its state."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from sdviewer.control import WAY
from sdviewer.ui.models.optimizer_model import OptimizerModel
from sdviewer.ui.plain_table import make_plain
from sdviewer.ui.translating import tr

_ROWS_MEASURED = 100
_NARROWEST_NAME = 120
_WIDEST = 220
_MOST_COPIED = 100_000
_TOLD_BY = 1
_FIRST_OF_STATE = 2


class ParameterTable(QTableView):
    """One row is selected; the first column takes the room that others leave."""

    current_changed = Signal(int)
    """Another row is the current one, -1 for none."""

    parameter_wanted = Signal(int)
    """The parameter of this row shall be shown."""

    state_wanted = Signal(int)
    """The state of this row shall be shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameters = OptimizerModel(None, self)
        self.setAccessibleName(tr("Parameters and their state"))
        self.setModel(self.parameters)
        self.setMinimumHeight(6 * make_plain(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.doubleClicked.connect(self._follow)
        self.selectionModel().currentRowChanged.connect(lambda new, _: self.current_changed.emit(new.row()))

    def show_rows(self) -> None:
        """Other rows are in the model: as wide as their first ones ask for."""
        metrics, head = QFontMetrics(self.font()), QFontMetrics(self.horizontalHeader().font())
        model = self.parameters
        known = model.known
        for column in range(model.columnCount()):
            # Asked directly: through the model's indices it takes five times as long.
            rows = range(min(model.rowCount(), _ROWS_MEASURED))
            texts = [known.cell(row, column) for row in rows] if known is not None else []
            longest = max(map(metrics.horizontalAdvance, texts), default=0)
            title = head.horizontalAdvance(str(model.headerData(column, Qt.Orientation.Horizontal)))
            self.horizontalHeader().resizeSection(column, min(max(longest, title) + 22, _WIDEST))
        if known is not None:
            self.setColumnHidden(_TOLD_BY, known.is_told_alike)
        self._fit_name()

    def go_to_row(self, row: int) -> None:
        """Make a row the current one, and bring it into sight."""
        self.setCurrentIndex(self.parameters.index(row, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """The names take what is left."""
        super().resizeEvent(event)
        self._fit_name()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """Qt asks the model several times a cell: nothing else may keep the interpreter meanwhile."""
        WAY.keep_clear()
        super().paintEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """Enter leads to the parameter, with Shift to its state; Ctrl+C copies rows."""
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            is_state = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            (self.state_wanted if is_state else self.parameter_wanted).emit(row)
        elif event.matches(QKeySequence.StandardKey.Copy) and self.selectionModel().hasSelection():
            self._copy()
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        known = self.parameters.known
        if known is None:
            return
        selection = self.selectionModel().selection()
        parts = [selection.at(place) for place in range(selection.count())]
        rows = sorted({row for part in parts for row in range(part.top(), part.bottom() + 1)})
        columns = range(len(known.header))
        lines = ["\t".join(known.cell(row, column) for column in columns) for row in rows[:_MOST_COPIED]]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _follow(self, index: QModelIndex) -> None:
        (self.parameter_wanted if index.column() < _FIRST_OF_STATE else self.state_wanted).emit(index.row())

    def _fit_name(self) -> None:
        header = self.horizontalHeader()
        # A hidden one takes no room.
        others = sum(header.sectionSize(column) for column in range(1, header.count()))
        if header.count():
            header.resizeSection(0, max(_NARROWEST_NAME, self.viewport().width() - others))
