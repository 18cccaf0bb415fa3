"""Reading back: tensors that were converted are converted once more, and compared with what was written."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.blocks import Blocks, new_buffer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.control import Control
from sdviewer.edit.ahead import PIECE
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.planned_keys import PlannedKey
from sdviewer.edit.storages import Converting, Piece
from sdviewer.errors import CannotWrite

_THREADS = 2
# Blocks that one thread takes at a time of a large tensor.
_RUN = 4


class NotAsItShouldBe(CannotWrite):
    """A tensor that was written is not what its source says."""

    def __init__(self, key: PlannedKey, path: str, error: str = "") -> None:
        what = error or "its values are not those of the source"
        super().__init__(f"was not written as it should be: {key.new!r}: {what}", file=path)


class _Tensor:
    """One tensor on both sides."""

    def __init__(self, key: PlannedKey, source: TensorRef, written: TensorRef) -> None:
        self.key = key
        self.converting = Converting(Piece(source, key.dtype_after))
        self.converting.blocks.check_unchanged()
        self.written = Blocks(written, max(self.converting.nbytes, 1), memory_order=False)

    def runs(self) -> Iterator[range]:
        count = len(self.converting.blocks)
        return (range(first, min(first + _RUN, count)) for first in range(0, count, _RUN))


class ReadingBack:
    """Two threads take the tensors in turn, block by block; a large one is split over both."""

    def __init__(
        self, plan: ExportPlan, converted: Sequence[tuple[PlannedKey, int]], result: Checkpoint, control: Control
    ) -> None:
        self._plan, self._converted, self._result, self._control = plan, converted, result, control
        self._total = sum(key.nbytes for key, _ in converted)
        self._done = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._steps = self._all_steps()

    def run(self) -> None:
        """Until all is compared.

        Raises:
            NotAsItShouldBe: a value is not that of the source.
            CannotRead: and its kinds: one of the sides cannot be read.
            Cancelled: the control was cancelled.

        """
        with ThreadPoolExecutor(_THREADS - 1, "reading back") as pool:
            others = [pool.submit(self._take) for _ in range(_THREADS - 1)]
            self._take()
            for other in others:
                other.result()

    def _all_steps(self) -> Iterator[tuple[_Tensor, range]]:
        for key, row in self._converted:
            tensor = _Tensor(key, self._plan.ref(key), TensorRef(self._result, row))
            yield from ((tensor, run) for run in tensor.runs())

    def _take(self) -> None:
        try:
            buffers = [new_buffer(PIECE) for _ in range(3)]
            while not self._stopped.is_set():
                with self._lock:
                    step = next(self._steps, None)
                if step is None:
                    return
                self._compare(*step, *buffers)
        except BaseException:
            self._stopped.set()
            raise

    def _compare(
        self,
        tensor: _Tensor,
        run: range,
        source: npt.NDArray[np.uint8],
        expected: npt.NDArray[np.uint8],
        written: npt.NDArray[np.uint8],
    ) -> None:
        for index in run:
            self._control.check()
            wanted = tensor.converting.convert(index, source, lambda nbytes: expected[:nbytes])
            found = tensor.written.read(index, written)
            if not _are_same(wanted, np.ascontiguousarray(found).reshape(-1).view(np.uint8)):
                raise NotAsItShouldBe(tensor.key, self._result.path)
            with self._lock:
                self._done += len(wanted)
                done = self._done
            self._control.report(done, self._total, "comparing")
        tensor.converting.blocks.check_unchanged()


def _are_same(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> bool:
    """Whether bytes are the same, most of them eight at a time."""
    whole = len(a) // 8 * 8
    if not np.array_equal(a[:whole].view(np.uint64), b[:whole].view(np.uint64)):
        return False
    return np.array_equal(a[whole:], b[whole:])
