"""Safetensors files are listed as the library lists them; what breaks its rules is told, and the rest is shown."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

import sdviewer
from sdviewer.checkpoint.dtypes import BY_SAFETENSORS
from sdviewer.checkpoint.metadata import metadata_of
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import Flag
from sdviewer.errors import CannotOpen, Damaged, LimitExceeded, MissingBytes, NotACheckpoint, NotDecodable
from sdviewer.formats import opening
from sdviewer.formats.weighing import description_bytes
from sdviewer.processes import limits
from sdviewer.ui.detail.describe import name_of
from tests.helpers.conformance import ReaderConformance, random_tensor
from tests.helpers.spying import spying

Entry = dict[str, Any]


def deserialised(path: Path) -> dict[str, Any]:
    """Name → dtype, shape and bytes, as the library finds them."""
    found: list[tuple[str, Any]] = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    return dict(found)


def entry(dtype: str, shape: Sequence[int], start: int, end: int) -> Entry:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def header_file(folder: Path, header: Mapping[str, Any] | str | bytes, data: bytes = b"", length: int = -1) -> Path:
    """A file with this header, said to be `length` bytes long, and these bytes behind it."""
    if isinstance(header, Mapping):
        header = json.dumps(header, separators=(",", ":"))
    raw = header.encode() if isinstance(header, str) else header
    path = folder / "file.safetensors"
    path.write_bytes(struct.pack("<Q", len(raw) if length < 0 else length) + raw + data)
    return path


def problems(checkpoint: sdviewer.Checkpoint) -> list[tuple[str, str]]:
    return [(problem.kind, problem.where) for problem in checkpoint.problems]


def library_reads(path: Path) -> bool:
    try:
        deserialised(path)
    except safetensors.SafetensorError:
        return False
    return True


class TestSafetensors(ReaderConformance):
    suffix: ClassVar[str] = ".safetensors"
    dtypes: ClassVar[tuple[torch.dtype, ...]] = (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.float8_e4m3fnuz,
        torch.float8_e5m2fnuz,
        torch.float8_e8m0fnu,
        torch.complex64,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint64,
        torch.uint32,
        torch.uint16,
        torch.uint8,
        torch.bool,
    )
    names: ClassVar[tuple[str, ...]] = (*ReaderConformance.names, "", "a/b~1[0]", "[0]", 'quoted "name" \\ \n')
    # The library sorts them by dtype and name.
    keeps_order: ClassVar[bool] = False

    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        safetensors.torch.save_file(dict(tensors), path)

    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        with safetensors.safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not iterable


@pytest.mark.parametrize("shape", [(2, 4), (3,), (1,), (0,)])
def test_float4_has_the_shape_and_bytes_that_torch_gives_it(tmp_path: Path, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape))
    tensor = torch.arange(count, dtype=torch.uint8).view(torch.float4_e2m1fn_x2).reshape(shape)
    safetensors.torch.save_file({"t": tensor}, tmp_path / "f4.safetensors")
    with sdviewer.open(tmp_path / "f4.safetensors") as checkpoint:
        ref = checkpoint.tensors["t"]
        assert (ref.dtype, ref.shape, ref.nbytes) == ("float4_e2m1fn_x2", shape, count)
        assert torch.equal(ref.torch().view(torch.uint8), tensor.view(torch.uint8))
        assert checkpoint.problems == ()


@pytest.mark.parametrize("dtype", sorted(set(BY_SAFETENSORS) - {"F4", "C128"}))
def test_every_dtype_of_the_library_is_listed_with_its_bytes(tmp_path: Path, dtype: str) -> None:
    known = BY_SAFETENSORS[dtype]
    data = bytes(range(known.nbytes(8)))
    path = header_file(tmp_path, {"a": entry(dtype, (2, 4), 0, len(data))}, data)
    read = deserialised(path)["a"]
    with sdviewer.open(path) as checkpoint:
        ref = checkpoint.tensors["a"]
        assert (ref.dtype, ref.shape, ref.nbytes) == (known.name, tuple(read["shape"]), len(read["data"]))
        assert ref.payload().read_span().tobytes() == bytes(read["data"])
        assert checkpoint.problems == ()
        assert checkpoint.description.unshown_bytes == 0


def test_float6_values_are_unpacked(tmp_path: Path) -> None:
    # Four codes, the first in the lowest bits: 1, 2, 4 and 63 of e3m2: 1/16, 2/16, 0.25, -28.
    bits = 1 | 2 << 6 | 4 << 12 | 63 << 18
    path = header_file(tmp_path, {"a": entry("F6_E3M2", (4,), 0, 3)}, bits.to_bytes(3, "little"))
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.tensors["a"].numpy().tolist() == [0.0625, 0.125, 0.25, -28.0]


def test_tensors_stand_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    header = {
        "z": entry("U8", (2,), 4, 6),
        "empty": entry("U8", (0,), 0, 0),
        "b": entry("U8", (4,), 0, 4),
        "also empty": entry("U8", (0, 3), 0, 0),
        "a": entry("U8", (1,), 6, 7),
    }
    path = header_file(tmp_path, header, bytes(range(7)))
    with safetensors.safe_open(path, "np") as file:
        by_offset = [name for name in file.offset_keys() if "empty" not in name]
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["empty", "also empty", *by_offset]
        assert [checkpoint.tensors[name].numpy().tolist() for name in by_offset] == [[0, 1, 2, 3], [4, 5], [6]]
        assert checkpoint.problems == ()


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", "\t:")])
@pytest.mark.parametrize("order", [("dtype", "shape", "data_offsets"), ("data_offsets", "dtype", "shape")])
def test_entries_are_read_however_they_are_spelled(
    tmp_path: Path, separators: tuple[str, str], order: tuple[str, ...]
) -> None:
    entries = {f"layer.{i}.weight": entry("I32", (i % 3, 2), 0, 0) for i in range(3000)}
    start = 0
    for item in entries.values():
        end = start + 8 * item["shape"][0]
        item["data_offsets"] = [start, end]
        start = end
    header = {name: {key: item[key] for key in order} for name, item in entries.items()}
    path = header_file(tmp_path, json.dumps(header, separators=separators), bytes(start))
    with sdviewer.open(path) as checkpoint:
        listed = {name: list(ref.shape) for name, ref in checkpoint.tensors.items()}
        assert listed == {name: item["shape"] for name, item in entries.items()}
        storages = checkpoint.table.storages
        begins = storages.offset - (path.stat().st_size - start)
        assert {name: [b, b + n] for name, b, n in zip(checkpoint.tensors, begins, storages.nbytes, strict=True)} == {
            name: item["data_offsets"] for name, item in entries.items()
        }
        assert checkpoint.problems == ()


def test_metadata_is_a_mapping_beside_the_plain_keys(tmp_path: Path) -> None:
    path = tmp_path / "noted.safetensors"
    noted = {"format": "pt", "config": '{"layers": 2}', "naïve/~[0]": "λ\n"}
    safetensors.torch.save_file({"a/b.weight": torch.ones(2), "c": torch.ones(1)}, path, metadata=noted)
    with sdviewer.open(path) as checkpoint:
        assert metadata_of(checkpoint.description) == {"__metadata__": noted}
        assert [(section.name, section.kind) for section in checkpoint.sections.values()] == [
            ("model", "model"),
            ("__metadata__", "metadata"),
        ]
        assert list(checkpoint.sections["model"].tensors) == ["a/b.weight", "c"]
        assert checkpoint.tensors["a/b.weight"].path == ("a/b.weight",)
        scalars = np.flatnonzero(checkpoint.tree.what == TreeNode.SCALAR).tolist()
        assert {name_of(checkpoint, node) for node in scalars} == {f"__metadata__/{key}" for key in noted}
        assert {checkpoint.tree.label[node] for node in scalars} == set(noted)


def test_metadata_alone_is_no_tensor(tmp_path: Path) -> None:
    path = header_file(tmp_path, {"__metadata__": {"dtype": "F32"}})
    assert library_reads(path)
    with sdviewer.open(path) as checkpoint:
        assert len(checkpoint.tensors) == 0
        assert metadata_of(checkpoint.description) == {"__metadata__": {"dtype": "F32"}}
        assert checkpoint.problems == ()


@pytest.mark.parametrize(
    ("metadata", "shown", "kind"),
    [
        ('{"step": 3, "nested": {"a": [1]}}', {"step": 3, "nested": '{"a": [1]}'}, "irregular"),
        ("[1, 2]", "[1, 2]", "irregular"),
        ("null", None, "irregular"),
        ('{"a": "1", "a": "2"}', {"a": "2"}, "duplicate"),
        ('{"a": "1"}, "__metadata__": {"b": "2"}', {"b": "2"}, "duplicate"),
        (r'{"a": "\ud800"}', {"a": "\ud800"}, "irregular"),
    ],
)
def test_metadata_that_is_no_object_of_strings_is_shown_and_told(
    tmp_path: Path, metadata: str, shown: Any, kind: str
) -> None:
    tensor = json.dumps(entry("U8", (1,), 0, 1))
    path = header_file(tmp_path, f'{{"__metadata__": {metadata}, "a": {tensor}}}', b"\7")
    with sdviewer.open(path) as checkpoint:
        assert problems(checkpoint) == [(kind, "__metadata__")]
        assert metadata_of(checkpoint.description) == {"__metadata__": shown}
        assert checkpoint.tensors["a"].numpy().tolist() == [7]


def test_gradients_are_not_known(tmp_path: Path) -> None:
    with sdviewer.open(header_file(tmp_path, {"a": entry("U8", (1,), 0, 1)}, b"\0")) as checkpoint:
        assert checkpoint.tensors["a"].requires_grad is None


def test_the_lines_that_load_it_load_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / "it's.safetensors")
    with sdviewer.open(tmp_path / "it's.safetensors") as checkpoint:
        lines = checkpoint.description.torch_lines
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)  # noqa: S102  # our own lines
    assert torch.equal(names["state_dict"]["a"], torch.ones(2))


# -- what breaks the rules -----------------------------------------------------------------------


def test_an_unknown_dtype_is_listed_with_its_name(tmp_path: Path) -> None:
    header = {"a": entry("F3_{x}", (2, 2), 0, 8), "b": entry("I4", (3,), 8, 10), "c": entry("U8", (1,), 10, 11)}
    path = header_file(tmp_path, header, bytes(range(11)))
    with sdviewer.open(path) as checkpoint:
        a, b, c = checkpoint.tensors.values()
        assert (a.dtype, a.shape, a.nbytes) == ("F3_{x}", (2, 2), 8)
        assert a.codes().reshape(-1).tolist() == list(range(8))
        with pytest.raises(NotDecodable):
            a.numpy()
        with pytest.raises(NotDecodable):
            b.codes()
        assert c.numpy().tolist() == [10]
        assert problems(checkpoint) == [("unknown_dtype", "a"), ("unknown_dtype", "b")]
        assert checkpoint.description.unshown_bytes == 0


def test_float4_rows_that_end_inside_a_byte_are_listed_without_values(tmp_path: Path) -> None:
    path = header_file(tmp_path, {"a": entry("F4", (2, 3), 0, 3)}, bytes(3))
    assert library_reads(path)
    with sdviewer.open(path) as checkpoint:
        ref = checkpoint.tensors["a"]
        assert (ref.dtype, ref.shape) == ("F4", (2, 3))
        assert [(problem.kind, problem.severity) for problem in checkpoint.problems] == [("irregular", "info")]
        with pytest.raises(NotDecodable):
            ref.codes()


BROKEN: dict[str, tuple[dict[str, Entry], int, list[tuple[str, str]], int]] = {
    # header, bytes of data, problems, unshown bytes
    "a hole": (
        {"a": entry("U8", (2,), 0, 2), "b": entry("U8", (2,), 5, 7), "c": entry("U8", (2,), 8, 10)},
        10,
        [("irregular", "b")],
        4,
    ),
    "a hole at the front": ({"a": entry("U8", (2,), 3, 5)}, 5, [("irregular", "a")], 3),
    "an overlap": (
        {"a": entry("U8", (4,), 0, 4), "b": entry("U8", (4,), 2, 6), "c": entry("U8", (1,), 6, 7)},
        7,
        [("irregular", "b")],
        0,
    ),
    "trailing bytes": ({"a": entry("U8", (4,), 0, 4)}, 9, [("irregular", "FILE")], 5),
    "too few bytes": (
        {"a": entry("F32", (4,), 0, 8), "b": entry("U8", (2,), 8, 10)},
        10,
        [("out_of_bounds", "a")],
        0,
    ),
    "too many bytes": (
        {"a": entry("F32", (1,), 0, 8), "b": entry("U8", (2,), 8, 10)},
        10,
        [("irregular", "a")],
        4,
    ),
    "outside the file": (
        {"a": entry("U8", (2,), 0, 2), "b": entry("U8", (2,), 2, 4), "c": entry("U8", (8,), 4, 12)},
        3,
        [("partial", "b")],
        0,
    ),
    "inside a byte": ({"a": entry("F6_E2M3", (3,), 0, 3)}, 3, [("irregular", "a")], 0),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_told_and_all_tensors_are_listed(tmp_path: Path, case: str) -> None:
    header, size, expected, unshown = BROKEN[case]
    path = header_file(tmp_path, header, bytes(range(size)))
    assert not library_reads(path)
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == list(header)
        assert problems(checkpoint) == [(kind, where.replace("FILE", str(path))) for kind, where in expected]
        assert checkpoint.description.unshown_bytes == unshown
        assert checkpoint.description.torch_lines[0].startswith("#")
        for name, ref in checkpoint.tensors.items():
            start, _ = header[name]["data_offsets"]
            readable = start + ref.nbytes <= min(size, header[name]["data_offsets"][1])
            assert (Flag.OUT_OF_BOUNDS in ref.flags) is not readable
            if readable:
                codes = ref.payload().read_span().tobytes()
                assert codes == bytes(range(start, start + ref.nbytes))
            else:
                with pytest.raises(MissingBytes):
                    ref.codes()


@pytest.mark.parametrize(
    "junk",
    [
        "1",
        "null",
        '"text"',
        "[]",
        "{}",
        '{"dtype": 3, "shape": [], "data_offsets": [0, 1]}',
        '{"dtype": "U8", "shape": "2", "data_offsets": [0, 1]}',
        '{"dtype": "U8", "shape": [-1], "data_offsets": [0, 1]}',
        '{"dtype": "U8", "shape": [1.0], "data_offsets": [0, 1]}',
        '{"dtype": "U8", "shape": [true], "data_offsets": [0, 1]}',
        f'{{"dtype": "U8", "shape": [{"9" * 5000}], "data_offsets": [0, 1]}}',
        '{"dtype": "U8", "shape": [4294967296, 4294967296], "data_offsets": [0, 1]}',
        '{"dtype": "U8", "shape": [0, 4294967296, 4294967296], "data_offsets": [0, 0]}',
        f'{{"dtype": "U8", "shape": [{", ".join(["1"] * 1000)}], "data_offsets": [0, 1]}}',
    ],
)
def test_an_entry_that_describes_no_tensor_is_told_and_the_rest_is_listed(tmp_path: Path, junk: str) -> None:
    good = json.dumps(entry("U8", (1,), 0, 1))
    path = header_file(tmp_path, f'{{"before": {good}, "junk": {junk}, "after": {good}}}', b"\5")
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["before", "after"]
        assert ("irregular", "junk") in problems(checkpoint)
        assert checkpoint.tensors["after"].numpy().tolist() == [5]


@pytest.mark.parametrize("offsets", ["null", "[0]", "[1, 0]", "[-1, 0]", f"[0, {10**30}]", "[0.0, 1.0]", '["0", "1"]'])
def test_a_tensor_without_a_place_is_listed_without_values(tmp_path: Path, offsets: str) -> None:
    good = json.dumps(entry("U8", (1,), 0, 1))
    lost = f'{{"dtype": "F32", "shape": [2, 3], "data_offsets": {offsets}}}'
    with sdviewer.open(header_file(tmp_path, f'{{"lost": {lost}, "good": {good}}}', b"\5")) as checkpoint:
        assert list(checkpoint.tensors) == ["good", "lost"]
        ref = checkpoint.tensors["lost"]
        assert (ref.dtype, ref.shape, Flag.OUT_OF_BOUNDS in ref.flags) == ("float32", (2, 3), True)
        assert problems(checkpoint) == [("irregular", "lost")]
        with pytest.raises(MissingBytes):
            ref.numpy()


def test_many_junk_entries_are_told_in_a_few_problems(tmp_path: Path) -> None:
    header = {f"junk{i}": i for i in range(5000)} | {"a": entry("U8", (1,), 0, 1)}
    with sdviewer.open(header_file(tmp_path, header, b"\5")) as checkpoint:
        assert list(checkpoint.tensors) == ["a"]
        assert len(checkpoint.problems) < 200
        assert "4,900" in checkpoint.problems[-1].message


def test_of_two_entries_with_one_name_the_last_counts(tmp_path: Path) -> None:
    first, second = json.dumps(entry("U8", (1,), 0, 1)), json.dumps(entry("U8", (1,), 1, 2))
    other = json.dumps(entry("U8", (2,), 2, 4))
    text = f'{{"a": {first}, "b": {other}, "a": {second}}}'
    path = header_file(tmp_path, text, b"\1\2\3\4")
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["a", "b"]
        assert checkpoint.tensors["a"].numpy().tolist() == [2]
        assert [duplicate.name for duplicate in checkpoint.duplicates] == ["a"]
        assert ("duplicate", "a") in problems(checkpoint)
        assert checkpoint.description.unshown_bytes == 1


def test_an_entry_that_says_something_twice_is_told(tmp_path: Path) -> None:
    text = '{"a": {"dtype": "F32", "shape": [1], "dtype": "U8", "data_offsets": [0, 1]}}'
    path = header_file(tmp_path, text, b"\5")
    assert not library_reads(path)
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.tensors["a"].numpy().tolist() == [5]
        assert problems(checkpoint) == [("irregular", "a")]


def test_a_name_that_is_no_utf_8_is_listed_beside_the_others(tmp_path: Path) -> None:
    good, other = (json.dumps(entry("U8", (1,), i, i + 1)).encode() for i in range(2))
    path = header_file(tmp_path, b'{"na\xefve": %b, "good": %b}' % (good, other), b"\5\6")
    with sdviewer.open(path) as checkpoint:
        assert list(checkpoint.tensors) == ["na\udcefve", "good"]
        assert problems(checkpoint) == [("irregular", "na\udcefve")]
        assert [ref.numpy().tolist() for ref in checkpoint.tensors.values()] == [[5], [6]]


def test_what_follows_the_header_s_object_is_told(tmp_path: Path) -> None:
    text = json.dumps({"a": entry("U8", (1,), 0, 1)})
    for filling, told in (("   \n", False), ("\0\0", True), (" {}", True)):
        path = header_file(tmp_path, text + filling, b"\5")
        assert library_reads(path) is not told
        with sdviewer.open(path) as checkpoint:
            assert problems(checkpoint) == [("irregular", str(path))] * told
            assert checkpoint.tensors["a"].numpy().tolist() == [5]


# -- what is cut off, or no safetensors file at all ----------------------------------------------


def test_cut_off_at_every_byte_it_lists_what_is_left_or_says_why_not(tmp_path: Path) -> None:
    tensors = {f"layer.{i}.weight": random_tensor(torch.float32, (2,), i) for i in range(3)}
    path = tmp_path / "whole.safetensors"
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            checkpoint = opening.open_checkpoint(path)
        except CannotOpen as error:
            assert str(path) in str(error)  # noqa: PT017  # which of the two it is depends on the length
            assert length < content.index(b"layer.1")
            continue
        assert any(problem.kind == "partial" and problem.severity == "error" for problem in checkpoint.problems)
        assert content[:length].count(b"]}") == len(checkpoint.tensors)
        for name, ref in checkpoint.tensors.items():
            start = content.index(tensors[name].numpy().tobytes())
            assert (Flag.OUT_OF_BOUNDS in ref.flags) is (length < start + ref.nbytes)
        checkpoint.close()
    assert header < len(content)


def test_a_header_that_breaks_off_in_the_middle_gives_the_entries_before(tmp_path: Path) -> None:
    good = json.dumps(entry("U8", (1,), 0, 1))
    for rest in ('"b": {"dtype": tru', '"b" 3', "3: 4", '"b": "unfinished', "", '"b": ' + "[" * 100_000):
        path = header_file(tmp_path, f'{{"a": {good}, {rest}', b"\5")
        with sdviewer.open(path) as checkpoint:
            assert list(checkpoint.tensors) == ["a"]
            assert problems(checkpoint) == [("partial", str(path))]
            assert checkpoint.tensors["a"].numpy().tolist() == [5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (struct.pack("<Q", 100) + b"{", "cut off"),
        (struct.pack("<Q", 2**40) + b'{"a": ', "cut off"),
        (struct.pack("<Q", 1) + b"{}", "breaks off"),
        (struct.pack("<Q", 0) + b"{}", "no JSON object"),
        (struct.pack("<Q", 4) + b'{"a"', "breaks off"),
        (struct.pack("<Q", 100_007) + b'{"a": ' + b"[" * 100_000 + b"}", "too deeply"),
    ],
)
def test_a_header_without_a_whole_entry_is_an_error_that_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(Damaged, match=message):
        sdviewer.open(tmp_path / "broken")


@pytest.mark.parametrize(
    "content", [b'var x = {"a": 1};', b'\xff\xff\xff\xff\xff\xff\xff\x7f{"a": 1}', b"\x10" * 8 + b"{x"]
)
def test_other_content_is_not_taken_for_safetensors(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(NotACheckpoint):
        sdviewer.open(tmp_path / "other")


def test_a_header_of_gigabytes_in_a_hollow_file_is_refused_at_once(tmp_path: Path) -> None:
    path = header_file(tmp_path, '{"a": ', length=2 << 30)
    with path.open("r+b") as file:
        file.truncate(3 << 30)
    with pytest.raises(LimitExceeded):
        opening.open_checkpoint(path)
    path = header_file(tmp_path, '{"a": ', length=900 << 20)
    with path.open("r+b") as file:
        file.truncate(1 << 30)
    with spying() as spy, pytest.raises(Damaged):
        opening.open_checkpoint(path)
    assert spy.total < 4 << 20


# -- large ones ----------------------------------------------------------------------------------


def test_a_header_above_the_library_s_limit_opens(tmp_path: Path) -> None:
    text = json.dumps({"a": entry("U8", (1,), 0, 1)})
    path = header_file(tmp_path, text + " " * (100_000_001 - len(text)), b"\5")
    assert not library_reads(path)
    with opening.open_checkpoint(path) as checkpoint:
        assert checkpoint.tensors["a"].numpy().tolist() == [5]
        assert [(problem.kind, problem.severity) for problem in checkpoint.problems] == [("irregular", "info")]


def test_a_large_header_is_read_in_the_reader_process_and_no_payload_with_it(tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    tensors = {f"model.layers.{i}.self_attn.q_proj.weight": np.full(1, i, np.int32) for i in range(12_000)}
    safetensors.numpy.save_file(tensors, path)
    assert description_bytes(str(path)) > limits.LARGE_DESCRIPTION
    with spying() as spy:
        here = opening.open_checkpoint(path)
    header = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    assert spy.bytes_read_inside(header, path.stat().st_size) == 0
    with sdviewer.open(path) as checkpoint:
        assert checkpoint.table.name == here.table.name
        assert set(checkpoint.tensors) == set(tensors)
        for name in list(tensors)[::1999]:
            assert checkpoint.tensors[name].numpy() == tensors[name]
        assert checkpoint.problems == ()
    here.close()
