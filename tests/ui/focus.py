"""Whether one sees what has the keys: what is painted otherwise than without them stands out from its ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget

# What WCAG 2.2 asks of a graphic (1.4.11), and what tells two colours apart at all.
GRAPHIC, ANOTHER = 3.0, 1.15
_AROUND = 4
_FEWEST_PIXELS = 6


def luminance(image: QImage) -> npt.NDArray[np.float64]:
    """The relative luminance of every pixel, as WCAG 2 defines it."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[:, : image.width(), 2::-1] / 255
    linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def ratio(one: npt.NDArray[np.float64] | float, other: npt.NDArray[np.float64] | float) -> npt.NDArray[np.float64]:
    """The contrast of two luminances."""
    return np.asarray((np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05))


def looks(widget: QWidget) -> npt.NDArray[np.float64]:
    """The luminance of a widget in its window, with a little of what is around it."""
    window = widget.window()
    place = QRect(widget.mapTo(window, QPoint()), widget.size()).adjusted(-_AROUND, -_AROUND, _AROUND, _AROUND)
    return luminance(window.grab(place.intersected(window.rect())).toImage())


def is_in_sight(widget: QWidget) -> bool:
    """Whether anything of a widget is seen, or of what covers it: of a page that scrolls its contents."""
    parts = (widget, *widget.findChildren(QWidget)) if isinstance(widget, QAbstractScrollArea) else (widget,)
    return widget.isVisible() and any(part.isVisible() and not part.visibleRegion().isEmpty() for part in parts)


def shows_focus(widget: QWidget) -> bool:
    """Whether a widget that has the keys is painted so that one sees it. Without them it is for a moment."""
    window = widget.window()
    # As after Tab: Qt draws no frames for who has just used the mouse.
    window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    widget.update()
    QApplication.processEvents()
    with_keys = looks(widget)
    widget.clearFocus()
    without = looks(widget)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    if with_keys.shape != without.shape:
        return True
    grounds, counts = np.unique(np.round(without, 3), return_counts=True)
    ground = float(grounds[np.argmax(counts)])
    is_other = ratio(with_keys, without) >= ANOTHER
    stands_out = np.maximum(ratio(with_keys, ground), ratio(with_keys, without)) >= GRAPHIC
    return int((is_other & stands_out).sum()) >= _FEWEST_PIXELS
