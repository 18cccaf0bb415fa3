"""RuleForm: the fields of one rule, each change of which is a new rule."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.wording import plural, shown
from sdviewer.edit.rules import AUTO, CASTABLE, BadRule, CastTo, RenameKeys, Rule, StripPrefix, WrapperUse
from sdviewer.search.query import Mistake, parse
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.filter.line import FilterLine
from sdviewer.ui.theme import colors, number_font
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

# A table of more names is edited in a file.
_MOST_TYPED = 2_000
_TABLE_HEIGHT = 110


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field of a rule: the attribute, its label, and what an empty line shows."""

    name: str
    label: str
    hint: str


@dataclass(frozen=True, slots=True)
class KindSpec:
    """A kind of rule as its menu entry and its form show it."""

    title: str
    about: str
    fields: tuple[FieldSpec, ...] = ()


_FILTER = FieldSpec("filter", tr("Filter"), tr("words, *.weight, dtype:bf16 …"))
KINDS: Mapping[str, KindSpec] = {
    "include": KindSpec(tr("Include"), tr("Keep what the filter fits; several in a row are alternatives."), (_FILTER,)),
    "exclude": KindSpec(tr("Exclude"), tr("Leave out what the filter fits."), (_FILTER,)),
    "strip_prefix": KindSpec(
        tr("Strip prefix"),
        tr("Take it away from names that begin with it."),
        (FieldSpec("prefix", tr("Prefix"), tr("module.")),),
    ),
    "add_prefix": KindSpec(
        tr("Add prefix"), tr("Put it before every name."), (FieldSpec("prefix", tr("Prefix"), tr("backbone.")),)
    ),
    "replace_prefix": KindSpec(
        tr("Replace prefix"),
        tr("Names that begin with the old one begin with the new one."),
        (FieldSpec("old", tr("Old"), tr("encoder.")), FieldSpec("new", tr("New"), tr("backbone."))),
    ),
    "rename": KindSpec(
        tr("Rename by regex"),
        tr(r"What the regex finds becomes the new text; groups are \1 or \g<name>."),
        (
            FieldSpec("pattern", tr("Regex"), tr(r"layers\.(\d+)")),
            FieldSpec("replacement", tr("New text"), tr(r"blocks.\1")),
        ),
    ),
    "template": KindSpec(
        tr("Rename by template"),
        tr("Whole names; {rest} may hold dots, other parts in braces do not."),
        (FieldSpec("old", tr("Old"), tr("h.{layer}.{rest}")), FieldSpec("new", tr("New"), tr("layers.{layer}.{rest}"))),
    ),
    "rename_keys": KindSpec(
        tr("Rename keys by a table"), tr("A line for each name: old,new"), (FieldSpec("keys", "", ""),)
    ),
    "cast": KindSpec(
        tr("Cast"),
        tr("Convert floating point tensors: all, or those that the filter fits."),
        (FieldSpec("dtype", tr("To"), ""), FieldSpec("filter", tr("Filter"), tr("all"))),
    ),
    "sort": KindSpec(tr("Sort"), tr("Names in natural order, 2 before 10, instead of the file's order.")),
}


class RuleForm(QWidget):
    """Shows one rule. What is not understood stays as it is typed and is told; the rule stays as it was."""

    changed = Signal(object)
    """The rule that the fields say."""

    mistake_changed = Signal()
    file_wanted = Signal()
    """The user wants a table of names from a file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rule: Rule | None = None
        self._reads: dict[str, Callable[[], Any]] = {}
        self._shows: dict[str, Callable[[Any], None]] = {}
        self._lines: dict[str, FilterLine] = {}
        self._filling = False
        self._wrappers: tuple[WrapperUse, ...] = ()
        self._mistake: Mistake | None = None
        self.mistake = ""
        self.inputs: dict[str, QWidget] = {}
        self.message = plain_label()
        self.message.setWordWrap(True)
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.suggestion = QPushButton()
        self.suggestion.setFont(number_font())
        self.suggestion.setAutoDefault(False)
        self.suggestion.clicked.connect(self._take_suggestion)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 2, 10, 8)
        self._column.setSpacing(4)
        self._body: QWidget | None = None
        self._column.addWidget(self.message)
        self._column.addWidget(self.suggestion)
        self._say("")

    def show_wrappers(self, wrappers: Sequence[WrapperUse]) -> None:
        """The known wrappers that names begin with, to be offered."""
        if tuple(wrappers) == self._wrappers:
            return
        self._wrappers = tuple(wrappers)
        box = self.inputs.get("prefix")
        if isinstance(box, QComboBox) and not box.view().isVisible():
            self._filling = True
            text = box.currentText()
            self._offer(box)
            box.setEditText(text)
            self._filling = False

    def show_rule(self, rule: Rule | None) -> None:
        """Show another rule, or the same one with other values."""
        same_kind = rule is not None and self._rule is not None and rule.kind == self._rule.kind
        unchanged = rule == self._rule
        self._rule = rule
        if unchanged and not self.mistake:
            return
        if not same_kind:
            self._build(rule)
        if rule is not None:
            self._filling = True
            for name, show in self._shows.items():
                # A field that says this already keeps its cursor where it is.
                if same_kind and not self.mistake and self._value(name) == getattr(rule, name):
                    continue
                show(getattr(rule, name))
            self._filling = False
        self._tell(self._wrong_filter())

    def focus_first(self) -> None:
        """Begin to type."""
        first = next(iter(self.inputs.values()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.OtherFocusReason)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """The message takes the colours of another theme."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "suggestion"):
            self._color()

    def _build(self, rule: Rule | None) -> None:
        if self._body is not None:
            self._column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
            self._body = None
        for known in (self._reads, self._shows, self._lines, self.inputs):
            known.clear()
        if rule is None:
            return
        spec = KINDS[rule.kind]
        self._body = body = QWidget()
        form = QFormLayout(body)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(5)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        title = heading(spec.title)
        title.setContentsMargins(0, 4, 0, 0)
        form.addRow(title)
        about = plain_label(spec.about, muted=True)
        about.setWordWrap(True)
        about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        form.addRow(about)
        for each in spec.fields:
            widget = self._field(rule, each)
            widget.setAccessibleName(f"{spec.title}: {each.label or 'names'}")
            self.inputs[each.name] = widget
            label = plain_label(each.label)
            label.setBuddy(widget)
            if each.label:
                form.addRow(label, widget)
            else:
                form.addRow(widget)
        if isinstance(rule, RenameKeys):
            button = QPushButton(tr("From CSV…"))
            button.setAutoDefault(False)
            button.setToolTip(tr("Read a table of old,new names from a file"))
            button.clicked.connect(self.file_wanted)
            form.addRow(button)
        self._column.insertWidget(0, body)

    def _field(self, rule: Rule, spec: FieldSpec) -> QWidget:
        if spec.name == "keys":
            return self._table_field()
        if spec.name == "dtype":
            choice = QComboBox()
            choice.addItems(CASTABLE)
            choice.currentTextChanged.connect(self._edited)
            self._reads[spec.name], self._shows[spec.name] = choice.currentText, choice.setCurrentText
            return choice
        if spec.name == "prefix" and isinstance(rule, StripPrefix):
            box = QComboBox()
            box.setEditable(True)
            box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            typed = QLineEdit()
            typed.setFont(number_font())
            typed.setPlaceholderText(spec.hint)
            typed.setAcceptDrops(False)
            box.setLineEdit(typed)
            # Completed is what is offered with its explanation; a prefix is short.
            box.setCompleter(None)  # type: ignore[arg-type]  # Qt takes none
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            self._offer(box)
            box.activated.connect(lambda at, box=box: box.setEditText(box.itemData(at)))
            box.editTextChanged.connect(self._edited)
            self._reads[spec.name], self._shows[spec.name] = box.currentText, box.setEditText
            return box
        line: QLineEdit
        if spec.name == "filter":
            line = self._lines[spec.name] = FilterLine()
        else:
            line = QLineEdit()
            line.setFont(number_font())
            line.setAcceptDrops(False)
        line.setPlaceholderText(spec.hint)
        line.textChanged.connect(self._edited)
        self._reads[spec.name], self._shows[spec.name] = line.text, line.setText
        return line

    def _offer(self, box: QComboBox) -> None:
        box.clear()
        for use in self._wrappers:
            box.addItem(f"{use.prefix}   {plural(use.keys, 'key')} · {use.title}", use.prefix)
        box.addItem(tr("auto   every known wrapper, until none is left"), AUTO)
        box.setCurrentIndex(-1)
        longest = max(len(box.itemText(at)) for at in range(box.count()))
        box.view().setMinimumWidth(longest * box.fontMetrics().averageCharWidth() + 24)

    def _table_field(self) -> QWidget:
        edit = QPlainTextEdit()
        edit.setFont(number_font())
        edit.setAcceptDrops(False)
        edit.setTabChangesFocus(True)
        edit.setFixedHeight(_TABLE_HEIGHT)
        edit.setPlaceholderText(tr("old.name,new.name"))
        edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        edit.textChanged.connect(self._edited)
        long: list[tuple[tuple[str, str], ...]] = [()]

        def show(keys: tuple[tuple[str, str], ...]) -> None:
            too_long = len(keys) > _MOST_TYPED
            long[0] = keys if too_long else ()
            edit.setReadOnly(too_long)
            edit.setPlainText(f"{len(keys):,} names, from a file" if too_long else text_of_pairs(keys))

        self._reads["keys"] = lambda: long[0] or pairs_of(edit.toPlainText())
        self._shows["keys"] = show
        return edit

    def _value(self, name: str) -> Any:
        try:
            return self._reads[name]()
        except BadRule:
            return None

    def _edited(self) -> None:
        if self._filling or self._rule is None:
            return
        found: Mistake | str | None = self._wrong_filter()
        rule = self._rule
        if found is None:
            try:
                rule = replace(self._rule, **{name: read() for name, read in self._reads.items()})
            except BadRule as error:
                found = str(error)
        self._tell(found)
        if found is None and rule != self._rule:
            self._rule = rule
            self.changed.emit(rule)

    def _wrong_filter(self) -> Mistake | None:
        """What is not understood in a filter, underlined where it stands."""
        found: Mistake | None = None
        for line in self._lines.values():
            query = parse(line.text())
            wrong = query if isinstance(query, Mistake) else None
            line.mark_wrong(wrong.start if wrong else 0, wrong.length if wrong else 0)
            found = found or wrong
        return found

    def _tell(self, found: Mistake | str | None) -> None:
        before = self.mistake
        self._mistake = found if isinstance(found, Mistake) else None
        self.mistake = found.message if isinstance(found, Mistake) else found or ""
        self._say(self.mistake)
        if self.mistake != before:
            self.mistake_changed.emit()

    def _say(self, message: str) -> None:
        self.message.setText(f"✖ {shown(message, 1000)}")
        self.message.setVisible(bool(message))
        suggestion = self._mistake.suggestion if self._mistake is not None else ""
        self.suggestion.setText(f"Write {shown(suggestion, 40)}".replace("&", "&&"))
        self.suggestion.setVisible(bool(suggestion))
        self._color()

    def _color(self) -> None:
        palette = QPalette(self.message.palette())
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colors().error))
        self.message.setPalette(palette)

    def _take_suggestion(self) -> None:
        line = next(iter(self._lines.values()), None)
        if self._mistake is not None and line is not None:
            line.setText(self._mistake.mended(line.text()))
            line.setFocus(Qt.FocusReason.OtherFocusReason)


def new_rule(kind: str) -> Rule:
    """A rule of a kind that says nothing yet."""
    from sdviewer.edit.rules import BY_KIND

    made = BY_KIND[kind]
    if made is CastTo:
        return CastTo("float16")
    blank: dict[str, Any] = {item.name: () if item.name == "keys" else "" for item in fields(made)}
    del blank["enabled"]
    return made(**blank)


def text_of_pairs(pairs: Sequence[tuple[str, str]]) -> str:
    """Pairs as lines of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(pairs)
    return text.getvalue()


def pairs_of(text: str) -> tuple[tuple[str, str], ...]:
    """Lines of CSV as pairs of old and new name; a first line "old,new" is a title.

    Raises:
        BadRule: a line has not two columns; says which.

    """
    pairs: list[tuple[str, str]] = []
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if not row:
                continue
            if len(row) != 2 or not all(row):
                raise BadRule(f"line {reader.line_num:,} is not old,new")
            pairs.append((row[0], row[1]))
    except csv.Error as error:
        raise BadRule(f"line {reader.line_num:,}: {error}") from error
    if pairs and (pairs[0][0].casefold(), pairs[0][1].casefold()) == ("old", "new"):
        del pairs[0]
    return tuple(pairs)
