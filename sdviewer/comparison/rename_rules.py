r"""Rename rules: what a list of pairs of names has in common, as few `REGEX=>REPLACEMENT` as will do.

A rule replaces segments at the start of a key or inside it; numbers in them stand for any number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sdviewer.checkpoint.wrappers import WRAPPERS
from sdviewer.comparison.matching import Replacement

_MOST_RULES = 50
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class RenameRule:
    """One rule, and how many of the keys it was made from become right by it.

    `text` is `REGEX=>REPLACEMENT`, as `--map` and `--rename` take it.
    """

    pattern: str
    replacement: str
    keys: int

    @property
    def text(self) -> str:
        """As the command line takes it."""
        return f"{self.pattern}=>{self.replacement}"

    def apply(self, key: str) -> str:
        """The key after the rule."""
        return Replacement(re.compile(self.pattern), self.replacement).apply(key)


def rename_rules(pairs: Iterable[tuple[str, str]], least: int = 3) -> tuple[RenameRule, ...]:
    """Rules, to be applied one after the other, that turn old keys into new ones; most useful first.

    `pairs` are (old, new). A rule is taken only if every old key that it changes becomes its new one, and
    if at least `least` keys do.
    """
    left = {old: new for old, new in pairs if old != new}
    rules, missed = _rules(left, least)
    if missed:
        # A wrapper around all keys hides what else was renamed in them.
        for before, after, inner in _unwrapped(left):
            found, still_missed = _rules({old: new for old, new in inner.items() if old != new}, least)
            if not still_missed:
                return (*before, *found, *after)
    return rules


def _unwrapped(
    pairs: dict[str, str],
) -> Iterator[tuple[tuple[RenameRule, ...], tuple[RenameRule, ...], dict[str, str]]]:
    """(rules before, rules after, pairs between them) where all keys of one side alone begin with a wrapper."""
    for wrapper in WRAPPERS:
        prefix = wrapper.prefix
        olds = [old.startswith(prefix) for old in pairs]
        news = [new.startswith(prefix) for new in pairs.values()]
        if all(olds) and not any(news):
            rule = RenameRule(f"^{re.escape(prefix)}", "", len(pairs))
            yield (rule,), (), {old.removeprefix(prefix): new for old, new in pairs.items()}
        elif all(news) and not any(olds):
            rule = RenameRule("^", prefix, len(pairs))
            yield (), (rule,), {old: new.removeprefix(prefix) for old, new in pairs.items()}


def _rules(left: dict[str, str], least: int) -> tuple[tuple[RenameRule, ...], dict[str, str]]:
    """Rules for these pairs, and the pairs that they do not bring home."""
    left = dict(left)
    rules: list[RenameRule] = []
    tried: set[tuple[str, str]] = set()
    done: set[str] = set()
    while left and len(rules) < _MOST_RULES:
        counted = Counter(form for old, new in left.items() for form in _forms(old, new) if form not in tried)
        if not counted:
            break
        # Of equally common ones the first seen is the simplest.
        form, count = counted.most_common(1)[0]
        if count < least:
            break
        tried.add(form)
        rule = Replacement(re.compile(form[0]), form[1])
        right = [old for old, new in left.items() if rule.apply(old) == new]
        harmless = all(rule.apply(old) in (old, new) for old, new in left.items())
        # What an earlier rule has put right must stay so.
        if len(right) >= least and harmless and all(rule.apply(key) == key for key in done):
            rules.append(RenameRule(*form, keys=len(right)))
            # What did harm before may do none now that others are right.
            tried = set()
            done.update(left[old] for old in right)
            for old in right:
                del left[old]
    return tuple(rules), left


def _forms(old: str, new: str) -> list[tuple[str, str]]:
    """Rules that turn one key into another: at its start, and where they differ."""
    a, b = old.split("."), new.split(".")
    tail = _common(a[::-1], b[::-1])
    head = _common(a, b)
    head = min(head, len(a) - tail, len(b) - tail) if head + tail > min(len(a), len(b)) else head
    forms = []
    start_a, start_b = a[: len(a) - tail], b[: len(b) - tail]
    if (form := _form(start_a, start_b, "^", "", ends=tail == 0)) is not None:
        forms.append(form)
    if head:
        middle = _form(a[head : len(a) - tail], b[head : len(b) - tail], r"(^|\.)", r"\1", ends=tail == 0)
        if middle is not None and middle not in forms:
            forms.append(middle)
    return forms


def _form(old: Sequence[str], new: Sequence[str], anchor: str, kept: str, *, ends: bool) -> tuple[str, str] | None:
    """`old` segments to `new` ones, numbers generalised where both have the same in the same order."""
    text, target = ".".join(old), ".".join(new)
    numbers = _DIGITS.findall(text)
    group = anchor.count("(")
    if numbers and numbers == _DIGITS.findall(target):
        pattern = r"(\d+)".join(re.escape(part) for part in _DIGITS.split(text))
        pieces = [_literal(part) for part in _DIGITS.split(target)]
        target = pieces[0] + "".join(f"\\g<{group + i + 1}>{piece}" for i, piece in enumerate(pieces[1:]))
    else:
        pattern, target = re.escape(text), _literal(target)
    if target[:1].isdigit():
        # A digit behind it would make it another group.
        kept = kept and r"\g<1>"
    if ends:
        if not target:
            return None
        return f"{anchor}{pattern}$", f"{kept}{target}"
    behind = r"\." if text else ""
    return f"{anchor}{pattern}{behind}", f"{kept}{target}{'.' if target else ''}"


def _literal(text: str) -> str:
    return text.replace("\\", r"\\")


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count
