"""A backup, read back, against a bare drain of the same collection; and the most memory that its process held.

    python -m benchmarks backup --batches 100000

A round is a drain, a backup and a drain, so that what else the machine does meanwhile meets all three. Where it does a
lot, the backup misses the second processor, on which it works while the server finds the next documents. The first
backup also looks for what other programs changed, as a served board does every five minutes; the others need not.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.ground import database, in_fresh_process, say
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.vault.catalogue import Catalogue, back_up

BATCHES = 100_000
ROUNDS = 5


def run(batches: int) -> None:
    with database(batches, adopted=True) as settings:
        found = in_fresh_process(measure, settings)
    drain, backup, ratios = found["drain"], found["backup"], found["ratios"]
    say("the first backup", found["first"], "s")
    say("a bare drain", min(drain), "s")
    say("a backup, read back", min(backup), "s")
    say("ratio, the best round", min(ratios), "times", 1.3)
    say("ratio, the middle round", statistics.median(ratios), "times", 1.3)
    say("processor time of the backup's process", min(found["cpu"]), "s")
    say("peak memory", found["peak_mb"], "MB", 200)


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"drain": [], "backup": [], "ratios": [], "cpu": []}
    with open_store(settings) as store, tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(store, settings.zone)
        begun = time.perf_counter()
        back_up(Catalogue(Path(folder) / "first"), ledger, "benchmark")
        found["first"] = time.perf_counter() - begun
        for number in range(ROUNDS):
            before = seconds_of_drain(store)
            begun, cpu = time.perf_counter(), time.process_time()
            back_up(Catalogue(Path(folder) / str(number)), ledger, "benchmark")
            took = time.perf_counter() - begun
            found["cpu"].append(time.process_time() - cpu)
            after = seconds_of_drain(store)
            found["drain"] += [before, after]
            found["backup"].append(took)
            found["ratios"].append(2 * took / (before + after))
    return found


def seconds_of_drain(store: Store) -> float:
    begun = time.perf_counter()
    for _ in store.batches.collection.find_raw_batches({}, batch_size=1000):
        pass
    return time.perf_counter() - begun
