"""The weight of a file is about the size of its description, whatever its payload weighs."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from sdviewer.errors import FileMissing
from sdviewer.formats.weighing import description_bytes

KB, MB = 1 << 10, 1 << 20


def many_tensors(count: int) -> dict[str, torch.Tensor]:
    return {f"model.layers.{i}.self_attn.weight": torch.zeros(1) for i in range(count)}


def few_tensors() -> dict[str, torch.Tensor]:
    """Eight megabytes in two tensors; noise, because payload may hold anything."""
    return {"a": torch.randn(1 << 20), "b": torch.randn(1 << 20)}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_torch_file_with_much_payload_is_light(tmp_path: Path, *, legacy: bool) -> None:
    torch.save(few_tensors(), tmp_path / "few.pt", _use_new_zipfile_serialization=not legacy)
    assert description_bytes(str(tmp_path / "few.pt")) < 100 * KB


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_torch_file_with_many_tensors_is_heavy(tmp_path: Path, *, legacy: bool) -> None:
    torch.save(many_tensors(12_000), tmp_path / "many.pt", _use_new_zipfile_serialization=not legacy)
    assert description_bytes(str(tmp_path / "many.pt")) > MB


def test_a_deflated_archive_weighs_what_it_inflates_to(tmp_path: Path) -> None:
    torch.save(many_tensors(3_000), tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain:
        size = plain.getinfo("plain/data.pkl").file_size
        with zipfile.ZipFile(tmp_path / "small.pt", "w", zipfile.ZIP_DEFLATED) as small:
            small.writestr("x/data.pkl", plain.read("plain/data.pkl"))
    assert size / 4 < description_bytes(str(tmp_path / "small.pt")) < 2 * size


def test_an_archive_that_claims_to_inflate_to_terabytes_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "liar.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(MB))
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(raw)
    assert description_bytes(str(path)) < MB


def test_an_archive_inside_an_archive_is_weighed_too(tmp_path: Path) -> None:
    torch.save(many_tensors(3_000), tmp_path / "inner.pth")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as outer:
        outer.write(tmp_path / "inner.pth", "policy.pth")
    assert description_bytes(str(tmp_path / "outer.zip")) > description_bytes(str(tmp_path / "inner.pth")) / 2


def test_a_safetensors_file_weighs_its_header(tmp_path: Path) -> None:
    save_file({"a": np.zeros(MB, np.float32)}, tmp_path / "few.safetensors")
    header = int.from_bytes((tmp_path / "few.safetensors").read_bytes()[:8], "little")
    assert description_bytes(str(tmp_path / "few.safetensors")) == 8 + header


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_plain_pickle_of_nothing_but_empty_lists_is_heavy(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "dull.pkl").write_bytes(pickle.dumps([[] for _ in range(2 * MB)], protocol))
    assert description_bytes(str(tmp_path / "dull.pkl")) > MB


def test_an_array_file_is_light(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(MB))
    assert description_bytes(str(tmp_path / "a.npy")) < 10 * KB


def test_a_folder_and_its_index_weigh_all_shards(tmp_path: Path) -> None:
    for shard in range(3):
        save_file({f"{shard}.{i}": np.zeros(1, np.float32) for i in range(500)}, tmp_path / f"{shard}.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {}}))
    shards = sum(description_bytes(str(tmp_path / f"{shard}.safetensors")) for shard in range(3))
    assert description_bytes(str(tmp_path)) == description_bytes(str(index)) == shards + index.stat().st_size


def test_json_beside_a_model_weighs_what_is_read_of_it(tmp_path: Path) -> None:
    save_file({"a": np.ones(2)}, tmp_path / "model.safetensors")
    before = description_bytes(str(tmp_path))
    (tmp_path / "trainer_state.json").write_text(json.dumps({"log_history": [1.5] * MB}))
    assert description_bytes(str(tmp_path)) > before + 4 * MB
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(1 << 28)
    assert description_bytes(str(tmp_path)) < before + 8 * MB


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\xff" * 8 + b"{", b"\x80\x02"])
def test_a_broken_file_weighs_no_more_than_its_size(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken").write_bytes(content)
    assert description_bytes(str(tmp_path / "broken")) <= len(content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="nowhere"):
        description_bytes(str(tmp_path / "nowhere.pt"))
