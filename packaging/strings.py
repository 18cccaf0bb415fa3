"""Collects the texts of the window into resources/i18n/sdviewer_en.ts, from which translations are made.

    python packaging/strings.py          write the file anew
    python packaging/strings.py --check  say what is wrong, and whether the file is what it should be

A text is the literal that a call of `tr` begins with. `pyside6-lupdate` knows the `tr` of classes alone.
A translation is a copy of the file with another language, filled in with Qt Linguist and turned into a .qm file
beside it by `pyside6-lrelease`.
"""

from __future__ import annotations

import ast
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_ROOT = Path(__file__).resolve().parents[1]
_TARGET = Path("resources", "i18n", "sdviewer_en.ts")
_CONTEXT = "sdviewer"


@dataclass(frozen=True, slots=True)
class Use:
    """A call of `tr`: where it stands, its text, None if that is no literal, and the names of its values."""

    file: str
    line: int
    text: str | None
    values: frozenset[str]

    @property
    def mistake(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if self.text is None:
            return "the text is no literal"
        if not self.values:
            return ""
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(self.text) if name is not None]
        except ValueError as error:
            return f"the text cannot be filled: {error}"
        fields = {name.partition(".")[0].partition("[")[0] for name in names}
        return "" if fields == self.values else f"the text has {sorted(fields)}, the call {sorted(self.values)}"


def uses(root: Path) -> Iterator[Use]:
    """Every call of `tr` in the package, in the order of files and lines."""
    for path in sorted((root / "sdviewer").rglob("*.py")):
        source = path.read_text("utf-8")
        if "tr(" not in source:
            continue
        calls = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr"
        ]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            first = call.args[0] if call.args else None
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
            names = frozenset(keyword.arg for keyword in call.keywords if keyword.arg is not None)
            yield Use(path.relative_to(root).as_posix(), call.lineno, text, names)


def ts_text(found: list[Use]) -> str:
    """The file: each text once, in the order of the alphabet, with the files that use it."""
    places: dict[str, list[str]] = {}
    for use in found:
        if use.text is not None:
            files = places.setdefault(use.text, [])
            if use.file not in files:
                files.append(use.file)
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>", '<TS version="2.1" language="en">', "<context>"]
    lines.append(f"    <name>{_CONTEXT}</name>")
    for text, files in sorted(places.items()):
        lines.append("    <message>")
        lines += [f'        <location filename="../../{file}"/>' for file in files]
        lines.append(f"        <source>{escape(text)}</source>")
        lines += ['        <translation type="unfinished"></translation>', "    </message>"]
    return "\n".join([*lines, "</context>", "</TS>", ""])


def main(arguments: list[str]) -> int:
    """Write or check the file; 1 if anything is wrong."""
    found = list(uses(_ROOT))
    wrong = [f"{use.file}:{use.line}: {use.mistake}" for use in found if use.mistake]
    target = _ROOT / _TARGET
    if arguments == ["--check"]:
        if not target.is_file() or target.read_text("utf-8") != ts_text(found):
            wrong.append(f"{_TARGET} is not what the program says: python packaging/strings.py writes it anew")
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(ts_text(found), "utf-8")
    print("\n".join(wrong) if wrong else f"{len({use.text for use in found})} texts", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
