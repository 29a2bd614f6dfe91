"""Messages to be sent as they lie in MongoDB: a row each (`resguardo_outbox`), and their bytes beside it.

The row's `_id` is what the message is about (`assigned:Ana:2026-11-24T…`), so that the same thing is never queued
twice, by however many processes. States: `queued` -> `sending`, under a lease -> `sent` or `failed`; a lease that ran
out is taken over. What each crash leaves is told in `mail.delivery`.

The bytes come first (`resguardo_outbox_bytes`): a row always has them, until `forget` removes those of old messages.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from bson.binary import Binary
from pymongo import ASCENDING, ReturnDocument

from resguardo.store.connect import Connection, DuplicateKeyError

COLLECTION: Final = "resguardo_outbox"
BYTES: Final = "resguardo_outbox_bytes"

State = Literal["queued", "sending", "sent", "failed"]
Row = dict[str, Any]


@dataclass(frozen=True)
class Claimed:
    """A message that is this process's to send until its lease ends. `mark` proves that it still is."""

    key: str
    mark: str
    to: str
    content: bytes
    attempts: int
    until: datetime


class Outbox:
    def __init__(self, connection: Connection) -> None:
        self._rows = connection.dicts(COLLECTION)
        self._bytes = connection.dicts(BYTES)

    def ensure_indexes(self) -> None:
        self._rows.create_index([("state", ASCENDING), ("next_at", ASCENDING)])
        self._rows.create_index([("made_at", ASCENDING)])

    def has(self, key: str) -> bool:
        return self._rows.find_one({"_id": key}, {"_id": 1}) is not None

    def put(self, key: str, row: Row, content: bytes) -> bool:
        """Queue a message. False when this was queued before."""
        if self.has(key):
            return False
        own = secrets.token_hex(12)
        self._bytes.insert_one({"_id": own, "at": row["made_at"], "content": Binary(content)})
        waiting = {"state": "queued", "next_at": row["made_at"], "attempts": 0, "again": False, "why": ""}
        try:
            self._rows.insert_one({"_id": key, **row, **waiting, "content": own})
        except DuplicateKeyError:  # somebody else was first, at the same moment
            self._bytes.delete_one({"_id": own})
            return False
        return True

    def claim(self, now: datetime, lease: datetime, key: str | None = None) -> Claimed | None:
        """Take what has waited longest, or this one; or what another process did not finish in its time."""
        mark = secrets.token_hex(8)
        own = {} if key is None else {"_id": key}
        taken = {"state": "sending", "lease": lease, "mark": mark}
        waiting = {**own, "state": "queued", "next_at": {"$lte": now}}
        row = self._take(waiting, {"$set": taken, "$inc": {"attempts": 1}})
        if row is None:  # it may have been sent by whoever died over it: that is told
            left = {**own, "state": "sending", "lease": {"$lte": now}}
            row = self._take(left, {"$set": {**taken, "again": True}, "$inc": {"attempts": 1}})
        if row is None:
            return None
        content = self._bytes.find_one({"_id": row["content"]})
        whole = bytes(content["content"]) if content else b""
        return Claimed(row["_id"], mark, row["to"], whole, row["attempts"], row["until"])

    def _take(self, query: Row, update: Row) -> Row | None:
        return self._rows.find_one_and_update(
            query, update, sort=[("next_at", ASCENDING)], return_document=ReturnDocument.AFTER
        )

    def finish(
        self,
        claimed: Claimed,
        state: State,
        now: datetime,
        why: str,
        next_at: datetime | None = None,
        *,
        again: bool = False,
    ) -> bool:
        """What became of it; with `queued`, when it is tried again. False when it is no longer this process's.

        `again`: it may have arrived already.
        """
        fields: Row = {"state": state, "why": why, "at": now}
        fields |= ({"next_at": next_at} if next_at else {}) | ({"again": True} if again else {})
        query = {"_id": claimed.key, "state": "sending", "mark": claimed.mark}
        return self._rows.update_one(query, {"$set": fields, "$unset": {"lease": "", "mark": ""}}).matched_count == 1

    def waiting(self, now: datetime) -> bool:
        """Whether there is anything to send now."""
        due = {"state": "queued", "next_at": {"$lte": now}}
        left = {"state": "sending", "lease": {"$lte": now}}
        return any(self._rows.find_one(query, {"_id": 1}) is not None for query in (due, left))

    def give_up(self, now: datetime, why: str) -> int:
        """What waited in vain until its time ran out has failed."""
        late = {"state": "queued", "until": {"$lte": now}}
        self._rows.update_many({**late, "why": ""}, {"$set": {"why": why}})
        return self._rows.update_many(late, {"$set": {"state": "failed", "at": now}}).modified_count

    def again(self, key: str, now: datetime, until: datetime) -> bool:
        """Queue what failed once more. False when it has not, or its bytes are gone."""
        row = self._rows.find_one({"_id": key, "state": "failed"})
        if row is None or self._bytes.find_one({"_id": row["content"]}, {"_id": 1}) is None:
            return False
        anew = {"state": "queued", "next_at": now, "until": until, "attempts": 0, "why": ""}
        return self._rows.update_one({"_id": key, "state": "failed"}, {"$set": anew}).matched_count == 1

    def get(self, key: str) -> Row | None:
        return self._rows.find_one({"_id": key})

    def content(self, key: str) -> bytes | None:
        """The message as it is, or will be, sent; None when it is not known any more."""
        row = self.get(key)
        found = self._bytes.find_one({"_id": row["content"]}) if row else None
        return bytes(found["content"]) if found else None

    def since(self, moment: datetime) -> Iterator[Row]:
        """The rows made since then, in no particular order."""
        yield from self._rows.find({"made_at": {"$gte": moment}})

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        rows = self._rows.aggregate([{"$group": {"_id": "$state", "count": {"$sum": 1}}}])
        return {row["_id"]: row["count"] for row in rows}

    def forget(self, contents_before: datetime, rows_before: datetime) -> None:
        """Remove the bytes and the rows of messages made before these moments, unless they still wait."""
        ended = {"state": {"$in": ["sent", "failed"]}}
        for row in list(self._rows.find({**ended, "made_at": {"$lt": contents_before}, "content": {"$ne": None}})):
            self._bytes.delete_one({"_id": row["content"]})
            self._rows.update_one({"_id": row["_id"]}, {"$set": {"content": None}})
        self._rows.delete_many({**ended, "made_at": {"$lt": rows_before}})
