"""Paths out of what other programs put on the clipboard or drop."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QUrl

from sdviewer.ui.incoming import local_paths, pasted_paths

posix_only = pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")


def text(words: str) -> QMimeData:
    data = QMimeData()
    data.setText(words)
    return data


@posix_only
@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("/data/net.pt", ["/data/net.pt"]),
        ("  /data/net.pt \n", ["/data/net.pt"]),
        ("/data/a b.pt\r\n/data/ü.pt\n\n", ["/data/a b.pt", "/data/ü.pt"]),
        ('"/data/net.pt"', ["/data/net.pt"]),
        ("'/data/it''s.pt'", ["/data/it''s.pt"]),
        ("file:///data/a%20b.pt", ["/data/a b.pt"]),
        ("FILE:///data/net.pt\n/data/other.pt", ["/data/net.pt", "/data/other.pt"]),
        ("x-special/nautilus-clipboard\ncopy\nfile:///data/net.pt\n", ["/data/net.pt"]),
        ("copy\nfile:///data/net.pt", ["/data/net.pt"]),
        ("~/net.pt", [str(Path("~/net.pt").expanduser())]),
        ("", []),
        ("   \n", []),
        ("net.pt", []),
        ("./net.pt", []),
        ("encoder.layers.0.weight", []),
        ("https://example.org/net.pt", []),
        ("/data/net.pt\nand some words", []),
        ("/data/a\0b.pt", []),
        ("copy", []),
        ('"', []),
        ("/" + "x" * 100_000, []),
    ],
)
def test_a_text_of_paths_is_told_from_any_other(words: str, paths: list[str]) -> None:
    assert pasted_paths(text(words)) == paths


@posix_only
def test_copied_files_come_before_their_text() -> None:
    data = text("two files")
    data.setUrls([QUrl.fromLocalFile("/data/a#1.pt"), QUrl("https://example.org/x.pt"), QUrl.fromLocalFile("/data/b")])
    assert pasted_paths(data) == ["/data/a#1.pt", "/data/b"]
    assert local_paths(data) == ["/data/a#1.pt", "/data/b"]


@posix_only
def test_a_dropped_text_is_no_file() -> None:
    assert local_paths(text("/data/net.pt")) == []
