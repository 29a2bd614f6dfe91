"""Writing and reading an archive hold a few large documents at most."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resguardo.store import batches

LARGE = 8_000_000
COUNT = 20

PROGRAM = f"""
import resource, tempfile
from datetime import UTC, datetime
import bson
from resguardo.vault import archive
from resguardo.vault.canonical import Canonical

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = most()
now = datetime(2026, 11, 24, tzinfo=UTC)
people, work = archive.Listing(), archive.Listing()
work.extend(bson.encode({{"_id": bson.ObjectId(), "id": "large", "text": "x" * {LARGE}}}) for _ in range({COUNT}))
with tempfile.TemporaryFile() as file:
    for chunk in archive.stream(archive.ArchiveInfo("x", now, now, "UTC", "", "db", "0"), people, work):
        file.write(chunk)
    assert sum(len(raws) for _, raws in Canonical(file).blocks()) == {COUNT}
print(most() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_large_documents_are_held_a_few_at_a_time():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=True)
    assert int(done.stdout) < COUNT // 2 * LARGE


def test_what_is_fetched_ahead_is_little():
    fetched = 0

    def blocks():
        nonlocal fetched
        for _ in range(20):
            fetched += 1
            yield b"block"

    for number, _ in enumerate(batches.ahead(blocks()), 1):
        assert fetched <= number + batches.AHEAD
    assert fetched == 20
