"""Who gets which message when: by the schedule, after assignments, before due dates.

`look` is called over and over, by whichever process holds the claim. It only queues, and every message has a key
that names what it is about (a slot of the schedule, the newest of the assignments it tells), so that a look that a
crash cut off is simply made again. Each part notes what it has done after it has queued.

The first look on a board only notes where time stands: mail begins with what happens from then on. A slot that was
missed is made up for within `LATEST`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from resguardo.board.batch import local_stamp
from resguardo.board.filters import Filter
from resguardo.board.people import is_unassigned
from resguardo.board.progress import UNFINISHED, Progress
from resguardo.config import Settings
from resguardo.jobs import last_slot
from resguardo.ledger.record import Ledger
from resguardo.mail.address import Recipient, leads, people
from resguardo.mail.delivery import queue
from resguardo.mail.messages import MOST_ROWS, Writer

SLOT: Final = "mail:slot:"
ASSIGNED: Final = "mail:assigned"
SUMMARY: Final = "mail:summary"
REMINDED: Final = "mail:due:"
LATEST: Final = timedelta(hours=24)
OVERLAP: Final = timedelta(seconds=10)
"""An entry's moment may lie this far before it can be read."""
LONGEST_WAIT: Final = 4
"""Quiet periods that a message about assignments waits at most while more keep coming."""
MOST_REMINDED: Final = 1000
"""Batches of a person whose reminders are remembered; beyond them a reminder comes with every slot."""


@dataclass
class Given:
    """What a person was given, and not yet told: the first of the ids, and how many there are."""

    oldest: datetime
    newest: datetime
    ids: dict[str, None] = field(default_factory=dict)
    count: int = 0

    def add(self, doc: str, at: datetime) -> None:
        self.oldest, self.newest = min(self.oldest, at), max(self.newest, at)
        if doc not in self.ids:
            self.count += 1
            if len(self.ids) < MOST_ROWS:
                self.ids[doc] = None


class Rounds:
    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._store = ledger.store
        self._state = ledger.store.state
        # What this process has read of the assignments not yet told, so that a look need not read them all again.
        self._waiting: dict[str, Given] = {}
        self._recent: set[tuple[str, datetime]] = set()
        self._since: datetime | None = None
        self._read_to: datetime | None = None

    def look(self, now: datetime) -> int:
        """Queue what is due. Returns how many messages."""
        kinds = {"worklist": self._settings.mail_worklist, "due": self._settings.mail_due}
        kinds["summary"] = self._settings.mail_summary
        queued = self._assigned(now) if self._settings.mail_assigned_minutes else 0
        for kind, cron in kinds.items():
            if not cron:
                continue
            slot = last_slot(cron, self._settings.zone, now)
            done = self._state.get(SLOT + kind) or self._state.first(SLOT + kind, slot)
            if done >= slot and done <= now + timedelta(days=1):
                continue
            if now - slot <= LATEST:
                queued += getattr(self, f"_{kind}")(now, slot)
            self._state.put(SLOT + kind, slot)
        return queued

    def _writer(self, now: datetime) -> Writer:
        return Writer(self._settings, self._store, now.astimezone(self._ledger.zone))

    def _reachable(self) -> dict[str, Recipient]:
        found = people(self._store, self._settings)
        return {name: recipient for name, recipient in found.items() if isinstance(recipient, Recipient)}

    def _worklist(self, now: datetime, slot: datetime) -> int:
        writer, queued = self._writer(now), 0
        for name, recipient in self._reachable().items():
            key = f"worklist:{name}:{slot.isoformat()}"
            draft = None if self._store.outbox.has(key) else writer.worklist(recipient)
            queued += draft is not None and queue(self._store, self._settings, draft, key, now)
        return queued

    def _due(self, now: datetime, slot: datetime) -> int:
        writer, reachable, queued = self._writer(now), self._reachable(), 0
        for name, batches in self.late_or_soon(now).items():
            recipient = reachable.get(name)
            today = now.astimezone(self._ledger.zone).date().isoformat()
            about = [f"{row['id']} {_due_of(row)} {_due_of(row) < today}" for row in batches]
            told = self._state.get(REMINDED + name) or []
            if recipient is None or (set(about) <= set(told) and len(about) < MOST_REMINDED):
                continue  # nothing has come nearer or run out since they were reminded
            key = f"due:{name}:{slot.isoformat()}"
            queued += queue(self._store, self._settings, writer.due(recipient, batches), key, now)
            self._state.put(REMINDED + name, about)
        return queued

    def late_or_soon(self, now: datetime) -> dict[str, list[dict[str, Any]]]:
        """By person: their unfinished batches that are overdue, or due within the days of the settings."""
        today = now.astimezone(self._ledger.zone).date()
        until = today + timedelta(days=self._settings.mail_due_days + 1)
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self._store.pages.select(Filter(status=UNFINISHED, due_before=until.isoformat())):
            name = row.get("assignee")
            if isinstance(name, str) and not is_unassigned(name) and isinstance(row.get("id"), str):
                batches = found.setdefault(name, [])
                if len(batches) < MOST_REMINDED:
                    batches.append(row)
        return found

    def _summary(self, now: datetime, slot: datetime) -> int:
        before = self._state.get(SUMMARY) or {"done": [], "at": None}
        writer, queued = self._writer(now), 0
        since = before["at"].astimezone(self._ledger.zone) if before["at"] else None
        for lead in leads(self._store, self._settings):
            key = f"summary:{lead.address.lower()}:{slot.isoformat()}"
            if not self._store.outbox.has(key):
                draft = writer.summary(lead, dict(before["done"]), since)
                queued += queue(self._store, self._settings, draft, key, now)
        done = [[person.name, person.S] for person in Progress.of(self._store.pages.counts()).people]
        self._state.put(SUMMARY, {"at": now, "done": done})
        return queued

    def _assigned(self, now: datetime) -> int:
        """One message a person, once nothing was assigned to them for a while."""
        known = self._state.first(ASSIGNED, {"from": now, "told": []})
        told: dict[str, datetime] = dict(known["told"])
        waiting, queued = self._given(known["from"], now, told), 0
        quiet = timedelta(minutes=self._settings.mail_assigned_minutes)
        ready = {
            name: given
            for name, given in waiting.items()
            if now - given.newest >= quiet or now - given.oldest >= quiet * LONGEST_WAIT
        }
        if ready:
            writer, reachable = self._writer(now), self._reachable()
            for name, given in ready.items():
                recipient = reachable.get(name)
                draft = writer.assigned(recipient, list(given.ids), given.count) if recipient else None
                key = f"assigned:{name}:{given.newest.isoformat()}"
                queued += draft is not None and queue(self._store, self._settings, draft, key, now)
                told[name] = given.newest
                del waiting[name]
        start = min((given.oldest for given in waiting.values()), default=now)
        kept = [[name, at] for name, at in told.items() if at >= start - OVERLAP]
        self._state.put(ASSIGNED, {"from": start, "told": kept})
        self._since = start
        return queued

    def _given(self, since: datetime, now: datetime, told: dict[str, datetime]) -> dict[str, Given]:
        """The assignments from a moment on that are not told yet; read on from the last look if nobody looked since."""
        start = self._read_to if self._read_to is not None and since == self._since else since
        if start == since:
            self._waiting, self._recent = {}, set()
        recent: set[tuple[str, datetime]] = set()
        for row in self._store.entries.given(start - OVERLAP, now):
            name, at = row["assignee"], row["at"]
            if at >= now - OVERLAP:  # it is read again at the next look
                recent.add((row["doc"], at))
            if (row["doc"], at) in self._recent or not isinstance(name, str) or is_unassigned(name):
                continue
            if self._just_given(row) and not (name in told and at <= told[name]):
                self._waiting.setdefault(name, Given(at, at)).add(row["doc"], at)
        self._recent, self._read_to = recent, now
        return self._waiting

    def _just_given(self, row: dict[str, Any]) -> bool:
        """An edit gives a batch away when it stamps it so, at the moment it was recorded."""
        return row["action"] != "edit" or row["assigned_at"] in set(self._stamps(row["at"]))

    def _stamps(self, at: datetime) -> Iterator[str]:
        """The document is stamped just before the entry gets its moment."""
        local = at.astimezone(self._ledger.zone)
        return (local_stamp(local - timedelta(seconds=back)) for back in range(3))


def _due_of(row: dict[str, Any]) -> str:
    metadata = row.get("metadata")
    return str(metadata.get("due_date"))[:10] if isinstance(metadata, dict) else ""
