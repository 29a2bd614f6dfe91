"""Writing an archive holds a few large documents at most."""

from __future__ import annotations

from datetime import UTC, datetime

import bson

from resguardo.vault import archive
from resguardo.vault.archive import ArchiveInfo, Statistics

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
INFO = ArchiveInfo("x", NOW, NOW, "UTC", "", "db", "0")


def test_large_documents_are_held_a_few_at_a_time():
    large = bson.encode({"_id": bson.ObjectId(), "id": "large", "text": "x" * 8_000_000})
    given_out = 0

    def documents():
        nonlocal given_out
        for _ in range(30):
            given_out += 1
            yield large

    written = 0
    for chunk in archive.stream(INFO, Statistics(30, 0, {}), [], documents()):
        written += len(chunk)
        assert given_out * len(large) - written < 3 * len(large)
