"""Comparing through the API: two copies, two moments, one of them and the board; at once or in the background."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from werkzeug.test import TestResponse

from browsing import Browser
from resguardo.board.change import Create, Delete, edit
from resguardo.ledger.record import Ledger
from resguardo.web.tasks import Tasks
from waiting import wait_until


def body(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    return dict(answer.json)


def do(ledger: Ledger, *changes: Any) -> None:
    ledger.record(list(changes), actor="Rita", via="api")


def test_two_copies_and_the_board_are_compared(alice: Browser, ledger: Ledger) -> None:
    a = body(alice.post("/api/backups", {"reason": "a"}), 201)["id"]
    do(ledger, edit("batch", "batch_000001", {"comments": "=1+1", "status": "S"}), Delete("batch", "batch_000002"))
    b = body(alice.post("/api/backups", {"reason": "b"}), 201)["id"]
    found = body(alice.get(f"/api/backups/{a}/diff/{b}?per_page=1"))
    assert (found["added"], found["removed"], found["changed"], found["unchanged"]) == (0, 1, 1, 3)
    assert (found["fields"], found["pagination"]["total_pages"]) == ({"comments": 1, "status": 1}, 2)
    (bob,) = found["people"]
    assert (bob["name"], bob["before"]["NS"], bob["after"]["S"]) == ("Bob", 1, 1)
    assert body(alice.get(f"/api/backups/{a}/diff/{b}?per_page=1&page=2"))["changes"][0]["id"] == "batch_000002"
    assert body(alice.get(f"/api/backups/{b}/diff/now"))["pagination"]["total"] == 0
    do(ledger, Create("batch", "nuevo", {}))
    assert body(alice.get(f"/api/backups/{b}/diff/now"))["added"] == 1
    file = alice.get(f"/api/backups/{a}/diff/{b}?format=csv")
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert rows[0] == ["Tipo", "Id", "Qué pasó", "Campo", "Antes", "Después"]
    assert rows[1:3] == [
        ["batch", "batch_000001", "cambió", "status", "NS", "S"],
        ["batch", "batch_000001", "cambió", "comments", "", "'=1+1"],
    ]
    moment = quote(ledger.now().isoformat())
    assert body(alice.get(f"/api/backups/{a}/diff/{moment}"))["added"] == 1


def test_a_comparison_made_in_the_background_stays_as_it_was(
    alice: Browser, ledger: Ledger, done: Callable[[str], dict[str, Any]]
) -> None:
    own = body(alice.post("/api/backups", {"reason": "a"}), 201)["id"]
    do(ledger, edit("batch", "batch_000001", {"status": "S"}), Delete("batch", "batch_000002"))
    task = done(body(alice.post(f"/api/backups/{own}/diff/now"), 202)["task"])
    found = task["result"]
    assert (task["kind"], task["state"], task["step"]) == ("compare", "done", "comparing 13/13")
    assert (found["removed"], found["changed"], found["total"]) == (1, 1, 2)
    do(ledger, Create("batch", "nuevo", {}))
    address = f"/api/comparisons/{found['comparison']}"
    assert body(alice.get(address))["added"] == 0

    def ids(query: str) -> list[str]:
        return [row["id"] for row in body(alice.get(f"{address}?{query}"))["changes"]]

    assert (ids("what=removed"), ids("assignee=Bob"), ids("unassigned=1")) == (
        ["batch_000002"],
        ["batch_000001"],
        ["batch_000002"],
    )
    assert (ids("text=001"), ids("kind=segmentador"), ids("page=2&per_page=1")) == (
        ["batch_000001"],
        [],
        ["batch_000002"],
    )
    rows = list(csv.reader(io.StringIO(alice.get(f"{address}?format=csv&what=changed").data.decode("utf-8-sig"))))
    assert rows[1:] == [["batch", "batch_000001", "cambió", "status", "NS", "S"]]
    assert alice.get(f"{address}?what=nada").status_code == alice.get(f"{address}?kind=nada").status_code == 400
    assert alice.get("/api/comparisons/nada").status_code == 404
    failed = done(body(alice.post("/api/backups/2020-01-01T00:00:00Z/diff/now"), 202)["task"])
    assert (failed["state"], len(failed["nearest"])) == ("failed", 1)


def test_a_comparison_of_archives_is_made_once(
    alice: Browser, ledger: Ledger, done: Callable[[str], dict[str, Any]]
) -> None:
    a, b = (body(alice.post("/api/backups", {"reason": reason}), 201)["id"] for reason in "ab")
    address = f"/api/backups/{a}/diff/{b}"
    first, second = (done(body(alice.post(address), 202)["task"])["result"]["comparison"] for _ in range(2))
    assert first == second == body(alice.get(address))["comparison"]


def test_only_what_reads_can_be_stopped() -> None:
    going, stopped = threading.Event(), threading.Event()
    tasks = Tasks()

    def work(at: Callable[[str], None]) -> dict[str, Any]:
        going.set()
        stopped.wait(10)
        at("next")
        return {}

    comparing, restoring = tasks.begin("compare", "", work, cancellable=True), tasks.begin("restore", "", work)
    assert going.wait(10)
    assert [tasks.cancel(comparing), tasks.cancel(restoring), tasks.cancel("nada")] == [True, False, False]
    stopped.set()
    wait_until(lambda: not tasks.running())
    assert [task.state for own in (comparing, restoring) if (task := tasks.get(own))] == ["cancelled", "done"]
    assert not tasks.cancel(comparing)


def test_a_comparison_with_something_else_is_refused(alice: Browser, browser: Callable[[str], Browser]) -> None:
    assert alice.get("/api/backups/nada/diff/now").status_code == 404
    assert alice.get("/api/backups/2020-01-01T00:00:00Z/diff/now").status_code == 404
    assert alice.get("/api/backups/2020-01-01/diff/now").status_code == 400
    assert alice.get("/api/backups/now/diff/now?format=xml").status_code == 400
    assert browser("Charlie").get("/api/backups/now/diff/now").status_code == 403


def test_who_may_compare_sees_the_page_and_the_ways_to_it(browser: Callable[[str], Browser]) -> None:
    assert 'id="compare-form"' in browser("Alice").get("/compare").text
    assert browser("Charlie").get("/compare").status_code == 403
    assert 'href="/compare"' in browser("Alice").get("/backups").text
    assert 'href="/compare"' not in browser("Charlie").get("/backups").text
