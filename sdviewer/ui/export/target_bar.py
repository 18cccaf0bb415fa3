"""TargetBar: what is written, where, and how: the options of an export beside its rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.edit.exporting import target_kind
from sdviewer.edit.plan import Options, TargetKind
from sdviewer.ui.detail.blocks import plain_label
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.theme import number_font
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_KINDS: tuple[tuple[TargetKind, str, str, str], ...] = (
    ("pt", "PyTorch file (.pt)", ".pt", "PyTorch (*.pt *.pth *.ckpt *.bin)"),
    ("safetensors", "safetensors", ".safetensors", "safetensors (*.safetensors)"),
    ("sharded", "Sharded safetensors (folder)", "", "Folder (*)"),
    ("npz", "NumPy archive (.npz)", ".npz", "NumPy archive (*.npz)"),
)
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_METADATA_HEIGHT = 74
_LONGEST_NAME = 40


class TargetBar(QWidget):
    """Shows options; what the user changes leaves it as other options, what is mistyped as `mistake`."""

    changed = Signal(object, str)
    """Other `Options`, and the topic on which they were typed."""

    target_changed = Signal()
    mistake_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options = Options()
        self._others: tuple[Section, ...] = ()
        self._filling = False
        self._stem = ""
        self.mistake = ""
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("Kind of file"))
        for kind, title, _, _ in _KINDS:
            self.kind.addItem(title, kind)
        self.path = QLineEdit()
        self.path.setAccessibleName(tr("File to write"))
        self.path.setPlaceholderText(tr("File to write"))
        self.path.setFont(number_font())
        self.path.setAcceptDrops(False)
        self.choose_button = _button(tr("Choose…"), tr("Choose the file to write"))
        self.layout_box = QComboBox()
        self.layout_box.setAccessibleName(tr("What stands around the state_dict"))
        for title, value in (
            (tr("As in the file"), "as"),
            (tr("Bare state_dict"), "unwrap"),
            (tr("Under a key"), "wrap"),
        ):
            self.layout_box.addItem(title, value)
        self.wrap = _line("Key", "state_dict", 130)
        self.shard = _line("Largest shard", "5 GB", 90)
        self.ties = QComboBox()
        self.ties.setAccessibleName(tr("Tensors that share their values"))
        self.ties.addItem(tr("a copy of each"), "copies")
        self.ties.addItem(tr("only the first, others noted"), "once")
        self.metadata_button = QToolButton()
        self.metadata_button.setText(tr("Metadata"))
        self.metadata_button.setCheckable(True)
        self.metadata_button.setToolTip(tr("Texts for the header of the file"))
        self.metadata_button.setAccessibleName(tr("Metadata: texts for the header of the file"))
        self.metadata = QPlainTextEdit()
        self.metadata.setAccessibleName(tr("Metadata, a line key=value each"))
        self.metadata.setPlaceholderText(tr("key=value, a line each; nothing behind the = drops what the source has"))
        self.metadata.setFont(number_font())
        self.metadata.setAcceptDrops(False)
        self.metadata.setTabChangesFocus(True)
        self.metadata.setFixedHeight(_METADATA_HEIGHT)
        self.metadata.hide()
        self.drops: dict[str, QCheckBox] = {}

        above = QHBoxLayout()
        above.setSpacing(6)
        above.addWidget(plain_label(tr("Write"), muted=True))
        above.addWidget(self.kind)
        above.addWidget(self.path, 1)
        above.addWidget(self.choose_button)
        self._layout_part = _part("Layout", self.layout_box, self.wrap)
        self._shard_part = _part("At most a shard", self.shard)
        self._ties_part = _part("Shared tensors", self.ties)
        self._drops_part = QWidget()
        self._drops_row = QHBoxLayout(self._drops_part)
        self._drops_row.setContentsMargins(0, 0, 12, 0)
        self._drops_row.addWidget(plain_label(tr("Leave out"), muted=True))
        flow = FlowLayout()
        for part in (self._layout_part, self._shard_part, self._ties_part, self._drops_part, self.metadata_button):
            flow.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(above)
        column.addLayout(flow)
        column.addWidget(self.metadata)

        self.kind.currentIndexChanged.connect(self._kind_chosen)
        self.path.textChanged.connect(self._path_typed)
        self.choose_button.clicked.connect(self.ask_for_target)
        self.layout_box.currentIndexChanged.connect(lambda: self._edited("layout"))
        self.wrap.textChanged.connect(lambda: self._edited("wrap"))
        self.shard.textChanged.connect(lambda: self._edited("shard"))
        self.ties.currentIndexChanged.connect(lambda: self._edited("ties"))
        self.metadata.textChanged.connect(lambda: self._edited("metadata"))
        self.metadata_button.toggled.connect(self.metadata.setVisible)
        self.show_options(self._options)

    @property
    def target(self) -> str:
        """The file to write, "" for none."""
        return self.path.text().strip()

    def show_source(self, path: str, others: Sequence[Section]) -> None:
        """Another source: a name beside it, and the parts of it that may be left out."""
        self._others = tuple(others)
        source = Path(path)
        self._stem = str(source.with_name(f"{source.stem if source.suffix else source.name}-export"))
        for box in self.drops.values():
            self._drops_row.removeWidget(box)
            box.hide()
            box.deleteLater()
        self.drops.clear()
        for section in self._others:
            box = QCheckBox(f"{shown(section.name, _LONGEST_NAME)} ({plural(len(section.rows), 'tensor')})")
            box.setText(box.text().replace("&", "&&"))
            box.toggled.connect(lambda: self._edited("drop"))
            self._drops_row.addWidget(box)
            self.drops[section.path or section.name] = box
        if not self.target:
            self._set_path(self._suggested(self._options.target))
        self.show_options(self._options)

    def show_options(self, options: Options) -> None:
        """Show these."""
        self._filling = True
        kind_changed = options.target != self._options.target
        self._options = options
        self.kind.setCurrentIndex(next(at for at, row in enumerate(_KINDS) if row[0] == options.target))
        layout = "unwrap" if options.unwrap else "wrap" if options.wrap else "as"
        if layout != "as" or self.layout_box.currentData() != "wrap":
            self.layout_box.setCurrentIndex(self.layout_box.findData(layout))
        if self.wrap.text() != options.wrap:
            self.wrap.setText(options.wrap)
        if _bytes_of(self.shard.text()) != options.shard_bytes:
            self.shard.setText(_size_text(options.shard_bytes))
        self.ties.setCurrentIndex(self.ties.findData(options.ties))
        for section in self._others:
            box = self.drops[section.path or section.name]
            box.setChecked(bool({section.kind, section.name, section.path} & set(options.drop)))
        if _metadata_of(self.metadata.toPlainText()) != dict(options.metadata):
            self.metadata.setPlainText("\n".join(f"{key}={text}" for key, text in options.metadata.items()))
        if kind_changed:
            self._set_path(self._with_ending(self.target, options.target))
        self._filling = False
        self._show_parts()
        self._check()

    def ask_for_target(self) -> None:
        """Let the user choose the file; whether it may be replaced is asked before it is written."""
        kind = next(row for row in _KINDS if row[0] == self._options.target)
        filters = ";;".join(row[3] for row in (kind, *(row for row in _KINDS if row is not kind)))
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Export"), self.target, filters, kind[3], QFileDialog.Option.DontConfirmOverwrite
        )
        if path:
            self.path.setText(path if Path(path).suffix or kind[0] == "sharded" else path + kind[2])

    def set_target(self, path: str) -> None:
        """Write this file."""
        self.path.setText(path)

    def _suggested(self, kind: TargetKind) -> str:
        return self._stem + next(row[2] for row in _KINDS if row[0] == kind)

    def _with_ending(self, path: str, kind: TargetKind) -> str:
        """The same name with the ending of a kind, if it has not one of this kind already."""
        if not path or target_kind(path) == kind:
            return path
        known = {row[2] for row in _KINDS if row[2]} | {".pth", ".ckpt", ".bin"}
        stem = path[: -len(Path(path).suffix)] if Path(path).suffix.lower() in known else path
        return stem + next(row[2] for row in _KINDS if row[0] == kind)

    def _set_path(self, path: str) -> None:
        filling, self._filling = self._filling, True
        if path != self.path.text():
            self.path.setText(path)
        self._filling = filling
        self.target_changed.emit()

    def _kind_chosen(self) -> None:
        if not self._filling:
            kind: TargetKind = self.kind.currentData()
            self.changed.emit(self._for_kind(kind), "")

    def _for_kind(self, kind: TargetKind) -> Options:
        # What only torch files have is not asked of others.
        if kind == "pt":
            return replace(self._options, target=kind)
        return replace(self._options, target=kind, wrap="", unwrap=False)

    def _path_typed(self) -> None:
        if self._filling:
            return
        kind = target_kind(self.target) if Path(self.target).suffix else self._options.target
        if self.target and kind != self._options.target and Path(self.target).suffix:
            # Its name says what the file is.
            self._options = self._for_kind(kind)
            self.changed.emit(self._options, "path")
            self.show_options(self._options)
        self._check()
        self.target_changed.emit()

    def _edited(self, topic: str) -> None:
        if self._filling:
            return
        self._show_parts()
        layout = self.layout_box.currentData()
        metadata = _metadata_of(self.metadata.toPlainText())
        size = _bytes_of(self.shard.text())
        # Recipes call parts by their kinds; a part without its like is told by its name.
        options = replace(
            self._options,
            unwrap=layout == "unwrap",
            wrap=self.wrap.text() if layout == "wrap" else "",
            shard_bytes=size or self._options.shard_bytes,
            ties=self.ties.currentData(),
            drop=tuple(name for name, box in self.drops.items() if box.isChecked()),
            metadata=MappingProxyType(metadata) if metadata is not None else self._options.metadata,
        )
        self._check()
        if options != self._options:
            self._options = options
            self.changed.emit(options, topic if topic in {"wrap", "shard", "metadata"} else "")

    def _show_parts(self) -> None:
        """What the kind of file has no use for is not in sight."""
        kind = self._options.target
        self._layout_part.setVisible(kind == "pt")
        self.wrap.setVisible(self.layout_box.currentData() == "wrap")
        self._shard_part.setVisible(kind == "sharded")
        self._ties_part.setVisible(kind != "pt")
        self._drops_part.setVisible(bool(self.drops))
        has_header = kind in {"safetensors", "sharded"}
        self.metadata_button.setVisible(has_header)
        self.metadata.setVisible(has_header and self.metadata_button.isChecked())

    def _check(self) -> None:
        mistake = ""
        if not self.target:
            mistake = "No file is named"
        elif self._options.target == "sharded" and not _bytes_of(self.shard.text()):
            mistake = "The largest shard is no size such as 5 GB or 500 MiB"
        elif _metadata_of(self.metadata.toPlainText()) is None:
            mistake = "A line of the metadata is no key=value"
        elif self._options.target == "pt" and self.layout_box.currentData() == "wrap" and not self.wrap.text():
            mistake = "The key around the state_dict is empty"
        if mistake != self.mistake:
            self.mistake = mistake
            self.mistake_changed.emit()


def _bytes_of(text: str) -> int:
    """Bytes of a size such as "5 GB", 0 if it is none."""
    found = _SIZE.fullmatch(text)
    return int(float(found[1]) * _UNITS.get(found[2].lower(), 0)) if found is not None else 0


def _size_text(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("GiB", 2**30), ("MB", 10**6), ("MiB", 2**20), ("KB", 10**3), ("KiB", 2**10)):
        if count and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"


def _metadata_of(text: str) -> dict[str, str] | None:
    """Lines key=value; None if one is not so."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if line.strip() and not (equals and key.strip()):
            return None
        if line.strip():
            found[key.strip()] = value.strip()
    return found


def _line(name: str, hint: str, width: int) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setPlaceholderText(hint)
    line.setAcceptDrops(False)
    line.setFixedWidth(width)
    return line


def _part(title: str, *widgets: QWidget) -> QWidget:
    part = QWidget()
    row = QHBoxLayout(part)
    row.setContentsMargins(0, 0, 12, 0)
    row.setSpacing(6)
    row.addWidget(plain_label(title, muted=True))
    for widget in widgets:
        row.addWidget(widget)
    return part


def _button(text: str, name: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(tooltip(name))
    button.setAccessibleName(name)
    return button
