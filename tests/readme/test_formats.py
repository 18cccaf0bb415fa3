"""The README's table of formats is true: one of each is written by its own library, and all is tried with it."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import get_state_dict
from torch.distributed.checkpoint.state_dict_saver import save as dcp_save

import sdviewer
from sdviewer.edit.rules import AddPrefix
from sdviewer.errors import UnsupportedFormat
from sdviewer.training.groups import optimizers_of, read_groups
from sdviewer.training.naming import name_parameters
from sdviewer.training.state import read_state
from tests.helpers import old_tar, zero_folders
from tests.helpers.shards import write as write_shards
from tests.readme.document import needs_readme, table

pytestmark = [
    needs_readme,
    pytest.mark.filterwarnings("ignore"),  # torch's writers of old and distributed formats warn of all sorts
]

_TITLE = "What it reads, and what works in each"
_ASKED = ("Open", "Values", "Statistics", "Diff", "Export from", "Export to", "Optimizer names")


class Net(nn.Sequential):
    """Two layers of different shapes."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 3), nn.Linear(3, 2))


@dataclass(frozen=True, slots=True)
class Trained:
    """A network after a step, with its optimizer."""

    net: Net
    optimizer: torch.optim.Optimizer

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """The tensors of the network."""
        return dict(self.net.state_dict())

    @property
    def checkpoint(self) -> dict[str, Any]:
        """What a training loop saves."""
        return {"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}


def trained(seed: int) -> Trained:
    """Another seed is another network."""
    torch.manual_seed(seed)
    net = Net()
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.randn(8, 4)).square().sum().backward()
    optimizer.step()
    return Trained(net, optimizer)


def zip_archive(it: Trained, folder: Path) -> Path:
    torch.save(it.checkpoint, folder / "a.pt")
    return folder / "a.pt"


def legacy(it: Trained, folder: Path) -> Path:
    torch.save(it.checkpoint, folder / "a.pth", _use_new_zipfile_serialization=False)
    return folder / "a.pth"


def tar(it: Trained, folder: Path) -> Path:
    return old_tar.save(it.checkpoint, folder / "a.pt")


def whole_module(it: Trained, folder: Path) -> Path:
    torch.save({"model": it.net, "optimizer": it.optimizer.state_dict()}, folder / "a.pt")
    return folder / "a.pt"


def torchscript(it: Trained, folder: Path) -> Path:
    torch.jit.save(torch.jit.script(it.net), folder / "a.pt")
    return folder / "a.pt"


def exported(it: Trained, folder: Path) -> Path:
    torch.export.save(torch.export.export(it.net, (torch.randn(1, 4),)), folder / "a.pt2")
    return folder / "a.pt2"


def safetensors_file(it: Trained, folder: Path) -> Path:
    safetensors.torch.save_file(it.state, folder / "a.safetensors")
    return folder / "a.safetensors"


def shards(it: Trained, folder: Path) -> Path:
    halves = {
        f"model-{n}-of-2.safetensors": {k: v for k, v in it.state.items() if k.startswith(str(n - 1))} for n in (1, 2)
    }
    write_shards(folder, halves, "model.safetensors.index.json")
    return folder


def torch_shards(it: Trained, folder: Path) -> Path:
    halves = {
        f"pytorch_model-{n}-of-2.bin": {k: v for k, v in it.state.items() if k.startswith(str(n - 1))} for n in (1, 2)
    }
    write_shards(folder, halves, "pytorch_model.bin.index.json")
    return folder


def distributed(it: Trained, folder: Path) -> Path:
    weights, moments = get_state_dict(it.net, it.optimizer)
    dcp_save({"model": weights, "optimizer": moments}, checkpoint_id=folder, no_dist=True)
    return folder


def distributed_safetensors(it: Trained, folder: Path) -> Path:
    dcp_save(it.state, storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True), no_dist=True)
    return folder


def trainer_folder(it: Trained, folder: Path) -> Path:
    safetensors.torch.save_file(it.state, folder / "model.safetensors")
    torch.save(it.optimizer.state_dict(), folder / "optimizer.pt")
    (folder / "config.json").write_text('{"model_type": "net"}', "utf-8")
    return folder


def adapter(it: Trained, folder: Path) -> Path:
    safetensors.torch.save_file(it.state, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": 4}', "utf-8")
    return folder


def deepspeed(it: Trained, folder: Path) -> Path:
    moments = dict(zip(it.state, it.optimizer.state_dict()["state"].values(), strict=True))
    made = zero_folders.Trained(it.state, moments, [list(it.state)], [{"lr": 1e-3, "weight_decay": 0.01}])
    for rank in range(2):
        stage = zero_folders._stage_2(made, rank, 2, 1, "padded")
        told = {"optimizer_state_dict": {"zero_stage": 2, **stage}, "ds_version": "0.16.4"}
        torch.save(told, folder / zero_folders.rank_file(rank))
    model: dict[str, Any] = {
        "module": {name: value.bfloat16() for name, value in it.state.items()},
        "buffer_names": [],
        "param_shapes": [OrderedDict((name, value.shape) for name, value in it.state.items())],
        "dp_world_size": 2,
        "mp_world_size": 1,
        "ds_version": "0.16.4",
    }
    torch.save(model, folder / zero_folders.MODEL)
    return folder


def npz(it: Trained, folder: Path) -> Path:
    arrays: dict[str, Any] = {name: value.numpy() for name, value in it.state.items()}
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def npy(it: Trained, folder: Path) -> Path:
    np.save(folder / "a.npy", it.state["0.weight"].numpy())
    return folder / "a.npy"


def plain_pickle(it: Trained, folder: Path) -> Path:
    (folder / "a.pkl").write_bytes(pickle.dumps({name: value.numpy() for name, value in it.state.items()}))
    return folder / "a.pkl"


def zip_of_checkpoints(it: Trained, folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, part in (("policy.pth", it.net.state_dict()), ("policy.optimizer.pth", it.optimizer.state_dict())):
            torch.save(part, folder / name)
            archive.write(folder / name, name)
    return folder / "a.zip"


def others(_: Trained, folder: Path) -> Path:
    (folder / "a.gguf").write_bytes(b"GGUF" + bytes(60))
    return folder / "a.gguf"


WRITERS: dict[str, Callable[[Trained, Path], Path]] = {
    "PyTorch zip": zip_archive,
    "PyTorch legacy": legacy,
    "PyTorch tar": tar,
    "whole module": whole_module,
    "TorchScript": torchscript,
    "`torch.export`": exported,
    "safetensors": safetensors_file,
    "safetensors shards": shards,
    "PyTorch shards": torch_shards,
    "distributed (DCP)": distributed,
    "distributed safetensors": distributed_safetensors,
    "folder of transformers": trainer_folder,
    "adapter of PEFT": adapter,
    "DeepSpeed ZeRO": deepspeed,
    "numpy archive": npz,
    "numpy array": npy,
    "pickle of arrays": plain_pickle,
    "zip of checkpoints": zip_of_checkpoints,
    "others": others,
}


def torch_loaded(path: Path) -> dict[str, torch.Tensor]:
    return dict(torch.load(path))


def safetensors_loaded(path: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path)


def shards_loaded(path: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for file in path.glob("*.safetensors") for name, tensor in safetensors_loaded(file).items()}


def npz_loaded(path: Path) -> dict[str, torch.Tensor]:
    with np.load(path) as arrays:
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


# How an export is asked to be of a format, and what that format's own library reads of it.
_TARGETS: dict[str, tuple[str, Callable[[Path], dict[str, torch.Tensor]]]] = {
    "PyTorch zip": ("a.pt", torch_loaded),
    "safetensors": ("a.safetensors", safetensors_loaded),
    "safetensors shards": ("shards", shards_loaded),
    "numpy archive": ("a.npz", npz_loaded),
}


def model_of(checkpoint: sdviewer.Checkpoint, state: dict[str, torch.Tensor]) -> str:
    """The name of the part that is the network, in full precision."""
    (name,) = [
        name
        for name, part in checkpoint.sections.items()
        if all(key in part.tensors and part.tensors[key].dtype == "float32" for key in state)
    ]
    return name


def refs_of(checkpoint: sdviewer.Checkpoint, state: dict[str, torch.Tensor]) -> dict[str, sdviewer.TensorRef]:
    """The tensors of the network by its keys; an array without a name is its first weight."""
    if len(checkpoint.tensors) == 1:
        return {"0.weight": next(iter(checkpoint.tensors.values()))}
    model = checkpoint.sections[model_of(checkpoint, state)]
    return {name: model.tensors[name] for name in state}


def opens(path: Path, _: Trained) -> bool:
    try:
        with sdviewer.open(path) as checkpoint:
            return len(checkpoint.tensors) > 0 and not any(p.severity == "error" for p in checkpoint.problems)
    except UnsupportedFormat as error:
        # It says what to do instead.
        return not error.hint


def gives_values(path: Path, it: Trained) -> bool:
    with sdviewer.open(path) as checkpoint:
        refs = refs_of(checkpoint, it.state)
        return all(np.array_equal(ref.numpy(), it.state[name].numpy()) for name, ref in refs.items())


def gives_statistics(path: Path, it: Trained) -> bool:
    with sdviewer.open(path) as checkpoint:
        result = sdviewer.scan(checkpoint)
        refs = refs_of(checkpoint, it.state)
        return all(result[ref.name].mean == pytest.approx(it.state[name].mean().item()) for name, ref in refs.items())


def names_optimizer(path: Path, it: Trained) -> bool:
    with sdviewer.open(path) as checkpoint:
        for found in optimizers_of(checkpoint):
            state = read_state(checkpoint, read_groups(checkpoint.description, found.node))
            return list(name_parameters(checkpoint, found, state).name) == list(it.state)
    return False


def is_exported(path: Path, it: Trained, folder: Path) -> bool:
    with sdviewer.open(path) as checkpoint:
        refs = refs_of(checkpoint, it.state)
        section = model_of(checkpoint, it.state) if len(refs) > 1 else None
    # An array that has no name is given one.
    rules = [] if all(ref.name for ref in refs.values()) else [AddPrefix("0.weight")]
    sdviewer.plan(path, *rules, section=section, target="safetensors").write(str(folder / "out.safetensors"))
    written = safetensors.torch.load_file(folder / "out.safetensors")
    return {name: tensor.tolist() for name, tensor in written.items()} == {n: it.state[n].tolist() for n in refs}


def is_written(name: str, it: Trained, folder: Path) -> bool:
    if name not in _TARGETS:
        return False
    file, loaded = _TARGETS[name]
    torch.save(it.state, folder / "source.pt")
    sdviewer.plan(folder / "source.pt", target=folder / file).write(str(folder / file))
    read = loaded(folder / file)
    with sdviewer.open(folder / file) as ours, sdviewer.open(WRITERS[name](it, fresh(folder, "own"))) as own:
        assert ours.format == own.format
    return {key: value.tolist() for key, value in read.items()} == {k: v.tolist() for k, v in it.state.items()}


def fresh(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def tried(name: str, folder: Path) -> dict[str, str]:
    """What works, as the table has it."""
    one, two = trained(1), trained(2)
    path = WRITERS[name](one, fresh(folder, "one"))
    if not opens(path, one):
        return {"Open": "no", **dict.fromkeys(_ASKED[1:], "–")}
    other = WRITERS[name](two, fresh(folder, "two"))
    differs = sdviewer.compare(path, other).summary
    worked = {
        "Open": True,
        "Values": gives_values(path, one),
        "Statistics": gives_statistics(path, one),
        "Diff": differs.get("changed", 0) > 0 and sdviewer.compare(path, path).summary.get("changed", 0) == 0,
        "Export from": is_exported(path, one, folder),
        "Export to": is_written(name, one, fresh(folder, "to")),
    }
    told = {column: "yes" if works else "no" for column, works in worked.items()}
    with sdviewer.open(path) as checkpoint:
        has_optimizer = bool(optimizers_of(checkpoint))
    named = names_optimizer(path, one)
    return {**told, "Optimizer names": "yes" if named else "no" if has_optimizer else "–"}


def test_every_format_of_the_table_is_tried_and_no_other() -> None:
    assert [row["Format"] for row in table(_TITLE)] == list(WRITERS)


@pytest.mark.parametrize("name", WRITERS)
def test_what_the_table_says_of_a_format_is_what_works(name: str, tmp_path: Path) -> None:
    (row,) = [row for row in table(_TITLE) if row["Format"] == name]
    assert {column: row[column] for column in _ASKED} == tried(name, tmp_path)
