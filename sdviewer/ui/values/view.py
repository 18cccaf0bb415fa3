"""ValuesView: the values of one tensor, read while they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QPalette, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import Frame, Page, Window, frame_of, parse_index, value_shape, window_around
from sdviewer.checkpoint.value_pages import PagedValues
from sdviewer.checkpoint.value_saving import saved_dtype
from sdviewer.checkpoint.wording import shown
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import GridView, clear, heading, plain_label
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.errors import ErrorPanel, describe_error
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr
from sdviewer.ui.values.axes_bar import AxesBar
from sdviewer.ui.values.fetching import PageFetcher
from sdviewer.ui.values.footer import Footer
from sdviewer.ui.values.keys import VALUES_KEYS
from sdviewer.ui.values.reasons import components_of, why_no_table
from sdviewer.ui.values.table import ValuesTable
from sdviewer.ui.values.tasks import ValueTasks, file_name_for


class ValuesView(QWidget):
    """Table, axes and footer; the reason where there is no table, or the error."""

    message = Signal(str)
    """What was copied or saved, or why not: one sentence for the status bar."""

    component_wanted = Signal(int)
    """The user wants the tensor in this row of the tensor table: it holds values of the one shown."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ref: TensorRef | None = None
        self._is_behind = False
        self.fetcher = PageFetcher(bridge, (slot, "values"), self)
        self.tasks = ValueTasks(bridge, (slot, "values"), self)
        self.setBackgroundRole(QPalette.ColorRole.Base)

        self.save_button = QToolButton()
        self.save_button.setText(tr("Save as .npy…"))
        self.save_button.setAccessibleName(tr("Save the whole tensor as a .npy file"))
        self.save_button.clicked.connect(self.save_npy)
        self.axes = AxesBar(self.save_button)
        self.notice = plain_label(selectable=True)
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.table = ValuesTable()
        self.footer = Footer()
        self.task_error = ErrorStrip(self.table)
        self._content = QWidget()
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.axes)
        column.addWidget(self.notice)
        column.addWidget(self.table, 1)
        column.addWidget(self.footer)

        self._nothing = QWidget()
        self._refusal = QWidget()
        self.reason = plain_label(selectable=True)
        self.reason.setWordWrap(True)
        self._components = QVBoxLayout()
        refused = QVBoxLayout(self._refusal)
        refused.setContentsMargins(0, 10, 0, 0)
        refused.addWidget(self.reason)
        refused.addLayout(self._components)
        refused.addStretch(1)
        self.error = ErrorPanel(tr("The values cannot be read"))
        self.error.retry.connect(self._try_again)
        self._stack = QStackedWidget()
        for page in (self._nothing, self._content, self._refusal, self.error):
            self._stack.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.task_error)
        outer.addWidget(self._stack, 1)
        QWidget.setTabOrder(self.axes.line, self.save_button)
        QWidget.setTabOrder(self.save_button, self.table)

        self.axes.frame_wanted.connect(self._show_frame)
        self.axes.index_wanted.connect(self.go_to)
        self.table.wanted.connect(self._fetch)
        self.table.go_wanted.connect(self._go_to_cell)
        self.table.copy_wanted.connect(self.copy_tsv)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.cell_changed.connect(self._show_cell)
        self.footer.rows.first_wanted.connect(self._go_to_row)
        self.footer.columns.first_wanted.connect(self._go_to_column)
        self.fetcher.arrived.connect(self._arrived)
        self.fetcher.failed.connect(self._show_error)
        self.fetcher.stopped.connect(self._show_stopped)
        self.tasks.done.connect(self._say)
        self.tasks.failed.connect(self._task_failed)
        go = QShortcut(VALUES_KEYS.sequence("go_to"), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        go.activated.connect(self.start_go_to)

    @property
    def is_settled(self) -> bool:
        """Whether nothing that is in sight is still to be read."""
        if self._is_behind or self.fetcher.is_busy:
            return False
        return self._stack.currentWidget() is not self._content or not self.table.pages_in_sight()

    @property
    def frame(self) -> Frame | None:
        """What the table shows of the tensor."""
        pages = self.table.values_model.pages
        return pages.frame if pages is not None else None

    def show_tensor(self, ref: TensorRef | None) -> None:
        """Show a tensor, at once if this widget is in sight, else as soon as it is; None shows nothing."""
        self._ref, self._is_behind = ref, True
        self.fetcher.read_from(None)
        if self.isVisible():
            self._catch_up()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """Take up what was not worth doing unseen."""
        super().showEvent(event)
        if self._is_behind:
            self._catch_up()

    def close_jobs(self) -> None:
        """Stop reading, copying and saving; nothing more will be shown."""
        self.fetcher.read_from(None)
        self.tasks.close_jobs()

    def start_go_to(self) -> None:
        """Let the user type an index."""
        if self._stack.currentWidget() is self._content:
            self.axes.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.axes.line.selectAll()

    def go_to(self, text: str) -> None:
        """Go to the index that someone typed; if it is none, say so and stay."""
        frame = self.frame
        if frame is None:
            return
        try:
            index = parse_index(text, frame.shape)
        except IndexError as error:
            self._set_notice(str(error), is_error=True)
            self.message.emit(str(error))
            return
        self._set_notice("")
        target, row, column = frame.holding(index)
        if target != frame:
            self._show_frame(target)
        self._go_to_cell(row, column, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.table.setFocus()

    def copy_tsv(self) -> None:
        """Copy the selected rectangle as tab-separated lines, every digit kept."""
        self._copy(python=False)

    def copy_python(self) -> None:
        """Copy the selected rectangle as a Python list, every digit kept."""
        self._copy(python=True)

    def save_npy(self) -> None:
        """Ask for a name and write the whole tensor there."""
        ref = self._ref
        if ref is None or self._stack.currentWidget() is not self._content:
            return
        folder = Path(ref.checkpoint.path).absolute().parent
        dialog = QFileDialog(
            self, tr("Save the Whole Tensor"), str(folder / file_name_for(ref)), tr("NumPy arrays (*.npy)")
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("npy")
        dialog.fileSelected.connect(lambda path: self.tasks.save(ref, path))
        dialog.open()

    def _catch_up(self) -> None:
        self._is_behind = False
        self._set_notice("")
        self.task_error.clear()
        ref = self._ref
        if ref is None:
            self._show_nothing(self._nothing)
            return
        reason = why_no_table(ref)
        if reason:
            self.reason.setText(reason)
            clear(self._components)
            grid = components_of(ref)
            if grid is not None:
                self._components.addWidget(heading(grid.title))
                view = GridView(grid, self)
                view.node_wanted.connect(self.component_wanted)
                self._components.addWidget(view)
            self._show_nothing(self._refusal)
            return
        dtype = saved_dtype(ref)
        self.save_button.setEnabled(bool(dtype))
        tip = f"Save the whole tensor as {dtype}"
        if not dtype:
            tip = f"What values {shown(ref.dtype)} stands for is not known"
        elif dtype != ref.dtype:
            tip += f", because numpy has no {ref.dtype}"
        self.save_button.setToolTip(tooltip(tip))
        self.table.fit(ref.checkpoint.table.dtype_of(ref.row))
        frame = frame_of(value_shape(ref))
        self._stack.setCurrentWidget(self._content)
        self._show_pages(PagedValues(ref, frame), window_around(frame, 0, 0))
        self._select(0, 0)

    def _show_nothing(self, page: QWidget) -> None:
        self.table.values_model.show_pages(None)
        self.fetcher.read_from(None)
        self._stack.setCurrentWidget(page)

    def _show_frame(self, frame: Frame) -> None:
        """Another frame of the tensor; the current cell stays current if it is still in the frame."""
        if self._ref is None:
            return
        model, current = self.table.values_model, self.table.currentIndex()
        row, column = model.place(current) if current.isValid() else (0, 0)
        before, window = self.frame, model.window
        others_run = before is None or (before.row_axis, before.column_axis) != (frame.row_axis, frame.column_axis)
        if before is None or others_run:
            row, column = (column, row) if before is not None and before.transposed() == frame else (0, 0)
            window = window_around(frame, row, column)
        self._show_pages(PagedValues(self._ref, frame), window)
        if others_run:
            self._select(row, column)
        self._show_cell()

    def _show_pages(self, pages: PagedValues, window: Window) -> None:
        self.fetcher.read_from(pages)
        self.table.values_model.show_pages(pages, window)
        self.axes.show_frame(pages.frame)
        self.footer.show_window(pages.frame, window)
        self.table.viewport().update()

    def _go_to_cell(
        self, row: int, column: int, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Make a cell of the frame current, in another window if it must be."""
        model = self.table.values_model
        if model.pages is None:
            return
        if not model.window.holds(row, column):
            window = window_around(model.pages.frame, row, column)
            model.show_pages(model.pages, window)
            self.footer.show_window(model.pages.frame, window)
        self._select(row, column, hint)

    def _select(
        self, row: int, column: int, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        model = self.table.values_model
        index = model.index(row - model.window.first_row, column - model.window.first_column)
        self.table.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.table.scrollTo(index, hint)

    def _go_to_row(self, row: int) -> None:
        current = self.table.currentIndex()
        column = self.table.values_model.place(current)[1] if current.isValid() else 0
        self._go_to_cell(row, column)

    def _go_to_column(self, column: int) -> None:
        current = self.table.currentIndex()
        row = self.table.values_model.place(current)[0] if current.isValid() else 0
        self._go_to_cell(row, column)

    def _fetch(self) -> None:
        if self.isVisible():
            self.fetcher.want(self.table.pages_in_sight())

    def _arrived(self, pages: list[Page]) -> None:
        model = self.table.values_model
        for page in pages:
            block = model.pages.block(page) if model.pages is not None else None
            if block is not None:
                self.table.widen(block.longest)
                model.page_arrived(page)
        self._show_cell()

    def _show_cell(self) -> None:
        model, current = self.table.values_model, self.table.currentIndex()
        rows, columns = self.table.selected()
        self.footer.show_cell(model.exact_lines(current) if current.isValid() else (), len(rows), len(columns))

    def _show_error(self, error: BaseException) -> None:
        self.error.heading.setText(tr("The values cannot be read"))
        self.error.show_error(error)
        self._stack.setCurrentWidget(self.error)

    def _show_stopped(self) -> None:
        self.error.show_stopped(tr("Reading the values was stopped"))
        self._stack.setCurrentWidget(self.error)

    def _try_again(self) -> None:
        self._stack.setCurrentWidget(self._content)
        self.table.setFocus()
        self.table.viewport().update()

    def _copy(self, *, python: bool) -> None:
        pages, window = self.table.values_model.pages, self.table.values_model.window
        rows, columns = self.table.selected()
        if pages is None or not rows or not columns:
            return
        down = range(window.first_row + rows.start, window.first_row + rows.stop)
        across = range(window.first_column + columns.start, window.first_column + columns.stop)
        self._set_notice("")
        refusal = self.tasks.copy(pages.ref, pages.frame, down, across, python=python)
        if refusal:
            self._set_notice(refusal, is_error=True)
            self.message.emit(refusal)

    def _show_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        tsv = QAction(tr("&Copy as TSV"), menu)
        tsv.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        tsv.triggered.connect(self.copy_tsv)
        menu.addAction(tsv)
        menu.addAction(tr("Copy as &Python List"), self.copy_python)
        menu.addSeparator()
        go = QAction(tr("&Go to Index"), menu)
        go.setShortcut(VALUES_KEYS.sequence("go_to"))
        go.triggered.connect(self.start_go_to)
        menu.addAction(go)
        save = menu.addAction(tr("&Save the Whole Tensor as .npy…"), self.save_npy)
        save.setEnabled(self.save_button.isEnabled())
        menu.popup(place)

    def _say(self, text: str) -> None:
        self.task_error.clear()
        self._set_notice(text)
        self.message.emit(text)

    def _task_failed(self, error: BaseException, again: Callable[[], None]) -> None:
        self.task_error.show_error(error, again=again)
        self.message.emit(describe_error(error).message)

    def _set_notice(self, text: str, *, is_error: bool = False) -> None:
        # The palette's own colours, so that another theme finds them right.
        self.notice.setForegroundRole(QPalette.ColorRole.BrightText if is_error else QPalette.ColorRole.PlaceholderText)
        self.notice.setText(f"✖ {text}" if is_error else text)
        self.notice.setVisible(bool(text))
