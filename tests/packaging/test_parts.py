"""A bundle holds of Qt what the window uses, all of it Essentials, and nothing that only developers need."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

_CHECKOUT = Path(__file__).parents[2]
_FOLDER = _CHECKOUT / "packaging" / "bundle"
# The libraries of the wheel PySide6-Essentials that a window can come to need.
_ESSENTIALS = {
    "Core",
    "DBus",
    "Gui",
    "Network",
    "OpenGL",
    "Svg",
    "WaylandClient",
    "Widgets",
    "WlShellIntegration",
    "XcbQpa",
}

pytestmark = pytest.mark.skipif(not _FOLDER.is_dir(), reason="only a checkout has what makes bundles")


@pytest.fixture(scope="module")
def parts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("parts", _FOLDER / "parts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_window_imports_only_the_modules_of_qt_that_are_kept(parts: ModuleType) -> None:
    texts = [file.read_text() for file in (_CHECKOUT / "sdviewer").rglob("*.py")]
    imported = {name for text in texts for name in re.findall(r"^\s*from PySide6\.(\w+) import", text, re.MULTILINE)}
    assert imported <= set(parts.QT_MODULES)
    assert {f"PySide6.{name}" for name in parts.QT_MODULES}.isdisjoint(parts.UNUSED_QT_MODULES)


def test_only_plugins_of_the_table_are_kept(parts: ModuleType) -> None:
    assert not parts.is_unused_plugin("PySide6/Qt/plugins/platforms/libqxcb.so")
    assert not parts.is_unused_plugin("PySide6\\plugins\\platforms\\qwindows.dll")
    assert parts.is_unused_plugin("PySide6/Qt/plugins/platformthemes/libqgtk3.so")
    assert parts.is_unused_plugin("PySide6/Qt/plugins/imageformats/libqpdf.so")
    assert parts.is_unused_plugin("PySide6/Qt/plugins/qmltooling/libqmldbg_tcp.so")


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("numpy/_core/tests/data/x.csv", True),
        ("torch/include/ATen/ATen.h", True),
        ("torch/bin/protoc", True),
        ("torch/bin/torch_shm_manager", False),
        ("torch/testing/_internal/logging_tensor.py", False),
        ("torch/distributed/__init__.py", False),
        ("torch/lib/libtorch_cpu.so", False),
        ("PySide6/Qt/translations/qt_de.qm", True),
        ("sdviewer/resources/icons/sdviewer.svg", False),
    ],
)
def test_what_developers_need_stays_out(parts: ModuleType, name: str, left_out: bool) -> None:
    assert parts.is_for_developers(name) is left_out


def test_what_an_import_of_torch_needs_stays(parts: ModuleType) -> None:
    command = [sys.executable, "-c", "import sys, torch; print(*sys.modules)"]
    modules = subprocess.run(command, capture_output=True, check=True, text=True, timeout=100).stdout.split()
    for name in parts.UNUSED_TORCH_MODULES:
        assert not [module for module in modules if module == name or module.startswith(f"{name}.")]


def test_libraries_that_nothing_kept_needs_go(parts: ModuleType) -> None:
    qt = "PySide6/Qt/lib/libQt6"
    needs = {"gui": [f"/{qt}Core.so.6"], "gtk": ["/libgtk-3.so.0"], "xcb": ["/libxcb-cursor.so.0"]}
    given = [
        ("PySide6/QtGui.abi3.so", "gui", "EXTENSION"),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", "gtk", "BINARY"),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", "xcb", "BINARY"),
        (f"{qt}Core.so.6", "core", "BINARY"),
        (f"{qt}Quick.so.6", "quick", "BINARY"),
        ("libxcb-cursor.so.0", "cursor", "BINARY"),
        ("libgtk-3.so.0", "gtk3", "BINARY"),
        ("libglib-2.0.so.0", "glib", "BINARY"),
        ("libpython3.11.so.1.0", "python", "BINARY"),
    ]
    kept = {part[0] for part in parts.kept_binaries(given, lambda path: needs.get(path, []))}
    assert kept == {given[0][0], given[2][0], given[3][0], given[5][0], given[8][0]}


def test_links_to_what_is_left_out_go(parts: ModuleType) -> None:
    core = ("PySide6/Qt/lib/libQt6Core.so.6", "x", "BINARY")
    alive = ("libQt6Core.so.6", "PySide6/Qt/lib/libQt6Core.so.6", "SYMLINK")
    dead = ("libQt6Quick.so.6", "PySide6/Qt/lib/libQt6Quick.so.6", "SYMLINK")
    assert parts.without_dead_links([core, alive, dead]) == [core, alive]


@pytest.mark.skipif(sys.platform != "linux", reason="bundles are tested on Linux")
@pytest.mark.parametrize("edition", ["sdviewer", "sdviewer-torch"])
def test_a_bundle_that_was_built_holds_essentials_alone(parts: ModuleType, edition: str) -> None:
    bundle = _CHECKOUT / "build" / edition / "sdviewer"
    if not bundle.is_dir():
        pytest.skip("packaging/build was not run")
    names = {parts.qt_library(file.name) for file in bundle.rglob("*Qt6*") if file.is_file()} - {None}
    assert "Widgets" in names
    assert names <= _ESSENTIALS
    modules = {file.name.partition(".")[0] for file in bundle.rglob("PySide6/Qt*.so")}
    assert modules == set(parts.QT_MODULES)
    assert not [file for file in bundle.rglob("*") if file.is_symlink() and not file.exists()]
