"""The treemap in words."""

from __future__ import annotations

import numpy as np

from sdviewer.analysis.treemap import Treemap
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.wording import bytes_for_people, cut_in_middle, label_of, plural, shape_text, share, shown
from sdviewer.ui.detail.describe import name_of

_LONGEST = 80


def tile_label(checkpoint: Checkpoint, found: Treemap, tile: int, title: str) -> str:
    """What stands on a tile."""
    first, last, count = int(found.first[tile]), int(found.last[tile]), int(found.count[tile])
    label = checkpoint.tree.label
    if first == 0:
        return title
    if count == 1:
        return label_of(label[first])
    return f"{label_of(label[first])} … {label_of(label[last])} ({count:,})"


def tile_words(checkpoint: Checkpoint, found: Treemap, tile: int, title: str) -> str:
    """A sentence on a tile: its name, bytes, share, and what it is."""
    tree, table = checkpoint.tree, checkpoint.table
    first, count = int(found.first[tile]), int(found.count[tile])
    nbytes = int(found.nbytes[tile])
    size = f"{bytes_for_people(nbytes)}, {share(nbytes, max(int(found.nbytes[0]), nbytes))}"
    if count > 1:
        return f"{tile_label(checkpoint, found, tile, title)}: {size}; {count:,} small entries together"
    name = cut_in_middle(shown(name_of(checkpoint, first)), _LONGEST) or title
    if tree.what[first] == TreeNode.TENSOR:
        row = int(tree.ref[first])
        what = f"{table.dtype_name(row)} · {shape_text(table.shape_of(row))}"
    else:
        kind = tree.kinds[int(tree.kind[first])]
        what = ", ".join(part for part in (shown(kind, 60), plural(int(tree.tensors[first]), "tensor")) if part)
    return f"{name}: {size}; {what}"


def summary(checkpoint: Checkpoint, found: Treemap, title: str) -> str:
    """What is in sight: how much, in how many tiles, the largest and the smallest."""
    whole = int(found.nbytes[0])
    leaves = np.flatnonzero(~found.is_split)
    if len(found) == 1 or not whole:
        return f"{bytes_for_people(whole)}, not divided any further."

    def told(tile: int) -> str:
        nbytes = int(found.nbytes[tile])
        label = cut_in_middle(_path(checkpoint, found, tile, title), 60)
        return f"{label} ({bytes_for_people(nbytes)}, {share(nbytes, max(whole, nbytes))})"

    sizes = found.nbytes[leaves]
    largest, smallest = int(leaves[np.argmax(sizes)]), int(leaves[np.argmin(sizes)])
    text = f"{bytes_for_people(whole)} in {plural(len(leaves), 'tile')}; "
    text += f"largest {told(largest)}; smallest {told(smallest)}"
    top = int(found.nbytes[found.parent == 0].sum())
    if top > whole:
        text += "; tied tensors have a tile in each of their places"
    return text


def _path(checkpoint: Checkpoint, found: Treemap, tile: int, title: str) -> str:
    if found.count[tile] > 1:
        return tile_label(checkpoint, found, tile, title)
    return shown(name_of(checkpoint, int(found.first[tile]))) or title
