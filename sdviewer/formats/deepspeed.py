"""DeepSpeed: a folder of ZeRO 1, 2 or 3 as one checkpoint.

The file of the model is shown as it is. Beside it stand `fp32_state_dict`, the parameters as the optimizer keeps
them, by name, and `optimizer_state_dict` in torch's layout, both put together from the flat partitions of the ranks
(as deepspeed/utils/zero_to_fp32.py does): no payload is read for that, see `assembled`. What else the files of ranks
hold is shown under their names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdviewer.checkpoint.document import Description, Problem, Shard
from sdviewer.checkpoint.wording import plural
from sdviewer.control import Control
from sdviewer.errors import Damaged
from sdviewer.formats.deepspeed_names import ZeroFiles, latest_step, zero_files
from sdviewer.formats.deepspeed_ranks import Rank
from sdviewer.formats.deepspeed_state import PARAMETERS, put_together
from sdviewer.formats.described_values import Described
from sdviewer.formats.files import LocalSources
from sdviewer.formats.merging import Part, merge
from sdviewer.formats.pruning import holds_tensors, pruned
from sdviewer.formats.shard_join import ReadShard
from sdviewer.formats.sharded import ReadSource, read_shard

_MOST_MISSING = 1000
_NAMES_TOLD = 5
_OF_OPTIMIZER = "_optim_states.pt"


def read_folder(
    folder: str, names: Sequence[str], sources: LocalSources, control: Control, read_source: ReadSource
) -> Description:
    """What a folder holds that has files of ZeRO among its `names`.

    Raises:
        CannotOpen: none of them could be read.

    """
    found = zero_files(names)
    parts: list[Part] = []
    for number, files in sorted(found.items()):
        one = _ModelRank(folder, files, sources, control, read_source)
        description = one.describe(number)
        # Each has its own slices of tensors, under the same names.
        parts.append(Part(description, None if len(found) == 1 else f"mp_rank_{number:02}"))
    problems = []
    if len(found) > 1:
        message = (
            f"tensors are divided among {plural(len(found), 'model-parallel rank')}: each is shown with its own "
            "slices, which are not joined"
        )
        problems.append(Problem("part", "info", message, folder))
    merged = merge(parts)
    return dataclasses.replace(
        merged,
        format="deepspeed zero",
        problems=(*problems, *merged.problems),
        torch_lines=_torch_lines(folder, any(use.klass == "dangerous" for use in merged.globals)),
    )


def step_folder(folder: str, folders: Sequence[str]) -> str:
    """The folder of the last step inside `folder`, as its file `latest` tells; "" where no run of DeepSpeed is.

    Raises:
        Damaged: the folder that it names is not there.

    """
    tag = latest_step(Path(folder))
    if not tag:
        return ""
    if tag not in folders:
        if not any(name.startswith("global_step") for name in [tag, *folders]):
            return ""
        steps = ", ".join(folders[:_NAMES_TOLD])
        raise Damaged(
            f"its file 'latest' names the step {tag!r}, and there is no such folder",
            file=folder,
            hint=f"open one of {steps}" if steps else "the save may not have ended",
        )
    return str(Path(folder) / tag)


@dataclass
class _ModelRank:
    """Reads the files of one model-parallel rank."""

    folder: str
    files: ZeroFiles
    sources: LocalSources
    control: Control
    read_source: ReadSource
    problems: list[Problem] = field(default_factory=list)
    shards: list[Shard] = field(default_factory=list)

    def describe(self, number: int) -> Description:
        """All of it as one description."""
        models = self._models()
        ranks = [rank for at, name in sorted(self.files.optimizers.items()) if (rank := self._rank(at, name))]
        if not models and not ranks:
            raise Damaged(
                f"none of its {plural(len(self.files.names), 'file')} can be read: {self.problems[0].message}",
                file=self.folder,
                hint="is the training still running? else take an earlier step",
            )
        count = self._count(ranks)
        used: list[Rank | None] = [None] * count
        for rank in ranks:
            if rank.number < count:
                used[rank.number] = rank
        self._tell_missing(used, number)
        self._tell_differing(used)
        if not self.files.model and 0 not in self.files.models:
            name = f"mp_rank_{number:02}_model_states.pt"
            message = "the file of the model is not in the folder: parameters have no names"
            self.problems.append(Problem("missing", "error", message, name))
            self.shards.append(Shard(name, 0, 0, "missing"))
        parts: list[Part] = []
        if 0 in models:
            file, model = models[0]
            made, problems = None, list[Problem]()
            if any(used):
                others = {at: one for at, (_, one) in models.items()}
                made, problems = put_together(
                    model, file, others, used, self._names(count, number), self.sources, set(model.entries(0))
                )
            self.problems += problems
            # Frozen parameters stand among the others.
            shown = [] if made is None else [model.child(0, "frozen_param_fragments")]
            parts.append(pruned(model.description, None, shown))
            parts += [] if made is None else [Part(made)]
            if not self.files.model:
                self._tell_divided(file, len(models))
        for rank in ranks:
            rest = pruned(rank.described.description, rank.file.removesuffix(_OF_OPTIMIZER), rank.used)
            # What all ranks tell alike is shown once.
            if holds_tensors(rest) or rank is ranks[0]:
                parts.append(rest)
            else:
                self.problems += rest.description.problems
        merged = merge(parts)
        globals_ = dict.fromkeys(use for rank in ranks for use in rank.described.description.globals)
        return dataclasses.replace(
            merged,
            globals=tuple(dict.fromkeys((*merged.globals, *globals_))),
            problems=(*self.problems, *merged.problems),
            shards=tuple(self.shards),
        )

    def _tell_divided(self, file: str, count: int) -> None:
        message = (
            f"ZeRO 3 divides each parameter among the ranks: {PARAMETERS} has them whole, the module of {file} is "
            "shown as it is, with empty ones"
        )
        if count > 1:
            message += f"; those of {plural(count - 1, 'other rank')}, with buffers of their own, open by themselves"
        self.problems.append(Problem("part", "info", message, file))

    def _models(self) -> dict[int, tuple[str, Described]]:
        """The files of the model by data-parallel rank: 0 is the whole model but in ZeRO 3."""
        named = {0: self.files.model} if self.files.model else dict(sorted(self.files.models.items()))
        read = {at: (name, self._read(name)) for at, name in named.items()}
        return {at: (name, Described(found)) for at, (name, found) in read.items() if found is not None}

    def _rank(self, number: int, name: str) -> Rank | None:
        found = self._read(name)
        return None if found is None else Rank(number, name, Described(found), self.sources)

    def _read(self, name: str) -> Description | None:
        read: ReadShard = read_shard(self.folder, name, self.sources, self.control, self.read_source)
        self.shards.append(read.shard)
        if read.description is None:
            why = read.reason or "it is not there"
            self.problems.append(Problem("partial", "error", f"the file cannot be read: {why}", name))
        return read.description

    def _count(self, ranks: Sequence[Rank]) -> int:
        """How many ranks the save had."""
        told = [max(counts) for rank in ranks if (counts := rank.partitions)]
        if not told:
            return max(self.files.optimizers, default=-1) + 1 if len(ranks) < _MOST_MISSING else len(ranks)
        usual = max(dict.fromkeys(told), key=told.count)
        # A count that no folder could have is not believed.
        return usual if usual <= len(ranks) + _MOST_MISSING else max(self.files.optimizers) + 1

    def _names(self, count: int, number: int) -> list[str]:
        """What the files of all ranks are called, also of those that are not there."""
        prefix = next(iter(self.files.optimizers.values()), "").partition("zero_pp_rank")[0]
        return [
            self.files.optimizers.get(at, f"{prefix}zero_pp_rank_{at}_mp_rank_{number:02}{_OF_OPTIMIZER}")
            for at in range(count)
        ]

    def _tell_missing(self, used: Sequence[Rank | None], number: int) -> None:
        lacking = [at for at, rank in enumerate(used) if rank is None and at not in self.files.optimizers]
        called = self._names(len(used), number)
        names = [called[at] for at in lacking]
        self.shards += [Shard(name, 0, 0, "missing") for name in names]
        if names:
            more = f" and {len(names) - _NAMES_TOLD:,} more" if len(names) > _NAMES_TOLD else ""
            are = "is" if len(names) == 1 else "are"
            message = (
                f"{len(names):,} of {plural(len(used), 'rank')} {are} not in the folder "
                f"({', '.join(names[:_NAMES_TOLD])}{more}): the save has not ended, or files were lost; "
                "tensors of which they hold values are told"
            )
            self.problems.append(Problem("missing", "error", message, names[0]))
        for at, name in sorted(self.files.optimizers.items()):
            if at >= len(used):
                message = (
                    f"is of rank {at}, and the save had {plural(len(used), 'rank')}: left over from another one; its "
                    "tensors are shown under its name"
                )
                self.problems.append(Problem("extra", "warning", message, name))

    def _tell_differing(self, used: Sequence[Rank | None]) -> None:
        """Ranks that tell of another step, or of other settings."""
        there = [rank for rank in used if rank is not None]
        told = [rank.told() for rank in there]
        for rank, facts in zip(there, told, strict=True):
            differing = [
                f"{name} is {facts[name]!r} and {value!r} there"
                for name, value in told[0].items()
                if name in facts and facts[name] != value
            ]
            if differing:
                message = (
                    f"is not of the same save as {there[0].file}: {'; '.join(differing[:_NAMES_TOLD])}; parameters "
                    "that are put together from both are of neither"
                )
                self.problems.append(Problem("irregular", "error", message[:1000], rank.file))


def _torch_lines(folder: str, dangerous: bool) -> tuple[str, ...]:  # one fact
    path = Path(folder)
    if dangerous:
        return ("# do not load this folder: its pickles call what does harm",)
    return (
        "from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint",
        "# only if you trust whoever made the folder: this runs what its files say",
        f"{PARAMETERS} = get_fp32_state_dict_from_zero_checkpoint({(path.parent.name or '.')!r}, tag={path.name!r})",
    )
