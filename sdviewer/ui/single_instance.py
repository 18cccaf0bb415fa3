"""One window a user: a second start hands its files to the window that runs and ends.

They talk over a local socket that only the user may open. A message is a line of JSON, {"files": [absolute
paths], "token": what Wayland asks of who wants to come to the front, "diff": whether two files are to be compared};
the answer is a line too, so that files are never handed to a window that no longer listens.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalSocket

_MS_TO_WAIT = 500
_MS_BETWEEN_CLAIMS = 3000
# Qt looks for it there when a window asks to be activated.
_TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105  # no secret
_LONGEST_MESSAGE = 1 << 20
_TAKEN = b"taken\n"
_PAIR = 2


def socket_name() -> str:
    """The socket of this user on this display: a path, or a name of its own where sockets are no files."""
    with contextlib.suppress(OSError, KeyError):
        display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "screen"
        name = f"sdviewer-{getpass.getuser()}-{display}".replace(":", "").replace("/", "-")
        folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return str(Path(folder) / f"{name}.socket") if os.name == "posix" else name
    return "sdviewer"


def hand_over(files: Sequence[str], name: str, *, diff: bool = False) -> bool:
    """Give `files` to the window that listens under `name`, with `diff` to be compared; whether one took them."""
    socket = _connected(name)
    if socket is None:
        return False
    if sys.platform == "win32":
        import ctypes

        # Only who was just started by the user may come to the front, and only he may let another one.
        ctypes.windll.user32.AllowSetForegroundWindow(-1)
    paths = [os.path.abspath(file) for file in files]  # noqa: PTH100  # resolves no links
    message = {"files": paths, "token": os.environ.get(_TOKEN, ""), "diff": diff}
    socket.write(json.dumps(message).encode("ascii") + b"\n")
    answer = b""
    while not answer.endswith(b"\n") and (socket.bytesAvailable() or socket.waitForReadyRead(_MS_TO_WAIT)):
        answer += socket.readAll().data()
    socket.abort()
    return answer == _TAKEN


class WindowServer(QObject):
    """Listens for the files of second starts. Where it cannot listen, each start has a window of its own.

    One window of several listens; when it is closed, another one takes its place.
    """

    files_received = Signal(list)
    """Absolute paths, none where the program was started without a file."""

    pair_received = Signal(str, str)
    """Two files that are to be compared."""

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        from PySide6.QtNetwork import QLocalServer

        super().__init__(parent)
        self._name = name
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        self._claims = QTimer(self)
        self._claims.setInterval(_MS_BETWEEN_CLAIMS)
        self._claims.timeout.connect(self._claim)
        self._claim()

    @property
    def is_listening(self) -> bool:
        """Whether second starts find this window."""
        return self._server.isListening()

    def close(self) -> None:
        """Listen no more."""
        self._claims.stop()
        self._server.close()

    @Slot()
    def _claim(self) -> None:
        from PySide6.QtNetwork import QLocalServer

        # Listening would take the place of whoever listens already.
        if not _somebody_listens(self._name):
            # Left behind by a window that was killed.
            QLocalServer.removeServer(self._name)
            self._server.listen(self._name)
        if self._server.isListening():
            self._claims.stop()
        else:
            self._claims.start()

    @Slot()
    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(self._read)
            socket.disconnected.connect(socket.deleteLater)
            if socket.canReadLine():
                self._answer(socket)

    @Slot()
    def _read(self) -> None:
        self._answer(self.sender())

    def _answer(self, socket: QObject) -> None:
        from PySide6.QtNetwork import QLocalSocket

        assert isinstance(socket, QLocalSocket)  # noqa: S101  # only sockets are connected to the slot
        if not socket.canReadLine():
            if socket.bytesAvailable() > _LONGEST_MESSAGE:
                socket.abort()
            return
        message = _message_in(bytes(socket.readLine().data()))
        if message is None:
            socket.abort()
            return
        socket.write(_TAKEN)
        socket.flush()
        if message.token:
            os.environ[_TOKEN] = message.token
        if message.diff:
            self.pair_received.emit(*message.files)
        else:
            self.files_received.emit(message.files)


def _connected(name: str) -> QLocalSocket | None:
    # Without a socket there is nobody, and the network module need not be loaded.
    if os.name == "posix" and not Path(name).exists():
        return None
    from PySide6.QtNetwork import QLocalSocket

    socket = QLocalSocket()
    socket.connectToServer(name)
    return socket if socket.waitForConnected(_MS_TO_WAIT) else None


def _somebody_listens(name: str) -> bool:
    socket = _connected(name)
    if socket is not None:
        socket.abort()
    return socket is not None


@dataclass(frozen=True, slots=True)
class _Message:
    files: list[str]
    token: str
    diff: bool


def _message_in(line: bytes) -> _Message | None:
    """The message that a line is, None if it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    files = message.get("files") if isinstance(message, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, str) and os.path.isabs(file) for file in files):  # noqa: PTH117
        return None
    token, diff = message.get("token"), message.get("diff") is True and len(files) == _PAIR
    return _Message(files, token if isinstance(token, str) and "\0" not in token else "", diff)
