"""`stats --derived` and `values --derived` tell of what tensors mean together, by formulas that are written here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.helpers.quantised import Floats, four_bits, fp8, int8
from tests.unit.cli.running import CommandLine

NF4 = "layers.0.q.weight"


def scaled_int8(name: str, scale: torch.Tensor, shape: tuple[int, int]) -> tuple[dict[str, torch.Tensor], Floats]:
    """A weight of compressed-tensors' `naive_quantized`: int8 codes, and a scale for each row or for all."""
    codes = np.random.default_rng(4).integers(-128, 128, shape, np.int8)
    rows = scale.float().numpy().reshape(-1)
    values = [[int(code) * float(rows[row if len(rows) > 1 else 0]) for code in line] for row, line in enumerate(codes)]
    return {f"{name}.weight": torch.from_numpy(codes), f"{name}.weight_scale": scale}, np.array(values, np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    tensors = four_bits(NF4, (40, 100), "nf4", nested=True)[0] | int8("layers.1.up", (30, 17))[0]
    tensors |= fp8("layers.2.w.weight", (256, 130), torch.rand(2, 2) + 0.5, "_scale_inv", (128, 128))[0]
    tensors |= scaled_int8("layers.3.down", torch.rand(6, 1) / 100, (6, 9))[0]
    tensors |= {"norm": torch.ones(4)}
    save_file(tensors, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def expected() -> dict[str, Floats]:
    torch.manual_seed(0)
    nf4 = four_bits(NF4, (40, 100), "nf4", nested=True)[1]
    by_rows = int8("layers.1.up", (30, 17))[1]
    tiles = fp8("layers.2.w.weight", (256, 130), torch.rand(2, 2) + 0.5, "_scale_inv", (128, 128))[1]
    scaled = scaled_int8("layers.3.down", torch.rand(6, 1) / 100, (6, 9))[1]
    return {NF4: nf4, "layers.1.up.weight": by_rows, "layers.2.w.weight": tiles, "layers.3.down.weight": scaled}


def test_json_has_the_tensors_as_ever_and_the_weights_beside_them(path: Path, sdviewer_command: CommandLine) -> None:
    plain = sdviewer_command("stats", path, "--json").json
    told = sdviewer_command("stats", path, "--json", "--derived")
    assert (told.code, told.err) == (0, "")
    assert told.json["tensors"] == plain["tensors"]
    assert set(told.json) == {*plain, "derived"}
    found = {weight["name"]: weight for weight in told.json["derived"]}
    assert found.keys() == expected().keys()
    for name, values in expected().items():
        weight, wide = found[name], values.astype(np.float64)
        assert (weight["title"], weight["dtype"], weight["shape"]) == ("Dequantised", "float32", list(values.shape))
        assert (weight["count"], weight["error"], weight["warnings"]) == (values.size, None, [])
        for figure, number in (("min", wide.min()), ("max", wide.max()), ("l2", np.linalg.norm(wide))):
            assert weight[figure] == pytest.approx(number, rel=1e-6)
        assert weight["mean"] == pytest.approx(wide.mean(), abs=1e-7 * np.abs(wide).max())
        assert weight.keys() >= set(plain["tensors"][0])
    assert found[NF4]["members"]["codes"] == NF4
    assert found[NF4]["facts"]["Quantised"] == "bitsandbytes nf4"
    assert found["layers.3.down.weight"]["facts"]["Quantised"] == "int8, a scale for each row"


def test_only_what_was_chosen_is_counted(path: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("stats", path, "--json", "--derived", "--select", "*.weight_scale")
    assert [weight["name"] for weight in told.json["derived"]] == ["layers.3.down.weight"]
    assert [tensor["name"] for tensor in told.json["tensors"]] == ["layers.3.down.weight_scale"]


@pytest.mark.parametrize("form", [[], ["--markdown"]])
def test_people_get_a_second_table(path: Path, sdviewer_command: CommandLine, form: list[str]) -> None:
    told = sdviewer_command("stats", path, "--derived", *form)
    first, second = told.out.split("What tensors mean together: 4 weights\n")
    assert first.rstrip("\n") == sdviewer_command("stats", path, *form).out.rstrip("\n")
    assert "bitsandbytes nf4" in second
    assert "[40, 100]" in second
    (line,) = [line for line in second.splitlines() if "layers.1.up.weight" in line]
    assert f"{expected()['layers.1.up.weight'].max():.3f}"[:4] in line


@pytest.mark.parametrize("form", ["--csv", "--tsv"])
def test_forms_of_one_table_have_no_room_for_it(path: Path, sdviewer_command: CommandLine, form: str) -> None:
    told = sdviewer_command("stats", path, "--derived", form)
    assert told.code == 64
    assert "second table" in told.err


def test_what_does_not_fit_together_is_an_error_and_what_is_only_named_is_none(
    tmp_path: Path, sdviewer_command: CommandLine
) -> None:
    broken = four_bits(NF4, (64, 64), "nf4", nested=False)[0] | {f"{NF4}.absmax": torch.ones(3)}
    save_file(broken, tmp_path / "broken.safetensors")
    told = sdviewer_command("stats", tmp_path / "broken.safetensors", "--json", "--derived")
    assert told.code == 2
    (weight,) = told.json["derived"]
    assert "absmax" in weight["error"]["message"]
    assert weight["mean"] is None
    blocks = {"m.up_blocks": torch.zeros(4, 8, 2, 16, dtype=torch.uint8)}
    save_file(blocks | {"m.up_scales": torch.zeros(4, 8, 2, dtype=torch.uint8)}, tmp_path / "named.safetensors")
    told = sdviewer_command("stats", tmp_path / "named.safetensors", "--json", "--derived")
    assert told.code == 0
    (weight,) = told.json["derived"]
    assert (weight["error"]["kind"], weight["shape"]) == ("not_decodable", None)
    assert "MXFP4" in weight["error"]["message"]
    assert "MXFP4" in sdviewer_command("stats", tmp_path / "named.safetensors", "--derived").out


@pytest.mark.parametrize("name", ["layers.3.down.weight", "layers.3.down.weight_scale"])
def test_values_of_an_int8_weight_with_scales_are_code_times_scale(
    path: Path, sdviewer_command: CommandLine, name: str
) -> None:
    told = sdviewer_command("values", path, name, "--derived", "--json", "--slice", "1:3")
    assert told.code == 0
    document = told.json
    assert (document["name"], document["dtype"], document["shape"]) == ("layers.3.down.weight", "float32", [6, 9])
    assert document["derived"]["members"] == {"codes": "layers.3.down.weight", "scale": "layers.3.down.weight_scale"}
    np.testing.assert_allclose(document["values"], expected()["layers.3.down.weight"][1:3], rtol=1e-6)
    plain = sdviewer_command("values", path, "layers.3.down.weight", "--json").json
    assert plain["dtype"] == "int8"
    assert "derived" not in plain


@pytest.mark.parametrize("shape", [(), (1,)])
def test_one_scale_for_all_is_as_good(tmp_path: Path, sdviewer_command: CommandLine, shape: tuple[int, ...]) -> None:
    tensors, values = scaled_int8("m", torch.full(shape, 0.0625), (5, 4))
    save_file(tensors, tmp_path / "a.safetensors")
    told = sdviewer_command("values", tmp_path / "a.safetensors", "m.weight", "--derived", "--npy", tmp_path / "a.npy")
    assert told.code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values)


def test_the_change_of_an_adapter_is_scale_times_b_times_a(tmp_path: Path, sdviewer_command: CommandLine) -> None:
    a, b = torch.randn(4, 30), torch.randn(20, 4)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 8, "r": 4, "peft_type": "LORA"}))
    save_file({"q.lora_A.weight": a, "q.lora_B.weight": b}, tmp_path / "adapter_model.safetensors")
    path = tmp_path / "adapter_model.safetensors"
    product = 2 * (b.double() @ a.double()).numpy()
    values = sdviewer_command("values", path, "q.weight", "--derived", "--json").json
    np.testing.assert_allclose(values["values"], product, rtol=1e-5, atol=1e-6)
    (weight,) = sdviewer_command("stats", path, "--derived", "--json").json["derived"]
    assert (weight["name"], weight["title"]) == ("q.weight", "ΔW")
    assert weight["l2"] == pytest.approx(np.linalg.norm(product), rel=1e-5)
    assert weight["facts"]["Scale"].startswith("2")


def test_a_tensor_that_means_nothing_else_says_so(path: Path, sdviewer_command: CommandLine) -> None:
    told = sdviewer_command("values", path, "norm", "--derived")
    assert told.code == 2
    assert "means nothing else" in told.err
    told = sdviewer_command("values", path, "nowhere", "--derived")
    assert told.code == 2
    assert "weights that tensors stand for: layers" in told.err
