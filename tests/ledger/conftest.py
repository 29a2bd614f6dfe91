"""A ledger whose clock goes on only when it is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

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
