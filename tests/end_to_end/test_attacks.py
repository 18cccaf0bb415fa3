"""Pickles that run code, in every place where a checkpoint holds a pickle: nothing runs, and each is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.attacks import ATTACKS, BENIGN, BENIGN_TAR, PLACES

ROOT = Path(__file__).parents[2]


def audited(warm: list[Path], cases: dict[str, Path], folder: Path) -> dict[str, Any]:
    """What the audited program saw, by case."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.audited"],
        input=json.dumps({"warm": list(map(str, warm)), "cases": {name: str(path) for name, path in cases.items()}}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder)},
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("place", PLACES)
def test_no_attack_runs_and_each_is_told(tmp_path: Path, place: str) -> None:
    mark = tmp_path / "mark"
    benign = tmp_path / "benign.pt"
    PLACES[place](benign, BENIGN_TAR if place.startswith("tar") else BENIGN)
    cases = {}
    for number, (name, attack) in enumerate(ATTACKS.items()):
        cases[name] = tmp_path / f"case{number}.pt"
        PLACES[place](cases[name], attack(str(mark)))
    # Two more to warm up: one that breaks off, and one whose text is decoded as the first protocol writes it.
    broken, oldest = tmp_path / "broken.pt", tmp_path / "oldest.pt"
    PLACES[place](broken, BENIGN[:-20])
    PLACES[place](oldest, b"(dVepoch\nS'\\x41'\ns.")
    seen = audited([benign, broken, oldest], cases, tmp_path)
    assert not mark.exists()
    assert {name: told["events"] for name, told in seen.items() if told["events"]} == {}
    # A file whose head is broken is refused; all others are shown, with what is dangerous in them.
    refused = {name for name, told in seen.items() if told["error"]}
    assert refused <= {"before a broken end"}
    assert [name for name, told in seen.items() if not told["dangerous"] and name not in refused] == []
    assert all(told["finding"] and told["text"] and told["json"] for name, told in seen.items() if name not in refused)


def test_each_attack_works_where_pickle_is_used(tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    marks = {name: tmp_path / f"mark{number}" for number, name in enumerate(ATTACKS)}
    for name, attack in ATTACKS.items():
        marks[name].with_suffix(".pkl").write_bytes(attack(str(marks[name])))
    subprocess.run(
        [sys.executable, "-c", _LOAD, *[str(mark.with_suffix(".pkl")) for mark in marks.values()]],
        cwd=ROOT,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert [name for name, mark in marks.items() if not mark.exists()] == []


_LOAD = """
import contextlib, copyreg, os, pickle, sys
from tests.helpers.attacks import EXTENSIONS
for number, (module, name) in EXTENSIONS.items():
    copyreg.add_extension(module, name, number)
class Loader(pickle.Unpickler):
    def persistent_load(self, pid): return pid
for path in sys.argv[1:]:
    with open(path, "rb") as file, contextlib.suppress(Exception):
        Loader(file).load()
# Popen does not wait for its child.
with contextlib.suppress(ChildProcessError):
    os.wait()
"""


@pytest.mark.parametrize(
    ("place", "options"),
    [*[(place, []) for place in PLACES], ("torch zip", ["--json"]), ("shard of a folder", ["--json"])],
)
def test_the_command_line_tells_of_an_attack_and_ends_with_1(tmp_path: Path, place: str, options: list[str]) -> None:
    mark = tmp_path / "mark"
    PLACES[place](tmp_path / "case.pt", ATTACKS["reduce, protocol 2"](str(mark)))
    done = subprocess.run(
        [sys.executable, "-m", "sdviewer", "info", *options, str(tmp_path / "case.pt")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert not mark.exists()
    if options:
        named = {found["name"]: found["class"] for found in json.loads(done.stdout)["globals"]}
        assert named["posix.system"] == "dangerous"
    else:
        assert "posix.system" in done.stdout
        assert "do not load this file" in done.stdout
