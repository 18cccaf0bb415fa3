"""`values`: any part of any tensor, printed, as JSON, or as a .npy file that numpy reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdviewer
from sdviewer.cli import values
from sdviewer.cli.exits import WrongUsage
from tests.unit.cli.running import CommandLine

_ARRAY = torch.arange(120.0).reshape(4, 5, 6)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("values") / "some.pt"
    state = {
        "a": _ARRAY,
        "t": _ARRAY.permute(2, 1, 0),
        "half": torch.tensor([0.5, float("nan"), float("inf"), -float("inf")], dtype=torch.bfloat16),
        "c": torch.tensor([1 + 2j, complex(float("nan"), 0)]),
        "flag": torch.tensor([True, False]),
        "wide": torch.arange(100_000).reshape(100, 1000),
        "scalar": torch.tensor(7, dtype=torch.int16),
        "empty": torch.empty(0, 3),
        "sparse": torch.eye(2).to_sparse(),
    }
    torch.save({"model": state, "ema": {"a": _ARRAY + 1}}, path)
    return path


@pytest.mark.parametrize(
    "text",
    ["...", "0", "-1", "1:3", "0:2,:", ":,-1", "::2,1::2,::-1", "-1,...,0", "...,3", "3:1", "[1:2, 0]", "2:-9:-1"],
)
def test_a_slice_is_what_numpy_selects(sdviewer_command: CommandLine, file: Path, tmp_path: Path, text: str) -> None:
    wanted = eval(f"array[{text.strip('[]')}]", {"array": _ARRAY.numpy()})  # noqa: S307  # the texts above
    told = sdviewer_command("values", file, "model/a", "--slice", text, "--json")
    assert told.code == 0
    assert told.json["values"] == wanted.tolist()
    assert told.json["selected"] == list(wanted.shape)
    assert told.json["shape"] == [4, 5, 6]
    out = tmp_path / "out.npy"
    assert sdviewer_command("values", file, "model/a", "--slice", text, "--npy", out).code == 0
    np.testing.assert_array_equal(np.load(out), wanted)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.one_of(st.integers(-5, 5), st.slices(5), st.just(...)), max_size=4),
)
def test_any_index_gives_numpys_answer_or_is_refused(file: Path, parts: list[Any]) -> None:
    with sdviewer.open(file) as checkpoint:
        ref = checkpoint.tensors["model/t"]
        try:
            index = values.full_index(tuple(parts), ref.shape)
        except WrongUsage:
            with pytest.raises(IndexError):
                _ARRAY.permute(2, 1, 0).numpy()[tuple(parts)]
            return
        if parts.count(...) > 1:
            return  # refused where the text is read
        wanted = _ARRAY.permute(2, 1, 0).numpy()[tuple(parts)]
        assert values.selected_shape(index, ref.shape) == wanted.shape
        np.testing.assert_array_equal(values.read(ref, index, ref.shape), wanted)


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1:2:0", "1:2:3:4", "...,...", "1.5", "[[0]]"])
def test_what_is_no_slice_is_wrong_usage(sdviewer_command: CommandLine, file: Path, text: str) -> None:
    assert sdviewer_command("values", file, "model/a", "--slice", text).code == 64


@pytest.mark.parametrize("text", ["0,0,0,0", "4", "0,5", "-5"])
def test_an_index_outside_is_wrong_usage(sdviewer_command: CommandLine, file: Path, text: str) -> None:
    assert sdviewer_command("values", file, "model/a", "--slice", text).code == 64


def test_numbers_that_json_lacks_are_strings(sdviewer_command: CommandLine, file: Path) -> None:
    assert sdviewer_command("values", file, "model/half", "--json").json["values"] == [
        0.5,
        "NaN",
        "Infinity",
        "-Infinity",
    ]
    told = sdviewer_command("values", file, "model/c", "--json").json["values"]
    assert told == [{"$complex": [1.0, 2.0]}, {"$complex": ["NaN", 0.0]}]
    assert sdviewer_command("values", file, "model/flag", "--json").json["values"] == [True, False]
    assert sdviewer_command("values", file, "model/scalar", "--json").json["values"] == 7
    assert sdviewer_command("values", file, "model/empty", "--json").json["values"] == []


def test_small_tensors_are_printed_whole_and_large_ones_at_their_edges(
    sdviewer_command: CommandLine, file: Path
) -> None:
    lines = sdviewer_command("values", file, "model/scalar").out.splitlines()
    assert lines == ["model/scalar: int16 []", "7"]
    out = sdviewer_command("values", file, "model/wide").out
    with np.printoptions(threshold=1_000, edgeitems=3):
        assert out.splitlines()[0] == "model/wide: int64 [100, 1000]"
        assert out.split("\n", 1)[1].strip() == np.array2string(
            np.arange(100_000).reshape(100, 1000), separator=", ", max_line_width=120
        )


def test_a_key_that_one_section_has_will_do(sdviewer_command: CommandLine, file: Path) -> None:
    assert sdviewer_command("values", file, "scalar", "--json").json["name"] == "model/scalar"
    told = sdviewer_command("values", file, "a", "--json")
    assert told.code == 2
    assert told.json["error"]["kind"] == "ambiguous_name"
    assert told.json["error"]["candidates"] == ["model/a", "ema/a"]


def test_a_name_that_is_not_there_brings_a_proposal(sdviewer_command: CommandLine, file: Path) -> None:
    told = sdviewer_command("values", file, "model/scalr")
    assert told.code == 2
    assert "did you mean model/scalar" in told.err


def test_a_sparse_tensor_names_its_parts(sdviewer_command: CommandLine, file: Path) -> None:
    told = sdviewer_command("values", file, "model/sparse")
    assert told.code == 2
    assert "its values lie in 'model/sparse/indices', 'model/sparse/values'" in told.err


def test_a_npy_file_replaces_another_whole_or_not_at_all(
    sdviewer_command: CommandLine, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.npy"
    out.write_text("what it was")

    def failing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", failing)
    told = sdviewer_command("values", file, "model/a", "--npy", out)
    assert told.code == 2
    assert "No space left on device" in told.err
    assert out.read_text() == "what it was"
    assert list(tmp_path.iterdir()) == [out]
    monkeypatch.undo()
    assert sdviewer_command("values", file, "model/a", "--npy", out).code == 0
    assert list(tmp_path.iterdir()) == [out]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~mask


def test_the_checkpoint_is_never_the_target(sdviewer_command: CommandLine, file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    link = tmp_path / "link.npy"
    link.symlink_to(file)
    for target in (file, link):
        told = sdviewer_command("values", file, "model/a", "--npy", target)
        assert told.code == 2
        assert "is the checkpoint itself" in told.err
    assert file.read_bytes() == before


def test_a_folder_that_is_not_there_is_told(sdviewer_command: CommandLine, file: Path, tmp_path: Path) -> None:
    told = sdviewer_command("values", file, "model/a", "--npy", tmp_path / "nowhere" / "out.npy")
    assert told.code == 2
    assert "No such file or directory" in told.err
