"""Any header is read as the library reads it, or something says that it would not be; nothing else is ever raised."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.dtypes import BY_SAFETENSORS
from sdviewer.errors import CannotOpen
from sdviewer.formats import opening, safetensors_header

# The library has no C128; F4 and F6 are used in whole bytes.
DTYPES = sorted(set(BY_SAFETENSORS) - {"C128"})
BITS = {name: BY_SAFETENSORS[name].bits for name in DTYPES} | {"F4": 4}
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["a.b", "a/b~1", "[0]", "x" * 70]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def headers(draw: st.DrawFn) -> tuple[list[tuple[str, Any]], int]:
    """The entries of a sound header, in any order, and how many bytes of data they take."""
    entries: list[tuple[str, Any]] = []
    position = 0
    for name in draw(st.lists(NAMES, unique=True, max_size=8)):
        if name == safetensors_header.METADATA:
            continue
        dtype = draw(st.sampled_from(DTYPES))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        count = 1
        for size in shape:
            count *= size
        if count * BITS[dtype] % 8:
            shape, count = [*shape, 4], 4 * count
        end = position + count * BITS[dtype] // 8
        items = [("dtype", dtype), ("shape", shape), ("data_offsets", [position, end])]
        entries.append((name, dict(draw(st.permutations(items)))))
        position = end
    if draw(st.booleans()):
        entries.append((safetensors_header.METADATA, draw(st.dictionaries(NAMES, NAMES, max_size=3))))
    return draw(st.permutations(entries)), position


def text_of(entries: list[tuple[str, Any]], separators: tuple[str, str], *, ascii_only: bool) -> str:
    """As `json.dumps` of a dict, whose keys may repeat here."""
    parts = [
        f"{json.dumps(name, ensure_ascii=ascii_only)}{separators[1]}"
        + json.dumps(value, separators=separators, ensure_ascii=ascii_only)
        for name, value in entries
    ]
    return "{" + separators[0].join(parts) + "}"


TEXTS = st.tuples(headers(), st.sampled_from([(",", ":"), (", ", ": "), ("\n, ", " :\t")]), st.booleans()).map(
    lambda drawn: (text_of(drawn[0][0], drawn[1], ascii_only=drawn[2]), drawn[0][1])
)


def written(folder: Path, header: bytes, data: bytes, length: int | None = None) -> Path:
    path = folder / "drawn.safetensors"
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
    return path


def library(path: Path) -> dict[str, Any] | None:
    """Name → dtype, shape and bytes, None if the library refuses the file."""
    try:
        found: list[tuple[str, Any]] = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError:
        return None
    return dict(found)


def assert_same(checkpoint: Checkpoint, expected: dict[str, Any], content: bytes) -> None:
    assert set(checkpoint.tensors) == set(expected)
    storages = checkpoint.table.storages
    for name, read in expected.items():
        ref = checkpoint.tensors[name]
        raw = bytes(read["data"])
        row = int(checkpoint.table.storage[ref.row])
        at, size = int(storages.offset[row]), int(storages.nbytes[row])
        assert content[at : at + size] == raw
        shape, dtype = list(read["shape"]), read["dtype"]
        if dtype == "F4" and shape and shape[-1] % 2 == 0:
            shape[-1] //= 2
        elif dtype == "F4":
            assert (ref.dtype, list(ref.shape)) == ("F4", shape)
            continue
        assert (ref.dtype, list(ref.shape), ref.nbytes) == (BY_SAFETENSORS[dtype].name, shape, len(raw))


def check(path: Path) -> None:
    """Ours against the library's: equal, or refused by it and complained of by us."""
    expected = library(path)
    try:
        checkpoint = opening.open_checkpoint(path)
    except CannotOpen as error:
        assert str(path) in str(error)  # noqa: PT017  # most mangled files are read in part
        assert expected is None
        return
    with checkpoint:
        complaints = [problem for problem in checkpoint.problems if problem.severity != "info"]
        # Of two equal entries the library takes one without a word.
        if expected is None:
            assert complaints
        else:
            assert {problem.kind for problem in complaints} <= {"duplicate"}
        if expected is not None:
            assert_same(checkpoint, expected, path.read_bytes())
        for ref in checkpoint.tensors.values():
            assert ref.nbytes >= 0
            assert ref.numel >= 0
        assert 0 <= checkpoint.description.unshown_bytes <= checkpoint.file_bytes


@FAST
@given(TEXTS)
def test_a_sound_header_is_read_as_the_library_reads_it(tmp_path: Path, drawn: tuple[str, int]) -> None:
    text, size = drawn
    path = written(tmp_path, text.encode(), bytes(i % 251 for i in range(size)))
    assert library(path) is not None
    check(path)


@FAST
@given(headers(), st.data())
def test_a_header_with_junk_in_it_is_refused_by_the_library_or_read_alike(
    tmp_path: Path, drawn: tuple[list[tuple[str, Any]], int], data: st.DataObject
) -> None:
    entries, size = drawn
    entries = list(entries)
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["add", "again", "field", "size"]))
        if kind == "add" or not entries:
            entries.insert(data.draw(st.integers(0, len(entries))), (data.draw(NAMES), data.draw(JUNK)))
            continue
        at = data.draw(st.integers(0, len(entries) - 1))
        name, value = entries[at]
        if kind == "again":
            entries.append((name, data.draw(st.just(value) | JUNK)))
        elif kind == "field" and isinstance(value, dict):
            field = data.draw(st.sampled_from(["dtype", "shape", "data_offsets", "more"]))
            junk = data.draw(JUNK | st.lists(st.integers(0, 2**66), max_size=3) | st.sampled_from(DTYPES))
            entries[at] = (name, {**value, field: junk})
        else:
            size += data.draw(st.integers(-min(size, 4), 4))
    check(written(tmp_path, text_of(entries, (",", ":"), ascii_only=True).encode(), bytes(size)))


@FAST
@given(TEXTS, st.data())
def test_a_header_with_bytes_changed_is_refused_by_the_library_or_read_alike(
    tmp_path: Path, drawn: tuple[str, int], data: st.DataObject
) -> None:
    text, size = drawn
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(1, len(raw)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"}", b",", b":", b"[", b"]", b"\\", b"0", b" "])
        )
    length = data.draw(st.just(len(raw)) | st.integers(0, 2 * len(raw)) | st.integers(0, 2**64 - 1))
    path = written(tmp_path, bytes(raw), bytes(size), length)
    if library(path) is None or raw[:1] == b"{":
        check(path)


@FAST
@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_behind_a_length_and_a_brace_raise_nothing_but_cannot_open(
    tmp_path: Path, content: bytes, length: int
) -> None:
    path = written(tmp_path, b"{" + content, b"", length)
    try:
        opening.open_checkpoint(path).close()
    except CannotOpen:
        assert library(path) is None


@pytest.mark.parametrize("piece", [1, 7, 64])
@given(TEXTS)
@FAST
def test_pieces_and_blocks_of_any_size_give_the_same(piece: int, tmp_path: Path, drawn: tuple[str, int]) -> None:
    text, size = drawn
    path = written(tmp_path, text.encode(), bytes(i % 251 for i in range(size)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(safetensors_header, "_PIECE", piece)
        patch.setattr(safetensors_header, "_WORTH_IT", 1)
        check(path)
