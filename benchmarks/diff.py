"""Comparing two archives against reading both.

    python -m benchmarks diff --batches 100000

One batch in a hundred was changed, one in a thousand was deleted, one in a thousand is new. Reading checks the whole
file and hands out each document; a comparison does that and works out what differs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson

from benchmarks.ground import documents, in_fresh_process, say
from resguardo.vault.archive import ArchiveInfo
from resguardo.vault.catalogue import PACKING
from resguardo.vault.diff import Difference
from resguardo.vault.reading import zstd
from resguardo.vault.snapshot import Snapshot
from resguardo.vault.sources import open_file

BATCHES = 100_000
ROUNDS = 3
NOW = datetime(2026, 11, 24, tzinfo=UTC)
INFO = ArchiveInfo("x", NOW, NOW, "UTC", "benchmark", "board", "0")


def run(batches: int) -> None:
    with tempfile.TemporaryDirectory(prefix="resguardo-bench-") as folder:
        a, b = Path(folder) / "a.json.zst", Path(folder) / "b.json.zst"
        rows = list(documents(batches))
        _write(a, map(bson.encode, rows))
        _write(b, _later(rows))
        rounds = [(in_fresh_process(read, a, b), in_fresh_process(compare, a, b)) for _ in range(ROUNDS)]
    say("both read", min(one["seconds"] for one, _ in rounds), "s")
    say("compared", min(two["seconds"] for _, two in rounds), "s")
    say("ratio, the best round", min(two["seconds"] / one["seconds"] for one, two in rounds), "times", 2)
    say("ratio of our own CPU, the best round", min(two["cpu"] / one["cpu"] for one, two in rounds), "times", 2)
    say("memory", rounds[0][1]["peak_mb"], "MB", 200)


def _later(rows: list[dict[str, Any]]) -> Iterator[bytes]:
    for number, fields in enumerate(rows):
        if number % 1000 == 500:
            yield bson.encode({**fields, "_id": bson.ObjectId(), "id": f"{fields['id']}_nuevo"})
        else:
            yield bson.encode({**fields, "comments": "otro"} if number % 100 == 7 else fields)


def _write(path: Path, raws: Iterator[bytes]) -> None:
    with Snapshot(INFO, [], raws) as taken, zstd.open(path, "wb", options=PACKING) as file:
        for chunk in taken.stream():
            file.write(chunk)


def read(a: Path, b: Path) -> dict[str, Any]:
    begun, cpu = time.perf_counter(), time.process_time()
    for path in (a, b):
        with open_file(path) as source:
            for _ in source.batches():
                pass
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}


def compare(a: Path, b: Path) -> dict[str, Any]:
    begun, cpu = time.perf_counter(), time.process_time()
    with ExitStack() as stack:
        sources = [stack.enter_context(open_file(path)) for path in (a, b)]
        found = stack.enter_context(Difference(*sources))
        assert found.summary()["changed"]
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
