"""The one table of actions behind menus, shortcuts and the list that F1 shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow

from sdviewer.ui.comparison.keys import DIFF_KEYS
from sdviewer.ui.export.keys import EXPORT_KEYS
from sdviewer.ui.table.keys import TABLE_KEYS
from sdviewer.ui.translating import tr
from sdviewer.ui.tree.keys import TREE_KEYS
from sdviewer.ui.values.keys import VALUES_KEYS

StandardKey = QKeySequence.StandardKey


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command.

    Attributes:
        name: the key under which the window gives its function.
        text: as in the menu, with a mnemonic.
        menu: the path of menus that holds it, separated by "/".
        tip: one sentence, for the list of shortcuts.
        keys: its shortcuts, the first is shown. Some platforms have none for a standard key, so another one follows.
        needs_file: whether it takes an opened file.
        compares: whether a comparison of two files has it, too.
        group: alternatives that exclude each other.
        checkable: whether it is on or off.
        separated: whether a line stands above it.

    """

    name: str
    text: str
    menu: str
    tip: str
    keys: tuple[StandardKey | str, ...] = ()
    needs_file: bool = False
    compares: bool = False
    group: str = ""
    checkable: bool = False
    separated: bool = False


MENUS = {
    "&File": tr("&File"),
    "Open &Recent": tr("Open &Recent"),
    "&Edit": tr("&Edit"),
    "&View": tr("&View"),
    "&Theme": tr("&Theme"),
    "&Tools": tr("&Tools"),
    "Recent &Pairs": tr("Recent &Pairs"),
    "&Analyze": tr("&Analyze"),
    "&Help": tr("&Help"),
}
"""The title of each menu, by its part of a path."""

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open", tr("&Open…"), "&File", tr("Open checkpoint files"), (StandardKey.Open, "Ctrl+O")),
    ActionSpec(
        "open_folder", tr("Open &Folder…"), "&File", tr("Open a model with what lies beside it"), ("Ctrl+Shift+O",)
    ),
    ActionSpec(
        "reopen_session",
        tr("Reopen the &Last Session"),
        "&File",
        tr("Open what was open when the window was closed last"),
    ),
    ActionSpec("clear_recent", tr("&Clear"), "&File/Open &Recent", tr("Forget the files that were opened last")),
    ActionSpec(
        "reload",
        tr("&Reload"),
        "&File",
        tr("Read the file again"),
        ("F5", "Ctrl+R"),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "export",
        tr("&Export…"),
        "&File",
        tr("Write the file anew: filtered, renamed, cast; of two files the left with the names of the right"),
        ("Ctrl+E",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "export_selection",
        tr("Export Selecti&on…"),
        "&File",
        tr("Write the selected tensors to a file"),
        ("Ctrl+Shift+E",),
        needs_file=True,
    ),
    ActionSpec(
        "close_tab", tr("&Close Tab"), "&File", tr("Close this tab"), ("Ctrl+W",), needs_file=True, compares=True
    ),
    ActionSpec("quit", tr("&Quit"), "&File", tr("Close the window"), ("Ctrl+Q",), separated=True),
    ActionSpec(
        "copy",
        tr("&Copy"),
        "&Edit",
        tr("Copy what is selected"),
        (StandardKey.Copy, "Ctrl+C"),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "copy_command",
        tr("Copy as Comman&d"),
        "&Edit",
        tr("Copy the command that tells in a terminal what is shown"),
        ("Ctrl+Shift+C",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "paste",
        tr("&Paste"),
        "&Edit",
        tr("Open the files on the clipboard, or their paths"),
        (StandardKey.Paste, "Ctrl+V"),
    ),
    ActionSpec(
        "filter",
        tr("&Filter"),
        "&Edit",
        tr("Filter the tensors"),
        (StandardKey.Find, "Ctrl+F"),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "go_to", tr("&Go to Tensor…"), "&Edit", tr("Find a tensor by letters of its name"), ("Ctrl+P",), needs_file=True
    ),
    ActionSpec(
        "palette", tr("&All Commands…"), "&Edit", tr("Find any command by letters of its name"), ("Ctrl+Shift+P",)
    ),
    ActionSpec("show_modules", tr("&Modules"), "&View", tr("Show the tree of modules"), ("Ctrl+1",), needs_file=True),
    ActionSpec(
        "show_tensors", tr("All &Tensors"), "&View", tr("Show the table of all tensors"), ("Ctrl+2",), needs_file=True
    ),
    ActionSpec(
        "expand_all",
        tr("&Expand All Below"),
        "&View",
        tr("Open all below the selected entry"),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "collapse",
        tr("&Collapse"),
        "&View",
        tr("Close the selected entry, or the one around it"),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "fold_alike",
        tr("&Fold Alike Blocks"),
        "&View",
        tr("Show alike blocks as one row"),
        ("Ctrl+L",),
        needs_file=True,
        checkable=True,
    ),
    ActionSpec(
        "back",
        tr("&Back"),
        "&View",
        tr("Go back to what was selected before, in whichever tab"),
        ("Alt+Left",),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "forward",
        tr("For&ward"),
        "&View",
        tr("Go forward again to what was selected after"),
        ("Alt+Right",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "next_problem",
        tr("Next &Problem or Difference"),
        "&View",
        tr("Go to the next problem or difference"),
        ("F8",),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "previous_problem",
        tr("Previous P&roblem or Difference"),
        "&View",
        tr("Go to the problem or difference before"),
        ("Shift+F8",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "scan",
        tr("&Scan All Tensors"),
        "&Analyze",
        tr("Count every value of the file"),
        ("F9",),
        needs_file=True,
    ),
    ActionSpec(
        "pause_scan", tr("&Pause Scan"), "&Analyze", tr("Let the scan wait, or go on"), ("Shift+F9",), needs_file=True
    ),
    ActionSpec("stop_scan", tr("S&top Scan"), "&Analyze", tr("End the scan; what was found stays"), needs_file=True),
    ActionSpec(
        "scan_on_opening",
        tr("Scan Small Files on &Opening"),
        "&Analyze",
        tr("Scan files of up to 256 MiB as soon as they are shown"),
        checkable=True,
        separated=True,
    ),
    ActionSpec("compare", tr("&Compare…"), "&Tools", tr("Compare two files"), ("Ctrl+D",)),
    ActionSpec(
        "compare_tensors",
        tr("Compare Two &Tensors"),
        "&Tools",
        tr("Compare the two selected tensors, or the selected one with the one that was picked"),
        ("Ctrl+Shift+D",),
        needs_file=True,
        separated=True,
    ),
    ActionSpec(
        "pick_tensor",
        tr("Pick Tensor for Co&mparing"),
        "&Tools",
        tr("Remember the selected tensor, to compare it with one of any open file"),
        ("Ctrl+Shift+M",),
        needs_file=True,
    ),
    ActionSpec("clear_pairs", tr("&Clear"), "&Tools/Recent &Pairs", tr("Forget the files that were compared last")),
    ActionSpec(
        "notices",
        tr("&Notify When Long Work Ends"),
        "&Tools",
        tr("Tell of work that took more than ten seconds when it ends behind another window"),
        checkable=True,
        separated=True,
    ),
    ActionSpec(
        "next_tab", tr("&Next Tab"), "&View", tr("Go to the next tab"), ("Ctrl+PgDown", "Ctrl+Tab"), separated=True
    ),
    ActionSpec(
        "previous_tab", tr("&Previous Tab"), "&View", tr("Go to the previous tab"), ("Ctrl+PgUp", "Ctrl+Shift+Tab")
    ),
    ActionSpec("theme_system", tr("As the &System"), "&View/&Theme", tr("Follow the system's theme"), group="theme"),
    ActionSpec("theme_light", tr("&Light"), "&View/&Theme", tr("Use the light theme"), group="theme"),
    ActionSpec("theme_dark", tr("&Dark"), "&View/&Theme", tr("Use the dark theme"), group="theme"),
    ActionSpec("guide", tr("User &Guide"), "&Help", tr("Show what the program can do, with pictures")),
    ActionSpec("shortcuts", tr("&Keyboard Shortcuts"), "&Help", tr("Show this list"), ("F1",)),
    ActionSpec("about", tr("&About sdviewer"), "&Help", tr("Show the version")),
)


def shortcuts_of(spec: ActionSpec) -> list[QKeySequence]:
    """The keys that this platform has for a command, without repetitions."""
    keys: dict[str, QKeySequence] = {}
    for key in spec.keys:
        sequence = QKeySequence(key)
        if not sequence.isEmpty():
            keys.setdefault(sequence.toString(), sequence)
    return list(keys.values())


def build_actions(window: QMainWindow, commands: Mapping[str, Callable[[], None]]) -> dict[str, QAction]:
    """Make every action of the table, with its menu and its shortcuts; `commands` holds their functions."""
    actions: dict[str, QAction] = {}
    menus = {"": window.menuBar()}
    groups: dict[str, QActionGroup] = {}
    for spec in ACTIONS:
        path = ""
        for part in spec.menu.split("/"):
            outer, path = menus[path], f"{path}/{part}" if path else part
            if path not in menus:
                menus[path] = outer.addMenu(MENUS[part])  # type: ignore[assignment]  # menus and the menu bar add alike
                menus[path].setObjectName(path)
        action = QAction(spec.text, window)
        action.setObjectName(spec.name)
        action.setShortcuts(shortcuts_of(spec))
        action.setStatusTip("")
        action.setToolTip(spec.tip)
        action.triggered.connect(commands[spec.name])
        action.setCheckable(spec.checkable or bool(spec.group))
        if spec.group:
            groups.setdefault(spec.group, QActionGroup(window)).addAction(action)
        if spec.separated:
            menus[path].addSeparator()
        menus[path].addAction(action)
        actions[spec.name] = action
    return actions


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Where some keys do something, and what."""

    title: str
    rows: list[tuple[str, str]]


def key_groups(actions: Mapping[str, QAction]) -> list[KeyGroup]:
    """Every key with what it does, as F1 shows it: of the window, then of each view that has its own."""
    native = QKeySequence.SequenceFormat.NativeText
    rows = [
        (", ".join(key.toString(native) for key in actions[spec.name].shortcuts()), spec.tip)
        for spec in ACTIONS
        if spec.keys
    ]
    views = (TREE_KEYS, TABLE_KEYS, VALUES_KEYS, DIFF_KEYS, EXPORT_KEYS)
    return [KeyGroup(tr("Window"), rows), *(KeyGroup(table.title, table.rows()) for table in views)]
