"""Lines in the order of their ids: the same as MongoDB's, with a bounded memory, whatever comes."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from bson.decimal128 import Decimal128

from resguardo.exchange import order
from resguardo.exchange.order import in_order, key_of
from resguardo.store import Store


def test_lines_of_many_runs_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "LONGEST_RUN", 7)
    monkeypatch.setattr(order, "CHUNK", 16)
    names = [f"batch_{number:04d}" for number in range(500)] + ["ñandú", "😀", "batch", ""]
    mixed = random.Random(6).sample(names, len(names))
    assert list(in_order((key_of(name), name.encode()) for name in mixed)) == sorted(name.encode() for name in names)
    assert list(in_order(iter(()))) == []


def test_lines_with_one_id_are_all_kept() -> None:
    assert list(in_order([("2a", b"2"), ("2a", b"1"), ("2", b"0")])) == [b"0", b"1", b"2"]


def test_ids_of_other_types_stand_where_mongodb_puts_them(store: Store) -> None:
    ids: list[Any] = [None, float("nan"), float("-inf"), -7, -0.5, 0, 3, Decimal128("4.25"), 2**62, "", "A", "a", "b"]
    collection = store.connection.database["order"]
    collection.insert_many([{"id": own} for own in random.Random(6).sample(ids, len(ids))])
    theirs = [row["id"] for row in collection.find().sort("id", 1)]
    ours = sorted(theirs, key=key_of)
    assert list(map(repr, ours)) == list(map(repr, theirs))
    assert key_of("zzz") < key_of(bson.ObjectId()) < key_of(True)


def test_memory_is_that_of_a_run() -> None:
    def lines() -> Iterator[tuple[str, bytes]]:
        for number in range(300_000):
            yield f"2{number * 7919 % 300_000:06d}", b"x" * 150

    tracemalloc.start()
    try:
        assert sum(1 for _ in in_order(lines())) == 300_000
        assert tracemalloc.get_traced_memory()[1] < 35 * 1024**2
    finally:
        tracemalloc.stop()
