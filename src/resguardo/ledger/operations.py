"""The list of operations, and what one of them did.

Operations are found by walking back in time through windows of the index on `at` that grow: the embedded server reads a
whole window before it answers, while MongoDB reads what is asked for. Nothing here holds more than a page, and an
operation of any size is counted as its entries pass by, or by the server.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from resguardo.board.people import plain
from resguardo.errors import Invalid, NotFound
from resguardo.ledger.history import fields
from resguardo.store import Store
from resguardo.store.operations import Group, Light

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
MINUTE: Final = timedelta(minutes=1)
AGES: Final = timedelta(days=36_500)
FIRST_WINDOW: Final = timedelta(hours=6)
GROWTH: Final = 4
PATIENCE: Final = 2.0
"""Seconds to go on looking for operations that fit a filter; what was found by then is a page, and `next` goes on."""
SHOWN_DOCS: Final = 5
MOST_REDONE: Final = 100
"""Times that something is undone and done again, as far as the list follows it."""


@dataclass(frozen=True)
class Wanted:
    """Which operations; what is empty sets no condition. `text` is looked for in document ids and the actor."""

    actor: str = ""
    action: str = ""
    via: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass
class Operation:
    """All entries of one act. `at` is its newest entry's."""

    op: str
    at: datetime
    actor: str
    via: str
    op_size: int
    undoes: str | None
    count: int = 0
    first: datetime = BEGINNING
    actions: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    docs: list[tuple[str, str]] = field(default_factory=list)
    undone_by: str | None = None

    @property
    def complete(self) -> bool:
        return self.count == self.op_size

    def told(self) -> dict[str, Any]:
        """As pages and programs read it."""
        return {
            "op": self.op,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "via": self.via,
            "actions": self.actions,
            "count": self.count,
            "op_size": self.op_size,
            "complete": self.complete,
            "kinds": self.kinds,
            "docs": [{"kind": kind, "doc": doc} for kind, doc in self.docs],
            "undoes": self.undoes,
            "undone_by": self.undone_by,
        }


def operation(store: Store, op: str) -> Operation:
    """Raises `NotFound`."""
    found = _read(store, op)
    if found is None:
        raise NotFound("No existe la operación «{op}».", hint="Mírala en el historial.", op=op[:60])
    return replace(found, undone_by=_undone_by(store, [op]).get(op))


def entries_of(store: Store, op: str, skip: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """What an operation did to each document, by kind and name, and how many to skip for what follows."""
    page = store.entries.operations.page_of(op, skip, limit + 1)
    told_page = [_told_light(store, row) for row in page[:limit]]
    return told_page, skip + limit if len(page) > limit else None


def _told_light(store: Store, row: Light) -> dict[str, Any]:
    entries = {entry.rev: entry for entry in store.entries.revisions_between(row.kind, row.doc, row.rev - 1, row.rev)}
    entry, previous = entries[row.rev], entries.get(row.rev - 1)
    return {
        "kind": row.kind,
        "doc": row.doc,
        "rev": row.rev,
        "action": row.action,
        "gone": entry.after is None,
        "fields": fields(previous.after if previous else None, entry.after),
    }


def operations(
    store: Store, wanted: Wanted, before: str | None, limit: int, now: datetime
) -> tuple[list[Operation], str | None]:
    """Operations newest first, and the cursor for those that follow, None when there are none.

    A filter that fits hardly anything may end a page early, even empty, with a cursor to go on from.
    """
    cursor = _parse_cursor(before) if before else (now + AGES, "")
    found: list[Operation] = []
    walk = _Walk(store, wanted, cursor, now)
    for one in walk:
        if len(found) == limit:
            return _with_undone(store, found), _cursor(found[-1].at, found[-1].op)
        found.append(one)
    reached = walk.given_up_at
    return _with_undone(store, found), _cursor(reached, "") if reached else None


def windows(until: datetime, since: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Spans of time going back from `until` (not included), each four times as long as the one before."""
    span = FIRST_WINDOW
    if until > now + MINUTE > since:  # only a host whose clock is wrong has left anything there
        yield now + MINUTE, until
        until = now + MINUTE
    while until > since:
        low = until - span if until - since > span else since
        yield low, until
        until, span = low, min(span * GROWTH, AGES)


class _Walk:
    """Operations newest first, each once its last entry has been seen."""

    def __init__(self, store: Store, wanted: Wanted, cursor: tuple[datetime, str], now: datetime) -> None:
        self._store = store
        self._wanted = wanted
        self._cursor = cursor
        # Without an operation the cursor says that its own moment has been looked at too.
        below = cursor[0] + MILLISECOND if cursor[1] else cursor[0]
        self._until = min(below, wanted.until or now + AGES)
        self._now = now
        self._fits = _filter(wanted)
        self.given_up_at: datetime | None = None
        """Everything from this moment on has been looked at; None when nothing is left."""

    def __iter__(self) -> Iterator[Operation]:
        give_up = time.monotonic() + PATIENCE
        since = self._wanted.since or BEGINNING
        for low, high in windows(self._until, since, self._now):
            for moment, seen in self._moments(low, high):
                yield from self._chosen(moment, seen)
                if time.monotonic() > give_up:
                    self.given_up_at = moment
                    return
            if time.monotonic() > give_up and low > since:
                self.given_up_at = low
                return

    def _moments(self, low: datetime, high: datetime) -> Iterator[tuple[datetime, dict[str, Operation]]]:
        """The operations that have an entry at a moment, for each moment of a window, newest first."""
        moment, seen = high, dict[str, Operation]()
        for row in self._store.entries.operations.newest_first(low, high, self._wanted.actor or None):
            if row.at != moment and seen:
                yield moment, seen
                seen = {}
            moment = row.at
            if row.op not in seen:
                seen[row.op] = _begun(row)
            _count(seen[row.op], row)
        if seen:
            yield moment, seen

    def _chosen(self, moment: datetime, seen: dict[str, Operation]) -> Iterator[Operation]:
        for op in sorted(seen, reverse=True):
            if (moment, op) >= self._cursor:
                continue
            one: Operation | None = seen[op]
            if one is not None and not one.complete:  # it has entries of other moments, or was interrupted
                one = _read(self._store, op)
            if one is not None and one.at == moment and self._fits(one, self._store):
                yield one


def _with_undone(store: Store, found: list[Operation]) -> list[Operation]:
    undone = _undone_by(store, [one.op for one in found])
    return [replace(one, undone_by=undone.get(one.op)) for one in found]


def _undone_by(store: Store, ops: list[str]) -> dict[str, str]:
    """For those of these that were taken back, by which; a taking back that was itself taken back does not count."""
    levels = [store.entries.operations.undone_by(ops)]
    while levels[-1] and len(levels) < MOST_REDONE:
        levels.append(store.entries.operations.undone_by(sorted(set(levels[-1].values()))))
    standing: dict[str, str] = {}
    for level in reversed(levels):
        standing = {op: by for op, by in level.items() if by not in standing}
    return standing


def _begun(row: Light) -> Operation:
    return Operation(row.op, row.at, row.actor, row.via, row.op_size, row.undoes, first=row.at)


def _count(one: Operation, row: Light) -> None:
    one.count += 1
    if row.action not in one.actions:
        one.actions.append(row.action)
    if row.kind not in one.kinds:
        one.kinds.append(row.kind)
    if len(one.docs) < SHOWN_DOCS:
        one.docs.append((row.kind, row.doc))


def _read(store: Store, op: str) -> Operation | None:
    groups = sorted(store.entries.operations.groups_of(op), key=lambda group: -group.count)
    if not groups:
        return None
    most = groups[0]
    last, first = max(group.last for group in groups), min(group.first for group in groups)
    one = Operation(op, last, most.actor, most.via, most.op_size, most.undoes, sum(g.count for g in groups), first)
    one.actions = _each(groups, lambda group: group.action)
    one.kinds = _each(groups, lambda group: group.kind)
    one.docs = [(kind, doc) for kind, doc in store.entries.operations.some_of(op, SHOWN_DOCS)]
    return one


def _each(groups: list[Group], value: Callable[[Group], str]) -> list[str]:
    return list(dict.fromkeys(value(group) for group in groups))


def _filter(wanted: Wanted) -> Callable[[Operation, Store], bool]:
    text = plain(wanted.text.strip())

    def named(one: Operation, store: Store) -> bool:
        if text in plain(one.actor) or any(text in plain(doc) for _, doc in one.docs):
            return True
        all_of_it = store.entries.operations.keys_of(one.op) if one.count > len(one.docs) else ()
        return any(text in plain(doc) for _, doc, _ in all_of_it)

    def fits(one: Operation, store: Store) -> bool:
        return (
            (not wanted.actor or one.actor == wanted.actor)
            and (not wanted.via or one.via == wanted.via)
            and (not wanted.action or wanted.action in one.actions)
            and (not text or named(one, store))
        )

    return fits


def _cursor(moment: datetime, op: str) -> str:
    return f"{round((moment - BEGINNING) / MILLISECOND)}~{op}"


def _parse_cursor(text: str) -> tuple[datetime, str]:
    match = re.fullmatch(r"(\d{1,14})~(.*)", text, re.DOTALL)
    if match is None:
        raise Invalid("«before» no es un lugar de esta lista.", hint="Vuelve a la primera página.")
    return BEGINNING + int(match[1]) * MILLISECOND, match[2]
