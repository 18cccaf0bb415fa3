"""tr: the words of the window in the language of whoever reads them, in English where nobody has translated them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QLocale, QTranslator

from sdviewer.resource_files import resource_path

CONTEXT = "sdviewer"
"""Under which all messages stand in the .ts files."""

_SOURCE = "en"


def tr(text: str, /, **values: object) -> str:
    """The text in the language in force, with its `{fields}` filled as `str.format` does.

    Without values it is taken as it is, braces and all. The text is a literal: a script collects them.
    """
    translator = _translator()
    found = (translator.translate(CONTEXT, text) or text) if translator is not None else text
    return found.format(**values) if values else found


def translation_file(languages: list[str]) -> Path | None:
    """The translation into the first of these languages that there is one for; None for English, or if there is none.

    A language is named as in `QLocale.uiLanguages`: "de-CH", "de".
    """
    for language in languages:
        name = language.replace("-", "_")
        for known in (name, name.partition("_")[0]):
            if known == _SOURCE:
                return None
            try:
                return resource_path(f"i18n/sdviewer_{known}.qm")
            except FileNotFoundError:
                continue
    return None


@cache
def _translator() -> QTranslator | None:
    """Read with the first text that is asked for, which tables of the program do while they are imported."""
    file = translation_file(QLocale.system().uiLanguages())
    return loaded(file) if file is not None else None


def loaded(file: Path) -> QTranslator | None:
    """A translation, None if the file is none: the window shall come all the same."""
    translator = QTranslator()
    return translator if translator.load(str(file)) else None
