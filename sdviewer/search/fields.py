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
    read_real,
    read_shape,
    read_share,
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
        needs_scan: whether only a scan tells it; of tensors that were not scanned it is unknown.

    """

    name: str
    aliases: tuple[str, ...]
    meaning: str
    examples: tuple[str, ...]
    read: Callable[[str], Condition]
    read_quoted: Callable[[str], Condition] | None = None
    needs_scan: bool = False


# What health may say, each with other words for it; see `scanned`.
HEALTH_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bad": ("sick", "findings", "yes"),
        "ok": ("healthy", "good", "no"),
        "error": ("errors",),
        "warning": ("warnings",),
        "note": ("notes",),
        "unknown": ("unscanned",),
        "nan": (),
        "inf": ("infinite",),
        "dead": ("dead_channels",),
        "zero": ("all_zero",),
        "constant": (),
        "saturated": (),
        "subnormal": (),
        "outlier": ("layer_outlier",),
        "copy": ("copied", "byte_equal"),
        "equal_rows": (),
        "running_var": (),
        "unreadable": (),
    }
)


def _figure(name: str, meaning: str, *examples: str, aliases: tuple[str, ...] = (), is_share: bool = False) -> Field:
    return Field(name, aliases, meaning, examples, read_share if is_share else read_real, needs_scan=True)


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
    Field(
        "health",
        ("is",),
        "what a scan has found in its values; bad is any error or warning, unknown is what was not scanned",
        ("health:bad", "health:nan", "health:dead", "health:constant,zero", "health:unknown"),
        read_choice({word: name for name, others in HEALTH_WORDS.items() for word in (name, *others)}),
        needs_scan=True,
    ),
    _figure("nan", "how many values are NaN", "nan:>0"),
    _figure("inf", "how many values are infinite", "inf:>0", aliases=("infinite",)),
    _figure("zeros", "how many values are 0", "zeros:>=1M"),
    _figure("sparsity", "the share of values that are 0", "sparsity:>50%", aliases=("zero_share",), is_share=True),
    _figure("min", "the smallest value", "min:<0"),
    _figure("max", "the largest value", "max:>10"),
    _figure("absmax", "the largest magnitude", "absmax:>100", aliases=("amax",)),
    _figure("mean", "the mean", "mean:-1e-3..1e-3"),
    _figure("std", "the standard deviation", "std:<1e-6"),
    _figure("rms", "the root of the mean square", "rms:>1"),
    _figure("norm", "the root of the sum of squares", "norm:>100"),
    _figure("kurtosis", "the kurtosis, 3 for a normal distribution", "kurtosis:>10"),
    _figure("subnormals", "how many values are subnormal", "subnormals:>0"),
    _figure("saturated", "how many values are at the limits of the dtype", "saturated:>0"),
    _figure("distinct", "how many different values there are", "distinct:1"),
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
