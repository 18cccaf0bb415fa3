"""Every picture of the README stands beside the command that makes it again."""

from __future__ import annotations

import re
import shlex
import struct
from pathlib import Path

import pytest

from sdviewer.cli import screenshot

_CHECKOUT = Path(__file__).parents[3]
_README = _CHECKOUT / "README.md"

pytestmark = pytest.mark.skipif(not _README.is_file(), reason="pictures are part of a checkout")


def pictures() -> dict[str, str]:
    """Each picture with what stands in the line below it."""
    text = _README.read_text(encoding="utf-8")
    return dict(re.findall(r"^!\[.+\]\((resources/pictures/\S+)\)\n(.*)$", text, re.MULTILINE))


def test_every_picture_is_shown_and_none_is_missing() -> None:
    assert sorted(pictures()) == sorted(
        path.relative_to(_CHECKOUT).as_posix() for path in (_CHECKOUT / "resources" / "pictures").iterdir()
    )


def test_each_is_made_by_a_command_that_is_understood() -> None:
    for picture, comment in pictures().items():
        match = re.fullmatch(r"<!-- sdviewer screenshot (.+) -->", comment)
        assert match is not None, picture
        options = screenshot.parser().parse_args(shlex.split(match[1]))
        assert options.out == picture
        assert (_CHECKOUT / options.file).is_file()
        # The size stands at the beginning of a PNG.
        size = struct.unpack(">II", (_CHECKOUT / picture).read_bytes()[16:24])
        assert size == tuple(round(side * options.scale) for side in options.size)
