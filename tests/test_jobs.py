"""What runs when: slots by the board's clock, each made once, missed ones made up for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo import jobs as jobs_module
from resguardo.board.change import Create
from resguardo.errors import Usage
from resguardo.jobs import CLAIM, CLAIMED_FOR, FAILURE, SLOT, Jobs, due, last_slot, next_slot, schedule_of
from resguardo.ledger.record import Ledger
from resguardo.status import newest_good
from resguardo.vault.catalogue import Catalogue

MEXICO, NEW_YORK = ZoneInfo("America/Mexico_City"), ZoneInfo("America/New_York")
SCHEDULE = {"daily": "0 23 * * *", "weekly": "0 23 * * 5", "monthly": "0 23 * * 5L"}


def mexico(*when):
    return datetime(*when, tzinfo=MEXICO)


def test_slots_are_of_the_boards_own_clock():
    now = mexico(2026, 11, 24, 12)
    assert {kind: last_slot(cron, MEXICO, now) for kind, cron in SCHEDULE.items()} == {
        "daily": mexico(2026, 11, 23, 23),
        "weekly": mexico(2026, 11, 20, 23),
        "monthly": mexico(2026, 10, 30, 23),
    }
    assert next_slot(SCHEDULE["monthly"], MEXICO, now) == mexico(2026, 11, 27, 23)
    assert last_slot(SCHEDULE["daily"], MEXICO, mexico(2026, 11, 24, 23)) == mexico(2026, 11, 24, 23)


def test_a_slot_in_the_hour_that_daylight_saving_skips_or_repeats_comes_once():
    spring = {last_slot("30 2 * * *", NEW_YORK, datetime(2026, 3, 8, hour, 59, tzinfo=UTC)) for hour in range(7, 24)}
    assert len(spring) == 1
    autumn = {last_slot("30 1 * * *", NEW_YORK, datetime(2026, 11, 1, hour, 59, tzinfo=UTC)) for hour in range(6, 24)}
    assert len(autumn) == 1


def test_what_was_missed_is_made_up_for_once():
    done = {kind: mexico(2026, 11, 1, 23) for kind in SCHEDULE}
    now = mexico(2026, 11, 24, 9)
    slots = due(SCHEDULE, done, MEXICO, now)
    assert set(slots) == {"daily", "weekly"}
    assert due(SCHEDULE, done | slots, MEXICO, now) == {}


def test_a_clock_that_was_ahead_does_not_stop_copies_for_good():
    done = dict.fromkeys(SCHEDULE, mexico(2031, 1, 1, 23))
    assert set(due(SCHEDULE, done, MEXICO, mexico(2026, 11, 24, 9))) == set(SCHEDULE)


def test_a_board_that_moves_to_another_zone_makes_each_copy_once_by_its_new_clock():
    madrid, now = ZoneInfo("Europe/Madrid"), mexico(2026, 11, 24, 23, 5)
    done = due(SCHEDULE, {}, MEXICO, now)
    made = 0
    for minutes in range(0, 3 * 24 * 60, 10):
        slots = due(SCHEDULE, done, madrid, now + timedelta(minutes=minutes))
        made += "daily" in slots
        assert all(slot.astimezone(madrid).hour == 23 for slot in slots.values())
        done |= slots
    assert made == 3


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 60),
    st.sampled_from([MEXICO, NEW_YORK, ZoneInfo("Europe/Madrid"), ZoneInfo("Asia/Kathmandu")]),
)
def test_nothing_is_due_right_after_it_was_done(start, days, zone):
    slots = due(SCHEDULE, {}, zone, start)
    later = start + timedelta(days=days)
    again = due(SCHEDULE, slots, zone, later)
    assert due(SCHEDULE, slots, zone, start) == {}
    assert all(start < slot <= later for slot in again.values())
    assert ("daily" in again) == (last_slot(SCHEDULE["daily"], zone, later) > start)


def test_a_schedule_that_is_none_is_refused():
    from resguardo.config import load

    with pytest.raises(Usage, match="horario de cron"):
        load(backup_daily="a las once")
    assert set(schedule_of(load(backup_weekly=""))) == {"daily", "monthly"}


@pytest.fixture
def jobs(settings, ledger):
    ledger.record([Create("batch", "b1", {"comments": "año"})], actor="ana", via="api")
    return Jobs(settings, ledger)


def test_a_new_board_gets_a_good_copy_at_once_and_then_every_night(jobs, settings, ledger):
    now = ledger.now()
    made = jobs.look(now)
    assert (made["state"], made["batches"]) == ("good", 1)
    assert made["drill"]["rto"] > 0
    assert jobs.look(now) is None
    tomorrow = next_slot(settings.backup_daily, settings.zone, now)
    assert jobs.look(tomorrow - timedelta(seconds=1)) is None
    assert jobs.look(tomorrow)["reason"].startswith("programada: diaria")
    assert len(Catalogue(settings.data / "vault").list()) == 2


def test_a_clock_that_was_a_year_ahead_leaves_copies_that_go_on(jobs, settings, ledger, time_machine):
    today = ledger.now()
    time_machine.move_to(today + timedelta(days=400))
    ahead = jobs.look(ledger.now())
    time_machine.move_to(today + timedelta(minutes=1))
    back = jobs.look(ledger.now())
    assert (ahead["state"], back["state"]) == ("good", "good")
    assert back["id"] > ahead["id"]
    rows = Catalogue(settings.data / "vault").list()
    assert [row["id"] for row in rows] == [back["id"], ahead["id"]]
    assert newest_good(rows, ledger.now()) == datetime.fromisoformat(back["moment"])
    assert jobs.look(ledger.now()) is None
    tomorrow = next_slot(settings.backup_daily, settings.zone, ledger.now())
    time_machine.move_to(tomorrow)
    assert jobs.look(ledger.now())["id"] > back["id"]
    assert {row["state"] for row in Catalogue(settings.data / "vault").list()} == {"good"}


def test_of_many_processes_one_makes_the_copy(jobs, settings, store, ledger):
    others = [jobs, *(Jobs(settings, Ledger(store, settings.zone)) for _ in range(3))]
    now, made = ledger.now(), []
    threads = [threading.Thread(target=lambda job=job: made.append(job.look(now))) for job in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in made) == 1
    assert len(Catalogue(settings.data / "vault").list()) == 1


def gone():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(10)
    return process.pid


@pytest.mark.parametrize(
    ("host", "number", "made"),
    [
        (socket.gethostname(), gone, True),
        (socket.gethostname(), os.getpid, True),  # an earlier process that had our number
        (socket.gethostname(), os.getppid, False),
        ("otra-máquina", gone, False),
    ],
    ids=["gone", "number taken again", "at work", "of another machine"],
)
def test_the_copy_of_a_process_that_was_killed_is_made_by_the_next(jobs, store, ledger, host, number, made):
    now = ledger.now()
    assert store.state.claim(CLAIM, f"{host}-{number()}-0123456789abcdef", now, now + CLAIMED_FOR)
    assert (jobs.look(now) is not None) == made
    assert jobs.look(now + CLAIMED_FOR) is None if made else jobs.look(now + CLAIMED_FOR)["state"] == "good"


def test_a_program_that_ends_while_it_makes_a_copy_ends_quietly(settings, store, ledger):
    """What it leaves is made up for by the next one."""
    ledger.record([Create("batch", f"b{n}", {}) for n in range(300)], actor="ana", via="api")
    program = """
        import sys, time
        from resguardo.config import Settings
        from resguardo.jobs import CLAIM, Jobs
        from resguardo.ledger.record import Ledger
        from resguardo.store import open_store
        settings = Settings(data=sys.argv[1], mongodb_uri=sys.argv[2], database=sys.argv[3])
        holder = open_store(settings)
        store = holder.__enter__()
        Jobs(settings, Ledger(store, settings.zone)).start()
        while store.state.get(CLAIM) is None:
            time.sleep(0.001)
    """
    arguments = [str(settings.data), settings.mongodb_uri.get_secret_value(), settings.database]
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr == ""
    assert Jobs(settings, ledger).look(ledger.now())["state"] == "good"


def test_what_fails_is_noted_and_tried_again(jobs, settings, store, ledger, monkeypatch):
    def fails(*given, **named):
        raise OSError("no queda espacio")

    monkeypatch.setattr(jobs_module, "make_good", fails)
    now = ledger.now()
    with pytest.raises(OSError, match="espacio"):
        jobs.look(now)
    assert store.state.get(FAILURE)["why"] == "no queda espacio"
    assert store.state.get(SLOT + "daily") is None
    monkeypatch.undo()
    assert jobs.look(now + timedelta(minutes=1)) is None
    assert jobs.look(now + timedelta(minutes=11))["state"] == "good"
    assert store.state.get(FAILURE) is None
