"""Archive check: zipfile and torch write the archives, `ZipFile.testzip` is the oracle."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import pytest
import torch

from sdviewer.control import Control
from sdviewer.errors import Cancelled
from sdviewer.formats.archive_check import check_archives
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.torch_archives import entries_of, repacked


def saved(folder: Path, *, deflated: bool = False) -> Path:
    path = folder / "a.pt"
    torch.save({"a": torch.arange(300_000.0), "b": torch.zeros(7), "c": torch.ones(3)}, path)
    if deflated:
        repacked(path, entries_of(path), zipfile.ZIP_DEFLATED)
    return path


def flip(path: Path, entry: str, at: int) -> None:
    """Change one byte of an entry."""
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(entry).header_offset
    raw = bytearray(path.read_bytes())
    data = start + 30 + int.from_bytes(raw[start + 26 : start + 28], "little")
    data += int.from_bytes(raw[start + 28 : start + 30], "little")
    raw[data + at] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("deflated", [False, True])
def test_an_archive_as_it_was_written_is_sound(tmp_path: Path, *, deflated: bool) -> None:
    path = saved(tmp_path, deflated=deflated)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        entries = len(archive.infolist())
    found = check_archives(open_checkpoint(path))
    assert (found.checked, found.unchecked, found.problems) == (entries, 0, ())


@pytest.mark.parametrize("deflated", [False, True])
def test_one_changed_bit_names_its_entry(tmp_path: Path, *, deflated: bool) -> None:
    path = saved(tmp_path, deflated=deflated)
    flip(path, "a/data/0", 2000)
    with zipfile.ZipFile(path) as archive:
        try:
            assert archive.testzip() == "a/data/0"
        except zlib.error:
            assert deflated
    (problem,) = check_archives(open_checkpoint(path)).problems
    assert (problem.kind, problem.severity) == ("damaged", "error")
    assert "a/data/0" in problem.message


def test_entries_that_torch_wrote_without_checksums_are_not_accused(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tmp_path)
    finally:
        torch.serialization.set_crc32_options(True)
    found = check_archives(open_checkpoint(path))
    assert (found.checked, found.problems) == (0, ())
    assert found.unchecked > 3


def test_what_is_no_archive_has_nothing_to_check(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    found = check_archives(open_checkpoint(path))
    assert (found.checked, found.unchecked, found.problems) == (0, 0, ())


def test_cancelling_stops_it(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(saved(tmp_path))
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        check_archives(checkpoint, control)
