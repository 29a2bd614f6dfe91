"""How many batches were finished day by day, from the entries: finished is S, in somebody's hands.

The ledger is walked back a day at a time. An entry tells what a batch was from then on; what it was before is told by
the next older one, if that lies in the same days, and is looked up otherwise. Where a day holds too much, or finished
batches that came from another program (as when a board is adopted), the walk ends, and the days after it are told.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from resguardo.board.people import is_unassigned
from resguardo.ledger.operations import MILLISECOND
from resguardo.store import Store
from resguardo.store.entries import Mark

DAYS: Final = 30
MOST_BATCHES: Final = 20_000
MOST_LOOKED_UP: Final = 3_000
"""A look-up takes about a millisecond."""


class Pace(NamedTuple):
    """`gained`: by how many more (or fewer) are finished at the end of a day than before it; `since`: the first day
    whose end is known."""

    since: date
    gained: Counter[date]

    def finished(self, now: int, today: date) -> list[tuple[date, int]]:
        """(day, how many were finished at its end), oldest first, from how many are `today`."""
        found, count = [], now
        for back in range((today - self.since).days + 1):
            day = today - timedelta(days=back)
            found.append((day, count))
            count -= self.gained[day]
        return found[::-1]


def pace(store: Store, now: datetime, days: int = DAYS) -> Pace:
    """Of the last days. `now` carries the board's zone."""
    walk = _Walk(store)
    today = now.date()
    for back in range(days):
        day = today - timedelta(days=back)
        if not walk.take(day, _midnight(day, now), min(_midnight(day + timedelta(days=1), now), now + MILLISECOND)):
            return Pace(day, walk.gained())
    return Pace(today - timedelta(days=days), walk.gained())


def _midnight(day: date, now: datetime) -> datetime:
    return datetime.combine(day, time(), now.tzinfo)


class _Walk:
    def __init__(self, store: Store) -> None:
        self._entries = store.entries
        self._gained: Counter[date] = Counter()
        self._oldest: dict[str, tuple[date, int, bool]] = {}
        """Of each batch the oldest entry met so far: its day, its revision, whether it was finished from then on."""

    def take(self, day: date, since: datetime, until: datetime) -> bool:
        """The entries of a day, if they are not too many."""
        marks: list[Mark] = []
        for mark in self._entries.marks(since, until):
            marks.append(mark)
            was_there = mark.rev == 1 and mark.action == "external"  # nobody knows for how long
            if len(marks) > MOST_BATCHES or (was_there and _is_finished(mark)):
                return False
        earlier = {mark.doc for mark in marks if mark.rev > 1} | {
            doc for doc, one in self._oldest.items() if one[1] > 1
        }
        if len(earlier) > MOST_LOOKED_UP or len(self._oldest) + len(marks) > MOST_BATCHES:
            return False
        for mark in sorted(marks, key=lambda mark: mark.rev, reverse=True):
            self._meet(mark.doc, day, mark.rev, _is_finished(mark))
        return True

    def _meet(self, doc: str, day: date, rev: int, finished: bool) -> None:
        self._settle(doc, finished)
        self._oldest[doc] = day, rev, finished

    def _settle(self, doc: str, before: bool) -> None:
        if newer := self._oldest.get(doc):
            self._gained[newer[0]] += newer[2] - before

    def gained(self) -> Counter[date]:
        for doc, (_, rev, _) in self._oldest.items():
            before = self._entries.mark_at(doc, rev - 1) if rev > 1 else None
            self._settle(doc, before is not None and _is_finished(before))
        self._oldest.clear()
        return self._gained


def _is_finished(mark: Mark) -> bool:
    return mark.status == "S" and not is_unassigned(mark.assignee)
