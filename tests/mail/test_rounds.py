"""Who gets what when: collected, once, by the board's clock, and nothing for what was before mail began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resguardo.board.change import Create, Edit, edit
from resguardo.ledger.record import Ledger
from resguardo.mail.rounds import Rounds

MEXICO = ZoneInfo("America/Mexico_City")
MONDAY = datetime(2035, 1, 1, 8, tzinfo=MEXICO).astimezone(UTC)
"""Later than anything that the fixtures record: a moment never goes back within a document."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clock(team, monkeypatch):
    """The board's time, moved by hand: what is recorded is recorded then."""
    moment = {"now": MONDAY - DAY}
    monkeypatch.setattr(Ledger, "now", lambda self: moment["now"])

    def clock(to=None):
        if to is not None:
            moment["now"] = to
        return moment["now"]

    return clock


@pytest.fixture
def rounds(team, mailing, clock):
    quiet = {"mail_due": "", "mail_summary": "", "mail_worklist": ""}

    def rounds(**more):
        return Rounds(mailing.model_copy(update={**quiet, **more}), team)

    return rounds


def subjects(team, kind=None):
    rows = sorted(team.store.outbox.since(MONDAY - 90 * DAY), key=lambda row: (row["made_at"], row["_id"]))
    return [(row["name"], row["subject"]) for row in rows if kind in (None, row["kind"])]


def test_many_assignments_become_one_message_when_it_is_quiet(team, clock, rounds, give):
    own = rounds()
    own.look(clock())
    for number in (4, 5):
        give("Ana", f"batch_00000{number}")
        clock(clock() + MINUTE)
        assert own.look(clock()) == 0
    assert own.look(clock(clock() + 13 * MINUTE)) == 0
    assert own.look(clock(clock() + 2 * MINUTE)) == 1
    assert own.look(clock(clock() + 60 * MINUTE)) == 0
    assert subjects(team) == [("Ana", "Tienes 2 batches nuevos")]


def test_whoever_keeps_assigning_does_not_keep_others_waiting_for_ever(team, clock, rounds):
    own = rounds()
    own.look(clock())
    for turn in range(14):
        team.record([Create("batch", f"nuevo_{turn}", {"assignee": "Ana"})], actor="Alice", via="page")
        own.look(clock(clock() + 5 * MINUTE))
    # Four quiet periods of 15 minutes: the last two are for the next message.
    assert subjects(team) == [("Ana", "Tienes 12 batches nuevos")]


def test_what_was_taken_back_is_not_told(team, clock, rounds, give):
    own = rounds()
    own.look(clock())
    give("Ana", "batch_000004", "batch_000005")
    give(None, "batch_000005")
    own.look(clock(clock() + 20 * MINUTE))
    assert subjects(team) == [("Ana", "Tienes 1 batch nuevo")]


def test_a_crash_before_it_was_noted_does_not_send_twice(team, clock, rounds, give):
    own = rounds()
    own.look(clock())
    before = team.store.state.get("mail:assigned")
    give("Ana", "batch_000004")
    assert own.look(clock(clock() + 20 * MINUTE)) == 1
    team.store.state.put("mail:assigned", before)
    assert own.look(clock(clock() + 20 * MINUTE)) == 0


def test_the_next_batch_is_told_in_the_next_message(team, clock, rounds, give):
    own = rounds()
    own.look(clock())
    give("Ana", "batch_000004")
    own.look(clock(clock() + 20 * MINUTE))
    give("Ana", "batch_000005")
    own.look(clock(clock() + 20 * MINUTE))
    assert subjects(team) == [("Ana", "Tienes 1 batch nuevo")] * 2
    assert "batch_000004" not in contents(team)[-1].split("--")[0]


def contents(team):
    rows = sorted(team.store.outbox.since(MONDAY - 90 * DAY), key=lambda row: row["made_at"])
    return [team.store.outbox.content(row["_id"]).decode() for row in rows]


def test_a_new_batch_and_an_edit_that_gives_it_away_are_assignments_and_other_edits_are_not(team, clock, rounds):
    own = rounds()
    own.look(clock())
    clock(clock() + HOUR)
    team.record([Create("batch", "nuevo", {"assignee": "Ana"})], actor="a", via="cli")
    both = {("assignee",): "Ana", ("status",): "In"}
    team.record([Edit("batch", "batch_000005", both)], actor="a", via="import")
    team.record([edit("batch", "batch_000001", {"comments": "x"})], actor="a", via="page")
    own.look(clock(clock() + 20 * MINUTE))
    assert subjects(team) == [("Ana", "Tienes 2 batches nuevos")]


def test_whoever_wants_none_gets_none(team, clock, rounds, give):
    team.record([edit("segmentador", "Ana", {"mail_off": True})], actor="Ana", via="page")
    own = rounds(mail_worklist="0 8 * * 1", mail_due="0 8 * * *")
    own.look(clock())
    give("Ana", "batch_000004")
    team.record([edit("batch", "batch_000001", {"metadata": {"due_date": "2034-12-29"}})], actor="a", via="page")
    assert own.look(clock(MONDAY + MINUTE)) == 0
    assert subjects(team) == []


def test_work_lists_go_to_everybody_with_work_once_a_slot(team, clock, rounds, mailing):
    own = rounds(mail_worklist="0 8 * * 1")
    assert own.look(clock()) == 0
    assert own.look(clock(MONDAY - MINUTE)) == 0
    assert own.look(clock(MONDAY + MINUTE)) == 1
    assert own.look(clock(MONDAY + HOUR)) == 0
    assert own.look(clock(MONDAY + 7 * DAY + MINUTE)) == 1
    assert subjects(team) == [("Ana", "Tu lista de trabajo: 3 batches")] * 2


def test_a_slot_that_was_cut_off_goes_on_where_it_was(team, clock, rounds):
    own = rounds(mail_worklist="0 8 * * 1")
    own.look(clock())
    slot = team.store.state.get("mail:slot:worklist")
    assert own.look(clock(MONDAY)) == 1
    team.store.state.put("mail:slot:worklist", slot)
    assert own.look(clock(MONDAY + MINUTE)) == 0


def test_mail_begins_with_the_first_look_and_a_slot_missed_for_days_is_not_made_up_for(team, clock, rounds):
    own = rounds(mail_worklist="0 8 * * 1")
    assert own.look(clock(MONDAY + HOUR)) == 0
    assert own.look(clock(MONDAY + 9 * DAY)) == 0
    assert own.look(clock(MONDAY + 14 * DAY + HOUR)) == 1


def test_a_due_date_is_told_when_it_comes_near_and_when_it_has_passed(team, clock, rounds):
    team.record([edit("batch", "batch_000001", {"metadata": {"due_date": "2035-01-04"}})], actor="a", via="page")
    own = rounds(mail_due="0 8 * * *")
    own.look(clock())
    told = [own.look(clock(MONDAY + day * DAY)) for day in range(7)]
    assert told == [1, 0, 0, 0, 1, 0, 0]
    assert subjects(team, "due") == [("Ana", "1 batch por vencer"), ("Ana", "1 batch vencido")]


def test_what_is_finished_is_not_due(team, clock, rounds):
    fields = {"status": "S", "metadata": {"due_date": "2034-12-29"}}
    team.record([edit("batch", "batch_000001", fields)], actor="a", via="page")
    own = rounds(mail_due="0 8 * * *")
    own.look(clock())
    assert own.look(clock(MONDAY)) == 0


def test_the_leads_get_the_summary_with_what_was_done_since(team, clock, rounds):
    own = rounds(mail_summary="0 8 * * 1")
    own.look(clock())
    assert own.look(clock(MONDAY)) == 1
    team.record([edit("batch", "batch_000001", {"status": "S"})], actor="Ana", via="page")
    assert own.look(clock(MONDAY + 7 * DAY)) == 1
    assert subjects(team) == [
        ("Alice", "Resumen del equipo: 0.0% completado"),
        ("Alice", "Resumen del equipo: 20.0% completado"),
    ]
    assert "S 1 (+1)" in contents(team)[-1]
    assert "S 0" in contents(team)[0]


def test_a_look_reads_on_from_the_last_one_and_counts_each_assignment_once(team, clock, rounds, give, monkeypatch):
    own = rounds()
    own.look(clock())
    team.record([Create("batch", f"n{n:03}", {"assignee": "Ana"}) for n in range(150)], actor="a", via="cli")
    read = []
    real = team.store.entries.given
    monkeypatch.setattr(team.store.entries, "given", lambda since, until: read.append(since) or real(since, until))
    for _ in range(20):  # within the overlap, so that each look comes upon the same entries
        own.look(clock(clock() + timedelta(seconds=1)))
    own.look(clock(clock() + 16 * MINUTE))
    assert subjects(team) == [("Ana", "Tienes 150 batches nuevos")]
    assert read == sorted(read)
    assert read[-1] > MONDAY - DAY
