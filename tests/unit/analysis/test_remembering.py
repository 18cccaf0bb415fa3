"""Figures come back to the last bit, only for the very same file, and no damage to what was kept does harm."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import sdviewer
from sdviewer.analysis import remembering
from sdviewer.analysis.remembering import remembered
from sdviewer.analysis.results import scan
from sdviewer.analysis.scan import Scan
from sdviewer.analysis.statistics_table import COLUMNS, Filled, StatisticsTable
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.formats.opening import open_checkpoint
from tests.helpers import samples
from tests.helpers.saved import in_one_folder, opened
from tests.helpers.spying import spying


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where entries are kept in this test."""
    place = tmp_path / "cache"
    monkeypatch.setattr(remembering, "_folder", lambda: place)
    return place


def assert_same_bits(one: StatisticsTable, other: StatisticsTable) -> None:
    assert one.filled.tolist() == other.filled.tolist()
    for row in np.flatnonzero(np.isin(one.filled, (Filled.EXACT, Filled.BOUNDED))).tolist():
        a, b = one.figures(row), other.figures(row)
        assert a is not None
        assert b is not None
        assert a.values.tobytes() == b.values.tobytes()
        assert (a.bounds is None) == (b.bounds is None)
        assert a.bounds is None or b.bounds is None or a.bounds.tobytes() == b.bounds.tobytes()
        assert a.integers == b.integers


def many_kinds(tmp_path: Path) -> Checkpoint:
    torch.manual_seed(0)
    return opened(
        tmp_path,
        {
            "wide": torch.randn(200_000),
            "narrow": torch.randn(3000).bfloat16(),
            "integers": torch.tensor([-(2**63), 2**63 - 1, 7]),
            "odd": torch.tensor([float("nan"), -float("inf"), 1e-45]),
            "bytes": torch.arange(256).to(torch.uint8),
            "empty": torch.zeros(0),
        },
    )


def test_a_second_scan_reads_no_payload_and_gives_the_same_bits(tmp_path: Path) -> None:
    first = scan(many_kinds(tmp_path))
    again = open_checkpoint(tmp_path / "saved.pt")
    with spying() as spy:
        second = scan(again)
    assert spy.total == 0
    assert_same_bits(first.table, second.table)
    assert Filled.BOUNDED in second.table.filled


@pytest.mark.parametrize("form", sorted(samples.ALL))
def test_all_formats_are_remembered(form: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    samples.ALL[form](path)
    first = scan(open_checkpoint(path))
    checkpoint = open_checkpoint(path)
    with spying() as spy:
        second = scan(checkpoint)
    assert spy.total == 0
    assert_same_bits(first.table, second.table)


def test_another_path_to_the_same_file_finds_what_was_kept(tmp_path: Path) -> None:
    scan(many_kinds(tmp_path))
    os.link(tmp_path / "saved.pt", tmp_path / "linked.pt")
    # A further link changes the time of the file's facts, so it is another state of it.
    scan(open_checkpoint(tmp_path / "saved.pt"))
    linked = open_checkpoint(tmp_path / "linked.pt")
    with spying() as spy:
        scan(linked)
    assert spy.total == 0


def test_a_copy_is_another_file(tmp_path: Path) -> None:
    scan(many_kinds(tmp_path))
    shutil.copy2(tmp_path / "saved.pt", tmp_path / "copy.pt")
    copy = open_checkpoint(tmp_path / "copy.pt")
    with spying() as spy:
        scan(copy)
    assert spy.total > 800_000


def test_other_content_with_the_same_size_and_time_is_another_state(tmp_path: Path) -> None:
    path = tmp_path / "saved.pt"
    scan(opened(tmp_path, {"a": torch.full((5000,), 1.0)}))
    facts = path.stat()
    opened(tmp_path, {"a": torch.full((5000,), 2.0)})
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert scan(open_checkpoint(path))["a"].max == 2.0


def test_nothing_is_kept_of_a_file_that_changed_while_it_was_read(tmp_path: Path, folder: Path) -> None:
    checkpoint = many_kinds(tmp_path)
    known = remembered(checkpoint)
    work = Scan(checkpoint)
    work.run()
    (tmp_path / "saved.pt").touch()
    known.keep(work.table)
    assert not folder.exists()


def test_of_shards_only_those_that_did_not_change_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    samples.ALL["shards"](path)
    scan(open_checkpoint(path))
    shards = sorted(path.glob("*.safetensors"))
    shards[0].touch()
    checkpoint = open_checkpoint(path)
    with spying() as spy:
        scan(checkpoint)
    assert {place for place, _, _ in spy.reads} == {str(shards[0])}


def test_part_of_a_scan_is_remembered_and_completed_later(tmp_path: Path) -> None:
    checkpoint = many_kinds(tmp_path)
    scan(checkpoint, select=["wide"])
    with spying() as spy:
        whole = scan(open_checkpoint(tmp_path / "saved.pt"))
    assert 0 < spy.total < 100_000
    assert len(whole) == 6
    again = open_checkpoint(tmp_path / "saved.pt")
    with spying() as spy:
        scan(again)
    assert spy.total == 0


def test_a_cancelled_scan_keeps_what_it_found(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {str(i): torch.randn(20_000) for i in range(200)})
    control = sdviewer.Control(lambda done, total, _: control.cancel() if done and total > 1000 else None)
    with pytest.raises(sdviewer.Cancelled):
        scan(checkpoint, control=control)
    table = StatisticsTable(200)
    found = remembered(checkpoint).recall(table)
    assert 0 < len(found) <= 200


def test_nothing_is_kept_or_used_where_that_is_not_wanted(tmp_path: Path, folder: Path) -> None:
    checkpoint = many_kinds(tmp_path)
    scan(checkpoint, remember=False)
    assert not folder.exists()
    scan(checkpoint)
    with spying() as spy:
        scan(checkpoint, remember=False)
    assert spy.total > 800_000


def test_what_other_code_computed_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = many_kinds(tmp_path)
    scan(checkpoint)
    monkeypatch.setattr(remembering, "_code_of_figures", lambda: "newer")
    with spying() as spy:
        scan(checkpoint)
    assert spy.total > 800_000


def test_the_oldest_entries_go_when_there_are_too_many(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(name: str) -> Path:
        path = tmp_path / name
        torch.save({"a": torch.ones(10) * len(name)}, path)
        before = set(folder.iterdir()) if folder.exists() else set()
        scan(open_checkpoint(path))
        (entry,) = set(folder.iterdir()) - before
        return entry

    first, second = kept("1.pt"), kept("22.pt")
    for age, entry in ((100, second), (50, first)):
        os.utime(entry, (entry.stat().st_mtime - age, entry.stat().st_mtime - age))
    monkeypatch.setattr(remembering, "_MOST_BYTES", 5 * first.stat().st_size // 2)
    third = kept("333.pt")
    assert set(folder.iterdir()) == {first, third}


def test_an_entry_that_is_used_stays_young(tmp_path: Path, folder: Path) -> None:
    checkpoint = many_kinds(tmp_path)
    scan(checkpoint)
    (entry,) = folder.iterdir()
    os.utime(entry, (1, 1))
    scan(checkpoint)
    assert entry.stat().st_mtime > 1


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, folder: Path) -> None:
    folder.write_text("a file stands in its way")
    assert len(scan(many_kinds(tmp_path))) == 6


@in_one_folder(150)
@given(data=st.data())
def test_an_entry_cut_flipped_or_filled_with_anything_does_no_harm(data: st.DataObject, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    path = tmp_path / "saved.pt"
    if not path.exists():
        many_kinds(tmp_path)
    checkpoint = open_checkpoint(path)
    if not place.exists():
        scan(checkpoint)
    (entry,) = place.iterdir()
    whole = entry.read_bytes()
    kind = data.draw(st.sampled_from(["cut", "flip", "random", "longer"]))
    if kind == "cut":
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    elif kind == "flip":
        at = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 100))
        damaged = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    elif kind == "longer":
        damaged = whole + data.draw(st.binary(min_size=1, max_size=20))
    else:
        damaged = data.draw(st.binary(max_size=200))
    try:
        entry.write_bytes(damaged)
        table = StatisticsTable(len(checkpoint.table))
        assert len(remembered(checkpoint).recall(table)) == 0
        assert not table.filled.any()
    finally:
        entry.write_bytes(whole)


@in_one_folder(100)
@given(
    numbers=st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3),
    at=st.integers(0, 400),
    byte=st.binary(min_size=8, max_size=8),
)
def test_an_entry_with_a_right_digest_and_wrong_places_reaches_past_nothing(
    numbers: list[int], at: int, byte: bytes, tmp_path: Path
) -> None:
    rows = np.arange(5)
    lead = len(remembering._MAGIC) + remembering._DIGEST_BYTES
    path = tmp_path / "entry"
    table = StatisticsTable(5)
    if not (tmp_path / "good").exists():
        work = Scan(opened(tmp_path, {str(i): torch.randn(9 * 10 ** (i % 5)) for i in range(5)}), table=table)
        work.run()
        remembering._write(tmp_path / "good", str(tmp_path / "saved.pt"), rows, table.block(rows))
    good = (tmp_path / "good").read_bytes()
    assert remembering._read(tmp_path / "good", rows) is not None
    body = bytearray(good[lead:])
    if at % 2:
        body[:24] = remembering._HEAD.pack(*numbers)
    else:
        body[24 + at // 2 : 32 + at // 2] = byte
    digest = hashlib.blake2b(bytes(body), digest_size=remembering._DIGEST_BYTES).digest()
    path.write_bytes(remembering._MAGIC + digest + bytes(body))
    block = remembering._read(path, rows)
    if block is not None:
        StatisticsTable(5).fill_block(block)
        assert block.values.shape == (len(block.rows), len(COLUMNS))
