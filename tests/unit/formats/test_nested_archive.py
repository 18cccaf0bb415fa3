"""Zip archives of checkpoints: each entry is what it is by itself, and what the archive can cost is bounded."""

from __future__ import annotations

import io
import json
import struct
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import sdviewer
from sdviewer.errors import CannotOpen, Damaged, MissingBytes, NotACheckpoint, UnsupportedFormat
from sdviewer.formats import opening
from tests.helpers.conformance import ReaderConformance, raw_bytes
from tests.helpers.spying import spying
from tests.helpers.torch_archives import repacked

# Two are promised, and measured by the benchmarks; a busy machine is no failure here.
SECONDS = 10.0


def torch_saved(value: Any, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def npy_saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zip_of(entries: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def agent(folder: Path, method: int = zipfile.ZIP_STORED) -> tuple[Path, dict[str, Any]]:
    """What Stable-Baselines3 saves, and the values of its files."""
    policy = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.Adam(policy.parameters())
    policy(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    values = {"policy.pth": policy.state_dict(), "policy.optimizer.pth": optimizer.state_dict()}
    entries = {
        "data": json.dumps({"policy_class": {":type:": "<class 'abc.ABCMeta'>", ":serialized:": "gAWV"}}).encode(),
        "pytorch_variables.pth": torch_saved({}),
        **{name: torch_saved(value) for name, value in values.items()},
        "_stable_baselines3_version": b"2.3.0",
        "system_info.txt": "- OS: Linux\n- Python: 3.11 \N{SNAKE}\n".encode(),
    }
    path = folder / "agent.zip"
    path.write_bytes(zip_of(entries, method))
    return path, values


def opened_quickly(path: Path) -> sdviewer.Checkpoint | CannotOpen:
    """What opening gives, in bounded time."""
    start = time.perf_counter()
    try:
        result: sdviewer.Checkpoint | CannotOpen = sdviewer.open(path)
    except CannotOpen as error:
        assert str(path) in str(error)  # noqa: PT017  # both answers are right
        result = error
    assert time.perf_counter() - start < SECONDS
    return result


class TestZipOfCheckpoints(ReaderConformance):
    """Each tensor saved by itself, all in one stored zip."""

    suffix = ".zip"

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        entries = {name: torch_saved(tensor) for name, tensor in tensors.items()}
        path.write_bytes(zip_of(entries or {"empty.pt": torch_saved({})}))

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        with zipfile.ZipFile(path) as archive:
            return {name: torch.load(io.BytesIO(archive.read(name))) for name in archive.namelist()}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_an_agent_shows_policy_and_optimizer_under_their_names(tmp_path: Path, method: int) -> None:
    path, values = agent(tmp_path, method)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.format == "zip of checkpoints"
        assert checkpoint.problems == ()
        for key, tensor in values["policy.pth"].items():
            assert torch.equal(checkpoint.tensors[f"policy.pth/{key}"].torch(), tensor)
        for index, state in values["policy.optimizer.pth"]["state"].items():
            for key, tensor in state.items():
                assert torch.equal(checkpoint.tensors[f"policy.optimizer.pth/state/[{index}]/{key}"].torch(), tensor)
        assert len(checkpoint.tensors) == 4 + 4 * 3
        kinds = {name: section.kind for name, section in checkpoint.sections.items()}
        assert (kinds["policy.pth"], kinds["policy.optimizer.pth"]) == ("model", "optimizer")
        assert checkpoint.sections["policy.pth"].parameters == 4 * 8 + 8 + 8 * 2 + 2


def test_text_is_shown_as_text_and_not_decoded(tmp_path: Path) -> None:
    with sdviewer.open(agent(tmp_path)[0]) as checkpoint:
        texts = {text.name: text for text in checkpoint.description.texts}
        assert set(texts) == {"data", "_stable_baselines3_version", "system_info.txt"}
        data = texts["data"]
        raw = Path(checkpoint.path).read_bytes()[data.offset : data.offset + data.nbytes]
        assert json.loads(raw)["policy_class"][":serialized:"] == "gAWV"


def test_the_lines_load_the_first_file_with_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, values = agent(tmp_path)
    with sdviewer.open(path) as checkpoint:
        lines = checkpoint.description.torch_lines
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)  # noqa: S102  # our own lines, which must run as they are shown
    assert names["checkpoint"].keys() == values["policy.pth"].keys()


def test_every_format_is_read_inside_an_archive(tmp_path: Path) -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    entries = {
        "zip.pt": torch_saved({"w": tensor}),
        "legacy.pt": torch_saved({"w": tensor}, legacy=True),
        "folder/model.safetensors": safetensors.torch.save({"w": tensor}),
        "array.npy": npy_saved(tensor.numpy()),
        "bare.pt": torch_saved(tensor),
        "inner.zip": zip_of({"deep.pt": torch_saved({"a/b": tensor})}),
    }
    path = repacked(tmp_path / "all.zip", entries.items(), zipfile.ZIP_DEFLATED)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.problems == ()
        assert list(checkpoint.tensors) == [
            "zip.pt/w",
            "legacy.pt/w",
            "folder~1model.safetensors/w",
            "array.npy",
            "bare.pt",
            "inner.zip/deep.pt/a~1b",
        ]
        for ref in checkpoint.tensors.values():
            assert raw_bytes(ref.torch()) == raw_bytes(tensor)
        assert checkpoint.path_of(5) == ("inner.zip", "deep.pt", "a/b")


def test_opening_reads_no_payload_of_the_entries(tmp_path: Path) -> None:
    tensor = torch.full((1 << 20,), 3.0)
    path = repacked(tmp_path / "big.zip", [(f"{i}.pt", torch_saved({"w": tensor})) for i in range(3)])
    with spying() as spy:
        opening.open_checkpoint(path).close()
    assert spy.total < 100_000 < path.stat().st_size


def test_a_broken_entry_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    good = torch_saved({"w": torch.ones(3)})
    entries = {
        "good.pt": good,
        "cut.pt": b"PK\x03\x04" + bytes(100),
        "pickle.pkl": b"\x80\x02",
        "last.pt": good,
        "other.docx": zip_of({"word/document.xml": b"<xml/>"}),
    }
    path = repacked(tmp_path / "some.zip", entries.items())
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["good.pt/w", "last.pt/w"]
        assert sorted(problem.where for problem in checkpoint.problems) == ["cut.pt", "pickle.pkl"]
        assert {problem.severity for problem in checkpoint.problems} == {"error"}


def test_damaged_deflated_data_is_told(tmp_path: Path) -> None:
    good = torch_saved({"w": torch.rand(500)})
    path = repacked(tmp_path / "d.zip", [("good.pt", good)])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bad.pt", good)
        start = archive.getinfo("bad.pt").header_offset
    content = bytearray(path.read_bytes())
    content[start + 600 : start + 700] = bytes(100)
    path.write_bytes(content)
    with sdviewer.open(path) as checkpoint:
        assert "good.pt/w" in checkpoint.tensors
        assert [problem.where for problem in checkpoint.problems] == ["bad.pt"]


def test_an_archive_of_nothing_but_broken_checkpoints_is_damaged(tmp_path: Path) -> None:
    path = repacked(tmp_path / "bad.zip", [("cut.pt", b"PK\x03\x04" + bytes(100))])
    with pytest.raises(Damaged, match=r"cut\.pt"):
        sdviewer.open(path)


def test_an_archive_without_checkpoints_is_none(tmp_path: Path) -> None:
    path = repacked(tmp_path / "notes.zip", [("a.txt", b"hello"), ("b.docx", zip_of({"word.xml": b"<xml/>"}))])
    with pytest.raises(NotACheckpoint, match=r"holds no checkpoint \(a\.txt, b\.docx\)"):
        sdviewer.open(path)


def test_entries_under_a_password_are_told(tmp_path: Path) -> None:
    path = repacked(tmp_path / "some.zip", [("open.pt", torch_saved({"w": torch.ones(2)})), ("secret.pt", b"x" * 99)])
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.rfind(signature)
        content[at + flags] |= 1
    path.write_bytes(content)
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["open.pt/w"]
        assert [(p.where, "password" in p.message) for p in checkpoint.problems] == [("secret.pt", True)]
    only_secret = repacked(tmp_path / "all.zip", [("secret.pt", torch_saved({}))])
    content = bytearray(only_secret.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    only_secret.write_bytes(content)
    with pytest.raises(UnsupportedFormat, match="password"):
        sdviewer.open(only_secret)


def test_of_two_entries_with_one_name_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m.pt", torch_saved({"w": torch.tensor(1.0)}))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("m.pt", torch_saved({"w": torch.tensor(2.0)}))
    with sdviewer.open(path) as checkpoint:
        with zipfile.ZipFile(path) as archive:
            expected = torch.load(io.BytesIO(archive.read("m.pt")))["w"]
        assert torch.equal(checkpoint.tensors["m.pt/w"].torch(), expected)
        assert [duplicate.name for duplicate in checkpoint.duplicates] == ["m.pt"]
        assert [problem.kind for problem in checkpoint.problems] == ["duplicate"]


def test_an_archive_cut_off_behind_an_inner_one_is_read_in_part(tmp_path: Path) -> None:
    """The record at the end of the file is that of the inner archive, which must not be taken for the whole."""
    entries = {"one.pt": torch_saved({"w": torch.ones(2)}), "two.pt": torch_saved({"v": torch.zeros(3)})}
    whole = zip_of(entries)
    path = tmp_path / "cut.zip"
    path.write_bytes(whole[: whole.index(entries["two.pt"]) + len(entries["two.pt"])])
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.problems
        assert list(checkpoint.tensors) == ["one.pt/w", "two.pt/v"]


def test_a_bomb_is_not_inflated(tmp_path: Path) -> None:
    """Ten entries that say they hold a checkpoint of 1 GB each, in a file of 10 MB."""
    path = tmp_path / "bomb.zip"
    zeros = zlib.compressobj(9, wbits=-15)
    body = zeros.compress(torch_saved({"w": torch.ones(1)}))
    for _ in range(64):
        body += zeros.compress(bytes(1 << 20))
    body += zeros.flush()
    _raw_zip(path, [(f"{i}.pt", body, 1 << 30) for i in range(10)])
    result = opened_quickly(path)
    assert isinstance(result, Damaged)
    assert "inflated" in str(result)


def test_a_bomb_in_the_pickles_of_inner_archives_is_not_inflated(tmp_path: Path) -> None:
    inner = tmp_path / "inner.pt"
    packer = zlib.compressobj(9, wbits=-15)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    _raw_zip(inner, [("a/data.pkl", body, 64 << 20)])
    path = repacked(tmp_path / "bomb.zip", [(f"{i}.pt", inner.read_bytes()) for i in range(20)])
    assert isinstance(opened_quickly(path), Damaged)


def test_entries_that_inflate_to_nothing_are_not_read_far(tmp_path: Path) -> None:
    path = tmp_path / "blocks.zip"
    _raw_zip(path, [("0.pt", b"\x00\x00\x00\xff\xff" * 200_000, 100)], repeats=900)
    with spying() as spy:
        assert isinstance(opened_quickly(path), NotACheckpoint)
    assert spy.total < 20 << 20


def test_entries_that_share_their_bytes_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "overlap.zip"
    inner = torch_saved({"w": torch.ones(1000)})
    _raw_zip(path, [("first.pt", inner, len(inner))], method=0, repeats=900)
    result = opened_quickly(path)
    assert isinstance(result, sdviewer.Checkpoint)
    assert len(result.tensors) == 1
    assert len([problem for problem in result.problems if "shares its bytes" in problem.message]) == 899
    result.close()


def test_archives_in_archives_end_at_the_second(tmp_path: Path) -> None:
    content = torch_saved({"w": torch.ones(2)})
    for level in range(6):
        content = zip_of({f"{level}.zip": content})
    path = tmp_path / "deep.zip"
    path.write_bytes(content)
    assert isinstance(opened_quickly(path), CannotOpen)


def test_an_archive_that_holds_itself_ends(tmp_path: Path) -> None:
    """One entry whose bytes are the whole file, its own header included."""
    path = tmp_path / "self.zip"
    inner = zip_of({"w.pt": torch_saved({"w": torch.ones(2)})})
    path.write_bytes(inner)
    content = bytearray(inner)
    directory = content.rfind(b"PK\x01\x02")
    # The data of the entry begins with the file's first byte: a local header shortened to nothing is not possible,
    # so the directory says that the entry is as long as everything behind it.
    struct.pack_into("<LL", content, directory + 20, len(content), len(content))
    path.write_bytes(content)
    result = opened_quickly(path)
    if isinstance(result, sdviewer.Checkpoint):
        result.close()


def test_only_the_first_thousand_entries_are_read(tmp_path: Path) -> None:
    tiny = torch_saved(torch.ones(1))
    path = repacked(tmp_path / "many.zip", [(f"{i}.pt", tiny) for i in range(1002)])
    with sdviewer.open(path) as checkpoint:
        assert len(checkpoint.tensors) == 1000
        assert "1,002" in checkpoint.problems[0].message


def test_a_tensor_of_a_large_deflated_entry_is_read_after_its_bytes_were_let_go(tmp_path: Path) -> None:
    tensor = torch.randint(0, 1 << 40, (500_000,), generator=torch.Generator().manual_seed(0))
    path = repacked(tmp_path / "big.zip", [("m.pt", torch_saved({"w": tensor}))], zipfile.ZIP_DEFLATED)
    with sdviewer.open(path) as checkpoint:
        assert torch.equal(checkpoint.tensors["m.pt/w"].torch(), tensor)


def test_a_missing_storage_of_an_entry_is_told_with_the_entry(tmp_path: Path) -> None:
    inner = tmp_path / "m.pt"
    torch.save({"w": torch.ones(3)}, inner)
    with zipfile.ZipFile(inner) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if not name.endswith("data/0")}
    path = repacked(tmp_path / "some.zip", [("m.pt", zip_of(kept))])
    with sdviewer.open(path) as checkpoint:
        assert all("m.pt" in problem.where for problem in checkpoint.problems)
        with pytest.raises(MissingBytes):
            checkpoint.tensors["m.pt/w"].codes()


def _raw_zip(path: Path, entries: list[tuple[str, bytes, int]], *, method: int = 8, repeats: int = 1) -> None:
    """An archive whose directory may lie: (name, stored bytes, size); each entry stands `repeats` times in it."""
    body, central, count = bytearray(), bytearray(), 0
    for name, stored, size in entries:
        header = len(body)
        raw = name.encode()
        body += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, method, 0, 33, 0, len(stored), size, len(raw), 0)
        body += raw + stored
        for number in range(repeats):
            shown = raw if not number else f"copy{number}.pt".encode()
            fields = (20, 20, 0, method, 0, 33, 0, len(stored), size, len(shown), 0, 0, 0, 0, 0, header)
            central += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields) + shown
            count += 1
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(central), len(body), 0)
    path.write_bytes(bytes(body + central + end))
