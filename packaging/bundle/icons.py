"""Draws the icon in the sizes that desktops want: `python icons.py SVG FOLDER`, with PySide6.

FOLDER gets hicolor/SIZExSIZE/apps/sdviewer.png, hicolor/scalable/apps/sdviewer.svg, sdviewer.ico and sdviewer.icns.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path

SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
_ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
_ICNS_KINDS = {128: b"ic07", 256: b"ic08", 512: b"ic09"}


def draw(svg: Path, folder: Path) -> None:
    """Draw all of them."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    app = QGuiApplication.instance() or QGuiApplication([])
    renderer = QSvgRenderer(str(svg))
    pictures = {}
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        file = folder / f"hicolor/{size}x{size}/apps/sdviewer.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not image.save(str(file)):
            raise OSError(f"{file} could not be written")
        pictures[size] = file.read_bytes()
    del app
    scalable = folder / "hicolor/scalable/apps/sdviewer.svg"
    scalable.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(svg, scalable)
    (folder / "sdviewer.ico").write_bytes(ico({size: pictures[size] for size in _ICO_SIZES}))
    (folder / "sdviewer.icns").write_bytes(icns(pictures))


def ico(pictures: dict[int, bytes]) -> bytes:
    """The icon of a program for Windows, of PNGs by their sizes."""
    at = 6 + 16 * len(pictures)
    head, body = [struct.pack("<HHH", 0, 1, len(pictures))], []
    for size, data in pictures.items():
        head.append(struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(data), at))
        body.append(data)
        at += len(data)
    return b"".join(head + body)


def icns(pictures: dict[int, bytes]) -> bytes:
    """The icon of a program for macOS, of PNGs by their sizes."""
    body = b"".join(
        kind + struct.pack(">I", 8 + len(pictures[size])) + pictures[size] for size, kind in _ICNS_KINDS.items()
    )
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
