"""DistributionHolder: the place of a distribution, before and after the plotting library is there."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sdviewer.ui.bridge import Bridge
from sdviewer.ui.detail.measuring import Measured
from sdviewer.ui.plots.late import LatePicture
from sdviewer.ui.plots.library import PlotLibrary

if TYPE_CHECKING:
    from sdviewer.ui.plots.distribution.view import DistributionView

Shown = Sequence[tuple[str, Measured]]


class DistributionHolder(LatePicture["DistributionView"]):
    """Keeps what it shall show until it can; `view` is None until then."""

    message = Signal(str)
    """What was saved or copied, or why not."""

    drawn = Signal()
    """The distribution is in sight."""

    def __init__(
        self,
        bridge: Bridge,
        library: PlotLibrary,
        slot: Hashable,
        parent: QWidget | None = None,
        *,
        compact: bool = False,
    ) -> None:
        def make() -> DistributionView:
            from sdviewer.ui.plots.distribution.view import DistributionView

            view = DistributionView(bridge, slot, compact=compact)
            view.message.connect(self.message)
            return view

        super().__init__(library, make, parent)

    @property
    def is_settled(self) -> bool:
        """Whether what it shall show is in sight."""
        return not self.is_waiting and (self.view is None or self.view.isHidden() or self.view.is_settled)

    def show_measured(self, shown: Shown) -> None:
        """Draw these tensors now, or as soon as the library is there."""

        def show(view: DistributionView) -> None:
            view.show_measured(shown)
            self.drawn.emit()

        self.use(show)

    def blank(self) -> None:
        """Show nothing in the place where the next distribution will be; read nothing."""
        self._waiting = None
        if self.view is not None:
            self.view.show_measured(())

    def clear(self) -> None:
        """Show nothing, read nothing."""
        super().clear()
        if self.view is not None:
            self.view.stop()
