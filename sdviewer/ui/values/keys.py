"""The keys of the table of values."""

from __future__ import annotations

from sdviewer.ui.keys import KeySpec, KeyTable, with_modifier

_ARROWS = ("Up", "Down", "Left", "Right")

VALUES_KEYS = KeyTable(
    "Table of values",
    (
        KeySpec("go_to", ("Ctrl+G",), "Go to an index"),
        KeySpec("step", (*_ARROWS, "PgUp", "PgDown"), "Go to another value, beyond what the table holds too"),
        KeySpec("row_start", ("Home",), "Go to the first column"),
        KeySpec("row_end", ("End",), "Go to the last column"),
        KeySpec("start", ("Ctrl+Home",), "Go to the first value"),
        KeySpec("end", ("Ctrl+End",), "Go to the last value"),
        KeySpec("", with_modifier("Shift", _ARROWS), "Select a rectangle"),
        KeySpec("", ("Ctrl+A",), "Select all that the table holds"),
    ),
)
