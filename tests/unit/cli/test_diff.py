"""`diff` and `load-check`: documents, tables and exit codes that scripts rely on, for real pairs of files."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import sdviewer
from tests.unit.cli.running import CommandLine


class Net(nn.Module):
    """A small network with a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8))
        self.head = nn.Linear(8, 3)


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


def saved(path: Path, value: object, **options: bool) -> Path:
    torch.save(value, path, **options)
    return path


def test_the_same_model_in_three_formats_is_identical(sdviewer_command: CommandLine, tmp_path: Path, net: Net) -> None:
    a = saved(tmp_path / "a.pt", net.state_dict())
    legacy = saved(tmp_path / "legacy.pt", net.state_dict(), _use_new_zipfile_serialization=False)
    save_file(net.state_dict(), tmp_path / "c.safetensors")
    for other in (legacy, tmp_path / "c.safetensors"):
        told = sdviewer_command("diff", a, other, "--json")
        assert told.code == 0
        assert told.json["summary"]["identical"] == len(net.state_dict())
        assert told.json["only_a"] == told.json["only_b"] == []
        assert sdviewer_command("diff", a, other).code == 0


def test_after_a_training_step_exactly_the_trained_layers_differ(
    sdviewer_command: CommandLine, tmp_path: Path, net: Net
) -> None:
    a = saved(tmp_path / "a.pt", net.state_dict())
    for parameter in net.body.parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.SGD(net.head.parameters(), 0.1)
    net.head(net.body(torch.randn(5, 6))).square().sum().backward()
    optimizer.step()
    b = saved(tmp_path / "b.pt", {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1})
    told = sdviewer_command("diff", a, b, "--json")
    assert told.code == 1
    differing = {pair["a"] for pair in told.json["pairs"] if pair["marks"] != ["identical"]}
    # The running statistics of a frozen norm drift all the same.
    drifting = {"body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"}
    assert differing == {"head.weight", "head.bias", *drifting}


def test_a_pair_in_json_has_every_measure_as_torch_computes_it(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    torch.manual_seed(1)
    x = torch.randn(40, 30)
    y = x + 0.1 * torch.randn(40, 30)
    y[3, 4] = float("nan")
    told = sdviewer_command("diff", saved(tmp_path / "a.pt", {"w": x}), saved(tmp_path / "b.pt", {"w": y}), "--json")
    (pair,) = told.json["pairs"]
    keep = ~y.isnan()
    u, v = x[keep].double(), y[keep].double()
    delta = u - v
    assert told.json["schema"] == 1
    assert pair["match"] == {"by": "name", "score": 1.0}
    assert pair["marks"] == ["changed"]
    assert pair["max_abs"] == pytest.approx(float(delta.abs().max()))
    row, column = pair["max_abs_index"]
    assert abs(float(x[row, column]) - float(y[row, column])) == pytest.approx(pair["max_abs"])
    assert pair["mean_abs"] == pytest.approx(float(delta.abs().mean()))
    assert pair["rmse"] == pytest.approx(float(delta.square().mean().sqrt()))
    assert pair["rel_fro"] == pytest.approx(float(delta.norm() / u.norm()))
    assert pair["cosine"] == pytest.approx(float(torch.cosine_similarity(u, v, 0)))
    assert pair["changed_fraction"] == pytest.approx(float((x != y).double().mean()))
    assert pair["sign_flips"] == int((u * v < 0).sum())
    assert pair["nan_mismatch"] == 1
    assert pair["close"] is False
    assert isinstance(pair["max_ulp"], int)


def test_a_cast_is_seen_as_one(sdviewer_command: CommandLine, tmp_path: Path, net: Net) -> None:
    a = saved(tmp_path / "a.pt", net.state_dict())
    b = saved(tmp_path / "b.pt", {k: v.bfloat16() if v.is_floating_point() else v for k, v in net.state_dict().items()})
    told = sdviewer_command("diff", a, b, "--json")
    assert told.code == 1
    assert all(pair["equal_after_cast"] for pair in told.json["pairs"] if "dtype" in pair["marks"])
    assert sdviewer_command("diff", a, b, "--fail-on", "tolerance").code == 0
    assert sdviewer_command("diff", a, b, "--fail-on", "structure").code == 1


def test_a_wrapped_save_is_paired_and_the_rename_is_told(
    sdviewer_command: CommandLine, tmp_path: Path, net: Net
) -> None:
    a = saved(tmp_path / "a.pt", net.state_dict())
    b = saved(tmp_path / "b.pt", nn.DataParallel(net).state_dict())
    told = sdviewer_command("diff", a, b, "--json")
    assert told.json["summary"]["identical"] == told.json["summary"]["renamed"] == len(net.state_dict())
    assert told.json["rename_rules"] == [{"rename": "^=>module.", "keys": len(net.state_dict())}]
    mapped = sdviewer_command("diff", a, b, "--map", "^=>module.", "--no-guess", "--json")
    assert {pair["match"]["by"] for pair in mapped.json["pairs"]} == {"map"}
    assert "--map '^=>module.'" in sdviewer_command("diff", a, b).out


def test_a_grown_vocabulary_and_a_transposed_layer_are_named(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    x = torch.randn(32, 5)
    a = saved(tmp_path / "a.pt", {"embed.weight": x, "fc.weight": x})
    b = saved(tmp_path / "b.pt", {"embed.weight": torch.cat([x, torch.zeros(7, 5)]), "fc.weight": x.T.contiguous()})
    told = sdviewer_command("diff", a, b, "--json")
    embed, fc = told.json["pairs"]
    assert (embed["relation"], embed["marks"]) == ("rows", ["identical", "shape"])
    assert (fc["relation"], fc["marks"]) == ("transposed", ["identical", "shape"])
    text = sdviewer_command("diff", a, b).out
    assert "[32, 5] → [39, 5]" in text
    assert "transposed" in text


def test_sections_can_be_chosen_also_of_one_file(sdviewer_command: CommandLine, tmp_path: Path, net: Net) -> None:
    moved = {key: value + 1 for key, value in net.state_dict().items()}
    a = saved(tmp_path / "a.pt", {"model": net.state_dict(), "ema": moved})
    assert sdviewer_command("diff", a, a).code == 0
    told = sdviewer_command("diff", a, a, "--section-b", "ema", "--json")
    assert (told.json["section_a"], told.json["section_b"]) == ("model", "ema")
    assert told.json["summary"]["changed"] == len(moved)
    missing = sdviewer_command("diff", a, a, "--section-b", "nothing")
    assert missing.code == 2
    assert "'ema'" in missing.err


def test_tolerances_and_selection(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    a = saved(tmp_path / "a.pt", {"x.weight": torch.ones(3), "y.bias": torch.ones(3)})
    b = saved(tmp_path / "b.pt", {"x.weight": torch.ones(3) * 1.01, "y.bias": torch.ones(3)})
    assert sdviewer_command("diff", a, b, "--fail-on", "tolerance").code == 1
    assert sdviewer_command("diff", a, b, "--fail-on", "tolerance", "--rtol", "0.1").code == 0
    assert sdviewer_command("diff", a, b, "--select", "*.bias").code == 0
    nothing = sdviewer_command("diff", a, b, "--select", "*.gamma")
    assert nothing.code == 2
    assert "*.gamma" in nothing.err


def test_csv_has_a_row_for_every_tensor_and_markdown_a_table(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    a = saved(tmp_path / "a.pt", {"same": torch.ones(3), "moved|x": torch.ones(3), "gone": torch.ones(1)})
    b = saved(tmp_path / "b.pt", {"same": torch.ones(3), "moved|x": torch.zeros(3), "new": torch.ones(2, 2)})
    rows = list(csv.DictReader(io.StringIO(sdviewer_command("diff", a, b, "--csv").out)))
    assert [(row["a"], row["b"], row["marks"]) for row in rows] == [
        ("same", "same", "identical"),
        ("moved|x", "moved|x", "changed"),
        ("gone", "", "only_a"),
        ("", "new", "only_b"),
    ]
    assert float(rows[1]["max_abs"]) == 1
    markdown = sdviewer_command("diff", a, b, "--markdown").out
    assert r"| moved\|x | changed |" in markdown
    assert "Only in B: `new`" in markdown


def test_structure_only_reads_no_values(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    a = saved(tmp_path / "a.pt", {"w": torch.ones(3)})
    b = saved(tmp_path / "b.pt", {"w": torch.zeros(3)})
    told = sdviewer_command("diff", a, b, "--structure-only", "--fail-on", "structure", "--json")
    assert told.code == 0
    assert told.json["pairs"][0]["max_abs"] is None


def test_wrong_usage_is_told_in_a_line(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    a = saved(tmp_path / "a.pt", {"w": torch.ones(3)})
    for options in (("--map", "no arrow"), ("--map", "(=>x"), ("--json", "--csv"), ("--fail-on", "anything")):
        assert sdviewer_command("diff", a, a, *options).code == 64
    gone = sdviewer_command("diff", a, tmp_path / "gone.pt")
    assert gone.code == 2
    assert "gone.pt" in gone.err


def test_sparse_tensors_are_compared_by_their_components(sdviewer_command: CommandLine, tmp_path: Path) -> None:
    a = saved(tmp_path / "a.pt", {"s": torch.eye(3).to_sparse()})
    b = saved(tmp_path / "b.pt", {"s": (2 * torch.eye(3)).to_sparse()})
    assert sdviewer_command("diff", a, a).code == 0
    told = sdviewer_command("diff", a, b, "--json")
    assert {pair["a"]: pair["marks"] for pair in told.json["pairs"]} == {
        "s/indices": ["identical"],
        "s/values": ["changed"],
    }


def test_load_check_tells_torchs_own_text_and_a_repair(sdviewer_command: CommandLine, tmp_path: Path, net: Net) -> None:
    given = nn.DataParallel(net).state_dict()
    a, b = saved(tmp_path / "a.pt", given), saved(tmp_path / "b.pt", net.state_dict())
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(given)
    told = sdviewer_command("load-check", a, b, "--json")
    assert told.code == 1
    assert told.json["text"].split("\n")[1:] == str(caught.value).split("\n")[1:]
    assert told.json["repair"] == [{"rename": r"^module\.=>", "keys": len(given)}]
    assert told.json["repaired"] is True
    assert "Missing key(s)" in sdviewer_command("load-check", a, b).out
    fine = sdviewer_command("load-check", b, b)
    assert fine.code == 0
    assert "succeeds" in fine.out


def test_load_check_and_diff_tell_of_the_optimizers_too(
    sdviewer_command: CommandLine, tmp_path: Path, net: Net
) -> None:
    own = list(net.parameters())
    one, two = torch.optim.SGD(own, 0.5), torch.optim.SGD([{"params": own[:1]}, {"params": own[1:]}], 0.25)
    a, b = (
        saved(tmp_path / f"{name}.pt", {"model": net.state_dict(), "optimizer": each.state_dict()})
        for name, each in (("a", one), ("b", two))
    )
    with pytest.raises(ValueError, match="different number") as caught:
        two.load_state_dict(one.state_dict())
    told = sdviewer_command("load-check", a, b, "--json")
    # The exit code is about the model, unless optimizers alone are asked for.
    assert (told.code, told.json["succeeds"], told.json["missing"]) == (0, True, [])
    alone = sdviewer_command("load-check", a, b, "--section-a", "optimizer", "--section-b", "optimizer", "--json")
    assert (alone.code, alone.json["succeeds"]) == (1, False)
    assert told.json["optimizers"][0]["error"] == f"ValueError: {caught.value}"
    assert told.json["optimizers"][0]["options"] == [{"group": 0, "name": "lr", "a": 0.5, "b": 0.25}]
    text = sdviewer_command("load-check", a, b)
    assert "load_state_dict(strict=True) succeeds." in text.out
    assert str(caught.value) in text.out
    assert sdviewer_command("load-check", a, b, "--section-a", "model", "--section-b", "model").code == 0
    assert sdviewer_command("load-check", a, a).code == 0
    differ = sdviewer_command("diff", a, b, "--json")
    assert differ.code == 0
    assert differ.json["optimizers"] == told.json["optimizers"]
    assert "group 0: lr 0.5 → 0.25" in sdviewer_command("diff", a, b).out
    assert "| 0 | lr | 0.5 | 0.25 |" in sdviewer_command("diff", a, b, "--markdown").out
    assert sdviewer_command("diff", a, b, "--select", "*", "--json").json["optimizers"] == []


def test_two_optimizers_alone_are_checked_by_their_groups(
    sdviewer_command: CommandLine, tmp_path: Path, net: Net
) -> None:
    optimizers = [torch.optim.Adam(own) for own in (list(net.parameters()), list(net.parameters())[1:])]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for each in group["params"]:
                each.grad = torch.ones_like(each)
        optimizer.step()
    a, b = (saved(tmp_path / f"{name}.pt", each.state_dict()) for name, each in zip("ab", optimizers, strict=True))
    told = sdviewer_command("load-check", a, b, "--json")
    assert (told.code, told.json["succeeds"], told.json["missing"]) == (1, False, [])
    assert "doesn't match the size" in told.json["optimizers"][0]["error"]
    assert "strict" not in sdviewer_command("load-check", a, b).out
    assert sdviewer_command("load-check", a, a).code == 0


def test_the_public_function_compares_paths_and_opened_checkpoints(tmp_path: Path, net: Net) -> None:
    a, b = saved(tmp_path / "a.pt", net.state_dict()), saved(tmp_path / "b.pt", nn.DataParallel(net).state_dict())
    found = sdviewer.compare(a, sdviewer.open(b))
    assert found.summary["identical"] == len(net.state_dict())
    assert all(pair.measures is not None for pair in found.pairs)
