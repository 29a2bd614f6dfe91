"""Taking a team's existing documents into the ledger: how long, and the most memory that it took.

python -m benchmarks adopt --batches 100000
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.ground import database, in_fresh_process, peak_mb, say
from resguardo.config import Settings
from resguardo.ledger.adopt import adopt
from resguardo.ledger.record import Ledger
from resguardo.store import open_store

BATCHES = 100_000
MINUTES = 5


def run(batches: int) -> None:
    with database(batches, adopted=False) as settings:
        found = in_fresh_process(measure, settings)
    say("adopted", found["adopted"], "documents")
    say("time", found["seconds"] / 60, "min", MINUTES)
    say("of which making the indexes", found["indexed"] / 60, "min")
    say("documents a second", found["adopted"] / found["seconds"], "/s")
    say("memory after a tenth", found["early_mb"], "MB")
    say("peak memory", found["peak_mb"], "MB")
    say("growth from a tenth to the end", found["peak_mb"] / found["early_mb"], "times", 1.5)


def measure(settings: Settings) -> dict[str, Any]:
    early = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal early
        if not early and done >= total / 10:
            early = peak_mb()

    with open_store(settings) as store:
        begun = time.perf_counter()
        store.ensure_indexes()
        indexed = time.perf_counter() - begun
        adopted = adopt(store, Ledger(store, settings.zone), progress)
        seconds = time.perf_counter() - begun
    return {"adopted": adopted.adopted, "indexed": indexed, "seconds": seconds, "early_mb": early}
