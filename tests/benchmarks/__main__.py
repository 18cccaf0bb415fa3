"""`python -m tests.benchmarks [--small] [NAME …]`: measure, print both sides and the mark."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.benchmarks import (
    comparing,
    counting,
    exporting,
    health,
    looking,
    pictures,
    reading,
    scanning,
    searching,
    window,
)
from tests.benchmarks.measuring import Row


class Benchmark(Protocol):
    """Measures in a folder; `small` only shows that it works."""

    def __call__(self, folder: Path, /, *, small: bool, runs: int) -> Iterator[Row]:
        """The rows, each as soon as it is measured."""


BENCHMARKS: dict[str, Benchmark] = {
    "start": window.start,
    "opening": reading.opening,
    "safetensors": reading.safetensors,
    "sparse": reading.sparse,
    "hostile": reading.hostile,
    "gaps": window.gaps,
    "click": looking.click,
    "filter": searching.filtering,
    "comparing": comparing.comparing,
    "matching": comparing.matching,
    "exporting": exporting.exporting,
    "counting": counting.counting,
    "scan": scanning.scanning,
    "memory": scanning.memory,
    "health": health.health,
    "pictures": pictures.pictures,
}


def main() -> None:
    """Run what is named, else all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--small", action="store_true", help="small sizes: shows that the benchmarks work")
    parser.add_argument("--runs", type=int, default=3, help="of which the best counts (3)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    # Offscreen, unless a display is given: painting into memory takes as long.
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        # This platform complains about the size of every window.
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    print(f"{'work':<62} {'ours':>12}  {'against':<34} {'ratio':>8}  mark")
    with tempfile.TemporaryDirectory(prefix="sdviewer-benchmarks-") as folder:
        for name in options.names or BENCHMARKS:
            for row in BENCHMARKS[name](Path(folder), small=options.small, runs=1 if options.small else options.runs):
                kept = "" if options.small else "  kept" if row.kept else "  MISSED"
                print(f"{row.work:<62} {row.ours:>12}  {row.against:<34} {row.ratio:>8}  {row.mark}{kept}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
