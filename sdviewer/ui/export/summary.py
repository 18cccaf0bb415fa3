"""Summary: what would be written, what stands against it, and what is to be known."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QColor, QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from sdviewer.checkpoint.wording import bytes_for_people, plural, shown
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.export.planning import Planned, Shown
from sdviewer.ui.focus_frame import ScrollArea
from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_LONGEST = 1500
_MOST_HEIGHT = 96


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a plan.

    Attributes:
        facts: counts, on one line.
        exact: the exact figures.
        against: why nothing can be written, empty if it can.
        notes: what is to be known.

    """

    facts: str
    exact: str
    against: tuple[str, ...]
    notes: tuple[str, ...]


def verdict_of(planned: Planned) -> Verdict:
    """The words for a plan."""
    plan = planned.facts.plan
    count, nbytes = len(plan.keys), plan.nbytes
    beside = sum(len(section.rows) for section in plan.kept_sections)
    parts = [f"{plural(count, 'tensor')}"]
    if beside:
        parts.append(f"{plural(beside, 'tensor')} of other parts, as they are")
    parts.append(f"{bytes_for_people(nbytes)} to write")
    if planned.free >= 0:
        parts.append(f"{bytes_for_people(planned.free)} free")
    if plan.dropped:
        parts.append(f"{len(plan.dropped):,} dropped")
    renamed = planned.facts.counts[Shown.RENAMED]
    if renamed:
        parts.append(f"{renamed:,} renamed")
    if cast := planned.facts.counts[Shown.CAST]:
        parts.append(f"{cast:,} cast")
    against = [shown(str(reason), _LONGEST) for reason in plan.refusals]
    if 0 <= planned.free < nbytes:
        against.append(f"{bytes_for_people(nbytes)} are needed, but only {bytes_for_people(planned.free)} are free")
    notes = [shown(str(reason), _LONGEST) for reason in plan.warnings if reason.kind not in {"idle", "cast"}]
    idle = [shown(str(reason), _LONGEST) for reason in plan.warnings if reason.kind == "idle"]
    exact = f"{count:,} tensors\n{nbytes:,} bytes"
    return Verdict(" · ".join(parts), exact, tuple(map(_sentence, against)), tuple(map(_sentence, [*notes, *idle])))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


class Summary(QWidget):
    """Lines that grow to some height, and are scrolled from there on."""

    conflicts_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts = plain_label(selectable=True)
        self.facts.setAccessibleName(tr("Summary"))
        self.facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._lines: list[tuple[QLabel, str]] = []
        self._page = QWidget()
        self._rows = QVBoxLayout(self._page)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(2)
        self.area = ScrollArea(tr("What stands against the export, and what is to be known of it"))
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(self._page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.facts)
        column.addWidget(self.area)
        self.show_verdict(None)

    @property
    def texts(self) -> list[str]:
        """The lines below the counts."""
        return [label.text() for label, _ in self._lines]

    def show_verdict(
        self, verdict: Verdict | None, mistakes: tuple[str, ...] = (), found: tuple[str, ...] = ()
    ) -> None:
        """Show what is said of a plan, before it what is mistyped, behind it what its values say."""
        self.facts.setText(verdict.facts if verdict is not None else "")
        self.facts.setToolTip(tooltip(verdict.exact) if verdict is not None else "")
        wanted = [("✖", text, "error") for text in mistakes]
        if verdict is not None:
            wanted += [("✖", text, "error") for text in verdict.against]
            wanted += [("⚠", text, "warning") for text in (*found, *verdict.notes)]
        while len(self._lines) > len(wanted):
            label, _ = self._lines.pop()
            self._rows.removeWidget(label)
            label.hide()
            label.deleteLater()
        while len(self._lines) < len(wanted):
            label = plain_label(selectable=True)
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            self._rows.addWidget(label)
            self._lines.append((label, ""))
        for at, (sign, text, color) in enumerate(wanted):
            label = self._lines[at][0]
            label.setText(f"{sign} {text}")
            self._lines[at] = (label, color)
        self._color()
        self.area.setVisible(bool(wanted))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt
        """Narrower lines are higher."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """The lines take the colours of another theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_lines"):
            self._color()

    def _fit(self) -> None:
        width = max(self.width() - 20, 100)
        # By their texts: a label that was never shown does not know its height yet.
        room, wrap = QRect(0, 0, width, 100_000), Qt.TextFlag.TextWordWrap
        metrics = self.fontMetrics()
        height = sum(metrics.boundingRect(room, wrap, label.text()).height() + 4 for label, _ in self._lines)
        self.area.setFixedHeight(min(height + 2, _MOST_HEIGHT))

    def _color(self) -> None:
        c = colors()
        for label, name in self._lines:
            palette = QPalette(label.palette())
            palette.setColor(QPalette.ColorRole.WindowText, QColor(c.error if name == "error" else c.warning))
            label.setPalette(palette)
