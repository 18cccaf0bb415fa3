"""ByteSources give just the bytes that stand there, or an error that names the file."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.source import SourceSpec, read_bytes
from sdviewer.errors import CannotRead, FileMissing, MissingBytes, NotPermitted, SourceChanged
from sdviewer.formats import files
from sdviewer.formats.files import Inflated, LocalFile, LocalSources, describe_file, read_pieces
from tests.helpers.spying import spying

CONTENT = np.random.default_rng(5).bytes(5000)


def deflated(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(raw) + packer.flush()


def all_kinds(folder: Path) -> tuple[LocalSources, list[int]]:
    """The same content as a file, a range, a range of a range, an inflated entry, and inline."""
    packed = deflated(CONTENT)
    path = folder / "data.bin"
    path.write_bytes(b"head" + CONTENT + b"mid" + packed + b"tail")
    (folder / "whole.bin").write_bytes(CONTENT)
    sources = LocalSources()
    file = sources.add_file(path)
    inner = sources.add(SourceSpec("range", "inner", 2 + len(CONTENT), parent=file, offset=2))
    indices = [
        sources.add_file(folder / "whole.bin"),
        sources.add(SourceSpec("range", "range", len(CONTENT), parent=file, offset=4)),
        sources.add(SourceSpec("range", "nested", len(CONTENT), parent=inner, offset=2)),
        sources.add(
            SourceSpec("inflated", "packed", len(CONTENT), parent=file, offset=7 + len(CONTENT), stored=len(packed))
        ),
        sources.inline_index(),
    ]
    sources.inline += CONTENT
    sources.seal_inline()
    return sources, indices


KINDS = range(5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_kind_of_source_reads_any_range(tmp_path: Path, data: st.DataObject) -> None:
    sources, indices = all_kinds(tmp_path)
    source = sources.get(indices[data.draw(st.sampled_from(KINDS))])
    assert source.size == len(CONTENT)
    offset = data.draw(st.integers(0, len(CONTENT)))
    count = data.draw(st.integers(0, len(CONTENT) - offset))
    assert read_bytes(source, offset, count) == CONTENT[offset : offset + count]
    array = np.zeros((count // 4, 2), np.uint16)
    source.read_into(offset, array)
    assert array.tobytes() == CONTENT[offset : offset + array.nbytes]
    source.check_unchanged()
    sources.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("offset", "count"), [(-1, 1), (0, 5001), (5000, 1), (4999, 2), (2**62, 1), (2**80, 4)])
def test_what_lies_outside_is_missing_and_never_read(tmp_path: Path, kind: int, offset: int, count: int) -> None:
    sources, indices = all_kinds(tmp_path)
    source = sources.get(indices[kind])
    with patch.object(os, "preadv", side_effect=AssertionError):
        with pytest.raises(MissingBytes, match="are not inside its 5,000"):
            source.read_into(offset, bytearray(count))
        with pytest.raises(MissingBytes, match="are not inside its 5,000"):
            read_bytes(source, offset, count)


def test_a_lying_length_costs_no_memory(tmp_path: Path) -> None:
    sources, indices = all_kinds(tmp_path)
    with pytest.raises(MissingBytes):
        read_bytes(sources.get(indices[0]), 0, 2**50)


@pytest.mark.parametrize("lost", [["pread", "preadv"], ["preadv"]], ids=["neither", "no preadv"])
def test_systems_without_positional_reads_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[str]
) -> None:
    sources, indices = all_kinds(tmp_path)
    for name in lost:
        monkeypatch.delattr(os, name)
    for index in indices:
        assert read_bytes(sources.get(index), 17, 3000) == CONTENT[17:3017]
    assert read_pieces(sources.get(indices[0]), [0, 5, 4992], 8) == [CONTENT[i : i + 8] for i in (0, 5, 4992)]


def test_many_small_pieces_come_in_one_go(tmp_path: Path) -> None:
    sources, indices = all_kinds(tmp_path)
    offsets = [0, 4990, 10, 10, 333]
    for index in indices:
        assert read_pieces(sources.get(index), offsets, 10) == [CONTENT[i : i + 10] for i in offsets]


def test_a_read_that_the_system_cuts_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources, indices = all_kinds(tmp_path)
    whole = os.preadv

    def short(fd: int, buffers: list[memoryview], offset: int) -> int:
        return whole(fd, [buffers[0][:700]], offset)

    monkeypatch.setattr(os, "preadv", short)
    assert read_bytes(sources.get(indices[0]), 0, 5000) == CONTENT


# -- files that change -----------------------------------------------------------------------


def replaced(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "longer": lambda path: path.write_bytes(CONTENT + b"x"),
    "shorter": lambda path: path.write_bytes(CONTENT[:100]),
    "touched": lambda path: os.utime(path, ns=(1, 1)),
    "replaced": replaced,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed_and_names_the_file(tmp_path: Path, change: str) -> None:
    path = tmp_path / "whole.bin"
    path.write_bytes(CONTENT)
    sources = LocalSources()
    source = sources.get(sources.add_file(path))
    inner = sources.get(sources.add(SourceSpec("range", "r", 10, parent=0)))
    inflated = sources.inflated(0, 0, 10, 10)
    for part in (source, inner, inflated):
        part.check_unchanged()
    CHANGES[change](path)
    for part in (source, inner, inflated):
        with pytest.raises(SourceChanged, match=r"whole\.bin"):
            part.check_unchanged()


def test_a_file_that_shrank_is_an_error_and_no_end_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "whole.bin"
    path.write_bytes(CONTENT)
    sources = LocalSources()
    source = sources.get(sources.add_file(path))
    os.truncate(path, 100)
    with pytest.raises(SourceChanged, match=r"whole\.bin"):
        read_bytes(source, 0, 5000)
    with pytest.raises(SourceChanged, match="shorter"):
        read_pieces(source, [50, 98], 8)


def test_a_file_that_is_gone_when_it_is_reopened_says_so(tmp_path: Path) -> None:
    path = tmp_path / "whole.bin"
    path.write_bytes(CONTENT)
    sources = LocalSources()
    index = sources.add_file(path)
    read_bytes(sources.get(index), 0, 1)
    sources.close()
    assert read_bytes(sources.get(index), 0, 4) == CONTENT[:4]
    sources.close()
    path.unlink()
    with pytest.raises(SourceChanged, match=r"whole\.bin"):
        sources.get(index)


def test_reading_after_close_opens_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "whole.bin"
    path.write_bytes(CONTENT)
    file = LocalFile(describe_file(path))
    file.close()
    assert file._fd == -1
    assert read_bytes(file, 0, 5000) == CONTENT
    file.close()
    file.close()
    path.unlink()
    with pytest.raises(SourceChanged, match=r"whole\.bin: cannot be opened any more"):
        file.read_into(0, bytearray(1))


# -- inflated entries --------------------------------------------------------------------------


def inflated_source(folder: Path, packed: bytes, size: int) -> Inflated:
    path = folder / "packed.bin"
    path.write_bytes(packed)
    return Inflated(LocalFile(describe_file(path)), SourceSpec("inflated", "x.zip: entry", size, stored=len(packed)))


def test_an_entry_is_inflated_once(tmp_path: Path) -> None:
    source = inflated_source(tmp_path, deflated(CONTENT), len(CONTENT))
    with spying() as spy:
        for offset in (4000, 0, 2000, 4000):
            assert read_bytes(source, offset, 1000) == CONTENT[offset : offset + 1000]
    assert spy.total == len(deflated(CONTENT))
    source.close()
    assert read_bytes(source, 0, 5000) == CONTENT
    source.close()


@pytest.mark.parametrize(
    ("packed", "size", "message"),
    [
        (deflated(b"x" * 1000), 999, "inflates to more, its directory says 999"),
        (deflated(b"x" * 1000), 1001, "inflates to 1,000 bytes, its directory says 1,001"),
        (deflated(CONTENT)[:-100], 5000, "inflates to"),
        (b"\xff" * 50, 5000, "damaged"),
        (b"", 10, "inflates to 0 bytes"),
    ],
)
def test_an_entry_that_lies_about_its_size_is_told(tmp_path: Path, packed: bytes, size: int, message: str) -> None:
    source = inflated_source(tmp_path, packed, size)
    for _ in range(2):
        with pytest.raises(CannotRead, match=message) as caught:
            read_bytes(source, 0, 5)
        assert "x.zip: entry" in str(caught.value)


def test_a_bomb_is_inflated_no_further_than_it_says(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    written = 0
    plain_write = tempfile.SpooledTemporaryFile.write

    def counted(self: tempfile.SpooledTemporaryFile[bytes], piece: Any) -> int:
        nonlocal written
        written += len(piece)
        return plain_write(self, piece)

    with patch.object(tempfile.SpooledTemporaryFile, "write", counted), pytest.raises(MissingBytes, match="more"):
        read_bytes(inflated_source(tmp_path, packed, 1000), 0, 1)
    assert written <= 1000


def test_a_large_entry_goes_to_a_file_and_is_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_INFLATED_IN_MEMORY", 1000)
    source = inflated_source(tmp_path, deflated(CONTENT), len(CONTENT))
    assert read_bytes(source, 1234, 3000) == CONTENT[1234:4234]
    source.close()


def test_a_full_disk_is_an_error_that_names_the_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
    with pytest.raises(CannotRead, match=r"x\.zip: entry.*No space left"):
        read_bytes(inflated_source(tmp_path, deflated(CONTENT), len(CONTENT)), 0, 1)


def test_an_entry_that_goes_with_a_cycle_closes_its_file(tmp_path: Path) -> None:
    opened: list[Any] = []
    source = inflated_source(tmp_path, deflated(CONTENT), len(CONTENT))
    read_bytes(source, 0, 1)
    assert source._file is not None
    opened.append(source._file)
    source.cycle = source  # type: ignore[attr-defined]
    del source
    gc.collect()
    assert opened[0].closed


def test_only_a_few_inflated_entries_and_files_are_kept_and_all_can_be_read(tmp_path: Path) -> None:
    sources = LocalSources()
    for i in range(100):
        (tmp_path / f"{i}.bin").write_bytes(deflated(b"%d" % i * 10))
        sources.add_file(tmp_path / f"{i}.bin")
    first = sources.inflated(0, 0, (tmp_path / "0.bin").stat().st_size, 10)
    for i in range(100):
        size = (tmp_path / f"{i}.bin").stat().st_size
        raw = b"%d" % i * 10
        assert read_bytes(sources.inflated(i, 0, size, len(raw)), 0, len(raw)) == raw
    assert len(sources._inflated) <= 8
    assert len(sources._open) <= 64
    assert read_bytes(first, 0, 10) == b"0" * 10
    sources.close()


def test_several_threads_read_one_set_of_sources(tmp_path: Path) -> None:
    sources, indices = all_kinds(tmp_path)
    barrier = threading.Barrier(8)

    def read(seed: int) -> bool:
        barrier.wait()
        draw = np.random.default_rng(seed)
        for _ in range(50):
            offset = int(draw.integers(0, 4000))
            source = sources.get(indices[int(draw.integers(0, 5))])
            if read_bytes(source, offset, 1000) != CONTENT[offset : offset + 1000]:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))
    sources.close()


@pytest.mark.parametrize("lost", [[], ["pread", "preadv"]], ids=["positional", "by seeking"])
def test_a_file_that_is_closed_while_it_is_read_is_closed_with_the_last_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[str]
) -> None:
    for name in lost:
        monkeypatch.delattr(os, name)
    (tmp_path / "whole.bin").write_bytes(CONTENT)
    (tmp_path / "other.bin").write_bytes(bytes(len(CONTENT)))
    spec = describe_file(tmp_path / "whole.bin")
    wrong: list[bytes] = []
    file = LocalFile(spec)

    def read(barrier: threading.Barrier) -> None:
        barrier.wait()
        wrong.extend(got for _ in range(100) if (got := read_bytes(file, 0, 5000)) != CONTENT)

    for _ in range(20):
        barrier = threading.Barrier(4)
        taken: list[int] = []
        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                pool.submit(read, barrier)
            barrier.wait()
            for _ in range(20):
                file.close()
                # Takes the number of the closed one as soon as it is free.
                taken.append(os.open(tmp_path / "other.bin", os.O_RDONLY))
        for number in taken:
            os.close(number)
    file.close()
    assert file._fd == -1
    assert wrong == []


def test_sources_may_be_closed_while_they_are_read(tmp_path: Path) -> None:
    sources, indices = all_kinds(tmp_path)
    held = [sources.get(index) for index in indices]
    stop = threading.Event()

    def read() -> bool:
        return all(
            read_bytes(source, 100, 3000) == CONTENT[100:3100]
            for _ in range(200)
            for source in (*held, *map(sources.get, indices))
        )

    def close() -> None:
        while not stop.is_set():
            sources.close()

    with ThreadPoolExecutor(5) as pool:
        closing = pool.submit(close)
        reads = [pool.submit(read) for _ in range(3)]
        assert all(future.result() for future in reads)
        stop.set()
        closing.result()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files")
def test_closed_sources_hold_no_file_open(tmp_path: Path) -> None:
    sources, indices = all_kinds(tmp_path)
    for index in indices:
        read_bytes(sources.get(index), 0, 10)

    def opened() -> set[str]:
        links = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        return {str(entry.resolve()) for entry in links} & {str(tmp_path / "data.bin"), str(tmp_path / "whole.bin")}

    assert len(opened()) == 2
    sources.close()
    assert opened() == set()


# -- describing a file ---------------------------------------------------------------------------


def test_a_file_is_described_through_links(tmp_path: Path) -> None:
    path = tmp_path / "whole.bin"
    path.write_bytes(CONTENT)
    (tmp_path / "link.pt").symlink_to(path)
    spec = describe_file(tmp_path / "link.pt")
    status = path.stat()
    assert (spec.kind, spec.size, spec.path) == ("file", 5000, str(tmp_path / "link.pt"))
    assert (spec.mtime_ns, spec.device, spec.inode) == (status.st_mtime_ns, status.st_dev, status.st_ino)


def test_what_cannot_be_described_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileMissing, match=r"nothing\.pt"):
        describe_file(tmp_path / "nothing.pt")
    path = tmp_path / "secret.pt"
    path.write_bytes(CONTENT)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NotPermitted, match=r"secret\.pt"):
        describe_file(path)
