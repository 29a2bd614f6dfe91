"""What an entry costs us when the journal is replayed, and when it is compared with ledger and documents.

    python -m benchmarks entries --batches 1000000

Our own CPU, in microseconds an entry, and the memory of the process. The journal is made by hand, each batch with ten
changes, so that a million entries need no database. `journal check` runs against the embedded server; the server's work
is not in the figure.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson

from benchmarks.ground import database, documents, in_fresh_process, say
from resguardo.ledger.check import check
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.ledger.segment import Record
from resguardo.store import open_store
from resguardo.store.entries import Entry

BATCHES = 200_000
CHANGES = 10
CHECKED = 50_000


def run(entries: int) -> None:
    with tempfile.TemporaryDirectory(prefix="resguardo-bench-") as folder:
        written = in_fresh_process(write, folder, entries)
        say("a line written, our CPU", written["micros"], "µs")
        replayed = in_fresh_process(replay, folder)
        say(f"{replayed['entries']:,} entries replayed, our CPU an entry", replayed["micros"], "µs", 30)
        say("memory", replayed["peak_mb"], "MB", 200)
    found = in_fresh_process(compare, min(entries, CHECKED))
    say(f"{found['entries']:,} entries checked three ways, our CPU an entry", found["micros"], "µs", 30)
    say("memory", found["peak_mb"], "MB", 300)


def write(folder: str, entries: int) -> dict[str, Any]:
    journal = Journal(Path(folder), "board")
    now = datetime.now(UTC)
    cpu = 0.0
    block: list[Entry] = []
    for fields in documents(entries // CHANGES):
        after, prev = bson.encode(fields), None
        for rev in range(1, CHANGES + 1):
            entry = Entry("batch", fields["id"], rev, now, "ana", "api", "op", 1, "edit", after, prev).sealed()
            prev = entry.digest
            block.append(entry)
        if len(block) >= 500:
            begun = time.process_time()
            journal.append(block)
            cpu += time.process_time() - begun
            block = []
    journal.append(block)
    journal.close()
    return {"micros": 1e6 * cpu / entries}


def replay(folder: str) -> dict[str, Any]:
    begun = time.process_time()
    count = sum(isinstance(found, Record) for found in Journal(Path(folder), "board").read())
    return {"entries": count, "micros": 1e6 * (time.process_time() - begun) / count}


def compare(batches: int) -> dict[str, Any]:
    with database(batches) as settings, open_store(settings) as store:
        ledger = Ledger(store, settings.zone)
        begun = time.process_time()
        report = check(ledger)
        cpu = time.process_time() - begun
        assert report.ok, report.summary()
        return {"entries": report.entries, "micros": 1e6 * cpu / report.entries}
