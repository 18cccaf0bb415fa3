"""KeyTable: the keys of a view, from which it learns what to do and F1 what to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

_SHIFT, _KEYPAD = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.KeypadModifier
_SIGNS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "-": "−"}
_MOST_TOLD = 2

MOVES = ("Up", "Down", "PgUp", "PgDown", "Home", "End")


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What some keys do.

    Attributes:
        name: how the view's code calls it; "" for what Qt itself does with these keys.
        keys: as `QKeySequence` reads them.
        tip: one sentence.
        told: how the keys are told, where that is not by their names.

    """

    name: str
    keys: tuple[str, ...]
    tip: str
    told: str = ""


class KeyTable:
    """The keys of one view."""

    def __init__(self, title: str, specs: Sequence[KeySpec]) -> None:
        self.title, self.specs = title, tuple(specs)
        self._names = {_combined(key): spec.name for spec in specs for key in spec.keys}

    def find(self, event: QKeyEvent) -> str:
        """The name of what a key does, "" if it is none of the view's own."""
        modifiers, key = event.modifiers() & ~_KEYPAD, Qt.Key(event.key())
        name = self._names.get(QKeyCombination(modifiers, key).toCombined(), "")
        if not name and modifiers == _SHIFT and event.text().isprintable() and not event.text().isalnum():
            # On some keyboards a sign is typed with Shift.
            name = self._names.get(QKeyCombination(key).toCombined(), "") if event.text() else ""
        return name

    def sequence(self, name: str) -> QKeySequence:
        """The first key for something."""
        return QKeySequence(next(spec.keys[0] for spec in self.specs if spec.name == name))

    def rows(self) -> list[tuple[str, str]]:
        """Keys and tips, for people."""
        return [(spec.told or _told(spec.keys), spec.tip) for spec in self.specs]


def with_modifier(modifier: str, keys: Sequence[str]) -> tuple[str, ...]:
    """`("Shift+Up", …)`."""
    return tuple(f"{modifier}+{key}" for key in keys)


def _combined(key: str) -> int:
    return int(QKeySequence(key)[0].toCombined())  # type: ignore[index]  # the stub has no items


def _told(keys: Sequence[str]) -> str:
    return ", ".join(map(_pretty, keys)) if len(keys) <= _MOST_TOLD else f"{_pretty(keys[0])} …"


def _pretty(key: str) -> str:
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    before, plus, last = text.rpartition("+") if len(text) > 1 else ("", "", text)
    return f"{before}{plus}{_SIGNS.get(last, last)}"
