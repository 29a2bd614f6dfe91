"""The alarm: once a turn, after it has held; told directly where MongoDB itself is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from post_office import PostOffice
from resguardo.mail.alarm import ALARM, HOLDS, Alarm, Answer
from resguardo.mail.delivery import deliver
from resguardo.mail.post import Post
from resguardo.store.connect import MongoError
from resguardo.store.embedded import EmbeddedServer
from waiting import wait_until

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LINE = {"name": "Diario", "state": "red", "value": "disco lleno", "advice": "Libera espacio."}
NO, YES = Answer(False, [LINE]), Answer(True, [])


@pytest.fixture
def alarm(team, mailing):
    return Alarm(mailing, team)


def queued(team):
    rows = sorted(team.store.outbox.since(NOW - MINUTE), key=lambda row: row["_id"])
    return [(row["to"], row["subject"].split(":")[0]) for row in rows]


def test_it_is_told_once_when_it_turns_and_once_when_it_turns_back(team, alarm):
    counts = [alarm.look(NO, NOW + minute * MINUTE) for minute in range(8)]
    assert counts == [0, 0, 0, 1, 0, 0, 0, 0]
    counts = [alarm.look(YES, NOW + minute * MINUTE) for minute in range(8, 16)]
    assert counts == [0, 0, 0, 1, 0, 0, 0, 0]
    assert queued(team) == [("alice@ejemplo.mx", "En riesgo"), ("alice@ejemplo.mx", "Resguardada otra vez")]


def test_it_says_what_is_wrong_and_what_to_do(team, mailing, alarm, office):
    alarm.look(NO, NOW)
    alarm.look(NO, NOW + HOLDS)
    deliver(team.store, mailing, team.now)
    (message,) = office.to("alice@ejemplo.mx")
    text = message.get_body(("plain",)).get_content()
    assert "Riesgo: Diario: disco lleno. Libera espacio." in text


def test_a_moments_trouble_is_no_turn(team, alarm):
    for minute in range(20):
        alarm.look(NO if minute % 3 == 0 else YES, NOW + minute * MINUTE)
    assert queued(team) == []


def test_a_crash_between_the_turn_and_the_message_is_made_up_for_once(team, mailing, alarm):
    alarm.look(NO, NOW)
    alarm.look(NO, NOW + HOLDS)
    team.store.state.put(ALARM, {**team.store.state.get(ALARM), "told": False})
    assert Alarm(mailing, team).look(NO, NOW + HOLDS + MINUTE) == 0
    assert len(queued(team)) == 1


def test_two_processes_tell_it_once(team, mailing):
    both = [Alarm(mailing, team), Alarm(mailing, team)]
    for minute in range(6):
        for one in both:
            one.look(NO, NOW + minute * MINUTE)
    assert len(queued(team)) == 1


@pytest.fixture
def own_board(tmp_path, office):
    """A board whose MongoDB can be stopped."""
    from resguardo.config import Settings
    from resguardo.ledger.record import Ledger
    from resguardo.store import open_store
    from resguardo.store.accounts import Account

    smtp = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none", "mail_from": "t@x.mx"}
    settings = Settings(data=tmp_path / "own", mongodb_timeout=0.5, **smtp)
    server = EmbeddedServer.start(settings.data)
    with open_store(settings, server.uri) as store:
        store.ensure_indexes()
        store.accounts.add(Account("Alice", "lead", None, False, None, None, NOW, "alice@ejemplo.mx"))
        yield settings, Ledger(store, settings.zone), server
    server.stop()


def test_when_mongodb_is_away_the_leads_are_told_once_without_it(own_board, office: PostOffice):
    settings, ledger, server = own_board
    alarms = [Alarm(settings, ledger), Alarm(settings, ledger)]
    for alarm in alarms:
        alarm.look(YES, NOW)
    server.stop()
    with pytest.raises(MongoError):
        alarms[0].look(NO, NOW + MINUTE)
    counts = [alarm.away(NO, NOW + minute * MINUTE) for minute in range(1, 8) for alarm in alarms]
    assert sum(counts) == 1
    (message,) = office.messages
    assert message["Subject"] == "En riesgo: la información no está resguardada"


def test_when_mongodb_is_back_that_is_told_too(team, mailing, alarm, office):
    alarm.look(YES, NOW)
    for minute in range(5):
        alarm.away(NO, NOW + minute * MINUTE)
    assert len(office.raw) == 1
    counts = [alarm.look(YES, NOW + minute * MINUTE) for minute in range(5, 12)]
    assert sum(counts) == 1
    assert queued(team) == [("alice@ejemplo.mx", "Resguardada otra vez")]


def test_the_thread_decides_and_sends(team, mailing, office, give):
    settings = mailing.model_copy(update={"mail_assigned_minutes": 0, "mail_worklist": "* * * * *"})
    team.store.state.put("mail:slot:worklist", team.now() - timedelta(hours=1))
    post = Post(settings, team, lambda now: YES)
    post.start()
    try:
        wait_until(lambda: office.to("ana@ejemplo.mx"))
    finally:
        post.stop()
    assert office.messages[0]["Subject"] == "Tu lista de trabajo: 3 batches"


def test_without_a_server_in_the_settings_there_is_no_thread(team, settings):
    post = Post(settings, team, lambda now: YES)
    post.start()
    post.stop()
    assert not post._thread.is_alive()


def test_what_goes_wrong_over_the_alarm_keeps_no_list_back(team, mailing, office):
    settings = mailing.model_copy(update={"mail_worklist": "* * * * *"})
    team.store.state.put("mail:slot:worklist", team.now() - timedelta(hours=1))

    def measure(now):
        raise ValueError("an odd document")

    sent = Post(settings, team, measure).look(team.now())
    assert [one.to for one in sent] == ["ana@ejemplo.mx"]
    assert len(office.raw) == 1


def test_only_one_process_decides(team, mailing):
    asked = []
    posts = [Post(mailing, team, lambda now, n=n: asked.append(n) or YES) for n in range(3)]
    for post in posts * 3:
        post.look(team.now())
    assert set(asked) == {0}
