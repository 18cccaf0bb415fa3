"""PartnerChoice: a tensor of the other side is chosen to be a pair with one, by letters of its name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.standing import Standing
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.filter.overlay import Overlay
from sdviewer.ui.models.diff_cells import form_of
from sdviewer.ui.translating import tr

_MOST_LISTED = 200
_LOOKED_AT_ONCE = 4000
_WIDTH, _HEIGHT, _TOP = 720, 380, 44


class PartnerChoice(Overlay):
    """Tensors that could be meant come first: those without a partner, and of the same shape before others."""

    chosen = Signal(int, int)
    """The tensor that asked, and its partner: their nodes."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._standing: Standing | None = None
        self._node = -1
        self._left: list[int] = []
        self.setAccessibleName(tr("Choose a partner"))
        self.title = plain_label(muted=True)
        self.title.setContentsMargins(10, 2, 10, 0)
        self.line = QLineEdit()
        self.line.setAcceptDrops(False)
        self.line.setPlaceholderText(tr("Parts of the other name …"))
        self.line.setAccessibleName(tr("Parts of the partner's name"))
        self.list = QListWidget()
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setAccessibleName(tr("Tensors of the other side"))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        for widget in (self.title, self.line, self.list):
            column.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._look_on)
        self.line.textChanged.connect(self._begin)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(self._take)

    def open_for(self, standing: Standing, node: int) -> None:
        """Ask for a partner of this tensor."""
        self._standing, self._node = standing, node
        self.title.setText(tr("Pair {name_at} with", name_at=shown(standing.name_at(node), 90)))
        self.line.clear()
        self._begin()
        self.open_over(self.line)

    def close_overlay(self) -> None:
        """Close, and look for nothing more."""
        self._timer.stop()
        super().close_overlay()

    def place_in(self, room: QRect) -> QRect:
        """In the middle, a little below the top."""
        width = max(min(_WIDTH, room.width() - 40), 120)
        return QRect((room.width() - width) // 2, _TOP, width, max(min(_HEIGHT, room.height() - _TOP - 10), 80))

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        """As it is placed."""
        return QSize(_WIDTH, _HEIGHT)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt
        """The line's keys for the list."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            row, last = self.list.currentRow(), self.list.count() - 1
            match event.key():
                case Qt.Key.Key_Escape:
                    self.close_overlay()
                case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                    if self.list.currentItem() is not None:
                        self._take(self.list.currentItem())
                case Qt.Key.Key_Down:
                    self.list.setCurrentRow(min(row + 1, last))
                case Qt.Key.Key_Up:
                    self.list.setCurrentRow(max(row - 1, 0))
                case _:
                    return False
            return True
        return super().eventFilter(watched, event)

    def _begin(self) -> None:
        standing = self._standing
        self.list.clear()
        if standing is None:
            return
        what = standing.tree.what
        lacks_b = bool(standing.keys_at(self._node)[0])
        first, then = (Leaf.ONLY_B, Leaf.ONLY_A) if lacks_b else (Leaf.ONLY_A, Leaf.ONLY_B)
        both = what[self._node] == Leaf.PAIR
        # From the back, so that the first are taken first.
        self._left = (what == Leaf.PAIR).nonzero()[0][::-1].tolist()
        if both:
            self._left += (what == then).nonzero()[0][::-1].tolist()
        singles = (what == first).nonzero()[0].tolist()
        form = form_of(standing, self._node)
        singles.sort(key=lambda node: form_of(standing, node) == form if len(singles) <= _LOOKED_AT_ONCE else False)
        self._left += singles[::-1] if len(singles) > _LOOKED_AT_ONCE else singles
        self._timer.start()

    def _look_on(self) -> None:
        """A slice of the names, so that a hundred thousand hold nothing up."""
        standing, words = self._standing, self.line.text().lower().split()
        for _ in range(_LOOKED_AT_ONCE):
            if not self._left or standing is None or self.list.count() >= _MOST_LISTED:
                self._timer.stop()
                break
            node = self._left.pop()
            names = "\n".join(standing.keys_at(node)).lower()
            if node != self._node and all(word in names for word in words):
                item = QListWidgetItem(f"{shown(standing.name_at(node), 200)}    {form_of(standing, node)}")
                item.setData(Qt.ItemDataRole.UserRole, node)
                self.list.addItem(item)
        if self.list.currentRow() < 0 and self.list.count():
            self.list.setCurrentRow(0)

    def _take(self, item: QListWidgetItem) -> None:
        node = int(item.data(Qt.ItemDataRole.UserRole))
        self.close_overlay()
        self.chosen.emit(self._node, node)
