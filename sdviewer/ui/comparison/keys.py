"""The keys of a comparison's rows."""

from __future__ import annotations

from sdviewer.ui.keys import KeySpec, KeyTable

DIFF_KEYS = KeyTable(
    "Comparison",
    (
        KeySpec("right", ("Right",), "Open the module, or go to its first child"),
        KeySpec("left", ("Left",), "Close the module, or go to its parent"),
        KeySpec("toggle", ("Return", "Enter"), "Open or close the module"),
        KeySpec("open", ("+",), "Open the module"),
        KeySpec("close", ("-",), "Close the module"),
        KeySpec("open_all", ("*",), "Open everything below the module"),
        KeySpec("parent", ("Backspace",), "Go to the parent"),
        KeySpec("undo", ("Del",), "Undo the pair, if it was a guess or made by hand"),
        KeySpec("", ("Home", "End"), "Go to the first or the last row"),
        KeySpec("", (), "Go to the next row whose name begins so", told="A letter …"),
    ),
)
