"""Reports: what differs as Markdown, JSON or CSV, copied or saved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from sdviewer.checkpoint.saving import save_whole
from sdviewer.checkpoint.wording import bytes_for_people, shown
from sdviewer.comparison.comparing import Comparison
from sdviewer.comparison.report import as_json, csv_pieces, markdown_lines
from sdviewer.comparison.standing import Standing
from sdviewer.control import Control
from sdviewer.errors import CannotWrite
from sdviewer.jobs.runner import Lane
from sdviewer.training import resume_report
from sdviewer.training.resuming import Resuming, compare_optimizers
from sdviewer.ui.bridge import Bridge
from sdviewer.ui.pane_tasks import PaneTasks
from sdviewer.ui.translating import tr

_AT_ONCE = 256

Paths = tuple[str, str]


def _optimizers(found: Comparison) -> Resuming:
    """Of two files with all their pairs, as the command line tells them."""
    a, b = found.matching.a, found.matching.b
    is_whole = a.section is not None and b.section is not None and a.checkpoint is not b.checkpoint
    return compare_optimizers(a.checkpoint, b.checkpoint) if is_whole else Resuming((), (), ())


def _markdown(found: Comparison, _: Paths) -> Iterable[str]:
    lines = (*markdown_lines(found), *resume_report.markdown_lines(_optimizers(found)))
    return (f"{line}\n" for line in lines)


def _json(found: Comparison, paths: Paths) -> Iterable[str]:
    return (as_json(found, *paths, resume_report.resume_facts(_optimizers(found))) + "\n",)


def _csv(found: Comparison, _: Paths) -> Iterable[str]:
    return csv_pieces(found)


FORMS: dict[str, tuple[str, Callable[[Comparison, Paths], Iterable[str]]]] = {
    "Markdown": ("md", _markdown),
    "JSON": ("json", _json),
    "CSV": ("csv", _csv),
}


class Reports(PaneTasks):
    """Fills a menu; what is asked for is made in a job, of what is known at that moment."""

    def __init__(self, bridge: Bridge, slot: Hashable, menu: QMenu, parent: QWidget) -> None:
        super().__init__(bridge, slot, Lane.COMPUTING, parent)
        self._window = parent
        self._standing: Standing | None = None
        self._paths: Paths = ("", "")
        for form in FORMS:
            menu.addAction(tr("Copy as {form}", form=form), partial(self.copy, form))
        menu.addSeparator()
        for form in FORMS:
            menu.addAction(tr("Save as {form}…", form=form), partial(self.ask, form))

    def show_standing(self, standing: Standing, paths: Paths) -> None:
        """What reports are of."""
        self._standing, self._paths = standing, paths

    def copy(self, form: str) -> None:
        """Put a report on the clipboard."""
        standing, paths = self._standing, self._paths
        if standing is None:
            return

        def work(control: Control) -> str:
            return "".join(_pieces(standing, form, paths, control))

        def tell(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.done.emit(tr("Copied the report as {form}.", form=form))

        self.start_copy(f"Copying the report as {form}", work, tell)

    def ask(self, form: str) -> None:
        """Ask for a name and save a report there."""
        ending = FORMS[form][0]
        stems = [Path(path).name.split(".")[0] or "checkpoint" for path in self._paths]
        target = Path(self._paths[0]).absolute().parent / f"{stems[0]}-{stems[1]}-diff.{ending}"
        dialog = QFileDialog(
            self._window, tr("Save the Report as {form}", form=form), str(target), f"{form} (*.{ending})"
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.fileSelected.connect(lambda name: self.save(form, name))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save(self, form: str, target: str) -> None:
        """Write a report into a file, which none of both checkpoints may be."""
        standing, paths = self._standing, self._paths
        if standing is None:
            return
        name = shown(Path(target).name, 60)

        def work(control: Control) -> int:
            other = standing.matching.b.checkpoint
            specs = {spec.path for spec in other.sources.specs if spec.kind == "file"}
            if Path(target).exists() and any(Path(spec).exists() and Path(target).samefile(spec) for spec in specs):
                raise CannotWrite("is a file of the checkpoint", file=target, hint=tr("choose another name"))
            pieces = (piece.encode("utf-8", "backslashreplace") for piece in _pieces(standing, form, paths, control))
            return save_whole(standing.matching.a.checkpoint, target, lambda file: file.writelines(pieces))

        def tell(written: int) -> None:
            self.done.emit(tr("Saved {name}, {written}.", name=name, written=bytes_for_people(written)))

        self.start_save(f"Saving {name}", work, tell)


def _pieces(standing: Standing, form: str, paths: Paths, control: Control) -> Iterable[str]:
    for count, piece in enumerate(FORMS[form][1](standing.comparison(), paths)):
        if count % _AT_ONCE == 0:
            control.check()
        yield piece
