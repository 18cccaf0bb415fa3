"""TreemapPane: where the bytes of the selected module go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.detail.panes import Pane, PaneContext, Selection
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.plots.treemap.view import TreemapView


class TreemapPane(Pane):
    """Following a tile selects its node; what is shown of a module is its treemap again."""

    def __init__(self, context: PaneContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = context.bridge, (context.slot, "treemap")
        self._selection: Selection | None = None
        self.notice = plain_label(muted=True)
        self.notice.setWordWrap(True)
        self.error = ErrorStrip(self)
        self.picture: LatePicture[TreemapView] = LatePicture(context.library, self._make)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        column = QVBoxLayout(self)
        column.setContentsMargins(19, 10, 19, 10)
        column.setSpacing(6)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addWidget(self.picture, 1)
        column.addStretch(0)
        self.picture.failed.connect(lambda error: self.error.show_error(error, tr("The treemap cannot be drawn.")))

    @property
    def view(self) -> TreemapView | None:
        """The picture, None before the first."""
        return self.picture.view

    @property
    def is_settled(self) -> bool:
        """Whether the tiles are in sight."""
        view = self.view
        return not self.picture.is_waiting and (view is None or view.isHidden() or view.is_settled)

    def show_selection(self, selection: Selection) -> None:
        """Show the tiles of a node."""
        self._selection = selection
        self.error.clear()
        checkpoint, node = selection.checkpoint, selection.node
        is_empty = not int(checkpoint.tree.nbytes[node])
        self.notice.setText(tr("Nothing here holds any bytes.") if is_empty else "")
        self.notice.setVisible(is_empty)
        if is_empty:
            self.close_jobs()
            self.picture.clear()
            return
        name = name_of(checkpoint, node)
        self.picture.use(lambda view: view.show_node(checkpoint, node, selection.title, name))

    def close_jobs(self) -> None:
        """Stop laying out and saving."""
        self.picture.close_jobs()

    def _make(self) -> TreemapView:
        from sdviewer.ui.plots.treemap.view import TreemapView

        view = TreemapView(self._bridge, self._slot)
        view.message.connect(self.message)
        view.followed.connect(self._follow)
        view.up_wanted.connect(self._go_up)
        return view

    def _follow(self, tile: int) -> None:
        view = self.view
        if view is None or view.tiles is None:
            return
        node = int(view.tiles.first[tile])
        if self._selection is not None and node != self._selection.node:
            self.node_wanted.emit(node)

    def _go_up(self) -> None:
        if self._selection is not None and self._selection.node > 0:
            self.node_wanted.emit(int(self._selection.checkpoint.tree.parent[self._selection.node]))
