"""Files that are no checkpoints, or those of others: each is called what it is, and told how to be converted."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import shlex
import struct
import tarfile
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdviewer
from sdviewer.errors import CannotOpen, Damaged, NotACheckpoint, UnsupportedFormat
from sdviewer.formats import conversions, foreign
from sdviewer.formats.files import LocalSources
from sdviewer.formats.reading import Reading

# Two are promised, and measured by the benchmarks; a busy machine is no failure here.
SECONDS = 10.0


def field(number: int, value: int | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def zip_with(*names: str) -> bytes:
    """A stored archive with these entries, and text in each."""
    body, central = bytearray(), bytearray()
    for name in names:
        fields = (0, 0, 0, 33, zlib.crc32(b"text"), 4, 4, len(name))
        central += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, *fields, 0, 0, 0, 0, 0, len(body)) + name.encode()
        body += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *fields, 0) + name.encode() + b"text"
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(names), len(names), len(central), len(body), 0)
    return bytes(body + central + end)


ONNX = field(1, 8) + field(2, b"pytorch") + field(7, field(1, b"node") * 30) + field(8, field(2, 17))
CORE_ML = field(1, 4) + field(2, field(1, b"input")) + field(500, b"network" * 20)
SAVED_MODEL = field(1, 1) + field(2, b"graph" * 100)
GRAPH_DEF = field(1, field(1, b"name") + field(2, b"Const")) * 3 + field(4, field(1, 27))
CAFFE = field(1, b"net") + field(100, field(1, b"conv1")) * 2
PADDLE_PROGRAM = field(1, field(1, 0) + b"\x10" + b"\xff" * 9 + b"\x01" + field(3, b"w")) + field(4, field(1, 0))
PADDLE_PARAMETERS = bytes(16) + struct.pack("<I", 6) + field(1, 5) + field(2, 3) + field(2, 4) + bytes(48)
FLAX = b"\x81\xa6params\x82\xa5Dense\x81\xa6kernel\xc7\x10\x01" + bytes(16)
SSTABLE = bytes(range(1, 200)) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(600)


@dataclass(frozen=True)
class Case:
    """A file's name and content, words of its title, a piece of the hint."""

    name: str
    content: bytes
    title: str
    hint: str


CONVERTIBLE = (
    Case("m.h5", HDF5, "HDF5", "h5py.File('m.h5')"),
    Case("user_block.h5", b"user block".ljust(1024, b" ") + HDF5, "HDF5", "h5py"),
    Case("m.keras", zip_with("metadata.json", "config.json", "model.weights.h5"), "Keras", "load_model('m.keras')"),
    Case("m.mlpackage.zip", zip_with("p/Data/com.apple.CoreML/model.mlmodel"), "Core ML", "coremltools"),
    Case("m.gguf", b"GGUF" + bytes(60), "GGUF", "gguf.GGUFReader('m.gguf')"),
    Case("ggml.bin", b"lmgg" + bytes(60), "GGML", "llama.cpp"),
    Case("ggjt.bin", b"tjgg" + bytes(60), "GGML", "llama.cpp"),
    Case("m.onnx", ONNX, "ONNX", "onnx.load('m.onnx')"),
    Case("m.mlmodel", CORE_ML, "Core ML", "MLModel('m.mlmodel')"),
    Case("saved_model.pb", SAVED_MODEL, "SavedModel", "tf.saved_model.load('.')"),
    Case("frozen.pb", GRAPH_DEF, "TensorFlow graph", "frozen from"),
    Case("m.ckpt-7.index", SSTABLE, "TensorFlow checkpoint", "load_checkpoint('m.ckpt-7')"),
    Case("m.ckpt-7.data-00000-of-00001", b"\x3f\x80" * 99, "TensorFlow checkpoint", "load_checkpoint('m.ckpt-7')"),
    Case("m.tflite", b"\x1c\0\0\0TFL3" + bytes(90), "TensorFlow Lite", "tf.lite.Interpreter('m.tflite')"),
    Case("m.caffemodel", CAFFE, "Caffe", "readNet('m.caffemodel', 'm' + '.prototxt')"),
    Case("flax_model.msgpack", FLAX, "msgpack", "msgpack_restore(open('flax_model.msgpack', 'rb').read())"),
    Case("m.xml", b'<?xml version="1.0"?>\n<net name="main" version="11">', "OpenVINO", "read_model('m.xml')"),
    Case("m.pdiparams", PADDLE_PARAMETERS, "PaddlePaddle", "paddle.load('m'"),
    Case("m.pdmodel", PADDLE_PROGRAM, "PaddlePaddle", "paddle.load('m'"),
    Case("m.joblib", zlib.compress(b"pickle" * 9), "joblib", "joblib.load('m.joblib')"),
    Case("m.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(90), "MATLAB", "scipy.io.loadmat('m.mat')"),
    Case("m.param", b"7767517\n75 83\n", "ncnn", "convert"),
    Case("m.engine", b"ptrt" + bytes(90), "TensorRT", "built from"),
)

PACKED = (
    Case("m.pt.gz", gzip.compress(b"x" * 99), "gzip", "gunzip m.pt.gz"),
    Case("m.pt.bz2", bz2.compress(b"x" * 99), "bzip2", "bunzip2 m.pt.bz2"),
    Case("m.pt.xz", lzma.compress(b"x" * 99), "xz", "unxz m.pt.xz"),
    Case("m.pt.zst", b"\x28\xb5\x2f\xfd" + bytes(30), "zstd", "zstd -d m.pt.zst"),
    Case("m.pt.lz4", b"\x04\x22\x4d\x18" + bytes(30), "lz4", "lz4 -d m.pt.lz4"),
    Case("m.7z", b"7z\xbc\xaf\x27\x1c" + bytes(30), "7z", "7z x m.7z"),
    Case("m.rar", b"Rar!\x1a\x07\x01\x00" + bytes(30), "rar", "unrar x m.rar"),
)

NO_CHECKPOINTS = (
    Case("zeros.pt", bytes(5000), "nothing but zeros", "get it again"),
    Case("one_zero.pt", b"\0", "nothing but zeros", "get it again"),
    Case("page.safetensors", b"\n<!DOCTYPE html>\n<html><head>", "HTML page", "download failed"),
    Case("page2.pt", b"<html lang='en'>", "HTML page", "download failed"),
    Case("page3.pt", b"<!-- c --><HTML>", "HTML page", "download failed"),
    Case("denied.pt", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "XML", "server"),
    Case(
        "m.safetensors",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n",
        "Git LFS pointer",
        "git lfs pull",
    ),
    Case("x.json", json.dumps({"metadata": {}, "weight_map": {"w": "a"}}).encode(), "index of a sharded", "folder"),
    Case("config.json", b'{"architectures": ["Bert"], "hidden_size": 8}', "configuration", "weights beside it"),
    Case("tokenizer.json", b'{"version": "1.0"}', "JSON", "safetensors"),
    Case("list.json", b"[1, 2]", "JSON", "safetensors"),
    Case("i.png", b"\x89PNG\r\n\x1a\n", "PNG", "safetensors"),
    Case("i.jpg", b"\xff\xd8\xff\xe0", "JPEG", "safetensors"),
    Case("i.gif", b"GIF89a", "GIF", "safetensors"),
    Case("i.tif", b"II*\0" + bytes(9), "TIFF", "safetensors"),
    Case("i.webp", b"RIFF\x10\0\0\0WEBP", "RIFF", "safetensors"),
    Case("d.pdf", b"%PDF-1.7", "PDF", "safetensors"),
    Case("lib.so", b"\x7fELF\x02\x01", "ELF", "safetensors"),
    Case("a.exe", b"MZ\x90\0", "Windows", "safetensors"),
    Case("a.dylib", b"\xcf\xfa\xed\xfe" + bytes(9), "macOS", "safetensors"),
    Case("a.db", b"SQLite format 3\0" + bytes(9), "SQLite", "safetensors"),
    Case("a.parquet", b"PAR1" + bytes(9), "Parquet", "safetensors"),
    Case("a.arrow", b"ARROW1\0\0", "Arrow", "safetensors"),
    Case("train.py", b"import torch\n\nmodel = 1\n", "script", "safetensors"),
    Case("run.sh", b"#!/bin/sh\n", "script", "safetensors"),
    Case("note.txt", b"Entry not found", "text file that begins with 'Entry not found'", "safetensors"),
    Case("a.yaml", b"epochs: 3\nlr: 0.1\n", "text file that begins with 'epochs: 3'", "safetensors"),
    Case("bom.txt", b"\xef\xbb\xbfna\xc3\xafve", "text file that begins with 'naïve'", "safetensors"),
    Case(
        "noise.bin", bytes([0x93, 0x07, 0xAA, 0x01, 0xFE, 0xED]) * 30, "begins with the bytes 93 07 aa", "safetensors"
    ),
    Case("notes.zip", zip_with("a.txt", "b.txt"), "zip archive that holds no checkpoint (a.txt, b.txt)", "safetensors"),
)


def written(folder: Path, case: Case) -> Path:
    path = folder / case.name
    path.write_bytes(case.content)
    return path


def refused(path: Path) -> CannotOpen:
    """The error that opening it raises, in bounded time."""
    start = time.perf_counter()
    with pytest.raises(CannotOpen) as caught:
        sdviewer.open(path)
    assert time.perf_counter() - start < SECONDS
    assert caught.value.file == str(path)
    return caught.value


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", [*CONVERTIBLE, *PACKED], ids=named)
def test_a_known_format_is_named_with_the_way_to_convert_it(tmp_path: Path, case: Case) -> None:
    error = refused(written(tmp_path, case))
    assert type(error) is UnsupportedFormat
    assert case.title in error.message
    assert case.hint in error.hint


@pytest.mark.parametrize("case", NO_CHECKPOINTS, ids=named)
def test_what_is_no_checkpoint_is_called_what_it_is(tmp_path: Path, case: Case) -> None:
    error = refused(written(tmp_path, case))
    assert type(error) is NotACheckpoint
    assert case.title in error.message
    assert case.hint in error.hint


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    for case in (*CONVERTIBLE, *PACKED):
        if ".data-" not in case.name and case.name != "m.caffemodel":
            error = refused(written(tmp_path, Case("other.pt", case.content, "", "")))
            assert case.title in error.message


def test_an_empty_file_says_that_it_is_empty(tmp_path: Path) -> None:
    error = refused(written(tmp_path, Case("m.pt", b"", "", "")))
    assert type(error) is Damaged
    assert error.message == "is empty"
    assert "interrupted" in error.hint


def test_a_large_file_of_zeros_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.truncate(8 << 30)
    assert "zeros" in refused(path).message


def test_tar_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    inner = written(tmp_path, Case("notes.txt", b"x", "", ""))
    path = tmp_path / "m.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(inner, "notes.txt")
    assert "tar archive" in refused(path).message


@pytest.mark.parametrize("cut", [1, 3, 10, 60])
def test_a_cut_off_message_is_not_taken_for_a_whole_one(tmp_path: Path, cut: int) -> None:
    assert type(refused(written(tmp_path, Case("m.onnx", ONNX[:-cut], "", "")))) is NotACheckpoint


def test_every_line_of_python_is_python_for_whatever_name() -> None:
    name = 'it\'s "a" {npz} \\ name\n; import os\u202e.h5'
    for row in (*foreign._TENSORS, *foreign._OTHERS):
        hint = conversions.filled_in(row.hint, name)
        code = re.search(r"in Python[^:]*: (.*)", hint, re.DOTALL)
        if code is not None:
            compile(code[1], row.title, "exec")
            assert "; import os" not in re.sub(r"(['\"])(?:\\.|(?!\1).)*\1", "", code[1])


def test_a_shell_takes_the_name_as_one_word() -> None:
    name = "it's $(a) `name`; rm.gz"
    for row in foreign._OTHERS:
        if "{quoted}" in row.hint:
            assert shlex.split(conversions.filled_in(row.hint, name).partition(": ")[2])[-1] == name


def test_a_line_is_filled_in_with_the_names_of_old_and_new_file() -> None:
    line = conversions.filled_in(conversions.in_python("f({file}, {npz}, {stem}, {pt})"), "a.b.h5")
    assert line == "convert it in Python: f('a.b.h5', 'a.b.npz', 'a.b', 'a.b.pt')"


@given(
    st.sampled_from([case.content[:24] for case in (*CONVERTIBLE, *PACKED, *NO_CHECKPOINTS)] + [b""]),
    st.binary(max_size=600),
)
def test_any_bytes_get_an_answer(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(start + rest)
    sources = LocalSources()
    error = foreign.refusal(Reading(sources, sources.add_file(path)))
    sources.close()
    assert isinstance(error, CannotOpen)
    assert str(path) in str(error)
    assert error.hint


def test_arrays_are_not_foreign(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.npy", "a.npy")
    for name in ("a.npy", "a.zip"):
        with sdviewer.open(tmp_path / name) as checkpoint:
            assert len(checkpoint.tensors) == 1
