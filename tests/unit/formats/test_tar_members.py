"""Members of tar archives stand where tarfile says."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from sdviewer.checkpoint.source import ByteSource
from sdviewer.formats.files import LocalSources
from sdviewer.formats.tar_members import is_tar, members
from tests.helpers.old_tar import write_tar

NAMES = ("short", "a/b", "d" * 80 + "/" + "n" * 60, "x" * 90, "naïve λ")


def source_of(path: Path) -> ByteSource:
    sources = LocalSources()
    return sources.get(sources.add_file(path))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_places_and_sizes_are_those_of_tarfile(tmp_path: Path, form: int) -> None:
    more = () if form == tarfile.USTAR_FORMAT else ("p" * 300, "q/" * 200 + "λ")
    contents = {name: bytes([65 + i]) * (700 * i) for i, name in enumerate((*NAMES, *more))}
    path = write_tar(tmp_path / "some.tar", contents, form)
    with tarfile.open(path) as expected:
        there = [(member.name, member.offset_data, member.size) for member in expected.getmembers()]
    assert [(member.name, member.offset, member.size) for member in members(source_of(path), 100)] == there
    assert is_tar(path.read_bytes()[:512])


def test_only_files_are_listed_and_only_so_many_headers_read(tmp_path: Path) -> None:
    path = tmp_path / "tree.tar"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("content")
    (tmp_path / "folder" / "link").symlink_to("file")
    with tarfile.open(path, "w") as target:
        target.add(tmp_path / "folder", "folder")
    assert [member.name for member in members(source_of(path), 100)] == ["folder/file"]
    assert list(members(source_of(path), 1)) == []


def test_a_size_past_all_bounds_ends_the_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "huge.tar", {"first": b"", "second": b""})
    content = bytearray(path.read_bytes())
    header = tarfile.TarInfo("first")
    header.size = 2**62
    content[:512] = header.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(content)
    assert [(member.name, member.size) for member in members(source_of(path), 100)] == [("first", 2**62)]


def test_a_header_whose_checksum_is_wrong_ends_the_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "bad.tar", {"first": b"1", "second": b"2"})
    content = bytearray(path.read_bytes())
    content[1024] ^= 1
    path.write_bytes(content)
    assert [member.name for member in members(source_of(path), 100)] == ["first"]


def test_cut_off_anywhere_the_members_before_are_listed(tmp_path: Path) -> None:
    content = write_tar(tmp_path / "cut.tar", {"first": b"1", "second": b"2"}).read_bytes()
    for length in range(0, 2048, 7):
        (tmp_path / "cut.tar").write_bytes(content[:length])
        found = list(members(source_of(tmp_path / "cut.tar"), 100))
        assert len(found) == (length >= 512) + (length >= 1536)
