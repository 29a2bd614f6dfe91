"""Those who change the same document take turns, within a process: else all but one of sixteen would read, prepare and
insert for nothing, lose the revision, and begin again.

Only a courtesy. What keeps changes apart is the ledger's unique index, for other processes too, so that nobody waits
long: whoever has waited `LONGEST_WAIT` goes on without a turn. Nobody takes two, and changes of many documents take
none, so that there is nothing to wait for in a circle.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONGEST_WAIT: Final = 2.0
"""Seconds; about as long as somebody waits for a MongoDB that hangs."""

Key = tuple[str, str]


class Turns:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken: dict[Key, tuple[threading.Lock, int]] = {}
        """The lock of each document that somebody has or waits for, and how many they are."""

    @contextmanager
    def of(self, key: Key) -> Iterator[None]:
        """Have a document to oneself for as long as the block runs, as far as this process is concerned."""
        lock = self._join(key)
        held = lock.acquire(timeout=LONGEST_WAIT)
        try:
            yield
        finally:
            if held:
                lock.release()
            self._leave(key)

    def _join(self, key: Key) -> threading.Lock:
        with self._guard:
            lock, count = self._taken.get(key) or (threading.Lock(), 0)
            self._taken[key] = lock, count + 1
            return lock

    def _leave(self, key: Key) -> None:
        with self._guard:
            lock, count = self._taken.pop(key)
            if count > 1:
                self._taken[key] = lock, count - 1
