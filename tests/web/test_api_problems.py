from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from browsing import Browser
from resguardo.store import Store

OWN_IDS: list[Any] = [
    bson.ObjectId(),
    "texto ñandú",
    5,
    bson.Int64(2**40),
    2.5,
    {"b": 1, "a": {"$x": [1]}},
    bson.Binary(b"\x00\xff", 4),
    datetime(2026, 1, 2, tzinfo=UTC),
    bson.Decimal128("1.50"),
    True,
    "",
]


def listed(person: Browser) -> list[dict[str, str]]:
    answer = person.get("/api/data/problems")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return list(answer.json["problems"])


@pytest.fixture
def problems(store: Store) -> list[bytes]:
    """One document for each `_id`, none with an id of its own."""
    raws = [bson.encode({"_id": own, "folder": f"f{place}", "x": [1]}) for place, own in enumerate(OWN_IDS)]
    store.batches.collection.insert_one(RawBSONDocument(raws[0]))
    for name, raw in enumerate(raws[1:]):
        # The index on id is unique: each is unusable in its own way.
        fields = {**bson.decode(raw), "id": name if name else "  "}
        store.batches.collection.insert_one(RawBSONDocument(bson.encode(fields)))
    return raws


def test_each_is_listed_and_gets_an_id_whatever_its_own_is(alice: Browser, store: Store, problems: list[bytes]) -> None:
    found = {row["folder"]: row for row in listed(alice)}
    assert set(found) == {f"f{place}" for place in range(len(OWN_IDS))}
    assert all(row["why"] and row["own"] for row in found.values())
    for place, own in enumerate(OWN_IDS):
        answer = alice.post("/api/data/problems/mend", {"own": found[f"f{place}"]["own"], "id": f" nuevo {place} "})
        assert answer.status_code == 200, (own, answer.text)
        assert answer.json is not None
        assert (answer.json["id"], answer.json["rev"]) == (f"nuevo {place}", 1)
        (stored,) = store.batches.read([f"nuevo {place}"])[f"nuevo {place}"]
        assert bson.decode(stored.raw)["folder"] == f"f{place}"
        kept = bson.encode({"_id": own})[4:-1]
        assert kept in stored.raw, own
    assert listed(alice) == []
    assert store.batches.count() == 5 + len(OWN_IDS)
    assert alice.send("PATCH", "/api/batches/nuevo 3", {"status": "S"}).status_code == 200


def test_one_of_two_with_an_id_gets_another_and_both_work(alice: Browser, store: Store) -> None:
    store.batches.collection.drop_indexes()
    store.connection.database["batches"].insert_many([{"id": "doble", "folder": "a"}, {"id": "doble", "folder": "b"}])
    assert alice.send("PATCH", "/api/batches/doble", {"status": "S"}).status_code == 400
    first, second = listed(alice)
    assert "doble" in first["why"]
    assert alice.post("/api/data/problems/mend", {"own": first["own"], "id": "doble"}).status_code == 400
    assert alice.post("/api/data/problems/mend", {"own": first["own"], "id": "simple"}).status_code == 200
    assert listed(alice) == []
    again = alice.post("/api/data/problems/mend", {"own": second["own"], "id": "otro"})
    assert again.status_code == 400
    assert "ya tiene un id propio" in again.text
    for name in ("doble", "simple"):
        assert alice.send("PATCH", f"/api/batches/{name}", {"status": "S"}).status_code == 200
    rows = {name: store.pages.one(name) or {} for name in ("doble", "simple")}
    assert {row["folder"] for row in rows.values()} == {"a", "b"}


def _token(fields: object) -> str:
    return base64.urlsafe_b64encode(bson.encode(fields)).decode()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "status"),
    [
        ("", 400),
        ("ñ", 400),
        ("AAAA", 400),
        (_token({}), 400),
        (_token({"_id": 1, "x": 1}), 400),
        (_token({"x": 1}), 400),
        (_token({"_id": {"$gt": ""}}), 404),
        (_token({"_id": {"$exists": True}}), 404),
        (_token({"_id": bson.Regex("")}), 404),
        (_token({"_id": "no está"}), 404),
    ],
)
def test_what_was_not_handed_out_changes_nothing(own: str, status: int, alice: Browser, store: Store) -> None:
    before = sorted(store.batches.scan())
    answer = alice.post("/api/data/problems/mend", {"own": own, "id": "nuevo"})
    assert answer.status_code == status, answer.text
    assert sorted(store.batches.scan()) == before


def test_a_new_id_that_is_taken_or_no_id_is_refused(alice: Browser, problems: list[bytes]) -> None:
    own = listed(alice)[0]["own"]
    for new in ("batch_000001", " ", "a\nb", "x" * 301):
        answer = alice.post("/api/data/problems/mend", {"own": own, "id": new})
        assert answer.status_code == 400, new
    assert len(listed(alice)) == len(problems)


def test_only_who_may_create_batches_may_mend(browser: Callable[[str], Browser], problems: list[bytes]) -> None:
    for name in ("Rita", "Bob", "Charlie"):
        assert browser(name).get("/api/data/problems").status_code == 403
        assert browser(name).post("/api/data/problems/mend", {"own": "x", "id": "y"}).status_code == 403


def test_the_page_has_a_form_for_each(alice: Browser, problems: list[bytes]) -> None:
    page = alice.get("/data-management").text
    assert page.count('class="mend"') == len(problems)
    assert all(row["own"] in page for row in listed(alice))
