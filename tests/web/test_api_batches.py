from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

import pytest

from browsing import Browser
from resguardo.board.change import Change, Create, Delete, edit
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.store.entries import Entries, Entry
from resguardo.web.api_batches import split_ids

ODD_IDS = ["a.b$c", "con espacio", "a/b", "x//y", "..", "ñandú 😀", "50%", "?q#f", "quick-create"]


def test_a_page_of_the_table_with_its_filters(alice: Browser) -> None:
    answer = alice.get("/api/batches?unassigned=1&per_page=3&page=2&sort=-id").json
    assert answer is not None
    assert [row["id"] for row in answer["batches"]] == ["batch_000002"]
    assert answer["pagination"] == {"page": 2, "per_page": 3, "total": 4, "total_pages": 2}
    assert answer["revs"] == {"batch_000002": 1}
    assert "_rev" not in answer["batches"][0]


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "per_page=1001", "sort=color", "colour=red", "due_before=ayer", "page=" + "9" * 400]
)
def test_a_query_that_makes_no_sense_is_400(query: str, alice: Browser) -> None:
    answer = alice.get(f"/api/batches?{query}")
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["success"] is False


def test_a_batch_is_created_and_its_receipt_says_so(alice: Browser, store: Store) -> None:
    answer = alice.post("/api/batches", {"id": " nuevo ", "assignee": "Bob", "metadata": {"priority": "alta"}, "x": 1})
    assert answer.status_code == 201
    assert answer.json is not None
    assert answer.json["success"] is True
    assert answer.json["rev"] == 1
    assert answer.json["operation"]
    assert answer.json["at"]
    row = store.pages.one("nuevo")
    assert row is not None
    assert (row["assignee"], row["metadata"]["priority"], row["x"]) == ("Bob", "alta", 1)
    assert row["metadata"]["assigned_at"]


@pytest.mark.parametrize("fields", [{}, {"id": ""}, {"id": 5}, {"id": "batch_000001"}, {"id": "n", "status": "X"}])
def test_a_batch_that_breaks_a_rule_is_not_created(fields: dict[str, object], alice: Browser, store: Store) -> None:
    assert alice.post("/api/batches", fields).status_code == 400
    assert store.batches.count() == 5


@pytest.mark.parametrize("body", [b'{"ids": ["batch_000001"], "assignee": "Bob"', b"[]", b'{"ids": NaN}', b"\xff"])
def test_bad_json_is_400_and_nothing_changes(body: bytes, alice: Browser, store: Store) -> None:
    answer = alice.post("/api/batches/delete", data=body)
    assert answer.status_code == 400
    assert store.batches.count() == 5


def test_json_of_more_than_16_megabytes_is_413(alice: Browser) -> None:
    answer = alice.post("/api/batches/quick-create", {"batch_list": "x" * (16 * 1024 * 1024)})
    assert answer.status_code == 413
    assert answer.json is not None
    assert answer.json["success"] is False


def test_a_change_names_its_fields_and_merges_metadata(alice: Browser, store: Store) -> None:
    alice.send("PATCH", "/api/batches/batch_000001", {"metadata": {"priority": "alta"}, "odd": {"a": [1]}})
    alice.send("PUT", "/api/batches/batch_000001", {"comments": "á", "metadata": {"due_date": "2026-12-01"}})
    row = store.pages.one("batch_000001")
    assert row is not None
    assert row["metadata"]["priority"] == "alta"
    assert row["metadata"]["due_date"] == "2026-12-01"
    assert (row["comments"], row["odd"], row["assignee"]) == ("á", {"a": [1]}, "Bob")


def test_a_revision_that_moved_is_a_conflict_that_names_who(alice: Browser, ledger: Ledger) -> None:
    etag = alice.get("/api/batches/batch_000001").headers["ETag"]
    ledger.record([edit("batch", "batch_000001", {"comments": "otro"})], actor="Ceci", via="cli")
    answer = alice.send("PATCH", "/api/batches/batch_000001", {"comments": "mío"}, headers={"If-Match": etag})
    assert answer.status_code == 409
    assert answer.json is not None
    assert "Ceci" in answer.json["error"]
    now = alice.get("/api/batches/batch_000001").headers["ETag"]
    kept = alice.send("PATCH", "/api/batches/batch_000001", {"comments": "mío"}, headers={"If-Match": now})
    assert kept.status_code == 200
    assert alice.send("DELETE", "/api/batches/batch_000001", headers={"If-Match": "ayer"}).status_code == 400
    assert alice.send("DELETE", "/api/batches/batch_000001", headers={"If-Match": etag}).status_code == 409


def test_a_batch_gets_another_id(alice: Browser, store: Store) -> None:
    path = "/api/batches/batch_000001"
    assert alice.send("PATCH", path, {"id": "otro", "comments": "x"}).status_code == 400
    answer = alice.send("PATCH", path, {"id": "otro"})
    assert answer.status_code == 200
    assert alice.get(path).status_code == 404
    row = store.pages.one("otro")
    assert row is not None
    assert row["assignee"] == "Bob"
    assert alice.send("PATCH", "/api/batches/otro", {"id": "batch_000002"}).status_code == 400


@pytest.mark.parametrize("own_id", ODD_IDS)
def test_odd_ids_are_ids_like_any_other(own_id: str, alice: Browser, ledger: Ledger, store: Store) -> None:
    ledger.record([Create("batch", own_id, {})], actor="test", via="cli")
    path = f"/api/batches/{quote(own_id, safe='')}"
    shown = alice.get(path).json
    assert shown is not None
    assert shown["batch"]["id"] == own_id
    assert alice.send("PATCH", path, {"status": "S"}).status_code == 200
    assert alice.send("DELETE", path).status_code == 200
    assert store.pages.one(own_id) is None


def test_many_are_assigned_and_taken_back_at_once(alice: Browser, store: Store) -> None:
    ids = ["batch_000002", "batch_000003"]
    answer = alice.post("/api/batches/assign", {"ids": ids, "assignee": "Ana"}).json
    assert answer is not None
    assert answer["message"] == "2 batches asignados a Ana."
    assert answer["changed"] == 2
    assert [row["id"] for row in store.pages.work_of("Ana")] == ids
    alice.post("/api/batches/assign", {"ids": ids, "assignee": None})
    assert list(store.pages.work_of("Ana")) == []


@pytest.fixture
def meanwhile(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Bob is quicker: between the look at what is there and the record of what was asked for."""

    def meanwhile(change: Change) -> None:
        insert = Entries.insert

        def later(self: Entries, entries: Sequence[Entry]) -> set[int]:
            monkeypatch.undo()
            ledger.record([change], actor="Bob", via="page")
            return insert(self, entries)

        monkeypatch.setattr(Entries, "insert", later)

    return meanwhile


def test_whoever_assigns_is_told_what_somebody_deleted_in_the_same_moment(
    alice: Browser, store: Store, meanwhile: Callable[[Change], None]
) -> None:
    meanwhile(Delete("batch", "batch_000003"))
    answer = alice.post("/api/batches/assign", {"ids": ["batch_000002", "batch_000003"], "assignee": "Ana"}).json
    assert answer is not None
    assert answer["message"].startswith("1 batch asignado a Ana. Alguien cambió «batch_000003» en ese mismo momento")
    assert (answer["changed"], answer["overtaken"]) == (1, ["batch_000003"])
    assert [row["id"] for row in store.pages.work_of("Ana")] == ["batch_000002"]


def test_a_pasted_list_leaves_what_somebody_creates_in_the_same_moment(
    alice: Browser, store: Store, meanwhile: Callable[[Change], None]
) -> None:
    meanwhile(Create("batch", "n2", {"comments": "de Bob"}))
    answer = alice.post("/api/batches/quick-create", {"batch_list": "n1 n2"}).json
    assert answer is not None
    assert (answer["created"], answer["reasons"]) == (["n1"], {"n2": "ya existe"})
    row = store.pages.one("n2")
    assert row is not None
    assert row["comments"] == "de Bob"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"ids": ["batch_000002"], "assignee": "Nadie"}, 404),
        ({"ids": ["batch_000002", "no_existe"], "assignee": "Ana"}, 404),
        ({"ids": ["batch_000002"]}, 400),
        ({"ids": [], "assignee": "Ana"}, 400),
        ({"ids": "batch_000002", "assignee": "Ana"}, 400),
        ({"ids": ["batch_000002", ""], "assignee": "Ana"}, 400),
        ({"ids": ["batch_000002", 5], "assignee": "Ana"}, 400),
        ({"ids": ["batch_000002"], "assignee": 5}, 400),
        ({"ids": ["x"] * 10_001, "assignee": "Ana"}, 400),
    ],
)
def test_an_assignment_that_cannot_be_done_changes_nothing(
    given: dict[str, object], status: int, alice: Browser, store: Store
) -> None:
    assert alice.post("/api/batches/assign", given).status_code == status
    assert list(store.pages.work_of("Ana")) == []


def test_many_are_deleted_at_once_or_none(alice: Browser, store: Store) -> None:
    assert alice.post("/api/batches/delete", {"ids": ["batch_000001", "no_existe"]}).status_code == 404
    assert store.batches.count() == 5
    assert alice.post("/api/batches/delete", {"ids": ["batch_000001", "batch_000002"]}).status_code == 200
    assert store.batches.count() == 3


def test_a_pasted_list_creates_what_is_new_and_names_what_is_not(alice: Browser, store: Store) -> None:
    answer = alice.post("/api/batches/quick-create", {"batch_list": "n1, n2\nn3;n1\tbatch_000001"})
    assert answer.status_code == 201
    assert answer.json is not None
    assert answer.json["created"] == ["n1", "n2", "n3"]
    assert answer.json["skipped"] == ["batch_000001"]
    assert answer.json["reasons"] == {"batch_000001": "ya existe"}
    assert store.batches.count() == 8
    again = alice.post("/api/batches/quick-create", {"batch_list": "n1"})
    assert again.status_code == 200
    assert again.json is not None
    assert again.json["created"] == []


@pytest.mark.parametrize(
    "pasted", ["", " ,;\n", "x" * 10_000_000, "b\0d", " ".join(f"b{n}" for n in range(10_001)), None, 5]
)
def test_a_pasted_list_that_is_none_changes_nothing(pasted: object, alice: Browser, store: Store) -> None:
    assert alice.post("/api/batches/quick-create", {"batch_list": pasted}).status_code == 400
    assert store.batches.count() == 5


def test_lists_are_split_as_people_write_them() -> None:
    assert split_ids("a\r\nb , c;d\t a\n") == ["a", "b", "c", "d"]


def test_errors_are_sentences_in_spanish(
    browser: Callable[[str], Browser],
) -> None:
    answer = browser("Alice").get("/api/batches/no_existe")
    assert answer.status_code == 404
    assert answer.json == {
        "success": False,
        "error": "No existe el batch «no_existe». Quizá lo eliminaron o cambió de id.",
    }
