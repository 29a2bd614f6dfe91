"""Batches as CSV, JSON and XLSX against a bare drain of the same collection; first byte, and the most memory held.

    python -m benchmarks exports --batches 100000

A round is a drain, the files, and a drain, so that what else the machine does meanwhile meets them all.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.backup import seconds_of_drain
from benchmarks.ground import database, in_fresh_process, say
from resguardo.board.filters import Filter
from resguardo.config import Settings
from resguardo.exchange import exports, table
from resguardo.exchange.exports import How
from resguardo.exchange.xlsx import About
from resguardo.store import Store, open_store

BATCHES = 100_000
ROUNDS = 3


def run(batches: int) -> None:
    with database(batches) as settings:
        for form in ("csv", "json", "xlsx"):
            found = in_fresh_process(measure, settings, form)
            against = "csv" if form == "xlsx" else "drain"
            say(f"{form}: first byte", min(found["first"]), "s", 0.5 if form != "xlsx" else None)
            say(f"{form}: whole file", min(found["took"]), "s")
            say(
                f"{form}: ratio to the {against}, best round",
                min(found["ratios"]),
                "times",
                4 if form == "xlsx" else 1.3,
            )
            say(f"{form}: ratio, the middle round", statistics.median(found["ratios"]), "times")
            say(f"{form}: processor time", min(found["cpu"]), "s")
            say(f"{form}: peak memory", found["peak_mb"], "MB", 200)


def measure(settings: Settings, form: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"first": [], "took": [], "ratios": [], "cpu": []}
    with open_store(settings) as store:
        for _ in range(ROUNDS):
            before = beside(store, form)
            cpu = time.process_time()
            first, took = timed(store, form)
            found["cpu"].append(time.process_time() - cpu)
            after = beside(store, form)
            found["first"].append(first)
            found["took"].append(took)
            found["ratios"].append(2 * took / (before + after))
    return found


def beside(store: Store, form: str) -> float:
    return timed(store, "csv")[1] if form == "xlsx" else seconds_of_drain(store)


def timed(store: Store, form: Any) -> tuple[float, float]:
    begun = time.perf_counter()
    content: Iterator[bytes] = exports.batches(
        store, Filter(), "id", table.BATCH_COLUMNS, How(form), About(datetime.now(UTC))
    )[1]
    next(content)
    first = time.perf_counter() - begun
    for _ in content:
        pass
    return first, time.perf_counter() - begun
