"""ImageView: a heatmap of one tensor, of which only what is in sight is read. Made after pyqtgraph is imported."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import cast

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent

from sdviewer.analysis.plane import Plane
from sdviewer.analysis.raster import cost, raster, sample
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import Frame, frame_of, parse_index, value_shape
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.frame import PlotFrame
from sdviewer.ui.plots.image.drawing import Drawn, Limits, Style, drawn
from sdviewer.ui.plots.image.layouts import first_layout, layouts_for
from sdviewer.ui.plots.image.picture import ImagePicture
from sdviewer.ui.plots.image.request import Request
from sdviewer.ui.plots.image.tools import ImageTools, Margins
from sdviewer.ui.plots.image.words import pointed
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr
from sdviewer.ui.values.axes_bar import AxesBar

_MS_BEFORE_READING = 25
_SUMMARY_LINES = 2
# Of more bytes a sample is drawn first.
_SAMPLED_ABOVE = 96 << 20
# While the view moves, what lies beyond its edges is read too, if it is no more than this.
_MOST_READ_BEYOND = 64 << 20
# Sides that differ by more than this fill the pane, with cells that are no squares.
_SQUARE_UP_TO, _TILES_SQUARE_UP_TO = 3.0, 8.0
_CELLS_AROUND = 8.0


class ImageView(PlotFrame):
    """The picture that is there stays, moved and stretched, until that of the new part is read."""

    index_wanted = Signal(tuple)
    """The user wants to see the value with this index in the table."""

    def __init__(self, bridge: Bridge, slot: Hashable) -> None:
        super().__init__(tr("Image"), bridge, slot)
        self._bridge = bridge
        self._reading, self._coloring = (slot, "raster"), (slot, "colors")
        self._ref: TensorRef | None = None
        self._frame: Frame | None = None
        self._plane: Plane | None = None
        self._drawn: Drawn | None = None
        self._request: Request | None = None
        self._asked: Request | None = None
        self._underlay: Drawn | None = None
        self._is_integer = False
        self._is_coloring = False
        self.axes = AxesBar()
        self.layout().insertWidget(0, self.axes)  # type: ignore[union-attr]  # a column
        self.tools = ImageTools()
        for tool in self.tools.widgets:
            self.add_tool(tool)
        # A summary that takes a second line must not change the size of the picture: it would be read again.
        self.caption.setMinimumHeight(_SUMMARY_LINES * self.caption.fontMetrics().lineSpacing())
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.picture = ImagePicture(self)
        self.control_view(self.picture.box, self.picture.show_all)
        self.set_data(self._columns)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_BEFORE_READING)
        self._timer.timeout.connect(self._want)
        self.axes.frame_wanted.connect(self._show_frame)
        self.axes.index_wanted.connect(self.go_to)
        self.tools.layout_wanted.connect(self._lay_out)
        self.tools.style_changed.connect(self._restyle)
        self.tools.margins_changed.connect(self._show_margins)
        self.tools.square_changed.connect(self._show_plane)
        self.picture.box.sigRangeChanged.connect(self._moved_view)
        self.picture.box.sigResized.connect(self._moved_view)
        self.graphics.scene().sigMouseMoved.connect(self._pointed)
        self.graphics.viewport().installEventFilter(self)
        self.recolored.connect(self._recolor_all)

    @property
    def is_settled(self) -> bool:
        """Whether what is in sight is drawn as exactly as it will be."""
        return not (self._timer.isActive() or self._asked or self._is_coloring)

    @property
    def plane(self) -> Plane | None:
        """What is shown of the tensor."""
        return self._plane

    @property
    def drawn(self) -> Drawn | None:
        """The picture in sight, None before the first."""
        return self._drawn

    def show_tensor(self, ref: TensorRef) -> None:
        """Draw a tensor that has values."""
        self.stop()
        self.task_error.clear()
        self._ref, self._plane = ref, None
        self._drawn = self._request = self._underlay = None
        self.set_origin(ref.checkpoint, ref.name)
        kind = ref.checkpoint.table.dtype_of(ref.row).kind
        self._is_integer = kind in {"int", "uint", "bool"}
        frame = frame_of(value_shape(ref))
        self._frame = frame
        self.axes.show_frame(frame)
        self.tools.show_layouts(layouts_for(frame), first_layout(frame))
        self.tools.forget_limits()
        self._lay_out()

    def stop(self) -> None:
        """Read no more; what is drawn stays."""
        self._timer.stop()
        for slot in (self._reading, self._coloring):
            self._bridge.drop(slot)
        self._asked, self._is_coloring = None, False

    def close_jobs(self) -> None:
        """Stop reading and saving."""
        self.stop()
        super().close_jobs()

    def go_to(self, text: str) -> None:
        """Bring the element with an index that someone typed into the middle, near enough to read its value."""
        frame = self._frame
        if frame is None:
            return
        try:
            index = parse_index(text, frame.shape)
        except IndexError as error:
            self.message.emit(str(error))
            self.set_pointed(str(error))
            return
        cell = self._plane.cell(index) if self._plane is not None else None
        if cell is None:
            self._show_frame(frame.holding(index)[0])
            cell = self._plane.cell(index) if self._plane is not None else None
        if cell is not None:
            self.picture.center(*cell, (_CELLS_AROUND, _CELLS_AROUND))
            self.graphics.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """A double click on a cell leads to its value in the table."""
        if event.type() is QEvent.Type.MouseButtonDblClick and watched is self.graphics.viewport():
            cell = self.picture.cell_at(self.graphics.mapToScene(cast("QMouseEvent", event).position().toPoint()))
            plane = self._plane
            if cell is not None and plane is not None and 0 <= cell[0] < plane.rows and 0 <= cell[1] < plane.columns:
                index = plane.index(*cell)
                if index is not None:
                    self.index_wanted.emit(index)
                return True
        return super().eventFilter(watched, event)

    # -- what is shown --------------------------------------------------------------------------------

    def _show_frame(self, frame: Frame) -> None:
        before, self._frame = self._frame, frame
        self.axes.show_frame(frame)
        if before is None or (before.row_axis, before.column_axis) != (frame.row_axis, frame.column_axis):
            titles = [layout.title for layout in layouts_for(frame)]
            kept = self.tools.layout_title
            self.tools.show_layouts(layouts_for(frame), titles.index(kept) if kept in titles else 0)
        self._lay_out()

    def _lay_out(self) -> None:
        """Another plane of the frame."""
        frame, layout = self._frame, self.tools.chosen_layout
        if frame is None or layout is None:
            return
        for axis in frame.others:
            self.axes.box(axis).setEnabled(axis not in layout.axes)
        before, self._plane = self._plane, layout.make(frame, self.tools.count)
        plane = self._plane
        same_sides = before is not None and (before.rows, before.columns) == (plane.rows, plane.columns)
        if same_sides and self._drawn is not None:
            # Another place on an axis: the view stays where it is.
            self._underlay = None
            self.picture.draw_under(None)
            self.picture.set_plane(plane)
            self._want()
            return
        most = _TILES_SQUARE_UP_TO if plane.is_tiled else _SQUARE_UP_TO
        self.tools.suggest_square(is_square=1 / most <= plane.rows / plane.columns <= most)
        self._show_plane()

    def _show_plane(self) -> None:
        if self._plane is None:
            return
        self.stop()
        self._drawn = self._request = self._underlay = None
        self.picture.show_plane(self._plane, is_square=self.tools.is_square)
        self.picture.show_margins(None)
        self.set_summary("Reading …")
        self._want()

    def _moved_view(self) -> None:
        if self._plane is not None:
            self.picture.follow_view()
            if not self._timer.isActive():
                self._timer.start()

    # -- reading ----------------------------------------------------------------------------------------

    def _want(self) -> None:
        """Ask for what is in sight, unless it is there or on its way."""
        self._timer.stop()
        ref, plane = self._ref, self._plane
        if ref is None or plane is None or not self.isVisible():
            return
        wanted = Request(plane, self.picture.area, *self.picture.pixels, exact=True)
        if self._asked is not None and (replace(self._asked, exact=True).holds(wanted) or self._comes_soon(wanted)):
            return
        if self._request is not None and self._request.holds(wanted):
            if self._asked is not None:
                self._bridge.drop(self._reading)
                self._asked = None
                self._tell()
            return
        try:
            if cost(ref, plane, wanted.area) > _SAMPLED_ABOVE:
                self._start(ref, replace(wanted, exact=False), then=wanted)
            else:
                self._start(ref, self._with_room(ref, wanted))
        except Exception as error:  # noqa: BLE001  # whatever a file does, its error is shown
            self._failed(error)

    def _comes_soon(self, wanted: Request) -> bool:
        """Whether a part of it is on its way at this scale: else a view that keeps moving would never get a picture."""
        asked, ref = self._asked, self._ref
        if asked is None or ref is None or not asked.exact or not asked.meets(wanted):
            return False
        return cost(ref, asked.plane, asked.area) <= _SAMPLED_ABOVE

    def _with_room(self, ref: TensorRef, wanted: Request) -> Request:
        """The same and something beyond its edges, while the view is moved without another scale."""
        before = self._request
        if before is None or not before.has_scale_of(wanted) or self.tools.margins is not Margins.NONE:
            return wanted
        wider = wanted.widened()
        return wanted if cost(ref, wider.plane, wider.area) > _MOST_READ_BEYOND else wider

    def _start(self, ref: TensorRef, request: Request, then: Request | None = None) -> None:
        style = self._style(request)

        def work(control: Control) -> Drawn:
            read = raster if request.exact else sample
            return drawn(read(ref, request.plane, request.area, request.height, request.width, control), style)

        self._asked = request
        self._bridge.start(
            Lane.COMPUTING,
            self._reading,
            work,
            on_value=lambda found: self._arrived(ref, request, found, then),
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Drawing the picture") if request.exact else "",
        )

    def _style(self, request: Request | None) -> Style:
        """The style to draw in; colours that were found for themselves stay while the view is only moved."""
        limits = self.tools.limits
        before, found = self._request, self._drawn
        if limits is None and request is not None and before is not None and found is not None:
            same_scale = before.exact and before.plane == request.plane and before.has_scale_of(request)
            if same_scale and found.style.how is self.tools.how:
                limits = found.limits
        return Style(self.tools.how, self.tools.map_name, limits, colors().is_dark)

    def _arrived(self, ref: TensorRef, request: Request, found: Drawn, then: Request | None) -> None:
        self._asked = None
        self.task_error.clear()
        self._drawn, self._request = found, request
        if request.is_whole:
            self._underlay = found
            self.picture.draw_under(found)
        self._show_drawn()
        if then is not None:
            self._start(ref, then)
        else:
            # The view may have moved on meanwhile.
            self._timer.start()
        wanted = self._style(None)
        kept = replace(wanted, limits=wanted.limits or found.style.limits)
        if not found.style.is_like(kept) or (self._underlay is not None and self._underlay.limits != found.limits):
            self._color_anew(found.limits if wanted.limits is None and wanted.how is found.style.how else None)
        self._tell()

    def _failed(self, error: BaseException) -> None:
        self._asked = None
        if self._drawn is None:
            self.set_summary("")
        else:
            self._tell()
        self.task_error.show_error(error, tr("The picture cannot be read."), self._want)

    def _stopped(self) -> None:
        self._asked = None
        if self._drawn is not None:
            self._tell()
        self.task_error.show_stopped(tr("Drawing the picture was stopped."), self._want)

    # -- colours ----------------------------------------------------------------------------------------

    def _restyle(self) -> None:
        self._color_anew(None)

    def _recolor_all(self) -> None:
        self.picture.recolor()
        self._color_anew(self._drawn.limits if self._drawn is not None else None)

    def _color_anew(self, kept: Limits | None) -> None:
        """Other colours for what is drawn, between these limits if they stay."""
        now, whole = self._drawn, self._underlay
        if now is None:
            return
        style = self._style(None)
        style = replace(style, limits=style.limits or kept)

        def work(_: Control) -> tuple[Drawn, Drawn | None]:
            first = drawn(now.raster, style)
            if whole is None or whole is now:
                return first, first if whole is now else None
            return first, drawn(whole.raster, replace(style, limits=first.limits))

        self._is_coloring = True
        self._bridge.start(
            Lane.COMPUTING,
            self._coloring,
            work,
            on_value=lambda found: self._recolored_as(now, whole, found),
            on_error=self._failed,
        )

    def _recolored_as(self, now: Drawn, whole: Drawn | None, found: tuple[Drawn, Drawn | None]) -> None:
        self._is_coloring = False
        if self._drawn is not now:
            # Another part came meanwhile: its own colours follow.
            self._color_anew(None if self.tools.limits is None else self.tools.limits)
            return
        self._drawn = found[0]
        if found[1] is not None and self._underlay is whole:
            self._underlay = found[1]
            self.picture.draw_under(found[1])
        self._show_drawn()
        self._tell()

    def _show_drawn(self) -> None:
        found = self._drawn
        if found is not None:
            self.picture.draw(found, is_integer=self._is_integer)
            self.tools.show_limits(found.limits)
            self._draw_margins()

    def _show_margins(self) -> None:
        self._request = None
        self._draw_margins()
        self._timer.start()

    def _draw_margins(self) -> None:
        margins, found = self.tools.margins, self._drawn
        there = found.raster if found is not None and margins is not Margins.NONE else None
        self.picture.show_margins(there, norms=margins is Margins.NORMS)

    # -- words ------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        found = self._drawn
        if found is not None:
            self.set_summary(found.summary)

    def _pointed(self, place: QPointF) -> None:
        found, cell = self._drawn, self.picture.cell_at(place)
        self.set_pointed(pointed(found.raster, *cell) if found is not None and cell is not None else "")

    def _columns(self) -> Columns:
        """Every pixel with the rows and columns that it stands for."""
        found = self._drawn
        if found is None:
            return ()
        raster = found.raster
        down, across = raster.rows.edges(raster.plane.rows), raster.columns.edges(raster.plane.columns)
        height, width = raster.mean.shape
        sides = (
            ("first row", np.repeat(down[:-1], width)),
            ("last row", np.repeat(down[1:] - 1, width)),
            ("first column", np.tile(across[:-1], height)),
            ("last column", np.tile(across[1:] - 1, height)),
        )
        values = (("mean", raster.mean), ("minimum", raster.low), ("maximum", raster.high), ("state", raster.states))
        return (*sides, *((name, array.reshape(-1)) for name, array in values))
