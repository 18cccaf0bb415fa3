"""RuleList: the rules one below the other, and below them the fields of the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QMenu,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.wording import plural
from sdviewer.edit.rules import AUTO, Rule, StripPrefix, WrapperUse
from sdviewer.ui.detail.blocks import heading, plain_label
from sdviewer.ui.export.keys import EXPORT_KEYS
from sdviewer.ui.export.rule_form import KINDS, RuleForm, new_rule
from sdviewer.ui.export.wishes import Wish, is_complete
from sdviewer.ui.flow import FlowLayout
from sdviewer.ui.menu_button import MenuButton
from sdviewer.ui.models.rules_model import RulesModel
from sdviewer.ui.theme import colors
from sdviewer.ui.tooltips import tooltip
from sdviewer.ui.translating import tr

_LEAST_HEIGHT = 110
_AIR = 8
_MOST_OFFERED = 3

Wrappers = tuple[tuple[WrapperUse, ...], ...]


class _RuleDelegate(QStyledItemDelegate):
    """The rule, and at the right how many keys it touches."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802  # Qt
        """A line with some air; a long rule is cut."""
        return QSize(0, super().sizeHint(option, index).height() + _AIR)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw a row."""
        model = index.model()
        if not isinstance(model, RulesModel):
            return
        aside = model.aside(index.row())
        whole = QRect(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        active = bool(option.state & QStyle.StateFlag.State_Active)
        c = colors()
        if selected:
            painter.fillRect(whole, QColor(c.highlight if active else c.inactive_highlight))
        width = option.fontMetrics.horizontalAdvance(aside) + 2 * _AIR if aside else 0
        option.rect = whole.adjusted(0, 0, -width, 0)
        super().paint(painter, option, index)
        painter.save()
        ink = c.warning if model.is_idle(index.row()) else c.muted
        painter.setPen(QColor(c.highlighted_text if selected and active else ink))
        place = QRect(whole.right() - width, whole.top(), width - _AIR, whole.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, aside)
        painter.restore()


class RuleView(QListView):
    """The list itself: Delete removes, Alt+↑ and Alt+↓ move, the blank switches."""

    removal_wanted = Signal()
    move_wanted = Signal(int)

    def __init__(self, model: RulesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setAccessibleName(tr("Rules, in the order in which they are carried out"))
        self.setItemDelegate(_RuleDelegate(self))
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDropIndicatorShown(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(_LEAST_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt
        """The keys of the list."""
        match EXPORT_KEYS.find(event):
            case "remove":
                self.removal_wanted.emit()
            case "earlier":
                self.move_wanted.emit(-1)
            case "later":
                self.move_wanted.emit(1)
            case _:
                super().keyPressEvent(event)


class RuleList(QWidget):
    """What the user wants done to the rules leaves it as wishes."""

    wished = Signal(object, str)
    """A `Wish`, and the topic on which it was typed."""

    undo_wanted = Signal()
    redo_wanted = Signal()
    file_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wish = Wish()
        # As each rule sees them, and behind all rules.
        self._wrappers: Wrappers = ((),)
        self._offered: tuple[WrapperUse, ...] = ()
        self.model = RulesModel(self)
        self.view = RuleView(self.model)
        self.form = RuleForm()
        self.empty = plain_label(tr("No rules: everything is written as it is."), muted=True)
        self.empty.setWordWrap(True)
        self.empty.setContentsMargins(12, 8, 12, 8)
        self.add_button = MenuButton(tr("Add rule"), tr("Add a rule behind the current one"))
        self.add_button.setToolTip(tr("Add a rule behind the current one"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.add_button.setMenu(self.menu)
        self.up_button = _tool("↑", tr("Carry the rule out earlier (Alt+↑)"))
        self.down_button = _tool("↓", tr("Carry the rule out later (Alt+↓)"))
        self.remove_button = _tool("✕", tr("Remove the rule (Delete)"))
        self.undo_button = _tool("↶", tr("Undo (Ctrl+Z)"))
        self.redo_button = _tool("↷", tr("Redo (Ctrl+Y, Ctrl+Shift+Z)"))
        title = heading(tr("Rules"))
        title.setContentsMargins(0, 0, 0, 0)
        line = QHBoxLayout()
        line.setContentsMargins(12, 6, 8, 6)
        line.setSpacing(4)
        line.addWidget(title, 1)
        for button in (self.undo_button, self.redo_button, self.up_button, self.down_button, self.remove_button):
            line.addWidget(button)
        line.addWidget(self.add_button)
        self._offers = QWidget()
        self._offers_flow = FlowLayout()
        offers = QVBoxLayout(self._offers)
        offers.setContentsMargins(10, 4, 10, 4)
        offers.addLayout(self._offers_flow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self.empty)
        column.addWidget(self.view, 1)
        column.addWidget(self._offers)
        column.addWidget(self.form)
        column.addStretch(0)

        self.view.selectionModel().currentChanged.connect(self._show_form)
        self.view.removal_wanted.connect(self.remove_current)
        self.view.move_wanted.connect(self.move_current)
        self.remove_button.clicked.connect(self.remove_current)
        self.up_button.clicked.connect(lambda: self.move_current(-1))
        self.down_button.clicked.connect(lambda: self.move_current(1))
        self.undo_button.clicked.connect(self.undo_wanted)
        self.redo_button.clicked.connect(self.redo_wanted)
        self.model.switched.connect(self._switch)
        self.model.moved.connect(self._move)
        self.form.changed.connect(self._edited)
        self.form.file_wanted.connect(self.file_wanted)
        self.show_wish(Wish(), can_undo=False, can_redo=False)

    @property
    def current(self) -> int:
        """The row of the current rule, -1 for none."""
        return self.view.currentIndex().row()

    def show_wish(self, wish: Wish, *, can_undo: bool, can_redo: bool) -> None:
        """Show the rules of a wish; the current one stays in its row."""
        before, row = len(self._wish.rules), self.current
        self._wish = wish
        self.model.show_rules(wish.rules, [is_complete(rule) for rule in wish.rules])
        self.empty.setVisible(not wish.rules)
        self.view.setVisible(bool(wish.rules))
        if wish.rules and len(wish.rules) != before:
            self.go_to(min(max(row, 0), len(wish.rules) - 1))
        self.undo_button.setEnabled(can_undo)
        self.redo_button.setEnabled(can_redo)
        self._show_form()

    def show_plan(self, touched: Sequence[int], wrappers: Wrappers) -> None:
        """What the plan says of the rules, and the wrappers that names begin with before each, and behind all."""
        if len(touched) == len(self._wish.rules):
            self.model.show_touched(touched)
        self._wrappers = wrappers
        self._show_wrappers()

    def _show_wrappers(self) -> None:
        """The form strips what stands there before its rule, a new rule what the current one leaves."""
        if self.current >= 0:
            self.form.show_wrappers(self._wrappers_at(self.current))
        offered = self._wrappers_at(self._place_of_new)
        if offered != self._offered:
            self._offered = offered
            self._offer()

    def _wrappers_at(self, place: int) -> tuple[WrapperUse, ...]:
        return self._wrappers[min(place, len(self._wrappers) - 1)]

    @property
    def _place_of_new(self) -> int:
        """Where one more rule goes."""
        return self.current + 1 if self.current >= 0 else len(self._wish.rules)

    def go_to(self, row: int) -> None:
        """Make a rule the current one."""
        self.view.setCurrentIndex(self.model.index(row))

    def add(self, rule: Rule) -> None:
        """One more, behind the current one, and ready to be filled in."""
        row = self._place_of_new
        rules = self._wish.rules
        self.wished.emit(self._wish.with_rules((*rules[:row], rule, *rules[row:])), "")
        self.go_to(row)
        self.form.focus_first()

    def remove_current(self) -> None:
        """One less."""
        if self.current >= 0:
            self.wished.emit(self._wish.without_rule(self.current), "")

    def move_current(self, step: int) -> None:
        """Carry the current rule out earlier or later."""
        self._move(self.current, self.current + step)

    def _move(self, row: int, to: int) -> None:
        if row >= 0 and 0 <= to < len(self._wish.rules):
            self.wished.emit(self._wish.with_moved(row, to), "")
            self.go_to(to)

    def _switch(self, row: int, on: bool) -> None:  # the slot of a signal
        self.wished.emit(self._wish.with_rule(row, replace(self._wish.rules[row], enabled=on)), "")

    def _edited(self, rule: Rule) -> None:
        if self.current >= 0:
            self.wished.emit(self._wish.with_rule(self.current, rule), f"rule {self.current}")

    def _show_form(self) -> None:
        row = self.current
        count = len(self._wish.rules)
        rule = self._wish.rules[row] if 0 <= row < count else None
        self.form.show_rule(rule)
        self._show_wrappers()
        self.form.setVisible(rule is not None)
        self.up_button.setEnabled(row > 0)
        self.down_button.setEnabled(0 <= row < count - 1)
        self.remove_button.setEnabled(rule is not None)

    def _fill_menu(self) -> None:
        self.menu.clear()
        for kind, spec in KINDS.items():
            action = self.menu.addAction(spec.title)
            action.setToolTip(spec.about)
            action.triggered.connect(lambda _=False, kind=kind: self.add(new_rule(kind)))
        if self._offered:
            self.menu.addSeparator()
            for use in self._offered:
                action = self.menu.addAction(
                    tr(
                        "Strip {prefix}   ({keys}, {title})",
                        prefix=use.prefix,
                        keys=plural(use.keys, "key"),
                        title=use.title,
                    )
                )
                action.triggered.connect(lambda _=False, prefix=use.prefix: self.add(StripPrefix(prefix)))
            action = self.menu.addAction(tr("Strip every known wrapper"))
            action.triggered.connect(lambda: self.add(StripPrefix(AUTO)))

    def _offer(self) -> None:
        """Wrappers that names begin with are taken away at a click."""
        while (item := self._offers_flow.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for use in self._offered[:_MOST_OFFERED]:
            button = QPushButton(tr("Strip {prefix} from {keys}", prefix=use.prefix, keys=plural(use.keys, "key")))
            button.setAutoDefault(False)
            button.setToolTip(tooltip(use.title))
            button.clicked.connect(lambda _=False, prefix=use.prefix: self.add(StripPrefix(prefix)))
            self._offers_flow.addWidget(button)
        self._offers.setVisible(bool(self._offered))


def _tool(text: str, name: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(name)
    button.setAccessibleName(name)
    return button
