"""Which archives stay: golden cases, and laws that hold for every set of rules."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.errors import RefusedForSafety
from resguardo.vault.retention import Archive, Rules, decide

ZONE = ZoneInfo("America/Mexico_City")
NOW = datetime(2026, 11, 24, 23, 30, tzinfo=ZONE)


def nightly(days, hour=23):
    """One good archive a night, the newest tonight."""
    moments = (datetime(2026, 11, 24, hour, tzinfo=ZONE) - timedelta(days=back) for back in range(days))
    return [Archive(f"{moment:%Y-%m-%d}", moment.astimezone(UTC), good=True) for moment in moments]


def kept(archives, rules=Rules(), now=NOW):  # noqa: B008 frozen
    return {row.id: row.reason for row in decide(archives, rules, ZONE, now) if row.keep}


def test_a_year_of_nights_keeps_seven_days_four_weeks_twelve_months():
    assert list(kept(nightly(500))) == [
        *(f"2026-11-{day}" for day in range(24, 17, -1)),
        "2026-11-15",
        "2026-11-08",
        "2026-11-01",
        "2026-10-31",
        "2026-10-25",
        "2026-09-30",
        "2026-08-31",
        "2026-07-31",
        "2026-06-30",
        "2026-05-31",
        "2026-04-30",
        "2026-03-31",
        "2026-02-28",
        "2026-01-31",
        "2025-12-31",
        "2025-11-30",
    ]


GOLDEN = Path(__file__).parents[1] / "fixtures" / "retention.txt"


def golden():
    """Three years of a real vault: nights when the machine was off, failed drills, copies before dangerous operations,
    two a day now and then, pinned ones, and one that a clock which was ahead has left. A line for each decision."""
    archives, chance = [], random.Random(429)
    for back in range(1000):
        night = datetime(2026, 11, 24, 23, tzinfo=ZONE) - timedelta(days=back)
        if 100 < back < 140 or chance.random() < 0.05:
            continue
        archives.append(Archive(f"{night:%Y%m%d}", night, good=back > 3 and chance.random() < 0.97))
        if chance.random() < 0.04:
            noon = night - timedelta(hours=11)
            safety, why = chance.random() < 0.6, chance.choice([None, None, "auditoría"])
            archives.append(Archive(f"{noon:%Y%m%dT%H}", noon, good=True, safety=safety, pinned=why))
    archives.append(Archive("20280101", datetime(2028, 1, 1, tzinfo=ZONE), good=True))
    rows = decide(archives, Rules(), ZONE, NOW)
    return "".join(f"{'queda' if row.keep else 'se quita':9}{row.id:13}{row.reason}\n" for row in rows)


def test_three_years_are_decided_as_they_were_read_and_agreed_to():
    """After a change that is meant: `python -m pytest` with RESGUARDO_TEST_GOLDEN=write, and read the difference."""
    found = golden()
    if os.environ.get("RESGUARDO_TEST_GOLDEN") == "write":
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")


def test_the_day_is_the_boards_own():
    """23:00 in Mexico City is already the next day in UTC."""
    evening = datetime(2026, 11, 24, 23, tzinfo=ZONE)
    morning = datetime(2026, 11, 24, 0, 30, tzinfo=ZONE)
    archives = [Archive("evening", evening, True), Archive("morning", morning, True)]
    old = [Archive(f"old{n}", evening - timedelta(days=40 * n), True) for n in (1, 2, 3)]
    assert "morning" not in kept([*archives, *old], Rules(3, 0, 0))


def test_only_good_archives_fill_places():
    archives = nightly(10)
    spoilt = [Archive(row.id, row.moment, good=row.id != "2026-11-20") for row in archives]
    reasons = kept(spoilt, Rules(3, 0, 0))
    assert list(reasons) == ["2026-11-24", "2026-11-23", "2026-11-22", "2026-11-20"]
    assert reasons["2026-11-20"] == "espera su simulacro de restauración"


def test_pinned_safety_and_future_ones_stay_and_say_why():
    old = NOW - timedelta(days=80)
    archives = [
        *nightly(3),
        Archive("pinned", NOW - timedelta(days=900), True, pinned="entrega a auditoría"),
        Archive("safety", old, True, safety=True),
        Archive("old safety", NOW - timedelta(days=91), True, safety=True),
        Archive("future", NOW + timedelta(days=1), True),
    ]
    reasons = kept(archives, Rules(1, 0, 0))
    assert list(reasons) == ["future", "2026-11-24", "safety", "pinned"]
    assert reasons["pinned"] == "fijada: entrega a auditoría"
    assert reasons["safety"].startswith("previa a una operación delicada, hasta el ")
    assert "futuro" in reasons["future"]


def test_rules_that_keep_nothing_are_refused():
    with pytest.raises(RefusedForSafety):
        decide(nightly(3), Rules(0, 0, 0), ZONE, NOW)
    with pytest.raises(RefusedForSafety):
        decide(nightly(3), Rules(5, -1, 0), ZONE, NOW)


archives = st.lists(
    st.builds(
        Archive,
        id=st.uuids().map(str),
        moment=st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
        good=st.booleans(),
        safety=st.booleans(),
        pinned=st.none() | st.just("x"),
    ),
    max_size=60,
)
rules = st.builds(Rules, st.integers(0, 9), st.integers(0, 9), st.integers(0, 14)).filter(
    lambda rules: rules.daily + rules.weekly + rules.monthly
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(archives, rules, moments)
def test_whatever_the_rules_the_newest_good_one_and_two_in_all_survive(archives, rules, now):
    decisions = decide(archives, rules, ZONE, now)
    kept = {row.id for row in decisions if row.keep}
    good = [row for row in archives if row.good and row.moment <= now]
    assert not good or max(good, key=lambda row: (row.moment, row.id)).id in kept
    assert len(kept) >= min(2, len(archives))
    assert {row.id for row in archives if row.pinned is not None or row.moment > now} <= kept
    assert all(row.reason for row in decisions)
    assert [row.id for row in decisions] == [
        row.id for row in sorted(archives, key=lambda row: (row.moment, row.id), reverse=True)
    ]


@given(archives, rules, moments)
def test_deciding_again_after_removing_changes_nothing_but_what_age_does(archives, rules, now):
    first = {row.id for row in decide(archives, rules, ZONE, now) if row.keep}
    rest = [row for row in archives if row.id in first]
    assert {row.id for row in decide(rest, rules, ZONE, now) if row.keep} == first
