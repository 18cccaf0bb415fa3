"""A scan reads every place of a file once, says what numpy says, and goes on when tensors cannot be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sdviewer.analysis import scan_order
from sdviewer.analysis.blocks import BLOCK_BYTES, Blocks
from sdviewer.analysis.scan import Further, Scan
from sdviewer.analysis.statistics import TensorStatistics
from sdviewer.analysis.statistics_table import Filled
from sdviewer.checkpoint.decoding import Codes
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import Cancelled, MissingBytes, NotDense, SourceChanged
from sdviewer.formats.opening import open_checkpoint
from tests.helpers import samples
from tests.helpers.figures import assert_describes
from tests.helpers.saved import opened
from tests.helpers.spying import Spy, spying

Int64 = npt.NDArray[np.int64]


def statistics_of(scan: Scan, name: str) -> TensorStatistics:
    figures = scan.table.figures(scan.checkpoint.tensors[name].row)
    assert figures is not None, scan.failed
    return figures.statistics()


def scanned(checkpoint: Checkpoint, **options: Any) -> Scan:
    scan = Scan(checkpoint, **options)
    scan.run()
    return scan


def assert_read_once(spy: Spy, payload: int) -> None:
    """No byte was read twice, and beside the payload little more than headers between entries."""
    assert spy.total == spy.bytes_read_inside(0, 1 << 60)
    assert payload <= spy.total <= payload + 1024 * len(spy.reads) * 64


@pytest.mark.parametrize("form", sorted(samples.ALL))
def test_a_scan_says_of_every_tensor_of_every_format_what_numpy_says(form: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    samples.ALL[form](path)
    checkpoint = open_checkpoint(path)
    scan = scanned(checkpoint)
    assert {type(error) for error in scan.failed.values()} <= {NotDense}
    counted = {name: ref for name, ref in checkpoint.tensors.items() if ref.row not in scan.failed}
    assert counted
    for name, ref in counted.items():
        assert_describes(statistics_of(scan, name), ref.numpy())


def test_all_kinds_of_values_and_forms_are_counted(tmp_path: Path) -> None:
    torch.manual_seed(0)
    base = torch.randn(300, 200)
    odd = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-42, 3e38])
    tensors = {
        "float32": base,
        "transposed": base.t(),
        "strided": base[::3, 1::7],
        "expanded": torch.randn(5, 1).expand(5, 70),
        "float64": base.double() * 1e300,
        "bfloat16": base.bfloat16(),
        "float16": base.half(),
        "int64": torch.tensor([-(2**63), 2**63 - 1, 0]),
        "uint8": torch.arange(256).to(torch.uint8),
        "bool": base > 0,
        "complex": torch.randn(40, dtype=torch.complex64),
        "odd": odd,
        "nothing finite": odd[:3],
        "empty": torch.zeros(3, 0),
        "scalar": torch.tensor(2.5),
    }
    checkpoint = opened(tmp_path, tensors)
    scan = scanned(checkpoint)
    assert not scan.failed
    for name, tensor in tensors.items():
        values = tensor.float() if tensor.dtype in {torch.bfloat16, torch.float16} else tensor
        assert_describes(statistics_of(scan, name), values.numpy())


def test_what_several_names_share_is_read_once_and_told_of_each(tmp_path: Path) -> None:
    weight = torch.randn(1000, 100)
    checkpoint = opened(tmp_path, {"embed": weight, "other": torch.randn(500), "head": weight})
    with spying() as spy:
        scan = scanned(checkpoint)
    assert scan.total == weight.nbytes + 4 * 500
    assert_read_once(spy, scan.total)
    assert statistics_of(scan, "embed") == statistics_of(scan, "head")


def test_views_that_only_overlap_are_told_apart(tmp_path: Path) -> None:
    base = torch.arange(100.0)
    checkpoint = opened(
        tmp_path, {"all": base, "tail": base[50:], "tail again": base[50:], "square": base.view(10, 10)}
    )
    scan = scanned(checkpoint)
    for name, tensor in (("all", base), ("tail", base[50:]), ("tail again", base[50:]), ("square", base)):
        assert_describes(statistics_of(scan, name), tensor.numpy())


def test_the_file_is_read_in_its_order(tmp_path: Path) -> None:
    tensors = {str(i): torch.full((5000,), float(i)) for i in range(40)}
    checkpoint = opened(tmp_path, tensors)
    rows = np.array([int(name) for name in tensors])
    with spying() as spy:
        scanned(checkpoint, rows=rows[::-1], threads=1)
    offsets = [offset for _, offset, _ in spy.reads]
    assert offsets == sorted(offsets)
    assert_read_once(spy, 40 * 20_000)


def test_only_the_rows_asked_for_are_read(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.randn(100), "b": torch.randn(200), "c": torch.randn(300)})
    with spying() as spy:
        scan = scanned(checkpoint, rows=np.array([1]))
    assert spy.total == 800
    assert scan.table.filled.tolist() == [Filled.NOTHING, scan.table.filled[1], Filled.NOTHING]
    assert_describes(statistics_of(scan, "b"), checkpoint.tensors["b"].numpy())


def large(folder: Path, elements: int = 3_000_000, others: int = 3) -> tuple[Checkpoint, dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    tensors = {"large": torch.randn(elements)} | {f"small.{i}": torch.randn(1000 + i) for i in range(others)}
    return opened(folder, tensors), tensors


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors are cut where real ones of gigabytes are."""
    monkeypatch.setattr(scan_order, "PART_BYTES", 1 << 20)


@pytest.mark.usefixtures("in_parts")
def test_a_large_tensor_counted_in_parts_is_the_same_tensor(tmp_path: Path) -> None:
    checkpoint, tensors = large(tmp_path)
    with spying() as spy:
        scan = scanned(checkpoint)
    assert scan.total == sum(tensor.nbytes for tensor in tensors.values())
    assert_read_once(spy, scan.total)
    for name, tensor in tensors.items():
        assert_describes(statistics_of(scan, name), tensor.numpy())


@pytest.mark.usefixtures("in_parts")
def test_no_digit_depends_on_the_number_of_threads_or_on_chance(tmp_path: Path) -> None:
    checkpoint, _ = large(tmp_path)
    once = scanned(checkpoint, threads=1)
    for _ in range(3):
        again = scanned(checkpoint, threads=3)
        figures, expected = again.table.figures(0), once.table.figures(0)
        assert figures is not None
        assert expected is not None
        assert np.array_equal(figures.values, expected.values, equal_nan=True)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_sparse_nested_and_meta_tensors_say_so_and_their_parts_are_counted(tmp_path: Path) -> None:
    sparse = (3 * torch.eye(4)).to_sparse()
    checkpoint = opened(tmp_path, {"sparse": sparse, "meta": torch.empty(3, device="meta"), "w": torch.ones(2)})
    scan = scanned(checkpoint)
    assert {checkpoint.table.name[row]: type(error) for row, error in scan.failed.items()} == {
        "sparse": NotDense,
        "meta": NotDense,
    }
    assert "'sparse/values'" in scan.table.errors[0]
    component = checkpoint.tensors["sparse"].components["values"]
    figures = scan.table.figures(component.row)
    assert figures is not None
    assert_describes(figures.statistics(), sparse.values().numpy())


@pytest.mark.filterwarnings("ignore:torch.quantize_per")
def test_quantised_tensors_are_counted_by_their_real_values(tmp_path: Path) -> None:
    per_tensor = torch.quantize_per_tensor(torch.randn(50, 4), 0.1, 3, torch.qint8)
    per_channel = torch.quantize_per_channel(
        torch.randn(3, 40), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([9, 100, 128]), 0, torch.quint8
    )
    checkpoint = opened(tmp_path, {"per tensor": per_tensor, "per channel": per_channel})
    scan = scanned(checkpoint)
    assert not scan.failed
    assert_describes(statistics_of(scan, "per tensor"), per_tensor.dequantize().numpy())
    assert_describes(statistics_of(scan, "per channel"), per_channel.dequantize().numpy())


# -- while it runs --------------------------------------------------------------------------------


def test_results_are_told_while_it_runs_and_each_row_once(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {str(i): torch.randn(50) for i in range(500)})
    told: list[list[int]] = []
    threads = set()

    def on_filled(rows: Int64) -> None:
        told.append(rows.tolist())
        threads.add(threading.current_thread())
        assert (scan.table.filled[rows] != Filled.NOTHING).all()

    scan = Scan(checkpoint, on_filled=on_filled)
    scan.run()
    assert sorted(row for rows in told for row in rows) == list(range(500))
    assert threads == {threading.current_thread()}


def test_progress_is_in_bytes_and_ends_with_all_of_them(tmp_path: Path) -> None:
    checkpoint, tensors = large(tmp_path)
    told: list[tuple[int, int, str]] = []
    Scan(checkpoint).run(Control(lambda done, total, note: told.append((done, total, note))))
    nbytes = sum(tensor.nbytes for tensor in tensors.values())
    assert told[-1][:2] == (nbytes, nbytes)
    assert all(total == nbytes for _, total, _ in told if total > 100)
    assert [done for done, total, _ in told if total == nbytes] == sorted(
        done for done, total, _ in told if total == nbytes
    )


class Slowly:
    """Reads of payload take some milliseconds, and can be stopped at a place."""

    def __init__(self, seconds: float = 0.002) -> None:
        self.seconds = seconds
        self.blocks = 0

    def __enter__(self) -> Self:
        read = Blocks.read

        def slow(blocks: Blocks, index: int, buffer: Any = None) -> Codes:
            self.blocks += 1
            time.sleep(self.seconds)
            return read(blocks, index, buffer)

        self._patch = patch.object(Blocks, "read", slow)
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_a_cancelled_scan_ends_soon_and_goes_on_where_it_was(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {str(i): torch.randn(5000) for i in range(400)})
    scan, control = Scan(checkpoint), Control()
    with Slowly() as slowly:
        thread, errors = in_background(lambda: scan.run(control))
        wait_until(lambda: bool(scan.table.filled.any()))
        control.cancel()
        thread.join()
        assert [type(error) for error in errors] == [Cancelled]
        known = np.flatnonzero(scan.table.filled)
        assert 0 < len(known) < 400
        before = slowly.blocks
        scan.run()
        assert slowly.blocks - before == 400 - len(known)
    for name, ref in checkpoint.tensors.items():
        assert_describes(statistics_of(scan, name), ref.numpy())


@pytest.mark.usefixtures("in_parts")
def test_a_cancelled_scan_of_one_large_tensor_goes_on_as_well(tmp_path: Path) -> None:
    checkpoint, tensors = large(tmp_path)
    scan, control = Scan(checkpoint), Control()
    with Slowly(0.01) as slowly:
        thread, _ = in_background(lambda: scan.run(control))
        wait_until(lambda: slowly.blocks > 4)
        control.cancel()
        thread.join()
    scan.run()
    for name, tensor in tensors.items():
        assert_describes(statistics_of(scan, name), tensor.numpy())


def test_a_paused_scan_reads_nothing_until_it_goes_on(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {str(i): torch.randn(5000) for i in range(300)})
    scan = Scan(checkpoint)
    with Slowly() as slowly:
        thread, errors = in_background(scan.run)
        wait_until(lambda: slowly.blocks > 10)
        scan.pause()
        assert scan.paused
        time.sleep(0.1)
        at = slowly.blocks
        time.sleep(0.1)
        assert slowly.blocks == at < 300
        scan.resume()
        thread.join()
    assert not errors
    assert (scan.table.filled != Filled.NOTHING).all()


def test_a_paused_scan_can_be_cancelled(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {str(i): torch.randn(5000) for i in range(300)})
    scan, control = Scan(checkpoint), Control()
    with Slowly() as slowly:
        thread, errors = in_background(lambda: scan.run(control))
        wait_until(lambda: slowly.blocks > 10)
        scan.pause()
        control.cancel()
        thread.join(5)
        assert not thread.is_alive()
    assert [type(error) for error in errors] == [Cancelled]


@pytest.mark.usefixtures("in_parts")
def test_what_is_preferred_comes_first(tmp_path: Path) -> None:
    tensors = {str(i): torch.randn(5000) for i in range(600)} | {"large": torch.randn(1_000_000)}
    checkpoint = opened(tmp_path, tensors)
    order: list[int] = []
    scan = Scan(checkpoint, on_filled=lambda rows: order.extend(rows.tolist()), threads=1)
    scan.prefer(600)
    scan.prefer(599)
    scan.run()
    assert sorted(order[:2]) == [599, 600]
    assert sorted(order) == list(range(601))
    assert_describes(statistics_of(scan, "large"), tensors["large"].numpy())


def test_what_is_filled_already_is_not_read_again(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.randn(100), "b": torch.randn(200)})
    first = scanned(checkpoint, rows=np.array([0]))
    with spying() as spy:
        scanned(checkpoint, table=first.table)
    assert spy.total == 800


# -- what can go wrong ----------------------------------------------------------------------------


def test_missing_bytes_concern_one_tensor_and_the_scan_goes_on(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.randn(100), "b": torch.randn(200), "c": torch.randn(300)})
    checkpoint.table.storages.nbytes[int(checkpoint.table.storage[1])] = 100
    scan = scanned(checkpoint)
    assert {row: type(error) for row, error in scan.failed.items()} == {1: MissingBytes}
    assert scan.table.filled[1] == Filled.FAILED
    for name in ("a", "c"):
        assert_describes(statistics_of(scan, name), checkpoint.tensors[name].numpy())


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(bytes(path.stat().st_size))
    other.replace(path)


def overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(bytes(size))


@pytest.mark.parametrize("harm", [truncate, replace, overwrite, Path.unlink])
def test_a_file_that_is_changed_meanwhile_gives_no_wrong_figures(harm: Callable[[Path], None], tmp_path: Path) -> None:
    tensors = {str(i): torch.randn(5000) + i for i in range(300)}
    checkpoint = opened(tmp_path, tensors)
    path = tmp_path / "saved.pt"
    scan = Scan(checkpoint)
    with Slowly(0.001):
        thread, errors = in_background(scan.run)
        wait_until(lambda: bool(scan.table.filled.any()))
        harm(path)
        thread.join()
    assert not errors
    assert set(scan.table.filled.tolist()) > {Filled.FAILED}
    assert {type(error) for error in scan.failed.values()} <= {SourceChanged, MissingBytes}
    for row in np.flatnonzero(scan.table.filled != Filled.FAILED).tolist():
        name = checkpoint.table.name[row]
        assert_describes(statistics_of(scan, name), tensors[name].numpy())


@pytest.mark.usefixtures("in_parts")
def test_a_large_tensor_that_is_changed_meanwhile_has_only_an_error(tmp_path: Path) -> None:
    checkpoint, _ = large(tmp_path, others=0)
    scan = Scan(checkpoint)
    with Slowly(0.01) as slowly:
        thread, errors = in_background(scan.run)
        wait_until(lambda: slowly.blocks > 2)
        overwrite(tmp_path / "saved.pt")
        thread.join()
    assert not errors
    assert {row: type(error) for row, error in scan.failed.items()} == {0: SourceChanged}


def test_a_shard_that_vanished_concerns_its_own_tensors(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    samples.ALL["shards"](path)
    checkpoint = open_checkpoint(path)
    shards = sorted(path.glob("*.safetensors"))
    shards[0].unlink()
    scan = scanned(checkpoint)
    specs = checkpoint.sources.specs
    for row in range(len(checkpoint.table)):
        source = int(checkpoint.table.storages.source[checkpoint.table.storage[row]])
        assert (row in scan.failed) == (specs[source].path == str(shards[0]))
    assert 0 < len(scan.failed) < len(checkpoint.table)


def test_a_fault_of_our_own_is_raised_and_leaves_no_thread(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, {"a": torch.ones(5000)})
    with patch.object(Blocks, "read", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        Scan(checkpoint).run()


# -- further work ---------------------------------------------------------------------------------


class Summing:
    """Adds up codes, and notes which block was seen in which part."""

    def new_share(self) -> list[tuple[int, int]]:
        return []

    def add(self, share: list[tuple[int, int]], index: int, codes: Codes) -> None:
        share.append((index, int(codes.sum(dtype=np.uint64))))

    def result(self, shares: Sequence[list[tuple[int, int]]]) -> tuple[list[int], int]:
        flat = [pair for share in shares for pair in share]
        return [index for index, _ in flat], sum(total for _, total in flat)


@pytest.mark.usefixtures("in_parts")
def test_further_work_sees_every_block_once_and_in_order(tmp_path: Path) -> None:
    weight = torch.randn(1_500_000)
    checkpoint = opened(tmp_path, {"large": weight, "tied": weight, "left out": torch.ones(3), "small": torch.ones(5)})
    kept: dict[tuple[int, ...], Any] = {}

    def begin(blocks: Blocks) -> Summing | None:
        return None if blocks.ref.name == "left out" else Summing()

    def keep(rows: Int64, result: Any) -> None:
        kept[tuple(rows.tolist())] = result

    with spying() as spy:
        scanned(checkpoint, further=[Further(begin, keep)])
    assert spy.total == weight.nbytes + 4 * 8
    blocks = -(-weight.nbytes // BLOCK_BYTES)
    assert kept == {
        (0, 1): (list(range(blocks)), int(weight.numpy().view(np.uint32).sum(dtype=np.uint64))),
        (3,): ([0], 5 * 0x3F800000),
    }
