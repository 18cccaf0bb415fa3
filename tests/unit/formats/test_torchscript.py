"""TorchScript and mobile archives: names and values as the scripted module's state_dict() has them, code as text."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.structure import Node
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.torch_archives import edited, entries_of, repacked
from tests.helpers.torch_oracle import assert_same, bits_of, text_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated"),
    pytest.mark.filterwarnings("ignore:.*is not supported in Python 3.14"),
    pytest.mark.filterwarnings("ignore:.*TorchScript"),
    pytest.mark.filterwarnings("ignore:.*quantiz.*"),
    pytest.mark.filterwarnings("ignore:torch.tensor results are registered as constants"),
    pytest.mark.filterwarnings("ignore:Lite Interpreter is deprecated"),
]


class Block(torch.nn.Module):
    """A convolution with a norm, which has buffers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, 2 * channels, 3)
        self.norm = torch.nn.BatchNorm2d(2 * channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = self.norm(self.conv(x))
        return normed


class Net(torch.nn.Module):
    """Modules in lists, a tied parameter, a buffer of another dtype, a plain tensor attribute, a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.Sequential(Block(1), Block(2))
        self.head = torch.nn.Linear(4, 3, dtype=torch.float64)
        self.tied = self.head.weight
        self.register_buffer("steps", torch.tensor(7))
        self.register_buffer("mask", torch.tensor([True, False]).expand(3, 2))
        self.register_buffer("hidden", torch.arange(3), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(x).mean(dim=(2, 3)) + torch.tensor([1.0, 2.0, 3.0, 4.0])
        found: torch.Tensor = self.head(x.double())
        return found


def scripted(net: torch.nn.Module) -> Any:
    return torch.jit.script(net)


def traced(net: torch.nn.Module) -> Any:
    return cast("Any", torch.jit.trace)(net.eval(), torch.rand(1, 1, 12, 12))


def save(module: Any, path: Path) -> None:
    torch.jit.save(module, str(path))


def save_mobile(module: Any, path: Path) -> None:
    module._save_for_lite_interpreter(str(path))


FORMS = [
    pytest.param(scripted, save, id="scripted"),
    pytest.param(traced, save, id="traced"),
    pytest.param(scripted, save_mobile, id="mobile"),
    pytest.param(traced, save_mobile, id="traced mobile"),
]


def assert_shows_state(checkpoint: Checkpoint, module: Any) -> None:
    """Every entry of the module's own state_dict() is listed with its values."""
    assert checkpoint.format == "torchscript"
    assert checkpoint.problems == ()
    state = module.state_dict(keep_vars=True)
    assert set(state) <= set(checkpoint.tensors)
    for name, tensor in state.items():
        assert_same(checkpoint.tensors[name], as_plain_tensor(tensor))


def as_plain_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """TorchScript keeps the gradient flag of parameters and forgets their class."""
    return tensor.detach().requires_grad_(tensor.requires_grad)


@pytest.mark.parametrize(("compile_", "write"), FORMS)
def test_names_and_values_are_those_of_the_state_dict(
    tmp_path: Path, compile_: Callable[[Any], Any], write: Callable[[Any, Path], None]
) -> None:
    module = compile_(Net())
    write(module, tmp_path / "net.ptl")
    checkpoint = open_checkpoint(tmp_path / "net.ptl")
    assert_shows_state(checkpoint, module)
    if write is save:
        assert_shows_state(checkpoint, cast("Any", torch.jit.load)(tmp_path / "net.ptl"))


def test_constants_of_the_code_are_shown_apart(tmp_path: Path) -> None:
    # A traced module keeps the tensors that its code made while it was traced.
    save(traced(Net()), tmp_path / "net.pt")
    checkpoint = open_checkpoint(tmp_path / "net.pt")
    constants = {name: ref for name, ref in checkpoint.tensors.items() if name.startswith("constants/")}
    stored = [raw for name, raw in entries_of(tmp_path / "net.pt") if name.startswith("net/constants/")]
    assert len(constants) == len(stored) > 0
    for ref in constants.values():
        assert ref.codes().tobytes() in stored


def test_code_is_listed_as_text_and_readable(tmp_path: Path) -> None:
    module = scripted(Net())
    save(module, tmp_path / "net.pt")
    checkpoint = open_checkpoint(tmp_path / "net.pt")
    names = [entry.name for entry in checkpoint.description.texts]
    assert names
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        code = [name for name in archive.namelist() if "/code/" in name and name.endswith(".py")]
        assert sorted(names) == sorted(name.partition("/")[2] for name in code)
        for name in code:
            assert text_of(checkpoint, name.partition("/")[2]) == archive.read(name).decode()
    assert any("def forward" in text_of(checkpoint, name) for name in names)


def test_code_that_would_not_even_parse_is_only_text(tmp_path: Path) -> None:
    module = scripted(Net())
    save(module, tmp_path / "net.pt")
    evil = b"import os; os._exit(3) ]["
    entries = [(name, evil if name.endswith(".py") else raw) for name, raw in entries_of(tmp_path / "net.pt")]
    repacked(tmp_path / "net.pt", entries)
    checkpoint = open_checkpoint(tmp_path / "net.pt")
    assert_shows_state(checkpoint, module)
    assert text_of(checkpoint, checkpoint.description.texts[0].name).encode() == evil


def test_extra_files_are_texts(tmp_path: Path) -> None:
    files = {"labels.txt": "cat\ndog é", "config.json": "{}"}
    torch.jit.save(scripted(Net()), str(tmp_path / "net.pt"), _extra_files=files)
    checkpoint = open_checkpoint(tmp_path / "net.pt")
    for name, text in files.items():
        assert text_of(checkpoint, f"extra/{name}") == text


def test_classes_of_submodules_are_kept(tmp_path: Path) -> None:
    save(scripted(Net()), tmp_path / "net.pt")
    classes = {entry.prefix: entry.name for entry in open_checkpoint(tmp_path / "net.pt").description.module_classes}
    expected = {"": "Net", "blocks": "Sequential", "blocks.0": "Block", "blocks.1.conv": "Conv2d", "head": "Linear"}
    for prefix, name in expected.items():
        assert name in classes[prefix].rpartition(".")[2]


class Holder(torch.nn.Module):
    """Attributes that hold tensors in lists, tuples and dicts, which state_dict() does not give."""

    def __init__(self) -> None:
        super().__init__()
        self.items = [torch.arange(2.0), torch.arange(3.0)]
        self.pair = (torch.ones(1), 5)
        self.table = {"one": torch.ones(1), "two": torch.full((2,), 2.0)}
        self.numbers = [1, 2, 3]
        self.name = "holder"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.items[0].sum() + self.pair[0] + self.table["one"] + len(self.numbers) + len(self.name)


@pytest.mark.parametrize("write", [save, save_mobile], ids=["full", "mobile"])
def test_tensors_inside_attributes_are_listed_by_position_and_key(
    tmp_path: Path, write: Callable[[Any, Path], None]
) -> None:
    write(scripted(Holder()), tmp_path / "h.pt")
    checkpoint = open_checkpoint(tmp_path / "h.pt")
    assert checkpoint.problems == ()
    expected = {
        "items.0": torch.arange(2.0),
        "items.1": torch.arange(3.0),
        "pair.0": torch.ones(1),
        "table.one": torch.ones(1),
        "table.two": torch.full((2,), 2.0),
    }
    for name, tensor in expected.items():
        assert_same(checkpoint.tensors[name], tensor)


def test_quantised_modules_show_the_tensors_in_their_packed_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = next(name for name in torch.backends.quantized.supported_engines if name in ("qnnpack", "fbgemm"))
    monkeypatch.setattr(torch.backends.quantized, "engine", engine)
    float_net = torch.nn.Sequential(torch.nn.Linear(4, 3))
    net = cast("Any", torch.ao.quantization.quantize_dynamic)(float_net, {torch.nn.Linear}, dtype=torch.qint8)
    weight, bias = net[0].weight(), net[0].bias()
    save(scripted(net), tmp_path / "q.pt")
    checkpoint = open_checkpoint(tmp_path / "q.pt")
    found = list(checkpoint.tensors.values())
    quantised = [ref for ref in found if ref.dtype == "qint8"]
    assert len(quantised) == 1
    np.testing.assert_array_equal(quantised[0].codes(), bits_of(weight))
    np.testing.assert_array_equal(quantised[0].numpy(), weight.dequantize().numpy())
    assert any(np.array_equal(ref.numpy(), bias.detach().numpy()) for ref in found if ref.shape == (3,))


@pytest.mark.parametrize("lost", ["constants.pkl", "code"])
def test_an_archive_without_its_code_or_constants_still_shows_its_tensors(tmp_path: Path, lost: str) -> None:
    module = scripted(Block(2))
    save(module, tmp_path / "b.pt")
    if lost == "code":
        repacked(tmp_path / "b.pt", [entry for entry in entries_of(tmp_path / "b.pt") if "/code/" not in entry[0]])
        assert_shows_state(open_checkpoint(tmp_path / "b.pt"), module)
        return
    # What it is then is a torch archive of an object.
    edited(tmp_path / "b.pt", {lost: None})
    checkpoint = open_checkpoint(tmp_path / "b.pt")
    assert checkpoint.format == "torch zip"
    assert len(checkpoint.tensors) == len(module.state_dict())


def test_broken_constants_cost_only_themselves(tmp_path: Path) -> None:
    module = scripted(Net())
    save(module, tmp_path / "n.pt")
    edited(tmp_path / "n.pt", {"constants.pkl": b"\x80\x02(("})
    checkpoint = open_checkpoint(tmp_path / "n.pt")
    assert set(module.state_dict()) <= set(checkpoint.tensors)
    assert any("constants.pkl" in problem.where for problem in checkpoint.problems)


def test_the_root_is_an_object_of_the_scripted_class_and_makes_a_model(tmp_path: Path) -> None:
    save(scripted(Net()), tmp_path / "n.pt")
    checkpoint = open_checkpoint(tmp_path / "n.pt")
    structure = checkpoint.description.structure
    assert structure.kind[0] == Node.OBJECT
    assert structure.type_name(0).endswith("Net")
    assert {section.kind for section in checkpoint.sections.values()} >= {"model"}
