"""DeepSpeed names: what the files of a ZeRO checkpoint are called, and which of them belong together.

In a folder of one step (`global_step10`) lie `mp_rank_00_model_states.pt`, the model of one model-parallel rank, and
`zero_pp_rank_1_mp_rank_00_optim_states.pt`, what data-parallel rank 1 keeps of the optimizer; `bf16_` may stand
before that. ZeRO 3 writes `zero_pp_rank_1_mp_rank_00_model_states.pt`, too. The folder around the steps says in the
text file `latest` which is the last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sdviewer.formats.shard_names import is_plain_name

LATEST = "latest"
_MODEL = re.compile(r"mp_rank_(\d{1,6})_model_states\.pt")
_OF_RANK = re.compile(r"(?:[a-z0-9]+_)?zero_pp_rank_(\d{1,6})_mp_rank_(\d{1,6})_(model|optim)_states\.pt")
_LONGEST_TAG = 1024


@dataclass(slots=True)
class ZeroFiles:
    """The files of one model-parallel rank, by data-parallel rank.

    Attributes:
        model: the file of the model as a whole, "" where there is none (ZeRO 3).
        models: those of the ranks.
        optimizers: those of the ranks.

    """

    model: str = ""
    models: dict[int, str] = field(default_factory=dict)
    optimizers: dict[int, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*filter(None, [self.model]), *self.models.values(), *self.optimizers.values())


def zero_files(names: Iterable[str]) -> dict[int, ZeroFiles]:
    """The files of a ZeRO checkpoint among these, by model-parallel rank; empty if there are none."""
    found: dict[int, ZeroFiles] = {}
    for name in names:
        if match := _OF_RANK.fullmatch(name):
            files = found.setdefault(int(match[2]), ZeroFiles())
            (files.models if match[3] == "model" else files.optimizers).setdefault(int(match[1]), name)
        elif match := _MODEL.fullmatch(name):
            files = found.setdefault(int(match[1]), ZeroFiles())
            files.model = files.model or name
    # A model without any file of a rank's is a file like others.
    return found if any(files.models or files.optimizers for files in found.values()) else {}


def is_of_rank(name: str) -> bool:
    """Whether a file is called like that of one rank."""
    return _OF_RANK.fullmatch(name) is not None


def latest_step(folder: Path) -> str:
    """The name of the folder inside `folder` that its file `latest` tells, "" for none."""
    try:
        with (folder / LATEST).open("rb") as file:
            text = file.read(_LONGEST_TAG + 1)
    except OSError:
        return ""
    tag = text.decode("utf-8", "replace").strip()
    return tag if len(text) <= _LONGEST_TAG and is_plain_name(tag) else ""
