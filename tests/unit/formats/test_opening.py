"""Opening: the content picks the reader, and whatever stands under a path gets an answer that names it."""

from __future__ import annotations

import io
import os
import pickle
import socket
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

import sdviewer
from sdviewer.checkpoint.source import SourceSpec
from sdviewer.errors import CannotOpen, Damaged, FileMissing, NotACheckpoint, NotPermitted, UnsupportedFormat
from sdviewer.formats import files as files_module
from sdviewer.formats.files import LocalFile
from sdviewer.formats.opening import open_checkpoint
from tests.helpers.corpus import CORPUS, files, needs_corpus

# Two are promised, and measured by the benchmarks; a busy machine is no failure here.
SECONDS = 10.0


def refused(path: str | Path) -> CannotOpen:
    """The error that opening it raises, in bounded time."""
    start = time.perf_counter()
    with pytest.raises(CannotOpen) as caught:
        sdviewer.open(path)
    assert time.perf_counter() - start < SECONDS
    return caught.value


def save_torch(path: Path) -> None:
    torch.save({"w": torch.ones(2)}, path)


def save_legacy(path: Path) -> None:
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=False)


def save_safetensors(path: Path) -> None:
    safetensors.torch.save_file({"w": torch.ones(2)}, path)


def save_script(path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)


def save_export(path: Path) -> None:
    with path.open("wb") as file:
        torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)), file)


def save_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"w": np.ones(2)}))


def save_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(2))


def save_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, w=np.ones(2))


def save_archive(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"w": torch.ones(2)}, buffer)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("policy.pth", buffer.getvalue())


SAVERS: dict[str, Callable[[Path], None]] = {
    "torch zip": save_torch,
    "torch legacy": save_legacy,
    "safetensors": save_safetensors,
    "torchscript": save_script,
    "torch export": save_export,
    "pickle": save_pickle,
    "npy": save_npy,
    "npz": save_npz,
    "zip of checkpoints": save_archive,
}


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("suffix", ["", ".pt", ".safetensors", ".npz", ".h5", ".txt"])
@pytest.mark.parametrize("format_", SAVERS)
def test_the_content_picks_the_reader_whatever_the_name(tmp_path: Path, format_: str, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    SAVERS[format_](path)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.format == format_
        assert len(checkpoint.tensors) >= 1


# -- text pickles -------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 1])
@pytest.mark.parametrize(
    "value", [["a", "b"], {"a": 1}, {"a": {"b": [1, 2.5, None]}}, ("x", 1), "words", 12345678, {"w": np.ones(3)}]
)
def test_pickles_of_the_text_protocols_open(tmp_path: Path, protocol: int, value: Any) -> None:
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.format == "pickle"
        assert checkpoint.problems == ()
        if isinstance(value, dict) and "w" in value:
            np.testing.assert_array_equal(checkpoint.tensors["w"].numpy(), value["w"])


@pytest.mark.parametrize(
    "text",
    [
        b"I am a text\n",
        b"Notes on the model.\n",
        b"count\nhello\nworld\n",
        b"(see below)\n",
        b"Some words. And more.",
        b"N.",
        b"].",
        b"}. That is all.",
        b"list\nof\nwords.",
        b"Verses of some length\n.",
    ],
)
def test_plain_text_is_no_pickle(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "notes.pkl"
    path.write_bytes(text)
    try:
        with sdviewer.open(path) as checkpoint:
            # What to the last byte is a pickle of a text is one.
            assert pickle.loads(text) == text[1:-2].decode()  # our own text
            assert len(checkpoint.tensors) == 0
    except NotACheckpoint as error:
        assert str(path) in str(error)  # noqa: PT017  # most of them are refused


def test_a_broken_pickle_that_begins_with_a_dangerous_call_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "attack.pkl"
    path.write_bytes(b"cos\nsystem\n(X\xff\xff\xff\x7ftouch marker")
    with sdviewer.open(path) as checkpoint:
        assert {"partial", "dangerous_global"} <= {problem.kind for problem in checkpoint.problems}
        assert [(use.name, use.klass) for use in checkpoint.globals] == [("os.system", "dangerous")]


def test_what_joblib_wrote_is_named(tmp_path: Path) -> None:
    """The pickle of an array's wrapper, and behind it the array's bytes, which no opcode announces."""
    path = tmp_path / "model.joblib"
    wrapper = (
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\nq\x00)\x81q\x01}q\x02X\x05\x00\x00\x00orderq\x03X\x01\x00\x00\x00Csb"
    )
    path.write_bytes(b"\x80\x02}X\x01\x00\x00\x00w" + wrapper + b"\x02\xff\xff" + np.ones(9).tobytes() + b"s.")
    error = refused(path)
    assert type(error) is UnsupportedFormat
    assert "joblib.load('model.joblib')" in error.hint


# -- what is no regular file ---------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.pt"
    os.mkfifo(path)
    error = refused(path)
    assert type(error) is NotACheckpoint
    assert str(error).startswith(f"{path}: is a pipe")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
def test_a_file_that_became_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.pt"
    os.mkfifo(path)
    LocalFile(SourceSpec("file", str(path), 10, str(path))).close()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices are of POSIX")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(device: str) -> None:
    assert str(refused(device)).startswith(f"{device}: is a device")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets in folders are of POSIX")
def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have a hundred characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.pt")
        assert str(refused("s.pt")).startswith("s.pt: is a socket")


def test_a_link_that_leads_back_to_itself_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "a.pt", tmp_path / "b.pt"
    first.symlink_to(second)
    second.symlink_to(first)
    error = refused(first)
    assert type(error) is FileMissing
    assert "link that leads back to itself" in error.message


def test_a_link_to_nothing_and_a_wrong_path_are_missing(tmp_path: Path) -> None:
    (tmp_path / "link.pt").symlink_to(tmp_path / "gone.pt")
    for path in (tmp_path / "link.pt", tmp_path / "no.pt", tmp_path / "no" / "m.pt"):
        assert type(refused(path)) is FileMissing


def test_a_path_through_a_file_is_told(tmp_path: Path) -> None:
    save_torch(tmp_path / "m.pt")
    error = refused(tmp_path / "m.pt" / "inner.pt")
    assert isinstance(error, Damaged | FileMissing)


@pytest.mark.parametrize("name", ["n" * 300, "n" * 300 + ".index.json", "nul\0.pt", ""])
def test_an_impossible_name_is_told(name: str) -> None:
    assert isinstance(refused(name), Damaged | FileMissing)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pt"
    save_torch(path)

    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sdviewer.formats.files.os.open", forbidden)
    error = refused(path)
    assert type(error) is NotPermitted
    assert str(error) == f"{path}: may not be read (check its permissions)"


def test_a_file_that_shrinks_while_it_is_opened_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pt"
    save_torch(path)
    describe = files_module.describe_file

    def then_shrink(asked: str | Path) -> SourceSpec:
        spec = describe(asked)
        os.truncate(path, 100)
        return spec

    monkeypatch.setattr(files_module, "describe_file", then_shrink)
    with pytest.raises(Damaged, match="it was opened"):
        open_checkpoint(path)


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.pt"
    save_torch(path)

    def failing(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(LocalFile, "_pread", failing)
    with pytest.raises(Damaged, match="Input/output error") as caught:
        open_checkpoint(path)
    assert caught.value.file == str(path)


# -- anything -----------------------------------------------------------------------

_STARTS = [b"", b"PK\x03\x04", b"PK\x05\x06", b"\x80\x02", b"\x80\x04\x95", b"\x93NUMPY\x01\x00", b"(dp0\n", b"cos\n"]
_STARTS += [(20).to_bytes(8, "little") + b"{", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"x" * 257 + b"ustar"]


@given(st.sampled_from(_STARTS), st.binary(max_size=400))
def test_any_bytes_open_or_say_why_not(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(start + rest)
    try:
        open_checkpoint(path).close()
    except CannotOpen as error:
        assert str(path) in str(error)  # noqa: PT017  # both answers are right


@needs_corpus
@pytest.mark.parametrize("name", files("malformed", "hostile"))
def test_broken_and_hostile_files_get_an_answer(name: str) -> None:
    path = CORPUS / name
    start = time.perf_counter()
    try:
        with sdviewer.open(path) as checkpoint:
            assert checkpoint.problems or path.stem in ("cycle", "laughs", "memo_index", "deep_tuple_key")
    except CannotOpen as error:
        assert str(path) in str(error)  # noqa: PT017  # both answers are right
    assert time.perf_counter() - start < SECONDS
