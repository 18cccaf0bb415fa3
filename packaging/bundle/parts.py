"""What goes into a bundle: of Qt only what the window uses, and none of what libraries bring for their developers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

# A file of the bundle as PyInstaller has it: where it goes, where it comes from, and its kind.
Part = tuple[str, str, str]

# Modules of Python that nothing here calls, each with libraries of its own or with megabytes.
UNUSED_MODULES = (
    "_curses",
    "curses",
    "dbm",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "readline",
    "sqlite3",
    "tkinter",
    "turtledemo",
    "IPython",
    "OpenGL",
    "PIL",
    "jupyter_rfb",
    "llvmlite.tests",
    "matplotlib",
    "numba.cuda.tests",
    "numba.np.ufunc.omppool",
    "numba.np.ufunc.tbbpool",
    "numba.testing",
    "numba.tests",
    "numpy.f2py.tests",
    "numpy.testing.tests",
    "pandas",
    "pip",
    "pyqtgraph.canvas",
    "pyqtgraph.console",
    "pyqtgraph.dockarea",
    "pyqtgraph.examples",
    "pyqtgraph.flowchart",
    "pyqtgraph.jupyter",
    "pyqtgraph.multiprocess",
    "pyqtgraph.opengl",
    "scipy",
    "setuptools",
    "wheel",
    # Used where it is installed alone: the whole of it would be frozen for the sake of one plot we do not show.
    "h5py",
    "cupy",
)
# Of Qt Essentials, by the names of their Python modules; the window imports the first five.
QT_MODULES = ("QtCore", "QtGui", "QtNetwork", "QtSvg", "QtWidgets")
UNUSED_QT_MODULES = (
    "PySide6.QtConcurrent",
    "PySide6.QtDBus",
    "PySide6.QtDesigner",
    "PySide6.QtHelp",
    "PySide6.QtOpenGL",
    "PySide6.QtOpenGLWidgets",
    "PySide6.QtPrintSupport",
    "PySide6.QtQml",
    "PySide6.QtQuick",
    "PySide6.QtQuickControls2",
    "PySide6.QtQuickTest",
    "PySide6.QtQuickWidgets",
    "PySide6.QtSql",
    "PySide6.QtSvgWidgets",
    "PySide6.QtTest",
    "PySide6.QtUiTools",
    "PySide6.QtXml",
)
# Of torch: `import torch` needs its `distributed`, what it tests itself with, and `torchgen`.
UNUSED_TORCH_MODULES = (
    "caffe2",
    "functorch",
    "networkx.drawing",
    "tensorboard",
    "torch.utils.benchmark",
    "torch.utils.tensorboard",
    "torchvision",
    "triton",
)

_PLUGINS = {
    "iconengines": {"qsvgicon"},
    "imageformats": {"qsvg"},
    "platforms": {"qxcb", "qwayland", "qoffscreen", "qwindows", "qcocoa"},
    "platforminputcontexts": {"composeplatforminputcontextplugin", "ibusplatforminputcontextplugin"},
    "platformthemes": {"qxdgdesktopportal"},
    "styles": {"qmodernwindowsstyle", "qmacstyle"},
    "wayland-decoration-client": {"bradient", "adwaita"},
    "wayland-graphics-integration-client": {"qt-plugin-wayland-egl"},
    "wayland-shell-integration": {"xdg-shell"},
    "xcbglintegrations": {"qxcb-egl-integration", "qxcb-glx-integration"},
}
_PLUGIN = re.compile(r"PySide6/(?:Qt/)?plugins/(?P<folder>[^/]+)/(?:lib)?(?P<name>[^/]+?)\.(?:so|dll|dylib)$")
_QT_LIBRARY = re.compile(r"(?:lib)?Qt6?(?P<name>[A-Z]\w*?)(?:\.so[.\d]*|\.dll|\.\d+\.dylib)?$")
# What every desktop has, in a version that fits the rest of it and is kept safe by it.
_OF_THE_DESKTOP = re.compile(
    r"lib(X11|X11-xcb|Xau|Xdmcp|bsd|md|dbus-1|systemd|cap|gcrypt|gpg-error|lz4|zstd|fontconfig|freetype|png16"
    r"|g(lib|thread|object|io)-2\.0|pcre2-8|gssapi_krb5|krb5|krb5support|k5crypto|com_err|keyutils)\.so"
)
# What libraries carry for those who build with them, or test them.
_FOR_DEVELOPERS = re.compile(
    r"(^|/)(tests?|include|cmake|pkgconfig|examples)/"
    r"|(^|/)PySide6/(Qt/)?(translations|qml|resources|metatypes|libexec)/"
    r"|\.(a|lib|h|hpp|cuh|pyi|pyx|pxd|c|cpp|f90|cmake|pc|typed)$"
    r"|(^|/)torch/(bin/(?!torch_shm_manager)|share/)"
    r"|(^|/)torch/lib/(libtorch_cuda_linalg|libcaffe2_|libnvfuser|libtorchbind_test|libjitbackend_test|libbackend_with_)"
)


def is_for_developers(name: str) -> bool:
    """Whether a file of a library serves only those who build with it or test it."""
    return _FOR_DEVELOPERS.search(name.replace("\\", "/")) is not None


def is_unused_plugin(name: str) -> bool:
    """Whether this is a plugin of Qt that the window never loads."""
    found = _PLUGIN.search(name.replace("\\", "/"))
    return found is not None and found["name"] not in _PLUGINS.get(found["folder"], ())


def qt_library(name: str) -> str | None:
    """The name of the library of Qt in a file (`Core`, `WaylandClient`), None if it is none."""
    found = _QT_LIBRARY.match(PurePosixPath(name.replace("\\", "/")).name)
    return found["name"] if found else None


def kept_binaries(parts: Iterable[Part], needed_by: Callable[[str], Iterable[str]]) -> list[Part]:
    """Those that are used: plugins of the table, extension modules, and the libraries that they need, and those need.

    `needed_by` tells the paths of the libraries that the file at a path is linked with.
    """
    parts = [part for part in parts if not _is_left_out(part[0])]
    named = {PurePosixPath(part[0].replace("\\", "/")).name: part for part in parts}
    waiting = [part for part in parts if not _is_shared_library(part)]
    kept = {part[0]: part for part in waiting}
    while waiting:
        for path in needed_by(waiting.pop()[1]):
            part = named.get(PurePosixPath(path.replace("\\", "/")).name)
            if part is not None and part[0] not in kept:
                kept[part[0]] = part
                waiting.append(part)
    return list(kept.values())


def without_dead_links(parts: Iterable[Part]) -> list[Part]:
    """All of them but links to what is not there."""
    parts = list(parts)
    names = {part[0].replace("\\", "/") for part in parts}
    return [part for part in parts if part[2] != "SYMLINK" or _goal(part) in names]


def _goal(link: Part) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(link[0]), link[1].replace("\\", "/")))


def _is_left_out(name: str) -> bool:
    return is_unused_plugin(name) or is_for_developers(name) or _OF_THE_DESKTOP.match(name) is not None


def _is_shared_library(part: Part) -> bool:
    """Libraries of Qt and of the system, which others are linked with; not what a library opens by itself."""
    name = part[0].replace("\\", "/")
    if part[2] != "BINARY" or _PLUGIN.search(name) or name.startswith(("libpython", "python")):
        return False
    return qt_library(name) is not None or name.startswith("PySide6/Qt/lib/") or "/" not in name
