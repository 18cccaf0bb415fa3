"""Small files that would exhaust a naive reader: each is answered within bounds, by the program that a user starts."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers import corpus, hostile

ROOT = Path(__file__).parents[2]
# Time decides no test: this only says that it ends at all. What takes longer than the mark is printed.
ENDS = 60
MARK = 2.0  # seconds of processor time
# Of the program and the process that reads for it, together; a bare interpreter with numpy takes 60 of them each.
MEGABYTES = 600

# Runs the program and tells what it took, with the process that it started.
_PROGRAM = """
import resource, sys
from sdviewer.__main__ import main
code = main()
own, reader = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
seconds = own.ru_utime + own.ru_stime + reader.ru_utime + reader.ru_stime
scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
peak = own.ru_maxrss // scale
if sys.platform == "linux":
    # Where the kernel counts the memory of the process that it was forked from as its own.
    status = open("/proc/self/status").read()
    peak = int(status.partition("VmHWM:")[2].split()[0]) >> 10
print("took", peak + reader.ru_maxrss // scale, seconds, file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Outcome:
    """What the program did with a file."""

    code: int
    out: str
    err: str
    megabytes: int
    seconds: float


def info(path: Path, *options: str) -> Outcome:
    """`sdviewer info` on a file."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "info", *options, str(path)],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        timeout=ENDS,
        check=False,
    )
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    took = next((line.split() for line in lines if line.startswith("took ")), None)
    assert took is not None, done.stderr[-2000:]
    err = "\n".join(line for line in lines if not line.startswith("took "))
    return Outcome(done.returncode, done.stdout.decode(), err, int(took[1]), float(took[2]))


def assert_answered(path: Path, outcome: Outcome) -> None:
    assert "Traceback" not in outcome.err
    assert "sdviewer failed" not in outcome.err
    assert "process that reads it" not in outcome.err  # it died or could not be started
    assert outcome.code in (0, 1, 2)
    assert outcome.megabytes < MEGABYTES
    if outcome.code == 2:
        # Refused: one line that names the file.
        assert str(path) in outcome.err
        assert len(outcome.err.splitlines()) == 1
    else:
        assert outcome.err == ""
        assert outcome.out
    if outcome.seconds > MARK:
        print(f"{outcome.seconds:.1f} s of processor time, {outcome.megabytes} MB")


@pytest.mark.parametrize("name", hostile.cases())
def test_a_hostile_file_is_answered(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hostile.pt"
    hostile.cases()[name](path)
    assert_answered(path, info(path))
    path.unlink()


def test_a_hostile_file_is_answered_in_json_too(tmp_path: Path) -> None:
    path = tmp_path / "hostile.pt"
    hostile.cases()["pickle: lists nested 500,000 deep"](path)
    outcome = info(path, "--json")
    assert_answered(path, outcome)
    assert outcome.out.startswith('{"schema": 1')


@corpus.needs_corpus
@pytest.mark.parametrize("name", corpus.files("hostile"))
def test_a_hostile_file_of_the_corpus_is_answered(name: str) -> None:
    path = corpus.CORPUS / name
    assert_answered(path, info(path))
