"""Entries and documents in order of their keys, on disk, so that millions can be compared while memory stays flat.

A temporary SQLite file that goes when closed: a sort that spills to disk, and joins, which somebody else keeps right.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

BLOCK: Final = 2000
_SETTINGS: Final = ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536")


class Sorted:
    """Tables that are filled block by block and read by SQL."""

    def __init__(self, *tables: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="resguardo-")
        self._database = sqlite3.connect(f"{self._folder.name}/sorted.sqlite", isolation_level=None)
        for setting in _SETTINGS:
            self._database.execute(f"PRAGMA {setting}")
        for table in tables:
            self._database.execute(f"CREATE TABLE {table} WITHOUT ROWID")

    def fill(self, table: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Add rows; one whose key is there already is left out. Returns how many were given."""
        remaining, count = iter(rows), 0
        while block := list(islice(remaining, BLOCK)):
            places = ", ".join("?" * len(block[0]))
            self._database.execute("BEGIN")
            self._database.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({places})", block)  # noqa: S608 ours
            self._database.execute("COMMIT")
            count += len(block)
        return count

    def select(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        yield from self._database.execute(query, values)

    def close(self) -> None:
        self._database.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def content_of(raw: bytes | None) -> bytes:
    """What stands for a document when it is compared; empty for one that is gone."""
    return b"" if raw is None else hashlib.blake2b(raw, digest_size=16).digest()
