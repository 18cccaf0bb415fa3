"""Layouts: the ways in which a tensor of some shape can lie on a plane, and which one to begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sdviewer.analysis.plane import Plane, blocks_of_rows, folded, grid_of, matrix, tiles_along
from sdviewer.checkpoint.value_frame import Frame

_MOST_TILED_AXES = 6
# Sides up to this are those of filters.
_SMALL = 16
# Inputs of a first layer: colours of a picture.
_FEW = 4
_HEAD_SIZES = (32, 48, 64, 80, 96, 112, 128, 160, 192, 256)
_MOST_HEADS = 256


@dataclass(frozen=True, slots=True)
class Layout:
    """One way.

    Attributes:
        title: as in the list of choices.
        tip: one sentence on what it shows.
        make: the plane of a frame, with so many tiles a line; 0 leaves that open.
        takes_count: whether it matters how many tiles stand in a line.
        axes: those that it lays out besides the two of the frame.

    """

    title: str
    tip: str
    make: Callable[[Frame, int], Plane]
    takes_count: bool = False
    axes: tuple[int, ...] = ()


def layouts_for(frame: Frame) -> tuple[Layout, ...]:
    """The layouts of a frame, the plain one first."""
    if len(frame.shape) == 1:
        line = Layout("Line", "All values in one line", lambda frame, _: matrix(_flat(frame)))
        fold = Layout("Folded", "Lines of equal length below each other, as on a page", folded, takes_count=True)
        return line, fold
    found = [Layout("Matrix" if len(frame.shape) == 2 else "Slice", "Two axes", lambda frame, _: matrix(frame))]
    found += [_tiles(axis) for axis in frame.others[:_MOST_TILED_AXES]]
    if len(frame.others) >= 2:
        found.append(_grid(*frame.others[:2]))
    if len(frame.shape) == 2 and frame.row_axis >= 0:
        found += [
            _blocks(size) for size in _HEAD_SIZES if not frame.rows % size and 1 < frame.rows // size <= _MOST_HEADS
        ]
    return tuple(found)


def first_layout(frame: Frame) -> int:
    """The place among `layouts_for` of the one to begin with: filters are laid out, all else is a slice."""
    shape = frame.shape
    if len(shape) < 3 or max(shape[-2:] if len(shape) > 3 else shape[-1:]) > _SMALL:
        return 0
    titles = [layout.title for layout in layouts_for(frame)]
    if len(shape) >= 4 and shape[1] > _FEW:
        return titles.index(_grid(*frame.others[:2]).title)
    return 1


def _flat(frame: Frame) -> Frame:
    return frame if frame.row_axis < 0 else frame.transposed()


def _tiles(axis: int) -> Layout:
    def make(frame: Frame, count: int) -> Plane:
        return tiles_along(frame, axis, count)

    return Layout(f"Tiles along axis {axis}", f"The slice for every place on axis {axis}", make, True, (axis,))


def _grid(down: int, across: int) -> Layout:
    title = f"Grid of axes {down} × {across}"
    tip = f"The slice for every place on axis {down}, downwards, and axis {across}, across"
    return Layout(title, tip, lambda frame, _: grid_of(frame, down, across), axes=(down, across))


def _blocks(size: int) -> Layout:
    title, tip = f"Blocks of {size} rows", "Blocks of rows beside each other, as the heads of an attention layer lie"
    return Layout(title, tip, lambda frame, _: blocks_of_rows(frame, size))
