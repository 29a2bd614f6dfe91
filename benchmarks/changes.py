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

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from benchmarks.ground import DATABASE, database, say
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
            old = client.get_database(DATABASE + "_old").get_collection(
                "batches", write_concern=WriteConcern(w="majority", j=True)
            )
            old.create_index("id", unique=True)
            old.insert_many([{"id": name(number), "status": "NS"} for number in range(1, 401)])
            bare, recorded = [], []
            for number in range(ROUNDS):
                own = name(1 + number % 400)
                change = {"$set": {"status": f"S{number}"}}
                bare.append(seconds(lambda own=own, change=change: old.update_one({"id": own}, change)))
                edits = [edit("batch", own, {"comments": f"nota {number}"})]
                recorded.append(seconds(lambda edits=edits: ledger.record(edits, actor="ana", via="api")))
        say("bare update_one, j: true", 1000 * statistics.median(bare), "ms")
        say("a change, acknowledged", 1000 * statistics.median(recorded), "ms")
        say("ratio", statistics.median(recorded) / statistics.median(bare), "times", 2.5)
        together(ledger)
        names = [name(number) for number in range(1, min(batches, 1000) + 1)]
        for who, own in (("that knows them", ledger), ("that has just started", Ledger(store, settings.zone))):
            took = seconds(lambda own=own, who=who: own.record([assign(n, who) for n in names], actor="ana", via="api"))
            say(f"{len(names):,} batches assigned in one drag, by a process {who}", took, "s", 3)


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
