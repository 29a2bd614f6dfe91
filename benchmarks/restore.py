"""Filling an empty database against a bare `insert_many` of the same documents; and going back to a moment.

    python -m benchmarks restore --batches 100000

The bare insert is measured twice: into a collection with no index at all, and into one that gets the board's indexes
afterwards, as a restored one has to. The ledger is the documents once more, with a seal, four indexes and the journal.

With `mongorestore` on PATH, it fills a database from the same documents, for comparison.

A moment: each batch has `CHANGES` changes, all but the first of them later. Our own CPU, in microseconds an entry, and
the memory of the process; for a fifth of the batches first, to see whether memory grows.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from benchmarks.backup import uri_of
from benchmarks.ground import documents, empty, in_fresh_process, say
from resguardo.config import Settings
from resguardo.ledger.past import Past
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.store.entries import Entry
from resguardo.vault.fill import load_into

BATCHES = 100_000
BLOCK = 500
CHANGES = 5
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Raws:
    """A source that costs nothing to read."""

    def __init__(self, raws: list[bytes]) -> None:
        self._raws = raws
        self.collections: Mapping[str, Any] = {}

    def batches(self) -> Iterator[bytes]:
        return iter(self._raws)

    def segmentadores(self) -> Iterator[bytes]:
        return iter(())


def run(batches: int) -> None:
    found = in_fresh_process(fill, batches)
    say("a bare insert_many", found["bare"], "s")
    say("a bare insert_many, then the board's indexes", found["indexed"], "s")
    say("an empty database filled, ledger and journal included", found["filled"], "s")
    say("ratio to the bare one", found["filled"] / found["bare"], "times", 2.5)
    say("ratio to the one with indexes", found["filled"] / found["indexed"], "times", 2.5)
    say("our own CPU a document", found["micros"], "µs")
    if "mongorestore" in found:
        say("mongorestore", found["mongorestore"], "s")
        say("ratio to mongorestore, which keeps no history", found["filled"] / found["mongorestore"], "times")
    fewer, all_of_them = (in_fresh_process(go_back, count) for count in (batches // CHANGES, batches))
    say(f"back over {all_of_them['entries']:,} entries, our CPU an entry", all_of_them["micros"], "µs", 30)
    say("time", all_of_them["seconds"], "s")
    say("memory", all_of_them["peak_mb"], "MB", 200)
    say(f"growth from {fewer['entries']:,} entries", all_of_them["peak_mb"] / fewer["peak_mb"], "times", 1.2)


def fill(batches: int) -> dict[str, Any]:
    raws = [bson.encode(fields) for fields in documents(batches)]
    with empty() as settings, open_store(settings) as store:
        bare = _inserted(store, raws, "bare")
        begun = time.perf_counter()
        _inserted(store, raws, settings.batches_collection)
        store.batches.ensure_indexes()
        indexed = time.perf_counter() - begun
        store.batches.collection.drop()
        ledger = Ledger(store, settings.zone)
        begun, cpu = time.perf_counter(), time.process_time()
        load_into(store, ledger, Raws(raws), actor="benchmark", compared=False)
        filled, cpu = time.perf_counter() - begun, time.process_time() - cpu
        ledger.journal.close()
        program = shutil.which("mongorestore")
        others = {"mongorestore": seconds_of_mongorestore(program, settings, raws)} if program else {}
    return {"bare": bare, "indexed": indexed, "filled": filled, "micros": 1e6 * cpu / batches, **others}


def seconds_of_mongorestore(program: str, settings: Settings, raws: list[bytes]) -> float:
    """The documents as `mongodump` leaves them, into a collection of their own, with the board's unique index."""
    index = {"v": 2, "key": {"id": 1}, "name": "id_1", "unique": True}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "batches.bson").write_bytes(b"".join(raws))
        Path(folder, "batches.metadata.json").write_text(json.dumps({"indexes": [index], "options": {}}))
        target = [f"--db={settings.database}", "--collection=restored", f"{folder}/batches.bson"]
        begun = time.perf_counter()
        subprocess.run([program, f"--uri={uri_of(settings)}", "--quiet", *target], check=True)
        return time.perf_counter() - begun


def _inserted(store: Store, raws: list[bytes], name: str) -> float:
    begun = time.perf_counter()
    for at in range(0, len(raws), BLOCK):
        store.connection.database[name].insert_many([RawBSONDocument(raw) for raw in raws[at : at + BLOCK]])
    return time.perf_counter() - begun


def go_back(batches: int) -> dict[str, Any]:
    with empty() as settings, open_store(settings) as store:
        fields = documents(batches)
        while block := list(islice(fields, BLOCK // CHANGES)):
            entries = [entry for one in block for entry in _history(one)]
            store.entries.collection.insert_many([entry.stored() for entry in entries])
            store.batches.load((entry.after or b"", entry.rev) for entry in entries[CHANGES - 1 :: CHANGES])
        store.ensure_indexes()
        begun, cpu = time.perf_counter(), time.process_time()
        past = Past(store, BEGINNING, datetime.now(UTC))
        assert past.count("batch") == batches
        cpu, seconds = time.process_time() - cpu, time.perf_counter() - begun
    count = batches * CHANGES
    return {"entries": count, "micros": 1e6 * cpu / count, "seconds": seconds}


def _history(fields: dict[str, Any]) -> Iterator[Entry]:
    prev = None
    for rev in range(1, CHANGES + 1):
        after, at = bson.encode({**fields, "comments": f"cambio {rev}"}), BEGINNING + timedelta(hours=rev - 1)
        entry = Entry("batch", fields["id"], rev, at, "ana", "api", f"op{rev}", 1, "edit", after, prev).sealed()
        prev = entry.digest
        yield entry
