"""The window shows the tree of each file of the corpus, or says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sdviewer.checkpoint.modules import TreeNode
from sdviewer.errors import CannotOpen
from sdviewer.ui.document.tab import DocumentTab, State
from sdviewer.ui.main_window import MainWindow
from tests.helpers.corpus import CORPUS, expected, files, needs_corpus
from tests.ui.looking import model_of, names

Settle = Callable[[MainWindow], DocumentTab]

pytestmark = [needs_corpus, pytest.mark.timeout(400)]


@pytest.mark.parametrize("folder", ["made", "real"])
def test_every_file_shows_its_tensors_or_an_error(folder: str, window: MainWindow, settle: Settle) -> None:
    for name in files(folder):
        window.open_files([str(CORPUS / name)])
        tab = settle(window)
        reference = expected().get(name, {})
        if tab.state is State.FAILED:
            assert isinstance(tab.error, CannotOpen), name
            assert "tensors" not in reference, name
            assert tab.panel.isVisible(), name
        else:
            assert tab.state is State.OPEN, name
            model = model_of(tab)
            model.expand(0, deep=True)
            assert names(tab)[0] == tab.title
            shown = sum(model.cells(row).what is TreeNode.TENSOR for row in range(model.rowCount()))
            assert shown >= len(reference.get("tensors", ())), name
        window.close_tab(window.tabs.currentIndex())
