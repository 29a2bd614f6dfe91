"""Commands that run at the same time share one embedded server: whoever is first starts it, and ends it last.

A command that uses another's server holds `server.users` in the data folder, shared; the operating system lets go of
it however the command ends. The owner takes it alone before it stops the server, so that nobody's work is cut off.
Looking for a server comes after taking hold: one that is found is not stopped.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from resguardo.errors import Locked
from resguardo.files import make_private_folder
from resguardo.store.embedded import EmbeddedServer, find_running

NAME: Final = "server.users"
OTHERS_START_SECONDS: Final = 30.0
"""How long a server that somebody else is starting, or stopping, is waited for."""
OTHERS_WORK_SECONDS: Final = 600.0
"""How long the owner waits for those who use its server. Longer than any command's work but a large restore's."""


@contextmanager
def shared_server(data: Path) -> Iterator[str]:
    """The URI of a server on this folder for as long as the block runs: one that runs already, else one of our own.

    Raises `Usage`, `Unavailable`, and `Locked` when somebody holds the folder for long and no server answers.
    """
    limit = time.monotonic() + OTHERS_START_SECONDS
    while True:
        with _held(data):
            running = find_running(data)
            if running is not None:
                yield running
                return
        try:
            server = EmbeddedServer.start(data)
        except Locked:
            if time.monotonic() > limit:
                raise
            time.sleep(0.1)
            continue
        try:
            yield server.uri
        finally:
            _stop(server, data)
        return


def _stop(server: EmbeddedServer, data: Path) -> None:
    try:
        with _alone(data):
            server.stop()
    finally:
        server.stop()  # also when somebody would not wait for the others


if sys.platform == "win32":

    @contextmanager
    def _held(data: Path) -> Iterator[None]:
        yield  # There are no shared locks: the owner does not wait there.

    _alone = _held
else:
    import fcntl

    @contextmanager
    def _held(data: Path) -> Iterator[None]:
        if not data.is_dir():
            make_private_folder(data)
        descriptor = os.open(data / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _alone(data: Path) -> Iterator[None]:
        limit = time.monotonic() + OTHERS_WORK_SECONDS
        descriptor = os.open(data / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _taken(descriptor) and time.monotonic() < limit:
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def _taken(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
