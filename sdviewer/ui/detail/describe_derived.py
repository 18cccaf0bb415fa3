"""Describe derived: what is said of a tensor that is a part of something, and of what it is a part of."""

from __future__ import annotations

import numpy as np

from sdviewer.analysis.derived_values import Derivation, Derived
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.modules import TreeNode
from sdviewer.checkpoint.quantised_groups import tensors_near
from sdviewer.checkpoint.tensors import TensorRef
from sdviewer.checkpoint.wording import bytes_for_people, plural, shape_text, shown
from sdviewer.ui.detail.parts import Description, Fact, Grid, Note
from sdviewer.ui.translating import tr

_LONGEST_NAME = 300


def derivation_facts(derivation: Derivation) -> tuple[Fact, ...]:
    """What columns tell of it."""
    return tuple(Fact(label, shown(text, _LONGEST_NAME)) for label, text in derivation.facts)


def members_grid(checkpoint: Checkpoint, node: int, derivation: Derivation) -> Grid:
    """The tensors that belong together; each row leads to one."""
    table, near = checkpoint.table, tensors_near(checkpoint, node)
    members = derivation.members
    rows = tuple(
        (
            role.replace("_", " "),
            shown(table.name[row], _LONGEST_NAME),
            shown(table.dtype_name(row)),
            shape_text(table.shape_of(row)),
            bytes_for_people(int(table.nbytes[row])),
        )
        for role, row in members.items()
    )
    nodes = tuple(near.get(row, -1) for row in members.values())
    header = ("Part", "Name", "Dtype", "Shape", "Size")
    return Grid(tr("Belongs together"), header, rows, frozenset((3, 4)), nodes)


def describe_derived(derived: Derived, derivation: Derivation, parts: Grid) -> Description:
    """The description of derived values; `parts` are the tensors that they come from."""
    ref = TensorRef(derived.checkpoint, 0)
    elements = plural(ref.numel, "value")
    facts = (
        *(Fact(label, shown(text, _LONGEST_NAME)) for label, text in derived.facts),
        Fact(tr("Shape"), shape_text(ref.shape)),
        Fact(tr("Values"), f"{ref.numel:,}"),
        Fact(tr("Dtype"), tr("float32"), tr("computed when they are read; no file holds them")),
        *(fact for fact in derivation_facts(derivation) if fact.label == "Bits a weight"),
    )
    return Description(
        shown(ref.name) or '""',
        ref.name,
        " · ".join((derivation.title, "float32", shape_text(ref.shape), elements)),
        tuple(Note("warning", shown(text, 600)) for text in derived.warnings),
        facts,
        (parts,),
    )


def node_of(derived: Derived) -> int:
    """The node of the tensor in its own tree."""
    return int(np.flatnonzero(derived.checkpoint.tree.what == TreeNode.TENSOR)[0])
