"""Failures: what goes wrong unexpectedly, in whichever thread, is told on the window's thread."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog

from sdviewer.ui.document.tab import DocumentTab

if TYPE_CHECKING:
    from sdviewer.ui.main_window import MainWindow

FAULT = "error"
"""The name of the dialog of a fault."""


class Failures(QObject):
    """Shows one dialog at a time: what fails in a paint event fails again with every paint."""

    _came = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._came.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def tell(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An exception hook for any thread: standard error is told at once, the user soon."""
        sys.__excepthook__(kind, error, trace)
        # What failed while the window ends has nowhere to be shown.
        if self._window.isVisible():
            self._came.emit(error)

    def _show(self, error: BaseException) -> None:
        if self._window.findChild(QDialog, FAULT) is None:
            from sdviewer.ui.crash_dialog import fault_dialog

            dialog = fault_dialog(error, _open_paths(self._window), self._window)
            dialog.setObjectName(FAULT)
            dialog.show()


def offer_last_crash(window: MainWindow) -> None:
    """Show the report of a window that crashed since somebody looked, if one did."""
    from sdviewer.crash_report import take_crashes

    crashes = take_crashes()
    if crashes:
        from sdviewer.ui.crash_dialog import crash_dialog

        crash_dialog(crashes[0], window).show()


def _open_paths(window: MainWindow) -> set[str]:
    pages = window.tabs.pages()
    return {path for page in pages for path in ((page.path,) if isinstance(page, DocumentTab) else page.paths)}
