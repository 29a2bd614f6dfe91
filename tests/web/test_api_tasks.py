"""Files and comparisons made in the background: how far they are, what becomes of them, and leaving them."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from typing import Any

import bson
import openpyxl
import pytest

from browsing import Browser
from resguardo.exchange import intake_compare, xlsx
from resguardo.store.pages import Pages
from waiting import wait_until


def state(somebody: Browser, address: str) -> dict[str, Any]:
    return dict(somebody.get(address).json or {})


def ended(somebody: Browser, address: str) -> dict[str, Any]:
    wait_until(lambda: state(somebody, address)["state"] != "running")
    return state(somebody, address)


def test_a_file_is_made_in_the_background_and_fetched_once(alice: Browser, browser: Any) -> None:
    for form in ("xlsx", "csv", "json"):
        begun = alice.post(f"/api/export/batches?format={form}&ids=batch_000001", {})
        assert begun.status_code == 202
        made = ended(alice, f"/api/export/tasks/{(begun.json or {})['task']}")
        assert made["state"] == "done", made
        address = f"/api/export/files/{made['result']['file']}"
        assert browser("Bob").get(address).status_code == 404
        answer = alice.get(address)
        assert f'filename="{made["result"]["name"]}"' in answer.headers["Content-Disposition"]
        if form == "xlsx":
            assert openpyxl.load_workbook(io.BytesIO(answer.data))["Batches"]["A2"].value == "batch_000001"
        else:
            assert b"batch_000001" in answer.data
        assert alice.get(address).status_code == 404


def test_what_is_wrong_with_a_file_is_said_before_it_is_begun(alice: Browser) -> None:
    assert alice.post("/api/export/batches?format=pdf", {}).status_code == 400
    missing = alice.post("/api/export/segmentador/Nadie?format=xlsx", {})
    assert ended(alice, f"/api/export/tasks/{(missing.json or {})['task']}")["state"] == "failed"


class Endless:
    """A board of which there is always another batch."""

    def __init__(self) -> None:
        self.left = threading.Event()

    def rows(self, *given: Any) -> Iterator[dict[str, Any]]:
        try:
            while True:
                yield {"id": "batch_000001", "status": "NS", "assignee": "Ana"}
        finally:
            self.left.set()

    def raws(self) -> Iterator[bytes]:
        return map(bson.encode, self.rows())


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_who_leaves_a_file_ends_the_work_on_the_server(
    form: str, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Endless()
    monkeypatch.setattr(Pages, "select", lambda self, *given: endless.rows())
    monkeypatch.setattr(Pages, "unordered", lambda self, *given: endless.rows())
    monkeypatch.setattr(Pages, "raws", lambda self, *given: endless.raws())
    monkeypatch.setattr(xlsx, "EVERY", 100)
    task = (alice.post(f"/api/export/batches?format={form}", {}).json or {})["task"]
    address = f"/api/export/tasks/{task}"
    wait_until(lambda: state(alice, address)["step"].startswith("rows"))
    assert alice.send("DELETE", address).status_code == 200
    assert ended(alice, address)["state"] == "cancelled"
    assert endless.left.wait(10)
    assert task not in {thread.name.removeprefix("task-") for thread in threading.enumerate()}
    assert alice.send("DELETE", address).status_code == 409


def test_a_large_list_is_compared_in_the_background(alice: Browser) -> None:
    text = "\n".join(f"nuevo_{number:05d}" for number in range(3000))
    begun = alice.post("/api/data/plan", {"text": text, "mode": "add", "background": True})
    assert begun.status_code == 202
    made = ended(alice, f"/api/backups/tasks/{(begun.json or {})['task']}")
    assert (made["state"], made["result"]["new"]) == ("done", 3000)
    assert made["step"] == "comparing 3000/3000"
    shown = alice.get(f"/api/data/plan/{made['result']['plan']}?per_page=2").json or {}
    assert [line["id"] for line in shown["lines"]] == ["nuevo_00000", "nuevo_00001"]


def test_who_leaves_a_comparison_ends_it(alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()
    plan = intake_compare.plan

    def slowly(ledger: Any, table: Any, rows: Any, wanted: Any, progress: Any) -> Any:
        def told(done: int, total: int | None) -> None:
            reached.set()
            assert go_on.wait(20)
            progress(done, total)

        return plan(ledger, table, rows, wanted, told)

    monkeypatch.setattr(intake_compare, "plan", slowly)
    text = "id\n" + "\n".join(f"nuevo_{number:05d}" for number in range(2000))
    form = {"file": (io.BytesIO(text.encode()), "lista.csv"), "mode": "add", "background": "1"}
    task = (alice.post("/api/data/plan", data=form, content_type="multipart/form-data").json or {})["task"]
    assert reached.wait(10)
    assert alice.send("DELETE", f"/api/backups/tasks/{task}").status_code == 200
    go_on.set()
    assert ended(alice, f"/api/backups/tasks/{task}")["state"] == "cancelled"
