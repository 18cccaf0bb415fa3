"""The file from which translations are made holds just what the program says."""

from __future__ import annotations

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def strings() -> ModuleType:
    path = _ROOT / "packaging" / "strings.py"
    if not path.is_file():
        pytest.skip("packaging/ is not installed")
    spec = importlib.util.spec_from_file_location("packaging_strings", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def program(folder: Path, source: str) -> Path:
    (folder / "sdviewer").mkdir()
    (folder / "sdviewer" / "window.py").write_text(source, "utf-8")
    return folder


def test_every_text_is_collected_once(strings: ModuleType, tmp_path: Path) -> None:
    root = program(
        tmp_path, 'a = tr("Save <all> & go")\nb = [tr("Open" " it"), tr("Open it"), tr("{n} of {m:,}", n=1, m=2)]\n'
    )
    found = list(strings.uses(root))
    assert [use.mistake for use in found] == [""] * 4
    tree = ET.fromstring(strings.ts_text(found))  # noqa: S314  # our own
    assert [source.text for source in tree.iter("source")] == ["Open it", "Save <all> & go", "{n} of {m:,}"]
    assert {place.get("filename") for place in tree.iter("location")} == {"../../sdviewer/window.py"}


@pytest.mark.parametrize(
    ("call", "mistake"),
    [
        ('tr(f"Open {name}")', "no literal"),
        ("tr(text)", "no literal"),
        ('tr("Open {name}", file=1)', "the text has ['name'], the call ['file']"),
        ('tr("Open {name", name=1)', "cannot be filled"),
    ],
)
def test_mistakes_are_told(strings: ModuleType, tmp_path: Path, call: str, mistake: str) -> None:
    (use,) = strings.uses(program(tmp_path, f"x = {call}\n"))
    assert mistake in use.mistake


def test_the_file_is_what_the_program_says(strings: ModuleType) -> None:
    assert strings.main(["--check"]) == 0, "python packaging/strings.py writes it anew"
