"""The report of a fault or a crash: shown to be read and copied, sent nowhere.

Paths and names of the user are left out of it as long as he does not ask for them.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from sdviewer.crash_report import Crash, paths_named_by, report_text, without_paths
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.dialogs import versions_of_parts
from sdviewer.ui.errors import describe_error, error_label, message_heading
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

_SIZE = (680, 460)
_SENT_NOWHERE = "This report helps to mend it. It is sent nowhere: copy it where you report faults."


class CrashDialog(QDialog):
    """What happened, and a report of it.

    `what` is told above `report`, which is the whole of it; `known` are files that it may name.
    """

    def __init__(self, heading: str, what: str, report: str, known: Iterable[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._report, self._known = report, tuple(known)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(heading)
        self.resize(*_SIZE)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(number_font())
        self.text.setAccessibleName(tr("Report"))
        self.with_paths = QCheckBox(tr("&Include paths and names of files"))
        self.with_paths.toggled.connect(self._fill)
        self.copy_button = QPushButton(tr("&Copy Report"))
        self.copy_button.clicked.connect(self._copy)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addWidget(self.with_paths)
        buttons.addStretch()
        buttons.addWidget(self.copy_button)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 18)
        column.setSpacing(10)
        column.addWidget(message_heading(heading))
        if what:
            column.addWidget(error_label(what))
        column.addWidget(plain_label(_SENT_NOWHERE, muted=True))
        column.addWidget(self.text, 1)
        column.addLayout(buttons)
        self._fill()
        self.copy_button.setDefault(True)
        self.copy_button.setFocus()

    def _fill(self) -> None:
        named = self.with_paths.isChecked()
        self.text.setPlainText(self._report if named else without_paths(self._report, self._known))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copy_button.setText(tr("Copied"))


def fault_dialog(error: BaseException, open_paths: Iterable[str], parent: QWidget) -> CrashDialog:
    """The dialog for what went wrong just now, while these files were open."""
    report = report_text("sdviewer: something went wrong", _versions(), "".join(traceback.format_exception(error)))
    known = paths_named_by(error).union(open_paths)
    return CrashDialog("Something went wrong", describe_error(error).message, report, known, parent)


def crash_dialog(crash: Crash, window: QWidget) -> CrashDialog:
    """The dialog for what an earlier window left."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(crash.when))
    report = report_text(f"sdviewer: crashed at {when}", _versions(), crash.stacks)
    heading = "sdviewer crashed when it ran last"
    return CrashDialog(heading, f"At {when} it ended in the middle of its work.", report, (), window)


def _versions() -> list[tuple[str, str]]:
    platform = QGuiApplication.platformName()
    return [("sdviewer", QCoreApplication.applicationVersion()), *versions_of_parts(), ("Qt platform", platform)]
