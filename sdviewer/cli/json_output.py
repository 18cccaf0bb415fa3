"""What a command prints with `--json` where it fails."""

from __future__ import annotations

from typing import Any

from sdviewer.checkpoint.json_text import document
from sdviewer.cli.exits import WrongUsage
from sdviewer.errors import AmbiguousName, SdviewerError


def error_document(error: SdviewerError | WrongUsage) -> str:
    """The kind of the error, its message, its file, and what may help."""
    told: dict[str, Any] = {"kind": error.kind, "message": error.message, "file": getattr(error, "file", "")}
    if hint := getattr(error, "hint", ""):
        told["hint"] = hint
    if isinstance(error, AmbiguousName):
        told["candidates"] = list(error.candidates)
    return document(error=told)
