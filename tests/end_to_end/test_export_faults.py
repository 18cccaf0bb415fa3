"""Whatever happens while an export is written, its target holds what it held before, or all that was promised."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
EXPORT = """
import sys, resource
if len(sys.argv) > 3 and sys.argv[3] != "-":
    limit = int(sys.argv[3])
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
import sdviewer
from sdviewer.edit.exporting import plan
from sdviewer.edit.rules import AddPrefix
print("begin", flush=True)
try:
    plan(sys.argv[1], AddPrefix("x."), target=sys.argv[2], shard_bytes=20_000_000).write(sys.argv[2], overwrite=True)
except sdviewer.SdviewerError as error:
    print(type(error).__name__, error)
    sys.exit(3)
print("done")
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "a.pt"
    torch.save({f"layers.{i}.w": torch.full((1000, 1000), float(i)) for i in range(30)}, path)
    return path


def started(source: Path, target: Path, limit: str = "-") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", EXPORT, str(source), str(target), limit],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    return process


def is_whole(target: Path) -> bool:
    if target.is_dir():
        return len(list(target.glob("*.safetensors"))) == 6 and (target / "model.safetensors.index.json").exists()
    found = torch.load(target, weights_only=True, mmap=True)
    return all(float(found[f"x.layers.{i}.w"][7, 7]) == i for i in range(30))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["b.pt", "shards"])
def test_a_killed_export_leaves_the_target_as_it_was_or_whole(tmp_path: Path, source: Path, name: str) -> None:
    start = time.monotonic()
    process = started(source, tmp_path / "whole" if name == "shards" else tmp_path / "whole.pt")
    process.communicate()
    usual = time.monotonic() - start
    moments = random.Random(0)  # noqa: S311  # the same moments in every run
    before = source.read_bytes()[:1000]
    target = tmp_path / name
    for _ in range(5):
        if name == "b.pt":
            target.write_bytes(b"precious")
        process = started(source, target)
        time.sleep(moments.random() * usual)
        process.kill()
        process.communicate()
        if name == "b.pt":
            assert target.read_bytes()[:8] == b"precious" or is_whole(target)
        else:
            assert not target.exists() or is_whole(target)
        # What is left of it is recognised by its name.
        for path in tmp_path.iterdir():
            assert path.name in {name, "whole", "whole.pt"} or path.name.startswith(f".{name}.")
    assert source.read_bytes()[:1000] == before


@pytest.mark.parametrize("name", ["b.pt", "b.safetensors", "shards"])
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path, source: Path, name: str) -> None:
    target = tmp_path / name
    limit = 10_000_000 if name == "shards" else 50_000_000
    out, _ = started(source, target, str(limit)).communicate()
    assert "CannotWrite" in out
    assert str(target) in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, source: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        (disk / "b.pt").write_bytes(b"precious")
        out, _ = started(source, disk / "b.pt").communicate()
        assert "CannotWrite" in out
        assert "space" in out.lower()
        assert [path.name for path in disk.iterdir()] == ["b.pt"]
        assert (disk / "b.pt").read_bytes() == b"precious"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_memory_stays_flat(tmp_path: Path, source: Path) -> None:
    peak = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
    # What the interpreter, numba and the compiled loops take does not count.
    program = (
        f"import sdviewer.analysis.kernels.comparing, resource\nbefore = {peak}\n{EXPORT}\nprint({peak} - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(source), str(tmp_path / "b.pt"), "-"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert int(done.stdout.split()[-1]) < 60_000
