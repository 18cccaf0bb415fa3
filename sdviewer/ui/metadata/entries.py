"""Entries: JSON-ready metadata laid out as rows of a tree, in the order in which they are read.

Lists of numbers stay one row, and so does what stands for something else (bytes, a global, a reference).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sdviewer.checkpoint.metadata import NamedDict, NamedList
from sdviewer.checkpoint.names import decode_part
from sdviewer.checkpoint.wording import plural, shown
from sdviewer.control import Control
from sdviewer.ui.scalars import words

MOST_ENTRIES = 100_000
# For each list: the reader keeps a list of plain values whole, be it a million of them.
_MOST_CHILDREN = 1_000
_LONGEST_LINE = 300
_LONGEST_SEARCHED = 100_000
_MOST_SEARCHED = 10_000
_PIECES_IN_LINE = 8
_DEEPEST_IN_LINE = 2
_ENTRIES_BETWEEN_LOOKS = 1_000
# Shared by all that have no children: a hundred thousand empty lists would be only a burden.
_NOTHING: list[int] = []

_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
# An object with one of these sets of keys stands for something that JSON has no type for.
_STANDINS = {
    frozenset({"$bytes"}): "bytes",
    frozenset({"$global"}): "global",
    frozenset({"$complex"}): "complex",
    frozenset({"$ref"}): "reference",
    frozenset({"$tensor"}): "tensor",
    frozenset({"$storage", "elements"}): "storage",
    frozenset({"$text", "$more"}): "str",
    frozenset({"$more"}): "more",
}


@dataclass(frozen=True, eq=False, slots=True)
class Entries:
    """Lists with one item an entry, preorder; entry 0 is the root, which is shown as its children.

    Attributes:
        keys: parts of canonical names: "lr", "[0]"; "$args" and "$items" of objects; "…" for what is left out.
        values: the JSON-ready values.
        parents: -1 for the root.
        children: of each container its entries, empty for all else.
        places: of each entry its place among those of its parent.
        searched: what a search looks at, case folded.

    """

    keys: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)

    def path(self, entry: int) -> str:
        """The canonical name of an entry, from the root on."""
        parts = []
        while entry > 0:
            parts.append(self.keys[entry])
            entry = self.parents[entry]
        return "/".join(reversed(parts))

    def depth(self, entry: int) -> int:
        """0 for the children of the root."""
        depth = -1
        while entry > 0:
            depth += 1
            entry = self.parents[entry]
        return depth


def entries_of(value: Any, label: str = "", control: Control | None = None) -> Entries:
    """The entries of a value; one that is no container is the only row, called `label`.

    Raises:
        Cancelled: `control` was cancelled.
    """
    control = control or Control()
    found = Entries()
    parts = parts_of(value)
    is_empty = isinstance(value, dict | list) and not value
    _add(found, "", value, -1, is_leaf=False)
    # The next one last.
    waiting = [(0, key, part) for key, part in reversed(parts or ([] if is_empty else [(label, value)]))]
    while waiting:
        if len(found) >= MOST_ENTRIES:
            _add(found, "…", {"$more": len(waiting)}, 0, is_leaf=True)
            break
        parent, key, part = waiting.pop()
        inner = parts_of(part)
        entry = _add(found, key, part, parent, is_leaf=inner is None)
        waiting += [(entry, *pair) for pair in reversed(inner or ())]
        if entry % _ENTRIES_BETWEEN_LOOKS == 0:
            control.report(entry, MOST_ENTRIES)
    return found


def _add(found: Entries, key: str, value: Any, parent: int, *, is_leaf: bool) -> int:
    entry = len(found)
    found.keys.append(key)
    found.values.append(value)
    found.parents.append(parent)
    found.children.append(_NOTHING)
    siblings = found.children[parent] if parent >= 0 else _NOTHING
    if siblings is _NOTHING and parent >= 0:
        siblings = found.children[parent] = []
    found.places.append(len(siblings))
    if parent >= 0:
        siblings.append(entry)
    # Of a container its parts are found themselves.
    text = whole_text(value) if is_leaf else type_of(value) if _is_opaque(value) else ""
    found.searched.append(f"{key_label(key)}\0{text[:_LONGEST_SEARCHED]}".casefold())
    return entry


def parts_of(value: Any) -> list[tuple[str, Any]] | None:
    """Keys and values of what is shown as a container, None for what is one row."""
    match value:
        case {"$opaque": str(), "args": list(args), "state": dict(state)}:
            beside = [("$args", args)] if args else []
            if value.get("items"):
                beside.append(("$items", value["items"]))
            return [*beside, *_entries(state)] or None
        case dict() if value and frozenset(value) not in _STANDINS:
            return _entries(value)
        case list() if value and not is_row(value):
            cut = len(value) > _MOST_CHILDREN + 1
            parts = [
                ("…", item) if _is_more(item) else (f"[{place}]", item)
                for place, item in enumerate(value[:_MOST_CHILDREN] if cut else value)
            ]
            return [*parts, ("…", {"$more": len(value) - _MOST_CHILDREN})] if cut else parts
    return None


def _entries(value: dict[str, Any]) -> list[tuple[str, Any]]:
    last = next(reversed(value), None)
    if last == "$more" and isinstance(value[last], int) and not isinstance(value[last], bool):
        return [*list(value.items())[:-1], ("…", {"$more": value[last]})]
    return list(value.items())


def is_row(value: Sequence[Any]) -> bool:
    """Whether a list holds numbers alone."""
    return all(
        isinstance(item, int | float) or item is None or item in _NOT_FINITE or _is_more(item) for item in value
    ) and any(isinstance(item, int | float) for item in value)


def _is_more(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"$more"}


def type_of(value: Any) -> str:
    """What a value is, in a word: what the file says, else what JSON says; of an object the name of its class."""
    match value:
        case NamedDict() | NamedList():
            return value.type_name
        case {"$opaque": str(name), "args": list(), "state": dict()}:
            return name
        case dict():
            return _STANDINS.get(frozenset(value), "mapping")
        case list():
            return "sequence"
        case None:
            return "None"
    return type(value).__name__


def is_container(value: Any) -> bool:
    """Whether a value is a list or a mapping, and does not stand for something else."""
    if isinstance(value, dict):
        return isinstance(value, NamedDict) or type_of(value) == "mapping"
    return isinstance(value, list)


def size_of(value: dict[str, Any] | list[Any]) -> int:
    """How many entries a container has, those left out counted as well."""
    last: Any = None
    if value:
        last = {"$more": value["$more"]} if isinstance(value, dict) and "$more" in value else value
        last = value[-1] if isinstance(value, list) else last
    more = last["$more"] if _is_more(last) else 0
    return len(value) - 1 + more if isinstance(more, int) and more else len(value)


def key_label(key: str) -> str:
    """A key as it is shown: without the escapes of names, and unseen characters as theirs."""
    if key.isascii() and key.isprintable() and "~" not in key and 0 < len(key) <= _LONGEST_LINE:
        return key
    part = decode_part(key) if "~" in key else key
    return shown(part if isinstance(part, str) else key, _LONGEST_LINE) if key else '""'


def line_of(value: Any, depth: int = 0) -> str:
    """A value on one line; of a container its first parts."""
    limit = _LONGEST_LINE
    match value:
        case str():
            if len(value) <= limit:
                return shown(words(value), 2 * limit)
            return f"{shown(words(value[:limit] + '…'), 2 * limit)} ({len(value):,} characters)"
        case {"$opaque": str(name), "args": list(args), "state": dict(state)}:
            short = shown(name.rpartition(".")[2], 80)
            # What was called without arguments and then filled is not shown as called.
            inner = f"{short}({_items(args, depth)})" if args or not state else short
            inner += f" [{_items(value['items'], depth)}]" if value.get("items") else ""
            return _cut(inner + (f" {{{_pairs(state, depth)}}}" if state else ""))
        case {"$ref": str(name)} if len(value) == 1:
            return f"→ {shown(name, limit)}" if name else "→ the whole"
        case {"$tensor": str(name)} if len(value) == 1:
            return f"tensor {shown(name, limit)}"
        case {"$more": int(count)} if len(value) == 1:
            return f"{count:,} more not shown"
        case {"$storage": str(dtype), "elements": int(count)} if len(value) == 2:
            return f"storage of {plural(count, 'element')}, {shown(dtype, 40)}"
        case {"$text": str(text), "$more": int(more)} if len(value) == 2:
            return f"{shown(words(text[:limit] + '…'), 2 * limit)} ({more:,} more not read)"
        case dict() if frozenset(value) in _STANDINS:
            return shown(words(value), limit)
        case dict():
            return _cut(f"{{{_pairs(value, depth)}}}")
        case list():
            return _cut(f"[{_items(value, depth)}]")
    return words(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…"


def _items(values: Sequence[Any], depth: int) -> str:
    if depth >= _DEEPEST_IN_LINE and values:
        return "…"
    # Of numbers as many as the line holds.
    most = 10 * _PIECES_IN_LINE if is_row(values[:1]) else _PIECES_IN_LINE
    told = ", ".join("…" if _is_more(item) else line_of(item, depth + 1) for item in values[:most])
    return told + (f", … ({len(values):,})" if len(values) > most else "")


def _pairs(value: dict[str, Any], depth: int) -> str:
    if depth >= _DEEPEST_IN_LINE and value:
        return "…"
    pairs = [(key, item) for (key, item), _ in zip(value.items(), range(_PIECES_IN_LINE), strict=False)]
    told = ", ".join("…" if key == "$more" else f"{key_label(key)}: {line_of(item, depth + 1)}" for key, item in pairs)
    return told + (f", … ({len(value):,})" if len(value) > len(pairs) else "")


def whole_text(value: Any) -> str:
    """A value that is one row, more fully than on a line: a text whole, of numbers the first ten thousand."""
    match value:
        case str():
            return value
        case None | int() | float():
            return str(value)
        case {"$text": str(text), "$more": int()}:
            return text
        case list():
            more = f", … ({len(value):,})" if len(value) > _MOST_SEARCHED else ""
            told = (line_of(item) if isinstance(item, dict) else words(item) for item in value[:_MOST_SEARCHED])
            return f"[{', '.join(told)}{more}]"
    return line_of(value)


def is_small(entries: Entries, entry: int, most: int) -> bool:
    """Whether at most `most` entries lie below one."""
    waiting, seen = [entry], 0
    while waiting:
        children = entries.children[waiting.pop()]
        seen += len(children)
        if seen > most:
            return False
        waiting += children
    return True


def _is_opaque(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("$opaque"), str)


def dissolve(entries: Entries, control: Control) -> None:
    """Let entries go piece by piece: a hundred thousand at once stop everything for a tenth of a second.

    Raises:
        Cancelled: `control` was cancelled.
    """
    while entries.values:
        control.check()
        for value in reversed(entries.values[-_ENTRIES_BETWEEN_LOOKS:]):
            # In this order parts come before what holds them.
            if isinstance(value, dict | list):
                value.clear()
        for column in (entries.values, entries.keys, entries.children, entries.searched):
            del column[-_ENTRIES_BETWEEN_LOOKS:]


def found_in(entries: Entries, text: str, control: Control | None = None) -> list[int]:
    """The entries whose key or value holds a text, without regard to case, in order.

    Raises:
        Cancelled: `control` was cancelled.
    """
    control = control or Control()
    wanted = text.casefold()
    hits: list[int] = []
    for first in range(1, len(entries), _ENTRIES_BETWEEN_LOOKS):
        control.check()
        part = entries.searched[first : first + _ENTRIES_BETWEEN_LOOKS]
        hits += [first + place for place, searched in enumerate(part) if wanted in searched]
    return hits
