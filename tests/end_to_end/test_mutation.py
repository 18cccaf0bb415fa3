"""Thousands of small files, damaged at random, in processes that may take little memory and time.

`pytest --mutations 10000 tests/end_to_end/test_mutation.py` opens as many; `--mutations` with another number
opens more or fewer. What fails names its case, which `python -m tests.helpers.mutating` makes again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.helpers import corpus, samples

ROOT = Path(__file__).parents[2]
SEED = 1
WORKERS = 2
MEMORY = 500 << 20
SECONDS = 2.0  # of processor time
SILENCE = 60.0  # of the wall clock, after which a worker counts as hanging
LARGEST = 40 << 10


def pool(folder: Path) -> list[Path]:
    """Made files, and those of the corpus where there is one, none of them large."""
    made = []
    for name, write in samples.ALL.items():
        path = folder / name.replace(" ", "-").replace(",", "")
        write(path)
        made += sorted(path.iterdir()) if path.is_dir() else [path]
    found = [corpus.CORPUS / name for name in corpus.files("real", "made", "malformed", "hostile")]
    return [*made, *[path for path in found if path.is_file() and path.stat().st_size <= LARGEST]]


@dataclass
class Worker:
    """One process that does each `WORKERS`-th case; a dead or silent one is begun again behind its case."""

    number: int
    cases: int
    files: list[Path]
    folder: Path
    failures: list[str] = field(default_factory=list)
    done: int = 0

    def start(self, first: int) -> None:
        self.folder.mkdir(exist_ok=True)
        self.log = self.folder / f"log-{first}"
        request = {
            "seed": SEED, "first": first, "step": WORKERS, "cases": self.cases, "memory": MEMORY, "seconds": SECONDS,
            "folder": str(self.folder), "files": [str(file) for file in self.files],
        }  # fmt: skip
        (self.folder / "request").write_text(json.dumps(request))
        with (self.folder / "request").open() as asked, self.log.open("w") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.helpers.mutating"],
                cwd=ROOT, stdin=asked, stdout=told, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.heard, self.length = time.monotonic(), 0

    def is_running(self) -> bool:
        """Look after the process; False when all its cases are done."""
        length = self.log.stat().st_size
        if length != self.length:
            self.heard, self.length = time.monotonic(), length
        silent = time.monotonic() - self.heard > SILENCE
        if self.process.poll() is None and not silent:
            return True
        self.process.kill()
        code = self.process.wait()
        last = self.number - WORKERS
        for case, line in self.lines():
            last = case
            self.done += not line
            if line:
                self.failures.append(line)
        if code == 0:
            return False
        end = self.log.read_text("utf-8", "replace")[-1500:]
        self.failures.append(f"case {last}: {'silence' if silent else f'the process ended with {code}'}\n{end}")
        if last + WORKERS >= self.cases:
            return False
        self.start(last + WORKERS)
        return True

    def lines(self) -> Iterator[tuple[int, str]]:
        case, file = -1, ""
        for line in self.log.read_text("utf-8", "replace").splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue  # what a dying process said
            if "case" in told:
                case, file = told["case"], told["file"]
                yield case, ""
            elif "failed" in told:
                yield case, f"case {case} ({file}): {told['failed']}"


@pytest.mark.timeout(3600)
def test_damaged_files_give_errors_or_what_is_left_of_them(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cases = int(request.config.getoption("--mutations"))
    (tmp_path / "pool").mkdir()
    files = pool(tmp_path / "pool")
    workers = [Worker(number, cases, files, tmp_path / f"worker-{number}") for number in range(WORKERS)]
    for worker in workers:
        worker.start(worker.number)
    running = workers
    while running:
        time.sleep(0.1)
        running = [worker for worker in running if worker.is_running()]
    failures = [failure for worker in workers for failure in worker.failures]
    assert failures == [], "\n\n".join([f"{len(failures)} failures of {cases} cases, seed {SEED}", *failures[:20]])
    assert sum(worker.done for worker in workers) == cases
