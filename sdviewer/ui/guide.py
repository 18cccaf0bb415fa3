"""Guide: the README in a window of its own, with its pictures, to be read and searched without a network."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from sdviewer.resource_files import guide_path
from sdviewer.ui.detail.find_line import FindLine
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

_SIZE = QSize(1080, 780)
_SIDE = 250
_MARGIN = 24
# Of the headings that are bold among the contents.
_TOP_LEVEL = 2
# Longer than a drag of the window's edge pauses.
_MS_BEFORE_FITTING = 120
_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)
# Links lead to files of the source tree, which an installation does not hold; what they are called is told, but for
# the tests that hold a claim.
_TEST = re.compile(r" \((?:\[test\]\([^)]+\)(?:, )?)+\)")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\([^)]+\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def guide_text() -> str:
    """The README without what only its source needs, as Markdown.

    Raises:
        FileNotFoundError: sdviewer was installed without it.

    """
    text = _COMMENT.sub("", guide_path().read_text(encoding="utf-8"))
    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(r"\1", _TEST.sub("", part)) for part in parts)


def show_guide(parent: QWidget) -> None:
    """The guide, in a window that blocks nothing; the one that is open comes to the front."""
    guide = parent.findChild(Guide)
    if guide is None:
        Guide(parent).show()
    else:
        guide.raise_()
        guide.activateWindow()


class Guide(QDialog):
    """Headings on the left lead to their places; Ctrl+F finds, Escape closes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("User Guide"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setSizeGripEnabled(False)
        self.headings = QListWidget()
        self.headings.setAccessibleName(tr("Contents"))
        self.headings.setFixedWidth(_SIDE)
        self.headings.setFrameShape(QListWidget.Shape.NoFrame)
        self.headings.setSpacing(3)
        self.headings.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page = GuidePage()
        self.find_line = FindLine(tr("the guide"))
        self.find_line.count.setWordWrap(False)
        right = QVBoxLayout()
        right.setContentsMargins(12, 10, 12, 0)
        right.setSpacing(8)
        right.addWidget(self.find_line)
        right.addWidget(self.page, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.headings)
        row.addLayout(right, 1)
        screen = self.screen().availableSize()
        self.resize(_SIZE.boundedTo(QSize(screen.width() * 9 // 10, screen.height() * 9 // 10)))
        for level, title in self.page.headings():
            item = QListWidgetItem("    " * max(level - _TOP_LEVEL, 0) + title)
            if level <= _TOP_LEVEL:
                font = QFont(self.font())
                font.setBold(True)
                item.setFont(font)
            self.headings.addItem(item)
        self.headings.currentRowChanged.connect(self.page.go_to_heading)
        self.find_line.wanted.connect(self._find)
        self.find_line.stepped.connect(self._step)
        self.find_line.left.connect(self.page.setFocus)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self.find_line.start)
        self.page.setFocus()

    def _find(self, text: str) -> None:
        self.find_line.show_count(*self.page.find_all(text))

    def _step(self, step: int) -> None:
        self.find_line.show_count(*self.page.step(step))


class GuidePage(QTextEdit):
    """The text, laid out for the width that there is and in the colours of the theme."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("User guide"))
        self.setReadOnly(True)
        # Keys scroll, they lead no caret through the text.
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        # So that the room for pictures does not depend on what they make of the length.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        try:
            self._text, self._folder = guide_text(), guide_path().parent
        except FileNotFoundError as error:
            self._text, self._folder = f"# User Guide\n\n{error}.", Path()
        self._sought = ""
        self._finds: list[QTextCursor] = []
        self._place = -1
        self._width = 0
        self._fitting = QTimer(self)
        self._fitting.setSingleShot(True)
        self._fitting.setInterval(_MS_BEFORE_FITTING)
        self._fitting.timeout.connect(self._lay_out)
        self._lay_out()

    @property
    def is_settled(self) -> bool:
        """Whether it is laid out for its width."""
        return not self._fitting.isActive()

    def headings(self) -> list[tuple[int, str]]:
        """The level and text of every heading."""
        return [(block.blockFormat().headingLevel(), block.text()) for block in self._heading_blocks()]

    def go_to_heading(self, place: int) -> None:
        """Bring a heading to the top."""
        blocks = self._heading_blocks()
        if 0 <= place < len(blocks):
            self.setTextCursor(QTextCursor(blocks[place]))
            top = self.document().documentLayout().blockBoundingRect(blocks[place]).top()
            self.verticalScrollBar().setValue(round(top) - _MARGIN // 2)

    def find_all(self, text: str) -> tuple[int, int]:
        """Mark every find and go to the first; which one is shown, counted from 1, and how many there are."""
        self._sought, self._finds, self._place = text, [], -1
        cursor = QTextCursor(self.document())
        while text and not (cursor := self.document().find(text, cursor)).isNull():
            self._finds.append(QTextCursor(cursor))
        return self.step(1)

    def step(self, step: int) -> tuple[int, int]:
        """Go so many finds further, round at the ends."""
        if self._finds:
            self._place = (self._place + step) % len(self._finds) if self._place >= 0 else 0
            here = QTextCursor(self._finds[self._place])
            here.clearSelection()
            self.setTextCursor(here)
            self.ensureCursorVisible()
        self._mark()
        return self._place + 1, len(self._finds)

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: N802  # Qt
        """A picture of the folder, no wider than the page; nothing from anywhere else."""
        url = QUrl(name)
        if kind != QTextDocument.ResourceType.ImageResource.value or not url.isRelative():
            return None
        image = QImage(str(self._folder / url.path()))
        ratio = self.devicePixelRatioF()
        width = min(image.width(), self._room())
        fitted = image.scaledToWidth(round(width * ratio), Qt.TransformationMode.SmoothTransformation)
        fitted.setDevicePixelRatio(ratio)
        return fitted

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new theme has other colours."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_fitting"):
            self._fitting.start()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """Pictures are made to fit once the width stays."""
        super().resizeEvent(event)
        if self._room() != self._width:
            self._fitting.start()

    def _room(self) -> int:
        return max(self.viewport().width() - 2 * _MARGIN, 200)

    def _lay_out(self) -> None:
        bar = self.verticalScrollBar()
        place = bar.value() / max(bar.maximum(), 1)
        self._width = self._room()
        document = self.document()
        document.setDocumentMargin(_MARGIN)
        document.clear()
        document.setMarkdown(self._text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        # As one edit: each by itself would lay the whole page out once more, which takes seconds where it is seen.
        edit = QTextCursor(document)
        edit.beginEditBlock()
        block = document.begin()
        while block.isValid():
            _dress(block)
            block = block.next()
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                _dress_table(frame)
        edit.endEditBlock()
        if self._sought:
            kept = self._place
            self.find_all(self._sought)
            self._place = min(kept, len(self._finds) - 1)
            self._mark()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        bar.setValue(round(place * bar.maximum()))

    def _heading_blocks(self) -> list[QTextBlock]:
        blocks, block = [], self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel():
                blocks.append(block)
            block = block.next()
        return blocks

    def _mark(self) -> None:
        marks = []
        for place, cursor in enumerate(self._finds):
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor
            mark.format = QTextCharFormat()
            mark.format.setBackground(QColor(colors().found))
            mark.format.setFontUnderline(place == self._place)
            marks.append(mark)
        self.setExtraSelections(marks)


def _dress(block: QTextBlock) -> None:
    """Room round headings, a ground under code, in the font of numbers."""
    form, cursor = QTextBlockFormat(), QTextCursor(block)
    shape = block.blockFormat()
    if shape.headingLevel():
        form.setTopMargin(22 if shape.headingLevel() > 1 else 0)
        form.setBottomMargin(6)
    elif shape.hasProperty(QTextFormat.Property.BlockCodeFence) or shape.hasProperty(
        QTextFormat.Property.BlockCodeLanguage
    ):
        form.setBackground(QColor(colors().raised))
        form.setLeftMargin(0)
    cursor.mergeBlockFormat(form)
    pieces = block.begin()
    while not pieces.atEnd():
        fragment = pieces.fragment()
        pieces += 1
        if fragment.charFormat().fontFixedPitch():
            text = QTextCharFormat()
            text.setFontFamilies(number_font().families())
            cursor.setPosition(fragment.position())
            cursor.setPosition(fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(text)


def _dress_table(table: QTextTable) -> None:
    form = table.format()
    form.setCellPadding(5)
    form.setCellSpacing(0)
    form.setBorder(1)
    form.setBorderCollapse(True)
    form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    form.setBorderBrush(QColor(colors().line))
    form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    table.setFormat(form)
