"""How an error is told: what happened, in which file, what to do, and the details to copy."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.errors import SdviewerError
from sdviewer.ui.theme import number_font
from sdviewer.ui.translating import tr

# Messages follow the name of their file ("net.pt: is empty"); here it stands above them.
_SAID_OF_THE_FILE = frozenset(("is", "has", "was", "cannot", "changed", "needs", "names", "holds", "ends", "does"))

_WIDEST = 720


@dataclass(frozen=True, slots=True)
class ErrorText:
    """An error in words: `details` is what a bug report needs."""

    message: str
    file: str
    hint: str
    details: str


def describe_error(error: BaseException) -> ErrorText:
    """The words for any error; one that sdviewer did not raise on purpose says so."""
    details = "".join(traceback.format_exception(error)).strip()
    if isinstance(error, SdviewerError):
        return ErrorText(_sentence(error.message), shown(error.file), _sentence(error.hint), details)
    if isinstance(error, MemoryError):
        return ErrorText(tr("There is not enough memory for this."), "", tr("Close other files or programs."), details)
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "This is a fault of sdviewer. The details help to mend it."
    return ErrorText(shown(message, 500), "", hint, details)


def _sentence(text: str) -> str:
    text = shown(text)
    if text.partition(" ")[0] in _SAID_OF_THE_FILE:
        text = f"it {text}"
    first = text[:1] if text.startswith("sdviewer ") else text[:1].upper()
    return first + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".") if text else ""


# A word that no line can hold would make the window wider than the screen.
_LONG_WORD, _BREAK = re.compile(r"\S{40}(?=\S)"), "\u200b"


class ErrorTools(QObject):
    """What can be done about an error: try again, read its details, copy them. Whoever shows it lays them out."""

    retry = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAcceptDrops(False)
        self.details.setTabChangesFocus(True)
        self.details.setFont(number_font())
        self.details.setAccessibleName(tr("Details of the error"))
        self.details.hide()
        self.details.setMinimumHeight(180)
        self.try_again = QPushButton(tr("Try again"))
        self.try_again.clicked.connect(self.retry)
        self.show_details = QPushButton(tr("Details"))
        self.show_details.setCheckable(True)
        self.show_details.toggled.connect(self.details.setVisible)
        self.copy_details = QPushButton(tr("Copy details"))
        self.copy_details.clicked.connect(self._copy)
        self.buttons = (self.try_again, self.show_details, self.copy_details)
        for button in self.buttons:
            button.setAutoDefault(False)

    def tell(self, details: str) -> None:
        """Take these details; without any there is nothing to read or copy."""
        self.details.setPlainText(details)
        if not details:
            self.show_details.setChecked(False)
        for button in (self.show_details, self.copy_details):
            button.setVisible(bool(details))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())


class ErrorPanel(QWidget):
    """An error in the place where its file or tensor would be shown."""

    retry = Signal()

    def __init__(self, heading: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = message_heading(heading)
        self.message = error_label()
        self.file = error_label()
        self.file.setFont(number_font())
        self.hint = error_label()
        self.tools = ErrorTools(self)
        self.tools.retry.connect(self.retry)
        buttons = QHBoxLayout()
        for button in self.tools.buttons:
            buttons.addWidget(button)
        buttons.addStretch()
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        for widget in (self.heading, self.file, self.message, self.hint):
            column.addWidget(widget)
        column.addLayout(buttons)
        column.addWidget(self.tools.details, 5)
        column.addStretch(3)
        middle_column(column, self)

    def show_error(self, error: BaseException) -> None:
        """Fill in an error."""
        text = describe_error(error)
        for label, words in ((self.message, text.message), (self.file, text.file), (self.hint, text.hint)):
            label.setText(_LONG_WORD.sub(rf"\g<0>{_BREAK}", words) if label is self.message else words)
            label.setVisible(bool(words))
        self.tools.tell(text.details)

    def show_stopped(self, heading: str) -> None:
        """Say that the user stopped it: no error, nothing to explain."""
        self.heading.setText(heading)
        self.tools.tell("")
        for widget in (self.message, self.file, self.hint):
            widget.hide()


def message_heading(text: str) -> QLabel:
    """The first line of a page that tells one thing."""
    label = error_label(text)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 1.25)
    font.setWeight(font.Weight.DemiBold)
    label.setFont(font)
    return label


def middle_column(column: QVBoxLayout, page: QWidget) -> QWidget:
    """Put a column into the middle of a page, no wider than can be read well; returns what holds it."""
    middle = QWidget()
    middle.setLayout(column)
    middle.setMaximumWidth(_WIDEST)
    outer = QHBoxLayout(page)
    outer.addStretch(1)
    outer.addWidget(middle, 6)
    outer.addStretch(1)
    return middle


def error_label(text: str = "") -> QLabel:
    """Words of an error: plain text that wraps and can be selected."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
