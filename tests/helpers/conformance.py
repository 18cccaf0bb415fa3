"""What every reader must do, once for all formats: a format's tests subclass `ReaderConformance`.

A subclass (named `Test…`, so that pytest finds it) says how its format is written and what its own
library reads back; the library is the oracle, and the file's raw bytes are compared without our reader.

    class TestSafetensors(ReaderConformance):
        suffix = ".safetensors"
        dtypes = (torch.float32, torch.bfloat16)

        def write(self, path, tensors):
            safetensors.torch.save_file(dict(tensors), path)

        def oracle(self, path):
            return safetensors.torch.load_file(path)
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.facts import places
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.table import Encoding
from sdviewer.errors import CannotOpen, CannotRead, SourceChanged
from sdviewer.formats import opening
from sdviewer.formats.reading import HEAD_BYTES
from sdviewer.processes import limits
from tests.helpers.spying import spying

ALL_DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
    torch.complex128,
    torch.complex64,
    torch.complex32,
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
SHAPES = ((), (0,), (1,), (7,), (3, 5), (2, 0, 4), (2, 3, 4, 1, 2))
_TRUNCATIONS = 60


def random_tensor(dtype: torch.dtype, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """A tensor whose elements have random bits (0 or 1 for bool), NaN among them."""
    count = math.prod(shape) * dtype.itemsize
    raw = np.random.default_rng(seed).integers(0, 256, count, np.uint8)
    if dtype is torch.bool:
        raw &= 1
    return torch.from_numpy(raw).view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)


def raw_bytes(tensor: torch.Tensor) -> bytes:
    """The elements in row-major order as they lie in memory."""
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def assert_holds(checkpoint: Checkpoint, expected: Mapping[str, torch.Tensor]) -> None:
    """The checkpoint lists just these tensors, with their dtypes, shapes and bits."""
    assert set(checkpoint.tensors) == set(expected)
    for name, tensor in expected.items():
        ref = checkpoint.tensors[name]
        assert (ref.dtype, ref.shape) == (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)), name
        assert ref.codes().tobytes() == raw_bytes(tensor), name


class ReaderConformance(ABC):
    """The tests; see the module's docstring for what a subclass gives."""

    suffix: ClassVar[str]
    # What the format can hold; each is tried with every shape.
    dtypes: ClassVar[tuple[torch.dtype, ...]] = ALL_DTYPES
    shapes: ClassVar[tuple[tuple[int, ...], ...]] = SHAPES
    # Keys that the format can hold, spelled as its canonical names.
    names: ClassVar[tuple[str, ...]] = (
        "plain",
        "a.b.weight",
        "a.10",
        "a.9",
        "naïve λ 🦀",
        "sp ace\ttab",
        "x" * 300,
        ".",
        "..",
    )
    # Whether tensors lie uncompressed in the file.
    raw_payload: ClassVar[bool] = True
    # Payload that is read because the description's end is not known before: a window of the pickle machine.
    overread: ClassVar[int] = 0
    # Whether the format keeps the order in which tensors were written.
    keeps_order: ClassVar[bool] = True

    @abstractmethod
    def write(self, path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write them with the format's own library."""

    @abstractmethod
    def oracle(self, path: Path) -> Mapping[str, torch.Tensor]:
        """What that library reads: canonical name → tensor."""

    def written(self, folder: Path, tensors: Mapping[str, torch.Tensor], stem: str = "file") -> Path:
        """A file with these tensors."""
        path = folder / f"{stem}{self.suffix}"
        self.write(path, tensors)
        return path

    def some_tensors(self) -> dict[str, torch.Tensor]:
        """Three small tensors."""
        dtype = torch.float32
        return {
            "layers.0.weight": random_tensor(dtype, (4, 6), 1),
            "layers.0.bias": random_tensor(dtype, (4,), 2),
            "head.weight": random_tensor(dtype, (2, 3), 3),
        }

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each dtype that the format holds."""
        if "dtype" in metafunc.fixturenames:
            metafunc.parametrize("dtype", self.dtypes, ids=[str(dtype).removeprefix("torch.") for dtype in self.dtypes])

    @pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
    def test_every_dtype_and_shape_is_read_as_its_library_reads_it(self, tmp_path: Path, dtype: torch.dtype) -> None:
        tensors = {f"t{i}": random_tensor(dtype, shape, i) for i, shape in enumerate(self.shapes)}
        path = self.written(tmp_path, tensors)
        with sdviewer.open(path) as checkpoint:
            assert checkpoint.problems == ()
            assert_holds(checkpoint, self.oracle(path))
            for name, tensor in tensors.items():
                ref = checkpoint.tensors[name]
                rebuilt = ref.torch()
                assert (rebuilt.dtype, rebuilt.shape) == (tensor.dtype, tensor.shape)
                assert raw_bytes(rebuilt) == raw_bytes(tensor)
                wider = {torch.complex32: torch.complex64}.get(dtype, torch.float32)
                has_numpy = dtype.itemsize > 1 or dtype in (torch.bool, torch.int8, torch.uint8)
                exact = has_numpy and dtype not in (torch.float16, torch.bfloat16, torch.complex32)
                plain = tensor if exact else tensor.to(wider)
                np.testing.assert_array_equal(ref.numpy(), plain.numpy())

    def test_names_are_those_that_were_written(self, tmp_path: Path) -> None:
        tensors = {name: random_tensor(torch.float32, (i + 1,), i) for i, name in enumerate(self.names)}
        path = self.written(tmp_path, tensors)
        with sdviewer.open(path) as checkpoint:
            assert_holds(checkpoint, self.oracle(path))
            if self.keeps_order:
                assert list(checkpoint.tensors) == list(tensors)
            for row, name in enumerate(checkpoint.tensors):
                assert checkpoint.tensors.find(name).row == row

    def test_a_file_without_tensors_opens(self, tmp_path: Path) -> None:
        with sdviewer.open(self.written(tmp_path, {})) as checkpoint:
            assert len(checkpoint.tensors) == 0

    def test_every_tensor_stands_once_in_the_tree_and_in_one_section(self, tmp_path: Path) -> None:
        with sdviewer.open(self.written(tmp_path, self.some_tensors())) as checkpoint:
            count = len(checkpoint.tensors)
            rows = checkpoint.tree.ref[checkpoint.tree.what == TreeNode.TENSOR]
            assert sorted(rows.tolist()) == list(range(count))
            in_sections = np.concatenate([section.rows for section in checkpoint.sections.values()])
            assert sorted(in_sections.tolist()) == list(range(count))
            assert int(checkpoint.tree.nbytes[0]) == sum(t.nbytes for t in self.oracle(Path(checkpoint.path)).values())

    def test_opening_reads_no_payload(self, tmp_path: Path) -> None:
        tensors = {f"block.{i}.a.rather.long.name": random_tensor(torch.float32, (512, 257), i) for i in range(12)}
        path = self.written(tmp_path, tensors)
        content = path.read_bytes()
        with spying() as spy:
            checkpoint = opening.open_checkpoint(path)
        payload_read = 0
        for tensor in tensors.values():
            start = content.find(raw_bytes(tensor))
            if not self.raw_payload:
                assert start < 0
                continue
            assert start >= 0
            # The first bytes of any file are read to recognise it.
            payload_read += spy.bytes_read_inside(max(start, HEAD_BYTES), start + tensor.nbytes)
        assert payload_read <= self.overread
        if not self.raw_payload:
            assert spy.total < len(content) / 4
        checkpoint.close()

    def test_a_slice_is_the_slice_of_the_whole(self, tmp_path: Path) -> None:
        tensor = torch.arange(60.0).reshape(3, 4, 5)
        with sdviewer.open(self.written(tmp_path, {"t": tensor})) as checkpoint:
            ref = checkpoint.tensors["t"]
            for index in ((1,), (slice(None), 2), (slice(0, 3, 2), slice(None, None, -1), 4), (-1, -1, -1)):
                np.testing.assert_array_equal(ref.read_slice(index), tensor.numpy()[index])

    def test_the_bytes_stand_where_the_table_says(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, self.some_tensors())
        with sdviewer.open(path) as checkpoint:
            content = path.read_bytes()
            storages, (files, begins) = checkpoint.table.storages, places(checkpoint.sources.specs)
            for name, tensor in self.oracle(path).items():
                storage = int(checkpoint.table.storage[checkpoint.tensors[name].row])
                source = int(storages.source[storage])
                if not self.raw_payload or storages.encoding[storage] != Encoding.RAW or files[source] != str(path):
                    assert not self.raw_payload
                    continue
                at = int(storages.offset[storage]) + int(begins[source])
                assert content[at : at + tensor.nbytes] == raw_bytes(tensor)

    def test_cut_off_anywhere_it_opens_in_part_or_says_why_not(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, self.some_tensors())
        content, whole = path.read_bytes(), dict(self.oracle(path))
        for length in np.linspace(0, len(content) - 1, _TRUNCATIONS, dtype=int).tolist():
            path.write_bytes(content[:length])
            try:
                checkpoint = sdviewer.open(path)
            except CannotOpen as error:
                assert str(path) in str(error)  # noqa: PT017  # which of the two it is may differ from length to length
                continue
            with checkpoint:
                self._check_rest(checkpoint, whole)

    def _check_rest(self, checkpoint: Checkpoint, whole: Mapping[str, torch.Tensor]) -> None:
        """What a damaged file still lists is right, or cannot be read; and something says that it is damaged."""
        unread = 0
        for name, ref in checkpoint.tensors.items():
            if name in whole:
                try:
                    assert ref.codes().tobytes() == raw_bytes(whole[name])
                except CannotRead:
                    unread += 1
        if unread or len(checkpoint.tensors) < len(whole):
            assert checkpoint.problems

    def test_a_file_that_changes_while_it_is_open_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, self.some_tensors())
        with sdviewer.open(path) as checkpoint:
            ref = checkpoint.tensors["head.weight"]
            ref.codes()
            other = self.written(tmp_path, {"head.weight": torch.ones(2, 3)}, "other")
            other.replace(path)
            with pytest.raises(SourceChanged, match="file"):
                ref.codes()
            path.unlink()
            with pytest.raises(SourceChanged, match="file"):
                ref.numpy()

    def test_the_reader_process_gives_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = self.written(tmp_path, self.some_tensors())
        monkeypatch.setattr(limits, "LARGE_DESCRIPTION", -1)
        with sdviewer.open(path) as checkpoint:
            assert_holds(checkpoint, self.oracle(path))

    def test_closing_lets_the_file_go_and_reading_opens_it_again(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, self.some_tensors())
        checkpoint = sdviewer.open(os.fspath(path))
        checkpoint.tensors["head.weight"].codes()
        checkpoint.close()
        assert_holds(checkpoint, self.oracle(path))
        checkpoint.close()
