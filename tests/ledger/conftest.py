"""A ledger whose clock goes on only when it is asked; the batches as another program reaches them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store


class Clock:
    """A `step` later each time it is looked at."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.step = timedelta(minutes=1)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(store: Store, settings: Settings, clock: Clock) -> Ledger:
    return Ledger(store, settings.zone, clock)


@pytest.fixture
def outside(settings: Settings) -> Iterator[Collection[dict[str, Any]]]:
    """The batches, as another program reaches them."""
    assert settings.mongodb_uri is not None
    with MongoClient[dict[str, Any]](settings.mongodb_uri.get_secret_value(), retryWrites=False) as client:
        yield client[settings.database]["batches"]
