"""While a board is served, external changes are found by themselves: through the change stream, and by looking."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from resguardo.board.change import Create, Delete, edit
from resguardo.ledger import lookout
from resguardo.ledger.external import Found, find_external, last_look
from resguardo.ledger.lookout import Lookout
from resguardo.ledger.record import Ledger
from resguardo.store.stream import NotOffered
from waiting import wait_until

NEVER = timedelta(days=1)


def do(ledger, *changes):
    return ledger.record(list(changes), actor="ana", via="api")


def via(store, doc, kind="batch"):
    return [entry.via for entry in store.entries.of_document(kind, doc)]


@pytest.fixture
def outside(settings):
    with MongoClient(settings.mongodb_uri.get_secret_value(), retryWrites=False) as client:
        yield client[settings.database]


@pytest.fixture
def board(store, ledger):
    do(ledger, Create("segmentador", "Ana", {}), *(Create("batch", f"b{n}", {"comments": f"c{n}"}) for n in range(10)))
    return ledger


@contextmanager
def looking_out(store, ledger, every=NEVER):
    one = Lookout(store, ledger, every)
    one.start()
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def only_the_stream(store, board, monkeypatch):
    """One look has been taken, and the stream was followed from then on; from now on nobody looks."""
    with looking_out(store, board):
        wait_until(lambda: last_look(store))
    asked = threading.Event()
    monkeypatch.setattr(lookout, "find_external", lambda *given, **more: (asked.set(), Found())[1])
    return asked


def test_the_stream_tells_of_most_changes_at_once(store, board, outside, only_the_stream):
    with looking_out(store, board):
        wait_until(only_the_stream.is_set)  # the one at the start
        only_the_stream.clear()
        outside.batches.insert_one({"id": "new"})
        outside.batches.update_one({"id": "b1"}, {"$set": {"comments": "por fuera"}})
        outside.batches.replace_one({"id": "b2"}, {"id": "b2"})
        outside.batches.update_one({"id": "b3"}, {"$set": {"id": "b3 bis"}})
        outside.batches.delete_one({"id": "b4"})
        outside.segmentadores.update_one({"name": "Ana"}, {"$set": {"role": "jefa"}})
        expected = {"new": ["external"], "b3 bis": ["external"]}
        expected |= {doc: ["api", "external"] for doc in ("b1", "b2", "b3", "b4")}
        wait_until(lambda: all(via(store, doc) == found for doc, found in expected.items()))
        wait_until(lambda: via(store, "Ana", "segmentador") == ["api", "external"])
        assert store.entries.of_document("batch", "b4")[-1].after is None
        assert store.entries.of_document("batch", "b3")[-1].after is None
    assert not only_the_stream.is_set()


def test_a_batch_created_and_deleted_between_two_looks(store, board, outside, only_the_stream):
    with looking_out(store, board):
        wait_until(only_the_stream.is_set)
        do(board, Create("batch", "brief", {}))
        outside.batches.delete_one({"id": "brief"})
        wait_until(lambda: via(store, "brief") == ["api", "external"])


def test_what_happened_while_nobody_looked_out(store, board, outside, only_the_stream):
    outside.batches.update_one({"id": "b1"}, {"$set": {"comments": "por fuera"}})
    outside.batches.delete_one({"id": "b2"})
    with looking_out(store, board):
        wait_until(lambda: via(store, "b1") == via(store, "b2") == ["api", "external"])


@pytest.mark.parametrize("token", [{"_data": "aa"}, {"_data": "00"}, {"other": 1}])
def test_a_stream_that_cannot_be_gone_on_with_is_a_look(store, board, outside, only_the_stream, monkeypatch, token):
    monkeypatch.setattr(lookout, "AGAIN", 0.1)
    store.state.put("stream:batch", token)
    with looking_out(store, board):
        wait_until(only_the_stream.is_set)
        only_the_stream.clear()
        wait_until(only_the_stream.is_set)
        outside.batches.update_one({"id": "b1"}, {"$set": {"comments": "por fuera"}})
        wait_until(lambda: via(store, "b1") == ["api", "external"])


def test_a_dropped_collection_and_a_flood_are_a_look(store, board, outside, monkeypatch):
    monkeypatch.setattr(lookout, "AGAIN", 0.1)
    monkeypatch.setattr(lookout, "MANY", 5)
    with looking_out(store, board):
        wait_until(lambda: last_look(store))
        outside.batches.update_many({}, {"$set": {"comments": "todos"}})
        wait_until(lambda: all(via(store, f"b{n}") == ["api", "external"] for n in range(10)))
        outside.batches.drop()
        wait_until(lambda: all(via(store, f"b{n}") == ["api", "external", "external"] for n in range(10)))
        outside.batches.insert_one({"id": "b1"})
        wait_until(lambda: len(via(store, "b1")) == 4)


def test_a_deletion_of_something_never_seen_is_a_look(store, board, outside, only_the_stream, monkeypatch):
    monkeypatch.setattr(lookout, "AGAIN", 0.1)
    with looking_out(store, board):
        wait_until(only_the_stream.is_set)
        only_the_stream.clear()
        outside.batches.insert_one({"id": 5})
        outside.batches.delete_one({"id": 5})
        wait_until(only_the_stream.is_set)


def test_where_there_are_no_streams_looking_finds_it(store, board, outside, monkeypatch):
    def following(*given):
        raise NotOffered

    monkeypatch.setattr(lookout, "following", following)
    with looking_out(store, board, timedelta(seconds=0.1)):
        wait_until(lambda: last_look(store))
        outside.batches.delete_one({"id": "b1"})
        wait_until(lambda: via(store, "b1") == ["api", "external"])


def test_of_several_processes_one_looks_and_another_takes_over(store, board, settings, monkeypatch):
    monkeypatch.setattr(lookout, "RENEW_EVERY", 0.1)
    lookers: list[str] = []

    def find(store, ledger, **more):
        lookers.append(threading.current_thread().name)
        return find_external(store, ledger, **more)

    monkeypatch.setattr(lookout, "find_external", find)
    with looking_out(store, Ledger(store, settings.zone)) as first:
        wait_until(lambda: last_look(store))
        with looking_out(store, Ledger(store, settings.zone)) as second:
            assert first._mine.is_set()
            assert not second._mine.is_set()
            first.stop()
            wait_until(second._mine.is_set)
            wait_until(lambda: len(lookers) == 2)


def test_a_claim_of_somebody_who_died_runs_out(store):
    now = datetime(2025, 1, 1, tzinfo=UTC)
    assert store.state.claim("x", "a", now, now + timedelta(seconds=60))
    assert not store.state.claim("x", "b", now + timedelta(seconds=59), now + timedelta(seconds=120))
    assert store.state.claim("x", "a", now + timedelta(seconds=30), now + timedelta(seconds=90))
    assert not store.state.claim("x", "b", now + timedelta(seconds=60), now + timedelta(seconds=120))
    assert store.state.claim("x", "b", now + timedelta(seconds=90), now + timedelta(seconds=150))
    store.state.let_go("x", "a")
    assert not store.state.claim("x", "a", now + timedelta(seconds=100), now + timedelta(seconds=160))
    store.state.let_go("x", "b")
    assert store.state.claim("x", "a", now, now + timedelta(seconds=60))


def test_it_goes_on_when_mongodb_was_away(store, board, outside, monkeypatch):
    monkeypatch.setattr(lookout, "AGAIN", 0.1)
    failures = iter([AutoReconnect("away")] * 3)

    def find(*given, **more):
        for failure in failures:
            raise failure
        return find_external(*given, **more)

    following = lookout.following

    def follow(*given):
        for failure in failures:
            raise failure
        return following(*given)

    monkeypatch.setattr(lookout, "find_external", find)
    monkeypatch.setattr(lookout, "following", follow)
    with looking_out(store, board):
        wait_until(lambda: last_look(store))
        outside.batches.update_one({"id": "b1"}, {"$set": {"comments": "por fuera"}})
        wait_until(lambda: via(store, "b1") == ["api", "external"])


def test_the_ledgers_own_work_is_not_taken_for_another_program(store, board, settings):
    def write(writer):
        own = Ledger(store, settings.zone)
        for n in range(10):
            do(own, *(edit("batch", f"b{k}", {f"f{writer}": n}) for k in range(10)))
            do(own, Create("batch", f"w{writer}", {}))
            do(own, Delete("batch", f"w{writer}"))

    with looking_out(store, board, timedelta(seconds=0.1)):
        wait_until(lambda: last_look(store))
        writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join(60)
        # What the stream tells last is about the deletions before it: once this is recorded, so is all that was told.
        store.batches.collection.insert_one({"id": "end"})
        wait_until(lambda: via(store, "end") == ["external"])
    entries = store.entries.since(datetime(2000, 1, 1, tzinfo=UTC))
    assert [entry.doc for entry in entries if entry.via == "external"] == ["end"]
