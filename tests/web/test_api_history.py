from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from browsing import Browser
from resguardo import auth
from resguardo.board.change import Create, Delete, assign, edit
from resguardo.ledger.people import rename_batch
from resguardo.ledger.record import Ledger
from resguardo.store import Store

FIRST = "batch_000001"


def got(browser: Browser, path: str, status: int = 200):
    answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.json


def test_a_timeline_tells_who_changed_what(alice: Browser, ledger: Ledger) -> None:
    ledger.record([edit("batch", FIRST, {"comments": "el de antes"})], actor="Bob", via="api")
    receipt = ledger.record([edit("batch", FIRST, {"comments": "el de ahora"})], actor="Rita", via="page")
    told = got(alice, f"/api/batches/{FIRST}/history")
    assert (told["batch"], told["next"]) == (FIRST, None)
    newest = told["timeline"][0]
    assert newest["fields"] == [{"field": "comments", "from": "el de antes", "to": "el de ahora"}]
    assert (newest["rev"], newest["actor"], newest["via"], newest["op"]) == (4, "Rita", "page", receipt.op)
    assert [row["action"] for row in told["timeline"]] == ["edit", "edit", "assign", "create"]
    created = {row["field"]: row["to"] for row in told["timeline"][-1]["fields"]}
    assert (created["id"], created["metadata.priority"]) == (FIRST, "media")
    page = got(alice, f"/api/batches/{FIRST}/history?limit=2")
    assert ([row["rev"] for row in page["timeline"]], page["next"]) == ([4, 3], 3)
    rest = got(alice, f"/api/batches/{FIRST}/history?limit=2&before=3")
    assert ([row["rev"] for row in rest["timeline"]], rest["next"]) == ([2, 1], None)
    assert rest["timeline"][0]["fields"][0] == {"field": "assignee", "from": None, "to": "Bob"}


def test_a_timeline_of_what_never_was_is_404(alice: Browser) -> None:
    assert "no_existe" in got(alice, "/api/batches/no_existe/history", 404)["error"]
    got(alice, "/api/batches/no_existe/at?rev=1", 404)
    got(alice, f"/api/batches/{FIRST}/history?before=x", 400)


def test_a_deleted_batch_keeps_its_timeline_and_a_renamed_one_names_the_other(alice: Browser, ledger: Ledger) -> None:
    ledger.record([Delete("batch", "batch_000002")], actor="Rita", via="api")
    assert got(alice, "/api/batches/batch_000002/history")["timeline"][0]["gone"] is True
    rename_batch(ledger, FIRST, "otro", actor="Rita", via="api")
    assert got(alice, f"/api/batches/{FIRST}/history")["timeline"][0]["renamed_to"] == "otro"
    assert got(alice, "/api/batches/otro/history")["timeline"][0]["renamed_from"] == FIRST


def test_ids_with_slashes_have_a_history_and_an_id_that_ends_in_history_is_a_batch(
    alice: Browser, ledger: Ledger
) -> None:
    for own_id in ("a/b", "x/history", "x/at"):
        ledger.record([Create("batch", own_id, {})], actor="Rita", via="api")
        path = f"/api/batches/{quote(own_id, safe='')}"
        assert got(alice, path)["batch"]["id"] == own_id
        assert got(alice, f"{path}/history")["batch"] == own_id
        assert got(alice, f"{path}/at?rev=1")["batch"]["id"] == own_id


def test_a_batch_as_it_was(alice: Browser, ledger: Ledger) -> None:
    receipt = ledger.record([edit("batch", FIRST, {"comments": "antes"})], actor="Bob", via="api")
    ledger.record([edit("batch", FIRST, {"comments": "ahora"})], actor="Rita", via="api")
    told = got(alice, f"/api/batches/{FIRST}/at?rev=3")
    assert (told["batch"]["comments"], told["rev"], told["actor"]) == ("antes", 3, "Bob")
    assert "_id" not in told["batch"]
    moment = receipt.at.isoformat()
    assert got(alice, f"/api/batches/{FIRST}/at?moment={moment}")["rev"] in (3, 4)  # a plus sign as it is
    assert got(alice, f"/api/batches/{FIRST}/at?moment={quote('2020-01-01T00:00:00Z')}")["batch"] is None
    assert "ahora" in got(alice, f"/api/batches/{FIRST}/at?moment={quote('2999-01-01T00:00:00Z')}", 404)["error"]
    for query in ("", "?rev=1&moment=2026-01-01T00:00:00Z", "?moment=2026-01-01T00:00:00", "?moment=ayer"):
        got(alice, f"/api/batches/{FIRST}/at{query}", 400)


def test_operations_are_listed_newest_first_and_filtered(alice: Browser, ledger: Ledger) -> None:
    ledger.record([assign(f"batch_{n:06}", "Ana") for n in range(1, 6)], actor="Rita", via="page")
    ledger.record([edit("batch", FIRST, {"comments": "x"})], actor="Núñez", via="api")
    told = got(alice, "/api/operations")
    assert [row["actor"] for row in told["operations"]] == ["Núñez", "Rita", "test", "test"]
    many = told["operations"][1]
    assert (many["actions"], many["count"], many["op_size"], many["complete"]) == (["assign"], 5, 5, True)
    assert (many["kinds"], len(many["docs"]), many["undone_by"]) == (["batch"], 5, None)
    assert told["operations"][-1]["kinds"] in (["segmentador", "batch"], ["batch", "segmentador"])
    first = got(alice, "/api/operations?limit=3")
    second = got(alice, f"/api/operations?limit=3&before={quote(first['next'])}")
    assert first["operations"] + second["operations"] == told["operations"]
    assert second["next"] is None
    for query, count in (
        ("actor=Rita", 1),
        ("via=page", 1),
        ("action=create", 1),
        ("text=nunez", 1),
        ("text=000005", 2),
        ("text=000001", 4),
        ("text=nadie", 0),
        ("from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z", 0),
        (f"from={quote(many['at'])}", 2),
        (f"to={quote(many['at'])}", 2),
    ):
        assert len(got(alice, f"/api/operations?{query}")["operations"]) == count, query
    got(alice, "/api/operations?before=x", 400)
    got(alice, "/api/operations?limit=0", 400)


def test_an_operation_tells_each_change(alice: Browser, ledger: Ledger) -> None:
    receipt = ledger.record(
        [assign(f"batch_{n:06}", "Ana") for n in range(2, 5)] + [Delete("batch", "batch_000005")],
        actor="Rita",
        via="page",
    )
    told = got(alice, f"/api/operations/{receipt.op}?limit=3")
    assert sorted(told["operation"]["actions"]) == ["assign", "delete"]
    assert [row["doc"] for row in told["entries"]] == ["batch_000002", "batch_000003", "batch_000004"]
    assert told["entries"][0]["fields"][0] == {"field": "assignee", "from": None, "to": "Ana"}
    rest = got(alice, f"/api/operations/{receipt.op}?limit=3&after={told['next']}")
    assert [(row["doc"], row["gone"], row["fields"]) for row in rest["entries"]] == [("batch_000005", True, [])]
    assert rest["next"] is None
    got(alice, "/api/operations/nada", 404)


def test_a_lead_undoes_and_undoes_that(alice: Browser, store: Store) -> None:
    receipt = alice.post("/api/batches/delete", {"ids": [FIRST, "batch_000002"]}).json
    assert receipt is not None
    path = f"/api/operations/{receipt['operation']}/undo"
    seen = alice.post(path, {"dry_run": True}).json
    assert seen is not None
    assert (seen["undone"], seen["operation"], store.batches.count()) == (2, None, 3)
    done = alice.post(path)
    assert done.status_code == 200
    assert done.json is not None
    assert (done.json["success"], done.json["undone"], done.json["conflicts"]) == (True, 2, [])
    assert done.json["message"] == "2 vuelven a como estaban."
    assert store.batches.count() == 5
    assert got(alice, f"/api/operations/{receipt['operation']}")["operation"]["undone_by"] == done.json["operation"]
    assert alice.post(path, {}).json["message"] == "No queda nada que deshacer."
    assert alice.post(f"/api/operations/{done.json['operation']}/undo", {}).json["undone"] == 2
    assert store.batches.count() == 3


def test_conflicts_are_a_result_and_can_be_decided(alice: Browser, ledger: Ledger, store: Store) -> None:
    receipt = ledger.record([edit("batch", FIRST, {"comments": "uno"})], actor="Alice", via="api")
    ledger.record([edit("batch", FIRST, {"comments": "dos"})], actor="Rita", via="api")
    path = f"/api/operations/{receipt.op}/undo"
    answer = alice.post(path, {})
    assert answer.status_code == 200
    (conflict,) = answer.json["conflicts"]
    assert (answer.json["undone"], answer.json["operation"]) == (0, None)
    assert (conflict["was"], conflict["now"], conflict["actor"]) == ("", "dos", "Rita")
    taken = alice.post(path, {"take": [{name: conflict[name] for name in ("kind", "doc", "field")}]}).json
    assert (taken["undone"], taken["conflicts"], taken["rev"]) == (1, [], 5)
    assert store.pages.one(FIRST)["comments"] == ""


@pytest.mark.parametrize("take", [5, [5], [{"kind": "batch"}], [{"kind": "x", "doc": "a", "field": "b"}]])
def test_a_decision_that_is_none_is_400(take: object, alice: Browser, ledger: Ledger) -> None:
    receipt = ledger.record([edit("batch", FIRST, {"comments": "uno"})], actor="Alice", via="api")
    assert alice.post(f"/api/operations/{receipt.op}/undo", {"take": take}).status_code == 400


def test_all_that_somebody_did_is_taken_back(alice: Browser, ledger: Ledger, store: Store) -> None:
    begun = ledger.now().isoformat()
    ledger.record([Delete("batch", FIRST), Delete("batch", "batch_000002")], actor="Bob", via="api")
    ledger.record([edit("batch", "batch_000003", {"comments": "x"})], actor="Bob", via="api")
    span = {"actor": "Bob", "from": begun, "to": ledger.now().isoformat()}
    assert alice.post("/api/undo", {**span, "dry_run": True}).json["undone"] == 3
    assert alice.post("/api/undo", span).json["undone"] == 3
    assert store.batches.count() == 5
    assert store.pages.one("batch_000003")["comments"] == ""
    assert alice.post("/api/undo", {**span, "to": "ayer"}).status_code == 400
    assert alice.post("/api/undo", {**span, "from": span["to"], "to": begun}).status_code == 400
    assert alice.post("/api/undo", {"actor": "Bob"}).status_code == 400


@pytest.mark.parametrize("name", ["Rita", "Bob", "Charlie"])
def test_who_does_not_lead_reads_history_and_undoes_nothing(
    name: str, browser: Callable[[str], Browser], ledger: Ledger
) -> None:
    receipt = ledger.record([edit("batch", FIRST, {"comments": "uno"})], actor=name, via="api")
    somebody = browser(name)
    got(somebody, "/api/operations")
    got(somebody, f"/api/batches/{FIRST}/history")
    assert somebody.post(f"/api/operations/{receipt.op}/undo", {}).status_code == 403
    span = {"actor": name, "from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
    assert somebody.post("/api/undo", span).status_code == 403


def test_who_may_assign_undoes_what_they_assigned(
    browser: Callable[[str], Browser], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(auth.PERMISSIONS, "reviewer", frozenset({"read", "assign"}))
    rita = browser("Rita")
    answers = {}
    for actor, change in (
        ("Rita", assign(FIRST, "Ana")),
        ("Alice", assign(FIRST, "Bob")),
        ("Rita", Delete("batch", FIRST)),
    ):
        receipt = ledger.record([change], actor=actor, via="api")
        answers[actor, change.action] = rita.post(f"/api/operations/{receipt.op}/undo", {"dry_run": True}).status_code
    assert answers == {("Rita", "assign"): 200, ("Alice", "assign"): 403, ("Rita", "delete"): 403}


def test_history_is_for_those_who_are_logged_in(app) -> None:
    for path in ("/api/operations", f"/api/batches/{FIRST}/history", f"/api/batches/{FIRST}/at?rev=1"):
        assert app.test_client().get(path).status_code == 401


def test_the_board_as_it_was(alice: Browser, ledger: Ledger) -> None:
    receipt = ledger.record([Delete("batch", FIRST)], actor="Rita", via="api")
    ledger.record([edit("batch", "batch_000002", {"assignee": "Ana"})], actor="Rita", via="api")
    told = got(alice, f"/api/board/at?before={receipt.op}&per_page=2&page=1")
    assert [row["id"] for row in told["batches"]] == [FIRST, "batch_000002"]
    assert told["pagination"] == {"page": 1, "per_page": 2, "total": 5, "total_pages": 3}
    assert told["last_change"]["actor"] == "test"
    assert (told["progress"]["totals"]["total"], told["progress"]["people"][0]["name"]) == (5, "Bob")
    assert "_id" not in told["batches"][0]
    mine = got(alice, f"/api/board/at?moment={quote(told['moment'])}&assignee=Bob")
    assert [row["id"] for row in mine["batches"]] == [FIRST]
    now = got(alice, f"/api/board/at?moment={quote(ledger.now().isoformat())}&assignee=Ana")
    assert [row["id"] for row in now["batches"]] == ["batch_000002"]
    assert "Lo más antiguo" in got(alice, "/api/board/at?moment=2020-01-01T00:00:00Z", 404)["error"]
    got(alice, "/api/board/at?before=nada", 404)
    for query in ("", "?moment=ayer", f"?before={receipt.op}&colour=red", f"?before={receipt.op}&page=0"):
        got(alice, f"/api/board/at{query}", 400)
