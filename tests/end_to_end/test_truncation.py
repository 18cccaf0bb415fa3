"""A small file of each format, cut at every byte: refused by name, or shown as far as it goes, never wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import ModuleTree
from sdviewer.errors import CannotOpen, CannotRead
from sdviewer.formats.opening import describe, open_checkpoint
from tests.helpers import samples

# Building the tree takes as long as reading; every so many lengths shows that it can be built.
_WHOLE_EVERY = 16
# These are long and say little that the others do not.
_STEPS = {"training state": 5, "whole module": 7}
_FILES = [name for name in samples.ALL if name != "shards"]


def values_of(checkpoint: Checkpoint) -> dict[str, bytes | None]:
    """Name → dtype, shape and bytes of each listed tensor; None where they cannot be read, with a proper error."""
    found: dict[str, bytes | None] = {}
    for name, ref in checkpoint.tensors.items():
        try:
            values = ref.numpy()
        except CannotRead:
            found[name] = None
        else:
            found[name] = f"{ref.dtype} {ref.shape} ".encode() + np.ascontiguousarray(values).tobytes()
    return found


def described(path: Path) -> Checkpoint:
    """What the readers say, without sections and modules."""
    description, sources = describe(path)
    tree = cast("ModuleTree", SimpleNamespace(role=np.zeros(len(description.tensors), np.uint8)))
    return Checkpoint(str(path), 0, description, {}, tree, sources)


def opened(path: Path, *, whole: bool) -> tuple[Checkpoint | None, str]:
    """The checkpoint, or how it is refused."""
    try:
        return (open_checkpoint(path) if whole else described(path)), ""
    except CannotOpen as error:
        return None, str(error)


def lengths(whole: bytes, step: int) -> list[int]:
    """Every length, but inside a run of zeros, which pads archives, only each sixteenth."""
    return [n for n in range(0, len(whole), step) if n % 16 == 0 or any(whole[max(n - 2, 0) : n + 2])]


@pytest.mark.parametrize("name", _FILES)
def test_a_file_cut_at_any_byte_is_refused_or_shown_without_a_wrong_value(tmp_path: Path, name: str) -> None:
    samples.ALL[name](tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    with open_checkpoint(tmp_path / "whole") as checkpoint:
        full = values_of(checkpoint)
    if name in samples.PLAIN:
        assert len(full) == (1 if name == "npy" else len(samples.TENSORS))
        assert None not in full.values()
    cut = tmp_path / "cut"
    shown = 0
    for length in lengths(whole, _STEPS.get(name, 1)):
        cut.write_bytes(whole[:length])
        part, refusal = opened(cut, whole=length % _WHOLE_EVERY == 0)
        if part is None:
            assert str(cut) in refusal, length
            continue
        with part:
            found = values_of(part)
            assert {key for key, value in found.items() if value not in (None, full.get(key))} == set(), length
            # What is missing is told.
            assert part.problems or found == full, length
            shown += 1
    # Each format shows something of a file that is nearly whole; but text is taken for a pickle by its end alone.
    assert (shown > 0) == (name != "pickle, protocol 0")
