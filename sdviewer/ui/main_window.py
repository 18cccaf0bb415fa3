"""MainWindow: tabs, menus and the status bar; what a tab shows is the tab's affair."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QMouseEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.ui.actions import build_actions, key_groups
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.comparison.choosing import Choosing
from sdviewer.ui.comparison.offer import CompareOffer
from sdviewer.ui.comparison.picking import Picked, Picking
from sdviewer.ui.dialogs import show_about, show_shortcuts
from sdviewer.ui.document.tab import DocumentTab, Opener, State
from sdviewer.ui.drop_frame import DropFrame
from sdviewer.ui.elided_label import ElidedLabel
from sdviewer.ui.empty_page import EmptyPage
from sdviewer.ui.file_tabs import FileTabs, is_comparison
from sdviewer.ui.icons import app_icon
from sdviewer.ui.incoming import local_paths, pasted_paths
from sdviewer.ui.notices import Notices
from sdviewer.ui.page_commands import PageCommands
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.recent_files import RecentFiles
from sdviewer.ui.recent_menu import RecentMenu
from sdviewer.ui.settings import Settings
from sdviewer.ui.status.jobs_bar import JobsBar
from sdviewer.ui.theme import Theme, apply_theme, frame_sheet
from sdviewer.ui.trail import Trail
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.edit.rules import Rule
    from sdviewer.ui.comparison.tab import ComparisonTab
    from sdviewer.ui.file_tabs import Page
    from sdviewer.ui.first_hint import FirstHint
    from sdviewer.ui.palette import CommandPalette

_FILTERS = (
    "Checkpoints (*.pt *.pth *.ckpt *.bin *.safetensors *.pt2 *.ptl *.jit *.th *.pkl *.npz *.npy *.index.json *.zip)"
    ";;All files (*)"
)
# Menus and the first frames come first; the plotting library is needed with the first tensor.
_MS_BEFORE_PLOTS = 120
_MS_TO_READ = 5000
_PAIR = 2
# What the context menu of the tree has of the window's commands.
_TREE_ACTIONS = ("copy", "export_selection", "compare_tensors", "pick_tensor", "expand_all", "collapse")
_TABLE_ACTIONS = ("compare_tensors", "pick_tensor")


def _open(path: str, control: Control) -> Checkpoint:
    # Imported on the working thread: the window stands before the readers are loaded.
    from sdviewer.processes.client import open_checkpoint

    return open_checkpoint(path, control)


class MainWindow(QMainWindow):
    """The window. `settings` is None for pictures and tests, which remember nothing."""

    closed = Signal()

    reopen_wanted = Signal()
    """The user asks for the last session."""

    def __init__(self, settings: Settings | None = None, opener: Opener = _open) -> None:
        super().__init__()
        self._settings, self._opener = settings, opener
        self.bridge = Bridge(self)
        self.library = PlotLibrary(self.bridge, self)
        self.library.message.connect(self.tell)
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.resize(QSize(1400, 900).boundedTo(self.screen().availableSize()))

        self.recent = RecentFiles(settings, self.bridge, self)
        self.tabs = FileTabs()
        self.tabs.currentChanged.connect(self._refresh)
        self.tabs.close_wanted.connect(self.close_tab)
        self.trail = Trail(self.tabs)
        self.empty = EmptyPage(self.recent)
        self.empty.open_wanted.connect(self.ask_for_files)
        self.empty.file_wanted.connect(self.open_file)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.tabs)
        self.offer = CompareOffer()
        self.offer.compare_wanted.connect(self.compare_files)
        self.tabs.menu_wanted.connect(self._show_tab_menu)
        middle = QWidget()
        column = self._column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.offer)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(middle)
        self.drop_frame = DropFrame(self._pages)
        self.palette_panel: CommandPalette | None = None
        self.hint: FirstHint | None = None

        self.summary = ElidedLabel(cut=Qt.TextElideMode.ElideRight)
        self.summary.setContentsMargins(8, 0, 8, 0)
        self.jobs = JobsBar(self.bridge, self._is_in_front, self._file_of)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.summary, 1)
        self.statusBar().addPermanentWidget(self.jobs)
        # Files that have no tab yet: one is made in each turn of the loop, so that many of them stall nothing.
        self._waiting: deque[str] = deque()
        self._next_file = QTimer(self)
        self._next_file.setInterval(0)
        self._next_file.timeout.connect(self._open_next)
        self._plots_timer = QTimer(self)
        self._plots_timer.setSingleShot(True)
        self._plots_timer.setInterval(_MS_BEFORE_PLOTS)
        self._plots_timer.timeout.connect(self.library.load)

        self.page_commands = PageCommands(self.tabs, self.bridge, settings, self)
        self.page_commands.export_wanted.connect(self.export_with)
        self.page_commands.message.connect(self.tell)
        self.actions_by_name = build_actions(self, self._commands())
        recent_menu = cast("QMenu", self.menuBar().findChild(QMenu, "&File/Open &Recent"))
        RecentMenu(recent_menu, self.recent).file_wanted.connect(self.open_file)
        pairs_menu = cast("QMenu", self.menuBar().findChild(QMenu, "&Tools/Recent &Pairs"))
        self.choosing = Choosing(self, settings, pairs_menu, self._open_paths, lambda: self.recent.paths, _FILTERS)
        self.choosing.chosen.connect(self.compare_files)
        self.picking = Picking(self.actions_by_name["pick_tensor"], self.actions_by_name["compare_tensors"], self)
        self.picking.chosen.connect(self.compare_tensors)
        self.picking.message.connect(self.tell)
        self.bridge.changed.connect(self._refresh_scan)
        self.trail.changed.connect(self._refresh_trail)
        self._dress()
        if settings is not None:
            self.actions_by_name[f"theme_{settings.theme.value}"].setChecked(True)
            self.restoreGeometry(settings.geometry)
            self._show_hint(settings)
        self.notices = Notices(self, wanted=settings is None or settings.notices)
        self.actions_by_name["notices"].setChecked(self.notices.wanted)
        self.actions_by_name["scan_on_opening"].setChecked(settings is not None and settings.scan_on_opening)
        self._refresh()

    @property
    def current_tab(self) -> DocumentTab | None:
        """The tab in front, if it is a file's own."""
        return self.tabs.current

    @property
    def current_page(self) -> Page | None:
        """What is in front: a file, or a comparison of two."""
        return self.tabs.page

    @property
    def has_tabs_for_all(self) -> bool:
        """Whether every file that was to be opened has its tab."""
        return not self._waiting

    def open_files(self, paths: Sequence[str]) -> None:
        """Open each in a tab of its own; one that is open already comes to the front."""
        self._waiting.extend(paths)
        if self._waiting and not self._next_file.isActive():
            self._open_next()

    def open_file(self, path: str) -> None:
        """Open one more."""
        self.open_files([path])

    def compare_files(self, a: str, b: str) -> None:
        """Compare two files in a tab of its own; one that does so already comes to the front."""
        self.tabs.setCurrentWidget(self.compare_behind(a, b))

    def compare_tensors(self, a: Picked, b: Picked) -> None:
        """Compare two tensors in a tab of its own."""
        self.tabs.setCurrentWidget(self.compare_behind(a.path, b.path, (a.name, b.name)))

    def compare_sections(self, path: str, a: str, b: str) -> None:
        """Compare two sections of one file in a tab of its own."""
        self.tabs.setCurrentWidget(self.compare_behind(path, path, sections=(a, b)))

    def open_behind(self, path: str) -> DocumentTab:
        """The tab of a file, made if there is none; what is in front stays there."""
        return self.tabs.with_path(path) or self._add_tab(path)

    def compare_behind(
        self, a: str, b: str, picked: tuple[str, str] | None = None, sections: tuple[str, str] | None = None
    ) -> ComparisonTab:
        """The tab that compares two files, or two tensors or sections of them; what is in front stays there."""
        tab = self.tabs.with_pair(a, b, picked)
        if tab is not None and sections is not None:
            tab.choose_sections(*sections)
        if tab is None:
            from sdviewer.ui.comparison.tab import ComparisonTab

            tab = ComparisonTab(a, b, self._opener, self.bridge, self.library, picked=picked)
            if sections is not None:
                tab.choose_sections(*sections)
            tab.changed.connect(self._refresh)
            tab.opened.connect(self._remember_pair)
            tab.message.connect(self.tell)
            self.tabs.add(tab)
            self.trail.follow(tab)
            tab.load()
        return tab

    def export_with(self, path: str, rules: Sequence[Rule]) -> None:
        """Show the export of a file, opened if it is not yet, with these rules behind those that it has."""
        self.open_file(path)
        tab = self.tabs.with_path(path)
        if tab is not None:
            tab.faces.export_soon(rules)

    def ask_for_comparison(self) -> None:
        """Ask what the file in front is to be compared with; of a comparison, its left side."""
        page = self.current_page
        path = "" if page is None else page.path if isinstance(page, DocumentTab) else page.paths[0]
        middle = QPoint(self._pages.width() // 3, 60)
        self.choosing.pop_up(path, self._pages.mapToGlobal(middle))

    def come_to_front(self) -> None:
        """Stand before all other windows, as far as the desktop allows it."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def ask_for_files(self) -> None:
        """Let the user choose files."""
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Open Checkpoints"), self._folder(), _FILTERS)
        self._opened_from_dialog(paths)

    def ask_for_folder(self) -> None:
        """Let the user choose a folder: of shards, of a model, of a run."""
        path = QFileDialog.getExistingDirectory(self, tr("Open a Folder"), self._folder())
        self._opened_from_dialog([path] if path else [])

    def close_tab(self, index: int) -> None:
        """Close a tab and stop what runs for it."""
        tab = self.tabs.widget(index)
        if isinstance(tab, DocumentTab):
            if self._settings is not None:
                self._remember_layout(self._settings, tab)
            self.offer.forget(tab.path)
        if isinstance(tab, DocumentTab) or is_comparison(tab):
            tab.close_jobs()
            self.trail.forget(tab)
            self.tabs.removeTab(index)
            tab.deleteLater()
            self._refresh()

    def tell(self, message: str, ms_to_read: int = _MS_TO_READ) -> None:
        """Say something in the status bar for a while."""
        self.statusBar().showMessage(message, ms_to_read)

    def paste(self) -> None:
        """Open what the clipboard names; in a field for text, paste."""
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit | QPlainTextEdit) and not focus.isReadOnly():
            focus.paste()
            return
        paths = pasted_paths(QGuiApplication.clipboard().mimeData())
        if paths:
            self.open_files(paths)
        else:
            self.tell(tr("The clipboard holds no file and no path of a file."))

    def set_theme(self, theme: Theme) -> None:
        """Change the theme and remember it."""
        apply_theme(theme)
        if self._settings is not None:
            self._settings.theme = theme

    def show_palette(self) -> None:
        """Every command, to be found by letters of its name."""
        if self.palette_panel is None:
            from sdviewer.ui.palette import CommandPalette

            self.palette_panel = CommandPalette(self.actions_by_name, self)
        self.palette_panel.open_again()

    def show_guide(self) -> None:
        """The README, in a window that blocks nothing."""
        from sdviewer.ui.guide import show_guide

        show_guide(self)

    def show_shortcuts(self) -> None:
        """The list of keys, in a window that blocks nothing."""
        show_shortcuts(key_groups(self.actions_by_name), self)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt
        """Only a window that is shown has a handle."""
        super().showEvent(event)
        self.windowHandle().installEventFilter(self.trail)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt
        """Buttons that lead back and forward."""
        if not self.trail.press(event):
            super().mousePressEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new theme has other colours; who comes back has read what was told meanwhile."""
        super().changeEvent(event)
        if not hasattr(self, "notices"):
            return
        if event.type() is QEvent.Type.PaletteChange:
            self._dress()
        elif event.type() is QEvent.Type.ActivationChange and self.isActiveWindow():
            self.notices.come_back()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  # Qt
        """Files and folders of this computer may be dropped."""
        paths = local_paths(event.mimeData())
        # What is dragged out of a window of this program is for others.
        if paths and event.source() is None and _taken_without_moving(event):
            self.drop_frame.offer(len(paths))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802  # Qt
        """They go elsewhere."""
        super().dragLeaveEvent(event)
        self.drop_frame.hide()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802  # Qt
        """Open what is dropped."""
        self.drop_frame.hide()
        paths = local_paths(event.mimeData())
        if paths and _taken_without_moving(event):
            self._dropped(paths)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  # Qt
        """Remember the layout, stop everything, join the threads."""
        if self._settings is not None:
            self._settings.geometry = self.saveGeometry()
            if self.current_tab is not None:
                self._remember_layout(self._settings, self.current_tab)
        self.hide()
        self.closed.emit()
        self._waiting.clear()
        for timer in (self._next_file, self._plots_timer):
            timer.stop()
        self.jobs.close_list()
        self.bridge.close()
        event.accept()

    def _dress(self) -> None:
        # A style sheet on its bar keeps a new palette of the application from the widget of the tabs.
        self.tabs.setPalette(QGuiApplication.palette())
        sheet = frame_sheet()
        for part in (self.menuBar(), self.tabs.tabBar(), self.statusBar()):
            if part.styleSheet() != sheet:
                part.setStyleSheet(sheet)

    def _commands(self) -> dict[str, Callable[[], None]]:
        return self.page_commands.by_name() | {
            "open": self.ask_for_files,
            "open_folder": self.ask_for_folder,
            "close_tab": self._close_current,
            "reopen_session": self.reopen_wanted.emit,
            "clear_recent": self.recent.clear,
            "quit": self._quit,
            "paste": self.paste,
            "palette": self.show_palette,
            "back": self.trail.back,
            "forward": self.trail.forward,
            "compare": self.ask_for_comparison,
            "compare_tensors": self._compare_tensors,
            "pick_tensor": self._pick_tensor,
            "clear_pairs": self._clear_pairs,
            "scan_on_opening": self._scan_on_opening,
            "notices": self._switch_notices,
            "next_tab": self._next_tab,
            "previous_tab": self._previous_tab,
            "theme_system": self._theme_system,
            "theme_light": self._theme_light,
            "theme_dark": self._theme_dark,
            "guide": self.show_guide,
            "shortcuts": self.show_shortcuts,
            "about": self._about,
        }

    def _open_next(self) -> None:
        path = self._waiting.popleft()
        is_first = not self._next_file.isActive()
        tab = self.open_behind(path)
        if self._waiting:
            self._next_file.start()
        else:
            self._next_file.stop()
        # Those in between need not be painted.
        if is_first or not self._waiting:
            self.tabs.setCurrentWidget(tab)

    def _add_tab(self, path: str) -> DocumentTab:
        tab = DocumentTab(path, self._opener, self.bridge, self.library)
        if self._settings is not None:
            if not self._settings.splitter.isEmpty():
                tab.splitter.restoreState(self._settings.splitter)
            tab.browser.restore_table(self._settings.table)
            tab.scanning.remembers = True
            tab.scanning.automatic = self._settings.scan_on_opening
        tab.tree.addActions([self.actions_by_name[name] for name in _TREE_ACTIONS])
        tab.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        tab.browser.addActions([self.actions_by_name[name] for name in _TABLE_ACTIONS])
        tab.browser.rows_selected.connect(self._rows_selected)
        tab.changed.connect(self._refresh)
        tab.scanning.changed.connect(self._refresh_scan)
        tab.opened.connect(self._remember)
        tab.file_wanted.connect(self.open_file)
        tab.faces.compare_wanted.connect(self.compare_files)
        tab.sections_wanted.connect(self.compare_sections)
        tab.message.connect(self.tell)
        tab.tree.folding_changed.connect(self.actions_by_name["fold_alike"].setChecked)
        self.tabs.add(tab)
        self.trail.follow(tab)
        tab.load()
        return tab

    def _remember(self) -> None:
        tab = self.sender()
        if isinstance(tab, DocumentTab):
            self.recent.remember(tab.path)
            if self._settings is not None:
                tab.tree.set_folding(self._settings.folding)

    def _remember_pair(self) -> None:
        tab = self.sender()
        if is_comparison(tab) and tab.picked is None:
            self.choosing.remember(*tab.paths)
            for path in reversed(tab.paths):
                self.recent.remember(path)

    def _compare_tensors(self) -> None:
        self.picking.compare()

    def _pick_tensor(self) -> None:
        self.picking.pick()

    def _rows_selected(self) -> None:
        self.picking.follow(self.current_tab)

    def _clear_pairs(self) -> None:
        self.choosing.clear()

    def _open_paths(self) -> Sequence[str]:
        return [tab.path for tab in self.tabs.documents()]

    def _show_tab_menu(self, index: int, place: QPoint) -> None:
        """What can be done with a tab."""
        tab = self.tabs.widget(index)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if isinstance(tab, DocumentTab):
            others = self.choosing.menu_for(tab.path)
            others.setParent(menu, others.windowFlags())
            others.setTitle(tr("Compare &with…"))
            menu.addMenu(others)
        elif is_comparison(tab):
            menu.addAction(tr("&Swap Sides"), tab.swap)
            menu.addAction(tr("&Export Left with the Names of Right…"), lambda: self.page_commands.export_renamed(tab))
        if tab is not None:
            menu.addAction(tr("&Close Tab"), lambda: self.close_tab(self.tabs.indexOf(tab)))
        menu.popup(place)

    @staticmethod
    def _remember_layout(settings: Settings, tab: DocumentTab) -> None:
        settings.splitter = tab.splitter_state()
        settings.table = tab.browser.table_state()

    def _is_in_front(self, slot: Hashable) -> bool:
        return self.current_page is not None and self.current_page.owns(slot)

    def _file_of(self, slot: Hashable) -> str:
        return next((tab.title for tab in self.tabs.pages() if tab.owns(slot)), "")

    def _opened_from_dialog(self, paths: Sequence[str]) -> None:
        if paths and self._settings is not None:
            self._settings.folder = os.path.dirname(paths[0])  # noqa: PTH120  # a text in, a text out
        self.open_files(paths)

    def _folder(self) -> str:
        return self._settings.folder if self._settings is not None else ""

    def _refresh(self) -> None:
        tab, page = self.current_tab, self.current_page
        self._pages.setCurrentWidget(self.tabs if page is not None else self.empty)
        self.setWindowTitle(tr("{title} – sdviewer", title=page.title) if page is not None else "sdviewer")
        self.summary.setText(page.summary if page is not None else "")
        if is_comparison(page):
            self.tabs.rename(page)
        self.page_commands.refresh(self.actions_by_name)
        self._refresh_trail()
        self.picking.follow(tab)
        if (tab is not None and tab.state is State.OPEN) or (page is not None and tab is None):
            # Only now: the first tree is painted before anything heavy is imported.
            self._plots_timer.start()
        self.jobs.refresh()

    def _refresh_trail(self) -> None:
        for name, step in (("back", -1), ("forward", 1)):
            self.actions_by_name[name].setEnabled(self.trail.can_go(step))

    def _refresh_scan(self) -> None:
        self.page_commands.refresh_scan(self.actions_by_name)

    def _dropped(self, paths: Sequence[str]) -> None:
        """A recipe is for the export of the file in front; all else is opened."""
        recipes = [path for path in paths if path.lower().endswith(".toml")]
        if recipes and self.current_tab is not None and self.current_tab.loaded is not None:
            self.current_tab.faces.load_recipe(recipes[-1])
        elif recipes:
            self.tell(tr("Open a checkpoint first: a recipe says how one is exported."))
        others = [path for path in paths if path not in recipes]
        before = self.current_tab
        if others:
            self.open_files(others)
        if len(others) == _PAIR:
            self.offer.offer(*others)
        elif len(others) == 1 and before is not None and before.path != others[0]:
            self.offer.offer(before.path, others[0])

    def _close_current(self) -> None:
        self.close_tab(self.tabs.currentIndex())

    def _quit(self) -> None:
        self.close()

    def _scan_on_opening(self) -> None:
        wanted = self.actions_by_name["scan_on_opening"].isChecked()
        for tab in self.tabs.documents():
            tab.scanning.automatic = wanted
        if self._settings is not None:
            self._settings.scan_on_opening = wanted

    def _switch_notices(self) -> None:
        self.notices.wanted = self.actions_by_name["notices"].isChecked()
        if self._settings is not None:
            self._settings.notices = self.notices.wanted

    def _show_hint(self, settings: Settings) -> None:
        """What a first user may try, until somebody has read it."""
        if settings.hint_is_read:
            return
        from sdviewer.ui.first_hint import FirstHint

        self.hint = FirstHint(self.actions_by_name)
        self.hint.dismissed.connect(lambda: setattr(settings, "hint_is_read", True))
        self._column.addWidget(self.hint)

    def _next_tab(self) -> None:
        self.tabs.go(1)

    def _previous_tab(self) -> None:
        self.tabs.go(-1)

    def _theme_system(self) -> None:
        self.set_theme(Theme.SYSTEM)

    def _theme_light(self) -> None:
        self.set_theme(Theme.LIGHT)

    def _theme_dark(self) -> None:
        self.set_theme(Theme.DARK)

    def _about(self) -> None:
        show_about(self)


def _taken_without_moving(event: QDropEvent) -> bool:
    """Accept files as a copy or a link, if that is offered: after a move the file manager would delete them."""
    for action in (Qt.DropAction.CopyAction, Qt.DropAction.LinkAction):
        if event.possibleActions() & action:
            event.setDropAction(action)
            event.accept()
            return True
    return False
