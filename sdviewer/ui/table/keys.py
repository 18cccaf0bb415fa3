"""The keys of the table of all tensors."""

from __future__ import annotations

from sdviewer.ui.keys import MOVES, KeySpec, KeyTable, with_modifier

TABLE_KEYS = KeyTable(
    "Table of all tensors",
    (
        KeySpec("move", MOVES, "Go to another row and select it alone"),
        KeySpec("move", with_modifier("Shift", MOVES), "Select all rows up to another one"),
        KeySpec("move", with_modifier("Ctrl+Shift", MOVES), "Select them beside those that are selected"),
        KeySpec("move", with_modifier("Ctrl", MOVES), "Go to another row and leave the selection"),
        KeySpec("toggle", ("Ctrl+Space",), "Select the row beside others, or no longer"),
        KeySpec("select", ("Space", "Shift+Space"), "Select the row alone, or all up to it"),
        KeySpec("all", ("Ctrl+A",), "Select all rows"),
        KeySpec("scroll", ("Left", "Right"), "Go across the columns"),
        KeySpec("", (), "Go to the next tensor whose name begins so", told="A letter …"),
    ),
)
