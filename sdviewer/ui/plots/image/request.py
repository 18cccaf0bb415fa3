"""Request: which part of a plane is to be drawn, in how many pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdviewer.analysis.plane import Plane
from sdviewer.analysis.raster import Area, Pixels, pixels_for

_BEYOND = 0.25


@dataclass(frozen=True, slots=True)
class Request:
    """An area in so many pixels; not `exact` for a sample of its values."""

    plane: Plane
    area: Area
    height: float
    width: float
    exact: bool

    @property
    def sides(self) -> tuple[Pixels, Pixels]:
        """The pixels downwards and across."""
        plane, area = self.plane, self.area
        down = pixels_for(area.top, area.bottom, plane.rows, self.height)
        return down, pixels_for(area.left, area.right, plane.columns, self.width)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the plane."""
        top, left, bottom, right = self.area
        return top <= 0 and left <= 0 and bottom >= self.plane.rows and right >= self.plane.columns

    def has_scale_of(self, other: Request) -> bool:
        """Whether pixels are as large as those of another one."""
        return [side.step for side in self.sides] == [side.step for side in other.sides]

    def holds(self, other: Request) -> bool:
        """Whether its picture shows all that another one would."""
        if self.plane != other.plane or self.exact < other.exact or not self.has_scale_of(other):
            return False
        return all(
            mine.first <= theirs.first and mine.first + mine.count >= theirs.first + theirs.count
            for mine, theirs in zip(self.sides, other.sides, strict=True)
        )

    def meets(self, other: Request) -> bool:
        """Whether both have a part of the plane in common, at the same scale."""
        if self.plane != other.plane or not self.has_scale_of(other):
            return False
        mine, theirs = self.area, other.area
        down = max(mine.top, theirs.top) < min(mine.bottom, theirs.bottom)
        return down and max(mine.left, theirs.left) < min(mine.right, theirs.right)

    def widened(self) -> Request:
        """The same and a part of its size beyond each of its edges, at the same scale."""
        (top, left, bottom, right), plane = self.area, self.plane
        down, across = _BEYOND * (bottom - top), _BEYOND * (right - left)
        area = Area(
            max(0.0, top - down),
            max(0.0, left - across),
            min(float(plane.rows), bottom + down),
            min(float(plane.columns), right + across),
        )
        height = self.height * (area.bottom - area.top) / (bottom - top)
        width = self.width * (area.right - area.left) / (right - left)
        return replace(self, area=area, height=height, width=width)
