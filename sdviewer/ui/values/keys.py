"""The keys of the table of values."""

from __future__ import annotations

from sdviewer.ui.keys import KeySpec, KeyTable, with_modifier
from sdviewer.ui.translating import tr

_ARROWS = ("Up", "Down", "Left", "Right")

VALUES_KEYS = KeyTable(
    tr("Table of values"),
    (
        KeySpec("go_to", ("Ctrl+G",), tr("Go to an index")),
        KeySpec("step", (*_ARROWS, "PgUp", "PgDown"), tr("Go to another value, beyond what the table holds too")),
        KeySpec("row_start", ("Home",), tr("Go to the first column")),
        KeySpec("row_end", ("End",), tr("Go to the last column")),
        KeySpec("start", ("Ctrl+Home",), tr("Go to the first value")),
        KeySpec("end", ("Ctrl+End",), tr("Go to the last value")),
        KeySpec("", with_modifier("Shift", _ARROWS), tr("Select a rectangle")),
        KeySpec("", ("Ctrl+A",), tr("Select all that the table holds")),
    ),
)
