"""TablePane: all tensors of a checkpoint, or those that a filter leaves, as a table with its totals."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.listing import Column, Listing, Sorting, Totals
from sdviewer.checkpoint.listing_columns import TENSOR_COLUMNS
from sdviewer.checkpoint.wording import bytes_for_people, plural
from sdviewer.control import WAY, Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.models.table_model import TableModel
from sdviewer.ui.scan.scanning import SECONDS_TO_ANSWER
from sdviewer.ui.table.arranging import Arranged, arrange
from sdviewer.ui.table.columns import TableColumns
from sdviewer.ui.table.selection import RowSelection
from sdviewer.ui.table.tasks import TableTasks
from sdviewer.ui.table.view import TableView, rows_selected
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

Rows = npt.NDArray[np.integer]

# Tables up to this size are sorted and summed within a few milliseconds: no job, no flicker.
_AT_ONCE = 20_000
_MS_BETWEEN_SORTS = 1_000


class TablePane(QWidget):
    """The table, a line with totals below it, and what can be done with rows."""

    tensor_selected = Signal(int)
    """The user, or `select_tensor`, went to the tensor in this row of the tensor table."""

    current_changed = Signal(int)
    """As `tensor_selected`, and -1 when no tensor is the current one any more."""

    selection_changed = Signal()
    """Other tensors are selected, or shown."""

    export_wanted = Signal()
    """The user wants the selected tensors exported."""

    def __init__(
        self, bridge: Bridge, columns: Sequence[Column] = TENSOR_COLUMNS, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge, self._all_columns = bridge, tuple(columns)
        self._growing = frozenset(column.id for column in columns if column.grows)
        self._rows_slot: Hashable = (id(self), "rows")
        self._totals_slot: Hashable = (id(self), "totals")
        self._listing: Listing | None = None
        self._wanted: npt.NDArray[np.int64] | None = None
        self._sorting: Sorting | None = None
        self._shown_sorting: Sorting | None = None
        # The tensor that was the current one, while a filter hides it.
        self._hidden = -1
        self._waiting: set[Hashable] = set()
        # What was shown of the file before it was read again, until the new rows are there.
        self._before: tuple[Listing, RowSelection, int] | None = None

        self.model = TableModel(self._all_columns, self)
        self.view = TableView(self.model)
        self.columns = TableColumns(self.view, self._all_columns)
        # What grows is sorted anew every now and then.
        self._sort_timer = QTimer(self)
        self._sort_timer.setSingleShot(True)
        self._sort_timer.setInterval(_MS_BETWEEN_SORTS)
        self._sort_timer.timeout.connect(self._arrange)
        self.tasks = TableTasks(bridge, (id(self), "task"), self)
        self.totals = plain_label(muted=True, selectable=True)
        self.totals.setAccessibleName(tr("Totals"))
        self.totals.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.error = ErrorStrip(self.view)
        self.columns_button = _button(tr("Columns"), tr("Choose the columns"))
        self.columns_button.clicked.connect(self._choose_columns)
        self.save_button = _button(tr("Save…"), tr("Save the selected rows, or all that are shown"))
        self.save_button.clicked.connect(self._choose_format)

        line = QHBoxLayout()
        line.setContentsMargins(10, 3, 6, 3)
        line.setSpacing(6)
        line.addWidget(self.totals, 1)
        line.addWidget(self.save_button)
        line.addWidget(self.columns_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.error)
        column.addLayout(line)
        self.setFocusProxy(self.view)

        header = self.view.horizontalHeader()
        header.sortIndicatorChanged.connect(self._sort_clicked)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._header_menu)
        self.view.current_changed.connect(self._current_changed)
        self.view.selection_changed.connect(self._selection_changed)
        self.view.copy_wanted.connect(self.copy_names)
        self.view.menu_wanted.connect(self._row_menu)
        self.tasks.done.connect(self._task_done)
        self.tasks.failed.connect(self._task_failed)
        self._sum_up()

    @property
    def is_settled(self) -> bool:
        """Whether nothing that is shown here is still on its way."""
        return not self._waiting and not self.tasks.slots

    def running_slots(self) -> tuple[Hashable, ...]:
        """The slots of the jobs that run for this table."""
        return (*self._waiting, *self.tasks.slots)

    def close_jobs(self) -> None:
        """Stop everything; nothing more will be shown."""
        self._sort_timer.stop()
        for slot in self._waiting:
            self._bridge.drop(slot)
        self._waiting.clear()
        self.tasks.close_jobs()

    def show_rows(self, checkpoint: Checkpoint, rows: npt.NDArray[np.int64] | None) -> None:
        """Show these listed tensors, given in file order, or with None all; sorting and selection stay.

        Of another checkpoint (the same file, read again) names tell which tensors were selected.
        """
        if self._listing is None or self._listing.checkpoint is not checkpoint:
            if self.model.listing is not None and len(self.model.listing):
                self._before = (self.model.listing, self.model.selection, self.view.current_tensor)
            self._listing = Listing(checkpoint, self._all_columns)
            if len(self._listing) > _AT_ONCE:
                self.model.install(None, np.zeros(0, np.int32), RowSelection(0))
        self._wanted = rows
        self._arrange()

    def values_came(self, *, any_values: bool) -> None:
        """There is more in the columns that grow, or with `any_values` False nothing any more."""
        self.model.values_came()
        self.columns.show_growing(has_values=any_values)
        if self._sorting is not None and self._sorting.column in self._growing and not self._sort_timer.isActive():
            self._sort_timer.start()

    def select_tensor(self, tensor: int) -> bool:
        """Go to a tensor and select it alone; whether it is among those that are shown."""
        return self.view.go_to(tensor)

    def selected_tensors(self) -> Rows:
        """The selected tensors that are shown, as they stand, as rows of the tensor table."""
        return rows_selected(self.model)

    def copy_names(self) -> None:
        """Put the names of the selected tensors on the clipboard, a line each."""
        self._with_selected(self.tasks.copy_names)

    def copy_tsv(self) -> None:
        """Put the selected rows on the clipboard for a spreadsheet, the columns as they are shown."""
        self._with_selected(lambda listing, rows: self.tasks.copy_tsv(listing, rows, self.columns.shown()))

    def copy_markdown(self) -> None:
        """Put the selected rows on the clipboard as a Markdown table."""
        self._with_selected(lambda listing, rows: self.tasks.copy_markdown(listing, rows, self.columns.shown()))

    def copy_expressions(self) -> None:
        """Put Python that reaches the selected tensors on the clipboard, a line each."""
        self._with_selected(self.tasks.copy_expressions)

    def save_as(self, ending: str) -> None:
        """Ask for a name and save the selected rows, or if there are none all that are shown; ".csv" or ".json"."""
        if self.model.listing is None or not self.model.rowCount():
            return
        path = Path(self.model.listing.checkpoint.path)
        kind = f"{ending[1:].upper()} (*{ending})"
        suggested = str(path.with_name(f"{path.stem}-tensors{ending}"))
        target, _ = QFileDialog.getSaveFileName(self, tr("Save as {upper}", upper=ending[1:].upper()), suggested, kind)
        if target:
            self.save(target if Path(target).suffix.lower() == ending else target + ending)

    def save(self, target: str) -> None:
        """Save the selected rows, or if there are none all that are shown, as the ending of `target` says."""
        if self.model.listing is not None:
            selected = self.selected_tensors()
            rows = selected if len(selected) else self.model.rows
            self.tasks.save(self.model.listing, rows, self.columns.shown(), target)

    def state(self) -> str:
        """Columns, widths and sorting, for the settings."""
        sorting = [self._sorting.column, self._sorting.descending] if self._sorting else None
        return json.dumps({**self.columns.state(), "sorting": sorting})

    def restore_state(self, state: str) -> None:
        """Take over what `state` gave; what does not make sense is passed over."""
        try:
            known = json.loads(state)
        except (ValueError, RecursionError):
            return
        if not isinstance(known, dict):
            return
        self.columns.restore(known)
        ids = [column.id for column in self._all_columns]
        match known.get("sorting"):
            case [str(column), bool(descending)] if column in ids:
                self._show_sorting(Sorting(column, descending))
            case _:
                self._show_sorting(None)
        self._arrange()

    def sort_by(self, sorting: Sorting | None) -> None:
        """Sort by a column, or with None show the rows in file order."""
        self._show_sorting(sorting)
        self._arrange()

    def _sort_clicked(self, column: int, order: Qt.SortOrder) -> None:
        self._sorting = None
        if column >= 0:
            self._sorting = Sorting(self._all_columns[column].id, order is Qt.SortOrder.DescendingOrder)
        if self.view.current_tensor < 0:
            self.view.verticalScrollBar().setValue(0)
        self._arrange()

    def _show_sorting(self, sorting: Sorting | None) -> None:
        """Put a sorting into the header, as if it had been clicked there."""
        self._sorting = sorting
        header = self.view.horizontalHeader()
        ids = [column.id for column in self._all_columns]
        ascending, descending = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        header.blockSignals(True)
        header.setSortIndicator(
            ids.index(sorting.column) if sorting else -1,
            descending if sorting and sorting.descending else ascending,
        )
        header.blockSignals(False)
        header.viewport().update()

    def _arrange(self) -> None:
        """Bring the wanted rows into the wanted order, in a job if that takes long."""
        self._sort_timer.stop()
        listing, rows, sorting, before = self._listing, self._wanted, self._sorting, self._before
        if listing is None:
            return
        if len(listing) <= _AT_ONCE or (self.model.listing is listing and sorting is None):
            self._stop(self._rows_slot)
            self._install(arrange(listing, rows, sorting, before, Control()))
            return
        self._start(
            self._rows_slot,
            lambda control: arrange(listing, rows, sorting, before, control),
            self._install,
            self._rows_failed,
            "Sorting tensors" if sorting else "Preparing the table",
        )
        if self.model.listing is None:
            self.view.empty_text = "Preparing the table …"
            self.view.viewport().update()

    def _rows_failed(self, error: BaseException) -> None:
        """What is shown stays as it is, and the header says so."""
        wanted = self._sorting
        self._show_sorting(self._shown_sorting)
        self.view.empty_text = "The rows cannot be shown."
        self.view.viewport().update()
        self.error.show_error(error, again=lambda: self.sort_by(wanted), about="rows")

    def _install(self, arranged: Arranged) -> None:
        WAY.keep_clear(SECONDS_TO_ANSWER)
        self.error.clear("rows")
        bars = self.view.verticalScrollBar(), self.view.horizontalScrollBar()
        places = [bar.value() for bar in bars]
        is_same = self.model.listing is arranged.listing
        # What was clicked while the rows were sorted counts; a tensor that a filter hid may be back.
        selection = self.model.selection if is_same else arranged.selection
        current = arranged.current
        if is_same:
            current = self.view.current_tensor if self.view.current_tensor >= 0 else self._hidden
        self._before, self._shown_sorting = None, arranged.sorting
        self.view.empty_text = "No tensor matches." if len(arranged.listing) else "This file holds no tensors."
        self.model.install(arranged.listing, arranged.rows, selection)
        self.columns.fit()
        # Now, not when events are handled: the room for rows must be known where the current one is shown.
        self.view.updateGeometries()
        for bar, place in zip(bars, places, strict=True):
            bar.setValue(place)
        self._hidden = -1 if self.view.restore_current(current) else current
        self._selection_changed()

    def _current_changed(self, tensor: int) -> None:
        self.current_changed.emit(tensor)
        if tensor >= 0:
            self.tensor_selected.emit(tensor)

    def _selection_changed(self) -> None:
        self._sum_up()
        self.selection_changed.emit()

    def _sum_up(self) -> None:
        """Tell the totals of what is selected, or of all that is shown."""
        self._stop(self._totals_slot)
        self.error.clear("totals")
        listing = self.model.listing
        self.save_button.setEnabled(self.model.rowCount() > 0)
        if listing is None:
            self._tell("")
            return
        selected = self.selected_tensors()
        rows = selected if len(selected) else self.model.rows
        shown_rows = len(self.model.rows)
        if len(rows) <= _AT_ONCE:
            self._tell_totals(listing.totals(rows), shown_rows, is_selected=len(selected) > 0)
            return
        counted = _counted(len(rows), shown_rows, is_selected=len(selected) > 0)

        def failed(error: BaseException) -> None:
            self._tell(counted)
            self.error.show_error(error, again=self._sum_up, about="totals")

        self._tell(f"{counted} …")
        self._start(
            self._totals_slot,
            lambda _: listing.totals(rows),
            lambda totals: self._tell_totals(totals, shown_rows, is_selected=len(selected) > 0),
            failed,
            "Adding up",
        )

    def _tell_totals(self, totals: Totals, shown_rows: int, *, is_selected: bool) -> None:
        parts = [_counted(totals.tensors, shown_rows, is_selected=is_selected)]
        exact = [f"{totals.tensors:,} tensors", f"{totals.elements:,} elements", f"{totals.nbytes:,} bytes"]
        if totals.tensors:
            parts += [plural(totals.elements, "element"), bytes_for_people(totals.nbytes)]
        if totals.repeated:
            parts.append(f"{totals.repeated:,} tied, counted once")
        self._tell(" · ".join(parts), "\n".join(exact))

    def _tell(self, text: str, exact: str = "") -> None:
        self.totals.setText(text)
        self.totals.setToolTip(tooltip(exact or text))

    def _task_done(self, text: str) -> None:
        self.error.clear("task")
        self._tell(text)

    def _task_failed(self, error: BaseException, again: Callable[[], None]) -> None:
        self.error.show_error(error, again=again, about="task")

    def _with_selected(self, act: Callable[[Listing, Rows], None]) -> None:
        rows = self.selected_tensors()
        if self.model.listing is not None and len(rows):
            act(self.model.listing, rows)

    def _row_menu(self, place: QPoint) -> None:
        self._popup(self.row_menu(), place)

    def row_menu(self) -> QMenu:
        """What can be done with the selected rows."""
        menu = QMenu(self)
        chosen = bool(len(self.selected_tensors()))
        for text, act, needs in (
            (tr("Copy Names\tCtrl+C"), self.copy_names, chosen),
            (tr("Copy as TSV"), self.copy_tsv, chosen),
            (tr("Copy as Markdown"), self.copy_markdown, chosen),
            (tr("Copy Access Expression"), self.copy_expressions, chosen),
            ("", None, True),
            (tr("Export These…"), self.export_wanted.emit, chosen),
            (tr("Save as CSV…"), lambda: self.save_as(".csv"), self.model.rowCount() > 0),
            (tr("Save as JSON…"), lambda: self.save_as(".json"), self.model.rowCount() > 0),
            ("", None, True),
            (tr("Select All\tCtrl+A"), self.view.selectAll, self.model.rowCount() > 0),
        ):
            if act is None:
                menu.addSeparator()
                continue
            action = menu.addAction(text)
            action.setEnabled(needs)
            action.triggered.connect(act)
        if self.actions():
            menu.addSeparator()
            menu.addActions(self.actions())
        return menu

    def _header_menu(self, place: QPoint) -> None:
        self._popup(self.columns.menu(self), self.view.horizontalHeader().mapToGlobal(place))

    def _choose_columns(self) -> None:
        menu = self.columns.menu(self)
        corner = self.columns_button.mapToGlobal(QPoint(0, -menu.sizeHint().height()))
        self._popup(menu, corner)

    def _choose_format(self) -> None:
        menu = QMenu(self)
        for ending in (".csv", ".json"):
            action = menu.addAction(tr("Save as {upper}…", upper=ending[1:].upper()))
            action.triggered.connect(lambda _=False, ending=ending: self.save_as(ending))
        self._popup(menu, self.save_button.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    @staticmethod
    def _popup(menu: QMenu, place: QPoint) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def _start(
        self,
        slot: Hashable,
        work: Callable[[Control], Any],
        on_value: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
        title: str,
    ) -> None:
        def ended(then: Callable[[Any], None]) -> Callable[[Any], None]:
            def call(outcome: Any) -> None:
                self._waiting.discard(slot)
                then(outcome)

            return call

        self._waiting.add(slot)
        self._bridge.start(
            Lane.COMPUTING,
            slot,
            work,
            on_value=ended(on_value),
            on_error=ended(on_error),
            on_stopped=lambda: self._stopped(slot),
            title=title,
        )

    def _stopped(self, slot: Hashable) -> None:
        """Somebody cancelled a job: what is shown stays as it is, and the header says so."""
        self._waiting.discard(slot)
        self._tell("Stopped.")
        if slot == self._rows_slot:
            self._show_sorting(self._shown_sorting)
            self.view.empty_text = "Stopped."
            self.view.viewport().update()

    def _stop(self, slot: Hashable) -> None:
        if slot in self._waiting:
            self._waiting.discard(slot)
            self._bridge.drop(slot)


def _counted(count: int, shown_rows: int, *, is_selected: bool) -> str:
    if is_selected:
        return f"{count:,} of {shown_rows:,} tensors selected"
    return f"{count:,} {'tensor' if count == 1 else 'tensors'}"


def _button(text: str, name: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(name)
    button.setAccessibleName(name)
    return button
