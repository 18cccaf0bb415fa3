"""Selecting: the tensors that globs name, by canonical name or state_dict key."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.sections import section_keys
from sdviewer.errors import NameNotFound


def rows_named(checkpoint: Checkpoint, globs: Sequence[str]) -> npt.NDArray[np.int64]:
    """The rows of the tensor table, components among them, that one of these globs or whole names fits; ascending.

    As in a shell `*`, `?` and `[abc]` stand for other characters, dots and slashes among them; case counts.

    Raises:
        NameNotFound: one of them fits nothing.

    """
    table = checkpoint.table
    names = table.name.tolist()
    keys = list(names)
    if not checkpoint.description.structure.plain_keys:
        for section in checkpoint.sections.values():
            for row, key in zip(section.rows.tolist(), section_keys(checkpoint.description, section), strict=True):
                keys[row] = key
    chosen = np.zeros(len(table), np.bool_)
    for glob in globs:
        fits = re.compile(fnmatch.translate(glob)).match
        found = np.fromiter(
            (glob in {name, key} or bool(fits(name) or fits(key)) for name, key in zip(names, keys, strict=True)),
            np.bool_,
            len(table),
        )
        if not found.any():
            raise NameNotFound(
                f"no tensor is called {glob!r}",
                file=checkpoint.path,
                hint="a glob such as '*.weight' fits whole names",
            )
        chosen |= found
    return np.flatnonzero(chosen)
