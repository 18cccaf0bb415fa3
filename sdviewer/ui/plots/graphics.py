"""Graphics: the scene of a plot, which has the machine to itself while it paints; imported with the first plot."""

from __future__ import annotations

import pyqtgraph  # type: ignore[import-untyped]  # it has no types
from PySide6.QtGui import QPaintEvent

from sdviewer.control import WAY

# A frame at most: what a hand moves is painted again and again, and what is read for it has the rest of the time.
_SECONDS_TO_PAINT = 0.012


class Graphics(pyqtgraph.GraphicsLayoutWidget):  # type: ignore[misc]  # it has no types
    """As pyqtgraph's own."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt
        """What is read or counted beside it stands aside."""
        WAY.keep_clear(_SECONDS_TO_PAINT)
        super().paintEvent(event)
