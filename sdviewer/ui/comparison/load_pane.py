"""LoadPane: what `load_state_dict` would say, in both directions, in torch's own words."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import plural, shown, shown_lines
from sdviewer.comparison.load_check import LoadCheck, load_check
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.panes import DiffPane, scrolled
from sdviewer.ui.detail.blocks import CopyButton, NoteStrip, TextView, clear, heading, plain_label
from sdviewer.ui.detail.parts import Note, Text
from sdviewer.ui.error_strip import ErrorStrip
from sdviewer.ui.translating import tr

_LONGEST = 100_000
_CONVERSIONS_TOLD = 10


def both_ways(standing: Standing, control: Control) -> tuple[LoadCheck, LoadCheck]:
    """A into the model of B, and B into that of A.

    Raises:
        Cancelled: `control` was cancelled.

    """
    a, b = standing.matching.a, standing.matching.b
    return load_check(a, b, control), load_check(b, a, control)


class LoadPane(DiffPane):
    """Found by a job when it is first looked at."""

    def __init__(self, bridge: Bridge, slot: Hashable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._slot = bridge, (slot, "load check")
        self._standing: Standing | None = None
        self.notice = plain_label(tr("Checking …"), muted=True)
        self.error = ErrorStrip(self)
        self.parts = QVBoxLayout()
        self.parts.setSpacing(6)
        column = QVBoxLayout()
        column.setContentsMargins(20, 12, 20, 20)
        column.addWidget(self.error)
        column.addWidget(self.notice)
        column.addLayout(self.parts)
        column.addStretch(1)
        self.area = scrolled(column, tr("Load check"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)

    @property
    def is_settled(self) -> bool:
        """Whether both checks are there."""
        return self._slot not in self._bridge.running

    def show_node(self, standing: Standing, node: int) -> None:  # noqa: ARG002  # one for all
        """Check both sides, once."""
        if standing is self._standing:
            return
        self._standing = standing
        self._begin()

    def close_jobs(self) -> None:
        """Stop checking."""
        self._bridge.drop(self._slot)
        self._standing = None

    def _begin(self) -> None:
        standing = self._standing
        if standing is None:
            return
        clear(self.parts)
        self.error.clear()
        self.notice.show()
        self._bridge.start(
            Lane.COMPUTING,
            self._slot,
            lambda control: both_ways(standing, control),
            on_value=self._found,
            on_error=self._failed,
            on_stopped=self._stopped,
            title=tr("Checking what load_state_dict would say"),
        )

    def _found(self, found: tuple[LoadCheck, LoadCheck]) -> None:
        self.notice.hide()
        for check, title in zip(found, ("A into the model of B", "B into the model of A"), strict=True):
            self._tell(check, title)

    def _failed(self, error: BaseException) -> None:
        self.notice.hide()
        self.error.show_error(error, tr("The load check failed."), self._begin)

    def _stopped(self) -> None:
        self.notice.hide()
        self.error.show_stopped(tr("The load check was stopped."), self._begin)

    def _tell(self, found: LoadCheck, title: str) -> None:
        words = found.text()
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(heading(title), 1)
        if words:
            row.addWidget(CopyButton(tr("what torch says of {title}", title=title), words))
        self.parts.addWidget(line)
        for note in _verdicts(found):
            self.parts.addWidget(NoteStrip(note))
        if words:
            text = shown_lines(words.replace("\t", "    "), _LONGEST)
            self.parts.addWidget(TextView(Text(tr("What torch says: {title}", title=title), text)))
        if found.repair:
            does = "After these renames it succeeds" if found.repaired else "These renames help, if not with everything"
            rules = "\n".join(rule.text for rule in found.repair)
            copy = CopyButton(tr("the renames"))
            copy.clicked.connect(partial(self._copy, rules))
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(plain_label(f"{does}:"), 1)
            row.addWidget(copy)
            self.parts.addWidget(line)
            told = "\n".join(f"{shown(rule.text)}    ({plural(rule.keys, 'key')})" for rule in found.repair)
            self.parts.addWidget(TextView(Text(tr("Renames that repair it"), told)))
        unknown = plain_label(tr("Not known from state_dicts: ") + "; ".join(found.unknown) + ".", muted=True)
        unknown.setWordWrap(True)
        self.parts.addWidget(unknown)

    def _copy(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.message.emit(tr("Copied the renames."))


def _verdicts(found: LoadCheck) -> list[Note]:
    notes = []
    if found.succeeds:
        notes.append(Note("info", tr("load_state_dict(strict=True) succeeds.")))
    else:
        notes.append(Note("error", tr("load_state_dict(strict=True) fails.")))
        count = len(found.uninitialised)
        left = plural(count, "tensor") if count else "nothing"
        notes.append(
            Note(
                "warning",
                tr("load_state_dict(strict=False) succeeds and leaves {left} of the model uninitialised.", left=left),
            )
            if found.succeeds_loosely
            else Note("error", tr("load_state_dict(strict=False) fails too: shapes differ."))
        )
    if found.dtype_converted:
        told = "; ".join(
            f"{shown(item.key)}: {item.dtype_in_checkpoint} to {item.dtype_in_model}"
            for item in found.dtype_converted[:_CONVERSIONS_TOLD]
        )
        more = len(found.dtype_converted) - _CONVERSIONS_TOLD
        notes.append(
            Note(
                "warning",
                tr(
                    "{tensors} converted in silence: {told}",
                    tensors=plural(len(found.dtype_converted), "tensor"),
                    told=told,
                )
                + (tr("; and {more:,} more", more=more) if more > 0 else ""),
            )
        )
    return notes
