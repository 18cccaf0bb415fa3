"""A second start hands its files to the window that runs."""

from __future__ import annotations

import os
import socket as sockets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from sdviewer.ui import single_instance
from sdviewer.ui.single_instance import WindowServer, hand_over, socket_name

posix_only = pytest.mark.skipif(os.name != "posix", reason="talks to the socket as a file")

_HAND_OVER = """
import sys
from sdviewer.ui import single_instance
from sdviewer.ui.single_instance import hand_over
print(hand_over(sys.argv[2:], sys.argv[1]))
"""


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "s") if os.name == "posix" else f"sdviewer-test-{os.getpid()}"


@pytest.fixture
def server(name: str, qtbot: QtBot) -> Iterator[WindowServer]:
    del qtbot
    made = WindowServer(name)
    yield made
    made.close()
    made.deleteLater()


def second_start(name: str, *files: str, cwd: Path) -> subprocess.Popen[str]:
    """A process that hands files over and prints whether they were taken."""
    command = [sys.executable, "-c", _HAND_OVER, name, *files]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd)


def test_the_files_of_a_second_start_arrive_as_absolute_paths(
    server: WindowServer, name: str, qtbot: QtBot, tmp_path: Path
) -> None:
    assert server.is_listening
    with qtbot.waitSignal(server.files_received, timeout=20_000) as received:
        process = second_start(name, "a b.pt", "/elsewhere/ü\n.pt", cwd=tmp_path)
    assert received.args == [[str(tmp_path / "a b.pt"), "/elsewhere/ü\n.pt"]]
    assert process.communicate()[0] == "True\n"


def test_a_second_start_without_files_arrives_too(
    server: WindowServer, name: str, qtbot: QtBot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(server.files_received, timeout=20_000) as received:
        process = second_start(name, cwd=tmp_path)
    assert received.args == [[]]
    assert process.communicate()[0] == "True\n"


def test_without_a_window_nobody_takes_them(name: str) -> None:
    assert hand_over(["a.pt"], name) is False


@posix_only
def test_the_socket_of_a_window_that_was_killed_is_taken_over(name: str, qtbot: QtBot) -> None:
    del qtbot
    with sockets.socket(sockets.AF_UNIX) as dead:
        dead.bind(name)
    assert hand_over(["a.pt"], name) is False
    server = WindowServer(name)
    assert server.is_listening
    server.close()
    server.deleteLater()


@posix_only
@pytest.mark.parametrize(
    "message", [b"\n", b"nonsense\n", b"[]\n", b'{"files": "a"}\n', b'{"files": [1]}\n', b'{"files": ["relative"]}\n']
)
def test_what_is_no_message_is_not_answered(server: WindowServer, name: str, qtbot: QtBot, message: bytes) -> None:
    heard: list[object] = []
    server.files_received.connect(heard.append)
    with sockets.socket(sockets.AF_UNIX) as client:
        client.connect(name)
        client.sendall(message)
        client.settimeout(0.01)

        def ended() -> bool:
            try:
                return client.recv(10) == b""
            except TimeoutError:
                return False

        qtbot.waitUntil(ended, timeout=10_000)
    assert heard == []


@posix_only
def test_a_second_window_listens_when_the_first_is_closed(
    server: WindowServer, name: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "_MS_BETWEEN_CLAIMS", 10)
    second = WindowServer(name)
    qtbot.wait(50)
    assert server.is_listening
    assert not second.is_listening
    server.close()
    qtbot.waitUntil(lambda: second.is_listening)
    second.close()
    second.deleteLater()


def test_the_leave_to_come_to_the_front_is_handed_over(
    server: WindowServer, name: str, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_ACTIVATION_TOKEN", "leave-1")
    with qtbot.waitSignal(server.files_received, timeout=20_000):
        process = second_start(name, "a.pt", cwd=tmp_path)
        monkeypatch.delenv("XDG_ACTIVATION_TOKEN")
    assert process.communicate()[0] == "True\n"
    given = os.environ["XDG_ACTIVATION_TOKEN"]
    assert given == "leave-1"
    monkeypatch.setenv("XDG_ACTIVATION_TOKEN", "")
    monkeypatch.delenv("XDG_ACTIVATION_TOKEN")


@posix_only
def test_only_the_user_may_open_the_socket(server: WindowServer, name: str) -> None:
    assert server.is_listening
    assert Path(name).stat().st_mode & 0o077 == 0


def test_the_name_tells_users_and_displays_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    names = set()
    for user, display in (("ann", ":0"), ("ann", ":1"), ("bob", ":0")):
        monkeypatch.setattr("getpass.getuser", lambda user=user: user)
        monkeypatch.setenv("DISPLAY", display)
        names.add(socket_name())
    assert len(names) == 3
