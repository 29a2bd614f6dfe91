"""The documents of the board as they lie in MongoDB: batches and segmentadores.

A stored document is the projection of its highest entry, plus `_rev`. Nothing here decides anything: `ledger` says
what is to be written, and every write names the revision that it follows, so that nothing matched means that somebody
was faster.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DeleteOne, ReplaceOne, UpdateOne
from pymongo.errors import OperationFailure

from resguardo.board import document
from resguardo.board.change import IDENTITY, Kind
from resguardo.store.connect import LOOSE, Connection, Raws, raw_collection, raw_of
from resguardo.store.field_update import field_update

SCAN_BATCH = 1000
AHEAD: Final = 2
COUNT_EVERY: Final = 60.0
"""Seconds."""


@dataclass(frozen=True)
class Stored:
    """A document without `_rev`, and its revision, 0 when the ledger does not know it yet."""

    raw: bytes
    rev: int


@dataclass(frozen=True)
class Standing:
    """A document as the scan for external changes meets it: its id and, as one BSON element, its `_id`."""

    doc: str
    own_id: bytes
    stored: Stored


@dataclass(frozen=True)
class Projection:
    """What makes a stored document follow its entry. `before` is None for a creation, `after` for a deletion.

    `seen` says that `before` is the stored document, `_id` and all, and not just what the ledger says it was.
    """

    doc: str
    base: int
    rev: int
    before: bytes | None
    after: bytes | None
    seen: bool = False


class Documents:
    """The collection of one kind."""

    def __init__(self, connection: Connection, kind: Kind) -> None:
        settings = connection.settings
        if kind == "batch":
            database, name = connection.database, settings.batches_collection
        else:
            database, name = connection.segmentadores_database, settings.segmentadores_collection
        self.kind = kind
        self.identity = IDENTITY[kind]
        self.collection = raw_collection(database, name)
        self._loose: Raws = self.collection.with_options(write_concern=LOOSE)
        self._size = Size(self.collection)

    def ensure_indexes(self) -> bool:
        """Make what is missing. False when two documents share an id, which keeps the index from being unique."""
        unique = self._ensure_identity_index()
        if self.kind == "batch":
            for keys in (("assignee", "status", "id"), ("status", "id")):
                self.collection.create_index([(key, ASCENDING) for key in keys])
        return unique

    def _ensure_identity_index(self) -> bool:
        """A crash between dropping and making leaves none: the next start makes it."""
        keys = [(self.identity, ASCENDING)]
        try:
            self.collection.create_index(keys, unique=True)
        except OperationFailure:
            # Old data with an id twice, or an index of the old system in the way: look-ups still need one.
            in_the_way = [index["name"] for index in self._indexes() if list(index["key"].items()) == keys]
            if self._is_unique() or (in_the_way and self._shared_ids()):
                return self._is_unique()
            for name in in_the_way:
                self.collection.drop_index(name)
            try:
                self.collection.create_index(keys, unique=bool(in_the_way))
            except OperationFailure:  # somebody put an id in twice at this very moment
                self.collection.create_index(keys)
            return self._is_unique()
        return True

    def share_ids(self) -> None:
        """Documents are about to come of which two have the same id, or none: the index is not unique for them."""
        keys = [(self.identity, ASCENDING)]
        for index in self._indexes():
            if list(index["key"].items()) == keys:
                self.collection.drop_index(index["name"])
        self.collection.create_index(keys)

    def _is_unique(self) -> bool:
        keys = [(self.identity, ASCENDING)]
        return any(index.get("unique") and list(index["key"].items()) == keys for index in self._indexes())

    def _indexes(self) -> list[dict[str, Any]]:
        return [dict(index) for index in self.collection.list_indexes()]

    def read(self, names: Sequence[str]) -> dict[str, list[Stored]]:
        """Documents by their id; more than one where old data has an id twice."""
        found: dict[str, list[Stored]] = {}
        for row in self.collection.find({self.identity: one_of(names, self._size)}):
            stored = _stored(raw_of(row))
            found.setdefault(str(self.name_in(stored.raw)), []).append(stored)
        return {name: found[name] for name in names if name in found}

    def revisions(self, names: Collection[str]) -> dict[str, int]:
        """The revisions of those of these documents that are there, 0 where the ledger does not know them."""
        fields = {self.identity: 1, "_rev": 1, "_id": 0}
        # Beyond some hundreds one pass over everything is cheaper than as many look-ups.
        query: dict[str, Any] = {self.identity: {"$in": list(names)}} if len(names) <= 500 else {}
        found: dict[str, int] = {}
        wanted = set(names)
        for row in self.collection.find(query, fields, batch_size=SCAN_BATCH) if wanted else ():
            doc, rev = document.field(raw_of(row), self.identity), document.field(raw_of(row), "_rev")
            if isinstance(doc, str) and doc in wanted:
                found[doc] = rev if isinstance(rev, int) else 0
        return found

    def scan(self) -> Iterator[bytes]:
        """Every document without `_rev`, in natural order, in batches that keep memory flat."""
        return (stored.raw for stored in self.scan_stored())

    def scan_stored(self) -> Iterator[Stored]:
        """Every document and its revision, in natural order, in batches that keep memory flat."""
        for block in self.collection.find_raw_batches({}, batch_size=SCAN_BATCH):
            for row in split_batch(bytes(block)):  # type: ignore[arg-type]
                yield _stored(row)

    def standing(self, low: str, high: str, at_once: int) -> Iterator[Standing]:
        """The documents whose ids lie from `low` to just before `high`, in no particular order."""
        query = {self.identity: {"$gte": low, "$lt": high}}
        for row in self.collection.find(query, batch_size=at_once):
            stored = _stored(raw_of(row))
            doc, own_id = self._names(stored.raw)
            if doc is not None:
                yield Standing(doc, own_id, stored)

    def name_in(self, raw: bytes) -> Any:
        """The id that a document bears, of any type, None for none; quickly where it follows the `_id`, as usual."""
        start = 21 if raw[4:9] == b"\x07_id\0" else 4
        head = b"\x02" + self.identity.encode() + b"\0"
        if raw.startswith(head, start) and raw.count(head) == 1:
            begin = start + len(head) + 4
            with suppress(UnicodeDecodeError):
                return raw[begin : begin - 1 + int.from_bytes(raw[begin - 4 : begin], "little")].decode()
        return document.field(raw, self.identity)

    def _names(self, raw: bytes) -> tuple[str | None, bytes]:
        """The id, None where it cannot be asked for, and the `_id`."""
        doc, own_id, identity = None, b"", self.identity.encode()
        for element in document.elements(raw):
            if element.name == b"_id":
                own_id = element.raw
            elif element.name == identity and element.type == _STRING:
                doc = _text(element)
            if doc is not None and own_id:
                break
        return doc, own_id

    def name_of(self, own_id: bytes) -> str | None:
        """The id of the document that has this `_id`, given as a BSON element."""
        found = self.by_own_id(_own_id(document.assemble([own_id])))
        return self._names(found.raw)[0] if found else None

    def names(self) -> Iterator[str]:
        """The ids of all documents that have a usable one, in natural order."""
        fields = {self.identity: 1, "_id": 0}
        for row in self.collection.find({}, fields, batch_size=SCAN_BATCH):
            doc, _ = self._names(raw_of(row))
            if doc is not None:
                yield doc

    def unknown_to_ledger(self) -> Iterator[Stored]:
        """Documents without `_rev`, ordered by id."""
        cursor = self.collection.find({"_rev": None}, batch_size=SCAN_BATCH).sort(self.identity, ASCENDING)
        for row in cursor:
            yield Stored(raw_of(row), 0)

    def count(self) -> int:
        return self.collection.estimated_document_count()

    def count_unknown(self) -> int:
        return self.collection.count_documents({"_rev": None})

    def mark_adopted(self, first: str, last: str) -> int:
        """Give revision 1 to the documents without one whose ids lie between these two, inclusive."""
        query = {self.identity: {"$gte": first, "$lte": last}, "_rev": None}
        return self._loose.update_many(query, {"$set": {"_rev": 1}}).modified_count

    def between(self, first: str, last: str) -> set[str]:
        """The ids of the documents that lie between these two, inclusive."""
        query = {self.identity: {"$gte": first, "$lte": last}}
        rows = self.collection.find(query, {self.identity: 1, "_id": 0})
        return {str(document.field(raw_of(row), self.identity)) for row in rows}

    def set_revision(self, doc: str, base: int, rev: int) -> None:
        """The document stays; the ledger has caught up with it."""
        self.set_revisions([(doc, base, rev)])

    def set_revisions(self, rows: Sequence[tuple[str, int, int]]) -> None:
        """The same for many: (document, revision it was seen with, revision it has now)."""
        if not rows:
            return
        requests = [
            UpdateOne({self.identity: doc, "_rev": base or None}, {"$set": {"_rev": rev}}) for doc, base, rev in rows
        ]
        if self._loose.bulk_write(requests, ordered=False).matched_count == len(rows):
            return
        # Either somebody was faster, or it bears a `_rev` that is none of ours, which is dear to ask for.
        unknown = {doc: rev for doc, base, rev in rows if not base}
        for doc, found in self.read(list(unknown)).items() if unknown else ():
            if len(found) == 1 and not found[0].rev:
                self._loose.update_one({self.identity: doc, **_NO_REVISION}, {"$set": {"_rev": unknown[doc]}})

    def problems(self) -> Iterator[Stored]:
        """Documents that the board cannot work with: their id is missing, blank, no string, or taken twice."""
        for row in self.collection.find({self.identity: {"$not": {"$regex": r"\S"}}}):
            yield _stored(raw_of(row))
        for name in self.duplicates():
            yield from self.read([name])[name]

    def duplicates(self) -> list[str]:
        """Ids that more than one document has. Costs nothing while the index is unique."""
        if self._is_unique():
            return []
        return sorted(name for name in self._shared_ids() if isinstance(name, str) and name.strip())

    def _shared_ids(self) -> list[Any]:
        """What more than one document has for an id, None where they have none."""
        groups = self.collection.aggregate(
            [
                {"$group": {"_id": f"${self.identity}", "count": {"$sum": 1}}},
                {"$match": {"count": {"$gt": 1}}},
            ],
            allowDiskUse=True,
        )
        return [document.field(raw_of(row), "_id") for row in groups]

    def by_own_id(self, own_id: Any) -> Stored | None:
        """A document by its `_id`, of any type: never taken for a condition."""
        row = self.collection.find_one({"_id": {"$eq": own_id}})
        return None if row is None else _stored(raw_of(row))

    def project(self, projections: Sequence[Projection]) -> int:
        """Write what the entries say. Returns how many documents were as expected; the others need a second look."""
        if not projections:
            return 0
        if len(projections) == 1 and (one := self._fields(projections[0])):
            return self._loose.update_one(*one).matched_count  # the driver takes half as long as for a bulk of one
        requests = [self._request(projection) for projection in projections]
        result = self._loose.bulk_write(requests, ordered=False)
        return result.matched_count + result.deleted_count + result.upserted_count

    def _fields(self, projection: Projection) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The condition and the update where just some fields change."""
        if projection.before is None or projection.after is None:
            return None
        update = field_update(projection.before, projection.after, projection.rev)
        return (self._where(projection), update) if update else None

    def _where(self, projection: Projection) -> dict[str, Any]:
        where: dict[str, Any] = {self.identity: projection.doc, "_rev": projection.base or None}
        # The embedded server finds it a fifth faster by an `_id`; only by one that cannot be taken for a condition.
        own_id = projection.before[4:21] if projection.before and projection.seen else b""
        return {"_id": ObjectId(own_id[5:]), **where} if own_id.startswith(b"\x07_id\0") else where

    def _request(self, projection: Projection) -> Any:
        where = self._where(projection)
        if projection.after is None:
            return DeleteOne(where)
        if fields := self._fields(projection):
            return UpdateOne(*fields)
        whole = RawBSONDocument(document.with_revision(projection.after, projection.rev))
        if projection.before is None:
            # By `_id`, so that doing it twice is doing it once.
            return _replacement({"_id": _own_id(projection.after)}, whole, upsert=True)
        return _replacement(where, whole)

    def load(self, raws: Iterable[tuple[bytes, int]]) -> int:
        """Insert documents with their revisions into a new collection, in order, durably, and whatever its rules."""
        rows = [RawBSONDocument(document.with_revision(raw, rev) if rev else raw) for raw, rev in raws]
        if rows:
            self.collection.insert_many(rows, bypass_document_validation=True)
        return len(rows)


_STRING: Final = 0x02
_NO_REVISION: Final[dict[str, Any]] = {
    "$or": [{"_rev": {"$not": {"$type": ["int", "long"]}}}, {"_rev": {"$type": "array"}}, {"_rev": 0}]
}
"""What `document.split_revision` takes for none: another program may write a `_rev` of any type."""


def _text(element: document.Element) -> str | None:
    try:
        return element.value[4:-1].decode()
    except UnicodeDecodeError:
        return None


def _replacement(where: dict[str, Any], whole: RawBSONDocument, *, upsert: bool = False) -> Any:
    """Replace a document as a whole. MongoDB takes a name that begins with a dollar only from a pipeline's literal."""
    if any(element.name.startswith(b"$") for element in document.elements(raw_of(whole))):
        return UpdateOne(where, [{"$replaceWith": {"$literal": whole}}], upsert=upsert)
    return ReplaceOne(where, whole, upsert=upsert)


class Size:
    """About how many documents a collection has, for choosing between two ways: counted anew once a minute only.

    The embedded server answers nobody else while it counts, for most of a second at 100,000 documents.
    """

    def __init__(self, collection: Raws) -> None:
        self._collection = collection
        self._count = 0
        self._counted: float | None = None

    def about(self) -> int:
        now = time.monotonic()
        if self._counted is None or now - self._counted > COUNT_EVERY:
            self._count, self._counted = self._collection.estimated_document_count(), now
        return self._count


def one_of(names: Sequence[str], size: Size) -> Any:
    """A condition for fields that are one of these names; it may choose more, which the caller leaves out.

    Where many of all are wanted, the range from the first to the last is cheaper than as many look-ups: on the
    embedded server a name costs as much as ten documents of a range.
    """
    if len(names) == 1:
        return names[0]
    if len(names) > 50 and size.about() < 10 * len(names):
        # Not `$lte`: the embedded server leaves the last one out where its index goes on with another field.
        return {"$gte": min(names), "$lt": max(names) + "\0"}
    return {"$in": list(names)}


def split_batch(block: bytes) -> Iterator[bytes]:
    """The documents of a block as the wire carries them, one after the other."""
    at = 0
    while at < len(block):
        size = int.from_bytes(block[at : at + 4], "little")
        yield block[at : at + size]
        at += size


def ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks, fetched by a thread before they are asked for: the server always has something to do."""
    with ThreadPoolExecutor(1, "ahead") as fetching:
        coming = deque(fetching.submit(next, blocks, b"") for _ in range(AHEAD))
        while block := coming.popleft().result():
            coming.append(fetching.submit(next, blocks, b""))
            yield block


def _stored(raw: bytes) -> Stored:
    own, rev = document.split_revision(raw)
    return Stored(own, rev or 0)


def _own_id(raw: bytes) -> Any:
    element = next(element for element in document.elements(raw) if element.name == b"_id")
    return RawBSONDocument(document.assemble([element.raw]))["_id"]
