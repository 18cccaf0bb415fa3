"""Names of shards and of indexes, with variants wherever libraries write them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import sdviewer
from sdviewer.formats.shard_names import Family, ShardName, is_index, is_plain_name, parse_shard
from tests.helpers.shards import INDEX, all_of, assert_holds, write


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model-00002-of-00004.safetensors", ShardName(Family("model", 4, ".safetensors"), 2)),
        ("pytorch_model-00001-of-00002.bin", ShardName(Family("pytorch_model", 2, ".bin"), 1)),
        ("d.fp16-00001-of-00002.safetensors", ShardName(Family("d.fp16", 2, ".safetensors"), 1)),
        ("d-00001-of-00002.fp16.safetensors", ShardName(Family("d", 2, ".fp16.safetensors"), 1)),
        ("x_1_of_2.pt", ShardName(Family("x", 2, ".pt"), 1)),
        ("model-00005-of-00004.safetensors", None),
        ("model-00000-of-00000.safetensors", None),
        ("model.safetensors", None),
        ("model-1-of-2", None),
    ],
)
def test_names_of_shards(name: str, expected: ShardName | None) -> None:
    assert parse_shard(name) == expected


def test_names_of_indexes() -> None:
    for name in (INDEX, "pytorch_model.bin.index.json", "model.safetensors.index.fp16.json", "/x/d.fp16.index.json"):
        assert is_index(name), name
    for name in ("index.json", "config.json", "model.index.d/x.json", "model.safetensors", ".index.json"):
        assert not is_index(name), name


def test_names_that_are_plain() -> None:
    assert is_plain_name("model-00001-of-00002.safetensors")
    assert not any(map(is_plain_name, ["a/b", "/a", "..", ".", "", "a\\b", "a\0", "c:a", "a/"]))


@pytest.mark.parametrize(
    ("index", "files"),
    [
        ("d.safetensors.fp16.index.json", ["d.fp16-00001-of-00002.safetensors", "d.fp16-00002-of-00002.safetensors"]),
        ("d.safetensors.index.fp16.json", ["d-00001-of-00002.fp16.safetensors", "d-00002-of-00002.fp16.safetensors"]),
        ("d.fp16.safetensors.index.json", ["d.fp16-00001-of-00002.safetensors", "d.fp16-00002-of-00002.safetensors"]),
    ],
)
def test_variants_belong_to_their_index(tmp_path: Path, index: str, files: list[str]) -> None:
    shards = {file: {f"w{number}": torch.ones(1)} for number, file in enumerate(files)}
    write(tmp_path, shards, index)
    assert_holds(sdviewer.open(tmp_path), all_of(shards))
    (tmp_path / index).write_text("broken")
    assert set(sdviewer.open(tmp_path / index).tensors) == {"w0", "w1"}
