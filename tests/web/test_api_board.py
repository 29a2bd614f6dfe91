from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from flask import Flask
from pydantic import SecretStr

from browsing import Browser
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import Store, open_store
from resguardo.web.app import create_app
from resguardo.web.context import Board


def test_progress_counts_everybody(alice: Browser) -> None:
    answer = alice.get("/api/progress").json
    assert answer is not None
    assert answer["totals"]["total"] == 5
    assert answer["totals"]["unassigned"] == 4
    assert next(person for person in answer["people"] if person["name"] == "Bob")["total"] == 1


def test_an_open_page_hears_of_a_change_within_a_second(alice: Browser, app: Flask) -> None:
    answer = alice.client.get("/api/events", buffered=False)
    said = _events(answer.response)
    kind, data = next(said)
    assert (kind, data["totals"]["unassigned"]) == ("progress", 4)
    begun = time.monotonic()
    Browser(app.test_client(), "Alice").post("/api/batches/assign", {"ids": ["batch_000002"], "assignee": "Ana"})
    unassigned, kinds = 4, set()
    while unassigned != 3:
        kind, data = next(said)
        kinds.add(kind)
        unassigned = data["totals"]["unassigned"] if kind == "progress" else unassigned
    assert time.monotonic() - begun < 2
    assert "change" in kinds
    answer.close()


def test_the_stream_ends_when_the_process_stops(alice: Browser, app: Flask) -> None:
    answer = alice.client.get("/api/events", buffered=False)
    said = _events(answer.response)
    next(said)
    served: Board = app.extensions["resguardo"]
    served.stopping.set()
    assert all(kind == "progress" for kind, _ in said)


def _events(chunks: object) -> Iterator[tuple[str, dict[str, dict[str, int]]]]:
    for chunk in chunks:  # type: ignore[attr-defined]
        for block in (chunk if isinstance(chunk, bytes) else chunk.encode()).split(b"\n\n"):
            if block.startswith(b"event: "):
                kind, data = block.split(b"\ndata: ")
                yield kind.removeprefix(b"event: ").decode(), orjson.loads(data)


def test_the_process_is_up_and_ready(app: Flask) -> None:
    assert app.test_client().get("/healthz").status_code == 200
    assert app.test_client().get("/readyz").status_code == 200


def test_whoever_asks_whether_it_is_ready_is_told_whether_the_information_is_safe(alice: Browser, app: Flask) -> None:
    before = app.test_client().get("/readyz").json
    assert before is not None
    assert (before["ok"], before["safe"], before["light"]) == (True, False, "red")
    assert before["guarantees"]["last_good_copy"] == "red"
    assert alice.post("/api/backups", {}).status_code == 201
    after = app.test_client().get("/readyz").json
    assert after is not None
    assert after["guarantees"]["last_good_copy"] == "green"
    assert after["guarantees"] == {
        line["key"]: line["state"] for line in (alice.get("/api/status").json or {})["lines"]
    }
    assert set(after) == {"ok", "safe", "light", "guarantees"}


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Flask]:
    """A board whose MongoDB cannot be reached."""
    settings = Settings(data=tmp_path, mongodb_uri=SecretStr("mongodb://127.0.0.1:9/?directConnection=true"))
    with open_store(settings) as store:
        ledger = Ledger(store, settings.zone)
        yield create_app(settings, store, ledger, Watch(store, ledger))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/batches"),
        ("GET", "/api/export/segmentador/Bob"),
        ("GET", "/api/backup/database"),
        ("POST", "/api/batches/delete"),
        ("GET", "/readyz"),
    ],
)
def test_without_mongodb_the_answer_is_503_within_three_seconds(method: str, path: str, away: Flask) -> None:
    begun = time.monotonic()
    answer = away.test_client().open(path, method=method, headers={"Authorization": "Bearer x"})
    assert time.monotonic() - begun < 3
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["success"] is False
    assert "MongoDB" in answer.json["error"]


def test_without_mongodb_the_process_is_up(away: Flask) -> None:
    assert away.test_client().get("/healthz").status_code == 200


def test_unknown_addresses_and_methods_are_told_as_json(alice: Browser, store: Store) -> None:
    missing = alice.get("/api/nada")
    assert (missing.status_code, missing.json and missing.json["success"]) == (404, False)
    wrong = alice.post("/api/progress", {})
    assert (wrong.status_code, wrong.json and wrong.json["success"]) == (405, False)
    assert "GET" in wrong.headers["Allow"]


def test_what_nobody_foresaw_is_a_calm_500(alice: Browser, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("secreto")

    monkeypatch.setattr(app.extensions["resguardo"].store.pages, "people", broken)
    answer = alice.get("/api/segmentadores")
    assert answer.status_code == 500
    assert "secreto" not in answer.text


def test_a_bson_value_that_json_does_not_know_is_shown(alice: Browser, store: Store) -> None:
    store.connection.database["batches"].insert_one(
        {"id": "raro", "when": datetime(2026, 1, 2, tzinfo=UTC), "b": b"\1"}
    )
    answer = alice.get("/api/batches/raro").json
    assert answer is not None
    assert answer["batch"] == {"id": "raro", "when": "2026-01-02T00:00:00+00:00", "b": "AQ=="}
