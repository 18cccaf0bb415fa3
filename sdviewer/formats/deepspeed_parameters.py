"""DeepSpeed parameters: the names and shapes that the model's file tells, and where the ranks hold what they are of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sdviewer.checkpoint.document import Problem
from sdviewer.checkpoint.wording import plural
from sdviewer.formats.deepspeed_ranks import Rank
from sdviewer.formats.described_values import Described
from sdviewer.formats.flat_partitions import Piece, Run, divided, joined

Shape = tuple[int, ...]
_LARGEST = 2**60
# Padding goes up to twice the ranks; some versions pad each rank's stretch as well.
_PADDING_A_RANK = 2


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: in which group it is, and where it begins in that group's vector (ZeRO 3: in that of a rank)."""

    name: str
    shape: Shape
    group: int
    start: int

    @property
    def count(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


def read_shapes(model: Described, file: str, ranks: int, *, divides: bool) -> tuple[list[Parameter], list[Problem]]:
    """The parameters in the order in which they were joined, and what is wrong with what the file tells of them.

    `divides` says that each of `ranks` holds a part of each parameter (ZeRO 3). What comes behind a shape that is
    none cannot be found, so it is left out.
    """
    node = model.child(0, "param_shapes")
    if node < 0:
        message = "param_shapes is not in it, so parameters have no names: the flat partitions are shown as they are"
        return [], [Problem("missing", "error", message, file)]
    groups = list(model.entries(node).values()) if model.is_list(node) else [node]
    parameters: list[Parameter] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    start = 0
    for group, child in enumerate(groups):
        start = start if divides else 0
        for key, inner in model.entries(child).items():
            name, shape = str(key), model.shape(inner)
            if shape is None or math.prod(shape) > _LARGEST:
                told = str(model.plain(inner))[:60]
                message = (
                    f"param_shapes tells no possible shape ({told}): where it and the parameters behind it in group "
                    f"{group} lie is not known"
                )
                problems.append(Problem("irregular", "error", message, f"{file}: {name[:200]}"))
                break
            if name in seen:
                problems.append(
                    Problem("duplicate", "warning", "param_shapes tells of it twice", f"{file}: {name[:200]}")
                )
            else:
                parameters.append(Parameter(name, shape, group, start))
            seen.add(name)
            count = math.prod(shape)
            start += -(-count // ranks) if divides else count
    if not parameters and not problems:
        problems.append(Problem("irregular", "error", "param_shapes names no parameter", file))
    return parameters, problems


class Vectors:
    """Where the values of one quantity lie: of the parameters themselves, or of one field of their state.

    Args:
        ranks: what is in the files by rank; None for one that is lost.
        files: what their files are called.
        parameters: all of them.
        what: the quantity, in words.
        stretch: the stretch of a group in a rank's file.

    """

    def __init__(
        self,
        ranks: Sequence[Rank | None],
        files: Sequence[str],
        parameters: Sequence[Parameter],
        what: str,
        stretch: Callable[[Rank, int], Piece | None],
    ) -> None:
        self.problems: list[Problem] = []
        self._ranks, self._files, self._what, self._stretch = ranks, files, what, stretch
        self._needed: dict[int, int] = {}
        for one in parameters:
            self._needed[one.group] = max(self._needed.get(one.group, 0), one.start + one.count)
        self._groups: dict[int, Run] = {}

    def pieces(self, parameter: Parameter) -> list[Piece]:
        """The pieces of a parameter that lies in the vector of its group."""
        group = parameter.group
        if group not in self._groups:
            self._groups[group] = self._joined(group)
        return self._groups[group].cut(parameter.start, parameter.count)

    def _joined(self, group: int) -> Run:
        needed = self._needed[group]
        stretches = [None if rank is None else self._stretch(rank, group) for rank in self._ranks]
        run, misfits = joined(stretches, needed, self._files)
        for misfit in misfits:
            if misfit.found < misfit.expected:
                message = f"{self._what} of group {group} is too short: {misfit.found:,} values of {misfit.expected:,}"
            else:
                message = f"{self._what} of group {group} is too long: {misfit.found:,} values for {misfit.expected:,}"
            message += "; the file is damaged, or of another save"
            self.problems.append(Problem("irregular", "error", message, self._files[misfit.rank]))
        most = needed + _PADDING_A_RANK * len(stretches)
        if run.count > most and not misfits:
            message = (
                f"{self._what} of group {group} has {plural(run.count - needed, 'value')} behind the last parameter, "
                "more than padding: param_shapes may be of another save"
            )
            self.problems.append(Problem("irregular", "warning", message, next(r.file for r in self._ranks if r)))
        return run


class DividedVectors:
    """The same for ZeRO 3, where each rank has one vector with its part of each parameter."""

    def __init__(
        self,
        ranks: Sequence[Rank | None],
        files: Sequence[str],
        parameters: Sequence[Parameter],
        what: str,
        stretches: Mapping[int, Sequence[Piece | None]],
    ) -> None:
        self.problems: list[Problem] = []
        self._files = files
        self._runs = [
            None if rank is None else Run(tuple(p for p in stretches[rank.number] if p is not None)) for rank in ranks
        ]
        share = [one.start + -(-one.count // len(ranks)) for one in parameters]
        needed = max(share, default=0)
        for rank, run in zip(ranks, self._runs, strict=True):
            if rank is not None and run is not None and run.count != needed:
                long = "long" if run.count > needed else "short"
                message = f"{what} is too {long}: {run.count:,} values, and its parts of parameters have {needed:,}"
                self.problems.append(Problem("irregular", "error", message, rank.file))

    def pieces(self, parameter: Parameter) -> list[Piece]:
        """The pieces of a parameter."""
        return divided(self._runs, parameter.start, parameter.count, self._files)
