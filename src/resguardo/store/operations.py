"""Entries without their documents: what an operation did, and which happened when.

The embedded server uses an index only where every field of the query is in it, or just one more field is asked for
beside an indexed range; anything else scans. So each query here is a range or an equality on one index, and the rest is
decided by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, DESCENDING

from resguardo.board.change import Kind
from resguardo.store.connect import Dicts

FIELDS: Final = ("kind", "doc", "rev", "at", "actor", "via", "op", "op_size", "action", "undoes")
_PROJECTION: Final[dict[str, int]] = {"_id": 0, **dict.fromkeys(FIELDS, 1)}


@dataclass(frozen=True)
class Light:
    """An entry without its document."""

    kind: Kind
    doc: str
    rev: int
    at: datetime
    actor: str
    via: str
    op: str
    op_size: int
    action: str
    undoes: str | None = None


class Seen(NamedTuple):
    """Which entry it is, and of which operation: as much as telling moments apart needs."""

    kind: Kind
    doc: str
    rev: int
    at: datetime
    op: str
    op_size: int
    via: str


@dataclass(frozen=True)
class Group:
    """The entries of an operation of one kind and action."""

    kind: Kind
    action: str
    actor: str
    via: str
    op_size: int
    undoes: str | None
    count: int
    first: datetime
    last: datetime


class Operations:
    def __init__(self, collection: Dicts) -> None:
        self.collection = collection

    def newest_first(self, since: datetime, until: datetime, actor: str | None = None) -> Iterator[Light]:
        """Entries of a window, `until` not included, as they are asked for."""
        query: dict[str, Any] = {"at": {"$gte": since, "$lt": until}}
        if actor is not None:
            query["actor"] = actor
        for row in self.collection.find(query, _PROJECTION, batch_size=500).sort("at", DESCENDING):
            yield Light(**row)

    def oldest(self) -> datetime | None:
        """When the ledger begins. The embedded server reads all of it to tell: only for saying what went wrong."""
        for row in self.collection.find({}, {"_id": 0, "at": 1}).sort("at", ASCENDING).limit(1):
            return datetime.fromtimestamp(row["at"].timestamp(), UTC)
        return None

    def keys_since(self, moment: datetime) -> Iterator[tuple[Kind, str]]:
        """The documents of all entries at or after a moment, as often as they changed."""
        for row in self.collection.find({"at": {"$gte": moment}}, {"_id": 0, "kind": 1, "doc": 1}, batch_size=2000):
            yield row["kind"], row["doc"]

    def seen_since(self, moment: datetime) -> Iterator[Seen]:
        """All entries at or after a moment, in no particular order."""
        return self._seen({"at": {"$gte": moment}})

    def seen_of(self, op: str) -> Iterator[Seen]:
        return self._seen({"op": op})

    def _seen(self, query: dict[str, Any]) -> Iterator[Seen]:
        for row in self.collection.find(query, {"_id": 0, **dict.fromkeys(Seen._fields, 1)}, batch_size=2000):
            yield Seen(**row)

    def keys_of(self, op: str) -> Iterator[tuple[Kind, str, int]]:
        """(kind, doc, rev) of an operation's entries, in no particular order."""
        fields = {"_id": 0, "kind": 1, "doc": 1, "rev": 1}
        for row in self.collection.find({"op": op}, fields, batch_size=2000):
            yield row["kind"], row["doc"], row["rev"]

    def page_of(self, op: str, skip: int, limit: int) -> list[Light]:
        """Entries of an operation ordered by document."""
        order = [("kind", ASCENDING), ("doc", ASCENDING), ("rev", ASCENDING)]
        rows = self.collection.find({"op": op}, _PROJECTION).sort(order).skip(skip).limit(limit)
        return [Light(**row) for row in rows]

    def some_of(self, op: str, count: int) -> list[tuple[Kind, str]]:
        rows = self.collection.find({"op": op}, {"_id": 0, "kind": 1, "doc": 1}).limit(count)
        return [(row["kind"], row["doc"]) for row in rows]

    def groups_of(self, op: str) -> list[Group]:
        """An operation counted by the server: its size does not matter. Empty when there is none."""
        own = {name: f"${name}" for name in ("kind", "action", "actor", "via", "op_size", "undoes")}
        counted = {"count": {"$sum": 1}, "first": {"$min": "$at"}, "last": {"$max": "$at"}}
        rows = self.collection.aggregate([{"$match": {"op": op}}, {"$group": {"_id": own, **counted}}])
        return [
            Group(
                **{name: row["_id"].get(name) for name in own},
                count=row["count"],
                first=row["first"],
                last=row["last"],
            )
            for row in rows
        ]

    def undone_by(self, ops: Sequence[str]) -> dict[str, str]:
        """For those of these operations that were taken back, the newest operation that did so."""
        if not ops:
            return {}
        own = {"undoes": "$undoes", "op": "$op"}
        match: dict[str, Any] = {"undoes": ops[0] if len(ops) == 1 else {"$in": list(ops)}}
        rows = self.collection.aggregate([{"$match": match}, {"$group": {"_id": own, "at": {"$max": "$at"}}}])
        ordered = sorted((row["at"], row["_id"]["op"], row["_id"]["undoes"]) for row in rows)
        return {undone: op for _, op, undone in ordered}
