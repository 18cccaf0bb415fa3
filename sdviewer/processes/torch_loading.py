"""Whether torch's own loader reads a file that we wrote: `weights_only`, mapped and not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from sdviewer.processes.frames import Buffer


def load(request: dict[str, Any], _values: Iterator[Buffer], _report: object) -> tuple[dict[str, Any], list[bytes]]:
    """Load `request["path"]` without unpickling anything but tensors; "" or what torch says against it."""
    for mapped in (True, False):
        try:
            torch.load(request["path"], map_location="meta", weights_only=True, mmap=mapped)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
            return {"refused": f"{type(error).__name__}: {error}"[:1000]}, []
    return {"refused": ""}, []
