"""What the monkey does with the window: the actions of a user, each chosen by chance."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollBar,
    QSplitterHandle,
    QTabBar,
    QWidget,
)

from sdviewer.ui.actions import ACTIONS
from sdviewer.ui.detail.view_tabs import ViewTabs
from sdviewer.ui.main_window import MainWindow
from tests.end_to_end.monkey_fingers import ask_for_menu, called, click, drag, drop, turn_wheel, type_text

W = TypeVar("W", bound=QWidget)

_MODIFIERS = (Qt.KeyboardModifier.NoModifier,) * 6 + (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
_KEYS = (
    *(Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Right) * 3,
    *(Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_Return, Qt.Key.Key_Space),
    *(Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Asterisk, Qt.Key.Key_Plus, Qt.Key.Key_Minus),
    *(Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_F3, Qt.Key.Key_F8, Qt.Key.Key_N, Qt.Key.Key_W, Qt.Key.Key_1),
)
_TEXTS = (
    "weight",
    "*.weight",
    "layers.*",
    "dtype:float32 shape:*x*",
    "size>1000",
    "/(a+)+$/",
    r"/\d+\.(weight|bias)$/",
    "nan>0",
    "norm OR bias",
    "-weight",
    "((",
    "zzzz",
    '"',
    "é\u202eש",
    "0",
    "-3,2",
    "1e400",
)
# Where a click does nothing that a user might want, or ends the run.
_NOT_TRIGGERED = frozenset(("quit",))
_MOST_TABS = 7
_MOST_EXPORT_BYTES = 200 << 20
_SIZES = ((1400, 900), (1000, 700), (700, 500), (500, 400), (1900, 1100))

Hand = Callable[[], str]


class Hands:
    """The hands of one monkey on one window; `rng` decides, and is another one for each step.

    Attributes:
        paths: what it may open; each of them lies in `folder`, where it may change and write what it likes.
        seconds_thought: how long it has looked for what to click, in which the window could do nothing.

    """

    def __init__(self, window: MainWindow, paths: Sequence[Path], folder: Path) -> None:
        self.window, self.paths, self.folder = window, list(paths), folder
        self.rng = random.Random(0)  # noqa: S311  # chance that can be repeated
        self.seconds_thought = 0.0
        self._files = 0
        hands: dict[str, tuple[int, Hand]] = {
            "open": (6, self.open),
            "drop": (3, self.bring),
            "close": (4, self.close),
            "click": (14, self.click),
            "double click": (5, self.double_click),
            "context menu": (3, self.context_menu),
            "key": (12, self.key),
            "type": (3, self.write),
            "filter": (7, self.filter),
            "sort": (5, self.sort),
            "row": (14, self.row),
            "detail tab": (9, self.detail_tab),
            "diff": (3, self.diff),
            "export": (3, self.export),
            "cancel": (3, self.cancel),
            "command": (10, self.command),
            "menu": (2, self.menu),
            "theme": (2, self.theme),
            "resize": (2, self.resize),
            "tab": (6, self.tab),
            "view": (4, self.view),
            "wheel": (6, self.wheel),
            "drag": (5, self.pull),
            "change file": (1, self.change_file),
        }
        self._names = list(hands)
        self._weights = [weight for weight, _ in hands.values()]
        self._hands = {name: hand for name, (_, hand) in hands.items()}

    def act(self, rng: random.Random) -> tuple[str, str]:
        """Do something; its kind, and with what. Whatever pops up comes first, as for a user."""
        self.rng = rng
        popup = QApplication.activePopupWidget()
        if popup is not None and rng.random() < 0.9:
            return "popup", self._use_popup(popup)
        for dialog in (one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()):
            if isinstance(dialog, QFileDialog):
                return "file dialog", self._use_file_dialog(dialog)
            if rng.random() < 0.4:
                return "dialog", self._use_dialog(dialog)
        if self.window.tabs.count() == 0 and rng.random() < 0.8:
            return "open", self.open()
        if self.window.tabs.count() > _MOST_TABS:
            return "close", self.close()
        (name,) = rng.choices(self._names, self._weights)
        return name, self._hands[name]()

    def open(self) -> str:
        """Files by the menu, whose dialog is answered at once."""
        self.window.actions_by_name["open_folder" if self.rng.random() < 0.1 else "open"].trigger()
        return ""

    def bring(self) -> str:
        """One file or two on the window."""
        paths = [self.some_path() for _ in range(self.rng.choice((1, 1, 2)))]
        drop(self.window, paths)
        return " ".join(map(os.path.basename, paths))

    def close(self) -> str:
        """A tab by its button or its key."""
        if self.rng.random() < 0.5:
            return self._trigger("close_tab")
        bar = self.window.tabs.tabBar()
        buttons = self._seen(QAbstractButton, bar)
        if buttons:
            self._click(self.rng.choice(buttons))
        return "by its button"

    def click(self) -> str:
        """Anything that can be clicked."""
        widget = self._some_widget()
        if widget is None:
            return "nothing"
        self._click(widget)
        return called(widget)

    def double_click(self) -> str:
        """The same, twice."""
        widget = self._some_widget()
        if widget is None:
            return "nothing"
        click(widget, self._point_in(widget), twice=True)
        return called(widget)

    def context_menu(self) -> str:
        """What the right button opens."""
        views = self._seen(QAbstractItemView) + self._seen(QTabBar)
        if not views:
            return "nothing"
        view = self.rng.choice(views)
        target = view.viewport() if isinstance(view, QAbstractItemView) else view
        ask_for_menu(target, self._point_in(target))
        return called(view)

    def key(self) -> str:
        """A key to whatever has the keys, some times."""
        target = QApplication.focusWidget() or self.window
        key, modifier = self.rng.choice(_KEYS), self.rng.choice(_MODIFIERS)
        for _ in range(self.rng.choice((1, 1, 2, 5))):
            # Ctrl+W and Ctrl+Q are for other hands.
            if modifier is Qt.KeyboardModifier.ControlModifier and key in (Qt.Key.Key_W, Qt.Key.Key_Q):
                break
            QTest.keyClick(target, key, modifier)
        return f"{key.name} {modifier.name} to {called(target)}"

    def write(self) -> str:
        """A text into a field for text."""
        fields: list[QWidget] = [*self._seen(QLineEdit), *self._seen(QAbstractSpinBox), *self._seen(QPlainTextEdit)]
        if not fields:
            return "nothing"
        field, text = self.rng.choice(fields), self.rng.choice(_TEXTS)
        self._click(field)
        type_text(field, text)
        if self.rng.random() < 0.6:
            QTest.keyClick(field, Qt.Key.Key_Return)
        return f"{text!a} into {called(field)}"

    def filter(self) -> str:
        """A query letter by letter, or none any more."""
        self._trigger("filter")
        field = QApplication.focusWidget()
        if not isinstance(field, QLineEdit):
            return "no field"
        QTest.keySequence(field, "Ctrl+A")
        QTest.keyClick(field, Qt.Key.Key_Delete)
        text = self.rng.choice((*_TEXTS, "", "", ""))
        type_text(field, text)
        return ascii(text)

    def sort(self) -> str:
        """By a column."""
        headers = [header for header in self._seen(QHeaderView) if header.orientation() is Qt.Orientation.Horizontal]
        if not headers:
            return "nothing"
        header = self.rng.choice(headers)
        self._click(header.viewport())
        return called(header)

    def row(self) -> str:
        """Of a tree, a table or a list."""
        views = [view for view in self._seen(QAbstractItemView) if not isinstance(view, QHeaderView)]
        if not views:
            return "nothing"
        view = self.rng.choice(views)
        modifier = self.rng.choice(_MODIFIERS)
        click(view.viewport(), self._point_in(view.viewport()), modifier)
        return f"{modifier.name} in {called(view)}"

    def detail_tab(self) -> str:
        """Statistics, pictures, values: what a tensor or module is shown by."""
        bars: list[QWidget] = [*self._seen(ViewTabs)] or [*self._seen(QTabBar)]
        if not bars:
            return "nothing"
        bar = self.rng.choice(bars)
        tabs = bar if isinstance(bar, QTabBar) else bar.findChild(QTabBar)
        if tabs is None or tabs.count() == 0:
            return "no tab"
        index = self.rng.choice([index for index in range(tabs.count()) if tabs.isTabVisible(index)] or [0])
        click(tabs, tabs.tabRect(index).center())
        return tabs.tabText(index)

    def diff(self) -> str:
        """Two files, often such as belong together."""
        nets = [str(path) for path in self.paths if path.name.startswith(("net-", "digits"))]
        some = [path for path in nets if Path(path).exists()] if self.rng.random() < 0.6 else []
        a, b = self.rng.sample(some, 2) if len(some) > 1 else (self.some_path(), self.some_path())
        self.window.compare_files(a, b)
        return f"{Path(a).name} {Path(b).name}"

    def export(self) -> str:
        """Into the folder of the run."""
        self._trigger("export")
        tab = self.window.current_tab
        pane = tab.faces.export if tab is not None else None
        if pane is None:
            return "no pane"
        out = self.folder / "out"
        if sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) > _MOST_EXPORT_BYTES:
            shutil.rmtree(out, ignore_errors=True)
        ending = Path(pane.target.target).suffix
        if ending:
            pane.target.set_target(self.new_path(ending))
        if pane.export_button.isVisible() and pane.export_button.isEnabled():
            self._click(pane.export_button)
        return ending

    def cancel(self) -> str:
        """Whatever runs."""
        way = self.rng.randrange(3)
        if way == 0 and self.window.jobs.cancel_button.isVisible():
            self._click(self.window.jobs.cancel_button)
            return "by the button"
        if way == 1:
            QTest.keyClick(QApplication.focusWidget() or self.window, Qt.Key.Key_Escape)
            return "by Escape"
        return self._trigger("stop_scan")

    def command(self) -> str:
        """One of all in the menus."""
        return self._trigger(self.rng.choice([spec.name for spec in ACTIONS if spec.name not in _NOT_TRIGGERED]))

    def menu(self) -> str:
        """Open one; what is done with it follows."""
        bar = self.window.menuBar()
        action = self.rng.choice(bar.actions())
        click(bar, bar.actionGeometry(action).center())
        return action.text()

    def theme(self) -> str:
        """Light, dark or the system's."""
        return self._trigger(self.rng.choice(("theme_light", "theme_dark", "theme_system")))

    def resize(self) -> str:
        """The window."""
        size = self.rng.choice(_SIZES)
        self.window.resize(*size)
        return str(size)

    def tab(self) -> str:
        """Another one to the front."""
        if self.window.tabs.count():
            bar = self.window.tabs.tabBar()
            at = bar.tabRect(self.rng.randrange(bar.count())).center()
            click(bar, at)
        return ""

    def view(self) -> str:
        """Tree or table."""
        return self._trigger(self.rng.choice(("show_modules", "show_tensors", "fold_alike", "expand_all")))

    def wheel(self) -> str:
        """Scroll, or zoom in a plot."""
        areas = self._areas()
        if not areas:
            return "nothing"
        target = self.rng.choice(areas)
        step = self.rng.choice((-120, 120, -1200, 1200))
        turn_wheel(target, self._point_in(target), step, self.rng.choice(_MODIFIERS))
        return f"{step} {called(target)}"

    def pull(self) -> str:
        """With the left button held, over a view, a plot, a scroll bar or a line between two panes."""
        targets = [*self._areas(), *self._seen(QSplitterHandle), *self._seen(QScrollBar), *self._seen(QHeaderView)]
        if not targets:
            return "nothing"
        target = self.rng.choice(targets)
        begin = self._point_in(target)
        drag(target, begin, self._point_in(target) + QPoint(self.rng.randrange(-90, 90), 0))
        return called(target)

    def change_file(self) -> str:
        """One that is open is written anew, shortened, or removed."""
        tabs = self.window.tabs.documents()
        path = Path(self.rng.choice(tabs).path) if tabs else self.folder
        if not path.is_file() or path.is_symlink() or self.folder not in path.parents:
            return "nothing"
        way = self.rng.randrange(3)
        if way == 0:
            path.write_bytes(path.read_bytes()[: 1 << 24])
        elif way == 1:
            os.truncate(path, path.stat().st_size * 2 // 3)
        else:
            path.rename(path.with_name(f"moved-{self._number()}-{path.name[-60:]}"))
        return f"{('touched', 'shortened', 'moved')[way]} {path.name}"

    def some_path(self) -> str:
        """Something to open; seldom something that is not there."""
        if self.rng.random() < 0.02:
            return str(self.folder / "not there.pt")
        return str(self.rng.choice(self.paths))

    def new_path(self, ending: str) -> str:
        """A file that is not there yet."""
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        return str(out / f"written-{self._number()}{ending}")

    def _number(self) -> int:
        self._files += 1
        return self._files

    def _trigger(self, name: str) -> str:
        action = self.window.actions_by_name[name]
        if action.isEnabled():
            action.trigger()
            return name
        return f"{name}, which is off"

    def _use_popup(self, popup: QWidget) -> str:
        way = self.rng.randrange(4)
        if way == 0:
            QTest.keyClick(popup, Qt.Key.Key_Escape)
            return f"Escape {called(popup)}"
        if way == 1 or (isinstance(popup, QMenu) and "quit" in [action.objectName() for action in popup.actions()]):
            # The key to the last entry of File would end the run.
            QTest.keyClick(popup, self.rng.choice((Qt.Key.Key_Down, Qt.Key.Key_Escape, Qt.Key.Key_Right)))
            return f"key {called(popup)}"
        if way == 2:
            QTest.keyClick(popup, Qt.Key.Key_Down)
            QTest.keyClick(popup, Qt.Key.Key_Return)
            return f"Return {called(popup)}"
        inner = self._seen(QWidget, popup)
        target = self.rng.choice(inner) if inner else popup
        self._click(target)
        return f"click {called(target)} in {called(popup)}"

    def _use_file_dialog(self, dialog: QFileDialog) -> str:
        if self.rng.random() < 0.3:
            dialog.reject()
            return "closed"
        if dialog.acceptMode() is QFileDialog.AcceptMode.AcceptSave:
            dialog.selectFile(self.new_path(Path(dialog.selectedFiles()[0]).suffix if dialog.selectedFiles() else ""))
        else:
            dialog.selectFile(self.some_path())
        dialog.accept()
        if dialog.isVisible():
            dialog.reject()
        return dialog.windowTitle()

    def _use_dialog(self, dialog: QDialog) -> str:
        inner: list[QWidget] = [*self._seen(QAbstractButton, dialog), *self._seen(QLineEdit, dialog)]
        if not inner or self.rng.random() < 0.5:
            QTest.keyClick(dialog, Qt.Key.Key_Escape)
            return f"closed {dialog.windowTitle()}"
        target = self.rng.choice(inner)
        self._click(target)
        return f"{called(target)} in {dialog.windowTitle()}"

    def _areas(self) -> list[QWidget]:
        """What scrolls or zooms."""
        return [area.viewport() for area in self._seen(QAbstractScrollArea)]

    def _some_widget(self) -> QWidget | None:
        kinds = (QAbstractButton, QComboBox, QTabBar, QLineEdit, QAbstractSpinBox, QAbstractItemView, QScrollBar)
        kind = self.rng.choice(kinds)
        widgets: list[Any] = self._seen(kind)
        if not widgets:
            return None
        widget = self.rng.choice(widgets)
        return widget.viewport() if isinstance(widget, QAbstractItemView) else widget

    def _seen(self, kind: type[W], inside: QWidget | None = None) -> list[W]:
        """Those that a user sees and can use, in a fixed order."""
        began = time.monotonic()
        root = inside or self.window
        seen = [widget for widget in root.findChildren(kind) if widget.isVisible() and widget.isEnabled()]
        self.seconds_thought += time.monotonic() - began
        return seen

    def _click(self, widget: QWidget) -> None:
        click(widget, self._point_in(widget))

    def _point_in(self, widget: QWidget) -> QPoint:
        return QPoint(self.rng.randrange(max(1, widget.width())), self.rng.randrange(max(1, widget.height())))
