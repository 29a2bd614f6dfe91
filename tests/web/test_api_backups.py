from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browsing import Browser
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.vault.catalogue import Catalogue
from resguardo.web import api_backups
from waiting import wait_until

Done = Callable[[str], dict[str, Any]]


@pytest.fixture
def vault(settings: Settings) -> Path:
    return settings.data / "vault"


@pytest.fixture
def made(alice: Browser) -> dict[str, Any]:
    answer = alice.post("/api/backups", {"reason": "manual"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json or {})


@pytest.fixture
def older(alice: Browser, made: dict[str, Any]) -> str:
    """A copy that is not the newest good one."""
    assert alice.post("/api/backups").status_code == 201
    return str(made["id"])


def listed(somebody: Browser) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in (somebody.get("/api/backups").json or {})["backups"]}


def events(somebody: Browser, own: str) -> list[str]:
    return [line["what"] for line in (somebody.get(f"/api/backups/{own}").json or {})["events"]]


def test_a_copy_made_in_the_background_tells_its_steps(
    alice: Browser, done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, steps = threading.Event(), []
    make_good = api_backups.make_good

    def watched(catalogue: Catalogue, ledger: Ledger, reason: str, *, at: Callable[[str], None]) -> Any:
        def note(step: str) -> None:
            steps.append(step)
            at(step)
            go_on.wait(30)

        return make_good(catalogue, ledger, reason, at=note)

    monkeypatch.setattr(api_backups, "make_good", watched)
    answer = alice.post("/api/backups", {"background": True, "reason": "a mano"})
    assert answer.status_code == 202
    task = str((answer.json or {})["task"])
    running = (alice.get("/api/backups").json or {})["tasks"]
    assert [(row["id"], row["kind"], row["state"]) for row in running] == [(task, "make", "running")]
    go_on.set()
    ended = done(task)
    assert steps == ["reading", "writing", "drill"]
    assert (ended["state"], ended["result"]["state"], ended["result"]["reason"]) == ("done", "good", "a mano")
    assert (alice.get("/api/backups").json or {})["tasks"] == []
    assert list(listed(alice)) == [ended["result"]["id"]]


def test_a_copy_that_cannot_be_made_says_why(alice: Browser, vault: Path, done: Done) -> None:
    vault.write_bytes(b"")
    ended = done(str((alice.post("/api/backups", {"background": True}).json or {})["task"]))
    assert ended["state"] == "failed"
    assert ended["error"]
    assert ended["result"] is None


def test_a_task_that_nobody_knows(alice: Browser) -> None:
    assert alice.get("/api/backups/tasks/no").status_code == 404


def test_verify_and_drill_are_noted_on_the_card(alice: Browser, made: dict[str, Any], done: Done) -> None:
    own = made["id"]
    assert events(alice, own) == ["verify", "drill"]
    for what in ("verify", "drill"):
        answer = alice.post(f"/api/backups/{own}/{what}")
        assert answer.status_code == 202
        ended = done(str((answer.json or {})["task"]))
        assert (ended["kind"], ended["about"], ended["state"]) == (what, own, "done")
        assert ended["result"][what]["ok"] is True
    assert events(alice, own) == ["verify", "drill", "verify", "drill"]


def test_verifying_finds_a_changed_byte(alice: Browser, made: dict[str, Any], vault: Path, done: Done) -> None:
    path = vault / f"{made['id']}.json.zst"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    ended = done(str((alice.post(f"/api/backups/{made['id']}/verify").json or {})["task"]))
    assert ended["state"] == "failed"
    assert listed(alice)[made["id"]]["state"] == "damaged"


def test_a_pinned_copy_stays_until_it_is_released(alice: Browser, older: str) -> None:
    assert alice.post(f"/api/backups/{older}/pin", {"reason": " "}).status_code == 400
    assert alice.post(f"/api/backups/{older}/pin", {"reason": " auditoría "}).status_code == 200
    assert listed(alice)[older]["pinned"] == "auditoría"
    assert alice.send("DELETE", f"/api/backups/{older}").status_code == 409
    assert alice.send("DELETE", f"/api/backups/{older}/pin").status_code == 200
    assert listed(alice)[older]["pinned"] is None
    assert alice.send("DELETE", f"/api/backups/{older}").status_code == 200


def test_a_removed_copy_can_be_kept_while_its_data_are_there(alice: Browser, older: str, vault: Path) -> None:
    assert alice.send("DELETE", f"/api/backups/{older}").status_code == 200
    row = listed(alice)[older]
    assert (row["state"], row["swept"], row["removed"]["actor"]) == ("removed", False, "Alice")
    assert alice.post(f"/api/backups/{older}/keep").status_code == 200
    assert listed(alice)[older]["state"] == "good"
    assert events(alice, older) == ["verify", "drill", "remove", "keep"]
    alice.send("DELETE", f"/api/backups/{older}")
    (vault / f"{older}.json.zst").unlink()
    assert alice.post(f"/api/backups/{older}/keep").status_code == 409
    assert listed(alice)[older]["swept"] is True


def test_the_newest_good_copy_is_not_removed(alice: Browser, older: str) -> None:
    newest = next(iter(listed(alice)))
    answer = alice.send("DELETE", f"/api/backups/{newest}")
    assert answer.status_code == 409
    assert "última copia buena" in answer.text
    assert listed(alice)[newest]["state"] == "good"


def test_the_plan_gives_a_reason_for_each_copy_and_looks_a_year_ahead(alice: Browser, older: str) -> None:
    plan = alice.get("/api/backups/plan").json or {}
    assert {row["id"] for row in plan["decisions"]} == set(listed(alice))
    assert all(row["keep"] and row["reason"] for row in plan["decisions"])
    assert len(plan["year"]) == 12
    assert set(plan["next"]) == {"daily", "weekly", "monthly"}


@pytest.mark.parametrize("name", ["Rita", "Bob", "Charlie"])
def test_others_look_and_do_not_touch(browser: Callable[[str], Browser], name: str, older: str) -> None:
    somebody = browser(name)
    for address in ("", "/plan", f"/{older}"):
        assert somebody.get(f"/api/backups{address}").status_code == 200
    for method, address in [
        ("POST", ""),
        ("GET", f"/{older}/download"),
        *[("POST", f"/{older}/{what}") for what in ("verify", "drill", "pin", "keep")],
        ("DELETE", f"/{older}/pin"),
        ("DELETE", f"/{older}"),
    ]:
        assert somebody.send(method, f"/api/backups{address}", {"reason": "x"}).status_code == 403, address
    for page in ("/backups", "/status"):
        assert 'id="make"' not in somebody.get(page).text


def test_the_pages_offer_a_lead_a_copy(alice: Browser) -> None:
    for page in ("/backups", "/status"):
        assert 'id="make"' in alice.get(page).text


def test_a_copy_that_lost_its_manifest_is_listed_as_damaged(alice: Browser, made: dict[str, Any], vault: Path) -> None:
    (vault / f"{made['id']}.manifest.json").unlink()
    row = json.loads(alice.get("/api/backups").data)["backups"][0]
    assert (row["id"], row["state"], row["moment"]) == (made["id"], "damaged", "")


def test_two_who_press_at_once_get_a_copy_each_or_a_reason(alice: Browser, done: Done) -> None:
    tasks = [str((alice.post("/api/backups", {"background": True}).json or {})["task"]) for _ in range(2)]
    ended = [done(task) for task in tasks]
    good = [row["result"]["id"] for row in ended if row["state"] == "done"]
    assert good
    assert len(set(good)) == len(good) == len(wait_until(lambda: listed(alice)))
    assert all(row["error"] for row in ended if row["state"] == "failed")
