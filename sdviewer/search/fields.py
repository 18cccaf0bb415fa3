"""Fields: what the filter can ask of a tensor beside its name, one row each.

The parser, the help of the window and the tests read this table; filtering.py has one function a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sdviewer.search.conditions import (
    Condition,
    read_choice,
    read_count,
    read_dtype,
    read_naming,
    read_own_dtype,
    read_part,
    read_shape,
    read_size,
)

_YES = {"yes": "yes", "y": "yes", "true": "yes", "1": "yes", "no": "no", "n": "no", "false": "no", "0": "no"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: before the colon.
        aliases: other words for it.
        meaning: what it asks, for the help.
        examples: whole terms, the most usual one first.
        read: text behind the colon → condition; raises `Unfit`.
        read_quoted: the same of a text in quotes.

    """

    name: str
    aliases: tuple[str, ...]
    meaning: str
    examples: tuple[str, ...]
    read: Callable[[str], Condition]
    read_quoted: Callable[[str], Condition] | None = None


FIELDS: tuple[Field, ...] = (
    Field(
        "dtype",
        ("type",),
        "the dtype, by any of its names; float, int, fp8 … are groups",
        ("dtype:bf16", "dtype:float", "dtype:f32,f16", "dtype:float8*"),
        read_dtype,
        read_own_dtype,
    ),
    Field(
        "shape",
        (),
        "the sizes of all axes; * is any size, ... any number of axes",
        ("shape:4096x*", "shape:[4096,4096]", "shape:...x3x3", "shape:>1000x*", "shape:scalar"),
        read_shape,
    ),
    Field("dims", ("rank", "ndim"), "how many axes", ("dims:2", "dims:>=3"), read_count),
    Field("numel", ("elements",), "how many elements", ("numel:>=1M", "numel:1", "numel:0"), read_count),
    Field(
        "size", ("bytes",), "how many bytes its elements take", ("size:>10MB", "size:1KiB..4KiB", "size:<1k"), read_size
    ),
    Field(
        "kind",
        ("module",),
        "the kind of the module that holds it",
        ("kind:Linear", "kind:*Norm", "kind:Conv2d,Linear"),
        read_naming,
    ),
    Field(
        "role",
        (),
        "whether it is a parameter or a buffer",
        ("role:buffer", "role:parameter", "role:unknown"),
        read_choice(
            {"parameter": "parameter", "param": "parameter", "buffer": "buffer", "buf": "buffer", "unknown": "unknown"}
        ),
    ),
    Field(
        "section",
        ("in",),
        "the part of the file, by its name or kind",
        ("section:ema", "section:optimizer", "section:model"),
        read_naming,
    ),
    Field("tied", ("shared",), "whether it has the very elements of another tensor", ("tied:yes",), read_choice(_YES)),
    Field(
        "grad",
        ("requires_grad",),
        "whether it requires a gradient, where the file says so",
        ("grad:yes", "grad:no", "grad:unknown"),
        read_choice({**_YES, "unknown": "unknown"}),
    ),
    Field(
        "file", ("shard",), "the file that holds it, by a part of its name", ("file:00001-of", "file:*.bin"), read_part
    ),
    Field(
        "problem",
        ("problems",),
        "whether something is wrong with it: bytes missing, out of bounds …",
        ("problem:yes",),
        read_choice(_YES),
    ),
)

# What stands without a field, in the order in which the help tells it: examples and what they mean.
NAME_TERMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("weight", '"a b"'), "a part of the name; a capital letter makes the case count"),
    (("*.bias", "layers.[0-3].*"), "a pattern for the whole name or key; * is any text"),
    ((r"/\.\d+\.weight$/", "/norm/i"), "a regular expression; i ignores case"),
    (("-bias", "-dtype:float"), "a minus: what does not fit"),
)

BY_WORD: Mapping[str, Field] = MappingProxyType(
    {word: field for field in FIELDS for word in (field.name, *field.aliases)}
)
