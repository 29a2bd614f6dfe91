from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from browsing import Browser
from resguardo.board.change import Create, edit
from resguardo.ledger.record import Ledger
from resguardo.store import Store

WORKLIST = "Batch ID,Responsable,Estatus\n"


def send(alice: Browser, content: bytes | str, name: str = "Bob_20251015.csv", path: str = "plan", **form: str) -> Any:
    data = content.encode() if isinstance(content, str) else content
    sent = {"file": (io.BytesIO(data), name), **form}
    return alice.post(f"/api/data/{path}", data=sent, content_type="multipart/form-data")


def status(store: Store, name: str) -> object:
    row = store.pages.one(name)
    return row and row["status"]


def test_a_list_is_shown_row_by_row_then_put_in_once_and_undone(alice: Browser, store: Store) -> None:
    plan = send(alice, WORKLIST + "batch_000001,Bob,✓\nbatch_000002,,casi\nbatch_000003,,in\nbatch_000004,,\n").json
    assert {name: plan[name] for name in ("rows", "error", "conflict", "changed", "new", "unchanged")} == {
        **{"rows": 4, "error": 1, "conflict": 0, "changed": 2, "new": 0, "unchanged": 1},
    }
    shown = alice.get(f"/api/data/plan/{plan['plan']}?outcome=changed&per_page=1&page=2").json
    assert shown is not None
    assert shown["pagination"] == {"page": 2, "per_page": 1, "total": 2, "total_pages": 2}
    assert [(row["line"], row["id"], row["changes"]) for row in shown["lines"]] == [
        (4, "batch_000003", [{"field": "status", "from": "NS", "to": "In"}]),
    ]
    assert status(store, "batch_000001") == "NS"
    done = alice.post("/api/data/apply", {"plan": plan["plan"], "leave_out": ["batch_000003"]})
    assert done.json is not None
    assert (done.status_code, done.json["changed"], done.json["backup_before"]) == (200, 1, None)
    assert (status(store, "batch_000001"), status(store, "batch_000003")) == ("S", "NS")
    assert alice.post("/api/data/apply", {"plan": plan["plan"]}).status_code == 404
    undone = alice.post(f"/api/operations/{done.json['operation']}/undo", {}).json
    assert undone is not None
    assert undone["undone"] == 1
    assert status(store, "batch_000001") == "NS"


def test_a_plan_is_refused_where_the_board_has_moved(alice: Browser, ledger: Ledger, store: Store) -> None:
    plan = send(alice, WORKLIST + "batch_000001,Bob,S\nbatch_000002,,S\n").json
    ledger.record([edit("batch", "batch_000002", {"status": "In"})], actor="Bob", via="cli")
    refused = alice.post("/api/data/apply", {"plan": plan["plan"]})
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["conflict"]["actor"] == "Bob"
    assert status(store, "batch_000001") == "NS"


def test_replacing_is_preceded_by_an_archive_and_reported_as_it_goes(
    alice: Browser, store: Store, done: Callable[[str], dict[str, Any]]
) -> None:
    plan = send(alice, "id,estatus\nbatch_000001,S\nnuevo,\n", mode="replace").json
    assert (plan["changed"], plan["new"]) == (1, 1)
    begun = alice.post("/api/data/apply", {"plan": plan["plan"], "background": True})
    assert begun.status_code == 202
    assert begun.json is not None
    result = done(begun.json["task"])["result"]
    backup = alice.get(f"/api/backups/{result['backup_before']}").json
    assert backup is not None
    assert backup["reason"].startswith("antes de importar")
    assert (status(store, "batch_000001"), status(store, "nuevo"), store.batches.count()) == ("S", "NS", 6)


def test_a_pasted_list_gives_its_batches_a_status(alice: Browser, store: Store) -> None:
    plan = alice.post("/api/data/plan", {"text": "batch_000001, batch_000002\nbatch_000003 en proceso", "status": "S"})
    assert plan.json is not None
    assert plan.json["changed"] == 3
    assert alice.post("/api/data/apply", {"plan": plan.json["plan"]}).status_code == 200
    assert [status(store, f"batch_00000{number}") for number in (1, 2, 3)] == ["S", "S", "In"]


def test_a_backup_is_answered_as_a_restore_plan(alice: Browser, ledger: Ledger) -> None:
    backup = alice.get("/api/backup/database").data
    ledger.record([edit("batch", "batch_000002", {"status": "In"})], actor="Bob", via="cli")
    answer = send(alice, backup, "respaldo.json")
    assert answer.status_code == 200, answer.text
    plan = answer.json
    assert (plan["changed"], plan.get("kind")) == (1, None)
    assert alice.post("/api/restore/apply", {"plan": plan["plan"]}).status_code == 200


def book() -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert isinstance(sheet, Worksheet)
    for row in (("Batch ID", "Estatus"), ("batch_000001", "hecho"), ("batch_000009", "S")):
        sheet.append(row)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def test_an_upload_at_once_does_all_or_nothing(alice: Browser, store: Store) -> None:
    refused = send(alice, book(), "lista.xlsx", "batches/upload", mode="update")
    assert refused.status_code == 400
    assert "Línea 3, «batch_000009»" in refused.json["error"]
    assert status(store, "batch_000001") == "NS"
    seen = send(alice, book(), "lista.xlsx", "batches/upload?preview=1", mode="replace").json
    assert (seen["changed"], seen["new"], len(seen["lines"])) == (1, 1, 2)
    done = send(alice, book(), "lista.xlsx", "batches/upload", mode="replace")
    assert (done.status_code, done.json["changed"]) == (200, 2)
    assert (status(store, "batch_000001"), status(store, "batch_000009")) == ("S", "S")


def test_only_what_differs_of_a_backup_comes_where_updating_is_asked_for(alice: Browser, store: Store) -> None:
    batches = [{"id": "batch_000001", "comments": "viejo"}, {"id": "nuevo", "status": "S"}]
    answer = alice.post("/api/data/batches/upload", {"batches": batches, "mode": "update"})
    assert answer.status_code == 200, answer.text
    assert store.batches.count() == 5
    row = store.pages.one("batch_000001")
    assert row is not None
    assert row["comments"] == "viejo"


@pytest.mark.parametrize(
    ("form", "why"),
    [({"mode": "borrar"}, "mode"), ({"fields": "status,_id"}, "«_id»")],
)
def test_what_is_not_understood_is_refused(alice: Browser, form: dict[str, str], why: str) -> None:
    refused = send(alice, WORKLIST + "batch_000001,Bob,S\n", **form)
    assert refused.status_code == 400
    assert why in refused.json["error"]
    assert send(alice, b"\x00\x01\x02").status_code == 400
    assert alice.post("/api/data/plan", {"texto": "x"}).status_code == 400
    assert alice.get("/api/data/plan/no").status_code == 404


def test_a_plan_is_its_makers_and_importing_is_for_leads(
    alice: Browser, browser: Callable[[str], Browser], store: Store
) -> None:
    plan = send(alice, WORKLIST + "batch_000001,Bob,S\n").json["plan"]
    for name in ("Rita", "Bob", "Charlie"):
        somebody = browser(name)
        assert send(somebody, WORKLIST + "batch_000001,Bob,S\n").status_code == 403
        assert somebody.get(f"/api/data/plan/{plan}").status_code == 403
        assert somebody.post("/api/data/apply", {"plan": plan}).status_code == 403
    assert status(store, "batch_000001") == "NS"


def test_reasons_are_english_for_who_reads_english(alice: Browser) -> None:
    plan = send(alice, WORKLIST + "batch_000001,Bob,casi\n").json["plan"]
    shown = alice.get(f"/api/data/plan/{plan}", headers={"Accept-Language": "en"}).json
    assert shown is not None
    assert shown["lines"][0]["problem"] == "«casi» is not a status. Write NS, In or S."


WHOLE = "id,comentarios\nbatch_000001,uno\nbatch_000002,\n"


def test_what_a_list_does_not_name_goes_only_with_its_number(alice: Browser, store: Store) -> None:
    plan = send(alice, WHOLE, "todo.csv", mode="replace").json
    assert (plan["deleted"], plan["unnamed"], plan["no_deleting"]) == (3, 3, None)
    shown = alice.get(f"/api/data/plan/{plan['plan']}?outcome=deleted").json
    assert shown is not None
    assert [row["id"] for row in shown["lines"]] == ["batch_000003", "batch_000004", "batch_000005"]
    assert {row["by"]["actor"] for row in shown["lines"]} == {"test"}
    assert alice.post("/api/data/apply", {"plan": plan["plan"], "confirm": "2"}).status_code == 409
    assert store.batches.count() == 5
    done = alice.post("/api/data/apply", {"plan": plan["plan"], "confirm": 3}).json
    assert done is not None
    assert (done["deleted"], done["kept"], store.batches.count()) == (3, 0, 2)
    assert done["backup_before"]
    alice.post(f"/api/operations/{done['operation']}/undo", {})
    assert store.batches.count() == 5


def test_without_the_number_all_that_a_list_does_not_name_stays(alice: Browser, store: Store) -> None:
    plan = send(alice, WHOLE, "todo.csv", mode="replace").json["plan"]
    done = alice.post("/api/data/apply", {"plan": plan}).json
    assert done is not None
    assert (done["deleted"], done["kept"], store.batches.count()) == (0, 3, 5)
    old = {"batches": [{"id": "batch_000001", "comments": "x"}], "mode": "replace"}
    told = alice.post("/api/data/batches/upload", old).json
    assert told is not None
    assert (told["unnamed"], "«confirm»" in told["hint"], store.batches.count()) == (4, True, 5)


def test_rows_in_error_hold_deleting_back_and_keep_what_they_name(alice: Browser, store: Store) -> None:
    plan = send(alice, "id,estatus\nbatch_000001,S\nbatch_2,NS\nbatch_000003,casi\n", "t.csv", mode="replace").json
    assert (plan["error"], plan["deleted"]) == (2, 2)
    asked = {"plan": plan["plan"], "confirm": 2}
    assert "renglones con error" in alice.post("/api/data/apply", asked).text
    assert alice.post("/api/data/apply", {**asked, "leave_out_errors": True}).status_code == 200
    assert sorted(store.batches.names()) == ["batch_000001", "batch_000002", "batch_000003"]


def test_what_somebody_changes_or_makes_after_the_preview_stays_and_is_told(
    alice: Browser, ledger: Ledger, store: Store
) -> None:
    plan = send(alice, WHOLE, "todo.csv", mode="replace").json["plan"]
    ledger.record([edit("batch", "batch_000005", {"status": "In"})], actor="Bob", via="cli")
    refused = alice.post("/api/data/apply", {"plan": plan, "confirm": 3})
    assert (refused.status_code, "Bob" in refused.text, store.batches.count()) == (409, True, 5)
    plan = send(alice, WHOLE, "todo.csv", mode="replace").json["plan"]
    ledger.record([Create("batch", "fresco", {})], actor="Bob", via="cli")
    done = alice.post("/api/data/apply", {"plan": plan, "confirm": 3}).json
    assert done is not None
    assert [(one["id"], one["actor"]) for one in done["conflicts"]] == [("fresco", "Bob")]
    assert "fresco" in store.batches.names()


def test_a_work_list_never_stands_for_the_whole_board(alice: Browser, store: Store) -> None:
    plan = send(alice, WORKLIST + "batch_000001,Bob,S\n", mode="replace").json
    assert (plan["deleted"], plan["unnamed"]) == (0, 4)
    assert "lista de una persona" in plan["no_deleting"]
    refused = alice.post("/api/data/apply", {"plan": plan["plan"], "confirm": 4})
    assert (refused.status_code, store.batches.count()) == (409, 5)
    part = alice.get("/api/export/batches?format=xlsx&ids=batch_000002").data
    assert send(alice, part, "parte.xlsx", mode="replace").json["no_deleting"] is not None
