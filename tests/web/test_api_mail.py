"""Mail over HTTP: only a lead sends, people decide for themselves, and a link changes nothing by being opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from browsing import TEAM, Browser
from post_office import PostOffice, opened
from resguardo.board.change import edit
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.mail.delivery import deliver
from resguardo.mail.unsubscribe import off_link


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with opened(PostOffice()) as office:
        yield office


@pytest.fixture
def settings(settings: Settings, office: PostOffice) -> Settings:
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none", "mail_from": "t@x.mx"}
    return settings.model_copy(update={**smtp, "public_url": "https://tablero.ejemplo.mx"})


@pytest.fixture(autouse=True)
def addressed(app: Flask, ledger: Ledger) -> None:
    """Bob has a batch and an address; Ana has neither."""
    ledger.record([edit("segmentador", "Bob", {"email": "bob@ejemplo.mx"})], actor="t", via="cli")


@pytest.fixture
def sent(settings: Settings, ledger: Ledger) -> Callable[[], list[str]]:
    return lambda: [sent.outcome.state for sent in deliver(ledger.store, settings, ledger.now)]


def body(answer: Any) -> dict[str, Any]:
    assert answer.json is not None, answer.text
    return dict(answer.json)


def test_a_lead_sends_a_list_and_sees_what_became_of_it(
    alice: Browser, office: PostOffice, sent: Callable[[], list[str]]
) -> None:
    answer = alice.post("/api/mail/worklist", {"names": ["Bob"]})
    assert answer.status_code == 202
    assert body(answer)["queued"] == ["Bob"]
    assert sent() == ["sent"]
    (message,) = office.messages
    (file,) = message.iter_attachments()
    assert file.get_payload(decode=True) == alice.get("/api/export/segmentador/Bob").data
    (row,) = body(alice.get("/api/mail/outbox"))["messages"]
    assert (row["state"], row["to"], row["why"]) == ("sent", "bob@ejemplo.mx", "250 Ok: queued as 1")
    shown = body(alice.get("/api/mail/outbox", query_string={"key": row["key"]}))
    assert "Hola, Bob." in shown["text"]
    assert shown["subject"] == "Tu lista de trabajo: 1 batch"


def test_two_clicks_send_once(alice: Browser, office: PostOffice, sent: Callable[[], list[str]]) -> None:
    for _ in range(2):
        assert alice.post("/api/mail/worklist", {"names": ["Bob"], "once": "x1"}).status_code == 202
    assert sent() == ["sent"]


def test_everybody_who_can_be_reached_and_why_not_the_others(alice: Browser, sent: Callable[[], list[str]]) -> None:
    answer = body(alice.post("/api/mail/worklist", {"all": True}))
    assert answer["queued"] == ["Bob"]
    assert answer["skipped"] == [{"name": "Ana", "why": "no tiene correo"}]
    assert sent() == ["sent"]


def test_nobody_is_written_to_whom_the_board_does_not_know(alice: Browser, sent: Callable[[], list[str]]) -> None:
    assert alice.post("/api/mail/worklist", {"names": ["Bob", "Nadie"]}).status_code == 404
    assert sent() == []


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("GET", "/api/mail", None),
        ("GET", "/api/mail/outbox", None),
        ("GET", "/api/mail/preview/worklist?name=Bob", None),
        ("POST", "/api/mail/worklist", {"names": ["Bob"]}),
        ("POST", "/api/mail/trial", {"to": "a@x.mx"}),
        ("POST", "/api/mail/outbox/again", {"keys": ["a"]}),
    ],
)
def test_only_a_lead_may(browser: Callable[[str], Browser], method: str, path: str, given: Any) -> None:
    for name in TEAM:
        status = browser(name).send(method, path, given).status_code
        assert (status != 403) == (name == "Alice"), name


def test_a_preview_is_shown_and_nothing_is_queued(alice: Browser, sent: Callable[[], list[str]]) -> None:
    shown = body(alice.get("/api/mail/preview/worklist?name=Bob"))
    assert shown["file"]["name"].startswith("Bob_")
    frame = alice.get("/api/mail/preview/worklist?name=Bob&format=html")
    assert frame.mimetype == "text/html"
    assert "default-src 'none'" in frame.headers["Content-Security-Policy"]
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "Hola, Bob." in frame.text
    for kind in ("summary", "alarm"):
        assert alice.get(f"/api/mail/preview/{kind}").status_code == 200
    for path in ("worklist?name=Ana", "worklist?name=Nadie", "due?name=Bob", "nada?name=Bob"):
        assert alice.get(f"/api/mail/preview/{path}").status_code == 404
    assert sent() == []


def test_a_trial_clears_the_trouble_before(alice: Browser, office: PostOffice, sent: Callable[[], list[str]]) -> None:
    assert alice.post("/api/mail/trial", {"to": "a@x.mx\r\nBcc: b@x.mx"}).status_code == 400
    assert alice.post("/api/mail/trial", {"to": "a@x.mx"}).status_code == 202
    assert sent() == ["sent"]
    assert office.messages[0]["Subject"] == "Prueba de correo de Resguardo"


def test_what_was_refused_can_be_tried_again(alice: Browser, office: PostOffice, sent: Callable[[], list[str]]) -> None:
    office.answers["bob@ejemplo.mx"] = "550 5.1.1 no such user"
    alice.post("/api/mail/worklist", {"names": ["Bob"]})
    assert sent() == ["refused"]
    (row,) = body(alice.get("/api/mail/outbox"))["messages"]
    assert (row["state"], row["why"]) == ("failed", "550 5.1.1 no such user")
    office.answers.clear()
    assert body(alice.post("/api/mail/outbox/again", {"keys": [row["key"]]}))["queued"] == 1
    assert sent() == ["sent"]
    assert alice.post("/api/mail/outbox/again", {"keys": [row["key"]]}).status_code == 404


def test_a_segmentador_decides_for_themselves_and_not_for_others(
    alice: Browser, browser: Callable[[str], Browser], sent: Callable[[], list[str]]
) -> None:
    bob = browser("Bob")
    assert body(bob.get("/api/mail/own"))["person"]["email"] == "bob@ejemplo.mx"
    assert bob.send("PATCH", "/api/mail/own", {"mail_off": True, "mail_language": "en"}).status_code == 200
    assert bob.send("PATCH", "/api/mail/own", {"email": "otro@ejemplo.mx"}).status_code == 400
    assert bob.send("PATCH", "/api/mail/own", {"mail_language": "fr"}).status_code == 400
    assert bob.send("PATCH", "/api/segmentadores/Ana", {"mail_off": True}).status_code == 403
    answer = body(alice.post("/api/mail/worklist", {"names": ["Bob"]}))
    assert (answer["queued"], answer["skipped"]) == ([], [{"name": "Bob", "why": "pidió no recibir mensajes"}])
    assert alice.send("PATCH", "/api/segmentadores/Bob", {"mail_off": False}).status_code == 200
    assert body(alice.get("/api/mail/preview/worklist?name=Bob"))["subject"] == "Your work list: 1 batch"


def test_what_somebody_decided_is_in_their_history(browser: Callable[[str], Browser], ledger: Ledger) -> None:
    browser("Bob").send("PATCH", "/api/mail/own", {"mail_off": True})
    last = ledger.store.entries.of_document("segmentador", "Bob")[-1]
    assert (last.actor, last.via, last.action) == ("Bob", "page", "edit")


def test_a_lead_gives_an_address_for_the_alarm(alice: Browser) -> None:
    assert body(alice.get("/api/mail"))["leads"] == []
    assert alice.send("PATCH", "/api/mail/own", {"email": "no es"}).status_code == 400
    assert alice.send("PATCH", "/api/mail/own", {"email": "alice@ejemplo.mx"}).status_code == 200
    assert body(alice.get("/api/mail"))["leads"] == ["Alice"]
    assert alice.send("PATCH", "/api/mail/own", {"email": ""}).status_code == 200
    assert body(alice.get("/api/mail"))["leads"] == []


def test_a_link_asks_first_and_needs_no_login(app: Flask, ledger: Ledger, settings: Settings) -> None:
    path = off_link(settings, ledger.store, "Bob").removeprefix("https://tablero.ejemplo.mx")
    anybody = app.test_client()

    def is_off() -> bool:
        return (ledger.store.pages.person("Bob") or {}).get("mail_off") is True

    assert "Bob" in anybody.get(path).text
    assert not is_off()
    assert anybody.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert is_off()
    assert anybody.post(path, data={"on": "1"}).status_code == 200
    assert not is_off()
    assert anybody.post(path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 404
    assert anybody.get("/mail").status_code in (302, 401)


def test_nothing_is_sent_where_mail_is_not_set_up(app: Flask, alice: Browser, settings: Settings) -> None:
    board = app.extensions["resguardo"]
    bare = settings.model_copy(update={"smtp_host": ""})
    app.extensions["resguardo"] = type(board)(bare, board.store, board.ledger, board.watch, board.vault_folder)
    answer = body(alice.get("/api/mail"))
    assert answer["configured"] is False
    assert "RESGUARDO_SMTP_HOST" in answer["missing"][0]
    refused = alice.post("/api/mail/worklist", {"names": ["Bob"]})
    assert refused.status_code == 400
    assert "RESGUARDO_SMTP_HOST" in body(refused)["error"]


def test_the_password_is_shown_nowhere(app: Flask, alice: Browser, settings: Settings) -> None:
    from pydantic import SecretStr

    board = app.extensions["resguardo"]
    secret = settings.model_copy(update={"smtp_password": SecretStr("muysecreta"), "smtp_user": "u"})
    app.extensions["resguardo"] = type(board)(secret, board.store, board.ledger, board.watch, board.vault_folder)
    assert "muysecreta" not in alice.get("/api/mail").text


@pytest.mark.parametrize("name", TEAM)
def test_everybody_has_the_page(browser: Callable[[str], Browser], name: str) -> None:
    page = browser(name).get("/mail").text
    assert ("Bandeja de salida" in page) == (name == "Alice")
    assert "Tus mensajes" in page
