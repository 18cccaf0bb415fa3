"""Why there is no table of a tensor's values, and where they are instead."""

from __future__ import annotations

import math

from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_frame import value_shape
from sdviewer.checkpoint.value_pages import element_bytes
from sdviewer.checkpoint.wording import bytes_for_people, shape_text, shown
from sdviewer.ui.detail.parts import Grid
from sdviewer.ui.translating import tr

# A screen full of elements larger than this would not fit into what is kept of a tensor.
_LARGEST_ELEMENT = 4096


def why_no_table(ref: TensorRef) -> str:
    """A sentence for the user, "" if there is a table."""
    flags = ref.flags
    if flags & Flag.META:
        return "A meta tensor has no values: the file holds only its shape and dtype."
    if flags & Flag.SUBCLASS:
        return "This is an object of a tensor subclass: what its values are, only its own code knows."
    if flags & Flag.NOT_DENSE:
        kind = "nested" if flags & Flag.NESTED else f"sparse ({shown(ref.layout, 40)})"
        return f"This tensor is {kind}: there is no table of all its values."
    if flags & Flag.OUT_OF_BOUNDS:
        return "This tensor reaches past the bytes that the file holds for it, so its values cannot be read."
    if not math.prod(value_shape(ref)):
        return f"This tensor has no elements ({shape_text(ref.shape)})."
    if (size := element_bytes(ref)) > _LARGEST_ELEMENT:
        return f"An element takes {bytes_for_people(size)}: too long for the cells of a table."
    return ""


def components_of(ref: TensorRef) -> Grid | None:
    """The tensors that hold the values instead; its `nodes` are their rows in the tensor table."""
    parts = ref.components
    if not parts:
        return None
    rows = tuple((shown(name, 300), part.dtype, shape_text(part.shape)) for name, part in parts.items())
    header = ("Component", "Dtype", "Shape")
    return Grid(tr("Its values lie in"), header, rows, frozenset((2,)), tuple(part.row for part in parts.values()))
