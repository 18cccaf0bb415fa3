"""Copying of rows: their names, the rows as TSV, and the Python that reaches what they show."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from sdviewer.checkpoint.access import node_expressions
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.outline import Group, Outline, group_totals
from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.jobs.runner import Lane
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.describe import name_of
from sdviewer.ui.scalars import raw_scalar
from sdviewer.ui.translating import tr

Items = npt.NDArray[np.integer]
Texts = Callable[[Checkpoint, Outline, Items], Iterator[str]]

# A clipboard is for what is pasted, not for a whole checkpoint.
MOST_COPIED = 100_000
_AT_ONCE = 1_000
_TITLES = (tr("Name"), tr("Kind"), tr("Dtype"), tr("Shape"), tr("Bytes"), tr("Value"))


def names(checkpoint: Checkpoint, _: Outline, nodes: Items) -> Iterator[str]:
    """The canonical names, of the root the path of the file."""
    for node in nodes.tolist():
        yield name_of(checkpoint, node) if node else checkpoint.path


def expressions(checkpoint: Checkpoint, _: Outline, nodes: Items) -> Iterator[str]:
    """The Python that reaches the tensors, containers and values among the nodes, see `access_expression`."""
    places = np.where(nodes == 0, 0, checkpoint.tree.node[nodes])
    for code in node_expressions(checkpoint, places[places >= 0].tolist()):
        if code:
            yield code


def tsv(checkpoint: Checkpoint, outline: Outline, items: Items) -> Iterator[str]:
    r"""A line for each item below one with the titles; shapes as `[3, 4]`, tabs and line breaks escaped (`\t`)."""
    # Imported for the first copy: the first tree does not wait for it.
    from sdviewer.checkpoint.listing_text import one_line

    yield "\t".join(_TITLES)
    for item in items.tolist():
        fields = _group_fields(checkpoint, outline, item) if outline.is_group(item) else _fields(checkpoint, item)
        yield "\t".join(map(one_line, fields))


def nodes_behind(outline: Outline, items: Items) -> Items:
    """The nodes among some items, from top to bottom, and those that stand directly in the groups among them.

    Of a group whose nodes are chosen one by one, only these.
    """
    is_group = items >= len(outline.tree)
    following = np.append(outline.place[items[1:]], len(outline))
    members = [outline.members(item) for item in items[is_group & (following >= outline.end[items])].tolist()]
    return np.unique(np.concatenate([items[~is_group].astype(np.int64), *members]))


def tensors_below(outline: Outline, items: Items) -> npt.NDArray[np.int64]:
    """The tensors at and below some items, as rows of the tensor table, each once."""
    tree = outline.tree
    nodes = nodes_behind(outline, items)
    steps = np.zeros(len(tree) + 1, np.int64)
    np.add.at(steps, nodes, 1)
    np.add.at(steps, tree.end[nodes], -1)
    return np.unique(tree.ref[(np.cumsum(steps[:-1]) > 0) & (tree.what == TreeNode.TENSOR)])


def _fields(checkpoint: Checkpoint, node: int) -> tuple[str, ...]:
    tree, table = checkpoint.tree, checkpoint.table
    name, kind = name_of(checkpoint, node) if node else checkpoint.path, tree.kinds[int(tree.kind[node])]
    nbytes = str(int(tree.nbytes[node]))
    match TreeNode(int(tree.what[node])):
        case TreeNode.TENSOR:
            row = int(tree.ref[node])
            role = Role(int(tree.role[row]))
            kind = "" if role is Role.UNKNOWN else role.name.lower()
            return name, kind, table.dtype_name(row), str(list(table.shape_of(row))), nbytes, ""
        case TreeNode.SCALAR:
            return name, "", "", "", "", raw_scalar(checkpoint, node)
        case TreeNode.ROOT:
            kind = checkpoint.format
        case _ if not kind and tree.node[node] >= 0:
            kind = checkpoint.description.structure.type_name(int(tree.node[node]))
    return name, kind, "", _tensors(int(tree.tensors[node])), nbytes if tree.tensors[node] else "", ""


def _group_fields(checkpoint: Checkpoint, outline: Outline, item: int) -> tuple[str, ...]:
    group = outline.group(item)
    first, last, count = int(outline.first[group]), int(outline.last[group]), int(outline.count[group])
    totals = group_totals(outline, item)
    alike = outline.kind[group] == Group.ALIKE
    return (
        f"{name_of(checkpoint, first)} … {name_of(checkpoint, last)}",
        f"{count} alike" if alike else f"{count} entries",
        "",
        _tensors(totals.tensors),
        str(totals.nbytes) if totals.tensors else "",
        "",
    )


def _tensors(count: int) -> str:
    return f"{count} {'tensor' if count == 1 else 'tensors'}" if count else ""


class TreeCopying(QObject):
    """Puts texts on the clipboard: a few rows at once, many by a job where there is a bridge."""

    done = Signal(str)
    """A sentence on what was copied, or why nothing was."""

    failed = Signal(object, object)
    """The error that ended the copying, and a function that begins it once more."""

    def __init__(self, bridge: Bridge | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.slot: Hashable = (id(self), "copy")

    def copy(self, texts: Texts, checkpoint: Checkpoint, outline: Outline, items: Items, what: str) -> None:
        """Copy a text for each item, a line each; a single one just as it is."""
        if texts is not tsv:
            items = nodes_behind(outline, items)
        count = len(items)
        if count > MOST_COPIED:
            self.done.emit(tr("At most {MOST_COPIED:,} rows can be copied.", MOST_COPIED=MOST_COPIED))
            return
        if count <= _AT_ONCE or self._bridge is None:
            self._put(what, self._joined(texts, checkpoint, outline, items, Control()))
            return
        self._bridge.start(
            Lane.COMPUTING,
            self.slot,
            partial(self._joined, texts, checkpoint, outline, items),
            on_value=partial(self._put, what),
            on_error=lambda error: self.failed.emit(error, partial(self.copy, texts, checkpoint, outline, items, what)),
            title=tr("Copying {count}", count=plural(count, what)),
        )

    @staticmethod
    def _joined(
        texts: Texts, checkpoint: Checkpoint, outline: Outline, items: Items, control: Control
    ) -> tuple[str, int]:
        lines = []
        for number, line in enumerate(texts(checkpoint, outline, items)):
            if number % _AT_ONCE == 0:
                control.check()
            lines.append(line)
        if len(lines) == 1:
            return lines[0], 1
        from sdviewer.checkpoint.listing_text import one_line

        # Of what else is copied a line never breaks.
        safe = [one_line(line) for line in lines] if texts is names else lines
        return "".join([f"{line}\n" for line in safe]), len(lines) - (texts is tsv)

    def _put(self, what: str, copied: tuple[str, int]) -> None:
        text, count = copied
        if count:
            QGuiApplication.clipboard().setText(text)
        self.done.emit(
            tr("Copied {count}.", count=plural(count, what))
            if count
            else tr("There is no {what} for what is selected.", what=what)
        )
