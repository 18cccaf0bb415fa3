"""What is said of a node of a comparison, as plain data, from what is known by now."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sdviewer.checkpoint.roles import Role
from sdviewer.checkpoint.wording import bytes_for_people, number, plural, shape_text, share, shown
from sdviewer.comparison.comparing import Compared
from sdviewer.comparison.matching import By
from sdviewer.comparison.merged_tree import Leaf
from sdviewer.comparison.relations import WORDS, Relation
from sdviewer.comparison.rename_rules import RenameRule
from sdviewer.comparison.sides import Side
from sdviewer.comparison.standing import BY_WEIGHT, Standing
from sdviewer.ui.comparison.words import BY_TIPS, BY_WORDS, MARK_TIPS, MARK_WORDS
from sdviewer.ui.detail.parts import Description, Fact, Grid, Note
from sdviewer.ui.models.diff_cells import told_of
from sdviewer.ui.translating import tr

_MOST_LISTED = 200
_AMBIGUOUS_LISTED = 50


def describe_node(standing: Standing, node: int, title: str, rules: tuple[RenameRule, ...] = ()) -> Description:
    """The description of a node; `rules` are the renames that the pairs have in common, for the root."""
    what = int(standing.tree.what[node])
    if what == Leaf.PAIR:
        return _pair(standing, node)
    if what != Leaf.MODULE:
        return _single(standing, node, Leaf(what))
    return _root(standing, title, rules) if node == 0 else _module(standing, node)


def _pair(standing: Standing, node: int) -> Description:
    result = standing.results[int(standing.tree.place[node])]
    a, b = standing.keys_at(node)
    pair, matching = result.pair, standing.matching
    notes = []
    if standing.is_guess(node):
        notes.append(
            Note(
                "warning",
                tr(
                    "Paired by a guess: {BY_WORDS}, sure to {score:.0%}. {BY_TIPS}",
                    BY_WORDS=BY_WORDS[pair.by],
                    score=pair.score,
                    BY_TIPS=BY_TIPS[pair.by],
                ),
            )
        )
    elif pair.by is By.HAND:
        notes.append(Note("info", tr("You have made this pair.")))
    if pair.relation is not Relation.SAME:
        words = WORDS[pair.relation]
        if pair.relation is Relation.ROWS:
            rows = matching.a.ref(pair.a).shape[0], matching.b.ref(pair.b).shape[0]
            words += f": the first {min(rows):,} rows are compared, {abs(rows[0] - rows[1]):,} more are in "
            words += "A" if rows[0] > rows[1] else "B"
        notes.append(Note("info", words[:1].upper() + words[1:] + "."))
    if result.error:
        notes.append(Note("error" if "failed" in result.marks else "info", shown(result.error)))
    facts = [Fact(tr("Marks"), ", ".join(MARK_WORDS[mark] for mark in standing.counts_at(node)) or tr("not compared"))]
    facts += list(measure_facts(result)) if result.measures is not None else []
    name = shown(a) if a == b else f"{shown(a)} → {shown(b)}"
    sides = Grid(
        tr("Both sides"),
        ("", "A", "B"),
        tuple(
            (label, of_a, of_b)
            for label, of_a, of_b in zip(
                ("name", "dtype", "shape", "elements", "size"),
                _side_texts(matching.a, pair.a),
                _side_texts(matching.b, pair.b),
                strict=True,
            )
        ),
    )
    told = next(iter(standing.counts_at(node)), "")
    return Description(name, a, MARK_TIPS.get(told, ""), tuple(notes), tuple(facts), (sides,))


def _side_texts(side: Side, place: int) -> tuple[str, ...]:
    ref = side.ref(place)
    nbytes = int(side.checkpoint.table.nbytes[side.rows[place]])
    return (
        shown(side.keys[place]),
        shown(ref.dtype),
        shape_text(ref.shape),
        f"{ref.numel:,}",
        bytes_for_people(nbytes),
    )


def measure_facts(result: Compared) -> Iterable[Fact]:
    """Every measure of a pair; the tooltips say the formulas."""
    m = result.measures
    if m is None:
        return
    index = "" if result.index is None else f" at [{', '.join(map(str, result.index))}]"
    values = "" if m.max_abs_values is None else f": {_value(m.max_abs_values[0])} → {_value(m.max_abs_values[1])}"
    yield Fact(
        tr("Largest |Δ|"),
        f"{number(m.max_abs)}{index if m.max_abs else ''}{values if m.max_abs else ''}",
        tr("max |a − b| over values that are finite on both sides = {max_abs!r}", max_abs=m.max_abs),
    )
    yield Fact(tr("Mean |Δ|"), number(m.mean_abs), f"Σ|a − b| / n = {m.mean_abs!r}")
    yield Fact(tr("RMSE"), number(m.rmse), f"√(Σ(a − b)² / n) = {m.rmse!r}")
    yield Fact("‖Δ‖ / ‖A‖", number(m.rel_fro), f"√Σ(a − b)² / √Σa² = {m.rel_fro!r}")
    yield Fact(
        "‖A‖, ‖B‖, ‖Δ‖", f"{number(m.norm_a)}, {number(m.norm_b)}, {number(m.norm_delta)}", "√Σa², √Σb², √Σ(a − b)²"
    )
    yield Fact(tr("Cosine"), number(m.cosine), tr("Σab / (‖A‖·‖B‖) = {cosine!r}", cosine=m.cosine))
    yield Fact(
        tr("Best scale"),
        number(m.best_scale),
        tr("the s for which ‖A − s·B‖ is least: Σab / Σb² = {best_scale!r}", best_scale=m.best_scale),
    )
    yield Fact(
        tr("Changed"),
        tr(
            "{share} ({differing:,} of {count:,})",
            share=share(m.differing, m.count),
            differing=m.differing,
            count=m.count,
        ),
        tr("values with a ≠ b; 0 and −0 are equal, and any two NaN"),
    )
    least = "" if m.counts_outside else "at least "
    yield Fact(
        tr("Outside tolerance"),
        f"{least}{m.outside:,}",
        tr("values with |a − b| > atol + rtol·|b|, or NaN on one side only")
        + (tr("; of another tolerance than that they were read with it is known that there are some") if least else ""),
    )
    yield Fact(tr("Sign flips"), f"{m.sign_flips:,}", tr("values of opposite sign, neither of them 0"))
    if m.max_ulp is not None:
        yield Fact(tr("Largest ULP distance"), f"{m.max_ulp:,}", tr("floating point numbers between a and b, at most"))
    if m.nan_mismatch or m.inf_mismatch:
        yield Fact(
            tr("NaN, ∞ on one side"),
            f"{m.nan_mismatch:,}, {m.inf_mismatch:,}",
            tr("NaN on one side only; infinities that are not the same. They are in no other measure."),
        )
    if result.equal_after_cast is not None:
        yield Fact(
            tr("Equal after a cast"),
            tr("yes") if result.equal_after_cast else tr("no"),
            tr("whether all values are equal once one side is cast to the other's dtype"),
        )


def _value(value: complex) -> str:
    return number(value if value.imag else value.real)


def _single(standing: Standing, node: int, what: Leaf) -> Description:
    side, letter, other = (standing.matching.a, "A", "B") if what == Leaf.ONLY_A else (standing.matching.b, "B", "A")
    place = int(standing.tree.place[node])
    ref, key = side.ref(place), side.keys[place]
    others = standing.ambiguous_at(node)
    notes = (
        (
            Note(
                "warning",
                tr(
                    "It could belong to any of {others:,} tensors of {other}, so to none for sure: "
                    "choose one with “Pair with…”, or drag it there.",
                    others=len(others),
                    other=other,
                ),
            ),
        )
        if others
        else ()
    )
    blocks = (
        (
            Grid(
                tr("Could belong to, in {other}", other=other),
                (tr("Name"),),
                tuple((shown(name),) for name in others[:_AMBIGUOUS_LISTED]),
            ),
        )
        if others
        else ()
    )
    facts = (
        Fact(tr("Dtype"), shown(ref.dtype)),
        Fact(tr("Shape"), shape_text(ref.shape)),
        Fact(tr("Elements"), f"{ref.numel:,}"),
        Fact(tr("Bytes"), f"{int(side.checkpoint.table.nbytes[ref.row]):,}"),
    )
    return Description(shown(key), key, f"Only {letter} has it", notes, facts, blocks)


def _module(standing: Standing, node: int) -> Description:
    name = standing.name_at(node)
    return Description(
        shown(name),
        name,
        told_of(standing.counts_at(node)),
        (),
        tuple(_totals(standing, node)),
        (_marks_grid(standing, node), _children(standing, node)),
    )


def _totals(standing: Standing, node: int) -> Iterable[Fact]:
    below = slice(node, int(standing.tree.end[node]))
    yield Fact(tr("Tensors"), f"{int(standing.is_leaf[below].sum()):,}")
    rollups = standing.rollups
    a2, delta2 = float(rollups.a2[node]), max(float(rollups.delta2[node]), 0.0)
    if a2 > 0:
        yield Fact(
            "‖Δ‖ / ‖A‖",
            number(math.sqrt(delta2 / a2)),
            tr("√ΣΔ² / √ΣA² over all pairs below: sums are added up, never averages of ratios"),
        )
    if not math.isnan(standing.max_abs[node]):
        yield Fact(tr("Largest |Δ|"), number(float(standing.max_abs[node])), tr("the largest of all pairs below"))
    count, differing = int(standing.count[node]), int(standing.differing[node])
    if count:
        yield Fact(
            tr("Changed"),
            tr(
                "{share} ({differing:,} of {count:,} values)",
                share=share(differing, count),
                differing=differing,
                count=count,
            ),
        )
    waiting = standing.counts_at(node).get("waiting", 0)
    if waiting:
        yield Fact(tr("Waiting"), plural(waiting, "pair"), tr("pairs whose values are still to be compared"))


def _marks_grid(standing: Standing, node: int) -> Grid:
    counts = standing.counts_at(node)
    marks = [mark for mark in BY_WEIGHT if mark in counts]
    return Grid(
        tr("What differs"),
        (tr("Mark"), tr("Tensors")),
        tuple((MARK_WORDS[mark], f"{counts[mark]:,}") for mark in marks),
        frozenset((1,)),
        filters=tuple(marks) if node == 0 else (),
        tips=tuple(MARK_TIPS[mark] for mark in marks),
    )


def _children(standing: Standing, node: int) -> Grid:
    tree, relative = standing.tree, standing.relative()
    rows: list[tuple[str, ...]] = []
    nodes: list[int] = []
    child = node + 1
    while child < int(tree.end[node]) and len(rows) < _MOST_LISTED:
        value = float(relative[child])
        largest = float(standing.max_abs[child])
        rows.append(
            (
                shown(tree.label[child], 100),
                told_of(standing.counts_at(child), 2),
                "" if math.isnan(largest) else number(float(f"{largest:.3g}")),
                "" if math.isnan(value) else number(float(f"{value:.3g}")),
            )
        )
        nodes.append(child)
        child = int(tree.end[child])
    return Grid(
        tr("Below"), (tr("Name"), tr("Marks"), tr("max |Δ|"), "‖Δ‖ / ‖A‖"), tuple(rows), frozenset((2, 3)), tuple(nodes)
    )


def _root(standing: Standing, title: str, rules: tuple[RenameRule, ...]) -> Description:
    matching = standing.matching
    notes = []
    same_file = _is_same_file(standing)
    if same_file and matching.a.section is not None and matching.b.section is not None:
        if matching.a.section.name == matching.b.section.name:
            notes.append(Note("warning", tr("Both sides are the same section of the same file.")))
        else:
            notes.append(Note("info", tr("Both sides are sections of the same file.")))
    ambiguous = len(matching.ambiguous_a.keys() & set(matching.only_a))
    if ambiguous:
        notes.append(
            Note(
                "warning",
                tr(
                    "{tensors} of A could belong to several of B, and to none for sure; "
                    "they are among those only in A.",
                    tensors=plural(ambiguous, "tensor"),
                ),
            )
        )
    guesses = standing.guesses
    facts = list(_totals(standing, 0))
    sections = () if standing.is_picked else (("A", matching.a), ("B", matching.b))
    for letter, side in sections:
        section = side.section
        facts.append(
            Fact(
                tr("Section of {letter}", letter=letter), f"{shown(section.name)} ({section.kind})" if section else "–"
            )
        )
    if guesses:
        facts.append(
            Fact(tr("Paired by a guess"), plural(guesses, "pair"), tr("not by name; each says why and how sure"))
        )
    blocks: list[Grid] = [_marks_grid(standing, 0), *_by_roles(standing)]
    if rules:
        blocks.append(
            Grid(
                tr("Names of A become those of B by"),
                (tr("Rule"), tr("Keys")),
                tuple((shown(rule.text), f"{rule.keys:,}") for rule in rules),
                frozenset((1,)),
            )
        )
    blocks.append(_children(standing, 0))
    return Description(title, title, told_of(standing.counts_at(0)), tuple(notes), tuple(facts), tuple(blocks))


def _by_roles(standing: Standing) -> Iterable[Grid]:
    """Parameters and buffers apart: running statistics drift even in frozen layers."""
    found = standing.marks_by_role()
    if len(found) > 1:
        told = tuple(
            (Role(role).name.lower(), told_of(marks), f"{sum(marks.values()):,}") for role, marks in found.items()
        )
        yield Grid(tr("By role"), (tr("Role"), tr("Marks"), tr("Pairs")), told, frozenset((2,)))


def _is_same_file(standing: Standing) -> bool:
    a, b = (
        {(spec.path, spec.label) for spec in side.checkpoint.sources.specs if spec.kind == "file"}
        for side in (standing.matching.a, standing.matching.b)
    )
    return bool(a) and a == b
