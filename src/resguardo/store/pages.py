"""Reading the board for people: pages of a table, counts per person, work lists.

The embedded server loads all candidates of a query before it skips or limits, so that a page deep in a table costs as
much as the table. The ids of a listing are therefore kept for as long as nothing changes (up to `LONGEST_LISTING`), and
a page is read by the range of its ids, bounded on both ends of an index.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bson.codec_options import CodecOptions, DatetimeConversion

from resguardo.board import document
from resguardo.board.filters import Filter
from resguardo.store.connect import Connection

LONGEST_LISTING: Final = 20_000
LISTINGS_KEPT: Final = 8
HAS_TEXT: Final = {"$regex": r"\S"}

_SORT_FIELDS: Final = {
    "id": "id",
    "assignee": "assignee",
    "status": "status",
    "priority": "metadata.priority",
    "due_date": "metadata.due_date",
    "assigned_at": "metadata.assigned_at",
}


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
        people = connection.settings.segmentadores_collection
        self._people = connection.segmentadores_database.get_collection(people, codec_options=options)
        self._listings: OrderedDict[tuple[Filter, str], list[str]] = OrderedDict()
        self._changes = 0
        self._lock = threading.Lock()

    def changed(self) -> None:
        """Something on the board changed: kept listings no longer hold."""
        with self._lock:
            self._changes += 1
            self._listings.clear()

    def page(self, chosen: Filter, sort: str, number: int, size: int) -> Page:
        """Page `number` (from 1) of the batches that a filter chooses, ordered by `sort` (filters.SORTS)."""
        listing = self._listing(chosen, sort)
        start = (number - 1) * size
        if listing is None:
            query = mongo_query(chosen)
            rows = self._batches.find(query, {"_id": 0}).sort(_order(sort)).skip(start).limit(size)
            return Page(list(rows), self._batches.count_documents(query))
        return Page(self._rows(chosen, sort, listing[start : start + size]), len(listing))

    def _listing(self, chosen: Filter, sort: str) -> list[str] | None:
        """The ids of all that the filter chooses, in order; None when they are too many to keep, or not all text."""
        with self._lock:
            known = self._listings.get((chosen, sort))
            if known is not None:
                self._listings.move_to_end((chosen, sort))
                return known
            before = self._changes
        cursor = self._batches.find(mongo_query(chosen), {"id": 1, "_id": 0}).sort(_order(sort))
        ids = [row.get("id") for row in cursor.limit(LONGEST_LISTING + 1)]
        if len(ids) > LONGEST_LISTING or not all(isinstance(name, str) for name in ids):
            return None
        listing = [str(name) for name in ids]
        with self._lock:
            if self._changes != before:  # read while something changed: good for this answer, not for the next
                return listing
            self._listings[chosen, sort] = listing
            while len(self._listings) > LISTINGS_KEPT:
                self._listings.popitem(last=False)
        return listing

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

    def counts(self) -> list[tuple[Any, Any, int]]:
        """(assignee, status, how many), for `board.progress`."""
        group = {"_id": {"assignee": "$assignee", "status": "$status"}, "count": {"$sum": 1}}
        rows = self._batches.aggregate([{"$group": group}], allowDiskUse=True)
        return [(row["_id"].get("assignee"), row["_id"].get("status"), row["count"]) for row in rows]

    def work_of(self, name: str) -> Iterator[dict[str, Any]]:
        """A person's batches (id, assignee, status, metadata), ordered by id."""
        fields = {"_id": 0, "id": 1, "assignee": 1, "status": 1, "metadata": 1}
        yield from self._batches.find({"assignee": name}, fields, batch_size=1000).sort("id", 1)

    def select(self, chosen: Filter, sort: str = "id") -> Iterator[dict[str, Any]]:
        """All batches that a filter chooses, streamed."""
        yield from self._batches.find(mongo_query(chosen), {"_id": 0}, batch_size=1000).sort(_order(sort))

    def one(self, name: str) -> dict[str, Any] | None:
        return self._batches.find_one({"id": name}, {"_id": 0})

    def people(self) -> list[dict[str, Any]]:
        """All segmentadores without `_id`; order them by `board.people.spanish_key`."""
        return list(self._people.find({}, {"_id": 0}))

    def person(self, name: str) -> dict[str, Any] | None:
        return self._people.find_one({"name": name}, {"_id": 0})


def _order(sort: str) -> list[tuple[str, int]]:
    field = _SORT_FIELDS[sort.removeprefix("-")]
    direction = -1 if sort.startswith("-") else 1
    return [(field, direction)] if field == "id" else [(field, direction), ("id", 1)]


def mongo_query(chosen: Filter) -> dict[str, Any]:
    """What `Filter.matches` says, in MongoDB's words; a test holds the two against each other."""
    clauses: list[dict[str, Any]] = []
    if chosen.assignee:
        clauses.append({"assignee": _any_of(chosen.assignee)})
    if chosen.unassigned:
        clauses.append({"assignee": {"$not": HAS_TEXT}})
    if chosen.status:
        clauses.append({"status": _any_of(chosen.status)})
    if chosen.review:
        spellings = "|".join(re.escape(name).replace(r"\ ", "[ _]") for name in chosen.review)
        clauses.append({"metadata.review_status": {"$regex": f"^({spellings})$", "$options": "i"}})
    if chosen.priority:
        clauses.append({"metadata.priority": _any_of(chosen.priority)})
    clauses += _dates("metadata.due_date", chosen.due_after, chosen.due_before)
    clauses += _dates("metadata.assigned_at", chosen.assigned_after, chosen.assigned_before)
    if chosen.ids:
        clauses.append({"id": _any_of(chosen.ids)})
    if chosen.text:
        pattern = {"$regex": loose_pattern(chosen.text), "$options": "i"}
        clauses.append({"$or": [{name: pattern} for name in ("id", "assignee", "comments", "folder")]})
    if not clauses:
        return {}
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}


def _any_of(values: tuple[str, ...]) -> Any:
    return values[0] if len(values) == 1 else {"$in": list(values)}


def _dates(name: str, after: str | None, before: str | None) -> list[dict[str, Any]]:
    bounds: dict[str, str] = {"$gte": after} if after else {"$gt": ""}
    if before:
        bounds["$lt"] = before
    return [{name: bounds}] if after or before else []


_ALIKE: Final = {
    base: "["
    + base
    + "".join(chr(c) for c in range(0xC0, 0x180) if unicodedata.normalize("NFD", chr(c))[0] == base)
    + "]"
    for base in "aceinouy"
}


def loose_pattern(text: str) -> str:
    """A regular expression that finds the text whatever its accents; give it the option `i`."""
    plain = "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))
    return "".join(
        _ALIKE.get(char, re.escape(char)) + "[\u0300-\u036f]*" if char in _ALIKE else re.escape(char) for char in plain
    )


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """A document as the API shows it, without the ledger's own field."""
    return {key: value for key, value in row.items() if key != document.REVISION.decode()}
