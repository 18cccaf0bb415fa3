"""A, B and their difference as pictures that move together."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from sdviewer.analysis.plane import Plane
from sdviewer.analysis.raster import Area, How, Raster, raster
from sdviewer.checkpoint.value_frame import frame_of
from sdviewer.comparison.differences import Common, common_values, delta_raster
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.panes import DiffPane
from sdviewer.ui.comparison.placing import placed, titles
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.plots.image.drawing import Drawn
    from sdviewer.ui.plots.image.picture import ImagePicture

_MS_BEFORE_READING = 60
_TITLES = ("A", "B", "Δ = A − B")


@dataclass(frozen=True, eq=False, slots=True)
class Three:
    """The pictures of one part of a pair: A and B in the same colours, Δ in colours about zero."""

    request: tuple[Plane, Area, float, float, bool]
    drawn: tuple[Drawn, Drawn, Drawn]


def three_of(common: Common, request: tuple[Plane, Area, float, float, bool], control: Control) -> Three:
    """Read and draw; B is turned as it is compared, and of a longer side only the common rows are read.

    Raises:
        CannotRead: and its kinds, see `TensorRef`.
        Cancelled: `control` was cancelled.

    """
    from sdviewer.analysis.coloring import robust_limits
    from sdviewer.ui.plots.image.drawing import Style, drawn

    plane, area, height, width, is_dark = request
    sides = zip((common.a, common.b), common.planes(plane), strict=True)
    rasters = [raster(ref, its, area, height, width, control) for ref, its in sides]
    delta = delta_raster(common, plane, area, height, width, control)
    found = [robust_limits(each.mean, each.states) for each in rasters]
    limits = min(low for low, _ in found), max(high for _, high in found)
    # Of Δ the largest in each pixel: means of differences of both signs would hide them.
    low, high = robust_limits(delta.shown(How.LARGEST), delta.states)
    top = max(abs(low), abs(high))
    is_zero = not np.any(np.nan_to_num(delta.high)) and not np.any(np.nan_to_num(delta.low))
    around = (-1.0, 1.0) if is_zero else (-top, top)
    pictures = [drawn(each, Style(How.MEAN, "", limits, is_dark)) for each in rasters]
    last = drawn(delta, Style(How.LARGEST, "", around, is_dark))
    return Three(request, (pictures[0], pictures[1], last))


class ThreeView(PlotFrame):
    """Three pictures in one frame; zoom and pointer are of all. Made after pyqtgraph is imported."""

    def __init__(self, bridge: Bridge, slot: Hashable) -> None:
        from sdviewer.ui.plots.image.picture import ImagePicture

        super().__init__(tr("Difference"), bridge, slot)
        self._bridge, self._reading = bridge, (slot, "read")
        self._common: Common | None = None
        self.titles: list[QLabel] = []
        self._plane: Plane | None = None
        self._three: Three | None = None
        self._asked: tuple[Plane, Area, float, float, bool] | None = None
        self._is_following = False
        self.layouts = QComboBox()
        self.layouts.setAccessibleName(tr("How axes are laid out"))
        self.layouts.currentIndexChanged.connect(self._lay_out)
        self.add_tool(self.layouts)
        # The frame's own scene holds Δ; A and B have frames beside it.
        self.frames = (PlotFrame("A", bridge, (slot, "a")), PlotFrame("B", bridge, (slot, "b")), self)
        self.pictures: tuple[ImagePicture, ...] = tuple(ImagePicture(frame) for frame in self.frames)
        column = self.layout()
        assert isinstance(column, QVBoxLayout)  # noqa: S101  # as the frame makes it
        both = QWidget()
        self._grid = QGridLayout(both)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)
        for place, (frame, title) in enumerate(zip(self.frames, _TITLES, strict=True)):
            label = plain_label(title, muted=True)
            self.titles.append(label)
            self._grid.addWidget(label, 0 if place < 2 else 2, place % 2)
            self._grid.addWidget(frame.graphics if frame is self else frame, 1 if place < 2 else 3, place % 2)
        self._grid.setRowStretch(1, 1)
        self._grid.setRowStretch(3, 1)
        # The words on all three stand where the fourth picture would.
        self._grid.addWidget(self.caption, 3, 1, Qt.AlignmentFlag.AlignTop)
        column.insertWidget(1, both, 1)
        for frame in self.frames[:2]:
            frame.tool_row.hide()
            frame.caption.hide()
            frame.message.connect(self.message)
        self._lines: list[tuple[Any, Any]] = [self._cross(picture) for picture in self.pictures]
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_READING)
        self._timer.timeout.connect(self._want)
        for frame, picture in zip(self.frames, self.pictures, strict=True):
            frame.control_view(picture.box, self.show_whole)
            picture.box.sigRangeChanged.connect(self._view_moved)
            picture.box.sigResized.connect(self._resized)
            frame.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.set_data(self._columns)
        self.recolored.connect(self._recolored)

    @property
    def is_settled(self) -> bool:
        """Whether what is in sight is drawn."""
        return not self._timer.isActive() and self._asked is None

    @property
    def three(self) -> Three | None:
        """The pictures in sight."""
        return self._three

    def show_pair(self, common: Common, name: str) -> None:
        """Draw what two tensors have in common."""
        from sdviewer.ui.plots.image.layouts import first_layout, layouts_for

        self.stop()
        self._common, self._three = common, None
        for frame, ref in zip(self.frames, (common.a, common.b, common.a), strict=True):
            frame.set_origin(ref.checkpoint, name)
        for label, title in zip(self.titles, titles(common), strict=False):
            label.setText(title)
        frame_shape = frame_of(common.places.shape)
        self._layouts = layouts_for(frame_shape)
        self.layouts.blockSignals(True)
        self.layouts.clear()
        self.layouts.addItems([layout.title for layout in self._layouts])
        self.layouts.setCurrentIndex(first_layout(frame_shape))
        self.layouts.blockSignals(False)
        self.layouts.setVisible(len(self._layouts) > 1)
        self._lay_out()

    def stop(self) -> None:
        """Read no more."""
        self._timer.stop()
        self._bridge.drop(self._reading)
        self._asked = None

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self.stop()
        super().close_jobs()
        for frame in self.frames[:2]:
            frame.close_jobs()

    def show_whole(self) -> None:
        """All three whole."""
        self.pictures[0].show_all()

    def _lay_out(self) -> None:
        if self._common is None or self.layouts.currentIndex() < 0:
            return
        frame = frame_of(self._common.places.shape)
        self._plane = self._layouts[self.layouts.currentIndex()].make(frame, 0)
        self._is_following = True
        for picture in self.pictures:
            picture.show_plane(self._plane, is_square=False)
        self._is_following = False
        self._timer.start()

    def _view_moved(self, box: Any) -> None:
        """One view was moved: the others go with it."""
        if self._is_following:
            return
        self._is_following = True
        (left, right), (top, bottom) = box.viewRange()
        for picture in self.pictures:
            if picture.box is not box:
                picture.box.setRange(xRange=(left, right), yRange=(top, bottom), padding=0)
        self._is_following = False
        if self._plane is not None:
            self._timer.start()

    def _resized(self) -> None:
        if self._plane is not None:
            self._timer.start()

    def _want(self) -> None:
        common, plane = self._common, self._plane
        if common is None or plane is None or not self.isVisible():
            return
        picture = self.pictures[0]
        request = (plane, picture.area, *picture.pixels, colors().is_dark)
        if request == self._asked or (self._three is not None and self._three.request == request):
            return
        self._asked = request
        self._bridge.start(
            Lane.COMPUTING,
            self._reading,
            lambda control: three_of(common, request, control),
            on_value=self._arrived,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Drawing the difference"),
        )

    def _arrived(self, three: Three) -> None:
        self._asked, self._three = None, three
        self.task_error.clear()
        ref = None if self._common is None else self._common.a
        kind = "" if ref is None else ref.checkpoint.table.dtype_of(ref.row).kind
        for picture, drawn in zip(self.pictures, three.drawn, strict=True):
            picture.draw(drawn, is_integer=kind in {"int", "uint", "bool"} and picture is not self.pictures[2])
        for frame, drawn in zip(self.frames[:2], three.drawn[:2], strict=True):
            frame.set_summary(drawn.summary)
        pairs = zip(_TITLES, three.drawn, strict=True)
        self.set_summary("\n\n".join(f"{title}: {drawn.summary}" for title, drawn in pairs))
        self._timer.start()

    def _failed(self, error: BaseException) -> None:
        self._asked = None
        self.task_error.show_error(error, tr("The pictures cannot be drawn."), self._timer.start)

    def _stopped(self) -> None:
        self._asked = None
        self.task_error.show_stopped(tr("Drawing was stopped."), self._timer.start)

    def _pointed(self, place: QPointF) -> None:
        from sdviewer.ui.plots.image.words import pointed

        scene = self.sender()
        cell, three = None, self._three
        for frame, picture in zip(self.frames, self.pictures, strict=True):
            if frame.graphics.scene() is scene:
                cell = picture.cell_at(place)
        words = []
        for number, lines in enumerate(self._lines):
            for line, at in zip(lines, (cell or (0, 0)), strict=True):
                line.setVisible(cell is not None)
                line.setValue(at)
            raster_there: Raster | None = three.drawn[number].raster if three is not None else None
            told = pointed(raster_there, *cell) if raster_there is not None and cell is not None else ""
            words += [f"{_TITLES[number]}: {told}"] if told else []
        self.set_pointed("\n\n".join(words))

    def _cross(self, picture: ImagePicture) -> tuple[Any, Any]:
        import pyqtgraph  # type: ignore[import-untyped]  # it has no types

        lines = tuple(pyqtgraph.InfiniteLine(0, angle=angle) for angle in (0, 90))
        for line in lines:
            line.setPen(pyqtgraph.mkPen(colors().text, width=1))
            line.setZValue(5)
            line.hide()
            picture.box.addItem(line, ignoreBounds=True)
        return lines[0], lines[1]

    def _recolored(self) -> None:
        import pyqtgraph

        for picture, lines in zip(self.pictures, self._lines, strict=True):
            picture.recolor()
            for line in lines:
                line.setPen(pyqtgraph.mkPen(colors().text, width=1))
        self._timer.start()

    def _columns(self) -> Columns:
        three = self._three
        if three is None:
            return [("row", [])]
        first = three.drawn[0].raster
        rows, columns = np.indices((first.rows.count, first.columns.count))
        told: Columns = [
            ("row", ((rows + first.rows.first).ravel() * first.rows.step // 8).tolist()),
            ("column", ((columns + first.columns.first).ravel() * first.columns.step // 8).tolist()),
        ]
        names = ("A mean", "B mean", "Δ largest")
        return [
            *told,
            *((name, drawn.shown.ravel().tolist()) for name, drawn in zip(names, three.drawn, strict=True)),
        ]


class DiffImage(DiffPane):
    """The pictures, or why there are none."""

    def __init__(self, bridge: Bridge, library: PlotLibrary, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.error = ErrorStrip(self)
        self.holder: LatePicture[ThreeView] = LatePicture(library, lambda: ThreeView(bridge, (slot, "three")))
        column = QVBoxLayout(self)
        column.setContentsMargins(11, 8, 11, 8)
        column.setSpacing(6)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addWidget(self.holder, 1)
        column.addStretch(0)
        self.holder.made.connect(self._made)
        self.holder.failed.connect(self._no_picture)

    @property
    def view(self) -> ThreeView | None:
        """The pictures, None before the first."""
        return self.holder.view

    @property
    def is_settled(self) -> bool:
        """Whether they are drawn."""
        view = self.holder.view
        return not self.holder.is_waiting and (view is None or view.isHidden() or view.is_settled)

    def show_node(self, standing: Standing, node: int) -> None:
        """Draw a pair."""
        self.error.clear()
        pair = standing.results[int(standing.tree.place[node])].pair
        common = common_values(standing.matching, pair)
        if common is None or not common.has_axes:
            reason = "The axes of one are not those of the other: there is no picture of the difference."
        else:
            reason = "" if common.count else "There are no values."
        told = reason or (placed(common) if common is not None else "")
        self.notice.setText(told)
        self.notice.setVisible(bool(told))
        if reason or common is None:
            self.holder.clear()
        else:
            name = standing.name_at(node)
            self.holder.use(lambda view: view.show_pair(common, name))

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self.holder.close_jobs()

    def _made(self) -> None:
        if self.holder.view is not None:
            self.holder.view.message.connect(self.message)

    def _no_picture(self, error: BaseException) -> None:
        self.error.show_error(error, tr("The pictures cannot be drawn."))
