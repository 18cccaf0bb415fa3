"""A desktop knows the files that the window opens by their names and by their content, and no other `.bin`."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

_LINUX = Path(__file__).parents[2] / "packaging" / "linux"
_TORCH, _SAFETENSORS = "application/x-pytorch-checkpoint", "application/x-safetensors"

pytestmark = pytest.mark.skipif(
    not _LINUX.is_dir() or not all(map(shutil.which, ("gio", "update-mime-database"))),
    reason="needs a checkout, and a desktop's tools",
)


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has installed our types."""
    data = tmp_path_factory.mktemp("share")
    (data / "mime" / "packages").mkdir(parents=True)
    shutil.copy(_LINUX / "sdviewer.xml", data / "mime" / "packages")
    subprocess.run(["update-mime-database", str(data / "mime")], check=True, capture_output=True)
    return {**os.environ, "XDG_DATA_HOME": str(data)}


def kind_of(file: Path, desktop: dict[str, str]) -> str:
    command = ["gio", "info", "-a", "standard::content-type", str(file)]
    told = subprocess.run(command, env=desktop, capture_output=True, check=True, text=True).stdout
    return told.rpartition("standard::content-type: ")[2].split()[0]


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "pytorch_model.bin", "model"])
@pytest.mark.parametrize("new", [True, False])
def test_what_torch_saved_is_known(tmp_path: Path, desktop: dict[str, str], name: str, new: bool) -> None:
    torch.save({"w": torch.ones(3)}, tmp_path / name, _use_new_zipfile_serialization=new)
    assert kind_of(tmp_path / name, desktop) == _TORCH


def test_torchscript_is_known_by_its_content(tmp_path: Path, desktop: dict[str, str]) -> None:
    file = tmp_path / "script"
    with zipfile.ZipFile(tmp_path / "plain", "w") as archive:
        archive.writestr("a/data.txt", "x")
    torch._C.PyTorchFileWriter(str(file)).write_record("data/0", b"1234", 4)
    assert kind_of(file, desktop) == _TORCH
    assert kind_of(tmp_path / "plain", desktop) == "application/zip"


@pytest.mark.parametrize("name", ["model.safetensors", "model.dat"])
@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_are_known(
    tmp_path: Path, desktop: dict[str, str], name: str, metadata: dict[str, str] | None
) -> None:
    save_file({"w": torch.ones(3)}, tmp_path / name, metadata)
    assert kind_of(tmp_path / name, desktop) == _SAFETENSORS


def test_a_bin_of_others_is_theirs(tmp_path: Path, desktop: dict[str, str]) -> None:
    (tmp_path / "firmware.bin").write_bytes(b"\x7f\x00\x01" * 500)
    assert kind_of(tmp_path / "firmware.bin", desktop) == "application/octet-stream"


def test_desktop_entry_and_metainfo_are_valid() -> None:
    for program, file in (("desktop-file-validate", "sdviewer.desktop"), ("appstreamcli", "sdviewer.metainfo.xml")):
        if shutil.which(program):
            options = ["validate", "--no-net"] if program == "appstreamcli" else []
            done = subprocess.run([program, *options, str(_LINUX / file)], capture_output=True, check=False, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    entry = (_LINUX / "sdviewer.desktop").read_text()
    assert f"MimeType={_TORCH};{_SAFETENSORS};" in entry
