"""What the page /restore asks of the API beside what programs do, and who gets to see it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from browsing import Browser
from resguardo.board.change import Create, Delete, edit
from resguardo.ledger.record import Ledger
from resguardo.store import Store

FIRST = "batch_000001"
Done = Callable[[str], dict[str, Any]]


def body(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json or {})


def planned(alice: Browser, source: Any, **more: Any) -> dict[str, Any]:
    return body(alice.post("/api/restore/plan", {"source": source, **more}))


def comments(store: Store, own_id: str) -> object:
    found = store.pages.one(own_id)
    assert found is not None
    return found["comments"]


def test_only_who_may_import_sees_the_page_and_the_ways_to_it(browser: Callable[[str], Browser]) -> None:
    assert 'id="step-preview"' in browser("Alice").get("/restore").text
    for name in ("Rita", "Bob", "Charlie"):
        assert browser(name).get("/restore").status_code == 403
    for page in ("/backups", "/status"):
        assert 'href="/restore"' in browser("Alice").get(page).text
        assert 'href="/restore"' not in browser("Charlie").get(page).text


def test_back_to_a_revision_of_one_batch_and_nothing_else(alice: Browser, ledger: Ledger, store: Store) -> None:
    for text in ("uno", "dos", "tres"):
        ledger.record([edit("batch", FIRST, {"comments": text})], actor="Rita", via="api")
    ledger.record([edit("batch", "batch_000002", {"comments": "otro"})], actor="Rita", via="api")
    made = planned(alice, {"batch": FIRST, "rev": 3})
    assert [(row["id"], row["fields"]) for row in made["changes"]] == [(FIRST, ["comments"])]
    assert (made["last_change"]["actor"], made["source"]["rev"]) == ("Rita", 3)
    body(alice.post("/api/restore/apply", {"plan": made["plan"]}))
    assert (comments(store, FIRST), comments(store, "batch_000002")) == ("uno", "otro")


def test_a_deleted_batch_comes_back_as_it_was_after_one_of_its_changes(
    alice: Browser, ledger: Ledger, store: Store
) -> None:
    ledger.record([edit("batch", FIRST, {"comments": "uno"})], actor="Rita", via="api")
    ledger.record([Delete("batch", FIRST)], actor="Rita", via="api")
    assert planned(alice, {"batch": FIRST, "rev": 3})["brought_back"] == 1
    refused = body(alice.post("/api/restore/plan", {"source": {"batch": FIRST, "rev": 4}}), 404)
    assert "se eliminó" in refused["error"]


@pytest.mark.parametrize(
    ("source", "more", "status"),
    [
        ({"batch": FIRST}, {}, 400),
        ({"batch": FIRST, "rev": 0}, {}, 400),
        ({"batch": FIRST, "rev": "1"}, {}, 400),
        ({"batch": FIRST, "rev": 1, "moment": "2026-01-01T00:00:00Z"}, {}, 400),
        ({"batch": FIRST, "rev": 99}, {}, 404),
        ({"batch": FIRST, "rev": 1}, {"equal": True}, 400),  # all other batches would go
    ],
)
def test_half_a_revision_is_refused(
    alice: Browser, source: dict[str, Any], more: dict[str, Any], status: int, store: Store
) -> None:
    body(alice.post("/api/restore/plan", {"source": source, **more}), status)
    assert store.batches.count() == 5


def test_a_page_of_a_plan_holds_only_what_is_asked_for_with_all_its_values(alice: Browser, ledger: Ledger) -> None:
    edits = [edit("batch", f"batch_00000{n}", {"comments": "x"}) for n in (1, 2, 3)]
    op = ledger.record([*edits, Delete("batch", "batch_000004")], actor="Rita", via="api").op
    made = planned(alice, {"before": op})
    page = body(alice.get(f"/api/restore/plan/{made['plan']}?what=brought_back"))
    (row,) = page["changes"]
    assert (row["id"], row["last"]["actor"], page["pagination"]["total"]) == ("batch_000004", "Rita", 1)
    assert {"field": "status", "from": None, "to": "NS"} in row["values"]
    changed = body(alice.get(f"/api/restore/plan/{made['plan']}?what=changed&per_page=2&page=2"))
    assert [row["id"] for row in changed["changes"]] == ["batch_000003"]
    body(alice.get(f"/api/restore/plan/{made['plan']}?what=otra"), 400)


def test_a_moment_out_of_reach_comes_with_those_that_can_be_had(alice: Browser, done: Done, ledger: Ledger) -> None:
    first = ledger.store.entries.operations.oldest()
    assert first is not None
    too_early = {"moment": "2020-01-01T00:00:00Z"}
    assert body(alice.post("/api/restore/plan", {"source": too_early}), 404)["nearest"] == [first.isoformat()]
    told = done(body(alice.post("/api/restore/plan", {"source": too_early, "background": True}), 202)["task"])
    assert (told["state"], told["nearest"]) == ("failed", [first.isoformat()])
    assert planned(alice, {"moment": told["nearest"][0]})["changed"] == 1  # not given to Bob yet
    (now,) = body(alice.get("/api/board/at?moment=2999-01-01T00:00:00Z"), 404)["nearest"]
    assert body(alice.get("/api/board/at", query_string={"moment": now}))["moment"] == now


def test_a_failed_task_is_told_in_the_language_of_who_asks(alice: Browser, done: Done) -> None:
    source = {"before": "nada"}
    task = body(alice.post("/api/restore/plan", {"source": source, "background": True}), 202)["task"]
    assert done(task)["error"].startswith("No existe la operación «nada».")
    english = body(alice.get(f"/api/backups/tasks/{task}", headers={"Accept-Language": "en"}))
    assert english["error"].startswith("There is no operation «nada».")


def test_a_board_that_moved_meanwhile_is_told_with_who_moved_it(alice: Browser, done: Done, ledger: Ledger) -> None:
    op = ledger.record([edit("batch", FIRST, {"comments": "x"})], actor="Rita", via="api").op
    made = planned(alice, {"before": op})
    ledger.record([edit("batch", FIRST, {"comments": "y"})], actor="Bob", via="api")
    told = done(body(alice.post("/api/restore/apply", {"plan": made["plan"], "background": True}), 202)["task"])
    assert (told["state"], told["conflict"]["actor"]) == ("failed", "Bob")
    assert comments(ledger.store, FIRST) == "y"


def test_what_comes_from_a_file_is_an_import_in_the_history(alice: Browser, ledger: Ledger) -> None:
    file = io.BytesIO(json.dumps({"batches": [{"id": "nuevo", "status": "S"}]}).encode())
    form = {"file": (file, "respaldo.json"), "filters": '{"status": ["S"]}'}
    made = body(alice.post("/api/restore/plan", data=form, content_type="multipart/form-data"))
    op = body(alice.post("/api/restore/apply", {"plan": made["plan"]}))["operation"]
    imports = body(alice.get("/api/operations?via=import"))["operations"]
    assert [(one["op"], one["actions"]) for one in imports] == [(op, ["restore"])]
    back = planned(alice, {"before": op}, equal=True)
    body(alice.post("/api/restore/apply", {"plan": back["plan"], "confirm": "1"}))
    assert len(body(alice.get("/api/operations?via=import"))["operations"]) == 1
    assert ledger.store.batches.count() == 5


def test_ids_and_people_with_commas_are_filtered_as_they_are(alice: Browser, ledger: Ledger) -> None:
    op = ledger.record([Create("batch", "a, b", {}), Create("batch", "a", {})], actor="Rita", via="api").op
    ledger.record([Delete("batch", "a, b"), Delete("batch", "a")], actor="Rita", via="api")
    after = body(alice.get(f"/api/operations/{op}"))["operation"]["at"]
    made = planned(alice, {"moment": after}, filters={"ids": ["a, b"]})
    assert [row["id"] for row in made["changes"]] == ["a, b"]
