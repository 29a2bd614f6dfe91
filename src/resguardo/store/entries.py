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
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple

import bson
from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError, DuplicateKeyError

from resguardo.board import document
from resguardo.board.change import Kind
from resguardo.store.batches import Size, one_of, split_batch
from resguardo.store.connect import Connection, raw_collection, raw_of
from resguardo.store.operations import Operations

COLLECTION = "resguardo_entries"
DUPLICATE_KEY = 11000

_OWN_ID: Final = b"\x07_id\0"
_DIGEST: Final = b"\x05digest\0\x20\0\0\0\0"


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
        sealed = replace(self, digest=hashlib.sha256(self._body).digest())
        sealed.__dict__["_body"] = self._body  # what is recorded is encoded once: sealed, stored and journaled
        return sealed

    def seal(self, after: bytes | None) -> bytes:
        """The digest this entry has if the document after it is `after`."""
        return hashlib.sha256(bson.encode(self._fields(after))).digest()

    def stored(self) -> RawBSONDocument:
        own_id = _OWN_ID + bson.ObjectId().binary
        return RawBSONDocument(document.assemble([own_id, self._body[4:-1], _DIGEST, self.digest]))

    def encoded(self) -> bytes:
        """The entry as BSON, as it is stored but for `_id`."""
        return document.assemble([self._body[4:-1], _DIGEST, self.digest])

    @cached_property
    def _body(self) -> bytes:
        """All that the digest is over."""
        return bson.encode(self._fields(self.after))

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
        self._size = Size(self.collection)
        self.operations = Operations(connection.dicts(COLLECTION))

    def ensure_indexes(self) -> None:
        self.collection.create_index([("kind", ASCENDING), ("doc", ASCENDING), ("rev", ASCENDING)], unique=True)
        self.collection.create_index([("at", ASCENDING)])
        self.collection.create_index([("op", ASCENDING)])
        self.collection.create_index([("undoes", ASCENDING)], sparse=True)

    def insert(self, entries: Sequence[Entry]) -> set[int]:
        """Insert, durably. Returns the positions of those whose revision somebody else took."""
        if not entries:
            return set()
        if len(entries) == 1:  # the driver takes half as long for it
            try:
                self.collection.insert_one(entries[0].stored())
            except DuplicateKeyError:
                return {0}
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
        heads: dict[str, Head] = {}
        among = set(docs)
        for row in self.collection.find({"kind": kind, "doc": one_of(docs, self._size)}):
            entry = parse(raw_of(row))
            if entry.doc in among and (entry.doc not in heads or heads[entry.doc].entry.rev < entry.rev):
                heads[entry.doc] = Head(entry, entry.after is None)
        return heads

    def begun(self, kind: Kind, docs: Sequence[str], *, singly: bool) -> set[str]:
        """Those of these documents, given in order, that have any entry; asked for one by one, or as one range."""
        ranges: list[Any] = list(docs) if singly else [{"$gte": docs[0], "$lt": docs[-1] + "\0"}]
        found: set[str] = set()
        for wanted in ranges:
            query = {"kind": kind, "doc": wanted, "rev": 1}
            rows = self.collection.find(query, {"_id": 0, "doc": 1}, batch_size=1000)
            found |= {bson.decode(raw_of(row))["doc"] for row in rows}
        return found

    def highest(self, kind: Kind, docs: Sequence[str]) -> Iterator[bytes]:
        """The highest entry of each of these documents, as it is stored."""
        return self._highest({"kind": kind, "doc": {"$in": list(docs)}})

    def highest_between(self, kind: Kind, low: str, high: str) -> Iterator[bytes]:
        """The same for the documents whose ids lie from `low` to just before `high`."""
        return self._highest({"kind": kind, "doc": {"$gte": low, "$lt": high}})

    def _highest(self, match: dict[str, Any]) -> Iterator[bytes]:
        """On MongoDB one step in the index a document, however long its history; elsewhere all entries are read."""
        pipeline: list[dict[str, Any]] = [
            {"$match": match},
            {"$sort": {"doc": DESCENDING, "rev": DESCENDING}},
            {"$group": {"_id": "$doc", "entry": {"$first": "$$ROOT"}}},
            {"$replaceRoot": {"newRoot": "$entry"}},
        ]
        for row in self.collection.aggregate(pipeline, allowDiskUse=True):
            yield raw_of(row)

    def touched(self, since: datetime, until: datetime) -> Iterator[tuple[Kind, str]]:
        """The documents of the entries recorded from one moment to just before another; one may come twice."""
        query = {"at": {"$gte": since, "$lt": until}}
        for row in self.collection.find(query, {"_id": 0, "kind": 1, "doc": 1}, batch_size=1000):
            named = bson.decode(raw_of(row))
            yield named["kind"], named["doc"]

    def given(self, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """{`doc`, `at`, `action`, `assignee`, `assigned_at`} of the entries after which a batch is somebody's, recorded
        from one moment to just before another, in no particular order."""
        query = {"at": {"$gte": since, "$lt": until}, "kind": "batch", "action": {"$in": ["assign", "create", "edit"]}}
        fields = {"_id": 0, "doc": 1, "at": 1, "action": 1, "after.assignee": 1, "after.metadata.assigned_at": 1}
        for raw in self.collection.find(query, fields, batch_size=1000):
            row = bson.decode(raw_of(raw), document.READABLE)
            after = row.pop("after", None) or {}
            metadata = after.get("metadata")
            stamp = metadata.get("assigned_at") if isinstance(metadata, dict) else None
            yield {**row, "assignee": after.get("assignee"), "assigned_at": stamp}

    def marks(self, since: datetime, until: datetime) -> Iterator[Mark]:
        """Whose and in which status batches were after each entry of a while, `until` not included, in no order."""
        query = {"at": {"$gte": since, "$lt": until}, "kind": "batch"}
        for raw in self.collection.find(query, _MARK, batch_size=1000):
            yield _mark(bson.decode(raw_of(raw), document.READABLE))

    def mark_at(self, doc: str, rev: int) -> Mark | None:
        row = self.collection.find_one({"kind": "batch", "doc": doc, "rev": rev}, _MARK)
        return None if row is None else _mark(bson.decode(raw_of(row), document.READABLE))

    def at_revision(self, kind: Kind, doc: str, rev: int) -> Entry | None:
        row = self.collection.find_one({"kind": kind, "doc": doc, "rev": rev})
        return None if row is None else parse(raw_of(row))

    def of_document(self, kind: Kind, doc: str) -> list[Entry]:
        """All entries of a document, oldest first."""
        rows = self.collection.find({"kind": kind, "doc": doc})
        return sorted((parse(raw_of(row)) for row in rows), key=lambda entry: entry.rev)

    def newest_first(self, kind: Kind, doc: str) -> Iterator[Entry]:
        """A document's entries as they are asked for, the highest first."""
        for row in self.collection.find({"kind": kind, "doc": doc}, batch_size=50).sort("rev", DESCENDING):
            yield parse(raw_of(row))

    def revisions_between(self, kind: Kind, doc: str, first: int, last: int) -> list[Entry]:
        """Entries of a document from one revision to another, both included, oldest first."""
        rows = self.collection.find({"kind": kind, "doc": doc, "rev": {"$gte": first, "$lte": last}})
        return sorted((parse(raw_of(row)) for row in rows), key=lambda entry: entry.rev)

    def from_revision(self, kind: Kind, doc: str, first: int) -> Iterator[Entry]:
        """Entries of a document from one revision on, oldest first."""
        query = {"kind": kind, "doc": doc, "rev": {"$gte": first}}
        for row in self.collection.find(query, batch_size=100).sort("rev", ASCENDING):
            yield parse(raw_of(row))

    def of_documents_between(self, kind: Kind, first: str, last: str) -> Iterator[Entry]:
        """All entries of the documents whose ids lie between these two, inclusive; by document, oldest first."""
        return map(parse, self._between(kind, first, last))

    def dated_between(self, kind: Kind, first: str, last: str) -> Iterator[Dated]:
        """The same, for choosing some of them."""
        return map(dated, self._between(kind, first, last))

    def _between(self, kind: Kind, first: str, last: str) -> Iterator[bytes]:
        # Not `$lte`: the embedded server leaves the last one out where its index goes on with another field.
        query = {"kind": kind, "doc": {"$gte": first, "$lt": last + "\0"}}
        order = [("doc", ASCENDING), ("rev", ASCENDING)]
        for block in self.collection.find_raw_batches(query, batch_size=500).sort(order):
            yield from split_batch(bytes(block))  # type: ignore[arg-type]

    def of_operation(self, op: str) -> Iterator[Entry]:
        for row in self.collection.find({"op": op}, batch_size=500):
            yield parse(raw_of(row))

    def everything(self) -> Iterator[Entry]:
        """All entries, in no particular order."""
        return map(parse, self.raws())

    def raws(self) -> Iterator[bytes]:
        """All entries as they are stored, in no particular order."""
        for block in self.collection.find_raw_batches({}, batch_size=1000):
            yield from split_batch(bytes(block))  # type: ignore[arg-type]

    def since(self, moment: datetime) -> Iterator[Entry]:
        """Entries recorded at or after a moment, in no particular order."""
        for row in self.collection.find({"at": {"$gte": moment}}, batch_size=500):
            yield parse(raw_of(row))


class Mark(NamedTuple):
    """What a batch was after an entry, as far as counting needs; nobody's and in no status where it is gone."""

    doc: str
    rev: int
    action: str
    assignee: Any
    status: Any


_MARK: Final = {"_id": 0, "doc": 1, "rev": 1, "action": 1, "after.assignee": 1, "after.status": 1}


def _mark(row: dict[str, Any]) -> Mark:
    after = row.get("after") or {}
    return Mark(row["doc"], row["rev"], row["action"], after.get("assignee"), after.get("status"))


class Row(NamedTuple):
    """An entry's bytes taken apart no further than comparing needs; `whole` says that it is what its digest says."""

    kind: str
    doc: str
    rev: int
    digest: bytes
    prev: bytes
    after: bytes | None
    whole: bool


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH: Final = b"\x02kind\0\x06\0\0\0batch\0\x02doc\0"
_SEGMENTADOR: Final = b"\x02kind\0\x0c\0\0\0segmentador\0\x02doc\0"
_BATCH_DOC: Final = len(_BATCH) + 4
_SEGMENTADOR_DOC: Final = len(_SEGMENTADOR) + 4
_DIGEST_HEAD: Final = len(_DIGEST)
_REV: Final = b"\0\x10rev\0"
_PREV: Final = b"\x05prev\0\x20\0\0\0\0"
_NO_PREV: Final = b"\x0aprev\0"
_PREV_HEAD: Final = len(_PREV)
_NO_PREV_ALL: Final = len(_NO_PREV)
_AFTER: Final = b"\x03after\0"
_NO_AFTER: Final = b"\x0aafter\0"


def dissect(raw: bytes) -> Row:
    """A stored or journaled entry for comparing, several times faster than `parse`.

    Goes by the order in which `Entry` writes its fields. Raises `ValueError` where they are not in that order.
    """
    start = 21 if raw[4:9] == _OWN_ID else 4
    kind, begin, at = _named(raw, start)
    digest_at = len(raw) - 33
    seal_at = digest_at - _DIGEST_HEAD
    prev_at = seal_at - _PREV_HEAD - 32
    if not begin < at <= seal_at or raw[at - 1 : at + 5] != _REV or raw[seal_at:digest_at] != _DIGEST:
        raise ValueError("not an entry")
    if raw.startswith(_PREV, prev_at):
        prev = raw[seal_at - 32 : seal_at]
    else:
        prev_at, prev = seal_at - _NO_PREV_ALL, b""
        if raw[prev_at:seal_at] != _NO_PREV:
            raise ValueError("not an entry")
    digest = raw[digest_at:-1]
    sealed = (seal_at - start + 5).to_bytes(4, "little") + raw[start:seal_at] + b"\0"
    whole = hashlib.sha256(sealed).digest() == digest
    doc, rev = raw[begin : at - 1].decode(), int.from_bytes(raw[at + 5 : at + 9], "little")
    return Row(kind, doc, rev, digest, prev, _after(raw, at, prev_at), whole)


class Dated(NamedTuple):
    """Which entry this is, for choosing one of many; it is taken apart when its document is asked for."""

    doc: str
    rev: int
    at: datetime
    raw: bytes

    @property
    def after(self) -> bytes | None:
        return parse(self.raw).after


def dated(raw: bytes) -> Dated:
    """Goes by the order in which `Entry` writes its fields, and parses where they are in another."""
    try:
        _, begin, at = _named(raw, 21 if raw[4:9] == _OWN_ID else 4)
        if begin < at and raw[at - 1 : at + 5] == _REV and raw[at + 9 : at + 13] == b"\x09at\0":
            doc = raw[begin : at - 1].decode()
            millis = int.from_bytes(raw[at + 13 : at + 21], "little", signed=True)
            rev = int.from_bytes(raw[at + 5 : at + 9], "little")
            return Dated(doc, rev, _EPOCH + timedelta(milliseconds=millis), raw)
    except ValueError:
        pass
    entry = parse(raw)
    return Dated(entry.doc, entry.rev, entry.at, raw)


def _named(raw: bytes, start: int) -> tuple[str, int, int]:
    """The kind, and where the document's id begins and ends, its zero included. Raises `ValueError`."""
    if raw.startswith(_BATCH, start):
        kind, begin = "batch", start + _BATCH_DOC
    elif raw.startswith(_SEGMENTADOR, start):
        kind, begin = "segmentador", start + _SEGMENTADOR_DOC
    else:
        raise ValueError("not an entry")
    return kind, begin, begin + int.from_bytes(raw[begin - 4 : begin], "little")


def _after(raw: bytes, at: int, end: int) -> bytes | None:
    if raw.endswith(_NO_AFTER, at, end):
        return None
    while (at := raw.find(_AFTER, at, end)) >= 0:
        at += len(_AFTER)
        if at + int.from_bytes(raw[at : at + 4], "little") == end:
            return raw[at:end]
    raise ValueError("not an entry")


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
