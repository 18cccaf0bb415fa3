"""Theme: the colours of the window, light and dark, ours on every platform so that contrast is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QToolTip

# The style frames a field with this shade of its ground, which on a dark ground nobody sees. So fields have, in the
# role that nothing else of them is painted with, the colour of which this shade is the frame.
_FRAME_SHADE = 140
_FIELDS = ("QLineEdit", "QAbstractSpinBox", "QPlainTextEdit", "QCheckBox", "QRadioButton", "QMenu")


class Theme(Enum):
    """What the user chose; `SYSTEM` follows the desktop, and is light where the desktop says nothing."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Colors:
    """Every colour by its use, as `#rrggbb`. Text on its ground has a contrast of at least 4.5:1."""

    window: str
    base: str
    raised: str
    text: str
    muted: str
    line: str
    frame: str
    highlight: str
    highlighted_text: str
    inactive_highlight: str
    accent: str
    warning: str
    error: str
    good: str
    found: str
    is_dark: bool


LIGHT = Colors(
    window="#f3f4f6",
    base="#ffffff",
    raised="#fafbfc",
    text="#1c2128",
    muted="#59636e",
    line="#d4d8de",
    frame="#7f8792",
    highlight="#1f62c4",
    highlighted_text="#ffffff",
    inactive_highlight="#dde3ec",
    accent="#1f62c4",
    warning="#8a5300",
    error="#b3261e",
    good="#1a7037",
    found="#ffdf80",
    is_dark=False,
)
DARK = Colors(
    window="#22262c",
    base="#191c21",
    raised="#2a2f36",
    text="#e4e7eb",
    muted="#9ba5b1",
    line="#3a414a",
    frame="#707985",
    highlight="#3b76cc",
    highlighted_text="#ffffff",
    inactive_highlight="#343b45",
    accent="#79aef2",
    warning="#e3b04b",
    error="#f2867d",
    good="#6fc287",
    found="#6b5200",
    is_dark=True,
)


def colors() -> Colors:
    """The colours in force, known by the palette so that every widget agrees with what Qt paints."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return DARK if window.lightness() < 128 else LIGHT


def apply_theme(theme: Theme) -> None:
    """Put a theme in force for all windows at once."""
    app = cast("QApplication", QApplication.instance())
    hints = app.styleHints()
    wish = {Theme.LIGHT: Qt.ColorScheme.Light, Theme.DARK: Qt.ColorScheme.Dark, Theme.SYSTEM: Qt.ColorScheme.Unknown}
    # Title bars and file dialogs of the platform follow this; bare X11 and offscreen ignore it.
    hints.setColorScheme(wish[theme])
    dark = theme is Theme.DARK or (theme is Theme.SYSTEM and hints.colorScheme() is Qt.ColorScheme.Dark)
    chosen = DARK if dark else LIGHT
    palette = _palette(chosen)
    app.setPalette(palette)
    fields = QPalette(palette)
    fields.setColor(QPalette.ColorRole.Window, QColor(chosen.frame).lighter(_FRAME_SHADE))
    for field in _FIELDS:
        app.setPalette(fields, field)  # type: ignore[arg-type]  # the stub wants bytes, Qt takes text
    QToolTip.setPalette(palette)


def number_font() -> QFont:
    """The font of numbers and names: every digit of one width, at the size of the text around it."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    size = QGuiApplication.font().pointSizeF()
    if size > 0:
        font.setPointSizeF(size)
    font.setStyleHint(QFont.StyleHint.Monospace)
    return font


def _palette(c: Colors) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    for which, color in (
        (role.Window, c.window),
        (role.WindowText, c.text),
        (role.Base, c.base),
        (role.AlternateBase, c.raised),
        (role.Text, c.text),
        (role.PlaceholderText, c.muted),
        (role.Button, c.raised),
        (role.ButtonText, c.text),
        (role.BrightText, c.error),
        (role.ToolTipBase, c.raised),
        (role.ToolTipText, c.text),
        (role.Highlight, c.highlight),
        (role.HighlightedText, c.highlighted_text),
        (role.Accent, c.accent),
        (role.Link, c.accent),
        (role.LinkVisited, c.accent),
        (role.Light, c.raised),
        (role.Midlight, c.line),
        (role.Mid, c.line),
        (role.Dark, c.line),
        (role.Shadow, c.line),
    ):
        palette.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, which, QColor(c.muted))
    palette.setColor(group.Inactive, role.Highlight, QColor(c.inactive_highlight))
    palette.setColor(group.Inactive, role.HighlightedText, QColor(c.text))
    return palette


def frame_sheet() -> str:
    """What a palette cannot say, for menu bar, tabs and status bar: lines between the parts, and padding.

    For these alone: one for the whole application makes every widget slower to show and to resize.
    """
    c = colors()
    return f"""
    QStatusBar {{ background: {c.window}; border-top: 1px solid {c.line}; }}
    QStatusBar::item {{ border: none; }}
    QMenuBar {{ background: {c.window}; border-bottom: 1px solid {c.line}; }}
    QMenuBar::item {{ padding: 4px 9px; background: transparent; }}
    QMenuBar::item:selected {{ background: {c.inactive_highlight}; }}
    QTabBar::tab {{ padding: 6px 12px; border: none; border-right: 1px solid {c.line};
        background: {c.window}; color: {c.muted}; }}
    QTabBar::tab:selected {{ background: {c.base}; color: {c.text}; border-top: 2px solid {c.accent}; }}
    QTabBar::tab:!selected {{ border-top: 2px solid transparent; border-bottom: 1px solid {c.line}; }}
    QTabBar::tab:focus {{ text-decoration: underline; }}
    """
