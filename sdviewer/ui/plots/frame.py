"""PlotFrame: what every plot has around it: tools, a summary in words, keys, and ways to take it along."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.saving import save_whole
from sdviewer.checkpoint.wording import bytes_for_people, shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.errors import describe_error
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.menu_button import MenuButton
from sdviewer.ui.pane_tasks import PaneTasks
from sdviewer.ui.plots.saving import Columns, csv_pieces, file_stem, image_of, png_of, svg_of
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

_STEP = 0.1
_ZOOM = 0.8
_EDGE = 1  # pixels around the picture that show whether it has the keys


class PlotFrame(QWidget):
    """A pyqtgraph scene with a row of tools above and its summary below. Made after pyqtgraph is imported.

    Whoever draws puts its items into `graphics`, its controls into the row with `add_tool`, tells what the
    picture shows with `set_summary`, and what CSV has to hold with `set_data`. Arrows, + and −, and Home move
    the view that `control_view` names.

    Attributes:
        graphics: the scene; none of pyqtgraph's menus belong to it.
        caption: the summary, or for a while what is under the pointer.

    """

    message = Signal(str)
    """What was saved or copied, or why not: one sentence for the status bar."""

    recolored = Signal()
    """The theme is another one: whatever is drawn takes its colours anew from `theme.colors`."""

    def __init__(self, title: str, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        from sdviewer.ui.plots.graphics import Graphics

        super().__init__(parent)
        self._title, self._summary = title, ""
        self._checkpoint: Checkpoint | None = None
        self._name = ""
        self._data: Callable[[], Columns] | None = None
        self._box: Any = None
        self._show_all: Callable[[], object] | None = None
        self._axes: list[Any] = []
        self.tasks = PaneTasks(bridge, (slot, "picture"), Lane.COMPUTING, self)
        self.graphics = Graphics()
        self.graphics.setFrameShape(self.graphics.Shape.NoFrame)
        self.graphics.setAccessibleName(title)
        self.graphics.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.graphics.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.graphics.setMinimumHeight(120)
        self.graphics.ci.setContentsMargins(0, 4, 0, 0)
        self.graphics.ci.setSpacing(0)
        self.graphics.customContextMenuRequested.connect(self._pop_up)
        self.graphics.installEventFilter(self)
        self._tools = FlowLayout()
        self._last_tool: QWidget | None = None
        self.save_button = MenuButton(tr("Save or copy"), tr("Save or copy: {title}", title=title))
        self.menu = QMenu(self)
        self.menu.addAction(tr("Save Picture as &PNG…"), self.ask_png)
        self.menu.addAction(tr("Save Picture as &SVG…"), self.ask_svg)
        self._csv = self.menu.addAction(tr("Save &Data as CSV…"), self.ask_csv)
        self.menu.addSeparator()
        self.menu.addAction(tr("&Copy Picture"), self.copy_picture)
        self.menu.addAction(tr("Copy S&ummary"), self.copy_summary)
        self._whole = self.menu.addAction(tr("Show &All\tHome"), self.show_all)
        self._whole.setVisible(False)
        self._csv.setEnabled(False)
        self.save_button.setMenu(self.menu)
        self.tool_row = QWidget()
        row = QHBoxLayout(self.tool_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(self._tools, 1)
        row.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignTop)
        self.caption = plain_label(" ", muted=True, selectable=True)
        self.caption.setWordWrap(True)
        self.caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.task_error = ErrorStrip(self.graphics)
        column = QVBoxLayout(self)
        column.setContentsMargins(_EDGE, _EDGE, _EDGE, _EDGE)
        column.setSpacing(4)
        column.addWidget(self.tool_row)
        column.addWidget(self.graphics, 1)
        column.addWidget(self.caption)
        column.addWidget(self.task_error)
        self.tasks.done.connect(self._say)
        self.tasks.failed.connect(self._task_failed)
        self._recolor()

    @property
    def summary(self) -> str:
        """The picture in words."""
        return self._summary

    def set_origin(self, checkpoint: Checkpoint, name: str) -> None:
        """Say of what the picture is: `name` is a tensor's or module's, for titles and for the names of files."""
        self._checkpoint, self._name = checkpoint, name

    def set_summary(self, text: str) -> None:
        """Tell the picture in words: with the minimum, the maximum and the peak of what is shown."""
        self._summary = text
        self.caption.setText(text)
        self.graphics.setAccessibleDescription(text)

    def set_pointed(self, text: str) -> None:
        """Tell what is under the pointer; "" brings the summary back."""
        self.caption.setText(text or self._summary)

    def set_data(self, columns: Callable[[], Columns] | None) -> None:
        """What CSV holds: asked for on the GUI thread when it is wanted, turned into text in a job."""
        self._data = columns
        self._csv.setEnabled(columns is not None)

    def add_tool(self, widget: QWidget) -> None:
        """One more control in the row above the picture."""
        self._tools.addWidget(widget)
        # Tab goes as the eyes do: the tools, what stands behind them, the picture.
        if self._last_tool is not None:
            self.setTabOrder(self._last_tool, widget)
        self._last_tool = widget
        self.setTabOrder(widget, self.save_button)
        self.setTabOrder(self.save_button, self.graphics)

    def control_view(self, box: Any, show_all: Callable[[], object]) -> None:
        """Let the keys move this ViewBox, along the axes that the mouse may move; Home calls `show_all`."""
        self._box, self._show_all = box, show_all
        self._whole.setVisible(True)

    def add_axis(self, side: str, box: Any, row: int, column: int) -> Any:
        """A pyqtgraph axis of a ViewBox in the colours of the theme, now and later."""
        import pyqtgraph  # type: ignore[import-untyped]  # it has no types

        axis = pyqtgraph.AxisItem(side)
        axis.enableAutoSIPrefix(False)
        axis.linkToView(box)
        self.graphics.addItem(axis, row=row, col=column)
        self._axes.append(axis)
        self._color_axis(axis)
        return axis

    def show_all(self) -> None:
        """Bring all into sight."""
        if self._show_all is not None:
            self._show_all()

    def save_png(self, target: str) -> None:
        """Write what is shown as a PNG, twice as fine as on the screen."""
        image = image_of(self.graphics, self._full_title(), self._summary)
        self._save(target, lambda _: (png_of(image),))

    def save_svg(self, target: str) -> None:
        """Write what is shown as an SVG."""
        picture = svg_of(self.graphics, self._full_title(), self._summary)
        self._save(target, lambda _: (picture,))

    def save_csv(self, target: str) -> None:
        """Write the data of the picture."""
        if self._data is not None:
            columns = self._data()
            self._save(target, lambda control: csv_pieces(columns, control))

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""
        QGuiApplication.clipboard().setImage(image_of(self.graphics, self._full_title(), self._summary))
        self._say(tr("Copied the picture."))

    def copy_summary(self) -> None:
        """Put the summary on the clipboard."""
        QGuiApplication.clipboard().setText(f"{self._full_title()}\n{self._summary}")
        self._say(tr("Copied the summary."))

    def ask_png(self) -> None:
        """Ask for a name and save the picture there."""
        self._ask("png", "PNG pictures", self.save_png)

    def ask_svg(self) -> None:
        """Ask for a name and save the picture there."""
        self._ask("svg", "SVG pictures", self.save_svg)

    def ask_csv(self) -> None:
        """Ask for a name and save the data there."""
        self._ask("csv", "CSV tables", self.save_csv)

    def close_jobs(self) -> None:
        """Stop saving; a file that was being written is gone."""
        self.tasks.close_jobs()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new theme has other colours."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "task_error"):
            self._recolor()
            self.recolored.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """Keys that move the picture; its edge tells whether it has them."""
        kind = event.type()
        if kind in {QEvent.Type.FocusIn, QEvent.Type.FocusOut}:
            self.update()
        elif kind is QEvent.Type.KeyPress and self._moved(cast("QKeyEvent", event)):
            return True
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """A frame around the picture while it has the keys."""
        super().paintEvent(event)
        if self.graphics.hasFocus():
            painter = QPainter(self)
            painter.setPen(QColor(colors().accent))
            place = QRect(self.graphics.mapTo(self, QPoint()), self.graphics.size())
            painter.drawRect(place.adjusted(-_EDGE, -_EDGE, 0, 0))
            painter.end()

    def _moved(self, event: QKeyEvent) -> bool:
        box, key = self._box, event.key()
        if box is None or event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
            return False
        if key in {Qt.Key.Key_Home, Qt.Key.Key_0}:
            self.show_all()
            return True
        across, down = box.state["mouseEnabled"]
        rect = box.viewRect()
        moves = {
            Qt.Key.Key_Left: (-1, 0, across),
            Qt.Key.Key_Right: (1, 0, across),
            Qt.Key.Key_Down: (0, -1, down),
            Qt.Key.Key_Up: (0, 1, down),
        }
        if key in moves:
            x, y, may = moves[Qt.Key(key)]
            if may:
                flip = -1 if box.yInverted() else 1
                box.translateBy(x=x * rect.width() * _STEP, y=y * flip * rect.height() * _STEP)
            return bool(may)
        factor = {
            Qt.Key.Key_Plus: _ZOOM,
            Qt.Key.Key_Equal: _ZOOM,
            Qt.Key.Key_Minus: 1 / _ZOOM,
            Qt.Key.Key_Underscore: 1 / _ZOOM,
        }.get(Qt.Key(key))
        if factor is None:
            return False
        box.scaleBy(x=factor if across else None, y=factor if down else None)
        return True

    def _pop_up(self, place: QPoint) -> None:
        self.menu.popup(self.graphics.mapToGlobal(place))

    def _full_title(self) -> str:
        return f"{self._title} of {shown(self._name)}" if self._name else self._title

    def _ask(self, ending: str, kind: str, save: Callable[[str], None]) -> None:
        if self._checkpoint is None:
            return
        path = Path(self._checkpoint.path).absolute()
        target = path.parent / f"{file_stem(self._name or path.stem, self._title.lower())}.{ending}"
        dialog = QFileDialog(
            self,
            tr("Save {title} as {upper}", title=self._title, upper=ending.upper()),
            str(target),
            f"{kind} (*.{ending})",
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.fileSelected.connect(save)
        dialog.open()

    def _save(self, target: str, pieces: Callable[[Control], Any]) -> None:
        checkpoint = self._checkpoint
        if checkpoint is None:
            return
        name = shown(Path(target).name, 60)

        def work(control: Control) -> int:
            return save_whole(checkpoint, target, lambda file: file.writelines(pieces(control)))

        def tell(written: int) -> None:
            self.tasks.done.emit(tr("Saved {name}, {written}.", name=name, written=bytes_for_people(written)))

        self.tasks.start_save(f"Saving {name}", work, tell)

    def _say(self, text: str) -> None:
        self.task_error.clear()
        self.message.emit(text)

    def _task_failed(self, error: BaseException, again: Callable[[], None]) -> None:
        self.task_error.show_error(error, again=again)
        self.message.emit(describe_error(error).message)

    def _recolor(self) -> None:
        self.graphics.setBackground(colors().base)
        for axis in self._axes:
            self._color_axis(axis)

    def _color_axis(self, axis: Any) -> None:
        c = colors()
        axis.setPen(c.line)
        axis.setTextPen(c.muted)
        axis.setStyle(tickFont=number_font())
