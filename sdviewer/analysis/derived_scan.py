"""Derived scan: the statistics of all that a checkpoint's tensors mean together, one weight after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdviewer.analysis.derived_values import Derivation, Derived, derivations_in
from sdviewer.analysis.results import ScanResult, scan
from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.errors import CannotRead, NameNotFound, NotDecodable, SdviewerError


@dataclass(frozen=True, eq=False, slots=True)
class DerivedFigures:
    """One weight that several tensors stand for.

    Attributes:
        derivation: what it is, and of which tensors.
        derived: its values, None where they cannot be told.
        result: the figures of `derived`, its only tensor.
        error: why there are none.

    """

    derivation: Derivation
    derived: Derived | None = None
    result: ScanResult | None = None
    error: SdviewerError | None = None

    @property
    def is_only_named(self) -> bool:
        """Whether no public formula for its values is known here, which is no fault of the file."""
        return self.derivation.make is None


def scan_derived(
    checkpoint: Checkpoint, rows: npt.NDArray[np.int64] | None = None, control: Control | None = None
) -> Iterator[DerivedFigures]:
    """The figures of every weight of which one of `rows` is a part (of all if None). Progress is in weights.

    Values are computed and counted block by block; what a weight is made of is let go before the next one.

    Raises:
        Cancelled: `control` was cancelled.

    """
    control = control or Control()
    wanted = None if rows is None else set(rows.tolist())
    found = [
        derivation
        for derivation in derivations_in(checkpoint, control)
        if wanted is None or not wanted.isdisjoint(derivation.members.values())
    ]
    for index, derivation in enumerate(found):
        control.report(index, len(found), derivation.name)
        yield _figures(checkpoint, derivation, control)
    control.report(len(found), len(found))


def derived_named(checkpoint: Checkpoint, name: str) -> tuple[Derivation, Derived]:
    """What it is, and the values of the weight that is called so, or that the tensor of this name is a part of.

    Raises:
        NameNotFound, AmbiguousName: there is neither.
        NotDecodable: the tensor means nothing else together with others, or no formula is known here.
        CannotRead: and its kinds, see `TensorRef`.

    """
    found = list(derivations_in(checkpoint))
    chosen = [derivation for derivation in found if derivation.name == name]
    if not chosen:
        try:
            ref = checkpoint.tensors.find(name)
        except NameNotFound as error:
            names = [derivation.name for derivation in found]
            hint = f"weights that tensors stand for: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
            raise NameNotFound(error.message, file=error.file, hint=hint if names else error.hint) from error
        chosen = [derivation for derivation in found if ref.row in derivation.members.values()]
        if not chosen:
            message = f"{ref.name!r} means nothing else together with the tensors beside it"
            raise NotDecodable(message, file=checkpoint.path)
    make = chosen[0].make
    if make is None:
        raise _only_named(checkpoint, chosen[0])
    return chosen[0], make()


def _figures(checkpoint: Checkpoint, derivation: Derivation, control: Control) -> DerivedFigures:
    if derivation.make is None:
        return DerivedFigures(derivation, error=_only_named(checkpoint, derivation))
    inner = Control()
    control.when_cancelled(inner.cancel)
    try:
        derived = derivation.make()
    except CannotRead as error:
        return DerivedFigures(derivation, error=error)
    result = scan(derived.checkpoint, control=inner, remember=False)
    return DerivedFigures(derivation, derived, result, result.error_of(0))


def _only_named(checkpoint: Checkpoint, derivation: Derivation) -> NotDecodable:
    told = dict(derivation.facts)
    what = told.get("Quantised", derivation.title)
    return NotDecodable(f"how the values of {what} come about is not known here", file=checkpoint.path)
