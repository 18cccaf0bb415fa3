"""What a file is that no reader takes: recognised by its content, named, and with the way to convert it.

One row for each kind. The rows are asked in order once all readers have declined; none of them parses
more than a few hundred bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from sdviewer.errors import CannotOpen, Damaged, NotACheckpoint, UnsupportedFormat
from sdviewer.formats import conversions
from sdviewer.formats.conversions import filled_in, in_python
from sdviewer.formats.foreign_signs import (
    Look,
    begins,
    has_entry,
    holds_at,
    is_caffe,
    is_core_ml,
    is_graph_def,
    is_hdf5,
    is_joblib,
    is_msgpack_of_flax,
    is_onnx,
    is_paddle,
    is_paddle_program,
    is_saved_model,
    says,
)
from sdviewer.formats.reading import Reading

READ_FORMATS = (
    "sdviewer reads what torch.save, torch.jit.save and torch.export.save write, safetensors, .npz, .npy, pickles, "
    "and folders and zip archives of these"
)
_LARGEST_SHOWN_LINE = 80


@dataclass(frozen=True, slots=True)
class Foreign:
    """One kind of file.

    Attributes:
        title: what it is, as in "is an ONNX model".
        test: whether a file is one.
        hint: what to do, as conversions.py fills it in.
        holds_tensors: whether it is a checkpoint of another kind; else it is none.
    """

    title: str
    test: Callable[[Look], bool]
    hint: str
    holds_tensors: bool = True


def refusal(reading: Reading) -> CannotOpen:
    """The error for a file that no reader takes."""
    label = reading.source.label
    if reading.source.size == 0:
        return Damaged("is empty", file=label, hint="the download or the save was interrupted: get or save it again")
    look = Look(reading, PurePath(label).name)
    for row in (*_TENSORS, *_OTHERS):
        if row.test(look):
            kind = UnsupportedFormat if row.holds_tensors else NotACheckpoint
            return kind(row.title, file=label, hint=filled_in(row.hint, look.name))
    return NotACheckpoint(_impression(look), file=label, hint=READ_FORMATS)


def _impression(look: Look) -> str:
    """What an unknown file looks like."""
    if look.entries:
        names = ", ".join(look.entries[:3])
        more = ", …" if len(look.entries) > 3 else ""
        return f"is a zip archive that holds no checkpoint ({names}{more})"
    if look.reading.is_zip:
        return "is a zip archive without entries"
    if look.text:
        line = look.text.splitlines()[0]
        shown = line[:_LARGEST_SHOWN_LINE] + ("…" if len(line) > _LARGEST_SHOWN_LINE else "")
        return f"is a text file that begins with {shown!r}"
    return f"is no checkpoint that sdviewer knows: it begins with the bytes {look.head[:8].hex(' ')}"


_TENSORS: tuple[Foreign, ...] = (
    Foreign(
        "is a zip archive that is protected with a password",
        lambda look: look.encrypted,
        "unpack it first: unzip {quoted}",
    ),
    Foreign("is a Keras model", has_entry("model.weights.h5"), conversions.KERAS),
    Foreign("is a Core ML package", has_entry("coremldata.bin", "model.mlmodel"), conversions.CORE_ML),
    Foreign("is an HDF5 file, as Keras writes them", is_hdf5, conversions.HDF5),
    Foreign("is a GGUF file, as llama.cpp uses them", begins(b"GGUF"), conversions.GGUF),
    Foreign(
        "is a GGML file of the time before GGUF",
        begins(b"lmgg", b"fmgg", b"tjgg", b"algg"),
        "convert it to GGUF by the scripts of the project that wrote it (llama.cpp: convert_llama_ggml_to_gguf.py)",
    ),
    Foreign("is a TensorFlow Lite model", holds_at(4, b"TFL3"), conversions.TFLITE),
    Foreign(
        "is the index of a TensorFlow checkpoint",
        lambda look: look.tail.endswith(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"),
        conversions.TENSORFLOW,
    ),
    Foreign(
        "is the data of a TensorFlow checkpoint",
        lambda look: re.search(r"\.data-\d{5}-of-\d{5}$", look.name) is not None,
        conversions.TENSORFLOW,
    ),
    Foreign("is an OpenVINO model", says(r"(<\?xml[^>]*>\s*)?<net\s[^>]*name="), conversions.OPENVINO),
    Foreign("is a joblib or zlib stream", is_joblib, conversions.JOBLIB),
    Foreign("is a PaddlePaddle file of parameters", is_paddle, conversions.PADDLE),
    Foreign("is an ncnn model", begins(b"7767517\n", b"\x47\x6b\x30\x01"), "convert what it was made from"),
    Foreign("is a TensorRT engine", begins(b"ptrt", b"ftrt"), "open what it was built from"),
    Foreign(
        "is a MATLAB file",
        begins(b"MATLAB 5.0 MAT-file"),
        in_python("import scipy.io, numpy; numpy.savez({npz}, **scipy.io.loadmat({file}))"),
    ),
    Foreign(
        "is a Git LFS pointer, not the file itself",
        begins(b"version https://git-lfs"),
        "fetch the file: git lfs pull",
        holds_tensors=False,
    ),
    Foreign("is an ONNX model", is_onnx, conversions.ONNX),
    Foreign("is a Core ML model", is_core_ml, conversions.CORE_ML),
    Foreign("is a TensorFlow SavedModel", is_saved_model, conversions.SAVED_MODEL),
    Foreign("is a PaddlePaddle program", is_paddle_program, conversions.PADDLE),
    Foreign("is a TensorFlow graph", is_graph_def, "open the checkpoint that it was frozen from"),
    Foreign(
        "is a Caffe model",
        is_caffe,
        in_python(
            "import cv2, numpy; n = cv2.dnn.readNet({file}, {stem} + '.prototxt'); numpy.savez({npz}, "
            "**{l: n.getParam(l) for l in n.getLayerNames() if n.getLayer(l).blobs})"
        ),
    ),
    Foreign("is a msgpack file, as Flax writes them", is_msgpack_of_flax, conversions.FLAX),
)


def _packed(title: str, command: str, *starts: bytes) -> Foreign:
    return Foreign(f"is compressed ({title})", begins(*starts), f"unpack it first: {command}")


def _thing(title: str, *starts: bytes) -> Foreign:
    return Foreign(f"is {title}, not a checkpoint", begins(*starts), READ_FORMATS, holds_tensors=False)


_OTHERS: tuple[Foreign, ...] = (
    Foreign(
        "begins with nothing but zeros",
        lambda look: not any(look.head),
        "a download reserved its space and was interrupted: get it again",
        holds_tensors=False,
    ),
    _packed("gzip", "gunzip {quoted}", b"\x1f\x8b"),
    _packed("bzip2", "bunzip2 {quoted}", b"BZh"),
    _packed("xz", "unxz {quoted}", b"\xfd7zXZ\x00"),
    _packed("zstd", "zstd -d {quoted}", b"\x28\xb5\x2f\xfd"),
    _packed("lz4", "lz4 -d {quoted}", b"\x04\x22\x4d\x18"),
    _packed("7z", "7z x {quoted}", b"7z\xbc\xaf\x27\x1c"),
    _packed("rar", "unrar x {quoted}", b"Rar!\x1a\x07"),
    Foreign("is a tar archive", holds_at(257, b"ustar"), "unpack it first: tar xf {quoted}"),
    Foreign(
        "is an HTML page, not the file itself",
        says(r"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b"),
        "the download failed: log in where it comes from, or take the link to the raw file",
        holds_tensors=False,
    ),
    Foreign(
        "is an XML document, not the file itself",
        says(r"<\?xml|<Error>"),
        "perhaps a server's error message: look into it, and download the file again",
        holds_tensors=False,
    ),
    Foreign(
        "is the index of a sharded checkpoint",
        says(r'\{.*"weight_map"\s*:'),
        "open the folder that it lies in, or let its name end with .index.json",
        holds_tensors=False,
    ),
    Foreign(
        "is the configuration of a model, not its weights",
        says(r'\{.*"(architectures|model_type|_class_name|hidden_size|transformers_version)"\s*:'),
        "open the file of weights beside it (.safetensors, .bin, .pt)",
        holds_tensors=False,
    ),
    Foreign(
        "is a JSON document, not a checkpoint",
        says(r'(\{\s*("|\})|\[\s*[\[\]{"\d-])'),
        READ_FORMATS,
        holds_tensors=False,
    ),
    _thing("a PNG picture", b"\x89PNG"),
    _thing("a JPEG picture", b"\xff\xd8\xff"),
    _thing("a GIF picture", b"GIF8"),
    _thing("a TIFF picture", b"II*\0", b"MM\0*"),
    Foreign(
        "is a WebP picture or another RIFF file, not a checkpoint", begins(b"RIFF"), READ_FORMATS, holds_tensors=False
    ),
    _thing("a PDF document", b"%PDF"),
    _thing("a program or library for Linux (ELF)", b"\x7fELF"),
    _thing("a program for Windows", b"MZ"),
    _thing("a program for macOS", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa"),
    _thing("a SQLite database", b"SQLite format 3\0"),
    _thing("a Parquet table", b"PAR1"),
    _thing("an Arrow table", b"ARROW1"),
    Foreign(
        "is a script, not a checkpoint", says(r"#!|import \w+|from [\w.]+ import "), READ_FORMATS, holds_tensors=False
    ),
)
