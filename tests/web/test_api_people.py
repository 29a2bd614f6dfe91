from __future__ import annotations

from browsing import Browser
from resguardo.store import Store


def test_people_come_in_spanish_order(alice: Browser) -> None:
    alice.post("/api/segmentadores", {"name": "Ángela", "email": "a@x.example"})
    answer = alice.get("/api/segmentadores").json
    assert answer is not None
    assert [row["name"] for row in answer["segmentadores"]] == ["Ana", "Ángela", "Bob"]


def test_a_person_who_is_there_or_has_no_name_is_refused(alice: Browser) -> None:
    assert alice.post("/api/segmentadores", {"name": "Ana"}).status_code == 400
    assert alice.post("/api/segmentadores", {"name": " "}).status_code == 400
    assert alice.post("/api/segmentadores", {}).status_code == 400


def test_a_person_is_renamed_and_their_batches_follow(alice: Browser, store: Store) -> None:
    answer = alice.send("PATCH", "/api/segmentadores/Bob", {"name": "Roberto"})
    assert answer.status_code == 200
    assert [row["id"] for row in store.pages.work_of("Roberto")] == ["batch_000001"]
    assert store.pages.person("Bob") is None


def test_a_person_is_edited(alice: Browser, store: Store) -> None:
    assert alice.send("PATCH", "/api/segmentadores/Bob", {"email": "bob@x.example"}).status_code == 200
    row = store.pages.person("Bob")
    assert row is not None
    assert row["email"] == "bob@x.example"


def test_a_person_goes_and_their_batches_are_free(alice: Browser, store: Store) -> None:
    assert alice.send("DELETE", "/api/segmentadores/Bob").status_code == 200
    assert list(store.pages.work_of("Bob")) == []
    assert store.batches.count() == 5
    assert alice.send("DELETE", "/api/segmentadores/Nadie").status_code == 404
