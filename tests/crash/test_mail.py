"""A process that sends mail is killed between any two steps: nothing is forgotten, and what may come twice is told.

A real SMTP server takes the messages; the process that is killed has them claimed, handed over, or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from post_office import PostOffice, opened
from resguardo.board.change import Create, assign
from resguardo.mail.alarm import Alarm, Answer
from resguardo.mail.delivery import LEASE, deliver
from resguardo.mail.rounds import Rounds
from resguardo.store.accounts import Account

SETTINGS = """
settings = store.connection.settings.model_copy(update={smtp!r})
"""
HAND_OUT = (
    SETTINGS
    + """
from resguardo.mail.delivery import deliver
from resguardo.mail.worklists import hand_out

list(hand_out(settings, store, ledger.now().astimezone(ledger.zone), None, "1"))
deliver(store, settings, ledger.now)
"""
)
LOOK = (
    SETTINGS
    + """
from datetime import timedelta
from resguardo.mail.rounds import Rounds

Rounds(settings, ledger).look(ledger.now() + timedelta(minutes=30))
"""
)
ALARM = (
    SETTINGS
    + """
from datetime import timedelta
from resguardo.mail.alarm import Alarm, Answer

alarm = Alarm(settings, ledger)
for minute in range(5):
    alarm.look(Answer(False, []), ledger.now() + timedelta(minutes=minute))
"""
)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with opened(PostOffice()) as office:
        yield office


@pytest.fixture
def smtp(office):
    return {
        **{"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none", "mail_from": "t@x.mx"},
        **{"mail_due": "", "mail_summary": ""},
    }


@pytest.fixture
def team(store, ledger):
    people = [Create("segmentador", name, {"email": f"{name}@ejemplo.mx"}) for name in ("ana", "beto", "ceci")]
    ledger.record([*people, *(Create("batch", f"b{n}", {}) for n in range(6))], actor="a", via="cli")
    ledger.record([assign(f"b{n}", ("ana", "beto", "ceci")[n % 3]) for n in range(6)], actor="a", via="cli")
    store.accounts.add(Account("jefa", "lead", None, False, None, None, ledger.now(), "jefa@ejemplo.mx"))
    ledger.journal.close()
    return ledger


def finished(store, settings):
    """What the next process does: the same is asked again, and all that waits is sent."""
    from resguardo.mail.worklists import hand_out

    list(hand_out(settings, store, datetime.now(UTC).astimezone(settings.zone), None, "1"))
    deliver(store, settings, lambda: datetime.now(UTC) + LEASE + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("failpoint", "twice"),
    [
        ("Outbox.put:before", None),
        ("Outbox.put:after", None),
        ("Outbox.put:after#2", None),
        ("Outbox.claim:before", None),
        ("Outbox.claim:after", None),
        ("delivery.hand_over:before#2", None),
        ("delivery.hand_over:after#2", 1),
        ("Outbox.finish:before", 0),
        ("Outbox.finish:after", None),
        ("Outbox.finish:before#3", 2),
    ],
)
def test_every_message_arrives_and_only_one_cut_off_after_the_250_comes_twice(
    store, settings, team, office, smtp, killed, failpoint, twice
):
    killed(failpoint, HAND_OUT.format(smtp=smtp))
    finished(store, settings.model_copy(update=smtp))
    assert store.outbox.counts() == {"sent": 3}
    arrived = [to for (to,) in office.envelopes]
    assert set(arrived) == {"ana@ejemplo.mx", "beto@ejemplo.mx", "ceci@ejemplo.mx"}
    again = {row["to"] for row in store.outbox.since(datetime(2020, 1, 1, tzinfo=UTC)) if row["again"]}
    if twice is None:
        assert len(arrived) == 3
        return
    assert len(arrived) == 4
    (double,) = {to for to in arrived if arrived.count(to) == 2}
    assert double == arrived[twice]
    assert again == {double}
    first, second = (content for to, content in zip(arrived, office.raw, strict=True) if to == double)
    assert first == second


@pytest.mark.long
@pytest.mark.parametrize(
    "failpoint", ["Outbox.put:before", "Outbox.put:after", "Outbox.put:after#2", "State.put:before", "State.put:after"]
)
def test_assignments_are_told_once_whenever_the_look_was_cut_off(
    store, settings, team, office, smtp, killed, failpoint
):
    own = settings.model_copy(update=smtp)
    store.state.put("mail:assigned", {"from": team.now() - timedelta(hours=1), "told": []})
    killed(failpoint, LOOK.format(smtp=smtp))
    Rounds(own, team).look(team.now() + timedelta(minutes=31))
    deliver(store, own, lambda: team.now() + timedelta(minutes=32))
    assert sorted(to for (to,) in office.envelopes) == ["ana@ejemplo.mx", "beto@ejemplo.mx", "ceci@ejemplo.mx"]
    assert all(message["Subject"] == "Tienes 2 batches nuevos" for message in office.messages)


@pytest.mark.long
@pytest.mark.parametrize(
    "failpoint",
    ["State.put:before#2", "State.put:after#2", "Outbox.put:before", "Outbox.put:after", "State.put:after#3"],
)
def test_the_alarm_rings_once_whenever_it_was_cut_off(store, settings, team, office, smtp, killed, failpoint):
    own = settings.model_copy(update=smtp)
    killed(failpoint, ALARM.format(smtp=smtp))
    alarm = Alarm(own, team)
    for minute in range(5, 12):
        alarm.look(Answer(False, []), team.now() + timedelta(minutes=minute))
    deliver(store, own, lambda: team.now() + timedelta(minutes=15))
    assert [to for (to,) in office.envelopes] == ["jefa@ejemplo.mx"]
