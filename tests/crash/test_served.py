"""A real board under writers, killed between two steps or at any moment: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import threading

import pytest
from proof import all_is_well, assert_acknowledged
from served import Told, Writers, assert_journal_checks, make_board, serving

from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store

WRITERS = 8

STEPS = [
    ("Entries.insert:before", 0),
    ("Entries.insert:after", 0),
    ("Journal.submit:after", 0),
    ("Documents.project:after", 0),
    ("GrowingFile._write:half", 0),
    ("GrowingFile._write:after", 0),
    ("GrowingFile._fsync:after", 0),
    ("Handed.wait:after", 0),
    ("Settler.remember:after", 0),
    # A segment ends, and the next one begins.
    ("GrowingFile.close:before", 2000),
    ("GrowingFile.__init__:after", 2000),
    ("GrowingFile._write:half#3", 2000),
]
PARTS = 3


def prove(settings: Settings, store: Store, told: Told) -> None:
    """After a start: what was acknowledged is there, and all that is there fits together."""
    ledger = Ledger(store, settings.zone)
    assert assert_acknowledged(ledger, told.acknowledged) == len(told.acknowledged)
    all_is_well(ledger)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_killed_between_two_steps_loses_nothing(settings: Settings, store: Store, part: int) -> None:
    token, told = make_board(settings), Told()
    for failpoint, segment_bytes in STEPS[part::PARTS]:
        with serving(settings, failpoint, segment_bytes) as served:
            prove(settings, store, told)
            with Writers(served.port, token, told, count=WRITERS) as writers:
                writers.wait_for(2 * WRITERS)
                served.arm()
                served.wait_for_its_end()
    with serving(settings):
        prove(settings, store, told)
        assert_journal_checks(settings)


def killed_at_random(settings: Settings, store: Store, rounds: int) -> int:
    seed = os.urandom(4).hex()
    print(f"seed {seed}")
    chance = random.Random(seed)
    token, told = make_board(settings), Told()
    for _ in range(rounds):
        with serving(settings) as served:
            prove(settings, store, told)
            with Writers(served.port, token, told, count=WRITERS) as writers:
                writers.wait_for(1)
                threading.Event().wait(chance.uniform(0, 0.7))  # the moment is the point: no condition to wait for
                chance.choice([served.kill_worker, served.kill_all])()
                served.wait_for_its_end()
    with serving(settings):
        prove(settings, store, told)
        report = assert_journal_checks(settings)
        assert report["journaled"] >= report["entries"] >= len(told.acknowledged)
    print(f"{rounds} kills, {len(told.acknowledged)} acknowledged changes, {report['entries']} entries")
    return len(told.acknowledged)


def test_kills_at_random_moments_lose_nothing(settings: Settings, store: Store) -> None:
    assert killed_at_random(settings, store, 8) > 8


@pytest.mark.long
def test_a_hundred_kills_at_random_moments_lose_nothing(settings: Settings, store: Store) -> None:
    assert killed_at_random(settings, store, 100) > 100
