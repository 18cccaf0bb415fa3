"""The keys of a comparison's rows."""

from __future__ import annotations

from sdviewer.ui.keys import KeySpec, KeyTable
from sdviewer.ui.translating import tr

DIFF_KEYS = KeyTable(
    tr("Comparison"),
    (
        KeySpec("right", ("Right",), tr("Open the module, or go to its first child")),
        KeySpec("left", ("Left",), tr("Close the module, or go to its parent")),
        KeySpec("toggle", ("Return", "Enter"), tr("Open or close the module")),
        KeySpec("open", ("+",), tr("Open the module")),
        KeySpec("close", ("-",), tr("Close the module")),
        KeySpec("open_all", ("*",), tr("Open everything below the module")),
        KeySpec("parent", ("Backspace",), tr("Go to the parent")),
        KeySpec("undo", ("Del",), tr("Undo the pair, if it was a guess or made by hand")),
        KeySpec("", ("Home", "End"), tr("Go to the first or the last row")),
        KeySpec("", (), tr("Go to the next row whose name begins so"), told=tr("A letter …")),
    ),
)
