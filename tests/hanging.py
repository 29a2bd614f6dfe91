"""A MongoDB that can be made to hang, or to end."""

from __future__ import annotations

import os
import signal

from resguardo.store.embedded import EmbeddedServer


class Hanging:
    """A server of its own that can be made to hang."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server

    def stop(self) -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGCONT)

    def kill(self) -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGKILL)
