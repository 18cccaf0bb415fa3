"""Places: where in the tree a thing stands that a problem or a value names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.tensor_problems import rows_named


def nodes_of_tensors(checkpoint: Checkpoint, names: Sequence[str]) -> Mapping[str, int]:
    """Canonical name of a tensor → its node; names that no tensor has are left out."""
    table, tree = checkpoint.table, checkpoint.tree
    rows = rows_named(table.name, table.listed, names)
    if not rows:
        return {}
    nodes = np.flatnonzero(tree.what == TreeNode.TENSOR)
    found = nodes[np.isin(tree.ref[nodes], list(rows.values()))]
    by_row: dict[int, int] = {}
    for node in found.tolist():
        by_row.setdefault(int(tree.ref[node]), node)
    return {name: by_row[row] for name, row in rows.items() if row in by_row}


def node_of_tensor(checkpoint: Checkpoint, name: str) -> int:
    """The node of a tensor, -1 if none is called so."""
    return nodes_of_tensors(checkpoint, [name]).get(name, -1)


def filter_term(field: str, value: str) -> str:
    """A term of the filter that means just this value, whatever signs are in it: `file:"a b.bin"`."""
    if value and all(char.isalnum() or char in "._-" for char in value):
        return f"{field}:{value}"
    if not any(char in '"*?[' for char in value):
        return f'{field}:"{value}"'
    # Within quotes nothing can be escaped: what would mean something else stands for any one character.
    safe = "".join("?" if char in '"*?[],()' or char.isspace() else char for char in value)
    return f"{field}:{safe}"
