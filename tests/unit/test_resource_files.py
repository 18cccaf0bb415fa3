"""Resources are found in a checkout, an editable install, a wheel and a bundle."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sdviewer
from sdviewer.resource_files import guide_path, resource_path

_CHECKOUT = Path(__file__).parents[2]
_NAMES = ("icons/sdviewer.svg", "pictures/window.png", "sample/digits.pt")
_TELL = """
import sys
sys.path = [path for path in sys.path if not path.startswith(sys.argv[2])]
sys.path.insert(0, sys.argv[1])
from sdviewer.resource_files import guide_path, resource_path
print(*map(resource_path, sys.argv[3:]), guide_path(), sep="\\n")
"""

needs_checkout = pytest.mark.skipif(
    not (_CHECKOUT / "pyproject.toml").is_file(), reason="a wheel can only be built from a checkout"
)


def found_from(site: Path) -> list[Path]:
    """Where a process that imports sdviewer from `site`, and not from here, finds the resources and the README."""
    command = [sys.executable, "-I", "-c", _TELL, str(site), str(_CHECKOUT), *_NAMES]
    told = subprocess.run(command, capture_output=True, check=True, text=True, cwd=site)
    return [Path(line) for line in told.stdout.splitlines()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=_CHECKOUT)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_here_they_are_found_whether_checkout_or_editable_install() -> None:
    for name in _NAMES:
        assert resource_path(name).is_file()
    assert guide_path().read_text(encoding="utf-8").startswith("# sdviewer")


def test_a_missing_one_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"resources/icons/none\.png"):
        resource_path("icons/none.png")


@needs_checkout
def test_an_editable_install_points_at_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "sdviewer.pth").write_text(f"{_CHECKOUT}\n")
    program = "import site, sys; site.addsitedir(sys.argv[1]); from sdviewer.resource_files import resource_path as r\n"
    program += "print(*map(r, sys.argv[2:]), sep='\\n')"
    command = [sys.executable, "-I", "-c", program, str(tmp_path), *_NAMES]
    told = subprocess.run(command, capture_output=True, check=True, text=True, cwd=tmp_path)
    assert [Path(line).is_file() for line in told.stdout.splitlines()] == [True] * len(_NAMES)


@needs_checkout
def test_a_wheel_carries_them(wheel: Path) -> None:
    found = found_from(wheel)
    package = wheel / "sdviewer"
    assert found == [*(package / "resources" / name for name in _NAMES), package / "README.md"]
    assert all(path.is_file() for path in found)


@needs_checkout
def test_the_wheel_knows_its_programs_and_that_it_is_typed(wheel: Path) -> None:
    (points,) = wheel.glob("*.dist-info/entry_points.txt")
    assert "sdviewer = sdviewer.__main__:main" in points.read_text()
    assert "sdviewer-window = sdviewer.__main__:window" in points.read_text()
    assert (wheel / "sdviewer" / "py.typed").is_file()
    (licence,) = wheel.glob("*.dist-info/licenses/LICENSE")
    assert "Apache License" in licence.read_text()


def test_a_bundle_has_them_inside_the_package(tmp_path: Path) -> None:
    # As a one-folder bundle lays them out: the package's data beside its compiled modules.
    package = tmp_path / "_internal" / "sdviewer"
    shutil.copytree(Path(sdviewer.__file__).parent, package, ignore=shutil.ignore_patterns("ui", "__pycache__"))
    for name in _NAMES:
        (package / "resources" / name).parent.mkdir(parents=True)
        shutil.copy(resource_path(name), package / "resources" / name)
    shutil.copy(guide_path(), package)
    assert found_from(tmp_path / "_internal") == [
        *(package / "resources" / name for name in _NAMES),
        package / "README.md",
    ]
