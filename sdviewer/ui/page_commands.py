"""PageCommands: the commands on what is in front, a file or a comparison of two, and which of them it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from sdviewer.checkpoint.wording import shown
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.actions import ACTIONS
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.copying import copy_from
from sdviewer.ui.document.browser import ALL_TENSORS, MODULES
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.file_tabs import FileTabs, is_comparison
from sdviewer.ui.scan.scanning import Scan
from sdviewer.ui.settings import Settings
from sdviewer.ui.translating import tr

if TYPE_CHECKING:
    from sdviewer.ui.comparison.tab import ComparisonTab
    from sdviewer.ui.filter.go_to import GoToPanel

_LONGEST_TOLD = 160


class PageCommands(QObject):
    """Does what the menus and keys ask of the page in front; without one nothing."""

    message = Signal(str)
    """Something was not done: for the status bar."""

    export_wanted = Signal(str, object)
    """A file shall be exported by these rules."""

    def __init__(self, tabs: FileTabs, bridge: Bridge, settings: Settings | None, window: QWidget) -> None:
        super().__init__(window)
        self._tabs, self._bridge, self._settings, self._window = tabs, bridge, settings, window
        self.finder: GoToPanel | None = None

    def by_name(self) -> dict[str, Callable[[], None]]:
        """The functions of the action table that are here."""
        return {
            "reload": self._reload,
            "export": self._export,
            "export_selection": self._export_selection,
            "copy": self._copy,
            "copy_command": self._copy_command,
            "filter": self._filter,
            "go_to": self._go_to,
            "show_modules": self._show_modules,
            "show_tensors": self._show_tensors,
            "expand_all": self._expand_all,
            "collapse": self._collapse,
            "fold_alike": self._fold_alike,
            "next_problem": self._next_problem,
            "previous_problem": self._previous_problem,
            "scan": self._scan,
            "pause_scan": self._pause_scan,
            "stop_scan": self._stop_scan,
        }

    def refresh(self, actions: Mapping[str, QAction]) -> None:
        """Let rest what the page in front does not take."""
        tab, page = self._tabs.current, self._tabs.page
        for spec in ACTIONS:
            if spec.needs_file:
                actions[spec.name].setEnabled(tab is not None or (spec.compares and page is not None))
        actions["fold_alike"].setChecked(tab is not None and tab.tree.folding)
        self.refresh_scan(actions)

    def refresh_scan(self, actions: Mapping[str, QAction]) -> None:
        """What can be done with the scan of the tab in front."""
        tab = self._tabs.current
        scanning = tab.scanning if tab is not None else None
        is_running = scanning is not None and scanning.state is Scan.RUNNING
        is_paused = scanning is not None and scanning.is_paused
        can_begin = tab is not None and tab.loaded is not None
        actions["scan"].setEnabled(can_begin and (not is_running or is_paused))
        actions["pause_scan"].setEnabled(is_running)
        actions["pause_scan"].setText(tr("&Resume Scan") if is_paused else tr("&Pause Scan"))
        actions["stop_scan"].setEnabled(is_running)

    def export_renamed(self, tab: ComparisonTab) -> None:
        """The left file with the names that the comparison has found on the right."""
        from sdviewer.ui.export.wishes import renames_of

        standing = tab.standing
        renames = renames_of(standing.matching) if standing is not None and not standing.is_picked else None
        if renames is None:
            self.message.emit(tr("There is no name that the comparison would change."))
        else:
            self.export_wanted.emit(tab.paths[0], (renames,))

    def _reload(self) -> None:
        if self._tabs.page is not None:
            self._tabs.page.reload()

    def _export(self) -> None:
        page = self._tabs.page
        if is_comparison(page):
            self.export_renamed(page)
        elif isinstance(page, DocumentTab):
            page.faces.toggle_export()

    def _export_selection(self) -> None:
        tab = self._tabs.current
        if tab is not None and not tab.faces.shows_export:
            tab.browser.export_selected()

    def _copy(self) -> None:
        """What is selected where the keys go; where nothing can be copied, the name of what is shown."""
        if copy_from(QApplication.focusWidget()):
            return
        page = self._tabs.page
        if is_comparison(page):
            page.view.copy_names()
        elif isinstance(page, DocumentTab):
            page.detail.copy_name()

    def _copy_command(self) -> None:
        """The command that tells the same in a terminal."""
        from sdviewer.ui.shell_command import command_of_comparison, command_of_file

        page = self._tabs.page
        if is_comparison(page):
            paths, ask = page.paths, page.comparing.ask
            sides = (page.sides[0].checkpoint, page.sides[1].checkpoint)
            self._put_command(lambda control: command_of_comparison(paths, sides, ask, control))
        elif isinstance(page, DocumentTab) and page.faces.export is not None and page.faces.shows_export:
            page.faces.export.recipes.copy_command()
        elif isinstance(page, DocumentTab):
            path, checkpoint = page.path, page.loaded.checkpoint if page.loaded is not None else None
            rows, found, typed = page.browser.all_selected(), page.browser.filter.found, ""
            if found is not None and page.tree.current_node() <= 0:
                rows, typed = found.matches.rows, page.browser.filter.line.text().strip()
            self._put_command(lambda _: command_of_file(path, checkpoint, rows, typed))

    def _put_command(self, work: Callable[[Control], str]) -> None:
        """Put it on the clipboard: looking for the shortest names of many tensors takes a while."""

        def put(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.message.emit(tr("Copied: {text_}", text_=shown(text, _LONGEST_TOLD)))

        self._bridge.start(
            Lane.COMPUTING,
            (id(self), "command"),
            work,
            on_value=put,
            on_error=lambda error: self.message.emit(tr("No command was copied: {error}", error=error)),
            title=tr("Copying the command"),
        )

    def _filter(self) -> None:
        page = self._tabs.page
        if is_comparison(page):
            page.focus_filter()
        elif isinstance(page, DocumentTab):
            page.faces.show_file()
            page.browser.filter.focus_line()

    def _go_to(self) -> None:
        tab = self._tabs.current
        if tab is None or tab.loaded is None:
            return
        if self.finder is None:
            from sdviewer.ui.filter.go_to import GoToPanel

            self.finder = GoToPanel(self._bridge, self._window)
            self.finder.chosen.connect(self._go_to_node)
            self._tabs.currentChanged.connect(self.finder.forget)
        self.finder.open_for(tab.loaded.checkpoint)

    def _go_to_node(self, node: int) -> None:
        if self._tabs.current is not None:
            self._tabs.current.go_to_node(node)

    def _show_modules(self) -> None:
        self._show_view(MODULES)

    def _show_tensors(self) -> None:
        self._show_view(ALL_TENSORS)

    def _show_view(self, view: int) -> None:
        tab = self._tabs.current
        if tab is not None:
            tab.faces.show_file()
            tab.browser.show_view(view)

    def _expand_all(self) -> None:
        page = self._tabs.page
        if is_comparison(page):
            page.view.expand_below()
        elif isinstance(page, DocumentTab) and page.tree.current_node() >= 0:
            page.tree.expand(page.tree.current_node(), deep=True)

    def _collapse(self) -> None:
        page = self._tabs.page
        if is_comparison(page):
            page.view.collapse_around()
        elif isinstance(page, DocumentTab):
            page.tree.collapse_around()

    def _fold_alike(self) -> None:
        tab = self._tabs.current
        if tab is not None:
            tab.tree.set_folding(not tab.tree.folding)
            if self._settings is not None:
                self._settings.folding = tab.tree.folding

    def _next_problem(self) -> None:
        self._go_to_problem(1)

    def _previous_problem(self) -> None:
        self._go_to_problem(-1)

    def _go_to_problem(self, step: int) -> None:
        page = self._tabs.page
        if is_comparison(page):
            if not page.go_to_difference(step):
                self.message.emit(tr("Nothing differs, as far as it was compared."))
        elif isinstance(page, DocumentTab) and not page.tree.go_to_problem(step):
            self.message.emit(tr("No tensor of this file has a problem."))

    def _scan(self) -> None:
        tab = self._tabs.current
        if tab is not None:
            if tab.scanning.is_paused:
                tab.scanning.set_paused(paused=False)
            else:
                tab.scanning.start()

    def _pause_scan(self) -> None:
        tab = self._tabs.current
        if tab is not None:
            tab.scanning.set_paused(paused=not tab.scanning.is_paused)

    def _stop_scan(self) -> None:
        if self._tabs.current is not None:
            self._tabs.current.scanning.stop()
