"""Prefixes: a file's names of parameters and a model's keys that differ only in what stands before them.

An optimizer that was given `self.net.named_parameters()` calls its parameters "0.weight"; the state_dict of the
module around it, which Lightning saves, has "net.0.weight".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_PROBES = 8
_MOST = 64


class Shift(NamedTuple):
    """From a name to a key: `removed` goes from its beginning, `added` comes before the rest."""

    removed: str
    added: str

    def apply(self, name: str) -> str:
        """The key of a name, "" where it does not begin with what is removed."""
        return self.added + name[len(self.removed) :] if name.startswith(self.removed) else ""

    @property
    def text(self) -> str:
        """In words, after "they are those of …"."""
        return f"with “{self.added}” before them" if self.added else f"without “{self.removed}” before them"


def possible_shifts(names: Sequence[str], keys: Iterable[str]) -> list[Shift]:
    """The shifts that lead from one of a few names to a key, each once."""
    step = max(len(names) // _PROBES, 1)
    probes = list(dict.fromkeys(names[::step][:_PROBES]))
    endings = tuple("." + name for name in probes)
    known = set()
    found: dict[Shift, None] = {}
    for key in keys:
        known.add(key)
        if key.endswith(endings):
            for name in probes:
                if key.endswith("." + name):
                    found[Shift("", key[: len(key) - len(name)])] = None
    for name in probes:
        place = name.find(".") + 1
        while place:
            if name[place:] in known:
                found[Shift(name[:place], "")] = None
            place = name.find(".", place) + 1
    return list(found)[:_MOST]
