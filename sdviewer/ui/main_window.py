"""MainWindow: tabs, menus and the status bar; what a tab shows is the tab's affair."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QGridLayout,
    QMainWindow,
    QProgressBar,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

import sdviewer
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control
from sdviewer.ui.actions import ACTIONS, build_actions, shortcut_rows
from sdviewer.ui.bridge import Bridge, Running
from sdviewer.ui.close_button import CloseButton
from sdviewer.ui.detail.blocks import GridView, plain_label
from sdviewer.ui.document.tab import DocumentTab, Opener, State
from sdviewer.ui.empty_page import EmptyPage
from sdviewer.ui.icons import app_icon
from sdviewer.ui.plots.library import PlotLibrary
from sdviewer.ui.settings import Settings
from sdviewer.ui.theme import Theme, apply_theme, frame_sheet, number_font
from sdviewer.ui.tooltips import tooltip

_FILTERS = (
    "Checkpoints (*.pt *.pth *.ckpt *.bin *.safetensors *.pt2 *.ptl *.jit *.th *.pkl *.npz *.npy *.index.json *.zip)"
    ";;All files (*)"
)
# Work that ends sooner shows no progress bar: it would only flicker.
_SECONDS_BEFORE_PROGRESS = 0.25
# Menus and the first frames come first; the plotting library is needed with the first tensor.
_MS_BEFORE_PLOTS = 120


def _open(path: str, control: Control) -> Checkpoint:
    # Imported on the working thread: the window stands before the readers are loaded.
    from sdviewer.processes.client import open_checkpoint

    return open_checkpoint(path, control)


class MainWindow(QMainWindow):
    """The window. `settings` is None for pictures and tests, which remember nothing."""

    def __init__(self, settings: Settings | None = None, opener: Opener = _open) -> None:
        super().__init__()
        self._settings, self._opener = settings, opener
        self.bridge = Bridge(self)
        self.library = PlotLibrary(self.bridge, self)
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.resize(1400, 900)

        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setMovable(True)
        self.tabs.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.tabs.tabBar().setAccessibleName("Open files")
        self.tabs.currentChanged.connect(self._refresh)
        self.empty = EmptyPage()
        self.empty.open_wanted.connect(self.ask_for_files)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.tabs)
        self.setCentralWidget(self._pages)

        self.summary = plain_label()
        self.summary.setContentsMargins(8, 0, 8, 0)
        self.activity = plain_label(muted=True)
        self.activity.setFont(number_font())
        self.progress = QProgressBar()
        self.progress.setFixedWidth(160)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        self.cancel_button = QToolButton()
        self.cancel_button.setText("Cancel")
        self.cancel_button.setAccessibleName("Cancel what is running")
        self.cancel_button.setToolTip("Stop what is running for this tab")
        self.cancel_button.clicked.connect(self.cancel_current)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.summary, 1)
        for widget in (self.activity, self.progress, self.cancel_button):
            self.statusBar().addPermanentWidget(widget)
        self._progress_timer = QTimer(self)
        self._progress_timer.setSingleShot(True)
        self._progress_timer.timeout.connect(self._show_progress)
        self.bridge.changed.connect(self._show_progress)
        self._plots_timer = QTimer(self)
        self._plots_timer.setSingleShot(True)
        self._plots_timer.setInterval(_MS_BEFORE_PLOTS)
        self._plots_timer.timeout.connect(self.library.load)

        self.actions_by_name = build_actions(self, self._commands())
        self._dress()
        if settings is not None:
            self.actions_by_name[f"theme_{settings.theme.value}"].setChecked(True)
            self.restoreGeometry(settings.geometry)
        self._refresh()

    @property
    def current_tab(self) -> DocumentTab | None:
        """The tab in front."""
        widget = self.tabs.currentWidget()
        return widget if isinstance(widget, DocumentTab) else None

    def open_files(self, paths: Sequence[str]) -> None:
        """Open each in a tab of its own; one that is open already comes to the front."""
        for path in paths:
            tab = self._tab_of(path) or self._add_tab(path)
            self.tabs.setCurrentWidget(tab)

    def ask_for_files(self) -> None:
        """Let the user choose files."""
        paths, _ = QFileDialog.getOpenFileNames(self, "Open Checkpoints", self._folder(), _FILTERS)
        self._opened_from_dialog(paths)

    def ask_for_folder(self) -> None:
        """Let the user choose a folder of shards."""
        path = QFileDialog.getExistingDirectory(self, "Open a Folder of Shards", self._folder())
        self._opened_from_dialog([path] if path else [])

    def close_tab(self, index: int) -> None:
        """Close a tab and stop what runs for it."""
        tab = self.tabs.widget(index)
        if isinstance(tab, DocumentTab):
            if self._settings is not None:
                self._settings.splitter = tab.splitter_state()
            tab.close_jobs()
            self.tabs.removeTab(index)
            tab.deleteLater()
            self._refresh()

    def cancel_current(self) -> None:
        """Stop what runs for the tab in front."""
        if self.current_tab is not None:
            self.current_tab.cancel()

    def set_theme(self, theme: Theme) -> None:
        """Change the theme and remember it."""
        apply_theme(theme)
        if self._settings is not None:
            self._settings.theme = theme

    def show_shortcuts(self) -> None:
        """The list of keys, in a window that blocks nothing."""
        _shortcut_list(shortcut_rows(self.actions_by_name), self).show()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt
        """A new theme has other colours."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "actions_by_name"):
            self._dress()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  # Qt
        """Files and folders of this computer may be dropped."""
        if _local_paths(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802  # Qt
        """Open what is dropped."""
        paths = _local_paths(event.mimeData().urls())
        if paths:
            event.acceptProposedAction()
            self.open_files(paths)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  # Qt
        """Remember the layout, stop everything, join the threads."""
        if self._settings is not None:
            self._settings.geometry = self.saveGeometry()
            if self.current_tab is not None:
                self._settings.splitter = self.current_tab.splitter_state()
        self.hide()
        for timer in (self._progress_timer, self._plots_timer):
            timer.stop()
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
        return {
            "open": self.ask_for_files,
            "open_folder": self.ask_for_folder,
            "reload": self._reload,
            "close_tab": self._close_current,
            "quit": self._quit,
            "copy": self._copy,
            "expand_all": self._expand_all,
            "collapse": self._collapse,
            "next_tab": self._next_tab,
            "previous_tab": self._previous_tab,
            "theme_system": self._theme_system,
            "theme_light": self._theme_light,
            "theme_dark": self._theme_dark,
            "shortcuts": self.show_shortcuts,
            "about": self._about,
        }

    def _add_tab(self, path: str) -> DocumentTab:
        tab = DocumentTab(path, self._opener, self.bridge, self.library)
        if self._settings is not None and not self._settings.splitter.isEmpty():
            tab.splitter.restoreState(self._settings.splitter)
        tab.tree.addActions([self.actions_by_name[name] for name in ("copy", "expand_all", "collapse")])
        tab.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        tab.changed.connect(self._refresh)
        tab.file_wanted.connect(self._open_whole)
        index = self.tabs.addTab(tab, tab.title.replace("&", "&&"))
        button = CloseButton(tab.title)
        button.clicked.connect(self._close_clicked)
        self.tabs.tabBar().setTabButton(index, QTabBar.ButtonPosition.RightSide, button)
        self.tabs.setTabToolTip(index, tooltip(shown(path)))
        tab.load()
        return tab

    def _tab_of(self, path: str) -> DocumentTab | None:
        for index in range(self.tabs.count()):
            tab = self.tabs.widget(index)
            if isinstance(tab, DocumentTab) and os.path.realpath(tab.path) == os.path.realpath(path):
                return tab
        return None

    def _opened_from_dialog(self, paths: Sequence[str]) -> None:
        if paths and self._settings is not None:
            self._settings.folder = os.path.dirname(paths[0])  # noqa: PTH120  # a text in, a text out
        self.open_files(paths)

    def _folder(self) -> str:
        return self._settings.folder if self._settings is not None else ""

    def _refresh(self) -> None:
        tab = self.current_tab
        self._pages.setCurrentWidget(self.tabs if tab is not None else self.empty)
        self.setWindowTitle(f"{tab.title} – sdviewer" if tab is not None else "sdviewer")
        self.summary.setText(tab.summary if tab is not None else "")
        for spec in ACTIONS:
            if spec.needs_file:
                self.actions_by_name[spec.name].setEnabled(tab is not None)
        if tab is not None and tab.state is State.OPEN:
            # Only now: the first tree is painted before anything heavy is imported.
            self._plots_timer.start()
        self._show_progress()

    def _show_progress(self) -> None:
        running = self._running_in_front()
        waited = time.monotonic() - running.since if running is not None else 0.0
        visible = running is not None and waited >= _SECONDS_BEFORE_PROGRESS
        for widget in (self.activity, self.progress, self.cancel_button):
            widget.setVisible(visible)
        if running is None:
            self._progress_timer.stop()
        elif not visible:
            self._progress_timer.start(int(1000 * (_SECONDS_BEFORE_PROGRESS - waited)) + 5)
        else:
            self.activity.setText(f"{running.title} {running.note}".strip())
            # A bar counts to 2**31 at most, a file may have more bytes.
            self.progress.setRange(0, 1000 if running.total else 0)
            self.progress.setValue(1000 * running.done // running.total if running.total else 0)

    def _running_in_front(self) -> Running | None:
        tab = self.current_tab
        if tab is None:
            return None
        return next((self.bridge.running[slot] for slot in tab.running_slots() if slot in self.bridge.running), None)

    def _reload(self) -> None:
        if self.current_tab is not None:
            self.current_tab.reload()

    def _close_clicked(self) -> None:
        bar, button = self.tabs.tabBar(), self.sender()
        for index in range(self.tabs.count()):
            if bar.tabButton(index, QTabBar.ButtonPosition.RightSide) is button:
                self.close_tab(index)
                return

    def _open_whole(self, path: str) -> None:
        self.open_files([path])

    def _close_current(self) -> None:
        self.close_tab(self.tabs.currentIndex())

    def _quit(self) -> None:
        self.close()

    def _copy(self) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, GridView) and focus.selectionModel().hasSelection():
            QGuiApplication.clipboard().setText(focus.selected_text())
        elif self.current_tab is not None:
            self.current_tab.detail.copy_name()

    def _expand_all(self) -> None:
        if self.current_tab is not None and self.current_tab.tree.current_node() >= 0:
            self.current_tab.tree.expand(self.current_tab.tree.current_node(), deep=True)

    def _collapse(self) -> None:
        if self.current_tab is not None:
            self.current_tab.tree.collapse_around()

    def _next_tab(self) -> None:
        self._go_to_tab(1)

    def _previous_tab(self) -> None:
        self._go_to_tab(-1)

    def _go_to_tab(self, step: int) -> None:
        if self.tabs.count():
            self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % self.tabs.count())

    def _theme_system(self) -> None:
        self.set_theme(Theme.SYSTEM)

    def _theme_light(self) -> None:
        self.set_theme(Theme.LIGHT)

    def _theme_dark(self) -> None:
        self.set_theme(Theme.DARK)

    def _about(self) -> None:
        dialog, column = _dialog("About sdviewer", self)
        column.addWidget(plain_label(f"sdviewer {sdviewer.__version__}"))
        column.addWidget(
            plain_label("Looks inside PyTorch checkpoints. Nothing in a file is ever executed.", muted=True)
        )
        dialog.show()


def _local_paths(urls: Sequence[QUrl]) -> list[str]:
    return [url.toLocalFile() for url in urls if url.isLocalFile()]


def _dialog(title: str, parent: QWidget) -> tuple[QDialog, QVBoxLayout]:
    """A window over the main one that blocks nothing and goes with Escape."""
    dialog = QDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(22, 18, 22, 18)
    return dialog, column


def _shortcut_list(rows: Sequence[tuple[str, str]], parent: QWidget) -> QDialog:
    dialog, column = _dialog("Keyboard Shortcuts", parent)
    grid = QGridLayout()
    grid.setHorizontalSpacing(28)
    grid.setVerticalSpacing(6)
    for position, (keys, what) in enumerate(rows):
        key = plain_label(keys)
        key.setFont(number_font())
        grid.addWidget(key, position, 0)
        grid.addWidget(plain_label(what, muted=True), position, 1)
    column.addLayout(grid)
    return dialog
