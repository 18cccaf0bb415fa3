"""The keys of an export."""

from __future__ import annotations

from sdviewer.ui.keys import KeySpec, KeyTable

EXPORT_KEYS = KeyTable(
    "Export",
    (
        KeySpec("undo", ("Ctrl+Z",), "Undo the last change of rules and options"),
        KeySpec("redo", ("Ctrl+Y", "Ctrl+Shift+Z"), "Do it again"),
        KeySpec("", ("Space",), "Switch the rule on or off"),
        KeySpec("earlier", ("Alt+Up",), "Carry the rule out earlier"),
        KeySpec("later", ("Alt+Down",), "Carry the rule out later"),
        KeySpec("remove", ("Del",), "Remove the rule; of the keys, leave one out"),
        KeySpec("rename", ("F2",), "Write another new name for the key"),
        KeySpec("back", ("Esc",), "Go back to the file"),
    ),
)
