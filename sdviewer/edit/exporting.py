"""`plan`: what a file would become, in one call; `ExportPlan.write` carries it out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.control import Control
from sdviewer.edit.plan import ExportPlan, Options, Planner, TargetKind, Ties, source_of
from sdviewer.edit.rules import Rule
from sdviewer.processes.client import open_checkpoint


def plan(
    source: Checkpoint | str | os.PathLike[str],
    *rules: Rule,
    section: str | None = None,
    target: TargetKind | str | os.PathLike[str] = "pt",
    wrap: str = "",
    unwrap: bool = False,
    drop: Sequence[str] = (),
    ties: Ties = "copies",
    shard_bytes: int = 5 * 10**9,
    metadata: Mapping[str, str] | None = None,
    control: Control | None = None,
) -> ExportPlan:
    """What an export of `source` by these rules would write; nothing is written yet.

    `target` is a kind of file, or a path whose ending says it. `section` is the part of the file that is
    exported; without it, it is the model, and all else in the file is kept where the target can hold it.

    Raises:
        CannotOpen: nothing in the source could be read.
        NameNotFound: there is no such section, or no tensors.
        BadRule: a rule makes no sense.
        Cancelled: `control` was cancelled.

    """
    checkpoint = source if isinstance(source, Checkpoint) else open_checkpoint(source, control)
    kinds: dict[object, TargetKind] = {kind: kind for kind in ("pt", "safetensors", "sharded", "npz")}
    options = Options(
        target=kinds.get(target) or target_kind(target),
        wrap=wrap,
        unwrap=unwrap,
        drop=tuple(drop),
        ties=ties,
        shard_bytes=shard_bytes,
        metadata=dict(metadata or {}),
    )
    return Planner(source_of(checkpoint, section)).plan(rules, options, control)


def target_kind(path: str | os.PathLike[str], *, sharded: bool = False) -> TargetKind:
    """What a path is to hold, by its ending; without one, or where shards are asked for, a folder of shards."""
    ending = Path(path).suffix.lower()
    if ending == ".npz":
        return "npz"
    if ending == ".safetensors" and not sharded:
        return "safetensors"
    return "sharded" if sharded or not ending else "pt"
