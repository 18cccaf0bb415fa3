"""Archives of torch.export: what torch's own loader gives, out of all layouts that it has written."""

from __future__ import annotations

import copy
import functools
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._export.serde.schema import SCHEMA_VERSION
from torch._export.serde.serialize import SerializedArtifact, serialize
from torch.export.pt2_archive._package import PT2ArchiveReader, _load_state_dict, package_pt2

import sdviewer
from sdviewer.checkpoint.table import Flag
from sdviewer.errors import CannotOpen, MissingBytes, UnsupportedFormat
from tests.helpers.conformance import ReaderConformance, raw_bytes
from tests.helpers.torch_archives import edited, entries_of, repacked

WEIGHTS = "data/weights/model_weights_config.json"


class Net(nn.Module):
    """Parameters, buffers, a tied weight, a view, a frozen parameter, a constant and a buffer that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.linear = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight
        self.linear.weight.requires_grad = False
        self.register_buffer("table", torch.arange(12.0).reshape(3, 4))
        self.register_buffer("view", self.get_buffer("table").t()[1:3])
        self.register_buffer("halves", torch.ones(2, dtype=torch.bfloat16))
        self.register_buffer("passing", torch.ones(2), persistent=False)
        self.constant = torch.tensor([1.0, 2.0])

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        rest = [self.constant, *(buffer for name, buffer in self.named_buffers() if "norm" not in name), self.head(x)]
        result: torch.Tensor = self.norm(self.linear(x))
        return result + torch.stack([part.float().sum() for part in rest]).sum()


@functools.cache
def _exported() -> torch.export.ExportedProgram:
    torch.manual_seed(0)
    return torch.export.export(Net().eval(), (torch.tensor([0, 1, 2]),))


class Doubler(nn.Module):
    """No weights at all."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


@functools.cache
def _doubler() -> torch.export.ExportedProgram:
    return torch.export.export(Doubler(), (torch.ones(2),))


def exported(state_dict: Mapping[str, torch.Tensor] | None = None) -> torch.export.ExportedProgram:
    """A program; if they are given, one with these tensors for a state_dict."""
    if state_dict is None:
        return _exported()
    program = copy.copy(_doubler())
    program._state_dict = dict(state_dict)
    return program


def saved(folder: Path, program: torch.export.ExportedProgram | None = None) -> Path:
    """What `torch.export.save` writes."""
    path = folder / "net.pt2"
    torch.export.save(program or exported(), path)
    return path


def torch_saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def in_older_layout(folder: Path, change: Callable[[dict[str, bytes]], None] = lambda _: None) -> Path:
    """The plain zip that torch 2.2–2.8 wrote, of what torch's own serializer gives for its entries."""
    artifact: SerializedArtifact = serialize(exported())
    entries = {
        "serialized_exported_program.json": artifact.exported_program,
        "serialized_state_dict.pt": artifact.state_dict,
        "serialized_constants.pt": artifact.constants,
        "serialized_example_inputs.pt": artifact.example_inputs,
        "version": ".".join(map(str, SCHEMA_VERSION)).encode(),
        "extra_files/note.txt": b"hello",
    }
    change(entries)
    return repacked(folder / "older.pt2", entries.items())


def reconfigured(path: Path, key: str, **facts: Any) -> Path:
    """The same archive with other facts in the description of one weight."""
    contents = {name.partition("/")[2]: content for name, content in entries_of(path)}
    config = json.loads(contents[WEIGHTS])
    config["config"][key]["tensor_meta"] |= facts
    return edited(path, {WEIGHTS: json.dumps(config).encode()})


def assert_same_program(checkpoint: sdviewer.Checkpoint, program: torch.export.ExportedProgram) -> None:
    """Weights under their names, constants below "constants"."""
    expected = {**program.state_dict, **{f"constants/{name}": value for name, value in program.constants.items()}}
    assert set(checkpoint.tensors) == set(expected)
    for name, tensor in expected.items():
        ref = checkpoint.tensors[name]
        assert raw_bytes(ref.torch()) == raw_bytes(tensor)
        assert (ref.dtype, ref.shape) == (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))


class TestTorchExport(ReaderConformance):
    """The layout of today, state_dicts alone."""

    suffix = ".pt2"

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        torch.export.save(exported(tensors), path)

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        with PT2ArchiveReader(str(path)) as archive:
            loaded = _load_state_dict(archive, "model")
        assert isinstance(loaded, dict)
        return loaded


def test_a_program_gives_the_weights_and_constants_that_torch_loads(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.format == "torch export"
        assert checkpoint.problems == ()
        assert_same_program(checkpoint, torch.export.load(path))
        assert set(torch.export.load(path).state_dict) <= set(checkpoint.sections["model"].tensors)


def test_parameters_and_buffers_are_told_apart(tmp_path: Path) -> None:
    with sdviewer.open(saved(tmp_path)) as checkpoint:
        roles = {name: ref.role for name, ref in checkpoint.tensors.items()}
        program = exported()
        assert {name for name, role in roles.items() if role == "parameter"} == set(
            program.graph_signature.parameters
        ) | {"head.weight"}
        assert checkpoint.tensors["linear.bias"].requires_grad is True
        assert checkpoint.tensors["linear.weight"].requires_grad is False
        assert roles["constants/constant"] == "buffer"


def test_tied_weights_and_views_share_a_storage(tmp_path: Path) -> None:
    with sdviewer.open(saved(tmp_path)) as checkpoint:
        storage, row = checkpoint.table.storage, {name: ref.row for name, ref in checkpoint.tensors.items()}
        assert storage[row["head.weight"]] == storage[row["embed.weight"]]
        assert storage[row["view"]] == storage[row["table"]]
        assert checkpoint.tensors["view"].stride == (1, 4)


def test_the_program_is_shown_as_text_and_the_lines_load_it(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with sdviewer.open(path) as checkpoint:
        [text] = checkpoint.description.texts
        raw = path.read_bytes()[text.offset : text.offset + text.nbytes]
        assert text.name == "models/model.json"
        assert "graph_module" in json.loads(raw)
        lines = [line for line in checkpoint.description.torch_lines if not line.startswith("#")]
        assert lines == ["import torch", "program = torch.export.load('net.pt2')", "state_dict = program.state_dict"]


def test_inputs_are_counted_and_their_globals_listed(tmp_path: Path) -> None:
    with sdviewer.open(saved(tmp_path)) as checkpoint:
        assert checkpoint.description.unshown_bytes == 3 * 8
        assert "torch.LongStorage" in [use.name for use in checkpoint.globals]


@pytest.mark.parametrize("ending", [".pt", ".json"], ids=["torch 2.2", "torch 2.1"])
def test_the_older_layout_gives_the_same(tmp_path: Path, ending: str) -> None:
    def change(entries: dict[str, bytes]) -> None:
        for stem in ("serialized_state_dict", "serialized_constants"):
            entries[stem + ending] = entries.pop(f"{stem}.pt")

    path = in_older_layout(tmp_path, change)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.format == "torch export"
        assert checkpoint.problems == ()
        assert_same_program(checkpoint, exported())
        assert [text.name for text in checkpoint.description.texts] == [
            "serialized_exported_program.json",
            "extra_files/note.txt",
        ]
        roles = {name: ref.role for name, ref in checkpoint.tensors.items()}
        assert (roles["linear.weight"], roles["table"], roles["constants/constant"]) == (
            "parameter",
            "buffer",
            "buffer",
        )


def test_weights_in_one_file_of_torch_save_give_the_same(tmp_path: Path) -> None:
    """The layout of torch 2.8: data/weights/model.pt in an archive with an archive_format."""
    program = exported()

    kept = [
        (name, content)
        for name, content in entries_of(saved(tmp_path))
        if not name.startswith(("net/data/weights", "net/data/constants"))
    ]
    for folder, value in (("weights", program.state_dict), ("constants", program.constants)):
        kept.append((f"net/data/{folder}/model.pt", torch_saved(value)))
    path = repacked(tmp_path / "middle.pt2", kept)
    with sdviewer.open(path) as checkpoint:
        assert_same_program(checkpoint, program)
        assert checkpoint.tensors["table"].role == "buffer"


def test_a_deflated_archive_gives_the_same_values(tmp_path: Path) -> None:
    path = repacked(tmp_path / "deflated.pt2", entries_of(saved(tmp_path)), zipfile.ZIP_DEFLATED)
    with sdviewer.open(path) as checkpoint:
        assert_same_program(checkpoint, exported())


def test_big_endian_weights_are_swapped(tmp_path: Path) -> None:
    value = torch.arange(6.0).reshape(2, 3)

    big = {"byteorder": b"big", "data/weights/weight_0": value.numpy().astype(">f4").tobytes()}
    path = edited(saved(tmp_path, exported({"w": value})), big)
    with sdviewer.open(path) as checkpoint:
        np.testing.assert_array_equal(checkpoint.tensors["w"].numpy(), value.numpy())


def test_several_models_hang_under_their_names(tmp_path: Path) -> None:
    path = tmp_path / "two.pt2"
    one, other = {"w": torch.ones(2)}, {"w": torch.zeros(3), "b/c": torch.ones(1)}
    package_pt2(path, exported_programs={"one": exported(one), "other": exported(other)})
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["one/w", "other/w", "other/b~1c"]
        for name, tensor in ({f"one/{k}": v for k, v in one.items()} | {"other/w": other["w"]}).items():
            assert torch.equal(checkpoint.tensors[name].torch(), tensor)


def test_pickled_tensors_are_read_and_pickled_objects_are_named(tmp_path: Path) -> None:
    config = {
        "w": {"path_name": "weight_0", "is_param": False, "use_pickle": True, "tensor_meta": None},
        "object": {"path_name": "custom_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None},
    }
    path = edited(
        saved(tmp_path, exported({"w": torch.zeros(4)})),
        {"data/weights/weight_0": torch_saved(torch.arange(4.0)), WEIGHTS: json.dumps({"config": config}).encode()},
    )
    with sdviewer.open(path) as checkpoint:
        assert torch.equal(checkpoint.tensors["w"].torch(), torch.arange(4.0))
        assert "object" in checkpoint.description.structure.part.tolist()


def test_a_dangerous_pickle_among_the_inputs_is_told_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    attack = f"cos\nsystem\n(Vtouch {marker}\ntR.".encode()
    path = in_older_layout(tmp_path, lambda entries: entries.update({"serialized_example_inputs.pt": attack}))
    with sdviewer.open(path) as checkpoint:
        assert ("os.system", "dangerous") in [(use.name, use.klass) for use in checkpoint.globals]
        assert "dangerous_global" in [problem.kind for problem in checkpoint.problems]
        assert checkpoint.description.torch_lines[0].startswith("# do not load")
        assert set(exported().state_dict) <= set(checkpoint.tensors)
    assert not marker.exists()


def test_missing_weights_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = edited(saved(tmp_path), {"data/weights/weight_1": None})
    with sdviewer.open(path) as checkpoint:
        [missing] = [problem for problem in checkpoint.problems if problem.kind == "missing"]
        assert missing.where == "data/weights/weight_1"
        with pytest.raises(MissingBytes):
            checkpoint.tensors["linear.weight"].codes()
        assert torch.equal(checkpoint.tensors["embed.weight"].torch(), exported().state_dict["embed.weight"])


def test_a_tensor_that_reaches_past_its_bytes_is_described_and_not_read(tmp_path: Path) -> None:
    path = reconfigured(saved(tmp_path), "linear.weight", sizes=[{"as_int": 2**40}, {"as_int": 3}])
    with sdviewer.open(path) as checkpoint:
        ref = checkpoint.tensors["linear.weight"]
        assert ref.shape == (2**40, 3)
        assert checkpoint.table.flags[ref.row] & Flag.OUT_OF_BOUNDS.value
        assert [problem.kind for problem in checkpoint.problems] == ["out_of_bounds"]
        with pytest.raises(MissingBytes):
            ref.codes()


@pytest.mark.parametrize(
    "facts",
    [
        {"sizes": [{"as_int": -1}, {"as_int": 3}]},
        {"sizes": [{"as_int": 2**62}, {"as_int": 2**62}]},
        {"sizes": [{"as_expr": {"expr_str": "s0"}}, {"as_int": 3}]},
        {"sizes": 7},
        {"strides": [{"as_int": 1}]},
        {"storage_offset": {"as_int": 1.5}},
        {"dtype": "float"},
    ],
    ids=["negative", "huge", "symbol", "no list", "few strides", "fraction", "no number"],
)
def test_a_description_that_is_not_understood_costs_one_tensor(tmp_path: Path, facts: dict[str, Any]) -> None:
    path = reconfigured(saved(tmp_path), "linear.weight", **facts)
    with sdviewer.open(path) as checkpoint:
        assert [(problem.kind, problem.where) for problem in checkpoint.problems] == [("irregular", "linear.weight")]
        assert "linear.weight" not in checkpoint.tensors
        assert "linear.bias" in checkpoint.tensors


def test_a_dtype_of_a_newer_torch_is_listed_without_values(tmp_path: Path) -> None:
    path = reconfigured(saved(tmp_path), "linear.weight", dtype=99)
    with sdviewer.open(path) as checkpoint:
        assert [problem.kind for problem in checkpoint.problems] == ["unknown_dtype"]
        assert checkpoint.tensors["linear.weight"].shape == (4, 3)


@pytest.mark.parametrize("config", [b"", b"{", b"[1]", b'{"config": 3}', b"[" * 100_000, b"\xff"])
def test_a_broken_configuration_leaves_the_rest(tmp_path: Path, config: bytes) -> None:
    path = edited(saved(tmp_path), {WEIGHTS: config})
    with sdviewer.open(path) as checkpoint:
        assert [problem.kind for problem in checkpoint.problems] == ["partial"]
        assert list(checkpoint.tensors) == ["constants/constant", "constants/passing"]


def test_compiled_code_without_weights_says_so(tmp_path: Path) -> None:
    entries = [("net/archive_format", b"pt2"), ("net/data/aotinductor/model/model.so", b"\x7fELF")]
    with pytest.raises(UnsupportedFormat, match="AOTInductor"):
        sdviewer.open(repacked(tmp_path / "compiled.pt2", entries))


def test_archives_inside_one_another_end(tmp_path: Path) -> None:
    content = b""
    for _ in range(300):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("serialized_exported_program.json", b"{}")
            archive.writestr("serialized_state_dict.pt", content)
        content = buffer.getvalue()
    path = tmp_path / "deep.pt2"
    path.write_bytes(content)
    try:
        with sdviewer.open(path) as checkpoint:
            assert checkpoint.problems
    except CannotOpen as error:
        assert str(path) in str(error)  # noqa: PT017  # both answers are right


def test_many_models_and_many_pickled_tensors_are_cut(tmp_path: Path) -> None:
    weight = {"path_name": "weight_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
    config = json.dumps({"config": {str(number): weight for number in range(2001)}}).encode()
    path = edited(
        saved(tmp_path, exported({"w": torch.zeros(4)})),
        {"data/weights/weight_0": torch_saved(torch.ones(1)), WEIGHTS: config},
    )
    with sdviewer.open(path) as checkpoint:
        assert len(checkpoint.tensors) == 2000
        assert [problem.message for problem in checkpoint.problems] == ["1 pickled tensors are not shown"]
    programs = [(f"a/models/{number}.json", b"{}") for number in range(103)]
    path = repacked(tmp_path / "many.pt2", [("a/archive_format", b"pt2"), *programs])
    with sdviewer.open(path) as checkpoint:
        assert "3 models are not shown" in [problem.message for problem in checkpoint.problems]
