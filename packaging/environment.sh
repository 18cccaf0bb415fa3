# Makes environments for the commands beside this file, which source it; says what is missing before it installs.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { printf 'sdviewer: %s\n' "$*" >&2; exit 2; }

# Runs a command as root: as it is, by sudo where that asks nothing, else not at all.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

# Installs Debian packages where it may, else names them. APT_READY says that the lists are fresh.
need_packages() {
    [ $# -gt 0 ] || return 0
    if command -v apt-get >/dev/null; then
        if [ -z "${APT_READY:-}" ]; then as_root apt-get update -qq >/dev/null && APT_READY=yes; fi
        if as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
            return 0
        fi
    fi
    fail "these system packages are missing and may not be installed here; install them with
    sudo apt-get install $*"
}

# The Python to use: $PYTHON, else the newest of the usual names that is at least 3.11.
find_python() {
    local name
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# Makes an environment of Python in a folder, unless there is one.
make_environment() {
    local python
    if [ -x "$1/bin/python" ]; then return 0; fi
    python=$(find_python) || fail "Python 3.11 or newer is needed; set PYTHON if it has an unusual name"
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        need_packages "python$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')-venv"
    fi
    "$python" -m venv "$1"
}

# Installs the package, editable, with the named dependency groups; at once if nothing has changed since the last time.
install_with() {
    local wanted groups=() group
    make_environment .venv
    for group in "$@"; do groups+=(--group "$group"); done
    wanted=$(cat pyproject.toml packaging/constraints.txt <(echo "$*") | cksum)
    if [ "$(cat ".venv/installed-${1:-app}" 2>/dev/null || true)" != "$wanted" ]; then
        echo "sdviewer: installing into .venv, which takes a few minutes the first time" >&2
        .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
        .venv/bin/python -m pip install --quiet --constraint packaging/constraints.txt --editable . "${groups[@]}"
        echo "$wanted" >".venv/installed-${1:-app}"
    fi
}

# The libraries that Qt loads when a window is shown, the Qt of .venv or of the Python that is named. Debian's name for
# each; none is installed that is there.
need_qt_libraries() {
    local python=${1:-.venv/bin/python}
    local plugins missing=() line package
    plugins=$("$python" -c 'import PySide6, pathlib; print(pathlib.Path(PySide6.__file__).parent / "Qt")')
    while read -r line; do
        case "$line" in
            libEGL.so*) package=libegl1 ;;
            libGL.so* | libGLX.so*) package=libgl1 ;;
            libOpenGL.so*) package=libopengl0 ;;
            libxkbcommon-x11.so*) package=libxkbcommon-x11-0 ;;
            libxkbcommon.so*) package=libxkbcommon0 ;;
            libxcb-cursor.so*) package=libxcb-cursor0 ;;
            libxcb-icccm.so*) package=libxcb-icccm4 ;;
            libxcb-image.so*) package=libxcb-image0 ;;
            libxcb-keysyms.so*) package=libxcb-keysyms1 ;;
            libxcb-randr.so*) package=libxcb-randr0 ;;
            libxcb-render-util.so*) package=libxcb-render-util0 ;;
            libxcb-render.so*) package=libxcb-render0 ;;
            libxcb-shape.so*) package=libxcb-shape0 ;;
            libxcb-shm.so*) package=libxcb-shm0 ;;
            libxcb-sync.so*) package=libxcb-sync1 ;;
            libxcb-util.so*) package=libxcb-util1 ;;
            libxcb-xfixes.so*) package=libxcb-xfixes0 ;;
            libxcb-xkb.so*) package=libxcb-xkb1 ;;
            libxcb-glx.so*) package=libxcb-glx0 ;;
            libxcb.so*) package=libxcb1 ;;
            libX11-xcb.so*) package=libx11-xcb1 ;;
            libX11.so*) package=libx11-6 ;;
            libSM.so*) package=libsm6 ;;
            libICE.so*) package=libice6 ;;
            libfontconfig.so*) package=libfontconfig1 ;;
            libfreetype.so*) package=libfreetype6 ;;
            libdbus-1.so*) package=libdbus-1-3 ;;
            libglib-2.0.so* | libgthread-2.0.so* | libgobject-2.0.so* | libgio-2.0.so*) package=libglib2.0-0 ;;
            libwayland-client.so*) package=libwayland-client0 ;;
            libwayland-cursor.so*) package=libwayland-cursor0 ;;
            libwayland-egl.so*) package=libwayland-egl1 ;;
            libdrm.so*) package=libdrm2 ;;
            *) continue ;;
        esac
        missing+=("$package")
    done < <(ldd "$plugins"/lib/libQt6{Core,Gui,Widgets,Svg,XcbQpa,OpenGL,DBus}.so.6 \
        "$plugins"/plugins/platforms/libq{xcb,offscreen}.so 2>/dev/null | awk '/not found/ {print $1}' | sort -u)
    if ! compgen -G '/usr/share/fonts/*' >/dev/null; then missing+=(fonts-dejavu-core); fi
    if [ ${#missing[@]} -gt 0 ]; then
        mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
        need_packages "${missing[@]}"
    fi
}
