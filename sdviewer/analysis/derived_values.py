"""Derived values: what several tensors of a checkpoint mean together, offered where one of them is selected.

A quantised weight is dequantised, a pair of an adapter is multiplied out. The offer is told by columns; the values
come as a checkpoint of one tensor, computed when they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sdviewer.checkpoint.adapter_pairs import AdapterPair, pair_at, pairs_in
from sdviewer.checkpoint.computed import computed_checkpoint
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.quantised_groups import QuantisedGroup, group_at, groups_in
from sdviewer.checkpoint.wording import shape_text
from sdviewer.control import Control
from sdviewer.errors import NotDecodable

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Derived:
    """A checkpoint of one float32 tensor, row 0, and what is to be said of it."""

    checkpoint: Checkpoint
    facts: Facts
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Derivation:
    """What a selected tensor is a part of.

    Attributes:
        name: what the weight is called that they stand for.
        title: of the values: "Dequantised", "ΔW".
        facts: what columns tell: label and text.
        members: role → row.
        make: reads scales, and gives the values; None where they are not known. Raises `CannotRead` and its kinds.

    """

    name: str
    title: str
    facts: Facts
    members: Mapping[str, int]
    make: Callable[[], Derived] | None


def derivation_at(checkpoint: Checkpoint, node: int) -> Derivation | None:
    """What a tensor of the tree means together with its neighbours; None for nothing. Reads nothing."""
    group = group_at(checkpoint, node)
    if group is not None:
        return _of_group(checkpoint, group)
    pair = pair_at(checkpoint, node)
    return _of_pair(checkpoint, pair) if pair is not None else None


def derivations_in(checkpoint: Checkpoint, control: Control | None = None) -> Iterator[Derivation]:
    """All that tensors of a checkpoint mean together: quantised weights, then pairs of adapters. Reads nothing.

    Raises:
        Cancelled: `control` was cancelled.

    """
    for group in groups_in(checkpoint, control):
        yield _of_group(checkpoint, group)
    for pair in pairs_in(checkpoint, control):
        yield _of_pair(checkpoint, pair)


def _of_group(checkpoint: Checkpoint, group: QuantisedGroup) -> Derivation:
    facts = [("Quantised", group.format), ("Weight", group.name)]
    if group.shape is not None:
        facts.append(("Its shape", shape_text(group.shape)))
    if group.bits is not None:
        facts.append(("Bits a weight", f"{group.bits:.4g}, {group.nbytes:,} bytes in {len(group.members)} tensors"))

    def make() -> Derived:
        from sdviewer.analysis.dequantising import dequantise_group

        computation = dequantise_group(checkpoint, group)
        return Derived(computed_checkpoint([computation], checkpoint), (("Dequantised from", group.format),))

    return Derivation(group.name, "Dequantised", tuple(facts), group.members, make if group.scheme else None)


def _of_pair(checkpoint: Checkpoint, pair: AdapterPair) -> Derivation:
    facts = (
        ("Adapter of", pair.module),
        ("ΔW", f"{shape_text(pair.shape)}, of rank {pair.rank:,} at most"),
    )

    def make() -> Derived:
        from sdviewer.analysis.adapter_delta import adapter_delta

        if not pair.numel or not pair.rank:
            raise NotDecodable(f"ΔW of {pair.module!r} is empty", file=checkpoint.path)
        found = adapter_delta(checkpoint, pair)
        derived = computed_checkpoint([found.delta], checkpoint)
        if found.scale is None:
            unknown = f"How B·A is scaled is not known: {found.reason}. These are the values of B·A."
            return Derived(derived, (("Change", "B·A"), ("Scale", "unknown")), (unknown, *found.remarks))
        scale = f"{found.scale:g}, {found.reason}"
        return Derived(derived, (("Change", "scale·B·A"), ("Scale", scale)), found.remarks)

    members = {"A": pair.first, "B": pair.second} | ({"alpha": pair.alpha} if pair.alpha >= 0 else {})
    return Derivation(f"{pair.module}.weight", "ΔW", facts, members, make)
