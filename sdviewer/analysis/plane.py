"""Plane: rows and columns of values out of a tensor of any number of axes, perhaps as tiles beside each other.

A matrix is two axes of a tensor. A grid repeats that along one more axis downwards and one across (the filters
of a convolution), or folds one axis into both (images in a catalogue, a vector as lines of a page).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sdviewer.checkpoint.payload import View
from sdviewer.checkpoint.value_frame import Frame


@dataclass(frozen=True, slots=True)
class Leg:
    """So many places, `step` from each other, on an axis; -1 is no axis and one place."""

    axis: int = -1
    step: int = 1
    size: int = 1


@dataclass(frozen=True, slots=True)
class Plane:
    """What a picture shows of a tensor. Row r is row r % down.size of the tiles in line r // down.size.

    Attributes:
        shape: of the tensor's values.
        at: an index for each axis, to which the places of the legs are added.
        down, across: the rows and the columns of a tile.
        grid_down, grid_across: the tiles.
        tiles: how many of them there are; the grid may end with places that are empty.

    """

    shape: tuple[int, ...]
    at: tuple[int, ...]
    down: Leg
    across: Leg
    grid_down: Leg = Leg()
    grid_across: Leg = Leg()
    tiles: int = 1

    @property
    def rows(self) -> int:
        """Rows of all tiles."""
        return self.grid_down.size * self.down.size

    @property
    def columns(self) -> int:
        """Columns of all tiles."""
        return self.grid_across.size * self.across.size

    @property
    def is_tiled(self) -> bool:
        """Whether there is more than one tile, larger than one value."""
        return self.tiles > 1 and self.down.size * self.across.size > 1

    def index(self, row: int, column: int) -> tuple[int, ...] | None:
        """The tensor's index of a cell, None where the grid is empty."""
        line, down = divmod(row, self.down.size)
        tile, across = divmod(column, self.across.size)
        if line * self.grid_across.size + tile >= self.tiles:
            return None
        index = list(self.at)
        for leg, place in ((self.grid_down, line), (self.down, down), (self.grid_across, tile), (self.across, across)):
            if leg.axis >= 0:
                index[leg.axis] += leg.step * place
        return tuple(index)

    def cell(self, index: tuple[int, ...]) -> tuple[int, int] | None:
        """The row and column of an index, None where the plane does not show it."""
        rest = [place - at for place, at in zip(index, self.at, strict=True)]
        legs = (self.grid_down, self.down, self.grid_across, self.across)
        places = [0, 0, 0, 0]
        for i in sorted(range(4), key=lambda i: -legs[i].step):
            if legs[i].axis >= 0:
                places[i], rest[legs[i].axis] = divmod(rest[legs[i].axis], legs[i].step)
        if any(rest) or any(not 0 <= place < leg.size for place, leg in zip(places, legs, strict=True)):
            return None
        return places[0] * self.down.size + places[1], places[2] * self.across.size + places[3]

    def places(self, axis: int, rows: range, columns: range) -> tuple[list[int], list[int]]:
        """What each row and each column adds to the index on an axis, besides `at`."""

        def added(inner: Leg, outer: Leg, places: range) -> list[int]:
            near = inner.step if inner.axis == axis else 0
            far = outer.step if outer.axis == axis else 0
            return [near * (place % inner.size) + far * (place // inner.size) for place in places]

        return added(self.down, self.grid_down, rows), added(self.across, self.grid_across, columns)

    def transposed(self) -> Plane:
        """Rows as columns; only without tiles."""
        return Plane(self.shape, self.at, self.across, self.down)


def matrix(frame: Frame) -> Plane:
    """The two axes of a frame."""
    return Plane(frame.shape, frame.at, _whole(frame.shape, frame.row_axis), _whole(frame.shape, frame.column_axis))


def tiles_along(frame: Frame, axis: int, per_line: int = 0) -> Plane:
    """The frame for every place on another axis: as tiles, so many a line, else about as wide as high."""
    plane = matrix(frame)
    count = frame.shape[axis]
    if per_line <= 0:
        per_line = math.ceil(math.sqrt(count * max(plane.rows, 1) / max(plane.columns, 1)))
    per_line = max(1, min(per_line, count))
    return Plane(
        frame.shape,
        frame.with_at(axis, 0).at,
        plane.down,
        plane.across,
        Leg(axis, per_line, -(-count // per_line)),
        Leg(axis, 1, per_line),
        count,
    )


def grid_of(frame: Frame, down: int, across: int) -> Plane:
    """The frame for every place on two other axes: one downwards, one across; -1 for none."""
    plane = matrix(frame)
    at = tuple(0 if axis in {down, across} else place for axis, place in enumerate(frame.at))
    lines, tiles = _whole(frame.shape, down), _whole(frame.shape, across)
    return Plane(frame.shape, at, plane.down, plane.across, lines, tiles, lines.size * tiles.size)


def blocks_of_rows(frame: Frame, rows: int) -> Plane:
    """The rows of a frame in blocks of equal height beside each other: the heads of an attention layer.

    Raises:
        ValueError: the frame cannot be cut into such blocks.

    """
    plane = matrix(frame)
    if rows < 1 or plane.rows % rows:
        raise ValueError(f"{plane.rows} rows cannot be cut into blocks of {rows}")
    count = plane.rows // rows
    axis = plane.down.axis
    return Plane(frame.shape, frame.at, Leg(axis, 1, rows), plane.across, Leg(), Leg(axis, rows, count), count)


def folded(frame: Frame, per_line: int = 0) -> Plane:
    """A frame of one column, or row, as lines of so many values, else about as wide as high."""
    axis, count = max(frame.row_axis, frame.column_axis), frame.rows * frame.columns
    per_line = max(1, min(per_line, count) if per_line > 0 else math.ceil(math.sqrt(count)))
    lines = -(-count // per_line)
    return Plane(frame.shape, frame.at, Leg(), Leg(), Leg(axis, per_line, lines), Leg(axis, 1, per_line), count)


def _whole(shape: tuple[int, ...], axis: int) -> Leg:
    return Leg(axis, 1, shape[axis]) if axis >= 0 else Leg()


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of a plane that lies in a storage as one view, whose axes make its rows and then its columns."""

    row: int
    column: int
    rows: int
    columns: int
    view: View


def pieces(plane: Plane, view: View, rows: range, columns: range, most_values: int) -> Iterator[Piece]:
    """A rectangle of a plane in pieces of about so many values, from top to bottom; empty tiles are left out.

    `view` says where the tensor's values lie, axis by axis.
    """
    strides = tuple(
        view.stride[leg.axis] * leg.step if leg.axis >= 0 else 0
        for leg in (plane.grid_down, plane.down, plane.grid_across, plane.across)
    )
    origin = view.offset + sum(place * step for place, step in zip(plane.at, view.stride, strict=True))
    # Only the last line of tiles may end early.
    full_rows = plane.tiles // plane.grid_across.size * plane.down.size
    last_columns = plane.tiles % plane.grid_across.size * plane.across.size
    parts = (
        (range(rows.start, min(rows.stop, full_rows)), columns),
        (range(max(rows.start, full_rows), rows.stop), range(columns.start, min(columns.stop, last_columns))),
    )
    for down, across in parts:
        if not down or not across:
            continue
        at_once = max(1, most_values // len(across))
        for row, line, lines, inner_row, inner_rows in _stretches(down, plane.down.size, at_once):
            for column, tile, tiles, inner_column, inner_columns in _stretches(across, plane.across.size, most_values):
                steps = (line, inner_row, tile, inner_column)
                offset = origin + sum(place * step for place, step in zip(steps, strides, strict=True))
                shape = (lines, inner_rows, tiles, inner_columns)
                yield Piece(row, column, lines * inner_rows, tiles * inner_columns, View(shape, strides, offset))


def _stretches(places: range, inner: int, most: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Cut places into runs of whole tiles, or parts of one tile, of at most so many places.

    Gives the first place, then the first tile and how many, then the first place in it and how many.
    """
    place = places.start
    while place < places.stop:
        tile, start = divmod(place, inner)
        whole = min(places.stop - place, most) // inner
        if start == 0 and whole:
            yield place, tile, whole, 0, inner
            place += whole * inner
        else:
            count = min(inner - start, places.stop - place, most)
            yield place, tile, 1, start, count
            place += count
