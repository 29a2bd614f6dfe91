from __future__ import annotations

import io
import json
from urllib.parse import quote

import pytest

from browsing import Browser
from resguardo.board.change import Create, Delete, assign, edit
from resguardo.ledger.record import Ledger
from resguardo.store import Store


def test_the_work_list_to_the_byte(alice: Browser, ledger: Ledger) -> None:
    ledger.record(
        [edit("batch", "batch_000001", {"metadata": {"assigned_at": "2026-11-20 10:00:00"}})], actor="t", via="cli"
    )
    answer = alice.get("/api/export/segmentador/Bob")
    assert answer.status_code == 200
    assert answer.data == "\ufeffBatch ID,Responsable,Estatus\r\nbatch_000001,Bob,\r\n".encode()
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="Bob_20261120.csv"' in answer.headers["Content-Disposition"]


def test_a_person_without_batches_is_404(alice: Browser) -> None:
    for name in ("Ana", "Nadie", "../../etc", quote("a\r\nX: y")):
        answer = alice.get(f"/api/export/segmentador/{name}")
        assert answer.status_code == 404
        assert answer.json is not None
        assert answer.json["success"] is False


@pytest.mark.parametrize("name", ["../../etc", "=cmd|' /C calc'!A0", 'a"b', "Núñez 😀", "x" * 300, "a/b"])
def test_odd_names_make_safe_files(name: str, alice: Browser, ledger: Ledger) -> None:
    ledger.record([Create("segmentador", name, {}), assign("batch_000002", name)], actor="t", via="cli")
    answer = alice.get(f"/api/export/segmentador/{quote(name, safe='')}")
    assert answer.status_code == 200
    header = answer.headers["Content-Disposition"]
    assert header.startswith("attachment; ")
    assert header.isascii()
    assert "/" not in header.replace("attachment; ", "").split("filename*")[0]


def test_the_summary_to_the_byte(alice: Browser) -> None:
    answer = alice.get("/api/export/all-assignments")
    head = (
        "Segmentador,Total Batches,No Segmentados (NS),Incompletas (In),Completados (S),% Completado,Lista de Batches"
    )
    assert answer.data == f"\ufeff{head}\r\nBob,1,1,0,0,0.0%,batch_000001\r\n".encode()
    assert 'filename="resumen_asignaciones_' in answer.headers["Content-Disposition"]


def test_the_backup_is_what_old_scripts_read_and_comes_back(alice: Browser, ledger: Ledger, store: Store) -> None:
    answer = alice.get("/api/backup/database")
    assert 'filename="backup_segmentacion_db_' in answer.headers["Content-Disposition"]
    content = json.loads(answer.data)
    assert list(content)[:4] == ["backup_info", "statistics", "segmentadores", "batches"]
    assert content["statistics"]["total_batches"] == 5
    before = sorted(store.batches.scan())
    ledger.record([Delete("batch", "batch_000001")], actor="t", via="cli")
    preview = _upload(alice, answer.data, "?preview=1")
    assert (preview["brought_back"], preview["created"], preview["changed"]) == (1, 0, 0)
    assert store.batches.count() == 4
    assert _upload(alice, answer.data)["changed"] == 0
    assert sorted(store.batches.scan()) == before


def test_what_differs_is_put_back_after_an_archive_of_what_was_there(
    alice: Browser, ledger: Ledger, store: Store
) -> None:
    backup = alice.get("/api/backup/database").data
    ledger.record([edit("batch", "batch_000002", {"comments": "después"})], actor="t", via="cli")
    result = _upload(alice, backup)
    assert result["backup_before"]
    row = store.pages.one("batch_000002")
    assert row is not None
    assert row["comments"] == ""
    listed = alice.get("/api/backups").json
    assert listed is not None
    assert [one["id"] for one in listed["backups"]] == [result["backup_before"]]


def test_adding_leaves_what_is_there(alice: Browser, store: Store) -> None:
    batches = [{"id": "batch_000001", "comments": "viejo"}, {"id": "nuevo", "status": "S"}]
    answer = alice.post("/api/data/batches/upload", {"batches": batches, "mode": "add"})
    assert answer.status_code == 200, answer.text
    row, new = store.pages.one("batch_000001"), store.pages.one("nuevo")
    assert row is not None
    assert new is not None
    assert (row["comments"], new["status"]) == ("", "S")
    answer = alice.post("/api/data/batches/upload", {"batches": batches, "mode": "replace"})
    row = store.pages.one("batch_000001")
    assert row is not None
    assert row["comments"] == "viejo"
    assert store.batches.count() == 6


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"batches": [{"id": "n1"}, {"id": ',
        b'{"batches": [{"id": "n1"}, {"no": "id"}]}',
        b'{"batches": [{"id": "n1"}, {"id": "n1"}]}',
        b'{"segmentadores": []}',
        b"[]",
    ],
)
def test_a_file_with_one_bad_batch_changes_nothing(body: bytes, alice: Browser, store: Store) -> None:
    sent = {"file": (io.BytesIO(body), "r.json")}
    answer = alice.post("/api/data/batches/upload", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert store.batches.count() == 5
    as_json = alice.post("/api/data/batches/upload", data=body, content_type="application/json")
    assert as_json.status_code == 400
    assert store.batches.count() == 5


def test_an_upload_without_a_file_or_with_an_unknown_mode_is_400(alice: Browser) -> None:
    assert alice.post("/api/data/batches/upload", data={}).status_code == 400
    assert alice.post("/api/data/batches/upload", {"batches": [], "mode": "borrar"}).status_code == 400


def test_a_backup_is_made_listed_and_downloaded(alice: Browser) -> None:
    made = alice.post("/api/backups", {"reason": "antes de las vacaciones"})
    assert made.status_code == 201
    assert made.json is not None
    own = made.json["id"]
    shown = alice.get(f"/api/backups/{own}").json
    assert shown is not None
    assert (shown["reason"], shown["batches"]) == ("antes de las vacaciones", 5)
    assert alice.get(f"/api/backups/{own}/download").data[:4] == b"\x28\xb5\x2f\xfd"
    assert alice.get("/api/backups/no").status_code == 404


def _upload(alice: Browser, content: bytes, query: str = "") -> dict[str, object]:
    sent = {"file": (io.BytesIO(content), "respaldo.json")}
    answer = alice.post(f"/api/data/batches/upload{query}", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return dict(answer.json)


def test_a_restore_is_previewed_and_then_done_once(alice: Browser, ledger: Ledger, store: Store) -> None:
    backup = alice.get("/api/backup/database").data
    ledger.record([Delete("batch", "batch_000003")], actor="t", via="cli")
    sent = {"file": (io.BytesIO(backup), "r.json")}
    plan = alice.post("/api/restore/plan", data=sent, content_type="multipart/form-data").json
    assert plan is not None
    assert plan["brought_back"] == 1
    assert [(change["id"], change["action"]) for change in plan["changes"]] == [("batch_000003", "brought_back")]
    assert store.batches.count() == 4
    assert alice.post("/api/restore/apply", {"plan": plan["plan"]}).status_code == 200
    assert store.batches.count() == 5
    assert alice.post("/api/restore/apply", {"plan": plan["plan"]}).status_code == 404


def test_a_plan_is_refused_when_the_board_has_moved(alice: Browser, ledger: Ledger, store: Store) -> None:
    made = alice.post("/api/backups", {"reason": "x"}).json
    assert made is not None
    ledger.record([edit("batch", "batch_000003", {"comments": "uno"})], actor="t", via="cli")
    plan = alice.post("/api/restore/plan", {"source": made["id"], "filters": {"ids": ["batch_000003"]}}).json
    assert plan is not None
    assert (plan["changed"], plan["changes"][0]["fields"]) == (1, ["comments"])
    ledger.record([edit("batch", "batch_000003", {"comments": "dos"})], actor="t", via="cli")
    assert alice.post("/api/restore/apply", {"plan": plan["plan"]}).status_code == 409
    row = store.pages.one("batch_000003")
    assert row is not None
    assert row["comments"] == "dos"
