"""The ledger's entries as they lie in MongoDB (collection `resguardo_entries`): only ever inserted.

An entry: `kind`, `doc`, `rev` (unique together: the lock of the write path), `at` (UTC, milliseconds), `actor`, `via`,
`op`, `op_size`, `action`, `after` (the whole document without `_rev`, or null when it is gone), `prev` (the previous
entry's digest, or null), `digest`; before `after`, where a document was renamed, `renamed_from` or `renamed_to`, and
where the entry takes something back, `undoes` (what: an operation's id).

`digest` is SHA-256 over the BSON of all fields above it in that order, `prev` among them: a chain for each document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import bson
from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING
from pymongo.errors import BulkWriteError

from resguardo.board import document
from resguardo.board.change import Kind
from resguardo.store.connect import Connection, raw_collection, raw_of

COLLECTION = "resguardo_entries"
DUPLICATE_KEY = 11000


@dataclass(frozen=True)
class Entry:
    """A change as recorded. `after` is the document without `_rev`; it is left out where only heads are read."""

    kind: Kind
    doc: str
    rev: int
    at: datetime
    actor: str
    via: str
    op: str
    op_size: int
    action: str
    after: bytes | None = field(repr=False)
    prev: bytes | None = field(repr=False)
    digest: bytes = field(default=b"", repr=False)
    renamed_from: str | None = None
    renamed_to: str | None = None
    undoes: str | None = None

    def sealed(self) -> Entry:
        """The same entry with its digest."""
        return replace(self, digest=self.seal(self.after))

    def seal(self, after: bytes | None) -> bytes:
        """The digest this entry has if the document after it is `after`."""
        return hashlib.sha256(bson.encode(self._fields(after))).digest()

    def stored(self) -> Any:
        return {"_id": bson.ObjectId(), **self._fields(self.after), "digest": Binary(self.digest)}

    def _fields(self, after: bytes | None) -> dict[str, Any]:
        fields: dict[str, Any] = {"kind": self.kind, "doc": self.doc, "rev": self.rev, "at": self.at}
        fields |= {"actor": self.actor, "via": self.via, "op": self.op, "op_size": self.op_size}
        fields |= {"action": self.action}
        for name in ("renamed_from", "renamed_to", "undoes"):
            if (value := getattr(self, name)) is not None:
                fields[name] = value
        fields["after"] = None if after is None else RawBSONDocument(after)
        fields["prev"] = None if self.prev is None else Binary(self.prev)
        return fields


@dataclass(frozen=True)
class Head:
    """A document's highest entry. `gone` says that it was a deletion."""

    entry: Entry
    gone: bool

    def fits(self, raw: bytes) -> bool:
        """Whether the document is, to the byte, what the entry recorded."""
        return self.entry.seal(raw) == self.entry.digest


class Entries:
    def __init__(self, connection: Connection) -> None:
        self.collection = raw_collection(connection.database, COLLECTION)

    def ensure_indexes(self) -> None:
        self.collection.create_index([("kind", ASCENDING), ("doc", ASCENDING), ("rev", ASCENDING)], unique=True)
        self.collection.create_index([("at", ASCENDING)])
        self.collection.create_index([("op", ASCENDING)])

    def insert(self, entries: Sequence[Entry]) -> set[int]:
        """Insert, durably. Returns the positions of those whose revision somebody else took."""
        if not entries:
            return set()
        try:
            self.collection.insert_many([entry.stored() for entry in entries], ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if error.details.get("writeConcernErrors") or any(row["code"] != DUPLICATE_KEY for row in failures):
                raise
            return {row["index"] for row in failures}
        return set()

    def is_empty(self) -> bool:
        return self.collection.estimated_document_count() == 0

    def heads(self, kind: Kind, docs: Sequence[str]) -> dict[str, Head]:
        """The highest entry of each of these documents that has any."""
        wanted: Any = docs[0] if len(docs) == 1 else {"$in": list(docs)}
        heads: dict[str, Head] = {}
        for row in self.collection.find({"kind": kind, "doc": wanted}):
            entry = parse(raw_of(row))
            if entry.doc not in heads or heads[entry.doc].entry.rev < entry.rev:
                heads[entry.doc] = Head(entry, entry.after is None)
        return heads

    def at_revision(self, kind: Kind, doc: str, rev: int) -> Entry | None:
        row = self.collection.find_one({"kind": kind, "doc": doc, "rev": rev})
        return None if row is None else parse(raw_of(row))

    def of_document(self, kind: Kind, doc: str) -> list[Entry]:
        """All entries of a document, oldest first."""
        rows = self.collection.find({"kind": kind, "doc": doc})
        return sorted((parse(raw_of(row)) for row in rows), key=lambda entry: entry.rev)

    def of_operation(self, op: str) -> Iterator[Entry]:
        for row in self.collection.find({"op": op}, batch_size=500):
            yield parse(raw_of(row))

    def since(self, moment: datetime) -> Iterator[Entry]:
        """Entries recorded at or after a moment, in no particular order."""
        for row in self.collection.find({"at": {"$gte": moment}}, batch_size=500):
            yield parse(raw_of(row))


def parse(raw: bytes) -> Entry:
    """An entry from its stored bytes; `after` keeps its own bytes."""
    after: bytes | None = None
    parts: list[bytes] = []
    for element in document.elements(raw):
        if element.name == b"after":
            after = element.value if element.type == 0x03 else None
        elif element.name != b"_id":
            parts.append(element.raw)
    fields = bson.decode(document.assemble(parts), document.READABLE)
    prev = fields.pop("prev", None)
    digest = fields.pop("digest", b"")
    return Entry(**fields, after=after, prev=None if prev is None else bytes(prev), digest=bytes(digest))
