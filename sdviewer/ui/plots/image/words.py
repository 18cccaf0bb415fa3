"""What a picture says in words: what is in sight, and what lies under the pointer."""

from __future__ import annotations

import numpy as np

from sdviewer.analysis.pixel_sums import EMPTY, Floats
from sdviewer.analysis.plane import Plane
from sdviewer.analysis.raster import How, Pixels, Raster
from sdviewer.checkpoint.wording import count_for_people, number
from sdviewer.ui.plots.image.color_maps import COLOR_NAMES, ODD_COLORS
from sdviewer.ui.translating import tr

_NAMES = {How.MEAN: "mean", How.LARGEST: tr("largest magnitude"), How.RANGE: "range"}


def summary(raster: Raster, shown: Floats, how: How) -> str:
    """The picture in words: its extent, the least and the largest that is shown, the peak of all values in it."""
    plane = raster.plane
    down, across = _side(raster.rows, plane.rows), _side(raster.columns, plane.columns)
    if raster.is_cells:
        text = f"Values of {_span('row', down)}, {_span('column', across)}"
    else:
        whole = raster.rows.step % 8 == raster.columns.step % 8 == 0
        block = f"{'' if whole else 'about '}{_size(raster.rows)} × {_size(raster.columns)}"
        text = f"Each pixel is the {_NAMES[how]} of {block} values; {_span('row', down)}, {_span('column', across)}"
    if not raster.exact:
        text += ", from some rows until all are read"
    finite = shown[np.isfinite(shown)]
    if len(finite):
        text += f". Shown minimum {number(float(finite.min()))}, maximum {number(float(finite.max()))}"
        text += f"; peak {_peak(raster)}"
    else:
        text += ". No value in sight is finite"
    counts = dict(zip(("NaN", "+∞", "−∞"), (raster.nan, raster.posinf, raster.neginf), strict=True))
    odd = [
        f"{count_for_people(counts[name])} {name} ({COLOR_NAMES[name]})" for _, name, _ in ODD_COLORS if counts[name]
    ]
    return f"{'; '.join([text, ', '.join(odd)]) if odd else text}."


def pointed(raster: Raster, row: int, column: int) -> str:
    """What is in the pixel that holds a cell of the plane, "" outside the picture."""
    plane = raster.plane
    if not (0 <= row < plane.rows and 0 <= column < plane.columns):
        return ""
    y, x = raster.rows.pixel_at(row), raster.columns.pixel_at(column)
    if not (0 <= y < raster.rows.count and 0 <= x < raster.columns.count):
        return ""
    state = int(raster.states[y, x])
    index = plane.index(row, column)
    if index is None or state == EMPTY:
        return "No tile is here"
    odd = " and ".join(name for bit, name, _ in ODD_COLORS if state & bit)
    mean, low, high = (float(array[y, x]) for array in (raster.mean, raster.low, raster.high))
    if raster.is_cells:
        return f"{_index(index)} = {odd or number(mean)}"
    down, across = raster.rows.places(y, plane.rows), raster.columns.places(x, plane.columns)
    first = plane.index(down.start, across.start)
    last = plane.index(down.stop - 1, across.stop - 1)
    where = f"{_index(first or index)} to {_index(last or index)}"
    numbers = f"mean {number(mean)}, from {number(low)} to {number(high)}" if low <= high else ""
    also = f"holds {odd}" if odd else ""
    return f"{where}: {'; '.join(part for part in (numbers, also) if part)}"


def _index(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]"


def _side(pixels: Pixels, size: int) -> range:
    return range(pixels.places(0, size).start, pixels.places(pixels.count - 1, size).stop)


def _span(name: str, places: range) -> str:
    return f"{name} {places.start:,}" if len(places) == 1 else f"{name}s {places.start:,}–{places.stop - 1:,}"


def _size(pixels: Pixels) -> str:
    places = pixels.step / 8
    return f"{places:,.0f}" if places.is_integer() or places >= 100 else f"{places:.1f}"


def _peak(raster: Raster) -> str:
    largest = np.where(raster.high >= -raster.low, raster.high, raster.low)
    # A pixel without a value has no magnitude.
    y, x = divmod(int(np.argmax(np.fmax(np.abs(largest), -1.0))), largest.shape[1])
    down, across = raster.rows.places(y, raster.plane.rows), raster.columns.places(x, raster.plane.columns)
    return f"{number(float(largest[y, x]))} {_place(raster.plane, down, across)}"


def _place(plane: Plane, down: range, across: range) -> str:
    if len(down) == len(across) == 1 and (index := plane.index(down.start, across.start)) is not None:
        return f"at {_index(index)}"
    return f"in {_span('row', down)}, {_span('column', across)}"
