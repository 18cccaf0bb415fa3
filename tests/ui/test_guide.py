"""Help shows the README, whole, with its pictures, and finds what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sdviewer.resource_files import guide_path
from sdviewer.ui import guide
from sdviewer.ui.guide import Guide, guide_text
from sdviewer.ui.main_window import MainWindow
from sdviewer.ui.theme import DARK, Theme, apply_theme
from tests.ui.looking import shades

_IMAGE = QTextDocument.ResourceType.ImageResource.value


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot) -> Iterator[Guide]:
    apply_theme(Theme.LIGHT)
    made = Guide()
    made.resize(900, 700)
    made.show()
    qtbot.waitUntil(lambda: made.page.is_settled)
    yield made
    made.close()
    del qapp


def pictures_of(page: guide.GuidePage) -> list[tuple[str, int]]:
    """The name of each picture in the text, and how wide it is shown."""
    found, block = [], page.document().begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            form = pieces.fragment().charFormat()
            if form.isImageFormat():
                name = form.toImageFormat().name()
                image = page.loadResource(_IMAGE, QUrl(name))
                assert isinstance(image, QImage)
                found.append((name, image.width()))
            pieces += 1
        block = block.next()
    return found


def test_the_menu_opens_it_once_and_escape_closes_it(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Guide] = []

    def come_to_the_front(window: Guide) -> None:
        raised.append(window)

    monkeypatch.setattr(Guide, "raise_", come_to_the_front)
    window = MainWindow()
    window.show()
    window.actions_by_name["guide"].trigger()
    window.actions_by_name["guide"].trigger()
    (shown,) = window.findChildren(Guide)
    assert raised == [shown]
    assert shown.isVisible()
    assert not shown.isModal()
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(Guide))
    window.close()
    window.deleteLater()
    del qapp


def test_every_heading_is_among_the_contents_and_leads_to_its_place(opened: Guide) -> None:
    titles = [line.lstrip("# ") for line in outside_code(guide_text()) if line.startswith("#")]
    listed = [opened.headings.item(row).text().strip() for row in range(opened.headings.count())]
    assert listed == titles
    bar = opened.page.verticalScrollBar()
    assert bar.value() == 0
    places = []
    for row in range(1, opened.headings.count()):
        opened.headings.setCurrentRow(row)
        places.append(bar.value())
        assert opened.page.textCursor().block().text() == titles[row]
    assert places == sorted(places)
    assert places[0] > 0


def test_keys_scroll_and_copy(opened: Guide, qapp: QApplication) -> None:
    bar = opened.page.verticalScrollBar()
    places = [bar.value()]
    for key in (Qt.Key.Key_Down, Qt.Key.Key_PageDown):
        QTest.keyClick(opened.page, key)
        places.append(bar.value())
    assert places == sorted(set(places))
    opened.page.selectAll()
    QTest.keyClick(opened.page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "Each of these is held by a test." in qapp.clipboard().text()


def outside_code(text: str) -> list[str]:
    return "".join(part for n, part in enumerate(text.split("```")) if n % 2 == 0).splitlines()


def test_every_picture_is_shown_as_wide_as_the_page_at_most(opened: Guide, qtbot: QtBot) -> None:
    names = sorted(Path(name).name for name, _ in pictures_of(opened.page))
    assert names == sorted(path.name for path in (guide_path().parent / "resources" / "pictures").iterdir())
    before = pictures_of(opened.page)
    assert {width for _, width in before} == {opened.page.viewport().width() - 48}
    opened.resize(700, 700)
    qtbot.waitUntil(lambda: not opened.page.is_settled)
    qtbot.waitUntil(lambda: opened.page.is_settled)
    assert all(a[1] > b[1] for a, b in zip(before, pictures_of(opened.page), strict=True))


def test_nothing_is_loaded_from_anywhere_else(opened: Guide) -> None:
    for address in ("https://example.org/a.png", "file:///etc/hostname"):
        assert opened.page.loadResource(_IMAGE, QUrl(address)) is None
    style = QTextDocument.ResourceType.StyleSheetResource.value
    assert opened.page.loadResource(style, QUrl("resources/pictures/window.png")) is None


def test_what_only_the_source_needs_is_left_out() -> None:
    text = guide_text()
    assert "<!--" not in text
    assert "](ARCHITECTURE.md)" not in text
    assert "ARCHITECTURE.md is one page" in text
    assert "[test]" not in text
    assert "Nothing that a file names is imported" in text


def test_finds_are_counted_gone_through_and_gone_round(opened: Guide, qtbot: QtBot) -> None:
    line = opened.find_line
    QTest.keyClicks(line.line, "load-check")
    qtbot.waitUntil(lambda: bool(line.count.text()))
    count = opened.page.toPlainText().lower().count("load-check")
    assert line.count.text() == f"1 of {count}"
    assert len(opened.page.extraSelections()) == count
    QTest.keyClick(line.line, Qt.Key.Key_Return)
    assert line.count.text() == f"2 of {count}"
    for _ in range(2):
        QTest.keyClick(line.line, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert line.count.text() == f"{count} of {count}"
    assert opened.page.verticalScrollBar().value() > 0
    line.line.setText("xyzzy")
    qtbot.waitUntil(lambda: line.count.text() == "not found")
    assert opened.page.extraSelections() == []


def test_a_new_theme_is_followed_and_the_place_is_kept(opened: Guide, qtbot: QtBot) -> None:
    bar = opened.page.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    apply_theme(Theme.DARK)
    qtbot.waitUntil(lambda: not opened.page.is_settled)
    qtbot.waitUntil(lambda: opened.page.is_settled)
    image = opened.page.viewport().grab().toImage()
    assert image.pixelColor(2, 2).name() == DARK.base
    assert shades(image) > 20
    assert abs(bar.value() - bar.maximum() // 2) < 20
    apply_theme(Theme.LIGHT)


def test_it_is_laid_out_by_few_edits(opened: Guide, qtbot: QtBot) -> None:
    """Each edit of a page that is seen lays it out from there to its end."""
    qtbot.waitUntil(lambda: opened.page.is_settled)
    edits: list[int] = []
    opened.page.document().contentsChange.connect(lambda *_: edits.append(1))
    opened.page._lay_out()
    assert 0 < len(edits) < 10


def test_an_installation_without_it_says_so(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise FileNotFoundError("sdviewer was installed without README.md")

    monkeypatch.setattr(guide, "guide_path", missing)
    made = Guide()
    assert "installed without README.md" in made.page.toPlainText()
    made.close()
    made.deleteLater()
    del qapp
