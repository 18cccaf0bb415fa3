"""The corpus of real and hostile checkpoint files, which lies beside the project on some machines only."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(os.environ.get("SDVIEWER_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the corpus of real checkpoints is not here; SDVIEWER_CORPUS may name its folder"
)


@functools.cache
def expected() -> dict[str, dict[str, Any]]:
    """File → what its reference reads from it, {} where there is no corpus."""
    file = CORPUS / "expected.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


def files(*folders: str) -> list[str]:
    """The names of all corpus files in these folders, sorted."""
    return sorted(f"{folder}/{path.name}" for folder in folders for path in (CORPUS / folder).glob("*"))
