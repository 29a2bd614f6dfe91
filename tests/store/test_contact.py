"""Since when MongoDB is away, as the driver notices it."""

from __future__ import annotations

import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from hanging import Hanging
from resguardo.config import Settings
from resguardo.store.connect import opened
from resguardo.store.embedded import EmbeddedServer
from waiting import wait_until


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process with SIGSTOP")
def test_it_is_lost_while_the_server_hangs_and_found_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with EmbeddedServer.start(tmp_path) as server, opened(settings, server.uri) as connection:
        hanging = Hanging(server)
        connection.ping()
        assert connection.away_since is None
        hanging.stop()
        try:
            lost_at = wait_until(lambda: connection.away_since)
            wait_until(lambda: connection._contact.lost_for(timedelta(seconds=0.2)))
            assert connection.away_since == lost_at
        finally:
            hanging.go_on()
        wait_until(lambda: connection.away_since is None)


def test_a_connection_starts_no_thread_that_its_closing_waits_for(settings: Settings, mongodb_uri: str) -> None:
    with opened(settings, mongodb_uri) as connection:
        connection.ping()
        names = [thread.name for thread in threading.enumerate()]
        assert any(name.startswith("pymongo_server_monitor") for name in names)
        assert "pymongo_events_thread" not in names
