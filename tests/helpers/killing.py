"""Helper processes that stop in the middle of their work, to be killed there."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

posix_only = pytest.mark.skipif(os.name != "posix", reason="processes are stopped by signals")


class Frozen:
    """Every process that is started until `thaw` stands still at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self._freezes = True
        frozen = self

        class StandsStill(subprocess.Popen[bytes]):
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                if frozen._freezes:
                    self.send_signal(signal.SIGSTOP)
                    frozen.processes.append(self)

        monkeypatch.setattr(subprocess, "Popen", StandsStill)

    def thaw(self) -> None:
        """Those that are started from now on work."""
        self._freezes = False

    def kill(self) -> None:
        """End those that stand still, as a system that runs out of memory does; others work from now on."""
        self.thaw()
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
