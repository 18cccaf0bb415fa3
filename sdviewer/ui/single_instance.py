"""One window a user: a second start hands its files to the window that runs and ends.

They talk over a local socket that only the user may open. A message is a line of JSON, {"files": [absolute
paths]}; the answer is a line too, so that files are never handed to a window that no longer listens.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

_MS_TO_WAIT = 500
_LONGEST_MESSAGE = 1 << 20
_TAKEN = b"taken\n"


def socket_name() -> str:
    """The socket of this user on this display: a path, or a name of its own where sockets are no files."""
    with contextlib.suppress(OSError, KeyError):
        display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "screen"
        name = f"sdviewer-{getpass.getuser()}-{display}".replace(":", "").replace("/", "-")
        folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return str(Path(folder) / f"{name}.socket") if os.name == "posix" else name
    return "sdviewer"


def hand_over(files: Sequence[str], name: str) -> bool:
    """Give `files` to the window that listens under `name`; whether one took them."""
    # Without a socket there is nobody, and the network module need not be loaded.
    if os.name == "posix" and not Path(name).exists():
        return False
    from PySide6.QtNetwork import QLocalSocket

    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(_MS_TO_WAIT):
        return False
    paths = [os.path.abspath(file) for file in files]  # noqa: PTH100  # resolves no links
    socket.write(json.dumps({"files": paths}).encode("ascii") + b"\n")
    answer = b""
    while not answer.endswith(b"\n") and (socket.bytesAvailable() or socket.waitForReadyRead(_MS_TO_WAIT)):
        answer += socket.readAll().data()
    socket.abort()
    return answer == _TAKEN


class WindowServer(QObject):
    """Listens for the files of second starts. Where it cannot listen, each start has a window of its own."""

    files_received = Signal(list)
    """Absolute paths, none where the program was started without a file."""

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        from PySide6.QtNetwork import QLocalServer

        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        if not self._server.listen(name):
            # Left behind by a window that was killed; a living one would have taken the files.
            QLocalServer.removeServer(name)
            self._server.listen(name)

    @property
    def is_listening(self) -> bool:
        """Whether second starts find this window."""
        return self._server.isListening()

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

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
        files = _files_of(bytes(socket.readLine().data()))
        if files is None:
            socket.abort()
            return
        socket.write(_TAKEN)
        socket.flush()
        self.files_received.emit(files)


def _files_of(line: bytes) -> list[str] | None:
    """The paths of a message, None if it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    files = message.get("files") if isinstance(message, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, str) and os.path.isabs(file) for file in files):  # noqa: PTH117
        return None
    return files
