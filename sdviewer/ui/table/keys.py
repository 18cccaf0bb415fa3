"""The keys of the table of all tensors."""

from __future__ import annotations

from sdviewer.ui.keys import MOVES, KeySpec, KeyTable, with_modifier
from sdviewer.ui.translating import tr

TABLE_KEYS = KeyTable(
    tr("Table of all tensors"),
    (
        KeySpec("move", MOVES, tr("Go to another row and select it alone")),
        KeySpec("move", with_modifier("Shift", MOVES), tr("Select all rows up to another one")),
        KeySpec("move", with_modifier("Ctrl+Shift", MOVES), tr("Select them beside those that are selected")),
        KeySpec("move", with_modifier("Ctrl", MOVES), tr("Go to another row and leave the selection")),
        KeySpec("toggle", ("Ctrl+Space",), tr("Select the row beside others, or no longer")),
        KeySpec("select", ("Space", "Shift+Space"), tr("Select the row alone, or all up to it")),
        KeySpec("all", ("Ctrl+A",), tr("Select all rows")),
        KeySpec("scroll", ("Left", "Right"), tr("Go across the columns")),
        KeySpec("", (), tr("Go to the next tensor whose name begins so"), told=tr("A letter …")),
    ),
)
