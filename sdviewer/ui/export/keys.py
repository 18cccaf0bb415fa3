"""The keys of an export."""

from __future__ import annotations

from sdviewer.ui.keys import KeySpec, KeyTable
from sdviewer.ui.translating import tr

EXPORT_KEYS = KeyTable(
    tr("Export"),
    (
        KeySpec("undo", ("Ctrl+Z",), tr("Undo the last change of rules and options")),
        KeySpec("redo", ("Ctrl+Y", "Ctrl+Shift+Z"), tr("Do it again")),
        KeySpec("", ("Space",), tr("Switch the rule on or off")),
        KeySpec("earlier", ("Alt+Up",), tr("Carry the rule out earlier")),
        KeySpec("later", ("Alt+Down",), tr("Carry the rule out later")),
        KeySpec("remove", ("Del",), tr("Remove the rule; of the keys, leave one out")),
        KeySpec("rename", ("F2",), tr("Write another new name for the key")),
        KeySpec("back", ("Esc",), tr("Go back to the file")),
    ),
)
