"""The one table of actions behind menus, shortcuts and the list that F1 shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow

from sdviewer.ui.comparison.keys import DIFF_KEYS
from sdviewer.ui.export.keys import EXPORT_KEYS
from sdviewer.ui.table.keys import TABLE_KEYS
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


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("open", "&Open…", "&File", "Open checkpoint files", (StandardKey.Open, "Ctrl+O")),
    ActionSpec("open_folder", "Open &Folder…", "&File", "Open a model with what lies beside it", ("Ctrl+Shift+O",)),
    ActionSpec(
        "reopen_session",
        "Reopen the &Last Session",
        "&File",
        "Open what was open when the window was closed last",
    ),
    ActionSpec("clear_recent", "&Clear", "&File/Open &Recent", "Forget the files that were opened last"),
    ActionSpec(
        "reload",
        "&Reload",
        "&File",
        "Read the file again",
        ("F5", "Ctrl+R"),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "export",
        "&Export…",
        "&File",
        "Write the file anew: filtered, renamed, cast; of two files the left with the names of the right",
        ("Ctrl+E",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "export_selection",
        "Export Selecti&on…",
        "&File",
        "Write the selected tensors to a file",
        ("Ctrl+Shift+E",),
        needs_file=True,
    ),
    ActionSpec("close_tab", "&Close Tab", "&File", "Close this tab", ("Ctrl+W",), needs_file=True, compares=True),
    ActionSpec("quit", "&Quit", "&File", "Close the window", ("Ctrl+Q",), separated=True),
    ActionSpec(
        "copy", "&Copy", "&Edit", "Copy what is selected", (StandardKey.Copy, "Ctrl+C"), needs_file=True, compares=True
    ),
    ActionSpec(
        "copy_command",
        "Copy as Comman&d",
        "&Edit",
        "Copy the command that tells in a terminal what is shown",
        ("Ctrl+Shift+C",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "paste", "&Paste", "&Edit", "Open the files on the clipboard, or their paths", (StandardKey.Paste, "Ctrl+V")
    ),
    ActionSpec(
        "filter",
        "&Filter",
        "&Edit",
        "Filter the tensors",
        (StandardKey.Find, "Ctrl+F"),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "go_to", "&Go to Tensor…", "&Edit", "Find a tensor by letters of its name", ("Ctrl+P",), needs_file=True
    ),
    ActionSpec("palette", "&All Commands…", "&Edit", "Find any command by letters of its name", ("Ctrl+Shift+P",)),
    ActionSpec("show_modules", "&Modules", "&View", "Show the tree of modules", ("Ctrl+1",), needs_file=True),
    ActionSpec("show_tensors", "All &Tensors", "&View", "Show the table of all tensors", ("Ctrl+2",), needs_file=True),
    ActionSpec(
        "expand_all", "&Expand All Below", "&View", "Open all below the selected entry", needs_file=True, compares=True
    ),
    ActionSpec(
        "collapse",
        "&Collapse",
        "&View",
        "Close the selected entry, or the one around it",
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "fold_alike",
        "&Fold Alike Blocks",
        "&View",
        "Show alike blocks as one row",
        ("Ctrl+L",),
        needs_file=True,
        checkable=True,
    ),
    ActionSpec(
        "back",
        "&Back",
        "&View",
        "Go back to what was selected before, in whichever tab",
        ("Alt+Left",),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "forward",
        "For&ward",
        "&View",
        "Go forward again to what was selected after",
        ("Alt+Right",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "next_problem",
        "Next &Problem or Difference",
        "&View",
        "Go to the next problem or difference",
        ("F8",),
        needs_file=True,
        compares=True,
        separated=True,
    ),
    ActionSpec(
        "previous_problem",
        "Previous P&roblem or Difference",
        "&View",
        "Go to the problem or difference before",
        ("Shift+F8",),
        needs_file=True,
        compares=True,
    ),
    ActionSpec(
        "scan",
        "&Scan All Tensors",
        "&Analyze",
        "Count every value of the file",
        ("F9",),
        needs_file=True,
    ),
    ActionSpec("pause_scan", "&Pause Scan", "&Analyze", "Let the scan wait, or go on", ("Shift+F9",), needs_file=True),
    ActionSpec("stop_scan", "S&top Scan", "&Analyze", "End the scan; what was found stays", needs_file=True),
    ActionSpec(
        "scan_on_opening",
        "Scan Small Files on &Opening",
        "&Analyze",
        "Scan files of up to 256 MiB as soon as they are shown",
        checkable=True,
        separated=True,
    ),
    ActionSpec("compare", "&Compare…", "&Tools", "Compare two files", ("Ctrl+D",)),
    ActionSpec(
        "compare_tensors",
        "Compare Two &Tensors",
        "&Tools",
        "Compare the two selected tensors, or the selected one with the one that was picked",
        ("Ctrl+Shift+D",),
        needs_file=True,
        separated=True,
    ),
    ActionSpec(
        "pick_tensor",
        "Pick Tensor for Co&mparing",
        "&Tools",
        "Remember the selected tensor, to compare it with one of any open file",
        ("Ctrl+Shift+M",),
        needs_file=True,
    ),
    ActionSpec("clear_pairs", "&Clear", "&Tools/Recent &Pairs", "Forget the files that were compared last"),
    ActionSpec(
        "notices",
        "&Notify When Long Work Ends",
        "&Tools",
        "Tell of work that took more than ten seconds when it ends behind another window",
        checkable=True,
        separated=True,
    ),
    ActionSpec("next_tab", "&Next Tab", "&View", "Go to the next tab", ("Ctrl+PgDown", "Ctrl+Tab"), separated=True),
    ActionSpec("previous_tab", "&Previous Tab", "&View", "Go to the previous tab", ("Ctrl+PgUp", "Ctrl+Shift+Tab")),
    ActionSpec("theme_system", "As the &System", "&View/&Theme", "Follow the system's theme", group="theme"),
    ActionSpec("theme_light", "&Light", "&View/&Theme", "Use the light theme", group="theme"),
    ActionSpec("theme_dark", "&Dark", "&View/&Theme", "Use the dark theme", group="theme"),
    ActionSpec("guide", "User &Guide", "&Help", "Show what the program can do, with pictures"),
    ActionSpec("shortcuts", "&Keyboard Shortcuts", "&Help", "Show this list", ("F1",)),
    ActionSpec("about", "&About sdviewer", "&Help", "Show the version"),
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
                menus[path] = outer.addMenu(part)  # type: ignore[assignment]  # menus and the menu bar add alike
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
    return [KeyGroup("Window", rows), *(KeyGroup(table.title, table.rows()) for table in views)]
