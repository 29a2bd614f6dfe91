"""The three files of the demo's board over HTTP, against mission.md's rules said here again with the standard library,
from the documents as they lie in MongoDB. Nothing of `exchange` or `vault` is used to say them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from browsing import Browser
from resguardo import demo
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.ledger.watch import Watch
from resguardo.store import Store
from resguardo.web.app import create_app

IN_ORDER = ["Ceci", "Flor", "Ignacio", "José Ángel", "Ma. Fernanda Núñez", "Maggie", "Mauricio", "Xóchitl"]
SUMMARY = "Segmentador,Total Batches,No Segmentados (NS),Incompletas (In),Completados (S),% Completado,Lista de Batches"


@pytest.fixture
def lead(settings: Settings, store: Store, ledger: Ledger, watch: Watch) -> Browser:
    demo.fill(store, ledger, 429)
    return Browser(create_app(settings, store, ledger, watch).test_client(), "ana", demo.PASSWORD)


def documents(store: Store, collection: str) -> list[dict[str, Any]]:
    """As MongoDB has them, in its order, without the two fields that are not the team's."""
    return list(store.connection.database[collection].find({}, {"_id": 0, "_rev": 0}))


def written(header: str, rows: list[list[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([next(csv.reader([header])), *rows])
    return text.getvalue().encode("utf-8-sig")


def filename(answer: Any) -> str:
    found = re.search(r"filename\*=UTF-8''([^;]+)", answer.headers["Content-Disposition"])
    assert found is not None
    return found[1]


def test_every_work_list(lead: Browser, store: Store) -> None:
    batches = documents(store, "batches")
    for name in IN_ORDER:
        own = sorted((row for row in batches if row["assignee"] == name), key=lambda row: str(row["id"]))
        assert len(own) > 10
        answer = lead.get(f"/api/export/segmentador/{quote(name)}")
        assert answer.data == written("Batch ID,Responsable,Estatus", [[row["id"], name, ""] for row in own])
        day = own[0]["metadata"]["assigned_at"][:10].replace("-", "")
        assert filename(answer) == quote(f"{name}_{day}.csv")


def test_the_summary(lead: Browser, store: Store) -> None:
    rows: list[list[object]] = []
    for name in IN_ORDER:
        own = [row for row in documents(store, "batches") if row["assignee"] == name]
        count = [sum(row["status"] == status for row in own) for status in ("NS", "In", "S")]
        percent = f"{round(count[2] / len(own) * 100, 1)}%"
        rows.append([name, len(own), *count, percent, ", ".join(sorted(row["id"] for row in own))])
    answer = lead.get("/api/export/all-assignments")
    assert answer.data == written(SUMMARY, rows)
    assert re.fullmatch(r"resumen_asignaciones_\d{8}_\d{6}\.csv", filename(answer))


def test_the_backup(lead: Browser, store: Store) -> None:
    answer = lead.get("/api/backup/database")
    assert re.fullmatch(r"backup_segmentacion_db_\d{8}_\d{6}\.json", filename(answer))
    info = json.loads(answer.data)["backup_info"]
    assert list(info)[:3] == ["created_at", "version", "source"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", info["created_at"])
    assert info["source"] == "Dashboard de Segmentación"
    batches, people = documents(store, "batches"), documents(store, "segmentadores")
    expected = {
        "backup_info": info,
        "statistics": {
            "total_batches": 429,
            "total_segmentadores": len(IN_ORDER),
            "batches_by_status": {name: sum(row["status"] == name for row in batches) for name in ("NS", "In", "S")},
        },
        "segmentadores": people,
        "batches": batches,
    }
    text = json.dumps(expected, ensure_ascii=False, indent=2).encode()
    # After what the old system wrote comes one more key, which carries what JSON cannot.
    assert answer.data.startswith(text.removesuffix(b"\n}") + b',\n  "exact": {')
    assert list(json.loads(answer.data)) == [*expected, "exact"]
