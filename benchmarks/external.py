"""Looking for what other programs changed, against a bare drain of the same collection; and the memory it takes.

    python -m benchmarks external --batches 100000

The first look compares every document with its highest entry; a later one reads the documents alone. While a board is
served, a look rests as long as it works: it takes twice as long, and half of the server at most.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.backup import seconds_of_drain
from benchmarks.ground import database, in_fresh_process, say
from resguardo.config import Settings
from resguardo.ledger.external import find_external
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store

BATCHES = 100_000
ROUNDS = 3
CHANGED = 100


def run(batches: int) -> None:
    with database(batches, adopted=True) as settings:
        found = in_fresh_process(measure, settings)
    say("a bare drain", min(found["drain"]), "s")
    say("the first look", found["first"], "s")
    say("a later look", min(found["look"]), "s")
    say("ratio of a later look, the middle round", statistics.median(found["ratios"]), "times", 4)
    say(f"{CHANGED} changes of another program found and recorded", found["changed"], "s")
    say("peak memory", found["peak_mb"], "MB", 200)


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"drain": [], "look": [], "ratios": []}
    with open_store(settings) as store:
        ledger = Ledger(store, settings.zone)
        found["first"] = _seconds_of_look(store, ledger)
        for _ in range(ROUNDS):
            drain, look = seconds_of_drain(store), _seconds_of_look(store, ledger)
            found["drain"].append(drain)
            found["look"].append(look)
            found["ratios"].append(look / drain)
        some = {"$gte": "batch_000001F", "$lte": f"batch_{CHANGED:06d}F"}
        store.batches.collection.update_many({"id": some}, {"$set": {"comments": "por fuera"}})
        found["changed"] = _seconds_of_look(store, ledger)
    return found


def _seconds_of_look(store: Store, ledger: Ledger) -> float:
    begun = time.perf_counter()
    find_external(store, ledger)
    return time.perf_counter() - begun
