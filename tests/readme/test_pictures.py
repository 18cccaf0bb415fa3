"""Every picture of the README stands beside the command that makes it again, and is small."""

from __future__ import annotations

import re
import shlex
import struct

from sdviewer.cli import screenshot
from tests.readme.document import CHECKOUT, needs_readme, text

_MOST_BYTES = 150_000

pytestmark = needs_readme


def pictures() -> dict[str, str]:
    """Each picture with what stands in the line below it."""
    return dict(re.findall(r"^!\[.+\]\((resources/pictures/\S+)\)\n(.*)$", text(), re.MULTILINE))


def test_every_picture_is_shown_and_none_is_missing() -> None:
    files = sorted((CHECKOUT / "resources" / "pictures").iterdir())
    assert sorted(pictures()) == [path.relative_to(CHECKOUT).as_posix() for path in files]
    assert all(path.stat().st_size < _MOST_BYTES for path in files)


def test_each_is_made_by_a_command_that_is_understood() -> None:
    for picture, comment in pictures().items():
        match = re.fullmatch(r"<!-- sdviewer screenshot (.+) -->", comment)
        assert match is not None, picture
        options = screenshot.parser().parse_args(shlex.split(match[1]))
        assert options.out == picture
        assert all((CHECKOUT / path).is_file() for path in (options.file, options.diff, options.export) if path)
        # The size stands at the beginning of a PNG.
        size = struct.unpack(">II", (CHECKOUT / picture).read_bytes()[16:24])
        assert size == tuple(round(side * options.scale) for side in options.size)
