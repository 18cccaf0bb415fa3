"""What a user sees of a window: rows, texts, colours; and where he clicks."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.models.tree_model import Column, TreeModel
from sdviewer.ui.tree.view import TreeView


def model_of(tab: DocumentTab) -> TreeModel:
    """The model that the tab's tree shows."""
    model = tab.tree.tree_model
    assert model is not None
    return model


def names(tab: DocumentTab) -> list[str]:
    """The names in the rows of the tree, indented by two blanks a level below the sections."""
    model = model_of(tab)
    return ["  " * model.cells(row).indent + model.cells(row).name for row in range(model.rowCount())]


def row_called(tab: DocumentTab, name: str) -> int:
    """The first row with this name."""
    return next(row for row, shown in enumerate(names(tab)) if shown.strip() == name)


def current_name(tab: DocumentTab) -> str:
    """The name in the current row."""
    return model_of(tab).cells(tab.tree.currentIndex().row()).name


def cell(tab: DocumentTab, name: str, column: Column) -> str:
    """The text in a column of the row with this name."""
    return model_of(tab).cells(row_called(tab, name)).text(column)


def click_row(tree: TreeView, row: int, *, twice: bool = False) -> None:
    """Click on the name in a row."""
    model = tree.tree_model
    assert model is not None
    place = tree.visualRect(model.index(row, Column.DTYPE)).center()
    if twice:
        QTest.mouseDClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    else:
        QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)


def click_branch(tree: TreeView, row: int) -> None:
    """Click on the sign before the name in a row."""
    model = tree.tree_model
    assert model is not None
    left = 4 + 16 * model.cells(row).indent
    place = tree.visualRect(model.index(row, Column.NAME))
    QTest.mouseClick(
        tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place.left() + left + 8, place.center().y())
    )


W = TypeVar("W", bound=QWidget)


def in_sight(tab: DocumentTab, kind: type[W]) -> list[W]:
    """The visible parts of this kind in the detail pane."""
    QApplication.processEvents()
    return [part for part in tab.detail.findChildren(kind) if part.isVisible()]


def facts(tab: DocumentTab) -> dict[str, str]:
    """The facts in the detail pane."""
    return dict(tab.detail.facts.texts())


def statistic(tab: DocumentTab, name: str) -> str:
    """A number of the statistics, without its mark."""
    return tab.detail.numbers.statistics.text(name).removeprefix("⚠ ")


def picture(widget: QWidget) -> QImage:
    """The widget as it is painted."""
    return widget.grab().toImage()


def shades(image: QImage) -> int:
    """How many colours a picture has: one or two if it is blank."""
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})
