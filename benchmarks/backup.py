"""A backup, read back, against a bare drain of the same collection plus packing what was drained; against the old
system's code (read all, `json.dumps(indent=2)`), in processor time and in the most memory that the process held; and
against `mongodump --archive --gzip`, where that is on PATH.

    python -m benchmarks backup --batches 100000

A round is a drain, a backup and a drain, so that what else the machine does meanwhile meets all three. Where it does a
lot, the backup misses the second processor, on which it works while the server finds the next documents. The first
backup also looks for what other programs changed, as a served board does every five minutes; the others need not.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks.ground import database, in_fresh_process, say
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.reading import zstd

BATCHES = 100_000
ROUNDS = 5


def run(batches: int) -> None:
    with database(batches, adopted=True) as settings:
        found = in_fresh_process(measure, settings)
        drain, backup, ratios = found["drain"], found["backup"], found["ratios"]
        say("the first backup", found["first"], "s")
        say("a bare drain", min(drain), "s")
        say("a backup, read back", min(backup), "s")
        say("zstd, level 3, of what was drained", min(found["packing"]), "s")
        say("against a bare drain, the middle round", statistics.median(ratios), "times")
        say("against drain and zstd, the best round", min(found["packed_ratios"]), "times", 1.5)
        say("against drain and zstd, the middle round", statistics.median(found["packed_ratios"]), "times", 1.5)
        say("processor time of the backup's process", min(found["cpu"]), "s")
        say("peak memory", found["peak_mb"], "MB", 200)
        with_old(settings, found)
        if program := shutil.which("mongodump"):
            say("against mongodump", min(backup) / seconds_of_mongodump(program, settings), "times")


def with_old(settings: Settings, found: dict[str, Any]) -> None:
    old = in_fresh_process(as_the_old_system, settings)
    say("the old system's code", old["seconds"], "s")
    say("its processor time", old["cpu"], "s")
    say("its peak memory", old["peak_mb"], "MB")
    say("processor time against the old system's", min(found["cpu"]) / old["cpu"], "times", 1)
    say("peak memory against the old system's", found["peak_mb"] / old["peak_mb"], "times", 0.2)


def as_the_old_system(settings: Settings) -> dict[str, Any]:
    """Read all, count, `json.dumps(indent=2)`: the route of the old page, as its document has it."""
    with MongoClient(uri_of(settings)) as client:
        board = client[settings.database]
        begun, cpu = time.perf_counter(), time.process_time()
        batches = list(board.batches.find({}, {"_id": 0}))
        people = list(board.segmentadores.find({}, {"_id": 0}))
        by_status = {name: sum(row.get("status") == name for row in batches) for name in ("NS", "In", "S")}
        statistics = {"total_batches": len(batches), "total_segmentadores": len(people), "batches_by_status": by_status}
        content = {"statistics": statistics, "segmentadores": people, "batches": batches}
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str).encode()
        assert text
        return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}


def uri_of(settings: Settings) -> str:
    assert settings.mongodb_uri is not None
    return settings.mongodb_uri.get_secret_value()


def seconds_of_mongodump(program: str, settings: Settings) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            program,
            f"--uri={uri_of(settings)}",
            f"--db={settings.database}",
            f"--archive={folder}/dump",
            "--gzip",
        ]
        begun = time.perf_counter()
        subprocess.run([*command, "--collection=batches", "--quiet"], check=True)
        return time.perf_counter() - begun


def measure(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {name: [] for name in ("drain", "packing", "backup", "ratios", "packed_ratios", "cpu")}
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
            packing = seconds_of_packing(store)
            found["packing"].append(packing)
            found["ratios"].append(2 * took / (before + after))
            found["packed_ratios"].append(took / ((before + after) / 2 + packing))
    return found


def seconds_of_packing(store: Store) -> float:
    packer, spent = zstd.ZstdCompressor(level=3), 0.0
    for block in store.batches.collection.find_raw_batches({}, batch_size=1000):
        begun = time.perf_counter()
        packer.compress(bytes(block))
        spent += time.perf_counter() - begun
    return spent


def seconds_of_drain(store: Store) -> float:
    begun = time.perf_counter()
    for _ in store.batches.collection.find_raw_batches({}, batch_size=1000):
        pass
    return time.perf_counter() - begun
