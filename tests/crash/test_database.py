"""The database process is killed, or its folder deleted, under a board with writers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from proof import all_is_well, assert_acknowledged
from served import Served, Told, Writers, assert_journal_checks, command, make_board, serving

from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from waiting import wait_until

AWAY = ("No se puede hablar con MongoDB", "MongoDB dejó de contestar")
PROMISED = 3.0
"""Seconds within which everybody gets an answer when MongoDB is away."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A board with an embedded server of its own."""
    return Settings(data=tmp_path / "data")


@contextmanager
def opened(settings: Settings) -> Iterator[Ledger]:
    """The board's own database, from this process."""
    with open_store(settings) as store:
        yield Ledger(store, settings.zone)


def prove(settings: Settings, told: Told) -> None:
    with opened(settings) as ledger:
        assert assert_acknowledged(ledger, told.acknowledged) == len(told.acknowledged)
        all_is_well(ledger)


def killed_again_and_again(settings: Settings, told: Told, token: str, kills: int) -> None:
    """One board; its database process is killed under writers, and comes back each time."""
    with serving(settings) as served, Writers(served.port, token, told) as writers:
        for _ in range(kills):
            writers.wait_for(8)
            _kill_database(served)
        writers.wait_for(8)
    assert all(refusal.startswith(AWAY) for refusal in told.refusals), told.refusals


def _kill_database(served: Served) -> None:
    pid = served.database_pid
    served.kill_database()
    wait_until(lambda: served.status() == 503)
    begun = time.monotonic()
    assert served.status("/healthz") == 200
    assert served.status() in (200, 503)
    assert time.monotonic() - begun < 2 * PROMISED
    wait_until(lambda: served.status() == 200, 60)
    assert served.database_pid != pid
    assert served.process.poll() is None


def test_a_database_process_that_is_killed_comes_back_with_everything(settings: Settings) -> None:
    token, told = make_board(settings), Told()
    killed_again_and_again(settings, told, token, 2)
    with serving(settings):
        prove(settings, told)
        assert_journal_checks(settings)


@pytest.mark.long
def test_a_database_process_that_is_killed_often_comes_back_with_everything(settings: Settings) -> None:
    token, told = make_board(settings), Told()
    for _ in range(10):
        killed_again_and_again(settings, told, token, 3)
        with serving(settings) as served:
            prove(settings, told)
            assert served.status() == 200
    assert_journal_checks(settings)
    print(f"30 kills, {len(told.acknowledged)} acknowledged changes")


def test_a_database_folder_deleted_under_load_comes_back_from_the_journal(settings: Settings) -> None:
    token, told = make_board(settings), Told()
    with serving(settings) as served, Writers(served.port, token, told) as writers:
        writers.wait_for(60)
        served.kill_all()
    assert told.acknowledged
    shutil.rmtree(settings.data / "db")
    refused = command(settings, "serve")
    assert refused.returncode == 15
    assert f"resguardo journal rebuild --into {settings.database}" in refused.stderr
    rebuilt = command(settings, "journal", "rebuild", "--into", settings.database, "--json")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    with serving(settings):
        prove(settings, told)
        assert_journal_checks(settings)
