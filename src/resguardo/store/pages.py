"""Reading the board for people: pages of a table, counts per person, work lists.

The embedded server loads all candidates of a query before it skips or limits, so that a page deep in a table costs as
much as the table. The ids of a listing are therefore kept for as long as nothing changes (up to `LONGEST_LISTING`), and
a page is read by the range of its ids, bounded on both ends of an index. On a served board that is not too large they
come from memory in the first place (`store.listing`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final, TypeVar

import bson
from bson.codec_options import CodecOptions, DatetimeConversion

from resguardo.board import document
from resguardo.board.filters import SEARCHED, Filter
from resguardo.board.progress import UNFINISHED, Count
from resguardo.store.batches import ahead, split_batch
from resguardo.store.connect import Connection
from resguardo.store.entries import Entry
from resguardo.store.listing import SORT_FIELDS, Listing, counted, ordered
from resguardo.store.query import mongo_query

Found = TypeVar("Found")

LONGEST_LISTING: Final = 20_000
LISTINGS_KEPT: Final = 8
SOON_READ: Final = 20_000
"""So many batches the embedded server looks through in less than half a second."""
BLOCK: Final = 500
LARGE_BATCH: Final = 5_000
"""Rows to a block that is read ahead: each costs its reader some turns at the interpreter, 5 ms long at worst."""


@dataclass(frozen=True)
class Page:
    """Batches as dicts, without `_id`, with `_rev`; and how many there are on all pages."""

    batches: list[dict[str, Any]]
    total: int


class Pages:
    def __init__(self, connection: Connection) -> None:
        options: CodecOptions[dict[str, Any]] = CodecOptions(
            tz_aware=True,
            unicode_decode_error_handler="replace",
            datetime_conversion=DatetimeConversion.DATETIME_AUTO,
        )
        name = connection.settings.batches_collection
        self._batches = connection.database.get_collection(name, codec_options=options)
        self._zone = connection.settings.zone
        people = connection.settings.segmentadores_collection
        self._people = connection.segmentadores_database.get_collection(people, codec_options=options)
        self._listings: OrderedDict[tuple[Filter, str], list[str]] = OrderedDict()
        self._changes = 0
        self._lock = threading.Lock()
        self.listing = Listing(self._batches)

    def changed(self, entries: Iterable[Entry] | None = None) -> None:
        """These entries, or anybody knows what, changed the board: kept listings no longer hold."""
        if entries is None:
            self.listing.forget()
        else:
            self.listing.follow(entries)
        with self._lock:
            self._changes += 1
            self._listings.clear()

    def page(self, chosen: Filter, sort: str, number: int, size: int) -> Page:
        """Page `number` (from 1) of the batches that a filter chooses, ordered by `sort` (filters.SORTS)."""
        listing = self._listing(chosen, sort)
        start = (number - 1) * size
        if listing is not None:
            return Page(self._rows(chosen, sort, listing[start : start + size]), len(listing))
        if chosen.text:
            return _page_of(self.select(chosen, sort), start, size)
        query = mongo_query(chosen)
        rows = self._batches.find(query, {"_id": 0}).sort(_order(sort)).skip(start).limit(size)
        return Page(list(rows), self._batches.count_documents(query))

    def _listing(self, chosen: Filter, sort: str) -> list[str] | None:
        """The ids of all that the filter chooses, in order; None when they are too many to keep, or not all text."""
        with self._lock:
            known = self._listings.get((chosen, sort))
            if known is not None:
                self._listings.move_to_end((chosen, sort))
                return known
            before = self._changes
        listing = self._from_memory(chosen, sort)
        if listing is None:
            listing = self._from_mongodb(chosen, sort)
        if listing is None:
            return None
        with self._lock:
            if self._changes != before:  # read while something changed: good for this answer, not for the next
                return listing
            self._listings[chosen, sort] = listing
            while len(self._listings) > LISTINGS_KEPT:
                self._listings.popitem(last=False)
        return listing

    def _from_memory(self, chosen: Filter, sort: str) -> list[str] | None:
        rows = self.listing.rows()
        return None if rows is None else ordered([row for row in rows if chosen.matches(row)], sort)

    def _from_mongodb(self, chosen: Filter, sort: str) -> list[str] | None:
        fields = dict.fromkeys(SEARCHED if chosen.text else ("id",), 1)
        cursor = self._batches.find(mongo_query(chosen), {"_id": 0, **fields}).sort(_order(sort))
        ids, read = [], 0
        for row in cursor.limit(LONGEST_LISTING + 1):
            read += 1
            if chosen.finds_text(row):
                ids.append(row.get("id"))
        if read > LONGEST_LISTING or not all(isinstance(name, str) for name in ids):
            return None
        return [str(name) for name in ids]

    def _rows(self, chosen: Filter, sort: str, ids: list[str]) -> list[dict[str, Any]]:
        if not ids:
            return []
        if sort.removeprefix("-") == "id":
            query: dict[str, Any] = {"id": {"$gte": min(ids), "$lte": max(ids)}}
            if chosen.status and len(chosen.status) == 1:
                query["status"] = chosen.status[0]
        else:
            query = {"id": {"$in": ids}}
        wanted = set(ids)
        found = {row["id"]: row for row in self._batches.find(query, {"_id": 0}) if row.get("id") in wanted}
        return [found[name] for name in ids if name in found]

    def counts(self) -> list[Count]:
        """A row for each pair of assignee and status, and one of nothing for each segmentador, for `board.progress`."""
        today = datetime.now(self._zone).date().isoformat()
        rows = self.listing.rows()
        work = None if rows is None else counted(rows, today)
        team = (person.get("name") for person in self._people.find({}, {"name": 1, "_id": 0}))
        return (self._counts(today) if work is None else work) + [Count(name, "NS", 0) for name in team]

    def _counts(self, today: str) -> list[Count]:
        due = "$metadata.due_date"
        # Between two texts lie only texts: dates of other types are not compared.
        late = {"$and": [{"$in": ["$status", list(UNFINISHED)]}, {"$gt": [due, ""]}, {"$lt": [due, today]}]}
        pair = {"assignee": "$assignee", "status": "$status"}
        group = {"_id": pair, "count": {"$sum": 1}, "overdue": {"$sum": {"$cond": [late, 1, 0]}}}
        rows = self._batches.aggregate([{"$group": group}], allowDiskUse=True)
        return [
            Count(row["_id"].get("assignee"), row["_id"].get("status"), row["count"], row["overdue"]) for row in rows
        ]

    def work_of(self, name: str) -> Iterator[dict[str, Any]]:
        """A person's batches (id, assignee, status, metadata), ordered by id."""
        fields = {"_id": 0, "id": 1, "assignee": 1, "status": 1, "metadata": 1}
        yield from self._batches.find({"assignee": name}, fields, batch_size=1000).sort("id", 1)

    def select(self, chosen: Filter, sort: str = "id") -> Iterator[dict[str, Any]]:
        """All batches that a filter chooses, streamed.

        Where lists come from memory, those ordered by id are read range by range, and the first are there at once.
        """
        ids = self._from_memory(chosen, sort) if sort == "id" else None
        if ids is not None:
            for start in range(0, len(ids), BLOCK):
                rows_of_block = self._rows(chosen, sort, ids[start : start + BLOCK])
                yield from (row for row in rows_of_block if chosen.matches(row))  # some may have changed since
            return
        rows = self._batches.find(mongo_query(chosen), {"_id": 0}, batch_size=1000).sort(_order(sort))
        yield from (row for row in rows if chosen.finds_text(row))

    def unordered(self, chosen: Filter) -> Iterator[dict[str, Any]]:
        """The same as they lie, read ahead of whoever takes them: in half the time where there are many.

        MongoDB is asked before it returns: for the first of them where the board is known to have no more than
        `SOON_READ`, else for a sign of life, because the embedded server looks through all before it gives the first.
        """
        return self._asked(self._as_they_lie(chosen))

    def raws(self, chosen: Filter) -> Iterator[bytes]:
        """The same as they are stored, for who puts them in order before reading them (`row_of`)."""
        return self._asked(self._raws(chosen))

    def row_of(self, raw: bytes) -> dict[str, Any]:
        row: dict[str, Any] = bson.decode(raw, self._batches.codec_options)
        del row["_id"]  # leaving it out costs the embedded server more than all the rest
        return row

    def _asked(self, rows: Iterator[Found]) -> Iterator[Found]:
        kept = self.listing.rows()
        if kept is not None and len(kept) <= SOON_READ:
            return begun(rows)
        self._batches.database.client.admin.command("ping")
        return rows

    def _raws(self, chosen: Filter) -> Iterator[bytes]:
        for block in self._blocks(chosen):
            yield from (raw for raw in split_batch(block) if not chosen.text or chosen.finds_text(self.row_of(raw)))

    def _as_they_lie(self, chosen: Filter) -> Iterator[dict[str, Any]]:
        for block in self._blocks(chosen):
            for row in bson.decode_all(block, self._batches.codec_options):
                if not chosen.text or chosen.finds_text(row):
                    del row["_id"]
                    yield row

    def _blocks(self, chosen: Filter) -> Iterator[bytes]:
        blocks = self._batches.find_raw_batches(mongo_query(chosen), batch_size=LARGE_BATCH)
        return ahead(bytes(block) for block in blocks)  # type: ignore[arg-type]

    def one(self, name: str) -> dict[str, Any] | None:
        return self._batches.find_one({"id": name}, {"_id": 0})

    def people(self) -> list[dict[str, Any]]:
        """All segmentadores without `_id`; order them by `board.people.spanish_key`."""
        return list(self._people.find({}, {"_id": 0}))

    def person(self, name: str) -> dict[str, Any] | None:
        return self._people.find_one({"name": name}, {"_id": 0})


def begun(rows: Iterator[Found]) -> Iterator[Found]:
    """The same rows, the first of them read already."""
    return chain(list(islice(rows, 1)), rows)


def _page_of(rows: Iterator[dict[str, Any]], start: int, size: int) -> Page:
    """A page of what only reading it can count."""
    found: list[dict[str, Any]] = []
    total = 0
    for total, row in enumerate(rows, 1):
        if start < total <= start + size:
            found.append(row)
    return Page(found, total)


def _order(sort: str) -> list[tuple[str, int]]:
    field = SORT_FIELDS[sort.removeprefix("-")]
    direction = -1 if sort.startswith("-") else 1
    return [(field, direction)] if field == "id" else [(field, direction), ("id", 1)]


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """A document as the API shows it, without the ledger's own field."""
    return {key: value for key, value in row.items() if key != document.REVISION.decode()}
