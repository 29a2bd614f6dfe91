"""A served board with four accounts: Alice leads, Rita reviews, Bob segments, Charlie only looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from browsing import PASSWORD, TEAM, Browser
from resguardo import auth
from resguardo.board.change import Create, assign
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import Store
from resguardo.store.accounts import Account
from resguardo.web.app import create_app
from waiting import wait_until

# A guess is meant to be dear; hundreds of tests log in.
auth._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # type: ignore[misc]
HASH = auth.hash_password(PASSWORD)


@pytest.fixture
def watch(store: Store, ledger: Ledger) -> Iterator[Watch]:
    watch = Watch(store, ledger)
    watch.start()
    yield watch
    watch.stop()


@pytest.fixture
def app(settings: Settings, store: Store, ledger: Ledger, watch: Watch) -> Flask:
    for name, role in TEAM.items():
        store.accounts.add(Account(name, role, HASH, False, None, None, ledger.now()))
    ledger.record(
        [
            Create("segmentador", "Bob", {}),
            Create("segmentador", "Ana", {}),
            *[Create("batch", f"batch_{number:06}", {}) for number in range(1, 6)],
        ],
        actor="test",
        via="cli",
    )
    ledger.record([assign("batch_000001", "Bob")], actor="test", via="cli")
    return create_app(settings, store, ledger, watch)


@pytest.fixture
def browser(app: Flask) -> Callable[[str], Browser]:
    return lambda name: Browser(app.test_client(), name)


@pytest.fixture
def done(alice: Browser) -> Callable[[str], dict[str, Any]]:
    """Waits for what was begun in the background."""

    def wait(task: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            summary: dict[str, Any] = alice.get(f"/api/backups/tasks/{task}").json or {}
            return summary if summary["state"] != "running" else None

        return wait_until(ended, 30) or {}

    return wait


@pytest.fixture
def alice(browser: Callable[[str], Browser]) -> Browser:
    return browser("Alice")
