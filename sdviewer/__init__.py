"""Look inside PyTorch checkpoints without executing anything in them.

>>> import sdviewer
>>> checkpoint = sdviewer.open(path)
>>> checkpoint.format
'safetensors'
>>> list(checkpoint.tensors)
['embed.weight', 'head.bias']
>>> bias = checkpoint.tensors["head.bias"]
>>> bias.dtype, bias.shape
('float32', (3,))
>>> bias.numpy()
array([0. , 0.5, 1. ], dtype=float32)
>>> checkpoint.sections["model"].parameters
11
>>> checkpoint.problems
()

The statistics of all tensors, each byte read once:

>>> result = sdviewer.scan(checkpoint)
>>> result["head.bias"].mean, result["head.bias"].zeros
(0.5, 1)
>>> dict(result.errors)
{}

What two checkpoints differ in, tensor by tensor:

>>> sdviewer.compare(path, path).summary["identical"]
2

Opening reads no tensor: bytes are read when a tensor's values are asked for. Every error that is
raised on purpose is a `SdviewerError`.

>>> sdviewer.open("missing.pt")
Traceback (most recent call last):
sdviewer.errors.FileMissing: missing.pt: no such file (check the path)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdviewer.analysis.results import ScanResult, scan
    from sdviewer.analysis.statistics import TensorStatistics
    from sdviewer.checkpoint.document import Checkpoint
    from sdviewer.checkpoint.tensors import TensorRef
    from sdviewer.comparison.comparing import Comparison
    from sdviewer.comparison.pairs_of_files import compare
    from sdviewer.control import Control
    from sdviewer.edit.exporting import plan
    from sdviewer.edit.plan import ExportPlan
    from sdviewer.errors import (
        AmbiguousName,
        Cancelled,
        CannotOpen,
        CannotRead,
        CannotWrite,
        Damaged,
        FileMissing,
        HelperDied,
        LimitExceeded,
        MissingBytes,
        NameNotFound,
        NotACheckpoint,
        NotDecodable,
        NotDense,
        NotPermitted,
        SdviewerError,
        SourceChanged,
        UnsupportedFormat,
    )
    from sdviewer.processes.client import open_checkpoint as open  # noqa: A004  # read as sdviewer.open

__version__ = "0.1.0"

__all__ = [
    "AmbiguousName",
    "Cancelled",
    "CannotOpen",
    "CannotRead",
    "CannotWrite",
    "Checkpoint",
    "Comparison",
    "Control",
    "Damaged",
    "ExportPlan",
    "FileMissing",
    "HelperDied",
    "LimitExceeded",
    "MissingBytes",
    "NameNotFound",
    "NotACheckpoint",
    "NotDecodable",
    "NotDense",
    "NotPermitted",
    "ScanResult",
    "SdviewerError",
    "SourceChanged",
    "TensorRef",
    "TensorStatistics",
    "UnsupportedFormat",
    "__version__",
    "compare",
    "open",
    "plan",
    "scan",
]

# Where each name lives; what is not listed is an error. Nothing is imported before it is asked for.
_HOMES = {
    "Checkpoint": "sdviewer.checkpoint.document",
    "Comparison": "sdviewer.comparison.comparing",
    "Control": "sdviewer.control",
    "ExportPlan": "sdviewer.edit.plan",
    "ScanResult": "sdviewer.analysis.results",
    "TensorRef": "sdviewer.checkpoint.tensors",
    "TensorStatistics": "sdviewer.analysis.statistics",
    "compare": "sdviewer.comparison.pairs_of_files",
    "open": "sdviewer.processes.client",
    "plan": "sdviewer.edit.exporting",
    "scan": "sdviewer.analysis.results",
}
_NAMES_AT_HOME = {"open": "open_checkpoint"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'sdviewer' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "sdviewer.errors")), _NAMES_AT_HOME.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
