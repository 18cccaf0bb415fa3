"""A plain table: rows of text without a grid, a frame or a head at their side."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from sdviewer.ui.plain_header import PlainHeader
from sdviewer.ui.theme import number_font


def make_plain(view: QTableView) -> int:
    """Dress a table that shows prepared texts, whole rows of which are selected; the height of a row."""
    view.setFont(number_font())
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setCornerButtonEnabled(False)
    view.setTabKeyNavigation(False)
    view.setFrameShape(QTableView.Shape.NoFrame)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalHeader(PlainHeader(3, view))
    rows = view.verticalHeader()
    rows.hide()
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    height = QFontMetrics(view.font()).height() + 6
    rows.setMinimumSectionSize(height)
    rows.setDefaultSectionSize(height)
    return height
