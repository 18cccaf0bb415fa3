"""Wrappers: the segments that training code puts into the keys of a state_dict around the model's own names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrapper:
    """One habit: a run of segments that names no module of the model.

    Attributes:
        segments: as they stand in keys, without the dots around them.
        title: who writes it.
        is_technical: whether no model calls a module of its own so.

    """

    segments: tuple[str, ...]
    title: str
    is_technical: bool

    @property
    def prefix(self) -> str:
        """As it stands before a name."""
        return ".".join(self.segments) + "."


WRAPPERS: tuple[Wrapper, ...] = (
    Wrapper(("module",), "DataParallel, DistributedDataParallel, AveragedModel", is_technical=True),
    Wrapper(("_orig_mod",), "torch.compile", is_technical=True),
    Wrapper(("_fsdp_wrapped_module",), "FullyShardedDataParallel", is_technical=True),
    Wrapper(("_checkpoint_wrapped_module",), "activation checkpointing", is_technical=True),
    Wrapper(("base_model", "model"), "PEFT", is_technical=False),
    Wrapper(("ema_model",), "EMA wrappers", is_technical=False),
    Wrapper(("model",), "Lightning and most others", is_technical=False),
)


def unwrapped(key: str, wrappers: Iterable[Wrapper] = WRAPPERS) -> str:
    """The key without these wrappers, wherever they stand, again and again; its last segment always stays."""
    *segments, last = key.split(".")
    chosen = tuple(wrappers)
    while True:
        shorter = segments
        for wrapper in chosen:
            shorter = _without(shorter, wrapper.segments)
        if len(shorter) == len(segments):
            return ".".join([*segments, last])
        segments = shorter


def _without(segments: list[str], run: tuple[str, ...]) -> list[str]:
    if run[0] not in segments:
        return segments
    kept: list[str] = []
    position = 0
    while position < len(segments):
        if tuple(segments[position : position + len(run)]) == run:
            position += len(run)
        else:
            kept.append(segments[position])
            position += 1
    return kept
