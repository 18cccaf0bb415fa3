"""The directory of an archive, held against Python's zipfile; and what is left of one that was cut off."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.source import ByteSource, read_bytes
from sdviewer.errors import Damaged
from sdviewer.formats import zip_directory
from sdviewer.formats.files import LocalSources
from sdviewer.formats.zip_directory import ZipDirectory, read_directory
from sdviewer.formats.zip_end import directory_bytes

ENTRIES = {
    "a/data.pkl": b"pickled" * 10,
    "a/data/0": bytes(range(256)) * 5,
    "a/empty": b"",
    "snow\u2603/λ.txt": b"unicode",
}


def directory_of(path: Path) -> ZipDirectory:
    sources = LocalSources()
    return read_directory(sources.get(sources.add_file(path)))


def content_of(path: Path, directory: ZipDirectory) -> dict[str, bytes]:
    """Every entry's own bytes, by the places that the directory gives."""
    sources = LocalSources()
    source = sources.get(sources.add_file(path))
    content = {}
    for entry in directory:
        raw = read_bytes(source, entry.offset, entry.stored)
        content[entry.name] = raw if entry.method == zip_directory.STORED else zlib.decompress(raw, -15)
        assert len(content[entry.name]) == entry.size
    return content


def assert_as_zipfile(path: Path) -> ZipDirectory:
    directory = directory_of(path)
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        assert directory.names == [info.filename for info in infos]
        assert directory.size.tolist() == [info.file_size for info in infos]
        assert directory.stored.tolist() == [info.compress_size for info in infos]
        assert directory.method.tolist() == [info.compress_type for info in infos]
        assert directory.flags.tolist() == [info.flag_bits for info in infos]
        assert content_of(path, directory) == {info.filename: archive.read(info) for info in infos}
    assert not directory.partial
    return directory


def write(path: Path, method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in ENTRIES.items():
            archive.writestr(name, content)
        archive.comment = comment


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"a comment", b"x" * 65_535])
def test_entries_are_where_zipfile_finds_them(tmp_path: Path, method: int, comment: bytes) -> None:
    write(tmp_path / "z", method, comment)
    assert_as_zipfile(tmp_path / "z")


def test_ends_inside_the_comment_do_not_hide_the_end(tmp_path: Path) -> None:
    write(tmp_path / "z", comment=b"PK\x05\x06" * 5)
    assert content_of(tmp_path / "z", directory_of(tmp_path / "z")) == ENTRIES


class _NoSeeking(io.RawIOBase):
    """A pipe: zipfile writes sizes behind the data of each entry."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self.file.write(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_sizes_behind_the_data_are_found(tmp_path: Path, method: int) -> None:
    with (
        (tmp_path / "z").open("wb") as file,
        zipfile.ZipFile(cast("BinaryIO", _NoSeeking(file)), "w", method) as archive,
    ):
        for name, content in ENTRIES.items():
            archive.writestr(name, content)
    directory = assert_as_zipfile(tmp_path / "z")
    assert all(flags & 0x8 for flags in directory.flags.tolist())


def test_wide_entries_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for name, content in ENTRIES.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(content)
    assert_as_zipfile(tmp_path / "z")


def test_more_entries_than_sixteen_bits_count(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for number in range(66_000):
            archive.writestr(f"{number}", b"")
    directory = directory_of(tmp_path / "z")
    assert directory.names == [f"{number}" for number in range(66_000)]
    assert not directory.partial


@pytest.mark.parametrize("before", [b"#!/usr/bin/python\n", b"x" * 100_000])
def test_an_archive_behind_something_else_is_read(tmp_path: Path, before: bytes) -> None:
    write(tmp_path / "plain")
    (tmp_path / "z").write_bytes(before + (tmp_path / "plain").read_bytes())
    assert_as_zipfile(tmp_path / "z")


def test_an_empty_archive_has_no_entries(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w"):
        pass
    assert len(directory_of(tmp_path / "z")) == 0


def test_torchs_own_archive_is_read_as_zipfile_reads_it(tmp_path: Path) -> None:
    torch.save({f"w{i}": torch.arange(i) for i in range(5)}, tmp_path / "z.pt")
    assert_as_zipfile(tmp_path / "z.pt")


def test_of_two_entries_with_one_name_the_first_is_found_and_both_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("a", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"second")
    directory = directory_of(tmp_path / "z")
    assert directory.names == ["a", "a"]
    assert directory.find("a") == directory.entry(0)
    assert directory.find("b") is None


@pytest.mark.parametrize(
    ("raw", "flag", "name"),
    [
        (b"caf\x82", False, "caf\xe9"),  # cp437, as the standard says
        ("café".encode(), False, "café"),  # UTF-8 without its flag, as many write
        (b"caf\xff", True, "caf\udcff"),  # no UTF-8 in spite of the flag
    ],
)
def test_names_in_odd_encodings(tmp_path: Path, raw: bytes, name: str, *, flag: bool) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("x" * len(raw), b"content")
    data = bytearray((tmp_path / "z").read_bytes().replace(b"x" * len(raw), raw))
    at = data.index(b"PK\x01\x02")
    data[at + 8 : at + 10] = struct.pack("<H", 0x800 if flag else 0)
    (tmp_path / "z").write_bytes(data)
    assert directory_of(tmp_path / "z").names == [name]


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("streamed", [False, True])
def test_entries_of_an_archive_without_its_end_are_found_again(tmp_path: Path, method: int, *, streamed: bool) -> None:
    path = tmp_path / "z"
    with path.open("wb") as file:
        target = cast("BinaryIO", _NoSeeking(file)) if streamed else file
        with zipfile.ZipFile(target, "w", method) as archive:
            for name, content in ENTRIES.items():
                archive.writestr(name, content)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"PK\x01\x02")])
    directory = directory_of(path)
    assert directory.partial
    assert directory.names == list(ENTRIES)
    stored_in_place = [entry for entry in directory if method == zipfile.ZIP_STORED or not streamed]
    found = content_of(path, directory) if stored_in_place else {}
    assert found == (ENTRIES if stored_in_place else {})


def test_a_torch_archive_cut_at_any_length_keeps_the_entries_that_are_whole(tmp_path: Path) -> None:
    torch.save({f"w{i}": torch.arange(3) for i in range(4)}, tmp_path / "z.pt")
    whole = (tmp_path / "z.pt").read_bytes()
    names = directory_of(tmp_path / "z.pt").names
    offsets = dict(zip(names, directory_of(tmp_path / "z.pt").offset.tolist(), strict=True))
    for length in range(40, whole.index(b"PK\x01\x02"), 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        try:
            found = directory_of(tmp_path / "cut")
        except Damaged:
            assert length < min(offsets.values())
            continue
        assert found.partial
        assert found.names == names[: len(found)]
        assert found.offset.tolist() == [offsets[name] for name in found.names]


def test_a_signature_inside_an_entry_is_no_entry(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "inner", "w") as archive:
        archive.writestr("hidden", b"x")
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("outer", (tmp_path / "inner").read_bytes())
        archive.writestr("second", b"y")
    whole = (tmp_path / "z").read_bytes()
    (tmp_path / "z").write_bytes(whole[: whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"PK\x01\x02"))])
    assert directory_of(tmp_path / "z").names == ["outer", "second"]


def test_a_search_goes_across_its_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "z")
    whole = (tmp_path / "z").read_bytes()
    (tmp_path / "z").write_bytes(whole[: whole.index(b"PK\x01\x02")])
    for step in (1, 2, 3, 5, 64, 1000):
        monkeypatch.setattr(zip_directory, "_SEARCH_STEP", step)
        assert directory_of(tmp_path / "z").names == list(ENTRIES)


def test_a_directory_is_read_across_its_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = zip_directory._LONGEST_RECORD
    monkeypatch.setattr(zip_directory, "_SEARCH_STEP", longest)
    with zipfile.ZipFile(tmp_path / "many", "w") as archive:
        for number in range(5000):
            archive.writestr(f"folder/{number}", b"x")
    assert (directory_bytes(_source(tmp_path / "many")) or 0) > longest
    assert_as_zipfile(tmp_path / "many")


def test_signatures_inside_names_comments_and_extra_fields_are_no_records(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        for number in range(60):
            info = zipfile.ZipInfo(f"{number}" + "PK\x01\x02" * (number % 20 == 7))
            info.comment = b"PK\x01\x02" * (number % 20 == 11)
            info.extra = struct.pack("<HH", 0x4650, 4) + b"PK\x01\x02" if number % 20 == 13 else b""
            archive.writestr(info, b"x" * number)
    assert_as_zipfile(tmp_path / "z")


def _source(path: Path) -> ByteSource:
    sources = LocalSources()
    return sources.get(sources.add_file(path))


def test_a_local_header_that_is_gone_leaves_the_entry_without_a_place(tmp_path: Path) -> None:
    write(tmp_path / "z")
    raw = bytearray((tmp_path / "z").read_bytes())
    raw[0:4] = b"gone"
    (tmp_path / "z").write_bytes(raw)
    directory = directory_of(tmp_path / "z")
    assert directory.offset[0] == -1
    assert (directory.offset[1:] > 0).all()


@pytest.mark.parametrize("values", [(2**64 - 1,) * 3, (2**63,) * 3, (0, 0, 2**63)])
def test_wide_sizes_that_lie_become_places_outside(tmp_path: Path, values: tuple[int, int, int]) -> None:
    extra = struct.pack("<HH3Q", 1, 24, *values)
    record = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, 0, *[0xFFFFFFFF] * 2, 1, len(extra), 0, 0, 0, 0, 0xFFFFFFFF
    )  # fmt: skip
    directory = record + b"a" + extra
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    (tmp_path / "z").write_bytes(directory + end)
    found = directory_of(tmp_path / "z")
    assert found.offset.tolist() == [-1]
    assert (found.size >= 0).all()
    assert (found.stored >= 0).all()


@pytest.mark.parametrize("start", [2**63 - 1, 2**63, 2**64 - 1])
def test_a_directory_that_lies_about_its_place_is_read_all_the_same(tmp_path: Path, start: int) -> None:
    write(tmp_path / "plain")
    raw = (tmp_path / "plain").read_bytes()
    entries, at = raw[: raw.rindex(b"PK\x05\x06")], raw.index(b"PK\x01\x02")
    count, size = len(ENTRIES), len(entries) - at
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 2 + len(entries), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    (tmp_path / "z").write_bytes(b"#!" + entries + wide + locator + end)
    found = directory_of(tmp_path / "z")
    assert found.names == list(ENTRIES)
    assert found.offset.tolist() == [-1] * count


def test_a_file_that_is_no_archive_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "z").write_bytes(b"no archive at all")
    with pytest.raises(Damaged, match="without its directory"):
        directory_of(tmp_path / "z")


# -- any bytes --------------------------------------------------------------------------------------

EACH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sound_or_damaged(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    try:
        directory = directory_of(path)
    except Damaged:
        return
    columns = (directory.method, directory.flags, directory.stored, directory.size, directory.offset)
    assert all(len(column) == len(directory) for column in columns)
    assert (directory.offset >= -1).all()
    assert len(list(directory)) == len(directory.names)


@EACH
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_a_directory_or_damaged(tmp_path: Path, raw: bytes) -> None:
    sound_or_damaged(tmp_path / "z", b"PK\x03\x04" + raw)


@EACH
@given(
    pieces=st.lists(
        st.sampled_from([b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"])
        | st.binary(max_size=60)
        | st.just(b"\xff" * 8)
        | st.just(bytes(18)),
        max_size=20,
    )
)
def test_any_order_of_signatures_is_a_directory_or_damaged(tmp_path: Path, pieces: list[bytes]) -> None:
    sound_or_damaged(tmp_path / "z", b"".join(pieces))


@EACH
@given(data=st.data(), method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_an_archive_with_changed_bytes_is_a_directory_or_damaged(
    tmp_path: Path, data: st.DataObject, method: int
) -> None:
    write(tmp_path / "z", method)
    raw = bytearray((tmp_path / "z").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    sound_or_damaged(tmp_path / "z", bytes(raw))


@EACH
@given(
    entries=st.dictionaries(
        st.text(st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1, max_size=30),
        st.binary(max_size=200),
        max_size=8,
    ),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    # With a signature it would be an archive of its own.
    comment=st.binary(max_size=100).filter(lambda raw: b"PK" not in raw),
    before=st.binary(max_size=50).filter(lambda raw: b"PK" not in raw),
)
def test_whatever_zipfile_writes_is_read_as_it_reads_it(
    tmp_path: Path, entries: dict[str, bytes], method: int, comment: bytes, before: bytes
) -> None:
    with zipfile.ZipFile(tmp_path / "plain", "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.comment = comment
    (tmp_path / "z").write_bytes(before + (tmp_path / "plain").read_bytes())
    assert_as_zipfile(tmp_path / "z")
