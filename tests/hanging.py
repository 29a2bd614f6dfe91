"""A MongoDB that can be made to hang, or to end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from resguardo.store.embedded import EmbeddedServer
from waiting import wait_until


class Hanging:
    """A server of its own that can be made to hang."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server

    def stop(self) -> None:
        assert self.server.pid is not None
        stop(self.server.pid)

    def go_on(self) -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGCONT)

    def kill(self) -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGKILL)


def stop(pid: int) -> None:
    """Returns when it has stopped: on a busy machine its other threads go on until one has taken the signal."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    if threads.exists():
        wait_until(lambda: all(_state(thread) == "T" for thread in threads.iterdir()))


def _state(thread: Path) -> str:
    """Of a thread, as proc(5) tells it, behind its name in brackets; one that has ended does nothing either."""
    try:
        return (thread / "stat").read_text().rpartition(") ")[2][:1]
    except (FileNotFoundError, ProcessLookupError):
        return "T"
