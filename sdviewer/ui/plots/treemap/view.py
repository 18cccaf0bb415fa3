"""TreemapView: tiles within tiles, as large as the bytes that they stand for."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QComboBox, QToolButton, QWidget

from sdviewer.analysis.treemap import HEADER, Colored, Treemap, treemap
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.wording import bytes_for_people, cut_in_middle, share, shown
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.plots.cells import CellsFrame
from sdviewer.ui.plots.names import NodeNames
from sdviewer.ui.plots.saving import Columns
from sdviewer.ui.plots.series import SERIES, blended, series_color, series_tint
from sdviewer.ui.plots.treemap.words import summary, tile_label, tile_words
from sdviewer.ui.theme import colors
from sdviewer.ui.translating import tr

_MS_AFTER_RESIZE = 60
_LEGEND = 22.0
_SQUARE = 10.0
_GAP = 14.0
_FEWEST_PIXELS = 26.0
_UPRIGHT = 1.6
_MOST_FOR_SIZE = 0.45
_LONGEST = 80
_BY = (("kind", "Kind"), ("dtype", "Dtype"), ("section", "Section"))
_LEVELS = 4


class TreemapView(CellsFrame):
    """Made after pyqtgraph is imported; tiles are laid out in a job for the size that the picture has."""

    up_wanted = Signal()
    """The user wants to see the module around this one."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(tr("Treemap"), bridge, slot, parent)
        self._bridge, self._slot = bridge, (slot, "tiles")
        self._checkpoint: Checkpoint | None = None
        self._node, self._title = 0, ""
        self._tiles: Treemap | None = None
        self._size = (0.0, 0.0)
        self._labels: list[str] = []
        self._is_laying_out = False
        self.up_button = QToolButton()
        self.up_button.setText(tr("Up"))
        self.up_button.setToolTip(tr("The module around this one (Backspace)"))
        self.up_button.setAccessibleName(tr("Up: the module around this one"))
        self.by = QComboBox()
        self.by.setAccessibleName(tr("What the colours tell"))
        self.by.setToolTip(tr("What the colours tell: of each tile what most of its bytes are"))
        for name, text in _BY:
            self.by.addItem(tr("Colour: {lower}", lower=text.lower()), name)
        self.levels = QComboBox()
        self.levels.setAccessibleName(tr("How many levels are drawn"))
        self.levels.setToolTip(tr("How many levels are drawn, one within the other"))
        for count in range(1, _LEVELS + 1):
            self.levels.addItem(tr("1 level") if count == 1 else tr("{count} levels", count=count), count)
        self.levels.setCurrentIndex(1)
        for tool in (self.up_button, self.by, self.levels):
            self.add_tool(tool)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MS_AFTER_RESIZE)
        self._timer.timeout.connect(self._lay_out)
        self.item.geometryChanged.connect(self._resized)
        self.by.currentIndexChanged.connect(self.repaint_cells)
        self.levels.currentIndexChanged.connect(self._lay_out)
        self.up_button.clicked.connect(self.up_wanted)
        self.set_data(self._columns)

    @property
    def is_settled(self) -> bool:
        """Whether the tiles are those of the picture as it is now."""
        return not (self._timer.isActive() or self._is_laying_out)

    @property
    def tiles(self) -> Treemap | None:
        """What is in sight."""
        return self._tiles

    @property
    def colored(self) -> Colored | None:
        """What the colours tell."""
        return self._tiles.colored[self.by.currentData()] if self._tiles is not None else None

    def show_node(self, checkpoint: Checkpoint, node: int, title: str, name: str) -> None:
        """Show where the bytes of a node go; `title` is how the file is called."""
        if checkpoint is not self._checkpoint or node != self._node:
            self._tiles = None
            self.choose(-1)
            self.set_cells(np.empty((0, 4)))
            self.set_summary(" ")
        self._checkpoint, self._node, self._title = checkpoint, node, title
        self.set_origin(checkpoint, name)
        self.up_button.setEnabled(node > 0)
        # One section has one colour.
        index = self.by.findData("section")
        self.by.setItemData(index, None if len(checkpoint.sections) > 1 else 0, Qt.ItemDataRole.UserRole - 1)
        if self.by.currentIndex() == index and len(checkpoint.sections) < 2:
            self.by.setCurrentIndex(0)
        self._lay_out()

    def stop(self) -> None:
        """Lay out no more."""
        self._timer.stop()
        self._bridge.drop(self._slot)
        self._is_laying_out = False

    def close_jobs(self) -> None:
        """Stop laying out and saving."""
        self.stop()
        super().close_jobs()

    # -- tiles -----------------------------------------------------------------------------------

    def _resized(self) -> None:
        if self._checkpoint is not None:
            self._place_tiles()
            self._timer.start()

    def _lay_out(self) -> None:
        checkpoint, node, levels = self._checkpoint, self._node, int(self.levels.currentData())
        size = self.item.size()
        width, height = size.width(), size.height() - _LEGEND
        if checkpoint is None or width < 2 or height < 2:
            return
        self._timer.stop()
        self._is_laying_out = True
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: treemap(checkpoint, node, (width, height), levels=levels, control=control),
            on_value=lambda found: self._laid_out(found, (width, height)),
            on_error=self._failed,
            on_stopped=self._stopped,
        )

    def _laid_out(self, found: Treemap, size: tuple[float, float]) -> None:
        checkpoint = self._checkpoint
        assert checkpoint is not None  # noqa: S101  # the job was for one
        chosen = int(self._tiles.first[self.chosen]) if self._tiles is not None and self.chosen >= 0 else -1
        self._is_laying_out = False
        self.task_error.clear()
        self._tiles, self._size = found, size
        labels = (tile_label(checkpoint, found, tile, self._title) for tile in range(len(found)))
        self._labels = [cut_in_middle(label, _LONGEST) for label in labels]
        self.set_summary(summary(checkpoint, found, self._title))
        self._place_tiles()
        again = np.flatnonzero(found.first == chosen)
        self.choose(int(again[0]) if chosen >= 0 and len(again) else -1)

    def _place_tiles(self) -> None:
        """Put the tiles into the picture, stretched while they were laid out for another size."""
        if self._tiles is None:
            return
        size = self.item.size()
        across = size.width() / max(self._size[0], 1.0)
        down = max(size.height() - _LEGEND, 1.0) / max(self._size[1], 1.0)
        self.set_cells(self._tiles.rects * (across, down, across, down) + (0.0, _LEGEND, 0.0, 0.0))

    def _failed(self, error: BaseException) -> None:
        self._is_laying_out = False
        self.task_error.show_error(error, tr("The treemap cannot be drawn."), self._lay_out)

    def _stopped(self) -> None:
        self._is_laying_out = False

    # -- what is told ----------------------------------------------------------------------------

    def words_of(self, cell: int) -> str:
        """Name, bytes and share of a tile."""
        if self._checkpoint is None or self._tiles is None or cell >= len(self._tiles):
            return ""
        colored = self.colored
        value = int(colored.of_tile[cell]) if colored is not None else -1
        words = tile_words(self._checkpoint, self._tiles, cell, self._title)
        if colored is None or value < 0 or self.by.currentData() == "dtype":
            return words
        return f"{words}; mostly {shown(colored.names[value], 60)}"

    def can_be_stepped_to(self) -> npt.NDArray[np.bool_]:
        """Tiles without parts; PageUp leads to those around them."""
        return ~self._tiles.is_split if self._tiles is not None else np.empty(0, np.bool_)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """PageUp chooses the tile around the chosen one, Backspace shows the module around this one."""
        if event.type() is QEvent.Type.KeyPress and hasattr(self, "by") and watched is self.graphics:
            key = cast("QKeyEvent", event).key()
            if key == Qt.Key.Key_Backspace:
                if self.up_button.isEnabled():
                    self.up_wanted.emit()
                return True
            if key == Qt.Key.Key_PageUp and self._tiles is not None and self.chosen > 0:
                self.choose(int(self._tiles.parent[self.chosen]))
                return True
        return super().eventFilter(watched, event)

    def _columns(self) -> Columns:
        found, checkpoint = self._tiles, self._checkpoint
        if found is None or checkpoint is None:
            return [("name", [])]
        parents = np.where(found.parent >= 0, found.first[np.maximum(found.parent, 0)], -1)
        columns: list[tuple[str, npt.NDArray[np.generic] | NodeNames | list[str]]] = [
            ("name", NodeNames(checkpoint, found.first)),
            ("up to", NodeNames(checkpoint, np.where(found.count > 1, found.last, -1))),
            ("entries", found.count),
            ("bytes", found.nbytes),
            ("share", found.nbytes / max(int(found.nbytes[0]), 1)),
            ("within", NodeNames(checkpoint, parents)),
            ("divided", [str(bool(x)).lower() for x in found.is_split]),
        ]
        for name, colored in found.colored.items():
            names = [*colored.names, ""]
            columns.append((f"mostly {name}", [names[value] for value in colored.of_tile.tolist()]))
        return columns

    # -- painting --------------------------------------------------------------------------------

    def paint_cells(self, painter: QPainter) -> None:
        """Tiles from the outermost on, and the legend above them."""
        found, colored = self._tiles, self.colored
        if found is None or colored is None or self._checkpoint is None:
            return
        c = colors()
        painter.setFont(self.font())
        metrics = QFontMetricsF(self.font())
        self._paint_legend(painter, metrics, colored)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        tints = [series_tint(index) for index in range(SERIES)]
        grounds = [QColor(c.window), blended(QColor(c.window), QColor(c.line), 0.55)]
        text, muted, edge = QColor(c.text), QColor(c.muted), QColor(c.base)
        depth = np.zeros(len(found), np.int64)
        rects = self.rects
        for tile in range(len(rects)):
            left, top, width, height = rects[tile].tolist()
            if found.parent[tile] >= 0:
                depth[tile] = depth[found.parent[tile]] + 1
            area = QRectF(left, top, width, height)
            if found.is_split[tile]:
                painter.setPen(QPen(edge, 1))
                painter.setBrush(grounds[int(depth[tile]) % 2])
                painter.drawRect(area)
                self._paint_line(painter, metrics, area.adjusted(6, 0, -5, 0), tile, text, muted)
                continue
            value = int(colored.of_tile[tile])
            painter.setBrush(tints[value] if 0 <= value < SERIES else QColor(c.raised))
            painter.setPen(QPen(edge, 1) if width > 3 and height > 3 else Qt.PenStyle.NoPen)
            painter.drawRect(area)
            self._paint_label(painter, metrics, area, tile, text)

    def _paint_line(
        self, painter: QPainter, metrics: QFontMetricsF, area: QRectF, tile: int, text: QColor, muted: QColor
    ) -> None:
        """A name with its size at the right, where there is room."""
        found = self._tiles
        assert found is not None  # noqa: S101  # it is being painted
        if area.width() < _FEWEST_PIXELS:
            return
        size = bytes_for_people(int(found.nbytes[tile]))
        room = area.width()
        wide = metrics.horizontalAdvance(size)
        line = QRectF(area.left(), area.top(), room, HEADER)
        is_told = wide < room * _MOST_FOR_SIZE
        left = room - (wide + 10 if is_told else 0)
        painter.setPen(text)
        label = metrics.elidedText(self._labels[tile], Qt.TextElideMode.ElideRight, left)
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), label)
        if is_told:
            painter.setPen(muted)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), size)

    def _paint_label(self, painter: QPainter, metrics: QFontMetricsF, area: QRectF, tile: int, text: QColor) -> None:
        """The name of a tile, and below it its size."""
        found = self._tiles
        assert found is not None  # noqa: S101  # it is being painted
        height = metrics.height()
        inner = area.adjusted(4, 2, -3, -1)
        short, long = sorted((inner.width(), inner.height()))
        if short < height - 3 or long < _FEWEST_PIXELS:
            return
        painter.setPen(text)
        full = self._labels[tile]
        if metrics.horizontalAdvance(full) > inner.width() and inner.height() > _UPRIGHT * inner.width():
            # A tall, narrow tile is read from its side.
            painter.save()
            painter.translate(inner.left(), inner.bottom())
            painter.rotate(-90)
            words = f"{full}  {bytes_for_people(int(found.nbytes[tile]))}"
            words = words if metrics.horizontalAdvance(words) <= inner.height() else full
            line = metrics.elidedText(words, Qt.TextElideMode.ElideRight, inner.height())
            painter.drawText(QPointF(0, metrics.ascent()), line)
            painter.restore()
            return
        label = metrics.elidedText(full, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(QPointF(inner.left(), inner.top() + metrics.ascent()), label)
        size = bytes_for_people(int(found.nbytes[tile]))
        if inner.height() >= 2 * height and metrics.horizontalAdvance(size) <= inner.width():
            painter.drawText(QPointF(inner.left(), inner.top() + metrics.ascent() + height), size)

    def _paint_legend(self, painter: QPainter, metrics: QFontMetricsF, colored: Colored) -> None:
        """Squares with what their colours stand for, and how much of all that is."""
        c = colors()
        total = int(colored.nbytes.sum())
        entries = [
            (series_color(index), f"{shown(name, 40)} {share(int(colored.nbytes[index]), total)}")
            for index, name in enumerate(colored.names[:SERIES])
        ]
        if len(colored.names) > SERIES:
            entries.append((QColor(c.muted), f"{len(colored.names) - SERIES} more"))
        x, room = 1.0, self.item.size().width()
        for place, (color, words) in enumerate(entries):
            wide = metrics.horizontalAdvance(words) + _SQUARE + 5
            left = len(entries) - place
            if x + wide > room and left:
                painter.setPen(QColor(c.muted))
                painter.drawText(QRectF(x, 0, max(room - x, 0), _LEGEND - 4), Qt.AlignmentFlag.AlignVCenter, "…")
                break
            square = QRectF(x, (_LEGEND - 4 - _SQUARE) / 2, _SQUARE, _SQUARE)
            painter.setPen(QPen(color, 1))
            painter.setBrush(blended(color, QColor(c.base), 0.36 if c.is_dark else 0.30))
            painter.drawRect(square)
            painter.setPen(QColor(c.text))
            painter.drawText(QRectF(x + _SQUARE + 5, 0, wide, _LEGEND - 4), Qt.AlignmentFlag.AlignVCenter, words)
            x += wide + _GAP

    def is_tensor(self, cell: int) -> bool:
        """Whether a cell is one tensor."""
        found, checkpoint = self._tiles, self._checkpoint
        if found is None or checkpoint is None or found.count[cell] > 1:
            return False
        return bool(checkpoint.tree.what[found.first[cell]] == TreeNode.TENSOR)
