"""ValueTasks: copying and saving values, as jobs that outlive the tensor on the screen."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtGui import QGuiApplication

from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.value_copying import as_python, as_tsv, most_copied
from sdviewer.checkpoint.value_frame import Frame
from sdviewer.checkpoint.value_saving import saved_dtype, write_npy
from sdviewer.checkpoint.wording import bytes_for_people, shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.pane_tasks import PaneTasks
from sdviewer.ui.translating import tr

_LONGEST_FILE_NAME = 100


def file_name_for(ref: TensorRef) -> str:
    """A name for the .npy of a tensor that every file system takes."""
    safe = re.sub(r"[^\w.\-]+", "_", ref.name).strip("._") or "tensor"
    return f"{safe[-_LONGEST_FILE_NAME:]}.npy"


class ValueTasks(PaneTasks):
    """The tasks of one values table."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QObject | None = None) -> None:
        super().__init__(bridge, slot, Lane.READING, parent)

    @property
    def is_busy(self) -> bool:
        """Whether a task is on its way."""
        return bool(self.slots)

    def copy(self, ref: TensorRef, frame: Frame, rows: range, columns: range, *, python: bool) -> str:
        """Put a rectangle on the clipboard; returns why not, "" if the job has begun."""
        count, most = len(rows) * len(columns), most_copied(ref)
        if count > most:
            return (
                f"{count:,} values are selected, and at most {most:,} can be copied: "
                "select fewer, or save the tensor as .npy."
            )
        make = as_python if python else as_tsv

        def work(control: Control) -> bytes:
            return make(ref, frame, rows, columns, control).encode()

        def put(text: bytes) -> None:
            # As bytes: to turn a million values into a text of Qt would hold up the window.
            data = QMimeData()
            data.setData("text/plain", text)
            QGuiApplication.clipboard().setMimeData(data)
            values = "1 value" if count == 1 else f"{count:,} values"
            self.done.emit(tr("Copied {values} as {value}.", values=values, value="a Python list" if python else "TSV"))

        self.start_copy(f"Copying {count:,} values", work, put)
        return ""

    def save(self, ref: TensorRef, target: str) -> None:
        """Write the whole tensor into a .npy file."""
        name, dtype = shown(Path(target).name, 60), saved_dtype(ref)

        def work(control: Control) -> int:
            return write_npy(ref, target, control)

        def tell(written: int) -> None:
            # The values are the same; the dtype is the one that numpy has for them.
            widened = "" if dtype == ref.dtype else f" as {dtype}, because numpy has no {ref.dtype}"
            self.done.emit(
                tr("Saved {name}, {written}{widened}.", name=name, written=bytes_for_people(written), widened=widened)
            )

        self.start_save(f"Saving {name}", work, tell, bytes_a_step=ref.nbytes / max(ref.numel, 1))
