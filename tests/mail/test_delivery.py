"""Each message once, whatever the server answers and however many send; what went wrong is kept to be seen."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from post_office import PostOffice, free_port, opened
from resguardo.errors import MailTrouble
from resguardo.mail.address import Recipient
from resguardo.mail.delivery import KEPT, LEASE, TROUBLE, deliver, forget_old, pause, queue, troubled
from resguardo.mail.messages import Draft

MINUTE = timedelta(minutes=1)


def draft(number=1, to="ana@ejemplo.mx"):
    return Draft("trial", Recipient("Ana", to, "es"), f"Mensaje {number}", "hola", "<p>hola</p>")


@pytest.fixture
def put(team, mailing):
    def put(key, to="ana@ejemplo.mx"):
        return queue(team.store, mailing, draft(key, to), key, team.now())

    return put


@pytest.fixture
def sending(team, mailing):
    """Send, as if so much later."""

    def sending(later=timedelta(0), settings=mailing, **more):
        return deliver(team.store, settings, lambda: team.now() + later, **more)

    return sending


def state(team, key):
    row = team.store.outbox.get(key)
    return row["state"], row["attempts"], row["why"]


def test_the_same_is_queued_once_and_sent_once(team, office, put, sending):
    assert put("a")
    assert not put("a")
    assert [sent.key for sent in sending()] == ["a"]
    assert not put("a")
    assert sending(KEPT) == []
    assert len(office.raw) == 1
    assert state(team, "a") == ("sent", 1, "250 Ok: queued as 1")


def test_what_arrives_has_the_id_that_is_kept(team, office, put, sending):
    put("a")
    sending()
    assert office.messages[0]["Message-ID"] == team.store.outbox.get("a")["message_id"]
    assert office.raw[0] == team.store.outbox.content("a")


def test_a_refusal_is_final_and_is_said(team, office, put, sending):
    office.answers["no@ejemplo.mx"] = "550 5.1.1 no such user"
    put("a", "no@ejemplo.mx")
    put("b")
    assert {sent.key: sent.outcome.state for sent in sending()} == {"a": "refused", "b": "sent"}
    assert state(team, "a") == ("failed", 1, "550 5.1.1 no such user")
    assert sending(KEPT / 2) == []
    assert office.envelopes == [["ana@ejemplo.mx"]]


def test_what_failed_can_be_tried_again(team, office, put, sending):
    office.answers["ana@ejemplo.mx"] = "550 no such user"
    put("a")
    sending()
    office.answers.clear()
    assert team.store.outbox.again("a", team.now(), team.now() + KEPT)
    assert not team.store.outbox.again("a", team.now(), team.now() + KEPT)
    sending()
    assert state(team, "a")[0] == "sent"


def test_what_is_put_off_is_tried_with_growing_pauses_until_its_time_is_out(team, office, put, sending):
    office.answers["ana@ejemplo.mx"] = "451 greylisted"
    put("a")
    assert [sent.outcome.state for sent in sending()] == ["later"]
    assert sending(MINUTE / 2) == []
    assert len(sending(MINUTE * 1.1)) == 1
    assert sending(MINUTE * 2) == []
    assert state(team, "a") == ("queued", 2, "451 greylisted")
    assert sending(KEPT + MINUTE) == []
    assert state(team, "a") == ("failed", 2, "451 greylisted")
    assert [pause(n) / MINUTE for n in (1, 2, 3, 6, 7, 50)] == [1, 2, 4, 32, 60, 60]


def test_a_connection_cut_after_the_message_means_it_may_come_twice_and_that_is_told(team, office, put, sending):
    office.hang_up = 1
    put("a")
    assert [sent.outcome.state for sent in sending()] == ["lost"]
    assert team.store.outbox.get("a")["again"] is True
    sending(MINUTE * 2)
    assert state(team, "a")[0] == "sent"
    assert office.raw[0] == office.raw[1]
    assert office.messages[0]["Message-ID"] == office.messages[1]["Message-ID"]


def test_without_a_server_nothing_counts_and_nothing_is_lost(team, mailing, put, sending):
    put("a")
    nowhere = mailing.model_copy(update={"smtp_port": free_port()})
    for _ in range(2):
        with pytest.raises(MailTrouble):
            sending(settings=nowhere)
    assert state(team, "a") == ("queued", 0, "")
    trouble = team.store.state.get(TROUBLE)
    assert "No se puede hablar con el servidor de correo" in trouble["why"]
    assert trouble["count"] == 2
    assert troubled(team.store, team.now())
    assert not troubled(team.store, team.now() + MINUTE * 5)
    assert [sent.outcome.state for sent in sending()] == ["sent"]
    assert team.store.state.get(TROUBLE) is None


def test_what_waited_in_vain_says_why(team, mailing, put, sending):
    put("a")
    nowhere = mailing.model_copy(update={"smtp_port": free_port()})
    with pytest.raises(MailTrouble):
        sending(settings=nowhere)
    sending(KEPT + MINUTE)
    assert state(team, "a")[0] == "failed"
    assert "No se puede hablar" in state(team, "a")[2]


def test_what_another_is_sending_is_left_to_it_until_its_lease_ends(team, office, put, sending):
    put("a")
    claimed = team.store.outbox.claim(team.now(), team.now() + LEASE)
    assert sending() == []
    assert [sent.outcome.state for sent in sending(LEASE + MINUTE)] == ["sent"]
    assert team.store.outbox.get("a")["again"] is True
    assert not team.store.outbox.finish(claimed, "failed", team.now(), "too late")
    assert state(team, "a")[0] == "sent"


def test_only_what_was_asked_for_is_sent(team, office, put, sending):
    put("a")
    put("b")
    assert [sent.key for sent in sending(keys=["b"])] == ["b"]
    assert state(team, "a")[0] == "queued"


def test_old_messages_are_forgotten_and_what_waits_stays(team, office, put, sending):
    put("a")
    sending()
    put("b")
    forget_old(team.store, team.now() + timedelta(days=31))
    assert team.store.outbox.content("a") is None
    assert state(team, "a")[0] == "sent"
    assert team.store.outbox.content("b")
    forget_old(team.store, team.now() + timedelta(days=366))
    assert team.store.outbox.get("a") is None
    assert state(team, "b")[0] == "queued"


SENDER = """
import sys
from datetime import UTC, datetime
from resguardo.config import load
from resguardo.mail.delivery import deliver
from resguardo.store import open_store
with open_store(load()) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(len(deliver(store, store.connection.settings, lambda: datetime.now(UTC))))
"""


def test_several_processes_share_the_work_and_each_message_goes_once(team, mailing, office, put):
    keys = [f"m{number:02}" for number in range(40)]
    for key in keys:
        put(key)
    own = {
        "MONGODB_URI": mailing.mongodb_uri.get_secret_value(),
        "DATABASE": mailing.database,
        "DATA": str(mailing.data),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(office.port),
        "SMTP_SECURITY": "none",
        "MAIL_FROM": mailing.mail_from,
    }
    environment = {f"RESGUARDO_{name}": value for name, value in own.items()}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", textwrap.dedent(SENDER)]
    processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    counts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(counts) == 40
    assert sorted(message["Subject"] for message in office.messages) == [f"Mensaje {key}" for key in keys]
    assert team.store.outbox.counts() == {"sent": 40}


def test_more_than_one_connections_worth(team, office, put, sending):
    for number in range(60):
        put(f"m{number}")
    assert len(sending()) == 60
    assert len(office.raw) == 60


def test_a_server_that_takes_no_more_is_asked_again_later(team, mailing, put, sending):
    """Hanging up on the greeting is trouble of the connection, not of a message."""
    put("a")
    with opened(PostOffice(), data_size_limit=10) as office:
        small = mailing.model_copy(update={"smtp_port": office.port})
        (sent,) = sending(settings=small)
        assert sent.outcome.state == "refused"
        assert "552" in sent.outcome.why
