"""Texts are shown in the language of the desktop, if somebody has translated them, and in English if not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import PySide6
import pytest

from sdviewer.ui import translating
from sdviewer.ui.translating import loaded, tr, translation_file

_GERMAN = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
<context>
    <name>sdviewer</name>
    <message><source>Clear</source><translation>Leeren</translation></message>
    <message><source>Opening {name}: {share:.0f} %</source>
        <translation>{share:.0f} % von {name} gelesen</translation></message>
    <message><source>Save</source><translation type="unfinished"></translation></message>
</context>
</TS>
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Resources of the test's own, with a German translation."""
    lrelease = Path(PySide6.__file__).parent / "lrelease"
    if not lrelease.exists():
        pytest.skip("PySide6 was installed without lrelease")
    target = tmp_path / "resources" / "i18n"
    target.mkdir(parents=True)
    (tmp_path / "german.ts").write_text(_GERMAN, "utf-8")
    command = [str(lrelease), "-silent", str(tmp_path / "german.ts"), "-qm", str(target / "sdviewer_de.qm")]
    subprocess.run(command, check=True, timeout=60)

    def resource(name: str) -> Path:
        if not (tmp_path / "resources" / name).exists():
            raise FileNotFoundError(name)
        return tmp_path / "resources" / name

    monkeypatch.setattr(translating, "resource_path", resource)
    return target


@pytest.fixture
def german(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    translator = loaded(folder / "sdviewer_de.qm")
    assert translator is not None
    monkeypatch.setattr(translating, "_translator", lambda: translator)


def test_without_a_translation_texts_are_english() -> None:
    assert tr("Clear") == "Clear"
    assert tr("Opening {name}: {share:.0f} %", name="a.pt", share=61.2) == "Opening a.pt: 61 %"
    # Without values nothing is filled in.
    assert tr("groups are \\1 or {name}") == "groups are \\1 or {name}"


@pytest.mark.usefixtures("german")
def test_a_translation_may_put_values_elsewhere() -> None:
    assert tr("Clear") == "Leeren"
    assert tr("Opening {name}: {share:.0f} %", name="a {b}.pt", share=61.2) == "61 % von a {b}.pt gelesen"


@pytest.mark.usefixtures("german")
def test_what_is_not_translated_is_english() -> None:
    assert tr("Save") == "Save"
    assert tr("Nobody has seen this yet") == "Nobody has seen this yet"


def test_the_first_language_that_there_is_wins(folder: Path) -> None:
    assert translation_file(["de-CH", "de"]) == folder / "sdviewer_de.qm"
    assert translation_file(["fr-FR", "de-DE"]) == folder / "sdviewer_de.qm"
    assert translation_file(["en-GB", "de"]) is None
    assert translation_file(["C"]) is None


def test_a_broken_translation_keeps_nobody_from_working(tmp_path: Path) -> None:
    (tmp_path / "broken.qm").write_bytes(b"no translation")
    assert loaded(tmp_path / "broken.qm") is None
