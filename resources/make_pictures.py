"""Makes the pictures of the README again: each stands there above the command that takes it.

    python resources/make_pictures.py [NAME…]

A picture is then reduced to 256 colours, which makes it a third as large.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from PySide6.QtGui import QImage

from sdviewer.cli.main import run

_CHECKOUT = Path(__file__).parents[1]
_COMMANDS = re.compile(r"^<!-- sdviewer (?P<command>screenshot \S+ (?P<out>\S+) .*?) -->$", re.MULTILINE)
_COLOURS = 256


def reduced(image: QImage) -> QImage:
    """The picture in 256 colours at most; every other becomes the nearest of them."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)[:, : image.width()]
    colours, counts = np.unique(pixels.ravel(), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    # Those of areas stay what they are; of the many of letters and of pictures alike ones count as one.
    kept, others = colours[order[: _COLOURS // 2]], colours[order[_COLOURS // 2 :]]
    for bits in range(8, 0, -1):
        mask = np.uint32(0x010101 * (0xFF << 8 - bits & 0xFF))
        # The first of each group is its commonest.
        _, first = np.unique(others & mask, return_index=True)
        if len(first) <= _COLOURS - len(kept):
            kept = np.concatenate([kept, others[first]])
            break
    return image.convertToFormat(QImage.Format.Format_Indexed8, [int(colour) | 0xFF000000 for colour in kept])


def main(names: list[str]) -> None:
    """Take the pictures of these names, of all if there are none."""
    os.chdir(_CHECKOUT)
    for found in _COMMANDS.finditer(Path("README.md").read_text(encoding="utf-8")):
        out = Path(found["out"])
        if names and out.stem not in names:
            continue
        if run(shlex.split(found["command"]), lambda *_: 0) != 0:
            sys.exit(f"no picture: {found['command']}")
        image = QImage(str(out))
        image = reduced(image)
        image.save(str(out), "PNG", 0)  # type: ignore[call-overload]  # 0: as small as can be
        print(f"{out}  {image.width()} × {image.height()}  {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
