"""MongoDB hangs: its process is stopped and continued. Every request is answered, and the board comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from browsing import PASSWORD, Browser
from hanging import Hanging
from resguardo import auth
from resguardo.board.change import Create
from resguardo.board.filters import Filter
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.segment import Record
from resguardo.ledger.watch import Watch
from resguardo.store import Store, open_store
from resguardo.store.embedded import EmbeddedServer
from resguardo.store.entries import Entry
from resguardo.web.app import create_app
from waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops a process with SIGSTOP")

PROMISED = 3.0
AWAY = "No se puede hablar con MongoDB"
UNKNOWN = "no se sabe si el cambio se guardó"


@pytest.fixture
def mongodb(tmp_path: Path) -> Iterator[Hanging]:
    with EmbeddedServer.start(tmp_path) as server:
        hanging = Hanging(server)
        yield hanging
        hanging.go_on()


@pytest.fixture
def own_store(mongodb: Hanging, tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(data=tmp_path), mongodb.server.uri) as store:
        store.ensure_indexes()
        yield store


@pytest.fixture
def board(own_store: Store) -> Iterator[Flask]:
    settings = own_store.connection.settings
    ledger = Ledger(own_store, settings.zone)
    auth.add_account(own_store, "Alice", "lead", PASSWORD, ledger.now())
    batches = [Create("batch", f"batch_{number}", {}) for number in range(3)]
    ledger.record([Create("segmentador", "Ana", {}), *batches], actor="test", via="cli")
    watch = Watch(own_store, ledger)
    watch.start()
    yield create_app(settings, own_store, ledger, watch)
    watch.stop()


@pytest.fixture
def person(board: Flask) -> Browser:
    return Browser(board.test_client(), "Alice")


REQUESTS: list[tuple[str, str, object]] = [
    ("GET", "/", None),
    ("GET", "/assign", None),
    ("GET", "/data-management", None),
    ("GET", "/readyz", None),
    ("GET", "/api/batches", None),
    ("GET", "/api/progress", None),
    ("GET", "/api/events", None),
    ("GET", "/api/export/all-assignments", None),
    ("GET", "/api/backup/database", None),
    ("PATCH", "/api/batches/batch_1", {"comments": "x"}),
    ("POST", "/api/batches/assign", {"ids": ["batch_1"], "assignee": "Ana"}),
    ("POST", "/api/backups", {}),
    ("POST", "/login", {"name": "Alice", "password": PASSWORD}),
    ("POST", "/logout", {}),
]


def test_while_it_hangs_every_request_is_503_in_time_and_then_all_works(
    mongodb: Hanging, board: Flask, own_store: Store
) -> None:
    """Twice: the first requests meet connections that do not answer, later ones a server known to be away."""
    token = {"Authorization": f"Bearer {auth.make_token(own_store, 'Alice', datetime.now(UTC))}"}
    stream = board.test_client().get("/api/events", headers=token, buffered=False)
    said = iter(stream.response)
    assert b"event: progress" in next(said)

    def ask(asked: tuple[str, str, object]) -> None:
        method, path, given = asked
        begun = time.monotonic()
        answer = board.test_client().open(path, method=method, json=given, headers=token)
        took = time.monotonic() - begun
        assert (answer.status_code, took < PROMISED) == (503, True), (asked, answer.status_code, took)
        assert AWAY in answer.text, asked
        assert answer.headers["Retry-After"]

    mongodb.stop()
    for _ in range(2):
        with ThreadPoolExecutor(len(REQUESTS)) as people:
            list(people.map(ask, REQUESTS))
    assert board.test_client().get("/healthz", headers=token).status_code == 200
    mongodb.go_on()
    wait_until(lambda: board.test_client().get("/readyz").status_code == 200)
    path = "/api/batches/batch_1"
    assert board.test_client().patch(path, json={"comments": "ya"}, headers=token).status_code == 200
    assert next(row for row in own_store.pages.select(Filter(ids=("batch_1",))))["comments"] == "ya"
    assert next(chunk for chunk in said if b"event: change" in chunk)
    stream.close()


def test_a_page_says_it_too(mongodb: Hanging, person: Browser) -> None:
    mongodb.stop()
    answer = person.get("/assign", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert AWAY in answer.text
    assert answer.mimetype == "text/html"


def stopped_at_the_insert(store: Store, mongodb: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hang at the worst moment: everything was read, the entry is about to be sent."""
    insert = store.entries.insert

    def stop_and_insert(entries: list[Entry]) -> set[int]:
        mongodb.stop()
        return insert(entries)

    monkeypatch.setattr(store.entries, "insert", stop_and_insert)


CHANGES: list[tuple[str, str, object, Callable[[Store], bool]]] = [
    ("PATCH", "/api/batches/batch_1", {"comments": "x"}, lambda store: _field(store, "comments") == "x"),
    (
        *("POST", "/api/batches/assign"),
        {"ids": ["batch_0", "batch_1", "batch_2"], "assignee": "Ana"},
        lambda store: _field(store, "assignee") == "Ana",
    ),
    ("DELETE", "/api/batches/batch_1", None, lambda store: store.pages.one("batch_1") is None),
]


def _field(store: Store, name: str) -> object:
    return (store.pages.one("batch_1") or {}).get(name)


@pytest.mark.parametrize(("method", "path", "given", "done"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_change_that_hangs_is_said_to_be_unknown_and_then_seen(
    method: str,
    path: str,
    given: object,
    done: Callable[[Store], bool],
    mongodb: Hanging,
    own_store: Store,
    board: Flask,
    person: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        stopped_at_the_insert(own_store, mongodb, patch)
        begun = time.monotonic()
        answer = person.send(method, path, given)
        assert time.monotonic() - begun < PROMISED
    assert answer.status_code == 503
    assert UNKNOWN in answer.text
    mongodb.go_on()
    wait_until(lambda: person.get("/readyz").status_code == 200)
    wait_until(lambda: _whole(own_store))
    wait_until(lambda: _journaled(own_store, board))
    # Whichever way it went, doing it again comes to what was wanted.
    if not done(own_store):
        assert person.send(method, path, given).status_code == 200
    assert done(own_store)


def _whole(store: Store) -> bool:
    """No entry without its document, and none still on its way."""
    heads = store.entries.heads("batch", ["batch_0", "batch_1", "batch_2"])
    revisions = store.batches.revisions(set(heads))
    return all(revisions.get(name) == (None if head.gone else head.entry.rev) for name, head in heads.items())


def _journaled(store: Store, board: Flask) -> bool:
    """All that the ledger has is in the journal, long before the next round of upkeep."""
    records = board.extensions["resguardo"].ledger.journal.read()
    journaled = {(found.row.doc, found.row.rev) for found in records if isinstance(found, Record)}
    return {(entry.doc, entry.rev) for entry in store.entries.everything()} <= journaled


def test_an_entry_left_without_its_document_is_brought_to_its_end(
    mongodb: Hanging, own_store: Store, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = own_store.batches.project

    def stop_and_project(projections: list[object]) -> int:
        mongodb.stop()
        return project(projections)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(own_store.batches, "project", stop_and_project)
        answer = person.send("PATCH", "/api/batches/batch_2", {"comments": "anotado"})
    assert answer.status_code == 503
    assert UNKNOWN in answer.text
    mongodb.go_on()
    wait_until(lambda: (own_store.pages.one("batch_2") or {}).get("comments") == "anotado")
    # Lists follow the entry: reading everything anew, again and again, would be the next outage of a large board.
    wait_until(lambda: "anotado" in str(own_store.pages.listing.rows()))
    assert not own_store.pages.listing.forgotten
