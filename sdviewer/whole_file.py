"""Writing a file that appears under its name only once it is whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sdviewer.errors import CannotWrite


def write_whole(target: str, source: str, write: Callable[[IO[bytes]], object]) -> int:
    """Let `write` fill a file in the folder of `target`, then give it that name; returns its bytes.

    `source` is the checkpoint, which is never replaced.

    Raises:
        CannotWrite: the folder, the disk, or `target` is the checkpoint itself.

    """
    place = Path(target)
    if place.exists() and Path(source).exists() and place.samefile(source):
        raise CannotWrite("is the checkpoint itself", file=target, hint="choose another name")
    hidden = f".{place.name}."
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=hidden, suffix=".part", delete=False) as file:
            try:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                written = file.tell()
                set_usual_mode(file.fileno())
            except BaseException:
                Path(file.name).unlink()
                raise
        try:
            Path(file.name).replace(place)
        except BaseException:
            Path(file.name).unlink()
            raise
    except OSError as error:
        raise CannotWrite(f"cannot be written: {error.strerror}", file=target) from error
    return written


def set_usual_mode(descriptor: int) -> None:
    """What `open` would have given: temporary files are readable by their owner alone."""
    if hasattr(os, "fchmod"):
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
