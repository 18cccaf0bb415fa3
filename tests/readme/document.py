"""The README, and what stands in it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sdviewer.resource_files import resource_path

CHECKOUT = Path(__file__).parents[2]
README = CHECKOUT / "README.md"

needs_readme = pytest.mark.skipif(not README.is_file(), reason="the README is part of a checkout")


def text() -> str:
    """The whole of it; nothing where it is not there."""
    return README.read_text(encoding="utf-8") if README.is_file() else ""


def blocks(language: str) -> list[str]:
    """What stands in the fences of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text(), re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """What stands below a heading, up to the next one."""
    return re.split(r"^## ", text(), flags=re.MULTILINE)[[*titles()].index(title) + 1].partition("\n")[2]


def titles() -> list[str]:
    """The headings of the second level."""
    return re.findall(r"^## (.+)$", text(), re.MULTILINE)


def table(title: str) -> list[dict[str, str]]:
    """The rows of the first table below a heading, each by the names of its columns."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def samples_in(folder: Path) -> Path:
    """A copy of the samples, where commands may write beside them."""
    shutil.copytree(resource_path("sample"), folder / "sample")
    return folder / "sample"
