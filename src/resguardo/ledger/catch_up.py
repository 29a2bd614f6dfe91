"""Making ledger and journal hold the same entries, after a crash of either.

Ledger to journal: what a crash, or a disk that was full, kept from the journal; and what other hosts recorded, so that
the journal of each data folder is complete. Entries since the journal's mark are looked at, with a margin for the
clocks of several hosts and for operations under way; those of operations that are noted as running whatever their age.

Journal to ledger, at start-up: an acknowledged entry that MongoDB lost (its disk did not keep what it said it kept) is
inserted again, if it follows what is there: the next revision, sealed to the previous one.

Both only add, and adding twice does no harm: the ledger's index refuses, the journal's readers take it for one. The
mark is moved last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final

from resguardo.board.change import Kind
from resguardo.errors import RefusedForSafety
from resguardo.ledger.journal import Journal, Key
from resguardo.ledger.record import BLOCK, Ledger
from resguardo.ledger.segment import Record
from resguardo.ledger.settle import RUNNING
from resguardo.store import Store
from resguardo.store.batches import Projection
from resguardo.store.entries import Entry, parse

MARGIN: Final = timedelta(minutes=5)
FORGOTTEN: Final = timedelta(days=1)
"""A running operation this old has ended, however it did."""


@dataclass(frozen=True)
class CaughtUp:
    """How many entries went to the journal, and how many came back to the ledger."""

    journaled: int = 0
    brought_back: int = 0


def refuse_lost_database(store: Store, journal: Journal) -> None:
    """Raises `RefusedForSafety` where the database is empty and the journal is not: starting would bury a loss."""
    if store.entries.is_empty() and not journal.is_empty():
        raise RefusedForSafety(
            "La base «{database}» no tiene historial, pero el diario sí: parece que MongoDB perdió sus datos.",
            hint="Reconstrúyela con: resguardo journal rebuild --into {database}. Si empiezas de cero a propósito, "
            "aparta antes la carpeta {folder}.",
            database=journal.database,
            folder=str(journal.folder),
        )


def catch_up(ledger: Ledger, *, starting: bool = False) -> CaughtUp:
    """Raises `Unavailable` when the journal cannot be written."""
    journal, started = ledger.journal, ledger.now()
    mark = journal.complete_to()
    since = mark - MARGIN if mark else None
    known: set[Key] = set()
    lost: list[Entry] = []
    entries = _recent(ledger.store, since)
    if since is not None:
        journaled = list(_records(journal, since))
        known = {_key(record) for record in journaled}
        if starting:
            recorded: set[Key] = {(entry.kind, entry.doc, entry.rev) for entry in entries if entry.at >= since}
            lost = _lost(ledger.store, journaled, recorded, since)
            keys = list(dict.fromkeys((entry.kind, entry.doc) for entry in lost))
            for kind, doc in keys:
                _follow(ledger.store, kind, doc)
            ledger.settle(keys)
            entries = _recent(ledger.store, since)
    count = 0
    missing = (entry for entry in entries if (entry.kind, entry.doc, entry.rev) not in known)
    while block := list(islice(missing, BLOCK)):
        journal.append(block)
        count += len(block)
    _forget_running(ledger.store, started)
    journal.set_complete_to(started)
    return CaughtUp(count, len(lost))


def _recent(store: Store, since: datetime | None) -> Iterator[Entry]:
    if since is None:
        return store.entries.everything()
    running = (name.removeprefix(RUNNING) for name in store.state.names(RUNNING))
    return chain(store.entries.since(since), chain.from_iterable(map(store.entries.of_operation, running)))


def _records(journal: Journal, since: datetime) -> Iterator[Record]:
    return (found for found in journal.read(since) if isinstance(found, Record))


def _key(record: Record) -> Key:
    return record.row.kind, record.row.doc, record.row.rev


def _lost(store: Store, journaled: list[Record], recorded: set[Key], since: datetime) -> list[Entry]:
    """Insert what the journal has and the ledger has not. Returns those entries."""
    found = {_key(record): record for record in journaled if _key(record) not in recorded}
    entries = [parse(found[key].raw) for key in sorted(found)]
    inserted: list[Entry] = []
    for entry in entries:
        if entry.at < since or store.entries.at_revision(entry.kind, entry.doc, entry.rev) is not None:
            continue
        head = store.entries.heads(entry.kind, [entry.doc]).get(entry.doc)
        rev, digest = (head.entry.rev, head.entry.digest) if head else (0, None)
        if (entry.rev, entry.prev) == (rev + 1, digest) and not store.entries.insert([entry]):
            inserted.append(entry)
    return inserted


def _follow(store: Store, kind: Kind, doc: str) -> None:
    """MongoDB lost the entry, so that it lost the document too: no other program took it away or put an old one back.

    What is left to be mended otherwise is for `settle`.
    """
    found = store.documents(kind).read([doc]).get(doc, [])
    head = store.entries.heads(kind, [doc])[doc].entry
    if not found and head.after is not None:
        store.documents(kind).project([Projection(doc, 0, head.rev, None, head.after)])
    elif len(found) == 1 and 0 < found[0].rev < head.rev:
        own = store.entries.at_revision(kind, doc, found[0].rev)
        if own is not None and own.seal(found[0].raw) == own.digest:
            store.documents(kind).project([Projection(doc, own.rev, head.rev, own.after, head.after)])


def _forget_running(store: Store, now: datetime) -> None:
    for name in store.state.names(RUNNING):
        if (begun := store.state.get(name)) is not None and now - begun > FORGOTTEN:
            store.state.take(name, begun)
