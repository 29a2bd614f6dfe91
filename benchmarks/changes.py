"""What a change costs that is recorded twice, against the old system's bare update of the same server.

    python -m benchmarks changes --batches 2000

Edits through the ledger take turns with bare `update_one` with `j: true`, so that a noisy machine is as unfair to one
as to the other. Then sixteen writers at once, and a thousand batches assigned in one drag, by a process that made them
and by one that has just started.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from benchmarks.ground import DATABASE, database, documents, say
from resguardo.board.change import assign, edit
from resguardo.ledger.record import Ledger
from resguardo.store import open_store

BATCHES = 2_000
ROUNDS = 400
WRITERS = 16
EACH = 30


def run(batches: int) -> None:
    with database(batches) as settings, open_store(settings) as store:
        ledger = Ledger(store, settings.zone)
        assert settings.mongodb_uri is not None
        with MongoClient(settings.mongodb_uri.get_secret_value(), retryWrites=False) as client:
            one_by_one(ledger, client[DATABASE + "_old"])
        together(ledger)
        names = [name(number) for number in range(1, min(batches, 1000) + 1)]
        for who, own in (("that knows them", ledger), ("that has just started", Ledger(store, settings.zone))):
            took = seconds(lambda own=own, who=who: own.record([assign(n, who) for n in names], actor="ana", via="api"))
            say(f"{len(names):,} batches assigned in one drag, by a process {who}", took, "s", 3)


def one_by_one(ledger: Ledger, old: Database[dict[str, Any]]) -> None:
    durable = WriteConcern(w="majority", j=True)
    small, board = (old.get_collection(own, write_concern=durable) for own in ("small", "batches"))
    entries = old.get_collection("entries", write_concern=durable)
    small.insert_many([{"id": name(number), "status": "NS"} for number in range(1, ROUNDS + 1)])
    board.insert_many(documents(ROUNDS))
    for each in (small, board):
        each.create_index("id", unique=True)
    loose = board.with_options(write_concern=WriteConcern(w=1))
    entries.create_index([("kind", 1), ("doc", 1), ("rev", 1)], unique=True)
    for key in ("at", "op"):
        entries.create_index(key)
    took: dict[str, list[float]] = {}

    def three(own: str, number: int) -> None:
        found = board.find_one({"id": own})
        entry = {"kind": "batch", "doc": own, "rev": number, "at": number, "op": str(number), "after": found}
        entries.insert_one(entry)
        loose.update_one({"id": own}, {"$set": {"comments": f"tres {number}"}})

    def change(own: str, text: str) -> None:
        ledger.record([edit("batch", own, {"comments": text})], actor="ana", via="api")

    for number in range(ROUNDS):
        own, update = name(1 + number), {"$set": {"comments": f"nota {number}"}}
        for what, do in (
            ("small", partial(small.update_one, {"id": own}, update)),
            ("bare", partial(board.update_one, {"id": own}, update)),
            ("three", partial(three, own, number)),
            ("first", partial(change, own, f"uno {number}")),
            ("again", partial(change, own, f"dos {number}")),
        ):
            took.setdefault(what, []).append(seconds(do))
    median = {what: 1000 * statistics.median(found) for what, found in took.items()}
    say("bare update_one, j: true, of a document of two fields", median["small"], "ms")
    say("bare update_one, j: true, of a batch", median["bare"], "ms")
    say("a find, an insert, j: true, and an update of it", median["three"], "ms")
    say("a change, acknowledged", median["first"], "ms")
    say("a change of what this process has changed before", median["again"], "ms")
    for what, mine in (("a change", "first"), ("of what is known", "again")):
        say(f"ratio, {what}, to a bare update of a batch", median[mine] / median["bare"], "times", 2.5)
        say(f"ratio, {what}, to a bare update of two fields", median[mine] / median["small"], "times", 2.5)


def together(ledger: Ledger) -> None:
    fsyncs, appended = ledger.journal.fsyncs, ledger.journal.appended

    def write(writer: int) -> None:
        for step in range(EACH):
            own = name(1 + (writer * EACH + step) % 1000)
            ledger.record([edit("batch", own, {"folder": f"{writer}-{step}"})], actor="ana", via="api")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    say(f"{WRITERS} writers: changes a second", WRITERS * EACH / took, "")
    say(
        f"{WRITERS} writers: fsyncs a change",
        (ledger.journal.fsyncs - fsyncs) / (ledger.journal.appended - appended),
        "",
        0.25,
    )


def name(number: int) -> str:
    return f"batch_{number:06d}F"


def seconds(what: Callable[[], object]) -> float:
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun
