"""Code: a plan as a short script in plain torch or safetensors that does the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from sdviewer.checkpoint.names import decode_path
from sdviewer.checkpoint.wrappers import WRAPPERS
from sdviewer.comparison.sides import section_around
from sdviewer.edit.plan import ExportPlan
from sdviewer.edit.rules import (
    AUTO,
    AddPrefix,
    Rename,
    RenameKeys,
    ReplacePrefix,
    StripPrefix,
    Template,
    told,
)
from sdviewer.edit.writing import written_keys
from sdviewer.formats.companion_names import WITH_STATE


def script_of(plan: ExportPlan, target: str) -> str:
    """A Python script that writes what the plan writes, from the same file to `target`."""
    return "\n".join(_lines(plan, target)) + "\n"


def _lines(plan: ExportPlan, target: str) -> Iterator[str]:
    checkpoint = plan.source.checkpoint
    from_safetensors = "safetensors" in checkpoint.format
    to_torch = plan.options.target == "pt"
    if any(isinstance(rule, Rename | Template) for rule in plan.rules):
        yield "import re"
    if plan.options.target == "npz":
        yield "import numpy as np"
    yield "import torch"
    if from_safetensors:
        yield "from safetensors.torch import load_file"
    if plan.options.target in {"safetensors", "sharded"}:
        yield "from safetensors.torch import save_file"
    yield ""
    yield from _loading(plan, from_safetensors=from_safetensors)
    container = _container(plan)
    yield f"state = source{container}"
    if plan.source.side.section is None:
        yield f"chosen = {_listed(list(plan.source.side.keys))}"
        yield "state = {key: value for key, value in state.items() if key in chosen}"
    yield ""
    yield from _renaming(plan)
    if len(plan.keys) < len(plan.source.side):
        yield from _keeping(plan)
    else:
        yield "result = {rename(key): value for key, value in state.items()}"
    yield from _casting(plan)
    if to_torch and plan.options.wrap:
        yield f"result = {{{plan.options.wrap!r}: result}}"
    elif to_torch and plan.kept_sections and checkpoint.format.endswith(WITH_STATE):
        yield "# The export puts the folder's other files into the same one; this writes the model alone."
    elif to_torch and plan.kept_sections and container:
        yield f"source{container} = result"
        yield "result = source"
        for dropped in plan.options.drop:
            yield f"result.pop({dropped!r}, None)"
    yield ""
    yield _saving(plan, target)


def _loading(plan: ExportPlan, *, from_safetensors: bool) -> Iterator[str]:
    """The lines that make `source` of the file, or of those files of a folder that hold the tensors."""
    checkpoint = plan.source.checkpoint
    files = _files(plan)
    load = 'torch.load({}, map_location="cpu", weights_only=True)'
    if not files or files == [checkpoint.path]:
        yield f"source = {('load_file({})' if from_safetensors else load).format(repr(checkpoint.path))}"
        return
    yield "source = {}"
    for ending, how in ((True, "load_file({})"), (False, load)):
        if chosen := [file for file in files if file.endswith(".safetensors") is ending]:
            yield f"for file in {chosen!r}:"
            yield f"    source.update({how.format('file')})"


def _files(plan: ExportPlan) -> list[str]:
    """The files that hold the tensors of the part that is exported; none where they are put together from pieces."""
    side = plan.source.side
    table, specs = side.checkpoint.table, side.checkpoint.sources.specs
    storages = np.unique(table.storage[side.rows])
    sources = np.unique(table.storages.source[storages[storages >= 0]]).tolist()
    # What has no place of its own in a file, such as small arrays inside a pickle, comes with it.
    return list(dict.fromkeys(specs[at].path for at in sources if at >= 0 and specs[at].kind == "file"))


def _container(plan: ExportPlan) -> str:
    section = section_around(plan.source.side)
    if section is None or not section.path:
        return ""
    path = decode_path(section.path)
    if plan.source.checkpoint.format.endswith(WITH_STATE):
        # The first part says which of the folder's files it is, and only these are loaded.
        path = path[1:]
    return "".join(f"[{part!r}]" for part in path)


def _renaming(plan: ExportPlan) -> Iterator[str]:
    yield "def rename(key):"
    for rule in plan.rules:
        if not rule.enabled:
            continue
        match rule:
            case StripPrefix(prefix=prefix) if prefix != AUTO:
                yield f"    key = key.removeprefix({prefix!r})"
            case StripPrefix():
                prefixes = tuple(wrapper.prefix for wrapper in WRAPPERS)
                yield f"    prefixes = {prefixes!r}"
                yield "    while key.startswith(prefixes):"
                yield "        key = key.removeprefix(next(p for p in prefixes if key.startswith(p)))"
            case AddPrefix(prefix=prefix):
                yield f"    key = {prefix!r} + key"
            case ReplacePrefix(old=old, new=new):
                yield f"    key = {new!r} + key[{len(old)}:] if key.startswith({old!r}) else key"
            case Rename(pattern=pattern, replacement=replacement):
                yield f"    key = re.sub({pattern!r}, {replacement!r}, key)"
            case Template():
                regex, form = rule.regex()
                yield f"    key = re.sub({'^' + regex.pattern + '$'!r}, {form!r}, key)"
            case RenameKeys(keys=keys):
                yield f"    key = {dict(keys)!r}.get(key, key)"
            case _:
                yield f"    # {told(rule)}: see below"
    yield "    return key"
    yield ""


def _keeping(plan: ExportPlan) -> Iterator[str]:
    """Which keys are kept: those listed, or all but those listed, whatever is shorter."""
    side = plan.source.side
    kept = set(plan.keys.places.tolist())
    gone = [key for place, key in enumerate(side.keys) if place not in kept]
    stays = [key for place, key in enumerate(side.keys) if place in kept]
    if len(gone) <= len(stays):
        yield f"dropped = {_listed(gone)}"
        yield "result = {rename(key): value for key, value in state.items() if key not in dropped}"
    else:
        yield f"kept = {_listed(stays)}"
        yield "result = {rename(key): value for key, value in state.items() if key in kept}"


def _listed(keys: list[str]) -> str:
    """A set as Python writes it, one prefix at a time where there are many of them."""
    return "{" + ", ".join(map(repr, keys)) + "}" if keys else "set()"


def _casting(plan: ExportPlan) -> Iterator[str]:
    by_dtype: dict[str, list[str]] = {}
    for key in plan.keys:
        if key.dtype_after != key.dtype_before:
            by_dtype.setdefault(key.dtype_after, []).append(key.new)
    for dtype, keys in by_dtype.items():
        floats = [key.new for key in plan.keys if re.match(r"b?float", key.dtype_before)]
        if len(by_dtype) == 1 and len(keys) == len(floats):
            yield f"result = {{k: v.to(torch.{dtype}) if v.is_floating_point() else v for k, v in result.items()}}"
        else:
            yield f"for key in {_listed(keys)}:"
            yield f"    result[key] = result[key].to(torch.{dtype})"


def _saving(plan: ExportPlan, target: str) -> str:
    match plan.options.target:
        case "pt":
            return f"torch.save(result, {target!r})"
        case "npz":
            return f"np.savez({target!r}, **{{key: value.numpy() for key, value in result.items()}})"
        case "sharded":
            return f"save_file({{k: v.contiguous().clone() for k, v in result.items()}}, {target + '.safetensors'!r})"
        case _:
            written = {key.new for key in written_keys(plan)}
            tied = [name for name in plan.keys.new if name not in written]
            left = f" if k not in {_listed(tied)}" if tied else ""
            return f"save_file({{k: v.contiguous().clone() for k, v in result.items(){left}}}, {target!r})"
