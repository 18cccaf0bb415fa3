"""What the README says is never done is not done; each claim there names its test."""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import sdviewer
from sdviewer.cli.main import run
from tests.readme.document import CHECKOUT, needs_readme, samples_in, section

_CLAIMS = "Safety: what is never done"
# What a program opens connections with, or lets others open them.
_NETWORK = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "asyncio", "webbrowser", "requests", "xmlrpc"}
_HARMLESS_URLS = {"urllib.parse"}
_LOCAL_ALONE = {"QLocalServer", "QLocalSocket"}


@needs_readme
def test_every_claim_names_tests_that_are_there() -> None:
    claims = [line for line in section(_CLAIMS).splitlines() if line.startswith("- ")]
    assert len(claims) >= 10
    for claim in claims:
        named = re.findall(r'\[test\]\((tests/[\w/]+\.py) "(\w+)"\)', claim)
        assert named, claim
        for file, test in named:
            assert re.search(rf"^\s*def {test}\(", (CHECKOUT / file).read_text(encoding="utf-8"), re.MULTILINE), claim


def imports_of(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each module that a file imports, with the names that it takes of it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", tuple(alias.name for alias in node.names)


def test_nothing_in_the_program_could_open_a_connection() -> None:
    files = sorted(Path(sdviewer.__file__).parent.rglob("*.py"))
    assert len(files) > 100
    for path in files:
        for module, names in imports_of(path):
            if module == "PySide6.QtNetwork":
                assert set(names) <= _LOCAL_ALONE, path
            else:
                assert module.split(".")[0] not in _NETWORK or module in _HARMLESS_URLS, f"{path}: {module}"
        # Another program is started with a file of this computer alone, never with an address.
        text = path.read_text(encoding="utf-8")
        assert text.count(".openUrl(") == text.count(".openUrl(QUrl.fromLocalFile("), path


def fingerprints(folder: Path) -> dict[str, tuple[str, int]]:
    """Content and time of every file below."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime_ns,
        )
        for path in [folder, *folder.rglob("*")]
    }


def test_no_command_changes_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = samples_in(tmp_path), tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(folder)
    before = fingerprints(folder)
    one, other = "digits.pt", "digits-tuned.pt"
    commands = (
        ["info", one, "--json"],
        ["values", one, "model/norm.weight", "--npy", str(out / "part.npy")],
        ["stats", one],
        ["check", one],
        ["check", "digits-damaged.safetensors"],
        ["diff", one, other],
        ["load-check", one, other],
        ["export", one, str(out / "model.safetensors"), "--recipe", "slim.toml"],
        ["screenshot", one, str(out / "window.png"), "--scan"],
        ["screenshot", one, str(out / "export.png"), "--export", "slim.toml"],
        ["screenshot", one, str(out / "diff.png"), "--diff", other],
    )
    for command in commands:
        assert run(command, lambda *_: 0) in (0, 1), capsys.readouterr().err
    assert fingerprints(folder) == before
    assert sorted(path.name for path in out.iterdir()) == [
        "diff.png",
        "export.png",
        "model.safetensors",
        "part.npy",
        "window.png",
    ]
    shutil.rmtree(folder)
