"""New entries -> subscribers: what other open browsers are told, whichever process recorded the change.

Entries of this process arrive as they are recorded. Those of others are found by looking at the last seconds of the
ledger, by an index and bounded, so that it works on every topology. A clock that is behind by more than `OVERLAP`
costs other browsers a notice, never anybody a change.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from resguardo.board.progress import Progress
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.store.connect import MongoError
from resguardo.store.entries import Entry

OVERLAP: Final = timedelta(seconds=10)
LOOK_EVERY: Final = 1.0
"""Seconds between looks for entries of other processes."""
REFRESH_EVERY: Final = 300.0
"""Seconds after which all that lists go by is read anew; where that takes long, `REFRESH_PART` of the time at most."""
REFRESH_PART: Final = 1 / 500
MOST_NAMED: Final = 500
"""Documents named in one event; beyond that a page reads its lists anew."""
MOST_REMEMBERED: Final = 20_000


@dataclass(frozen=True)
class Event:
    """`progress`: counts of everybody; `change`: {op, actor, action, kind, docs, count}; `journal`: {trouble}, why
    nothing can be saved, or null."""

    kind: str
    data: dict[str, Any]


@dataclass(eq=False)
class Subscription:
    watch: Watch
    events: queue.Queue[Event] = field(default_factory=lambda: queue.Queue(maxsize=1000))

    def get(self, timeout: float) -> Event | None:
        """The next event, or None when there was none for `timeout` seconds."""
        try:
            return self.events.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        self.watch.forget(self)


class Watch:
    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._stirred = threading.Event()
        self._seen: deque[tuple[str, str, int]] = deque(maxlen=MOST_REMEMBERED)
        self._seen_set: set[tuple[str, str, int]] = set()
        self._progress: dict[str, Any] | None = None
        self._changes = 0
        self._counted_on: date | None = None
        self._fresh_until = 0.0
        self._since = ledger.now()
        self._threads = [threading.Thread(target=self._count, name="progress", daemon=True)]
        self._threads.append(threading.Thread(target=self._look, name="watch", daemon=True))
        ledger.listen(self._recorded)

    def start(self) -> None:
        """Returns when lists and counts can be told from memory: until then each would be a pass over everything."""
        self._since = self._ledger.now()
        self._refresh()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._stirred.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)

    def subscribe(self) -> Subscription:
        subscription = Subscription(self)
        subscription.events.put(self._trouble())  # whoever lost the connection may have missed that it is over
        with self._lock:
            self._subscriptions.add(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)

    def progress(self) -> dict[str, Any]:
        """Counts of everybody, as of the last change noticed."""
        known = self._progress
        return self._read_progress() if known is None or self._today() != self._counted_on else known

    def _today(self) -> date:
        """What is overdue depends on it."""
        return self._ledger.now().astimezone(self._ledger.zone).date()

    def _read_progress(self) -> dict[str, Any]:
        """Kept unless something changed while it was read."""
        before, today = self._changes, self._today()
        progress = asdict(Progress.of(self._store.pages.counts()))
        with self._lock:
            if self._changes == before:
                self._progress, self._counted_on = progress, today
        return progress

    def _recorded(self, entries: Iterable[Entry]) -> None:
        """This process has written the documents of these entries.

        `_look` may have come upon the entries before that, and somebody may have read, and kept, what was there then.
        """
        entries = list(entries)
        fresh = self._not_seen(entries)
        self.outdate(entries)
        self._tell(fresh)

    def outdate(self, entries: Iterable[Entry] | None = None) -> None:
        """What was read before these entries, or before now, no longer holds; browsers are told the counts anew."""
        self._store.pages.changed(entries)
        with self._lock:
            self._changes += 1
            self._progress = None
        self._stirred.set()

    def _tell(self, fresh: list[Entry]) -> None:
        for event in _events(fresh):
            self._send(event)

    def _not_seen(self, entries: Iterable[Entry]) -> list[Entry]:
        fresh = []
        with self._lock:
            for entry in entries:
                key = (entry.kind, entry.doc, entry.rev)
                if key in self._seen_set:
                    continue
                if len(self._seen) == MOST_REMEMBERED:
                    self._seen_set.discard(self._seen[0])
                self._seen.append(key)
                self._seen_set.add(key)
                fresh.append(entry)
        return fresh

    def _look(self) -> None:
        since, again, trouble = self._since, False, self._trouble()
        while not self._stop.wait(LOOK_EVERY):
            if trouble != (trouble := self._trouble()):
                self._send(trouble)
            now = self._ledger.now()
            try:
                fresh = self._not_seen(self._store.entries.since(since - OVERLAP))
            except MongoError:
                continue  # it is away; what happens meanwhile is seen when it is back
            # An entry comes before its document: what is read now is read once more after the next look.
            if fresh or again:
                self.outdate(fresh)
            self._tell(fresh)
            since, again = now, bool(fresh)
            self._refresh()

    def _refresh(self) -> None:
        listing = self._store.pages.listing
        if time.monotonic() < self._fresh_until and not listing.forgotten:
            return
        begun = time.monotonic()
        with suppress(MongoError):
            listing.refresh()
            ended = time.monotonic()
            self._fresh_until = ended + max(REFRESH_EVERY, (ended - begun) / REFRESH_PART)

    def _trouble(self) -> Event:
        trouble = self._ledger.journal.trouble
        return Event("journal", {"trouble": str(trouble) if trouble else None})

    def _count(self) -> None:
        """Tell the counts after every change, at most every quarter of a second or a fifth of the time."""
        while not self._stop.is_set():
            self._stirred.wait()
            self._stirred.clear()
            if self._stop.is_set():
                return
            begun = time.monotonic()
            try:
                progress = self._read_progress()
            except MongoError:
                self._stop.wait(1)
                self._stirred.set()
                continue
            self._send(Event("progress", progress))
            self._stop.wait(min(max(0.25, 4 * (time.monotonic() - begun)), 10))

    def _send(self, event: Event) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            try:
                subscription.events.put_nowait(event)
            except queue.Full:  # a browser that has not read a thousand events is gone
                self.forget(subscription)


def _events(entries: list[Entry]) -> list[Event]:
    operations: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        operations.setdefault((entry.op, entry.kind, entry.action), []).append(entry)
    return [
        Event(
            "change",
            {
                "op": op,
                "kind": kind,
                "action": action,
                "actor": found[0].actor,
                "count": len(found),
                "docs": [entry.doc for entry in found[:MOST_NAMED]],
            },
        )
        for (op, kind, action), found in operations.items()
    ]
