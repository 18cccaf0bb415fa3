"""The monkey run: the real window used at random for minutes, and nothing may break.

`python -m tests.end_to_end.monkey [--minutes M] [--seed S] [FILES AND FOLDERS…]` starts the program on a screen of its
own (Xvfb, else none), opens what is named, or all of the corpus and of files that it makes, and does what a user might.
It fails if the program crashes or hangs, if anything is raised or warned of, if a thread, a process or a file is left,
or if memory does not come back. Each step is decided by the seed and its number: as far as the window is as quick, the
same seed does the same.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.real_window import has_xvfb, screen

_SECONDS_TO_BEGIN_AND_END = 240.0
_SECONDS_TO_FOLLOW = 5.0
_LINES_TO_SHOW = 40
_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Make the files, run the window in a process of its own, and look at what it left; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="what to open instead of the corpus and of files made for it")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--log", type=Path, default=None, help="where to keep what was done, step by step")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 30) if asked.seed is None else asked.seed
    print(f"monkey run of {asked.minutes:g} minutes, --seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sdviewer-monkey-") as name, _environment(Path(name)) as environment:
        folder = Path(name)
        log = asked.log or folder / "log"
        _make_files(folder, asked.files)
        command = [sys.executable, "-m", "tests.end_to_end.monkey_window", str(folder), str(log), str(seed)]
        process = subprocess.Popen(
            [*command, str(asked.minutes * 60)], env=environment, cwd=_ROOT, start_new_session=True
        )
        faults = [*_ending(process, asked.minutes * 60), *_living(process.pid), *_left_in(Path(environment["TMPDIR"]))]
        if faults:
            steps = log.read_text("utf-8").splitlines() if log.exists() else []
            print("the last steps:", *steps[-_LINES_TO_SHOW:], sep="\n  ")
    for fault in faults:
        print(f"FAULT: {fault}")
    print("the monkey found faults" if faults else "the monkey broke nothing")
    return 1 if faults else 0


def _make_files(folder: Path, named: list[str]) -> None:
    """In a process that imports torch, which this one does not need."""
    code = (
        "import sys; from pathlib import Path; from tests.end_to_end import monkey_files as made\n"
        "folder, named = Path(sys.argv[1]), sys.argv[2:]\n"
        "paths = made.copied(named, folder / 'named') if named else [\n"
        "    *made.made_files(folder / 'made files'), *made.corpus_files(folder / 'corpus')]\n"
        "(folder / 'paths').write_bytes(b'\\0'.join(str(path).encode('utf-8', 'surrogateescape') for path in paths))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), *named], check=True, cwd=_ROOT)


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[dict[str, str]]:
    """A screen, and folders of its own for all that a program keeps; but compiled loops are kept between runs."""
    # Without a bus of the desktop, for which a library would start one that stays.
    own = {
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(_ROOT),
    }
    own |= {f"XDG_{kind}_HOME": str(folder / "home" / kind.lower()) for kind in ("CONFIG", "CACHE", "DATA")}
    for kind in ("TMPDIR", "HOME"):
        Path(own[kind]).mkdir()
    own["NUMBA_CACHE_DIR"] = os.environ.get("NUMBA_CACHE_DIR") or str(_ROOT / ".pytest_cache" / "compiled")
    if has_xvfb():
        with screen() as environment:
            yield environment | own
    else:
        yield {**os.environ, "QT_QPA_PLATFORM": "offscreen", **own}


def _ending(process: subprocess.Popen[bytes], seconds: float) -> list[str]:
    """What is wrong with how the window ends; it is waited for."""
    try:
        code = process.wait(seconds + _SECONDS_TO_BEGIN_AND_END)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        process.wait()
        return ["the window did not end"]
    if code < 0:
        return [f"the window crashed with {signal.Signals(-code).name}"]
    return [] if code == 0 else [f"the window ended with code {code}"]


def _living(group: int) -> list[str]:
    """What of its processes lives on after the window, as each may for a moment; they are ended."""
    until = time.monotonic() + _SECONDS_TO_FOLLOW
    while living := _commands_of(group):
        if time.monotonic() > until:
            os.killpg(group, signal.SIGKILL)
            return [f"a process lives on after its window: {command}" for command in living]
        time.sleep(0.1)
    return []


def _commands_of(group: int) -> list[str]:
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(folder.name)) == group and (command := (folder / "cmdline").read_bytes()):
                commands.append(command.replace(b"\0", b" ").decode("utf-8", "replace")[-200:])
    return commands


def _left_in(temporary: Path) -> list[str]:
    left = sorted(path.name for path in temporary.iterdir())
    shutil.rmtree(temporary, ignore_errors=True)
    return [f"temporary files are left: {', '.join(left)}"] if left else []


if __name__ == "__main__":
    sys.exit(main())
