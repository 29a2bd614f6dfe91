"""`resguardo mail`, as people and scripts run it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from post_office import PostOffice, opened
from resguardo.board.change import Create, assign
from resguardo.exchange import exports
from resguardo.ledger.record import Ledger

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with opened(PostOffice()) as office:
        yield office


@pytest.fixture
def environment(office: PostOffice) -> dict[str, str]:
    return {
        "RESGUARDO_SMTP_HOST": "127.0.0.1",
        "RESGUARDO_SMTP_PORT": str(office.port),
        "RESGUARDO_SMTP_SECURITY": "none",
        "RESGUARDO_MAIL_FROM": "Tablero <t@ejemplo.mx>",
    }


@pytest.fixture(autouse=True)
def team(ledger: Ledger) -> None:
    people = [Create("segmentador", "Ana", {"email": "ana@ejemplo.mx"}), Create("segmentador", "Beto", {})]
    ledger.record([*people, Create("batch", "b1", {}), Create("batch", "b2", {})], actor="t", via="cli")
    ledger.record([assign("b1", "Ana"), assign("b2", "Beto")], actor="t", via="cli")


def told(done: CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(done.stdout))


def test_a_persons_list_is_sent_with_the_export(
    run: Command, environment: dict[str, str], office: PostOffice, ledger: Ledger
) -> None:
    done = run("mail", "worklist", "Ana", **environment)
    assert (done.returncode, done.stdout) == (0, "Ana: enviado a ana@ejemplo.mx\n")
    (file,) = office.messages[0].iter_attachments()
    today = ledger.now().astimezone(ledger.zone).date()
    assert file.get_payload(decode=True) == b"".join(exports.worklist(ledger.store.pages, "Ana", today)[1])


def test_a_dry_run_says_what_would_go_and_sends_nothing(
    run: Command, environment: dict[str, str], office: PostOffice, ledger: Ledger
) -> None:
    done = run("mail", "worklist", "--all", "--dry-run")
    assert done.returncode == 3  # not everybody can be reached
    assert "Ana: se enviaría a ana@ejemplo.mx: «Tu lista de trabajo: 1 batch», Ana_" in done.stdout
    assert "Beto: no tiene correo" in done.stdout
    assert office.raw == []
    assert ledger.store.outbox.counts() == {}


def test_everybody_and_what_became_of_each(run: Command, environment: dict[str, str], office: PostOffice) -> None:
    office.answers["ana@ejemplo.mx"] = "550 5.1.1 no such user"
    done = run("mail", "worklist", "--all", "--json", **environment)
    assert done.returncode == 1
    states = {row["name"]: (row["state"], row["why"]) for row in told(done)["messages"]}
    assert states == {"Ana": ("refused", "550 5.1.1 no such user"), "Beto": ("skipped", "no tiene correo")}
    status = told(run("mail", "status", "--json", **environment))
    assert status["configured"] is True
    assert status["counts"] == {"failed": 1}
    assert status["messages"][0]["why"] == "550 5.1.1 no such user"


def test_a_server_that_is_away_is_said_and_the_message_stays(
    run: Command, environment: dict[str, str], ledger: Ledger
) -> None:
    nowhere = {**environment, "RESGUARDO_SMTP_PORT": "1"}
    done = run("mail", "worklist", "Ana", **nowhere)
    assert done.returncode == 1
    assert "No se puede hablar con el servidor de correo 127.0.0.1:1" in done.stderr
    assert ledger.store.outbox.counts() == {"queued": 1}
    assert "Ahora no se puede enviar" in run("mail", "status", **nowhere).stdout


def test_without_settings_it_says_which_are_missing(run: Command) -> None:
    done = run("mail", "worklist", "Ana")
    assert done.returncode == 1
    assert "RESGUARDO_SMTP_HOST" in done.stderr
    assert run("mail", "worklist").returncode == 2
    assert run("mail", "worklist", "Nadie", "--dry-run").returncode == 1
