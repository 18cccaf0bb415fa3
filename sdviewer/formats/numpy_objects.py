"""Numpy arrays of Python objects: a pickle behind a .npy header, read by the machine that runs nothing.

numpy.load opens them only with allow_pickle=True, which runs whatever the pickle says. Here the objects
are shown for what they are, and the arrays among them are tensors like all others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sdviewer.checkpoint.document import Description
from sdviewer.checkpoint.dtypes import Dtype
from sdviewer.checkpoint.table import TableBuilder
from sdviewer.errors import LimitExceeded
from sdviewer.formats import inert_pickle
from sdviewer.formats.pickle_objects import array_form
from sdviewer.formats.pickle_values import Opaque
from sdviewer.formats.reading import Reading
from sdviewer.formats.torch_pickle import TorchPickle

# An array of objects may be small: at least so many steps are counted for each.
_LEAST_STEPS = 20_000


@dataclass
class ObjectArrays:
    """Describes the object arrays of one file, which share one budget of steps."""

    reading: Reading
    steps_used: int = 0

    def describe(self, source: int, position: int) -> Description:
        """What the pickle at `position` of source `source` holds; its format is "" until the caller says it.

        An array of one object without dimensions (`numpy.save(path, a_dict)`) is that object, any other
        is lists inside lists.

        Raises:
            LimitExceeded: those before it took all the steps.
            CannotOpen: it breaks before anything was built.
        """
        # The machine itself looks at the budget only once in many steps.
        if self.steps_used > inert_pickle.STEPS:
            raise LimitExceeded(
                "is not looked into: the objects before it take more steps than an honest file has",
                file=self.reading.sources.get(source).label,
            )
        pickle = TorchPickle(self.reading, source, _no_storage, steps_used=self.steps_used)
        try:
            value = pickle.load(position)
        finally:
            length = pickle.source.size - position
            self.steps_used += min(pickle.machine.steps + _LEAST_STEPS, length)
        walked = pickle.walk(_contents(value))
        found = pickle.global_uses()
        return Description(
            format="",
            tensors=walked.tensors,
            structure=walked.structure,
            root=walked.root,
            globals=found,
            problems=tuple(pickle.problems),
            duplicates=walked.duplicates,
            module_classes=walked.module_classes,
            module_versions=walked.module_versions,
        )


def _no_storage(_builder: TableBuilder, _key: str, _dtype: Dtype | None, _numel: int, _location: str) -> int:
    raise ValueError("an array of objects has no storages beside it")


def _contents(value: Any) -> Any:
    """The objects of a pickled array, nested as its shape says; anything else as it is."""
    if not isinstance(value, Opaque) or value.class_name != "numpy.ndarray" or not isinstance(value.state, tuple):
        return value
    try:
        # Of a pickle that breaks off there may be an object that was not yet put among the others.
        _, shape, _, _, items, *pending = value.state
        sizes, _ = array_form(shape, fortran=False)
    except (ValueError, TypeError):
        return value
    if not isinstance(items, list) or len(items) + len(pending) > math.prod(sizes):
        return value
    items = items + pending
    if not sizes:
        return items[0] if items else value
    # The items are in row-major order, whatever the order of the array was.
    for size in reversed(sizes[1:] if items else ()):
        items = [items[start : start + size] for start in range(0, len(items), size)]
    return items
