"""DeepSpeed state: parameters in full precision and the optimizer's state of each, as trees of named tensors."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from sdviewer.checkpoint.document import Description, Problem
from sdviewer.checkpoint.table import Flag
from sdviewer.checkpoint.wording import plural
from sdviewer.formats.deepspeed_parameters import DividedVectors, Parameter, Vectors, read_shapes
from sdviewer.formats.deepspeed_ranks import Rank
from sdviewer.formats.deepspeed_tensors import Tensors
from sdviewer.formats.described_values import Described
from sdviewer.formats.files import LocalSources
from sdviewer.formats.flat_partitions import Piece
from sdviewer.formats.pickle_values import Mapping as Values
from sdviewer.formats.pickle_values import TensorNode
from sdviewer.formats.walking import Walk

PARAMETERS, OPTIMIZER = "fp32_state_dict", "optimizer_state_dict"
_FIELDS = 32
_PROBLEMS_TOLD = 50
_DIVIDES = 3


def put_together(
    model: Described,
    file: str,
    models: Mapping[int, Described],
    ranks: Sequence[Rank | None],
    files: Sequence[str],
    sources: LocalSources,
    taken: Collection[Any],
) -> tuple[Description | None, list[Problem]]:
    """The description of what could be put together, None for nothing, and what is wrong with it.

    Args:
        model: the model's file.
        file: its name.
        models: those of the ranks (ZeRO 3).
        ranks: what is in their files, None for one that is lost.
        files: what those are called.
        sources: get the tensors that are assembled.
        taken: keys that stand in the model's file already.

    """
    first = next(rank for rank in ranks if rank is not None)
    if not first.stage:
        message = "holds no flat partitions as ZeRO 1, 2 or 3 writes them: its tensors are shown as they are"
        return None, [Problem("irregular", "error", message, first.file)]
    parameters, problems = read_shapes(model, file, len(ranks), divides=first.stage == _DIVIDES)
    if not parameters:
        return None, problems
    state = _State(model, file, models, ranks, files, parameters, sources, taken)
    root = Values("dict", [state.names[0], state.parameters(), state.names[1], state.optimizer()])
    state.mark_shown(whole=not problems)
    named = sum(len(one.name) for one in parameters)
    # The walk looks for long texts in a source; there are none.
    walked = Walk(state.tensors.builder, sources.get(0), naming_bytes=64 * named).run(root)
    described = Description(
        format="", tensors=walked.tensors, structure=walked.structure, root=walked.root, duplicates=walked.duplicates
    )
    more = len(state.problems) - _PROBLEMS_TOLD
    rest = [Problem("partial", "error", f"{plural(more, 'more flat partition')} have problems")] if more > 0 else []
    told = [*problems[:_PROBLEMS_TOLD], *state.problems[:_PROBLEMS_TOLD], *rest]
    return described, [*told, *state.tensors.problems(), *walked.problems]


class _State:
    def __init__(
        self,
        model: Described,
        file: str,
        models: Mapping[int, Described],
        ranks: Sequence[Rank | None],
        files: Sequence[str],
        parameters: Sequence[Parameter],
        sources: LocalSources,
        taken: Collection[Any],
    ) -> None:
        self.tensors = Tensors(sources)
        self.problems: list[Problem] = []
        self._model, self._file, self._models, self._ranks, self._files = model, file, models, ranks, files
        self._all = parameters
        self._there = [rank for rank in ranks if rank is not None]
        self._divides = self._there[0].stage == _DIVIDES
        self._flat = {rank.number: rank.groups() for rank in self._there}
        self._ends = list(accumulate(flat.count if flat else 0 for flat in self._flat[self._there[0].number]))
        self.names = [_free(PARAMETERS, taken), _free(OPTIMIZER, taken)]

    def parameters(self) -> Values:
        """Buffers, frozen parameters, those that are trained, and further names of them, as DeepSpeed orders them."""
        model = self._model
        weights = model.child(0, "module")
        found: dict[str, TensorNode] = {}
        told = model.entries(model.child(0, "buffer_names"))
        names = [model.plain(node) for node in told.values()] or model.plain(model.child(0, "buffer_names"))
        for name in names if isinstance(names, list) else ():
            buffer = self.tensors.copied(model, model.child(weights, name), int(Flag.BUFFER))
            if buffer is not None:
                found[name] = buffer
        self._add_frozen(found)
        vectors = self._vectors(
            "the flat partition of parameters", lambda rank, group: _at(self._flat[rank.number], group)
        )
        for one in self._all:
            self._compare(weights, one)
            path = (self.names[0], one.name)
            found[one.name] = self.tensors.put_together(path, one.shape, vectors.pieces(one), int(Flag.PARAMETER))
        self.problems += vectors.problems
        for name, node in model.entries(model.child(0, "shared_params")).items():
            other = model.plain(node)
            if isinstance(other, str) and other in found:
                found.setdefault(str(name), found[other])
        return Values("OrderedDict", [item for pair in found.items() for item in pair])

    def _add_frozen(self, found: dict[str, TensorNode]) -> None:
        model = self._model
        fragments = model.child(0, "frozen_param_fragments")
        for key, node in model.entries(model.child(0, "frozen_param_shapes")).items():
            name, shape = str(key), model.shape(node)
            fragment = model.child(fragments, key)
            if not self._divides:
                frozen = self.tensors.copied(model, fragment, int(Flag.PARAMETER))
                if frozen is None:
                    self.tensors.fault("missing", f"frozen_param_fragments in {self._file} has no such tensor", name)
                else:
                    found[name] = frozen
            elif shape is not None and math.prod(shape) < 2**60:
                found[name] = self.tensors.put_together(
                    (self.names[0], name), shape, self._fragments(name, math.prod(shape)), int(Flag.PARAMETER)
                )

    def _fragments(self, name: str, count: int) -> list[Piece]:
        share = -(-count // len(self._ranks))
        pieces = []
        for number in range(len(self._ranks)):
            wanted = min(share, count - number * share)
            model = self._models.get(number)
            file = f"the model's file of rank {number}"
            piece = None
            if model is not None:
                reader = Rank(number, file, model, self.tensors.sources)
                piece = reader.stretch(model.child(model.child(0, "frozen_param_fragments"), name))
            if wanted > 0:
                whole = piece is not None and piece.count >= wanted
                pieces.append(piece.part(0, wanted) if piece and whole else Piece(file, -1, 0, wanted))
        return pieces

    def _compare(self, weights: int, one: Parameter) -> None:
        """Tell a parameter that has another shape in the model itself."""
        row = self._model.row(self._model.child(weights, one.name))
        if row >= 0 and not self._divides:
            shape = self._model.description.tensors.shape_of(row)
            if shape != one.shape:
                message = f"param_shapes in {self._file} has {list(one.shape)}, its module {list(shape)}"
                self.tensors.fault("irregular", message, self.names[0], one.name)

    def _vectors(self, what: str, stretch: Callable[[Rank, int], Piece | None]) -> Vectors | DividedVectors:
        if not self._divides:
            return Vectors(self._ranks, self._files, self._all, what, stretch)
        stretches = {
            rank.number: [
                stretch(rank, group) or (replace(flat, source=-1) if flat else None)
                for group, flat in enumerate(self._flat[rank.number])
            ]
            for rank in self._there
        }
        return DividedVectors(self._ranks, self._files, self._all, what, stretches)

    def optimizer(self) -> Values:
        """The optimizer's state and groups in torch's layout, by names of parameters."""
        fields = self._flat_fields()
        state: dict[str, dict[str, Any]] = {one.name: {} for one in self._all}
        first = self._there[0]
        for one in self._all:
            group = self._stretch_of(one)
            for name, node in first.state(group).items():
                if name not in fields and len(state[one.name]) < _FIELDS:
                    value = self.tensors.copied(first.described, node)
                    state[one.name][name] = first.described.value(node) if value is None else value
        for field, groups_with in fields.items():
            vectors = self._vectors(f"the flat {field}", _stretch_of_field(field))
            for one in self._all:
                if self._stretch_of(one) in groups_with:
                    path = (self.names[1], "state", one.name, field)
                    state[one.name][field] = self.tensors.put_together(path, one.shape, vectors.pieces(one))
            self.problems += vectors.problems
        names: dict[int, list[str]] = {}
        for one in self._all:
            names.setdefault(one.group, []).append(one.name)
        options = first.options()
        groups = [
            _values({**(options[group] if group < len(options) else {}), "params": listed})
            for group, listed in names.items()
        ]
        entries = {name: _values(entry) for name, entry in state.items() if entry}
        return _values({"state": _values(entries), "param_groups": groups})

    def mark_shown(self, *, whole: bool) -> None:
        """Note what of the ranks' files is shown by names; all of a group is, if `whole` says that no shape is lost."""
        named = {self._stretch_of(one) for one in self._all} if whole else set()
        if self._divides and whole:
            named = set(range(max(map(len, self._flat.values()))))
        for rank in self._there:
            for group, node in enumerate(rank.group_nodes()):
                # What all ranks tell alike, as the number of steps, is shown once.
                if group in named and self._flat[rank.number][group] is not None:
                    rank.used.update((node, *rank.state(group).values()))
            rank.use_all()

    def _flat_fields(self) -> dict[str, set[int]]:
        """The fields of the state that are flat tensors, and of which groups."""
        found: dict[str, set[int]] = {}
        for rank in self._there:
            for group in range(len(self._flat[rank.number])):
                for name, node in list(rank.state(group).items())[:_FIELDS]:
                    if rank.is_flat(node):
                        found.setdefault(name, set()).add(group)
        return found

    def _stretch_of(self, one: Parameter) -> int:
        """The group whose state a parameter has: its own, in ZeRO 3 the part of a rank's vector it begins in."""
        if not self._divides:
            return one.group
        return min(bisect_right(self._ends, one.start), max(len(self._ends) - 1, 0))


def _at(groups: Sequence[Piece | None], group: int) -> Piece | None:
    return groups[group] if group < len(groups) else None


def _stretch_of_field(field: str) -> Callable[[Rank, int], Piece | None]:
    return lambda rank, group: rank.stretch(rank.state(group).get(field, -1))


def _values(found: Mapping[str, Any]) -> Values:
    return Values("dict", [item for pair in found.items() for item in pair])


def _free(name: str, taken: Collection[Any]) -> str:
    while name in taken:
        name += "_"
    return name
