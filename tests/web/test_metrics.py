from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr
from werkzeug.test import TestResponse

from browsing import Browser
from resguardo import auth
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import Store, open_store
from resguardo.web.api_status import measured_of
from resguardo.web.app import create_app

ELSEWHERE = {"REMOTE_ADDR": "10.0.0.7"}
LINE = re.compile(r'(# (HELP|TYPE) \w+ .+)|(\w+(\{\w+="\w+"\})? -?\d+(\.\d+)?)')


def values(answer: TestResponse) -> dict[str, float]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.text.endswith("\n")
    lines = answer.text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_the_board_in_numbers(app: Flask, alice: Browser) -> None:
    alice.send("PATCH", "/api/batches/batch_000001", {"status": "S"})
    found = values(app.test_client().get("/metrics"))
    assert found["resguardo_mongodb_up"] == 1
    assert found['resguardo_batches{status="NS"}'] == 4
    assert found['resguardo_batches{status="S"}'] == 1
    assert found["resguardo_batches_unassigned"] == 4
    assert found["resguardo_archives"] == 0
    assert "resguardo_last_archive_age_seconds" not in found
    assert alice.post("/api/backups", {}).status_code == 201
    found = values(app.test_client().get("/metrics"))
    assert found["resguardo_archives"] == 1
    assert 0 <= found["resguardo_last_archive_age_seconds"] < 60


def test_what_the_status_says_is_measured(app: Flask, alice: Browser, settings: Settings) -> None:
    before = values(app.test_client().get("/metrics"))
    assert before["resguardo_safe"] == 0
    assert before['resguardo_guarantee{name="last_good_copy"}'] == 0
    assert "resguardo_last_good_copy_age_seconds" not in before
    assert alice.post("/api/backups", {}).status_code == 201
    found = values(app.test_client().get("/metrics"))
    lines = (alice.get("/api/status").json or {})["lines"]
    lights = {"green": 2, "amber": 1, "red": 0}
    told = {f'resguardo_guarantee{{name="{line["key"]}"}}': lights[line["state"]] for line in lines}
    assert {name: value for name, value in found.items() if "guarantee" in name} == told
    assert 0 <= found["resguardo_last_good_copy_age_seconds"] < 60
    assert 0 <= found["resguardo_last_drill_age_seconds"] < 60
    assert 0 < found["resguardo_drill_restore_seconds"] < 60
    assert found["resguardo_disk_free_bytes"] > 0
    (settings.data / "vault").rename(settings.data / "away")
    (settings.data / "vault").write_text("no es una carpeta")
    measured_of(app).forget()
    lost = values(app.test_client().get("/metrics"))
    assert (lost["resguardo_safe"], lost['resguardo_guarantee{name="last_good_copy"}']) == (0, 0)
    assert not {"resguardo_archives", "resguardo_last_good_copy_age_seconds"} & lost.keys()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_from_elsewhere_a_token_is_needed(
    header: str, app: Flask, store: Store, ledger: Ledger, browser: Callable[[str], Browser]
) -> None:
    client = app.test_client()
    assert client.get("/metrics", environ_base=ELSEWHERE).status_code == 401
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 401
    token = {"Authorization": f"Bearer {auth.make_token(store, 'Charlie', ledger.now())}"}
    assert values(client.get("/metrics", environ_base=ELSEWHERE, headers=token))


def test_an_outage_is_a_measure(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, mongodb_uri=SecretStr("mongodb://127.0.0.1:9/?directConnection=true"))
    with open_store(settings) as store:
        ledger = Ledger(store, settings.zone)
        app = create_app(settings, store, ledger, Watch(store, ledger))
        found = values(app.test_client().get("/metrics"))
    lights = {name: found.pop(name) for name in list(found) if name.startswith("resguardo_guarantee")}
    assert lights['resguardo_guarantee{name="mongodb"}'] == 0
    assert found.pop("resguardo_disk_free_bytes") > 0
    assert found.pop("resguardo_next_copy_in_seconds") > 0
    assert found == {"resguardo_mongodb_up": 0, "resguardo_archives": 0, "resguardo_safe": 0}
