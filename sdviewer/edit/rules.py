r"""Rules: what is done to the keys of a state_dict, one after the other.

A rule sees the keys as the rules before it have left them. It is data: a name in a recipe, its arguments,
and a function of `State` in applying.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from sdviewer.checkpoint.wrappers import WRAPPERS

CASTABLE = ("float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


class BadRule(ValueError):
    """A rule that makes no sense: the message says which and why."""


@dataclass(frozen=True, slots=True)
class Include:
    """Keep only the tensors that the filter fits. Several in a row are alternatives."""

    kind: ClassVar[str] = "include"
    filter: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Exclude:
    """Drop the tensors that the filter fits."""

    kind: ClassVar[str] = "exclude"
    filter: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class StripPrefix:
    """Take `prefix` away from every key that begins with it; "auto": every known wrapper, until none is left."""

    kind: ClassVar[str] = "strip_prefix"
    prefix: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class AddPrefix:
    """Put `prefix` before every key."""

    kind: ClassVar[str] = "add_prefix"
    prefix: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ReplacePrefix:
    """`new` in place of `old` at the beginning of keys."""

    kind: ClassVar[str] = "replace_prefix"
    old: str
    new: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rename:
    r"""Every find of a regex becomes the replacement; groups are `\1` or `\g<name>`."""

    kind: ClassVar[str] = "rename"
    pattern: str
    replacement: str
    enabled: bool = True

    def __post_init__(self) -> None:
        compiled(self.pattern, self.replacement)


@dataclass(frozen=True, slots=True)
class Template:
    """Whole keys of the form `old`, whose parts in braces stand for text, become `new`: `h.{layer}.{rest}`."""

    kind: ClassVar[str] = "template"
    old: str
    new: str
    enabled: bool = True

    def __post_init__(self) -> None:
        self.regex()

    def regex(self) -> tuple[re.Pattern[str], str]:
        """The same as a regex and its replacement. A part called `rest` may hold dots."""
        names = _BRACES.findall(self.old)
        if len(set(names)) < len(names):
            raise BadRule(f"{self.old}: a name in braces stands twice")
        if unknown := set(_BRACES.findall(self.new)) - set(names):
            raise BadRule(f"{self.new}: there is no {{{min(unknown)}}} in {self.old}")
        pieces = _BRACES.split(self.old)
        pattern = "".join(
            re.escape(piece) if place % 2 == 0 else f"(?P<{piece}>{'.+' if piece == 'rest' else '[^.]+'})"
            for place, piece in enumerate(pieces)
        )
        replacement = _BRACES.sub(r"\\g<\1>", self.new.replace("\\", r"\\"))
        return re.compile(pattern), replacement


@dataclass(frozen=True, slots=True)
class RenameKeys:
    """Keys by hand, or from a table: old → new."""

    kind: ClassVar[str] = "rename_keys"
    keys: tuple[tuple[str, str], ...]
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class CastTo:
    """Convert floating point tensors, of those that the filter fits (all if it is empty)."""

    kind: ClassVar[str] = "cast"
    dtype: str
    filter: str = ""
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.dtype not in CASTABLE:
            raise BadRule(f"{self.dtype} is no dtype to cast to; there are {', '.join(CASTABLE)}")


@dataclass(frozen=True, slots=True)
class Sort:
    """Keys in natural order instead of the file's."""

    kind: ClassVar[str] = "sort"
    enabled: bool = True


Rule = Include | Exclude | StripPrefix | AddPrefix | ReplacePrefix | Rename | Template | RenameKeys | CastTo | Sort
RULES: tuple[type[Rule], ...] = (
    Include,
    Exclude,
    StripPrefix,
    AddPrefix,
    ReplacePrefix,
    Rename,
    Template,
    RenameKeys,
    CastTo,
    Sort,
)
BY_KIND: dict[str, type[Rule]] = {rule.kind: rule for rule in RULES}
AUTO = "auto"
_BRACES = re.compile(r"\{([A-Za-z_]\w*)\}")


def compiled(pattern: str, replacement: str) -> re.Pattern[str]:
    """The regex of a rename.

    Raises:
        BadRule: it or its replacement is malformed.

    """
    try:
        found = re.compile(pattern)
        # A template is read when something is found: the empty alternative always is.
        re.compile(f"(?:{pattern})|").sub(replacement, "")
    except (re.error, IndexError) as error:
        raise BadRule(f"{pattern}=>{replacement}: {error}") from error
    return found


def told(rule: Rule) -> str:
    """A rule in a few words, for lists and messages."""
    match rule:
        case Include(filter=text):
            return f"include {text}"
        case Exclude(filter=text):
            return f"exclude {text}"
        case StripPrefix(prefix=prefix):
            return "strip wrappers" if prefix == AUTO else f"strip {prefix}"
        case AddPrefix(prefix=prefix):
            return f"add {prefix}"
        case ReplacePrefix(old=old, new=new) | Template(old=old, new=new):
            return f"{old} → {new}"
        case Rename(pattern=pattern, replacement=replacement):
            return f"/{pattern}/ → {replacement}"
        case RenameKeys(keys=keys):
            return f"{keys[0][0]} → {keys[0][1]}" if len(keys) == 1 else f"rename {len(keys):,} keys"
        case CastTo(dtype=dtype, filter=text):
            return f"cast to {dtype}" + (f": {text}" if text else "")
        case Sort():
            return "sort keys"


def to_plain(rule: Rule) -> dict[str, Any]:
    """A rule as a table of a recipe."""
    plain: dict[str, Any] = {"rule": rule.kind}
    for item in fields(rule):
        value = getattr(rule, item.name)
        if item.name == "enabled":
            if not value:
                plain["enabled"] = False
        elif item.name == "keys":
            plain["keys"] = [list(pair) for pair in value]
        elif value != item.default:
            plain[item.name] = value
    return plain


def from_plain(plain: dict[str, Any]) -> Rule:
    """The rule of a table of a recipe.

    Raises:
        BadRule: no such rule, or its arguments are not what it takes.

    """
    given = dict(plain)
    kind = given.pop("rule", None)
    made = BY_KIND.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise BadRule(f"there is no rule {kind!r}; there are {', '.join(BY_KIND)}")
    known = {item.name: item for item in fields(made)}
    if unknown := set(given) - set(known):
        raise BadRule(f"{kind} takes no {min(unknown)!r}")
    for name, value in given.items():
        wanted = bool if name == "enabled" else list if name == "keys" else str
        if not isinstance(value, wanted):
            raise BadRule(f"{kind}: {name} is {value!r}, no {wanted.__name__}")
    if "keys" in given:
        pairs = given["keys"]
        if not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair) for pair in pairs
        ):
            raise BadRule(f"{kind}: keys are pairs of old and new")
        given["keys"] = tuple((old, new) for old, new in pairs)
    try:
        return made(**given)
    except TypeError as error:
        raise BadRule(f"{kind} lacks an argument") from error


@dataclass(frozen=True, slots=True)
class WrapperUse:
    """A known wrapper and how many keys begin with it."""

    prefix: str
    title: str
    keys: int


def wrappers_in(keys: Sequence[str]) -> tuple[WrapperUse, ...]:
    """The known wrappers that keys begin with, the most common first."""
    prefixes = tuple(wrapper.prefix for wrapper in WRAPPERS)
    # Most files have none: one look at each key has to do.
    wrapped = [key for key in keys if key.startswith(prefixes)]
    counts = {prefix: sum(key.startswith(prefix) for key in wrapped) if wrapped else 0 for prefix in prefixes}
    found = [WrapperUse(wrapper.prefix, wrapper.title, counts[wrapper.prefix]) for wrapper in WRAPPERS]
    return tuple(sorted((use for use in found if use.keys), key=lambda use: -use.keys))
