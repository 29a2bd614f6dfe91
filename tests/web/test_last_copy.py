"""MongoDB is away: the last good copy can be read, by those who were logged in, and by nobody else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from browsing import PASSWORD, TEAM, Browser
from hanging import Hanging
from resguardo import auth
from resguardo.board.change import Create, assign, edit
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import open_store
from resguardo.store.accounts import Account
from resguardo.store.embedded import EmbeddedServer
from resguardo.vault.catalogue import DATA, Catalogue, back_up
from resguardo.vault.keeping import make_good
from resguardo.web.app import create_app
from resguardo.web.remembered import LASTS, Remembered
from waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops a process with SIGSTOP")

PROMISED = 3.0
AWAY = "No se puede hablar con MongoDB"
HTML = {"Accept": "text/html"}
WORKLIST = "/export/segmentador/José Ángel"
HASH = auth.hash_password(PASSWORD)
FILES = (WORKLIST, "/export/all-assignments", "/backup/database")


@dataclass
class Board:
    app: Flask
    settings: Settings
    copy: str
    people: dict[str, Browser]
    token: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)


def filled(server: EmbeddedServer, folder: Path) -> Iterator[Board]:
    settings = Settings(data=folder)
    with open_store(settings, server.uri) as store:
        store.ensure_indexes()
        ledger = Ledger(store, settings.zone)
        for name, role in TEAM.items():
            store.accounts.add(Account(name, role, HASH, False, None, None, ledger.now()))
        names = [f"batch_{number:06}" for number in range(1, 121)]
        team = [Create("segmentador", "José Ángel", {}), Create("segmentador", "Ana", {})]
        ledger.record([*team, *(Create("batch", name, {}) for name in names)], actor="Alice", via="cli")
        ledger.record([assign(name, "José Ángel") for name in names[:7]], actor="Alice", via="cli")
        ledger.record([edit("batch", names[2], {"comments": "Año dudoso", "status": "S"})], actor="Alice", via="cli")
        app = create_app(settings, store, ledger, watch := Watch(store, ledger))
        watch.start()
        token = {"Authorization": f"Bearer {auth.make_token(store, 'Alice', datetime.now(UTC))}"}
        given = {path: app.test_client().get(f"/api{path}", headers=token).data for path in FILES}
        made = make_good(Catalogue(folder / "vault"), ledger, "prueba")
        assert made["state"] == "good"
        ledger.record([edit("batch", names[3], {"comments": "después de la copia"})], actor="Alice", via="cli")
        people = {name: Browser(app.test_client(), name) for name in TEAM}
        assert all(person.get("/api/account").status_code == 200 for person in people.values())
        yield Board(app, settings, made["id"], people, token, given)
        watch.stop()


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """A board whose MongoDB hangs."""
    folder = tmp_path_factory.mktemp("away")
    with EmbeddedServer.start(folder) as server:
        for board in filled(server, folder):
            back_up(Catalogue(folder / "vault"), board.app.extensions["resguardo"].ledger, "sin simulacro")
            hanging = Hanging(server)
            hanging.stop()
            yield board
            hanging.go_on()


def moment_of(board: Board) -> datetime:
    return datetime.fromisoformat(Catalogue(board.settings.data / "vault").get(board.copy)["moment"])


@pytest.mark.parametrize("path", ["/", "/assign", "/batches", "/batches/batch_000003", "/history"])
def test_every_page_is_the_last_good_copy_with_its_moment(away: Board, path: str) -> None:
    begun = time.monotonic()
    answer = away.people["Bob"].get(path, headers=HTML)
    assert (answer.status_code, time.monotonic() - begun < PROMISED) == (503, True)
    assert answer.headers["Retry-After"]
    assert AWAY in answer.text
    if "se está abriendo" in answer.text.lower():
        assert answer.headers["Refresh"]
        answer = wait_until(lambda: opened(away.people["Bob"], path))
    assert away.copy in answer.text
    assert f"{moment_of(away).astimezone(away.settings.zone):%H:%M}" in answer.text
    assert "batch_000001" in answer.text
    assert "después de la copia" not in answer.text


def opened(browser: Browser, path: str):
    answer = browser.get(path, headers=HTML)
    return answer if "Por segmentador" in answer.text else None


def rows(text: str) -> list[str]:
    return re.findall(r'<th scope="row" class="mono">([^<]*)<', text)


def test_it_is_searched_and_paged_and_counted(away: Board) -> None:
    bob = away.people["Bob"]
    whole = wait_until(lambda: opened(bob, "/last-copy"))
    assert whole.status_code == 200
    assert rows(whole.text) == [f"batch_{number:06}" for number in range(1, 51)]
    assert rows(bob.get("/last-copy?page=3", headers=HTML).text) == [f"batch_{n:06}" for n in range(101, 121)]
    assert rows(bob.get("/last-copy?text=ANO+dud", headers=HTML).text) == ["batch_000003"]
    assert len(rows(bob.get("/last-copy?assignee=José Ángel", headers=HTML).text)) == 7
    nobody = bob.get("/api/last-copy?assignee=&per_page=1000").json
    assert nobody is not None
    assert (nobody["pagination"]["total"], nobody["copy"]["id"]) == (113, away.copy)
    (counted,) = re.findall(r'assignee=Jos%C3%A9\+?(?:%20)?%C3%81ngel">.*?</tr>', whole.text, re.DOTALL)
    assert re.findall(r'class="num"[^>]*>([^<]*)<', counted) == ["7", "6", "0", "1", "0"]


@pytest.mark.parametrize("path", FILES)
def test_the_old_addresses_say_where_the_copy_has_the_same_file(away: Board, path: str) -> None:
    begun = time.monotonic()
    refused = away.app.test_client().get(f"/api{path}", headers=away.token)
    assert (refused.status_code, time.monotonic() - begun < PROMISED) == (503, True)
    said = refused.json
    assert said is not None
    assert (said["success"], list(said)[:2]) == (False, ["success", "error"])
    assert AWAY in said["error"]
    assert said["copy"]["address"] in said["error"]
    file = away.app.test_client().get(said["copy"]["address"], headers=away.token)
    assert file.status_code == 200
    stamp = f"{moment_of(away).astimezone(away.settings.zone):%Y%m%d_%H%M%S}"
    assert f"_copia_{stamp}." in file.headers["Content-Disposition"]
    assert datetime.fromisoformat(file.headers["X-Resguardo-Copy-Moment"]) == moment_of(away)
    if "backup" in path:
        now, then = json.loads(file.data), json.loads(away.files[path])
        assert (now["batches"], now["segmentadores"]) == (then["batches"], then["segmentadores"])
    else:
        assert file.data == away.files[path]


def test_a_role_may_no_more_than_it_might(away: Board) -> None:
    assert away.people["Charlie"].get("/api/last-copy/backup/database").status_code == 403
    assert away.people["Charlie"].get(f"/api/backups/{away.copy}/download").status_code == 403
    assert away.people["Charlie"].get("/api/last-copy/export/all-assignments").status_code == 200
    assert away.people["Alice"].get(f"/api/backups/{away.copy}/download").status_code == 200
    missing = away.people["Charlie"].get("/api/last-copy/export/segmentador/Nadie")
    assert missing.status_code == 404


@pytest.mark.parametrize("path", ["/assign", "/last-copy", "/api/last-copy", "/api/export/all-assignments", "/status"])
def test_who_is_not_known_from_before_learns_nothing(away: Board, path: str) -> None:
    stranger = away.app.test_client()
    unnamed = stranger.get(path, headers=HTML)
    assert unnamed.status_code in (302, 401)
    refused = stranger.get(path, headers={**HTML, "Authorization": "Bearer something"})
    assert refused.status_code == 503
    assert AWAY in refused.text
    for answer in (unnamed, refused):
        assert away.copy not in answer.text
        assert "copia buena" not in answer.text


def test_changes_are_refused_without_a_word_of_copies(away: Board) -> None:
    answer = away.people["Alice"].post("/api/batches/assign", {"ids": ["batch_000001"], "assignee": "Ana"})
    assert answer.status_code == 503
    assert answer.json is not None
    assert "copy" not in answer.json


def test_the_status_and_the_copies_can_be_looked_at(away: Board) -> None:
    def measured() -> tuple[bool, str]:
        status = away.people["Charlie"].get("/api/status").json
        assert status is not None
        return status["safe"], status["good_copy"]

    wait_until(lambda: measured() == (False, moment_of(away).isoformat()), 20)  # what was measured is kept for a while
    listed = away.people["Charlie"].get("/api/backups").json
    assert listed is not None
    assert away.copy in {row["id"] for row in listed["backups"]}
    assert away.people["Charlie"].get("/backups", headers=HTML).status_code == 200


def test_who_logs_out_is_forgotten(away: Board) -> None:
    rita = away.people["Rita"]
    assert rita.get("/api/last-copy").status_code == 200
    assert rita.post("/logout").status_code == 503
    assert rita.get("/api/last-copy").status_code == 503


def test_memory_ends_and_follows_what_mongodb_says(store, ledger) -> None:
    now, remembered = ledger.now(), Remembered()
    accounts = [auth.add_account(store, name, "lead", None, now) for name in ("Alice", "Bob", "Dora")]
    sessions = [auth.open_session(store, account, now)[0] for account in accounts]
    token = auth.make_token(store, "Alice", now)
    for secret, account in zip([*sessions, token], [*accounts, accounts[0]], strict=True):
        remembered.keep(secret, account, now)
    assert remembered.find(token, now) == accounts[0]
    assert remembered.find(token, now + LASTS) is None
    auth.disable(store, "Bob")
    auth.log_out(store, sessions[2])
    store.accounts.change("Alice", role="viewer")
    remembered.check(store, now + timedelta(minutes=1))
    found = [remembered.find(secret, now) for secret in (*sessions, token)]
    assert [account and account.role for account in found] == ["viewer", None, None, "viewer"]


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[tuple[Board, Callable[[], None]]]:
    with EmbeddedServer.start(tmp_path) as server:
        for board in filled(server, tmp_path):
            yield board, Hanging(server).kill


def test_mongodb_has_ended_for_good_and_the_newest_copy_is_damaged(
    killed: tuple[Board, Callable[[], None]], tmp_path: Path
) -> None:
    board, kill = killed
    second = back_up(Catalogue(tmp_path / "vault"), board.app.extensions["resguardo"].ledger, "otra")["id"]
    Catalogue(tmp_path / "vault").note(second, "drill", ok=True, rto=1.0)
    path = tmp_path / "vault" / f"{second}{DATA}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    kill()
    answer = wait_until(lambda: opened(board.people["Bob"], "/assign"))
    assert answer.status_code == 503
    assert board.copy in answer.text
    assert Catalogue(tmp_path / "vault").get(second)["state"] == "damaged"
    command = [sys.executable, "-m", "resguardo", "export", "worklist", "José Ángel", "--from", "last", "--json"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    file = tmp_path / json.loads(done.stdout)["file"]
    assert "_copia_" in file.name
    assert file.read_bytes() == board.files[WORKLIST]
