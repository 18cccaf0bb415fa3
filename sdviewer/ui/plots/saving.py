"""What a plot saves: a picture of what is shown, and its data as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsView

from sdviewer.checkpoint.json_text import to_json
from sdviewer.control import Control
from sdviewer.ui.translating import tr

Columns = Sequence[tuple[str, Sequence[Any] | np.ndarray[Any, Any]]]
"""Names of columns with their values; a shorter one ends in empty cells."""

# Twice as fine as it is shown: for print and for screens with small pixels.
_FINER = 2
_DPI = 96
_ROWS_A_PIECE = 1_000
_LONGEST_FILE_NAME = 100


def file_stem(*parts: str) -> str:
    """A name that every file system takes, from names that files may have given."""
    safe = re.sub(r"[^\w.\-]+", "_", "-".join(parts)).strip("._") or "plot"
    return safe[-_LONGEST_FILE_NAME:]


def image_of(view: QGraphicsView, title: str, summary: str) -> QImage:
    """What a view shows, with its title and summary as the texts of the image; on the GUI thread."""
    size = view.viewport().size()
    image = QImage(size * _FINER, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(view.backgroundBrush().color())
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    view.render(painter, QRectF(image.rect()), view.viewport().rect())
    painter.end()
    image.setText(tr("Title"), title)
    image.setText(tr("Description"), summary)
    return image


def png_of(image: QImage) -> bytes:
    """An image as the bytes of a PNG file; on any thread."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"PNG").write(image)
    return bytes(data.data())


def svg_of(view: QGraphicsView, title: str, summary: str) -> bytes:
    """What a view shows as the bytes of an SVG file; on the GUI thread."""
    size = view.viewport().size()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    # The older version knows no clipping: curves would run over the axes.
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setResolution(_DPI)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    generator.setDescription(summary)
    painter = QPainter(generator)
    painter.fillRect(QRect(0, 0, size.width(), size.height()), view.backgroundBrush())
    view.render(painter, QRectF(0, 0, size.width(), size.height()), view.viewport().rect())
    painter.end()
    return bytes(data.data())


def csv_pieces(columns: Columns, control: Control) -> Iterator[bytes]:
    """A line of names, then a line a row, as RFC 4180 has it; numbers with all their digits and without a locale."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([name for name, _ in columns])
    rows = max((len(values) for _, values in columns), default=0)
    for first in range(0, rows, _ROWS_A_PIECE):
        control.report(first, rows, "Writing rows")
        pieces = [values[first : first + _ROWS_A_PIECE] for _, values in columns]
        listed = [piece.tolist() if isinstance(piece, np.ndarray) else piece for piece in pieces]
        writer.writerows([[_plain(value) for value in row] for row in zip_longest(*listed)])
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode("utf-8", "backslashreplace")


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value).strip('"')
