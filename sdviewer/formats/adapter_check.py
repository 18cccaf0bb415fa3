"""Adapter check: whether `adapter_config.json` and the pairs beside it tell the same rank, and no half is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Description, Problem
from sdviewer.checkpoint.wording import plural, shape_text, shown
from sdviewer.formats.adapter_config import FILE_NAME, AdapterConfig

_HALF = re.compile(r"\.(lora_(?:embedding_)?)([AB])(?=\.|\Z)")


def check_adapter(config: Any, model: Description) -> list[Problem]:
    """What the config of PEFT says and the tensors do not; `config` is the value of the JSON, None for no file."""
    table = model.tensors
    whole_names = table.name.take(np.arange(table.listed)).tolist()
    halves = [(row, match) for row, name in enumerate(whole_names) if (match := _HALF.search(name))]
    if not halves:
        return []
    if config is None:
        text = f"no {FILE_NAME} lies beside the adapter: with what B · A is multiplied is not known"
        return [Problem("missing", "warning", text, whole_names[halves[0][0]])]
    if not isinstance(config, dict):
        return [Problem("irregular", "warning", f"{FILE_NAME} holds no JSON object, and tells nothing", FILE_NAME)]
    is_whole = all(shard.status in ("ok", "extra") for shard in model.shards)
    found = []
    there = set(whole_names)
    alone = [name for name in (whole_names[row] for row, _ in halves) if _other(name) not in there]
    if alone and is_whole:
        more = f", and {plural(len(alone) - 1, 'more')}" if len(alone) > 1 else ""
        text = f"{shown(alone[0], 200)} has no {shown(_other(alone[0]), 200)} beside it{more}"
        found.append(Problem("missing", "error", text, alone[0]))
    return [*found, *_ranks(AdapterConfig(config), model, {whole_names[row]: row for row, _ in halves})]


def _other(name: str) -> str:
    """The name of the other half of a pair."""
    return _HALF.sub(lambda match: f".{match[1]}{'B' if match[2] == 'A' else 'A'}", name, count=1)


def _ranks(config: AdapterConfig, model: Description, halves: Mapping[str, int]) -> list[Problem]:
    """The first pair of another rank than the config says, and how many there are."""
    wrong = []
    for name, row in halves.items():
        match = _HALF.search(name)
        shape = model.tensors.shape_of(row)
        if match is None or len(shape) < 2:
            continue
        said = config.rank(name[: match.start()].rpartition("/")[2])
        actual = shape[0] if match[2] == "A" else shape[1]
        if said is not None and said != actual:
            wrong.append((name, row, said))
    if not wrong:
        return []
    name, row, said = wrong[0]
    more = f" ({len(wrong):,} of {plural(len(halves), 'tensor')})" if len(halves) > 1 else ""
    text = f"{FILE_NAME} says a rank of {said:,}; {shown(name, 200)} is {shape_text(model.tensors.shape_of(row))}{more}"
    return [Problem("irregular", "error", text, name)]
