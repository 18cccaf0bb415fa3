"""Config check: whether a `config.json` and the tensors beside it tell the same, in words.

Only what both of them show is compared: of a family that the table does not have, of quantised weights, and of
tensors in shards that are not there nothing is said.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sdviewer.checkpoint.document import Description, Problem, Severity
from sdviewer.checkpoint.dtypes import DTYPES
from sdviewer.checkpoint.table import TensorTable
from sdviewer.checkpoint.wording import bytes_for_people, plural, shape_text, shown
from sdviewer.formats.companion_names import CONFIG
from sdviewer.formats.config_families import Family, Numbers, Said, family_of

# Vocabularies are padded to a multiple of a power of two, so that matrices divide well.
_LEAST_PADDING, _LARGEST_PADDING = 8, 1024
_LAYERS_LISTED = 6
_TIED = "tie_word_embeddings"
_NUMBER = re.compile(r"\.\d+\.")
_IS_FLOAT = np.array([dtype.kind == "float" for dtype in DTYPES], np.bool_)
_FLOATS = frozenset({"float64", "float32", "float16", "bfloat16"})


def check_config(config: Any, model: Description) -> list[Problem]:
    """What a config says and the tensors of the model do not; `config` is the value of the JSON."""
    if not isinstance(config, dict):
        return [Problem("irregular", "warning", f"{CONFIG} holds no JSON object, and tells nothing", CONFIG)]
    table = model.tensors
    whole_names = table.name.take(np.arange(table.listed)).tolist()
    # Of a state_dict inside another container the keys.
    names = whole_names if model.structure.plain_keys else [name.rpartition("/")[2] for name in whole_names]
    tensors = _Tensors(table, names, whole_names)
    is_whole = all(shard.status in ("ok", "extra") for shard in model.shards)
    family = family_of(config)
    found = list(_dtypes(config, tensors))
    if family is not None:
        numbers = Numbers(config, family)
        found += _heads(numbers)
        found += _layers(numbers, family, tensors, is_whole=is_whole)
        found += _widths(numbers, family, tensors)
        found += _vocabulary(numbers, family, tensors)
        found += _ties(config, family, tensors, is_whole=is_whole)
    return found


class _Tensors:
    """The tensors of a model by their keys."""

    def __init__(self, table: TensorTable, names: Sequence[str], whole_names: Sequence[str]) -> None:
        self.table, self.names, self.whole_names = table, names, whole_names
        self.forms: list[int] = table.form[: table.listed].tolist()
        self._plain: list[bool] = _IS_FLOAT[table.dtype[: table.listed]].tolist()

    def shape(self, row: int) -> tuple[int, ...]:
        return self.table.shape_of(row)

    def is_plain(self, row: int) -> bool:
        """Whether its shape is that of a weight: packed values have others."""
        return self._plain[row]

    def ending(self, suffix: str) -> int:
        """The first tensor whose name ends so, at a dot; -1 for none."""
        at_dot = f".{suffix}"
        return next((row for row, name in enumerate(self.names) if name == suffix or name.endswith(at_dot)), -1)

    def told(self, row: int) -> str:
        return f"{shown(self.names[row], 200)} is {shape_text(self.shape(row))}"


def _problem(kind: str, severity: Severity, text: str, where: str = CONFIG) -> Problem:
    return Problem(kind, severity, f"{CONFIG} says {text}", where)


def _heads(numbers: Numbers) -> Iterator[Problem]:
    hidden, heads, keys = numbers.plain("hidden"), numbers.plain("heads"), numbers.plain("key heads")
    if heads and hidden and numbers.plain("head_dim") is None and hidden.value % heads.value:
        yield _problem("irregular", "warning", f"{hidden.words} and {heads.words}, which does not divide it")
    if heads and keys and heads.value % keys.value:
        yield _problem("irregular", "warning", f"{heads.words} and {keys.words}, which does not divide it")


def _layers(numbers: Numbers, family: Family, tensors: _Tensors, *, is_whole: bool) -> Iterator[Problem]:
    for pattern, role in family.stacks:
        said = numbers.get(role)
        first: dict[int, int] = {}
        for row, name in enumerate(tensors.names):
            match = pattern.search(name)
            if match is not None:
                first.setdefault(int(match[1]), row)
        if said is None or not first:
            continue
        beyond = sorted(number for number in first if number >= said.value)
        count = f"the tensors have {plural(len(first), 'layer')}"
        if is_whole and len(first) - len(beyond) < said.value:
            last = min(max(first) + 1, said.value)
            gaps = _listed([number for number in range(last) if number not in first])
            tail = f"from {last:,} on" if last < said.value else ""
            text = f"{said.words}; {count}, missing: {', '.join(filter(None, (gaps, tail)))}"
            yield _problem("missing", "error", text)
        if beyond:
            where = tensors.whole_names[first[beyond[0]]]
            yield _problem("extra", "warning", f"{said.words}; {count}, beyond that: {_listed(beyond)}", where)


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _LAYERS_LISTED:,} more" if len(numbers) > _LAYERS_LISTED else ""
    return ", ".join(f"{number:,}" for number in numbers[:_LAYERS_LISTED]) + more


def _widths(numbers: Numbers, family: Family, tensors: _Tensors) -> Iterator[Problem]:
    """One finding a number of the config, with the first tensor that says another one."""
    patterns = [re.compile(rf"(?:^|\.){pattern}\Z") for pattern, _, _ in family.widths]
    # Of all layers and experts the names differ in numbers alone: one of them is matched.
    fitting: dict[str, list[int]] = {}
    wrong: dict[str, list[tuple[int, Said]]] = {}
    looked_at: dict[str, int] = {}
    said_by = {formula: numbers.get(formula) for _, _, formula in family.widths}
    agrees: dict[tuple[int, int], bool] = {}
    for row, (name, form) in enumerate(zip(tensors.names, tensors.forms, strict=True)):
        alike = _NUMBER.sub(".0.", name)
        found = fitting.get(alike)
        if found is None:
            found = fitting[alike] = [
                at
                for at, (pattern, (_, _, formula)) in enumerate(zip(patterns, family.widths, strict=True))
                if said_by[formula] is not None and pattern.search(alike)
            ]
        if not found or not tensors.is_plain(row):
            continue
        for at in found:
            _, axis, formula = family.widths[at]
            said = said_by[formula]
            looked_at[formula] = looked_at.get(formula, 0) + 1
            right = agrees.get((at, form))
            if right is None and said is not None:
                shape = tensors.shape(row)
                right = agrees[at, form] = len(shape) > axis and shape[axis] == said.value
            if not right and said is not None:
                wrong.setdefault(formula, []).append((row, said))
    for formula, rows in wrong.items():
        row, said = rows[0]
        expected = f"{said.words}" if f"= {said.value:,}" in said.words else f"{said.words}, so {said.value:,}"
        others = f" ({len(rows):,} of {looked_at[formula]:,} tensors that show it)" if looked_at[formula] > 1 else ""
        text = f"{expected}; {tensors.told(row)}{others}"
        yield _problem("irregular", "error", text, tensors.whole_names[row])


def _vocabulary(numbers: Numbers, family: Family, tensors: _Tensors) -> Iterator[Problem]:
    said = numbers.get("vocabulary")
    for suffix in (family.embedding, family.head):
        row = tensors.ending(suffix)
        if said is None or row < 0 or not tensors.is_plain(row) or not tensors.shape(row):
            continue
        rows, where = tensors.shape(row)[0], tensors.whole_names[row]
        multiple = rows & -rows
        multiple = min(multiple, _LARGEST_PADDING)
        if rows < said.value:
            lacking = plural(said.value - rows, "row")
            yield _problem("irregular", "error", f"{said.words}; {tensors.told(row)}: {lacking} too few", where)
        elif said.value < rows and multiple >= _LEAST_PADDING and rows - said.value < multiple:
            text = f"{said.words}; {tensors.told(row)}: padded to a multiple of {multiple:,}, as it seems"
            yield _problem("irregular", "info", text, where)
        elif rows > said.value:
            more = plural(rows - said.value, "row")
            yield _problem("irregular", "error", f"{said.words}; {tensors.told(row)}: {more} too many", where)


def _ties(config: Mapping[str, Any], family: Family, tensors: _Tensors, *, is_whole: bool) -> Iterator[Problem]:
    tied = config.get(_TIED)
    embedding, head = tensors.ending(family.embedding), tensors.ending(family.head)
    if not isinstance(tied, bool) or embedding < 0:
        return
    table, text = tensors.table, f"{_TIED} = {str(tied).lower()}"
    if head < 0:
        if not tied and is_whole and _has_head(config):
            yield _problem("missing", "error", f"{text}; there is no {family.head}")
        return
    where = tensors.whole_names[head]
    names = f"{shown(tensors.names[head], 200)} and {shown(tensors.names[embedding], 200)}"
    is_one = table.storage[head] >= 0 and (
        (table.storage[head], table.offset[head]) == (table.storage[embedding], table.offset[embedding])
    )
    if tied and not is_one and tensors.shape(head) != tensors.shape(embedding):
        yield _problem("irregular", "warning", f"{text}; {names} have different shapes", where)
    elif tied and not is_one:
        yield _problem(
            "irregular", "info", f"{text}; {names} are stored both, and `check` tells if they are equal", where
        )
    elif not tied and is_one:
        yield _problem("irregular", "warning", f"{text}; {names} are one tensor in the file", where)


def _has_head(config: Mapping[str, Any]) -> bool:
    """Whether the architecture is one with an output layer over the vocabulary."""
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named else ""
    return isinstance(first, str) and first.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration"))


# -- dtypes -----------------------------------------------------------------------

# Of each method how the names of its tensors end.
_MARKS: Mapping[str, tuple[str, ...]] = {
    "gptq": (".qweight",),
    "awq": (".qweight",),
    "bitsandbytes": (".absmax", ".SCB", ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4"),
    "compressed-tensors": (".weight_packed", ".weight_scale"),
    "fp8": (".weight_scale_inv", ".weight_scale"),
    "mxfp4": ("_blocks",),
}
# What ends so is quantised, whoever did it.
_TELLING = tuple(
    (mark, method)
    for mark, method in (
        (".qweight", "GPTQ or AWQ"),
        (".quant_state.bitsandbytes__nf4", "bitsandbytes"),
        (".quant_state.bitsandbytes__fp4", "bitsandbytes"),
        (".SCB", "bitsandbytes"),
        (".weight_packed", "compressed-tensors"),
        (".weight_scale_inv", "fp8 in blocks"),
    )
)


def _dtypes(config: Mapping[str, Any], tensors: _Tensors) -> Iterator[Problem]:
    quantised = config.get("quantization_config")
    if isinstance(quantised, dict):
        yield from _quantised(quantised, tensors)
        return
    for mark, method in _TELLING:
        row = next((row for row, name in enumerate(tensors.names) if name.endswith(mark)), -1)
        if row >= 0:
            text = f"nothing of a quantization_config; {shown(tensors.names[row], 200)} is of {method}"
            yield _problem("irregular", "warning", text, tensors.whole_names[row])
            return
    key = "dtype" if isinstance(config.get("dtype"), str) else "torch_dtype"
    said = config.get(key)
    if not isinstance(said, str) or said.removeprefix("torch.") not in _FLOATS:
        return
    table = tensors.table
    codes = table.dtype[: table.listed]
    sizes = np.bincount(codes, table.nbytes[: table.listed].astype(np.float64), len(DTYPES))
    floats = {dtype.name: float(sizes[dtype.code]) for dtype in DTYPES if dtype.kind == "float" and sizes[dtype.code]}
    if not floats:
        return
    most = max(floats, key=floats.__getitem__)
    if most != said.removeprefix("torch."):
        share = f"{bytes_for_people(int(floats[most]))} of {bytes_for_people(int(sum(floats.values())))}"
        yield _problem("irregular", "info", f"{key} = {shown(said, 40)}; most tensors are {most} ({share})")


def _quantised(quantised: Mapping[str, Any], tensors: _Tensors) -> Iterator[Problem]:
    method = quantised.get("quant_method")
    if method is None and any(quantised.get(key) is True for key in ("load_in_4bit", "load_in_8bit")):
        method = "bitsandbytes"
    marks = _MARKS.get(method) if isinstance(method, str) else None
    if marks is None:
        return
    marked = [row for row, name in enumerate(tensors.names) if name.endswith(marks)]
    is_there = bool(marked) or (
        method == "fp8" and any(tensors.table.dtype_name(row).startswith("float8") for row in range(len(tensors.names)))
    )
    if not is_there:
        text = f"quantization_config: {method}; no tensor is of it (looked for *{', *'.join(marks)})"
        yield _problem("irregular", "warning", text)
    elif method == "gptq":
        yield from _bits(quantised, tensors, marked)


def _bits(quantised: Mapping[str, Any], tensors: _Tensors, marked: Sequence[int]) -> Iterator[Problem]:
    """Of GPTQ the bits of a weight: the inputs of `g_idx` lie in rows of 32 bits."""
    bits = quantised.get("bits")
    row_of = {name: row for row, name in enumerate(tensors.names)}
    for row in itertools.islice(marked, 1):
        inputs = row_of.get(tensors.names[row].removesuffix("qweight") + "g_idx", -1)
        if type(bits) is not int or inputs < 0 or not tensors.shape(inputs) or not tensors.shape(row):
            continue
        count, rows = tensors.shape(inputs)[0], tensors.shape(row)[0]
        if count and rows * 32 != bits * count:
            text = f"quantization_config: {bits} bits; {tensors.told(row)} for {count:,} inputs: {rows * 32 / count:g}"
            yield _problem("irregular", "error", text, tensors.whole_names[row])
