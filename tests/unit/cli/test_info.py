"""`info`: the document that scripts read, the report that people read, and the exit code."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import sdviewer
from tests.unit.cli.running import CommandLine


def training_checkpoint() -> dict[str, Any]:
    """A model with a tied weight and its optimizer, after one step."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 4)).sum().backward()
    optimizer.step()
    state = model.state_dict()
    state["head.weight"] = state["2.weight"]
    return {"model": state, "optimizer": optimizer.state_dict(), "epoch": 7, "loss": float("nan")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(training_checkpoint(), tmp_path / "some.pt")
    return tmp_path / "some.pt"


def test_the_document_has_the_fields_of_the_contract(sdviewer_command: CommandLine, file: Path) -> None:
    told = sdviewer_command("info", "--json", file)
    assert (told.code, told.err) == (0, "")
    document = told.json
    assert (document["schema"], document["path"], document["format"]) == (1, str(file), "torch zip")
    assert document["file_bytes"] == file.stat().st_size
    for key in ("tensors", "sections", "globals", "shards", "problems"):
        assert isinstance(document[key], list)
    assert document["metadata"]["epoch"] == 7
    assert document["metadata"]["loss"] == "NaN"
    assert {"name": "collections.OrderedDict", "class": "known"} in document["globals"]
    sections = {section["name"]: section for section in document["sections"]}
    assert sections["model"].keys() == {"name", "path", "kind", "tensors", "parameters", "bytes"}
    assert sections["optimizer"]["kind"] == "optimizer"


def test_each_tensor_is_told_as_torch_knows_it(sdviewer_command: CommandLine, file: Path) -> None:
    document = sdviewer_command("info", "--json", file).json
    loaded = torch.load(file, weights_only=True)
    content = file.read_bytes()
    by_path = {tuple(tensor["path"]): tensor for tensor in document["tensors"]}
    assert len(by_path) == 10 + 18
    for key, tensor in loaded["model"].items():
        told = by_path["model", key]
        assert (told["name"], told["section"]) == (f"model/{key}", "model")
        assert (told["dtype"], told["shape"]) == (str(tensor.dtype).removeprefix("torch."), list(tensor.shape))
        assert (told["stride"], told["numel"], told["nbytes"]) == (
            list(tensor.stride()),
            tensor.numel(),
            tensor.nbytes,
        )
        assert told["requires_grad"] == tensor.requires_grad
        place = told["storage"]
        assert place["file"] == str(file)
        assert content[place["offset"] : place["offset"] + place["nbytes"]] == tensor.numpy().tobytes()
    assert by_path["model", "1.running_mean"]["role"] == "buffer"
    assert by_path["model", "0.weight"]["role"] == "parameter"
    assert by_path["model", "1.weight"]["kind"] == "BatchNorm"
    assert by_path["model", "head.weight"]["storage"]["shared_with"] == ["model/2.weight"]
    assert by_path["optimizer", "state", 0, "exp_avg"]["shape"] == [3, 4]


@pytest.mark.parametrize(
    "keys",
    [
        ("plain", "dots.in.it", "slash/in/it", "tilde~in~it", "[0]", "", 'quote"s', "back\\slash", "é🦀", "\n\x00"),
        ("lone \ud800 surrogate",),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_odd_keys_keep_their_identity(
    sdviewer_command: CommandLine, tmp_path: Path, keys: tuple[str, ...], nested: bool
) -> None:
    state = {key: torch.full((i + 1,), 0.5) for i, key in enumerate(keys)}
    torch.save({"outer": state} if nested else state, tmp_path / "odd.pt")
    document = sdviewer_command("info", "--json", tmp_path / "odd.pt").json
    paths = [tuple(tensor["path"]) for tensor in document["tensors"]]
    assert paths == [("outer", key) if nested else (key,) for key in keys]
    checkpoint = sdviewer.open(tmp_path / "odd.pt")
    assert [tensor["name"] for tensor in document["tensors"]] == list(checkpoint.tensors)
    checkpoint.close()


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_rare_tensors_are_told_with_their_parts(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    sparse = torch.eye(3).to_sparse()
    quantised = torch.quantize_per_tensor(torch.randn(4), 0.1, 3, torch.quint8)
    torch.save({"s": sparse, "q": quantised, "e": torch.ones(3, 1).expand(3, 4)}, tmp_path / "rare.pt")
    document = sdviewer_command("info", "--json", tmp_path / "rare.pt").json
    told = {tensor["name"]: tensor for tensor in document["tensors"]}
    assert told["s"]["storage"] is None
    assert told["s"]["extra"]["layout"] == "sparse_coo"
    assert told["s"]["extra"]["components"]["values"]["shape"] == [3]
    assert told["q"]["extra"]["quantiser"]["zero_point"] == 3
    assert (told["e"]["stride"], told["e"]["nbytes"], told["e"]["storage"]["nbytes"]) == ([1, 0], 48, 12)


def test_what_ten_thousand_tensors_share_is_told_in_short(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    whole = torch.arange(3_000.0)
    torch.save({f"view.{i}": whole[i : i + 1] for i in range(3_000)}, tmp_path / "views.pt")
    told = sdviewer_command("info", "--json", tmp_path / "views.pt")
    sharers = told.json["tensors"][5]["storage"]["shared_with"]
    assert sharers[-1] == {"$more": 3_000 - 1 - 32}
    assert len(told.out) < 3_000 * 1_500


class Harmful:
    """Would run a command if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("true",)


def test_a_dangerous_global_is_a_finding(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"a": [1, Harmful()]}))
    told = sdviewer_command("info", "--json", tmp_path / "bad.pkl")
    assert told.code == 1
    assert {"name": "posix.system", "class": "dangerous"} in told.json["globals"]
    text = sdviewer_command("info", tmp_path / "bad.pkl")
    assert text.code == 1
    assert "dangerous  posix.system" in text.out


def test_an_unknown_global_alone_is_none(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "odd.pkl").write_bytes(b"\x80\x02cmy.package\nThing\n)\x81}q\x00X\x01\x00\x00\x00aK\x01sb.")
    told = sdviewer_command("info", "--json", tmp_path / "odd.pkl")
    assert told.code == 0
    assert told.json["globals"] == [{"name": "my.package.Thing", "class": "unknown"}]


def test_missing_storages_and_truncation_are_findings(sdviewer_command: CommandLine, file: Path) -> None:
    content = file.read_bytes()
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(file.with_name("less.pt"), "w") as less:
        for name in archive.namelist():
            if not name.endswith("/data/0"):
                less.writestr(name, archive.read(name))
    told = sdviewer_command("info", "--json", file.with_name("less.pt"))
    assert told.code == 1
    assert "missing" in {problem["kind"] for problem in told.json["problems"]}
    file.write_bytes(content[: len(content) // 2])
    told = sdviewer_command("info", "--json", file)
    assert told.code == 1
    assert "partial" in {problem["kind"] for problem in told.json["problems"]}


def test_people_read_what_it_is_and_what_it_holds(sdviewer_command: CommandLine, file: Path) -> None:
    lines = sdviewer_command("info", file).out.splitlines()
    assert lines[0] == str(file)
    assert any(line.split() == ["format", "torch", "zip"] for line in lines)
    assert any(line.split()[:4] == ["model", "model", "10", "29"] for line in lines)
    weight = next(line for line in lines if line.split()[:1] == ["model/0.weight"])
    assert weight.split() == ["model/0.weight", "float32", "[3,", "4]", "48", "B"]
    assert "  epoch = 7" in lines
    assert any("torch.load('some.pt'" in line for line in lines)


def test_on_a_terminal_long_lists_are_cut_unless_all_is_asked_for(
    sdviewer_command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    safetensors.torch.save_file({f"t{i:03}": torch.ones(1) for i in range(100)}, tmp_path / "many.safetensors")
    assert "t099" in sdviewer_command("info", tmp_path / "many.safetensors").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    cut = sdviewer_command("info", tmp_path / "many.safetensors").out
    assert "t039" in cut
    assert "t040" not in cut
    assert "… 60 more, --all shows them" in cut
    assert "t099" in sdviewer_command("info", "--all", tmp_path / "many.safetensors").out


def test_control_characters_never_reach_the_terminal(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    torch.save({"a\x1b[31m\rb": torch.ones(1), "note": "x\x1b]0;title\x07"}, tmp_path / "odd.pt")
    out = sdviewer_command("info", tmp_path / "odd.pt").out
    assert not any(ord(char) < 32 and char != "\n" for char in out)
    assert r"a\x1b[31m\rb" in out
