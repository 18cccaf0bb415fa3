"""Saving something made from a checkpoint: never over one of its own files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.errors import CannotWrite
from sdviewer.whole_file import write_whole


def save_whole(checkpoint: Checkpoint, target: str, write: Callable[[IO[bytes]], object]) -> int:
    """Let `write` fill a file that gets the name `target` once it is whole; returns its bytes.

    Raises:
        CannotWrite: the folder, the disk, or `target` is a file of the checkpoint.

    """
    if Path(target).exists():
        for path in {spec.path for spec in checkpoint.sources.specs if spec.kind == "file"}:
            if Path(path).exists() and Path(target).samefile(path):
                raise CannotWrite("is a file of the checkpoint", file=target, hint="choose another name")
    return write_whole(target, checkpoint.path, write)
