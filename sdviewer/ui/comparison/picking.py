"""Picking: two tensors are compared that are selected together, or one after the other in whichever open files."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from sdviewer.checkpoint.wording import cut_in_middle, shown
from sdviewer.ui.document.tab import DocumentTab
from sdviewer.ui.translating import tr

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Picked:
    """A tensor of a file: its canonical name."""

    path: str
    name: str

    @property
    def label(self) -> str:
        """In short, for a menu."""
        return cut_in_middle(shown(self.name), _LONGEST_NAME).replace("&", "&&")


class Picking(QObject):
    """Two actions of the window: `pick` remembers the selected tensor, `compare` says what it would compare."""

    chosen = Signal(object, object)
    """These two shall be compared: each a `Picked`."""

    message = Signal(str)

    def __init__(self, pick: QAction, compare: QAction, parent: QObject) -> None:
        super().__init__(parent)
        self._pick, self._compare = pick, compare
        self._usual = compare.text()
        self._picked: Picked | None = None
        self._selected: tuple[Picked, ...] = ()

    @property
    def pair(self) -> tuple[Picked, Picked] | None:
        """What would be compared: two that are selected, else the one that was picked with the one that is."""
        if len(self._selected) == len(("a", "b")):
            return self._selected[0], self._selected[1]
        if len(self._selected) == 1 and self._picked not in (None, self._selected[0]):
            assert self._picked is not None  # noqa: S101  # it is not among these
            return self._picked, self._selected[0]
        return None

    def follow(self, tab: DocumentTab | None) -> None:
        """The selection is another one, or another file is in front."""
        self._selected = _selected_in(tab)
        pair = self.pair
        text = self._usual
        if pair is not None:
            text = "Compare &These Two Tensors" if len(self._selected) > 1 else f"Compare &with {pair[0].label}"
        self._pick.setEnabled(len(self._selected) == 1)
        self._compare.setEnabled(pair is not None)
        self._compare.setText(text)

    def pick(self) -> None:
        """Remember the selected tensor."""
        if len(self._selected) == 1:
            self._picked = self._selected[0]
            name = cut_in_middle(shown(self._picked.name), _LONGEST_NAME)
            self.message.emit(
                tr("{name} is picked: select the tensor, of any open file, that it is compared with.", name=name)
            )

    def compare(self) -> None:
        """Compare what the action says."""
        if self.pair is not None:
            self.chosen.emit(*self.pair)


def _selected_in(tab: DocumentTab | None) -> tuple[Picked, ...]:
    """The selected tensors, of more than two only that there are more."""
    if tab is None or tab.loaded is None:
        return ()
    names = tab.loaded.checkpoint.table.name
    return tuple(Picked(tab.path, names[row]) for row in tab.browser.selected_tensors(3))
