"""`values`: a tensor's numbers, printed, as JSON, or into a .npy file."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import shown
from sdviewer.cli.exits import WrongUsage
from sdviewer.errors import CannotRead
from sdviewer.whole_file import write_whole

Index = tuple[int | slice, ...]

# As numpy prints: all of up to a thousand values, else three at each end of each axis.
_SHOWN_WHOLE = 1_000
_AT_EACH_END = 3
_MOST_SHOWN = 100_000
_MOST_IN_JSON = 1_000_000
_SLICE_PART = re.compile(r"(?P<index>[+-]?\d+)|(?P<start>[+-]?\d+)?:(?P<stop>[+-]?\d+)?(?::(?P<step>[+-]?\d+)?)?")


def parse_slice(text: str) -> tuple[Any, ...]:
    """`"0:2,:,-1"` as an index: integers, slices, and "..." once.

    Raises:
        WrongUsage: it is none.

    """
    index: list[Any] = []
    for part in text.strip().removeprefix("[").removesuffix("]").split(","):
        if part.strip() == "...":
            index.append(...)
            continue
        match = _SLICE_PART.fullmatch(part.replace(" ", ""))
        if match is None:
            raise WrongUsage(f"{text!r} is no slice; one looks like 0:2,:,-1", "sdviewer values")
        if match["index"] is not None:
            index.append(int(match["index"]))
            continue
        start, stop, step = (None if match[name] is None else int(match[name]) for name in ("start", "stop", "step"))
        if step == 0:
            raise WrongUsage(f"{text!r} has a step of 0", "sdviewer values")
        index.append(slice(start, stop, step))
    if index.count(...) > 1:
        raise WrongUsage(f'{text!r} has "..." more than once', "sdviewer values")
    return tuple(index)


def full_index(index: tuple[Any, ...], shape: tuple[int, ...]) -> Index:
    """The index with an entry for each axis; integers counted from the front.

    Raises:
        WrongUsage: more entries than axes, or an integer outside its axis.

    """
    at = index.index(...) if ... in index else len(index)
    given = [part for part in index if part is not ...]
    if len(given) > len(shape):
        raise WrongUsage(f"the slice has {len(given)} parts, the tensor {len(shape)} axes", "sdviewer values")
    filled = [*given[:at], *[slice(None)] * (len(shape) - len(given)), *given[at:]]
    result: list[int | slice] = []
    for axis, (part, size) in enumerate(zip(filled, shape, strict=True)):
        if isinstance(part, slice):
            result.append(part)
        elif -size <= part < size:
            result.append(part % size)
        else:
            raise WrongUsage(f"index {part} is outside axis {axis}, which has {size}", "sdviewer values")
    return tuple(result)


def derived(checkpoint: Checkpoint, name: str) -> tuple[TensorRef, dict[str, Any]]:
    """The weight that tensors stand for, by its name or that of one of them; what JSON says of it.

    Raises:
        NameNotFound, NotDecodable, CannotRead: see `derived_named`.

    """
    from sdviewer.analysis.derived_scan import derived_named
    from sdviewer.cli.stats_derived import about

    derivation, found = derived_named(checkpoint, name)
    return TensorRef(found.checkpoint, 0), {"derived": about(checkpoint, derivation, found)}


def selected_shape(index: Index, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what an index of `full_index` selects."""
    ranges = [range(*part.indices(size)) for part, size in zip(index, shape, strict=True) if isinstance(part, slice)]
    return tuple(map(len, ranges))


def read(ref: TensorRef, index: Index, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The selected values; in reverse order where a step is negative."""
    forward: list[int | slice] = []
    back: list[slice] = []
    for part, size in zip(index, shape, strict=True):
        if not isinstance(part, slice):
            forward.append(part)
            continue
        steps = range(*part.indices(size))
        ordered = steps if steps.step > 0 else steps[::-1]
        forward.append(slice(ordered.start, max(ordered.stop, ordered.start), ordered.step))
        back.append(slice(None, None, 1 if steps.step > 0 else -1))
    return ref.read_slice(tuple(forward))[tuple(back)]


def read_edges(ref: TensorRef, index: Index, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The selected values where only three at each end of a long axis are read.

    Such an axis has seven in the result; the fourth is nothing, and stands where "..." is printed.

    Raises:
        CannotRead: even these are too many.

    """
    sizes = selected_shape(index, shape)
    small = tuple(min(size, 2 * _AT_EACH_END + 1) for size in sizes)
    if math.prod(small) > _MOST_SHOWN:
        raise CannotRead(
            f"{ref.name!r} has too many axes to show", file=ref.checkpoint.path, hint="choose some with --slice"
        )
    result: npt.NDArray[Any] | None = None
    for source, target in _edge_blocks(index, shape):
        block = read(ref, source, shape)
        if result is None:
            result = np.zeros(small, block.dtype)
        result[target] = block
    return np.zeros(small) if result is None else result


def _edge_blocks(index: Index, shape: tuple[int, ...]) -> Iterator[tuple[Index, tuple[slice, ...]]]:
    """Pairs of what to read and where it goes."""
    choices: list[list[tuple[int | slice, slice | None]]] = []
    for part, size in zip(index, shape, strict=True):
        if not isinstance(part, slice):
            choices.append([(part, None)])
            continue
        steps = range(*part.indices(size))
        if len(steps) <= 2 * _AT_EACH_END:
            choices.append([(part, slice(None))])
        else:
            ends = (steps[:_AT_EACH_END], slice(0, _AT_EACH_END)), (steps[-_AT_EACH_END:], slice(-_AT_EACH_END, None))
            choices.append([(_as_slice(values), place) for values, place in ends])
    for chosen in itertools.product(*choices):
        yield tuple(source for source, _ in chosen), tuple(place for _, place in chosen if place is not None)


def _as_slice(values: range) -> slice:
    stop = values.stop if values.stop >= 0 else None
    return slice(values.start, stop, values.step)


def printed(ref: TensorRef, index: Index, shape: tuple[int, ...]) -> str:
    """Values as numpy prints them, under a line that says what they are."""
    sizes = selected_shape(index, shape)
    whole = math.prod(sizes) <= _SHOWN_WHOLE
    values = read(ref, index, shape) if whole else read_edges(ref, index, shape)
    text = np.array2string(
        values,
        separator=", ",
        threshold=_MOST_SHOWN if whole else 0,
        edgeitems=_AT_EACH_END,
        max_line_width=_line_width(),
    )
    selection = "" if sizes == shape else f", {list(sizes)} selected"
    return f"{shown(ref.name)}: {shown(ref.dtype)} {list(ref.shape)}{selection}\n{text}"


def _line_width() -> int:
    try:
        return max(40, os.get_terminal_size().columns)
    except (OSError, ValueError):
        return 120


def as_lists(ref: TensorRef, index: Index, shape: tuple[int, ...]) -> Any:
    """Values as nested lists.

    Raises:
        CannotRead: too many for that.

    """
    count = math.prod(selected_shape(index, shape))
    if count > _MOST_IN_JSON:
        raise CannotRead(
            f"{ref.name!r} has {count:,} values, more than the {_MOST_IN_JSON:,} that fit into one JSON document",
            file=ref.checkpoint.path,
            hint="choose some with --slice, or write them with --npy",
        )
    return read(ref, index, shape).tolist()


def write_npy(values: npt.NDArray[Any], target: str, source: str) -> int:
    """Write a .npy file under its name only once it is whole; returns its bytes.

    Raises:
        CannotWrite: the folder, the disk, or `target` is the checkpoint itself.

    """
    return write_whole(target, source, lambda file: np.lib.format.write_array(file, values, allow_pickle=False))
