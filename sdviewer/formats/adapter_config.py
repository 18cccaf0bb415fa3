"""Adapter config: what `adapter_config.json` beside an adapter's tensors says of its scale.

PEFT scales ΔW by α/r, by α/√r with `use_rslora`; `alpha_pattern` and `rank_pattern` give modules others, by keys that
PEFT matches as regular expressions at the end of a module's name. Here only keys that are plain names are matched:
an expression of a file may take for ever.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE_NAME = "adapter_config.json"
_LARGEST = 1 << 20
_PLAIN = re.compile(r"[\w.\-]+")
_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What the file says of scales; empty `facts` and a `fault` where it cannot be used."""

    facts: Mapping[str, Any]
    fault: str = ""

    @property
    def turns(self) -> bool:
        """Whether weights lie with their inputs first (`fan_in_fan_out`), so that ΔW is turned."""
        return self.facts.get("fan_in_fan_out") is True

    def rank(self, module: str) -> int | None:
        """The rank of a module's pair, None where the file does not say it."""
        try:
            found = self._of_module("rank_pattern", module, self.facts.get("r"))
        except (TypeError, ValueError):
            return None
        return found if type(found) is int else None

    def scale(self, module: str, rank: int) -> tuple[float | None, str]:
        """What B · A is multiplied with, None where that is not known, and how it comes about."""
        if self.fault:
            return None, self.fault
        try:
            alpha = self._of_module("alpha_pattern", module, self.facts.get("lora_alpha"))
        except (TypeError, ValueError) as error:
            return None, str(error)
        if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not math.isfinite(alpha):
            return None, f"lora_alpha of {FILE_NAME} is no number"
        if rank <= 0:
            return None, "a rank of 0 has no scale"
        if self.facts.get("use_rslora") is True:
            return alpha / math.sqrt(rank), f"α/√r = {alpha:g}/√{rank}, of {FILE_NAME} (use_rslora)"
        return alpha / rank, f"α/r = {alpha:g}/{rank}, of {FILE_NAME}"

    def _of_module(self, patterns_key: str, module: str, usual: Any) -> Any:
        """What a mapping of patterns gives a module, else the usual value.

        Raises:
            TypeError, ValueError: the mapping cannot be used; says why.

        """
        patterns = self.facts.get(patterns_key) or {}
        if not isinstance(patterns, dict):
            raise TypeError(f"{patterns_key} of {FILE_NAME} is no mapping")
        # In a folder with training state the model stands under a name of its own.
        name = module.rpartition("/")[2].removeprefix(_PREFIX)
        for key, value in patterns.items():
            if not _PLAIN.fullmatch(key):
                what = "α" if patterns_key == "alpha_pattern" else "ranks"
                raise ValueError(f"{FILE_NAME} chooses {what} by a regular expression, which is not evaluated here")
            # A dot stands for any character in PEFT's expressions; in names of modules it is one.
            if name == key or name.endswith(f".{key}"):
                return value
        return usual

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the adapter does beside adding ΔW."""
        dora = "use_dora: the sum of weight and ΔW is scaled further, which is not shown here."
        return (dora,) if self.facts.get("use_dora") is True else ()


def read_adapter_config(path: str) -> AdapterConfig:
    """The config of the adapter in this file or folder; never raises."""
    place = Path(path)
    try:
        config = (place if place.is_dir() else place.parent) / FILE_NAME
        if not config.is_file():
            return AdapterConfig({}, f"no {FILE_NAME} lies beside it")
        with config.open("rb") as file:
            raw = file.read(_LARGEST + 1)
        facts = json.loads(raw) if len(raw) <= _LARGEST else None
    except (OSError, ValueError, RecursionError) as error:
        return AdapterConfig({}, f"{FILE_NAME} cannot be read: {error}")
    if not isinstance(facts, dict):
        return AdapterConfig({}, f"{FILE_NAME} holds no mapping")
    return AdapterConfig(facts)
