"""Summary: what kind of checkpoint a file is, in one plain sentence."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence

import numpy as np

from sdviewer.checkpoint.document import Checkpoint
from sdviewer.checkpoint.optimizers import group_options, optimizer_name
from sdviewer.checkpoint.sections import Section
from sdviewer.checkpoint.structure import Node, Structure
from sdviewer.checkpoint.wording import count_for_people, plural, shape_text, shown

# How training code calls how far it has come; the first of a row that is there counts.
_PROGRESS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("epoch", ("epoch", "current_epoch", "epochs", "last_epoch", "n_epoch")),
    ("step", ("global_step", "step", "steps", "iteration", "iter", "iters", "num_updates", "n_iter", "current_iter")),
)
_MOST_SCALARS = 1000
_NAMES_TOLD = 3
# Bytes of names; where there are adapters, every name says so.
_NAMES_LOOKED_AT = 1 << 18
_VOWEL_SOUNDS = ("A", "E", "I", "O", "U", "SGD", "LBFGS", "NAdam", "RMSprop", "RAdam", "Rprop")
_ADAPTER_MARKS = (b"lora_A", b"lora_up", b"lora_down", b"lokr_w", b"hada_w")

_FORMATS = {
    "torchscript": "A TorchScript program",
    "torch export": "An exported program (torch.export)",
    "zip of checkpoints": "An archive of checkpoints",
}


def what_it_is(checkpoint: Checkpoint) -> str:
    """One sentence: "A training checkpoint: a model of 26.9 K parameters, an AdamW optimizer state, epoch 3." is one.

    Composed from the sections and the values beside them; what is not known is not told.
    """
    description = checkpoint.description
    if description.root == "tensor" and len(checkpoint.table):
        return _sentence(f"One {_array(checkpoint)}: {_tensor(checkpoint)}")
    if checkpoint.format == "npz":
        return _sentence(f"{plural(checkpoint.table.listed, 'NumPy array')} in one archive")
    parts = list(_parts(checkpoint))
    progress = _progress(checkpoint)
    head = _FORMATS.get(checkpoint.format, "")
    whole = next((item.name for item in description.module_classes if not item.prefix), "")
    if not head and whole:
        head = f"A whole module of the class {shown(whole.rpartition('.')[2], 80)}"
    if description.part_of:
        head = "One part of a larger checkpoint"
    sections = checkpoint.sections.values()
    trained = bool(progress) or any(section.kind in ("optimizer", "scheduler") for section in sections)
    if not head and parts and (len(parts) > 1 or progress):
        head = "A training checkpoint" if trained else "A checkpoint"
    if not parts:
        values = int(np.count_nonzero(description.structure.kind == Node.SCALAR))
        parts = [plural(values, "value") + ", no tensors"] if values else ["no tensors and no values"]
    files = len(checkpoint.shards)
    tail = f", in {plural(files, 'file')}" if files > 1 else ""
    told = ", ".join((*parts, *progress)) + tail
    return _sentence(f"{head}: {told}" if head else told)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _array(checkpoint: Checkpoint) -> str:
    return "NumPy array" if checkpoint.format == "npy" else "tensor"


def _tensor(checkpoint: Checkpoint) -> str:
    shape = checkpoint.table.shape_of(0)
    dtype = shown(checkpoint.table.dtype_name(0), 60)
    return f"{dtype} of shape {shape_text(shape)}" if shape else f"a {dtype} scalar"


def _parts(checkpoint: Checkpoint) -> Iterator[str]:
    by_kind: dict[str, list[Section]] = {}
    for section in checkpoint.sections.values():
        by_kind.setdefault(section.kind, []).append(section)
    models, copies = by_kind.get("model", []), by_kind.get("ema", [])
    if models:
        yield _models(checkpoint, models)
    if copies and models:
        yield "an EMA copy" if len(copies) == 1 else plural(len(copies), "EMA copy", "EMA copies")
    elif copies:
        yield f"an EMA copy of a model of {_weight(copies)}"
    yield from _optimizers(checkpoint, by_kind.get("optimizer", []))
    schedulers = len(by_kind.get("scheduler", []))
    if schedulers:
        yield "a scheduler state" if schedulers == 1 else plural(schedulers, "scheduler state")
    yield from _others(by_kind.get("tensors", []), alone=not models and not copies)


def _models(checkpoint: Checkpoint, models: Sequence[Section]) -> str:
    if len(models) == 1:
        noun = "a model"
        looked_at = checkpoint.table.name.data[:_NAMES_LOOKED_AT]
        if any(mark in looked_at for mark in _ADAPTER_MARKS):
            noun = "adapters (LoRA)"
        return f"{noun} of {_weight(models)}"
    names = ", ".join(shown(section.name, 40) for section in models[:_NAMES_TOLD])
    more = ", …" if len(models) > _NAMES_TOLD else ""
    return f"{len(models):,} models ({names}{more}) of {_weight(models)} together"


def _weight(sections: Sequence[Section]) -> str:
    parameters = sum(section.parameters for section in sections)
    return plural(parameters, "parameter") if parameters else plural(sum(len(s.rows) for s in sections), "tensor")


def _optimizers(checkpoint: Checkpoint, sections: Sequence[Section]) -> Iterator[str]:
    if not sections:
        return
    structure = checkpoint.description.structure
    names = [optimizer_name(group_options(structure, section.node)) for section in sections[:_NAMES_TOLD]]
    if len(sections) == 1:
        name = names[0]
        article = "an" if not name or name.startswith(_VOWEL_SOUNDS) else "a"
        yield f"{article} {name + ' ' if name else ''}optimizer state"
        return
    known = ", ".join(dict.fromkeys(filter(None, names)))
    yield f"{len(sections):,} optimizer states" + (f" ({known})" if known else "")


def _others(sections: Sequence[Section], *, alone: bool) -> Iterator[str]:
    """Tensors that are no model's: random states and scalers by what they are, all else counted."""
    count, random, scaler = 0, False, False
    for section in sections:
        name = section.name.rpartition("/")[2].lower()
        if "rng" in name or "random" in name:
            random = True
        elif "scaler" in name or name == "amp":
            scaler = True
        else:
            count += len(section.rows)
    if count:
        yield plural(count, "tensor") if alone else plural(count, "other tensor")
    if scaler:
        yield "a gradient scaler state"
    if random:
        yield "random number states"


def _progress(checkpoint: Checkpoint) -> list[str]:
    """How far the training had come: "epoch 3", "step 12,000"."""
    structure = checkpoint.description.structure
    if not len(structure):
        return []
    places = [0, *(node for node in itertools.islice(structure.children(0), _MOST_SCALARS) if _is_run(structure, node))]
    top = (structure.kind == Node.SCALAR) & np.isin(structure.parent, places)
    values: dict[str, str] = {}
    for node in np.flatnonzero(top)[:_MOST_SCALARS].tolist():
        values.setdefault(structure.part[node], structure.values[int(structure.ref[node])])
    told = []
    for word, names in _PROGRESS:
        found = next((count for name in names if (count := _count(values.get(name, ""))) is not None), None)
        if found is not None:
            told.append(f"{word} {found:,}" if found < 10**6 else f"{word} {count_for_people(found)}")
    return told


def _is_run(structure: Structure, node: int) -> bool:
    """Whether a part is what Trainer writes of its run."""
    return structure.kind[node] == Node.MAPPING and structure.part[node] == "trainer_state.json"


def _count(text: str) -> int | None:
    """A whole number of things, None where the JSON is something else: "-1" means that training was over."""
    if not text or len(text) > 20:
        return None
    value = json.loads(text, parse_constant=str)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != int(value):
        return None
    return int(value)
