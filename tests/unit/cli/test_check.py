"""`check`: verdict, findings with places, exit code, letter and document."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from tests.unit.cli.running import CommandLine
from tests.unit.formats.test_archive_check import flip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def saved(folder: Path, **changed: Any) -> Path:
    path = folder / "a.pt"
    torch.manual_seed(0)
    torch.save({"a.weight": torch.randn(16, 32), "a.bias": torch.zeros(16), **changed}, path)
    return path


def test_a_sound_model_is_healthy_and_exits_0(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    told = sdviewer_command("check", saved(tmp_path))
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[1].strip().startswith("Healthy.")
    assert "nothing is missing, damaged or there twice" in told.out
    assert "all known to be harmless" in told.out


def test_a_nan_is_told_first_with_its_place_and_reason_and_exits_1(
    sdviewer_command: CommandLine, tmp_path: Path
) -> None:
    sick = torch.randn(16, 32)
    sick[3, 4] = math.nan
    told = sdviewer_command("check", saved(tmp_path, **{"sick.weight": sick}))
    assert told.code == 1
    lines = told.out.splitlines()
    assert lines[1].strip() == "Not healthy: findings in the values: 1 error, 1 note."
    assert told.out.index("NaN or infinity: 1 tensor") < told.out.index("All zero")
    assert "    sick.weight: of 512 values 1 is NaN, the first at [3, 4] (index 3)" in lines


def test_the_document_has_verdict_findings_and_all_else_that_scripts_need(
    sdviewer_command: CommandLine, tmp_path: Path
) -> None:
    sick = torch.randn(16, 32)
    sick[3, 4] = math.inf
    told = sdviewer_command("check", "--json", saved(tmp_path, **{"sick.weight": sick}))
    document = told.json
    assert told.code == 1
    assert (document["schema"], document["verdict"], document["examined"]) == (1, "findings", 3)
    assert document["counts"] == {"error": 1, "warning": 0, "note": 1}
    first = document["findings"][0]
    assert first == {
        "rule": "nonfinite",
        "severity": "error",
        "message": "of 512 values 1 is +∞, the first at [3, 4]",
        "where": "sick.weight",
        "channels": [3],
        "value": 1.0,
        "threshold": 0,
    }
    assert document["problems"] == []
    assert {use["class"] for use in document["globals"]} == {"known"}
    assert document["checksums"]["checked"] > 3
    assert {rule["id"] for rule in document["rules"]} >= {"nonfinite", "dead_channels", "byte_equal"}


def test_a_flipped_bit_that_is_still_a_number_is_found_by_its_checksum(
    sdviewer_command: CommandLine, tmp_path: Path
) -> None:
    path = saved(tmp_path)
    flip(path, "a/data/0", 40)
    told = sdviewer_command("check", "--json", path)
    assert (told.code, told.json["verdict"]) == (1, "findings")
    (problem,) = told.json["problems"]
    assert problem["kind"] == "damaged"
    assert "data/0" in problem["message"]
    assert "the file itself has problems" in sdviewer_command("check", path).out


def test_a_missing_tail_is_told_of_the_file_and_of_the_tensor(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    safetensors.torch.save_file({"a": torch.randn(16, 32), "b": torch.randn(16, 32)}, path)
    path.write_bytes(path.read_bytes()[:-100])
    told = sdviewer_command("check", "--json", path)
    assert told.code == 1
    assert [finding["where"] for finding in told.json["findings"] if finding["rule"] == "unreadable"] == ["b"]
    assert told.json["problems"]


def test_a_dangerous_global_is_no_healthy_file(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            import os

            return os.system, ("true",)

    path = tmp_path / "evil.pt"
    torch.save({"w": torch.ones(3), "x": Evil()}, path)
    told = sdviewer_command("check", path)
    assert told.code == 1
    assert "would run" in told.out
    assert "system" in told.out


def test_notes_alone_leave_it_healthy(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    told = sdviewer_command("check", "--json", saved(tmp_path))
    assert told.code == 0
    assert [(finding["rule"], finding["severity"]) for finding in told.json["findings"]] == [("all_zero", "note")]


def test_what_cannot_be_opened_exits_2(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "no.pt"
    path.write_bytes(b"nothing of the kind")
    told = sdviewer_command("check", "--json", path)
    assert told.code == 2
    assert "error" in told.json


def test_its_statistics_are_kept_unless_that_is_refused(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    path = saved(tmp_path)
    sdviewer_command("check", "--no-cache", path)
    assert not list((tmp_path / "cache").rglob("*.statistics"))
    sdviewer_command("check", path)
    assert list((tmp_path / "cache").rglob("*.statistics"))


def test_names_that_want_to_deceive_are_shown_as_escapes(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    told = sdviewer_command("check", saved(tmp_path, **{"\x1b[2Jevil\u202e.weight": torch.zeros(8, 8)}))
    assert "\x1b" not in told.out
    assert "\\x1b[2Jevil\\u202e.weight: all 64 values are 0" in told.out
