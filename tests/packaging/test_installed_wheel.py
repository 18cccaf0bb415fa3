"""The wheel, installed where nothing else of this checkout is, does what the program does."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import sdviewer
from sdviewer.resource_files import resource_path

_CHECKOUT = Path(__file__).parents[2]
_WHERE = """
import pathlib, sdviewer
from sdviewer.resource_files import guide_path, resource_path
from sdviewer.ui.guide import guide_text
assert len(guide_text()) > 5000
print(pathlib.Path(sdviewer.__file__).parent, guide_path(), resource_path("pictures/window.png"), sep="\\n")
"""

pytestmark = [
    pytest.mark.skipif(not (_CHECKOUT / "pyproject.toml").is_file(), reason="a wheel is built from a checkout"),
    pytest.mark.skipif(os.name != "posix", reason="programs of an environment are looked for in bin"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and, behind it, the libraries that this one has."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")]
    subprocess.run(build, check=True, capture_output=True, cwd=_CHECKOUT)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, cwd=folder)
    # Of a folder that is named in a .pth file the .pth files do not count: the checkout, which is installed there
    # too, stays out of reach.
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()), "utf-8")
    return folder / "env"


def said(environment: Path, folder: Path, *command: str) -> str:
    """What a program of the environment says, started in a folder that holds nothing of ours."""
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "DISPLAY")}
    program, *arguments = command
    done = subprocess.run(
        [environment / "bin" / program, *arguments],
        cwd=folder,
        env={**variables, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_is_the_wheel_that_runs_and_it_has_all_its_resources(environment: Path, tmp_path: Path) -> None:
    for line in said(environment, tmp_path, "python", "-c", _WHERE).splitlines():
        assert Path(line).is_relative_to(environment)
        assert Path(line).exists()


def test_it_tells_its_version(environment: Path, tmp_path: Path) -> None:
    assert sdviewer.__version__ in said(environment, tmp_path, "sdviewer", "--version")


def test_it_says_what_a_file_holds(environment: Path, tmp_path: Path) -> None:
    shutil.copy(resource_path("sample/digits.pt"), tmp_path)
    assert "228, 31.4 K parameters" in said(environment, tmp_path, "sdviewer", "info", "digits.pt")


def test_it_paints_its_window(environment: Path, tmp_path: Path) -> None:
    sample = next(environment.glob("lib/python*/site-packages/sdviewer/resources/sample/digits.pt"))
    command = ("screenshot", str(sample), "out.png", "--size", "800x500")
    assert said(environment, tmp_path, "sdviewer", *command) == ""
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
