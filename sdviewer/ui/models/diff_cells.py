"""DiffCells: what stands in one row of a comparison, ready to be painted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from sdviewer.checkpoint.wording import label_of, number, plural, shape_text, share, shown
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.relations import WORDS, Relation
from sdviewer.comparison.standing import Standing
from sdviewer.ui.comparison.rows import DiffRows
from sdviewer.ui.comparison.words import BY_TIPS, BY_WORDS, MARK_WORDS

_KINDS_TOLD = 2
_KEYS_TOLD = 8


class DiffColumn(IntEnum):
    """The columns, in the order in which they stand."""

    NAME = 0
    MARK = 1
    FORM = 2
    MAX_ABS = 3
    RELATIVE = 4
    COSINE = 5
    CHANGED = 6
    WHY = 7


@dataclass(frozen=True, slots=True)
class DiffCells:
    """One row. `aside` follows the name, muted; `mark` is that of `BY_WEIGHT` which is drawn."""

    node: int
    indent: int
    is_module: bool
    has_children: bool
    is_guess: bool
    name: str
    aside: str
    mark: str
    told: str
    form: str
    max_abs: str
    relative: str
    cosine: str
    changed: str
    why: str

    def text(self, column: int) -> str:
        """The text of one column."""
        texts = (
            self.name + self.aside,
            self.told,
            self.form,
            self.max_abs,
            self.relative,
            self.cosine,
            self.changed,
            self.why,
        )
        return texts[column]


def make_cells(standing: Standing, rows: DiffRows, node: int, title: str) -> DiffCells:
    """The row of a node; `title` names the root."""
    tree = standing.tree
    is_module = int(tree.what[node]) == Leaf.MODULE
    counts = standing.counts_at(node)
    mark = next(iter(counts), "")
    a, b = standing.keys_at(node)
    name = title if node == 0 else shown(a or b) if rows.is_list else label_of(tree.label[node])
    aside = f"  → {shown(b)}" if a and b and a != b else ""
    if is_module:
        told = told_of(counts, _KINDS_TOLD)
        # A pair may have several marks: tensors are counted as leaves.
        below = slice(node, int(tree.end[node]))
        form = plural(int(standing.is_leaf[below].sum()), "tensor")
    else:
        told = ", ".join(MARK_WORDS[each] for each in counts) or "not compared"
        form = form_of(standing, node)
    count = int(standing.count[node])
    a2 = float(standing.rollups.a2[node])
    relative = math.sqrt(max(float(standing.rollups.delta2[node]), 0.0) / a2) if a2 > 0 else math.nan
    return DiffCells(
        node,
        0 if rows.is_list else max(int(tree.depth[node]) - 1, 0),
        is_module,
        bool(rows.has_children[node]) and not rows.is_list,
        standing.is_guess(node),
        name,
        aside,
        mark,
        told,
        form,
        _short(float(standing.max_abs[node])),
        _short(relative),
        _cosine(float(standing.cosine[node])),
        share(int(standing.differing[node]), count) if count else "",
        _why(standing, node),
    )


def told_of(counts: dict[str, int], most: int = 100) -> str:
    """How many of each mark, in words."""
    parts = [f"{count:,} {MARK_WORDS[mark]}" for mark, count in counts.items()]
    return ", ".join(parts[:most]) + (" …" if len(parts) > most else "")


def form_of(standing: Standing, node: int) -> str:
    """Dtype and shape of a tensor, of both sides where they are not the same."""
    tree, matching = standing.tree, standing.matching
    place, what = int(tree.place[node]), int(tree.what[node])
    if what != Leaf.PAIR:
        ref = (matching.a if what == Leaf.ONLY_A else matching.b).ref(place)
        return f"{shown(ref.dtype)}  {shape_text(ref.shape)}"
    pair = matching.pairs[place]
    a, b = matching.a.ref(pair.a), matching.b.ref(pair.b)
    dtype = shown(a.dtype) if a.dtype == b.dtype else f"{shown(a.dtype)} → {shown(b.dtype)}"
    shape = shape_text(a.shape) if a.shape == b.shape else f"{shape_text(a.shape)} → {shape_text(b.shape)}"
    return f"{dtype}  {shape}"


def tip(standing: Standing, cells: DiffCells, column: int) -> str:
    """The whole text of a cell, with exact figures and full names."""
    node, tree = cells.node, standing.tree
    if column == DiffColumn.MARK:
        counts = standing.counts_at(node)
        result = standing.results[int(tree.place[node])] if tree.what[node] == Leaf.PAIR else None
        lines = [told_of(counts).replace(", ", "\n")] if cells.is_module else [cells.told]
        if result is not None and result.error:
            lines.append(shown(result.error))
        return "\n".join(lines)
    if column == DiffColumn.NAME:
        a, b = standing.keys_at(node)
        return f"A: {shown(a)}\nB: {shown(b)}" if a and b and a != b else shown(standing.name_at(node)) or cells.name
    if column == DiffColumn.FORM and tree.what[node] == Leaf.PAIR:
        relation = standing.matching.pairs[int(tree.place[node])].relation
        return cells.form + ("" if relation is Relation.SAME else f"\n{WORDS[relation]}")
    if column == DiffColumn.WHY:
        return _why_tip(standing, cells)
    exact = {DiffColumn.MAX_ABS: standing.max_abs, DiffColumn.COSINE: standing.cosine}
    if column in exact and not math.isnan(exact[DiffColumn(column)][node]):
        return repr(float(exact[DiffColumn(column)][node]))
    if column == DiffColumn.CHANGED and cells.changed:
        return f"{int(standing.differing[node]):,} of {int(standing.count[node]):,} values"
    return cells.text(column)


def _why(standing: Standing, node: int) -> str:
    tree = standing.tree
    if tree.what[node] == Leaf.PAIR:
        pair = standing.matching.pairs[int(tree.place[node])]
        return f"{BY_WORDS[pair.by]}, {pair.score:.0%}" if standing.is_guess(node) else BY_WORDS[pair.by]
    others = standing.ambiguous_at(node)
    return f"could be any of {len(others):,}" if others else ""


def _why_tip(standing: Standing, cells: DiffCells) -> str:
    if standing.tree.what[cells.node] == Leaf.PAIR:
        pair = standing.matching.pairs[int(standing.tree.place[cells.node])]
        return f"{BY_TIPS[pair.by]} Sure to {pair.score:.0%}."
    others = standing.ambiguous_at(cells.node)
    more = f"\nand {len(others) - _KEYS_TOLD:,} more" if len(others) > _KEYS_TOLD else ""
    return "It could belong to\n" + "\n".join(map(shown, others[:_KEYS_TOLD])) + more if others else ""


def _short(value: float) -> str:
    return "" if math.isnan(value) else number(float(f"{value:.3g}"))


def _cosine(value: float) -> str:
    if math.isnan(value):
        return ""
    text = f"{value:.6f}".replace("-", "−")
    # Nearly parallel is not parallel.
    return f"1 − {1 - value:.1e}" if text == "1.000000" and value < 1 else text
