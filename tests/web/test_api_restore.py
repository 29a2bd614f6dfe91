"""Going back through the API: plan, page, confirm, apply, compare."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from browsing import Browser
from resguardo.board.change import Create, Delete, assign, edit
from resguardo.board.filters import Filter
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from waiting import wait_until

FIXTURES = Path(__file__).parents[1] / "fixtures"
ARCHIVES = FIXTURES / "archives"
SAMPLE = FIXTURES / "backup_segmentacion_db_20251015_143052.json"


def body(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    return dict(answer.json)


@pytest.fixture
def plan(alice: Browser) -> Callable[..., dict[str, Any]]:
    return lambda source, **more: body(alice.post("/api/restore/plan", {"source": source, **more}))


def do(ledger: Ledger, *changes: Any, actor: str = "Rita") -> str:
    return ledger.record(list(changes), actor=actor, via="api").op


def of_bob(store: Store, field: str) -> list[str]:
    return [row[field] for row in store.pages.select(Filter(assignee=("Bob",)))]


def test_back_to_a_moment_with_the_last_change_undone_and_done_again(
    alice: Browser, plan: Callable[..., dict[str, Any]], ledger: Ledger, store: Store
) -> None:
    moment = ledger.now()
    wait_until(lambda: ledger.now() > moment)
    do(ledger, edit("batch", "batch_000001", {"comments": "malo"}), Delete("batch", "batch_000002"))
    made = plan({"moment": moment.isoformat()})
    assert (made["changed"], made["brought_back"], made["deleted"], made["total"]) == (1, 1, 0, 2)
    assert (made["last_change"]["doc"], made["last_change"]["actor"]) == ("batch_000001", "test")
    changed = next(row for row in made["changes"] if row["action"] == "changed")
    (value,) = changed["values"]
    assert (value["field"], value["from"], value["to"], value["actor"]) == ("comments", "malo", "", "Rita")
    done = body(alice.post("/api/restore/apply", {"plan": made["plan"]}))
    assert (of_bob(store, "comments"), store.batches.count()) == ([""], 5)
    listed = body(alice.get("/api/backups"))["backups"]
    assert (listed[0]["id"], listed[0]["safety"], done["conflicts"]) == (done["backup_before"], True, [])
    undone = body(alice.post(f"/api/operations/{done['operation']}/undo"))
    assert (of_bob(store, "comments"), store.batches.count()) == (["malo"], 4)
    body(alice.post(f"/api/operations/{undone['operation']}/undo"))
    assert (of_bob(store, "comments"), store.batches.count()) == ([""], 5)


def test_before_an_operation_for_one_person_and_one_field(plan: Callable[..., dict[str, Any]], ledger: Ledger) -> None:
    op = do(ledger, *(edit("batch", f"batch_00000{n}", {"comments": "x", "folder": "y"}) for n in (1, 2)))
    assert plan({"before": op})["changed"] == 2
    made = plan({"before": op}, filters={"assignee": ["Bob"]}, fields=["folder"])
    assert [(row["id"], row["fields"]) for row in made["changes"]] == [("batch_000001", ["folder"])]


def test_a_name_with_a_comma_is_one_name(plan: Callable[..., dict[str, Any]], ledger: Ledger) -> None:
    do(ledger, *(Create("segmentador", name, {}) for name in ("Pérez", "Pérez, Ana")))
    do(ledger, assign("batch_000002", "Pérez"), assign("batch_000003", "Pérez, Ana"))
    op = do(ledger, *(edit("batch", f"batch_00000{n}", {"folder": "y"}) for n in (2, 3)))
    assert [row["id"] for row in plan({"before": op}, filters={"assignee": ["Pérez, Ana"]})["changes"]] == [
        "batch_000003"
    ]
    assert plan({"before": op}, filters={"assignee": "Pérez"})["changes"][0]["id"] == "batch_000002"


def test_what_would_be_deleted_is_typed_and_a_wrong_number_leaves_the_plan(
    alice: Browser, plan: Callable[..., dict[str, Any]], ledger: Ledger, store: Store
) -> None:
    op = do(ledger, Create("batch", "nuevo", {}), Create("batch", "otro", {}))
    made = plan({"before": op}, equal=True)
    assert (made["deleted"], made["equal"], made["kept"]) == (2, True, 0)
    for wrong in (None, "", "1", 3, "dos"):
        refused = alice.post("/api/restore/apply", {"plan": made["plan"], "confirm": wrong})
        assert refused.status_code == 409
        assert "2" in refused.text
    assert store.batches.count() == 7
    body(alice.post("/api/restore/apply", {"plan": made["plan"], "confirm": "2"}))
    assert store.batches.count() == 5


def test_a_plan_is_paged_and_only_its_owners(
    alice: Browser, browser: Callable[[str], Browser], plan: Callable[..., dict[str, Any]], ledger: Ledger
) -> None:
    op = do(ledger, *(edit("batch", f"batch_00000{n}", {"folder": "y"}) for n in range(1, 6)))
    made = plan({"before": op})
    page = body(alice.get(f"/api/restore/plan/{made['plan']}?page=2&per_page=2"))
    assert [row["id"] for row in page["changes"]] == ["batch_000003", "batch_000004"]
    assert page["pagination"] == {"page": 2, "per_page": 2, "total": 5, "total_pages": 3}
    assert page["changes"][0]["values"][0]["actor"] == "Rita"
    assert page["changed"] == 5
    assert alice.get(f"/api/restore/plan/{made['plan']}?page=0").status_code == 400
    assert alice.get("/api/restore/plan/nada").status_code == 404
    for name in ("Rita", "Bob", "Charlie"):
        assert browser(name).get(f"/api/restore/plan/{made['plan']}").status_code == 403


def test_in_the_background_a_task_tells_its_steps_and_its_result(alice: Browser, ledger: Ledger, store: Store) -> None:
    op = do(ledger, *(edit("batch", f"batch_00000{n}", {"folder": "y"}) for n in range(1, 6)))
    begun = body(alice.post("/api/restore/plan", {"source": {"before": op}, "background": True}), 202)
    made = _result(alice, begun["task"])
    assert made["changed"] == 5
    begun = body(alice.post("/api/restore/apply", {"plan": made["plan"], "background": True}), 202)
    done = _result(alice, begun["task"])
    assert (done["changed"], done["conflict_count"]) == (5, 0)
    assert of_bob(store, "folder") == [""]
    assert store.entries.of_document("batch", "batch_000001")[-1].op == done["operation"]


def _result(alice: Browser, task: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        told = body(alice.get(f"/api/backups/tasks/{task}"))
        return None if told["state"] == "running" else told

    told = wait_until(ended)
    assert told["state"] == "done", told["error"]
    return dict(told["result"])


def test_a_plan_that_fails_in_the_background_says_why(alice: Browser, ledger: Ledger) -> None:
    source = {"moment": "2020-01-01T00:00:00Z"}
    task = body(alice.post("/api/restore/plan", {"source": source, "background": True}), 202)["task"]
    told = wait_until(lambda: (now := body(alice.get(f"/api/backups/tasks/{task}")))["state"] == "failed" and now)
    assert "no llega hasta" in told["error"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 400),
        ({"source": {"archive": "x", "moment": "y"}}, 400),
        ({"source": {"otra": "x"}}, 400),
        ({"source": 5}, 400),
        ({"source": "no_existe"}, 404),
        ({"source": {"moment": "ayer"}}, 400),
        ({"source": {"moment": "2020-01-01T00:00:00Z"}}, 404),
        ({"source": {"moment": "2999-01-01T00:00:00Z"}}, 404),
        ({"source": {"before": "nada"}}, 404),
        ({"source": "x", "filters": []}, 400),
        ({"source": "x", "filters": {"otro": "1"}}, 400),
        ({"source": "x", "filters": {"ids": [1]}}, 400),
        ({"source": "x", "fields": "comments"}, 400),
        ({"source": "x", "fields": ["_id"]}, 400),
        ({"source": "x", "equal": "sí"}, 400),
        ({"source": "x", "equal": True, "only_deleted": True}, 400),
    ],
)
def test_half_a_question_is_refused(alice: Browser, given: dict[str, Any], status: int) -> None:
    answer = alice.post("/api/restore/plan", given)
    assert answer.status_code == status, answer.text
    assert answer.json is not None
    assert answer.json["success"] is False


def test_a_file_is_planned_with_what_its_form_says(alice: Browser, store: Store) -> None:
    for name in ("1.0.json", "2.0.json.zst"):
        form = {
            "file": (io.BytesIO((ARCHIVES / name).read_bytes()), name),
            "filters": json.dumps({"assignee": ["Beto"]}),
            "only_deleted": "true",
        }
        made = body(alice.post("/api/restore/plan", data=form, content_type="multipart/form-data"))
        assert {row["assignee"] for row in made["changes"]} == {"Beto"}
        assert made["source"]["name"] == name
    dump = (ARCHIVES / "dump" / "segmentacion_db" / "batches.bson").read_bytes()
    sent = {"file": (io.BytesIO(dump), "batches.bson")}
    made = body(alice.post("/api/restore/plan", data=sent, content_type="multipart/form-data"))
    assert (made["created"], made["skipped"], made["left_out"][0]["id"]) == (9, 1, "5")
    wrong = {"file": (io.BytesIO(dump), "batches.bson"), "filters": "{"}
    assert alice.post("/api/restore/plan", data=wrong, content_type="multipart/form-data").status_code == 400
    assert store.batches.count() == 5


def test_the_old_file_is_uploaded_looked_at_and_brought_back(alice: Browser, store: Store) -> None:
    sent = {"file": (io.BytesIO(SAMPLE.read_bytes()), SAMPLE.name)}
    made = body(alice.post("/api/restore/plan", data=sent, content_type="multipart/form-data"))
    done = body(alice.post("/api/restore/apply", {"plan": made["plan"]}))
    assert (made["total"], done["conflict_count"]) == (made["created"] + made["changed"], 0)
    rows = json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"]
    stored = {row["id"]: (row["assignee"], row["status"]) for row in store.pages.select(Filter())}
    assert {row["id"]: (row["assignee"], row["status"]) for row in rows}.items() <= stored.items()
    assert body(alice.post(f"/api/operations/{done['operation']}/undo"))["conflicts"] == []
    assert store.batches.count() == 5


OLD = {
    "old1": {"assignee": "Ana", "status": "S", "comments": "Revisar el BORDE", "folder": "/a"},
    "old2": {"assignee": "Pérez, Beto", "status": "In", "comments": "b"},
    "old3": {"status": "NS", "comments": "c"},
}
METADATA = {
    "old1": {"priority": "alta", "review_status": "no_aprobado", "due_date": "2026-11-20", "assigned_at": "2026-10-01"},
    "old2": {
        "priority": "baja",
        "review_status": "Pendiente",
        "due_date": "2026-12-24",
        "assigned_at": "2026-11-01 08:00:00",
    },
    "old3": {"priority": "media"},
}
CHOSEN: list[tuple[str, Any, list[str]]] = [
    ("assignee", ["Pérez, Beto"], ["old2"]),
    ("unassigned", True, ["old3"]),
    ("status", ["S", "In"], ["old1", "old2"]),
    ("review", ["No Aprobado"], ["old1"]),
    ("priority", ["baja", "media"], ["old2", "old3"]),
    ("due_before", "2026-12-24", ["old1"]),
    ("due_after", "2026-12-24", ["old2"]),
    ("assigned_before", "2026-11-01", ["old1"]),
    ("assigned_after", "2026-11-01", ["old2"]),
    ("text", "borde", ["old1"]),
    ("ids", ["old1", "old3"], ["old1", "old3"]),
]


def test_every_filter_chooses_as_batches_were_in_the_source(alice: Browser) -> None:
    assert [name for name, _, _ in CHOSEN] == list(Filter.__dataclass_fields__)
    rows = [{"id": own, **fields, "metadata": METADATA[own]} for own, fields in OLD.items()]
    file = json.dumps({"batches": rows}).encode()
    for name, value, wanted in CHOSEN:
        form = {"file": (io.BytesIO(file), "viejo.json"), "filters": json.dumps({name: value})}
        made = body(alice.post("/api/restore/plan", data=form, content_type="multipart/form-data"))
        assert sorted(row["id"] for row in made["changes"]) == wanted, name
    form = {"file": (io.BytesIO(file), "viejo.json"), "filters": json.dumps({"due_after": "mañana"})}
    assert alice.post("/api/restore/plan", data=form, content_type="multipart/form-data").status_code == 400
