"""SourceView: read-only text with line numbers, coloured where it is looked at."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QRect, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlock,
    QTextCharFormat,
    QTextCursor,
    QTextLayout,
)
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from sdviewer.ui.detail.marked_text import cursor_at, in_document, marks, places_of
from sdviewer.ui.sources.reading import SourceText
from sdviewer.ui.sources.syntax import Token, tokens
from sdviewer.ui.theme import Colors, colors, number_font
from sdviewer.ui.translating import tr

_MARGIN = 8
_LINES_AT_ONCE = 1_000


def token_color(token: Token, c: Colors) -> str:
    """The colour of a kind of token, as `#rrggbb`; every one can be read on the base."""
    return {
        Token.WORD: c.accent,
        Token.STRING: c.good,
        Token.NUMBER: c.warning,
        Token.REMARK: c.muted,
        Token.NAME: c.text,
    }[token]


class _Numbers(QWidget):
    """The strip with the numbers of the lines."""

    def __init__(self, view: SourceView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt
        return QSize(self._view.strip_width, 0)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        self._view.paint_numbers(event)


class SourceView(QPlainTextEdit):
    """Shows a `SourceText`: its lines come in slices, and those in sight are coloured. All at once took a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source: SourceText | None = None
        self._coloured: set[int] = set()
        self._formats: dict[Token, QTextCharFormat] = {}
        self._text = ""
        self._lines_in = 0
        self._places: list[tuple[int, int]] = []
        self._place = 0
        self.setReadOnly(True)
        self.setAcceptDrops(False)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setFont(number_font())
        self.setTabStopDistance(4 * QFontMetrics(self.font()).horizontalAdvance(" "))
        self.setAccessibleName(tr("Source text"))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._strip = _Numbers(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._colour)
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._add_lines)
        self.updateRequest.connect(self._scrolled)
        self._take_colors()

    @property
    def source(self) -> SourceText | None:
        """What is shown."""
        return self._source

    @property
    def is_settled(self) -> bool:
        """Whether all lines are there."""
        return not self._slices.isActive()

    @property
    def strip_width(self) -> int:
        """Pixels that the strip with the numbers takes."""
        digits = len(f"{self._source.numbers[-1] or len(self._source.numbers):,}") if self._source else 1
        return QFontMetrics(self.font()).horizontalAdvance("9") * max(digits, 2) + 2 * _MARGIN

    @property
    def places(self) -> int:
        """How many places were found."""
        return len(self._places)

    @property
    def place(self) -> int:
        """Which of them is shown, counted from 1; 0 for none."""
        return self._place

    def show_source(self, source: SourceText | None) -> None:
        """Show another text."""
        self._source = source
        self._coloured.clear()
        self._places, self._place = [], 0
        self.setExtraSelections([])
        self._text = "\n".join(source.lines) if source is not None else ""
        self._lines_in = min(_LINES_AT_ONCE, len(source.lines)) if source is not None else 0
        self.setPlainText("\n".join(source.lines[:_LINES_AT_ONCE]) if source is not None else "")
        if source is not None and self._lines_in < len(source.lines):
            self._slices.start()
        else:
            self._slices.stop()
        self.setViewportMargins(self.strip_width, 0, 0, 0)
        self._lay_strip()
        self._timer.start()

    def find_all(self, text: str) -> None:
        """Mark every place of a text and go to the first behind the cursor."""
        source = self._source
        self._places, self._place = [], 0
        if source is not None and text:
            self._finish_lines()
            places = [source.shown_place(*place) for place in places_of(source.text, text)]
            self._places = list(in_document(self._text, places))
        if not self._places:
            self.setExtraSelections([])
        else:
            here = self.textCursor().selectionStart()
            self._go_to(next((index for index, (start, _) in enumerate(self._places) if start >= here), 0))

    def step(self, by: int) -> None:
        """Go to the next place or the one before, round the end."""
        if self._places:
            self._go_to((self._place - 1 + by) % len(self._places))

    def createMimeDataFromSelection(self) -> QMimeData:  # noqa: N802  # Qt
        """What is selected, without the breaks that long lines were given."""
        cursor, data = self.textCursor(), QMimeData()
        pieces = cursor.selectedText().split("\u2029")
        first = self.document().findBlock(cursor.selectionStart()).blockNumber()
        numbers = self._source.numbers if self._source is not None else ()
        text = pieces[0]
        for index, piece in enumerate(pieces[1:], first + 1):
            text += piece if index < len(numbers) and not numbers[index] else f"\n{piece}"
        data.setText(text)
        return data

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """More lines may be in sight."""
        super().resizeEvent(event)
        self._lay_strip()
        self._timer.start()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """Another theme has other colours."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_timer"):
            self._take_colors()
            self._coloured.clear()
            self._mark()
            self._timer.start()

    def paint_numbers(self, event: QPaintEvent) -> None:
        """Draw the numbers of the lines in sight."""
        c = colors()
        painter = QPainter(self._strip)
        painter.fillRect(event.rect(), QColor(c.raised))
        painter.setPen(QColor(c.muted))
        painter.setFont(self.font())
        numbers = self._source.numbers if self._source is not None else ()
        width, height = self._strip.width() - _MARGIN, QFontMetrics(self.font()).height()
        for block, top in self._in_sight():
            number = numbers[block.blockNumber()] if block.blockNumber() < len(numbers) else 0
            if number:
                painter.drawText(QRect(0, top, width, height), Qt.AlignmentFlag.AlignRight, str(number))
        painter.end()

    def _in_sight(self) -> list[tuple[QTextBlock, int]]:
        """The lines in sight and where each begins, in pixels."""
        found = []
        block = self.firstVisibleBlock()
        top = round(self.blockBoundingGeometry(block).translated(self.contentOffset()).top())
        while block.isValid() and top <= self.viewport().height():
            found.append((block, top))
            top += round(self.blockBoundingRect(block).height())
            block = block.next()
        return found

    def _colour(self) -> None:
        source = self._source
        if source is None or not source.language:
            return
        for block, _ in self._in_sight():
            line = block.blockNumber()
            if line not in self._coloured and line < len(source.lines):
                self._coloured.add(line)
                self._colour_line(block, source.lines[line], source.states[line], source.language)

    def _colour_line(self, block: QTextBlock, line: str, state: int, language: str) -> None:
        spans, _ = tokens(line, language, state)
        places = list(in_document(line, [(start, end) for start, end, _ in spans]))
        ranges = []
        for (start, end), (_, _, token) in zip(places, spans, strict=True):
            part = QTextLayout.FormatRange()
            part.start, part.length, part.format = start, end - start, self._formats[token]
            ranges.append(part)
        block.layout().setFormats(ranges)
        self.document().markContentsDirty(block.position(), block.length())

    def _take_colors(self) -> None:
        for token in Token:
            look = QTextCharFormat()
            look.setForeground(QColor(token_color(token, colors())))
            if token is Token.NAME:
                look.setFontWeight(QFont.Weight.DemiBold)
            self._formats[token] = look

    def _go_to(self, index: int) -> None:
        self._place = index + 1
        start, end = self._places[index]
        self.setTextCursor(cursor_at(self.document(), start, end))
        self.centerCursor()
        self._mark()

    def _mark(self) -> None:
        self.setExtraSelections(marks(self.document(), self._places, max(self._place - 1, 0)))

    def _add_lines(self) -> None:
        """One more slice of lines at the end; what is in sight stays."""
        source = self._source
        if source is not None and self._lines_in < len(source.lines):
            more = source.lines[self._lines_in : self._lines_in + _LINES_AT_ONCE]
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText("\n" + "\n".join(more))
            self._lines_in += len(more)
        if source is None or self._lines_in >= len(source.lines):
            self._slices.stop()

    def _finish_lines(self) -> None:
        while self._slices.isActive():
            self._add_lines()

    def _lay_strip(self) -> None:
        room = self.contentsRect()
        self._strip.setGeometry(QRect(room.left(), room.top(), self.strip_width, room.height()))

    def _scrolled(self, rect: QRect, by: int) -> None:
        if by:
            self._strip.scroll(0, by)
            self._timer.start()
        else:
            self._strip.update(0, rect.y(), self._strip.width(), rect.height())
