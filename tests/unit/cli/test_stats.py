"""`stats` tells what numpy says, in every form, with the exit codes of the contract."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sdviewer.analysis.statistics import CASTS, QUANTILES
from sdviewer.analysis.statistics_table import COLUMNS
from tests.helpers.spying import spying
from tests.unit.cli.running import CommandLine

WEIGHT = torch.linspace(-1, 3, 10_000).reshape(100, 100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "model.pt"
    odd = torch.tensor([float("nan"), float("inf"), 0.0, -2.0])
    torch.save({"w|a": WEIGHT, "odd": odd, "n": torch.tensor([-(2**63), 2**63 - 1]), "none": odd[:2]}, target)
    return target


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    target = tmp_path / "sparse.pt"
    torch.save({"s": torch.eye(3).to_sparse()}, target)
    return target


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tensor["name"]: tensor for tensor in document["tensors"]}


def test_json_is_what_the_contract_says_and_numpy_computes(path: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("stats", path, "--json")
    assert (told.code, told.err) == (0, "")
    document = told.json
    assert document["schema"] == 1
    assert [tensor["name"] for tensor in document["tensors"]] == ["w|a", "odd", "n", "none"]
    weight = by_name(document)["w|a"]
    values = WEIGHT.numpy().astype(np.float64)
    assert (weight["dtype"], weight["shape"], weight["error"]) == ("float32", [100, 100], None)
    assert (weight["count"], weight["finite"], weight["zeros"]) == (10_000, 10_000, 0)
    assert (weight["min"], weight["max"], weight["absmax"]) == (values.min(), values.max(), 3.0)
    for name, expected in (
        ("mean", values.mean()),
        ("std", values.std()),
        ("rms", np.sqrt((values**2).mean())),
        ("l1", np.abs(values).sum()),
        ("l2", np.linalg.norm(values)),
    ):
        assert weight[name] == pytest.approx(expected, rel=1e-9)
    assert list(weight["quantiles"]) == [f"{p:g}" for p in QUANTILES]
    for p, told_quantile in weight["quantiles"].items():
        low, high = (told_quantile.get(name, told_quantile["value"]) for name in ("low", "high"))
        assert told_quantile["exact"] == ("low" not in told_quantile)
        assert low <= np.quantile(values, float(p)) <= high
    assert set(weight["casts"]) == set(CASTS)
    assert weight["bounds"]["distinct"][0] <= 10_000


def test_json_has_strings_for_what_json_has_not_and_integers_to_the_last_digit(
    path: Path, sdviewer_command: CommandLine
) -> None:
    tensors = by_name(sdviewer_command("stats", path, "--json").json)
    odd, none, integers = tensors["odd"], tensors["none"], tensors["n"]
    assert (odd["nan"], odd["posinf"], odd["neginf"], odd["zeros"], odd["finite"]) == (1, 1, 0, 1, 2)
    assert (odd["min"], odd["max"]) == (-2.0, 0.0)
    assert odd["casts"]["float16"]["snr"] == "Infinity"
    assert (none["count"], none["finite"], none["min"], none["mean"], none["quantiles"]) == (2, 0, None, None, {})
    assert (integers["min"], integers["max"], integers["absmax"]) == (-(2**63), 2**63 - 1, 2**63)


def test_selected_are_those_that_a_glob_fits(path: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("stats", path, "--json", "--select", "w*", "--select", "o?d")
    assert list(by_name(told.json)) == ["w|a", "odd"]
    unknown = sdviewer_command("stats", path, "--json", "--select", "x*")
    assert unknown.code == 2
    assert unknown.json["error"]["kind"] == "name_not_found"


@pytest.mark.parametrize(("form", "delimiter"), [("--csv", ","), ("--tsv", "\t")])
def test_tables_for_programs_have_every_figure_with_all_digits(
    form: str, delimiter: str, path: Path, sdviewer_command: CommandLine
) -> None:
    told = sdviewer_command("stats", path, form)
    assert told.code == 0
    rows = list(csv.DictReader(io.StringIO(told.out), delimiter=delimiter))
    assert [row["name"] for row in rows] == ["w|a", "odd", "n", "none"]
    assert set(COLUMNS) <= set(rows[0])
    weight = by_name(sdviewer_command("stats", path, "--json").json)["w|a"]
    assert float(rows[0]["mean"]) == weight["mean"]
    assert rows[0]["count"] == "10000"
    assert [float(rows[0][f"distinct_{end}"]) for end in ("low", "high")] == weight["bounds"]["distinct"]
    assert rows[2]["min"] == str(-(2**63))
    assert rows[3]["min"] == ""
    assert rows[1]["distinct_low"] == ""


def test_people_read_an_aligned_table(path: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("stats", path)
    head, *lines = told.out.splitlines()
    assert head.split()[:4] == ["name", "dtype", "shape", "Minimum"]
    assert len({len(line) for line in (head, *lines)}) == 1
    assert lines[0].split()[:2] == ["w|a", "float32"]
    assert "50.00 %" not in lines[0]
    assert lines[1].split()[-4:] == ["25.00", "%", "1", "1"]


def test_markdown_is_a_table_whose_cells_hold_no_markup(path: Path, sdviewer_command: CommandLine) -> None:
    lines = sdviewer_command("stats", path, "--markdown").out.splitlines()
    assert lines[2].startswith(r"| w\|a | float32 |")
    assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1


@pytest.mark.filterwarnings("ignore:Sparse")
def test_tensors_without_values_of_their_own_are_no_failure(sparse: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("stats", sparse, "--json")
    assert (told.code, told.err) == (0, "")
    tensors = by_name(told.json)
    assert tensors["s"]["error"]["kind"] == "not_dense"
    assert tensors["s"]["mean"] is None
    assert tensors["s/values"]["mean"] == 1.0


@pytest.fixture
def with_a_hole(tmp_path: Path) -> Path:
    """Two shards, one of which is cut short."""
    save_file({"a": torch.ones(5)}, tmp_path / "model-00001-of-00002.safetensors")
    short = tmp_path / "model-00002-of-00002.safetensors"
    save_file({"b": torch.ones(5000)}, short)
    weight_map = {"a": "model-00001-of-00002.safetensors", "b": short.name}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with short.open("r+b") as file:
        file.truncate(short.stat().st_size - 9000)
    return tmp_path


@pytest.mark.parametrize("form", ["--json", "--csv", "--tsv", "--markdown", ""])
def test_a_tensor_that_cannot_be_read_is_told_and_the_exit_code_is_2(
    form: str, with_a_hole: Path, sdviewer_command: CommandLine
) -> None:
    told = sdviewer_command("stats", with_a_hole, *filter(None, [form]))
    assert told.code == 2
    assert "1 tensor could not be read" in told.err
    assert "reaches to byte" in told.out
    if form == "--json":
        tensors = by_name(told.json)
        assert tensors["a"]["mean"] == 1.0
        assert tensors["b"]["error"]["kind"] == "missing_bytes"


def test_results_are_kept_unless_that_is_not_wanted(path: Path, sdviewer_command: CommandLine) -> None:
    first = sdviewer_command("stats", path, "--json")
    with spying() as spy:
        second = sdviewer_command("stats", path, "--json")
    payload = [read for read in spy.reads if read[2] >= WEIGHT.nbytes]
    assert payload == []
    assert second.out == first.out
    with spying() as spy:
        sdviewer_command("stats", path, "--no-cache", "--json")
    assert [read for read in spy.reads if read[2] >= WEIGHT.nbytes]


def test_two_forms_at_once_are_wrong_usage(path: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("stats", path, "--json", "--csv")
    assert told.code == 64
    assert told.json["error"]["kind"] == "usage"


def test_what_is_missing_is_exit_code_2(tmp_path: Path, sdviewer_command: CommandLine) -> None:
    assert sdviewer_command("stats", tmp_path / "none.pt").code == 2


def test_an_interrupted_scan_is_exit_code_130(
    path: Path, sdviewer_command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdviewer.analysis.scan import Scan

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Scan, "_tell", interrupted)
    assert sdviewer_command("stats", path, "--no-cache").code == 130
