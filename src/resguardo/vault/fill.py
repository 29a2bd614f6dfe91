"""Filling an empty database with what a source holds, as it was there.

1. The database is marked as half restored; 2. collections with the options and indexes that the source tells, and our
own; 3. documents and entries, block by block, entries first; 4. what is there is compared with the source; 5. the mark
goes. A crash before 5 leaves the mark: until somebody restores into it again, which empties it first, nobody can use it
(`refuse_half_restored`).

Indexes come first: the embedded server, which syncs each write, makes one of documents that are there already with a
sync for each, and takes three times as long in all.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final

import bson

from resguardo.board import document
from resguardo.board.batch import LARGEST_DOCUMENT
from resguardo.board.change import IDENTITY, Kind
from resguardo.errors import Integrity, RefusedForSafety
from resguardo.ledger.check import check
from resguardo.ledger.record import Ledger
from resguardo.ledger.segment import Record
from resguardo.ledger.settle import new_operation
from resguardo.store import Store
from resguardo.store.definition import index, make, missing
from resguardo.store.entries import Entry, parse
from resguardo.vault.frozen import own_id, usable
from resguardo.vault.sources import Described, documents_of

BLOCK: Final = 500
NAMES: Final[dict[Kind, str]] = {"batch": "batches", "segmentador": "segmentadores"}
MARK: Final = "half_restored"

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Loaded:
    """`refused`: indexes and options of the source's collections that the server would not take."""

    batches: int
    segmentadores: int
    refused: list[str]


def load_into(
    store: Store,
    ledger: Ledger,
    source: Described,
    *,
    actor: str,
    progress: Progress = lambda done: None,
    compared: bool = True,
) -> Loaded:
    """Fill an empty database with everything a source holds, byte for byte, and compare it with that.

    Raises `RefusedForSafety` unless the database is empty, `Integrity` where it is not as the source is.
    """
    make_room(store)
    set_aside(ledger)
    store.state.put(MARK, True)
    for kind, name in NAMES.items():
        make(store.documents(kind).collection, source.collections.get(name, {}))
    store.ensure_indexes()
    define(store, source)
    people = load(ledger, "segmentador", source.segmentadores, actor, progress)
    work = load(ledger, "batch", source.batches, actor, lambda done: progress(people + done))
    if compared and (why := _difference(store, ledger, source)):
        raise Integrity(
            "La base «{database}» no quedó como debía: {why}.",
            hint="Vuelve a restaurar en ella, o elige otra.",
            database=store.connection.settings.database,
            why=why,
        )
    store.state.put(MARK, False)
    return Loaded(work, people, lacking(store, source))


def define(store: Store, source: Described) -> None:
    """Give the collections the indexes that the source tells, beside our own."""
    for kind, name in NAMES.items():
        index(store.documents(kind).collection, source.collections.get(name, {}))


def lacking(store: Store, source: Described) -> list[str]:
    """Indexes and options that the source's collections have and these have not."""
    return [
        f"{name}: {what}"
        for kind, name in NAMES.items()
        if (told := source.collections.get(name))
        for what in missing(store.documents(kind).collection, told, IDENTITY[kind])
    ]


def make_room(store: Store) -> None:
    """Empty a database whose filling was cut off. Raises `RefusedForSafety` unless it is empty now."""
    collections = (store.batches.collection, store.segmentadores.collection, store.entries.collection)
    if store.state.get(MARK):
        for collection in collections:
            collection.drop()
    if store.batches.count() or store.segmentadores.count() or not store.entries.is_empty():
        raise RefusedForSafety(
            "La base «{database}» no está vacía.",
            hint="Elige una base nueva, o restaura sobre el tablero sin --into.",
            database=store.connection.settings.database,
        )
    for collection in collections:  # of an earlier board, which may have kept what the source has
        collection.drop_indexes()


def set_aside(ledger: Ledger) -> None:
    """Begin a new journal where an earlier restore into this database left one; that is kept beside it.

    Raises `RefusedForSafety` where it holds more: changes of people that are nowhere else any more.
    """
    records = [0, 0]
    for found in ledger.journal.read():
        if isinstance(found, Record):
            records[found.row.rev > 1 or parse(found.raw).via != "restore"] += 1
    if records[True]:
        raise RefusedForSafety(
            "El diario guarda {count} cambios de la base «{database}», que ahora está vacía.",
            hint="Recupéralos con: resguardo journal rebuild --into {database}. O elige otra base.",
            count=records[True],
            database=ledger.journal.database,
        )
    if records[False]:
        ledger.journal.set_aside(ledger.now())


def load(
    ledger: Ledger,
    kind: Kind,
    source: Callable[[], Iterator[bytes]],
    actor: str,
    progress: Progress = lambda done: None,
) -> int:
    """Insert documents, each block with its entries as an operation. Returns how many.

    Those that the ledger cannot work with, as their id is unusable or taken twice or they are too large, have no entry.
    """
    documents, done = ledger.store.documents(kind), 0
    twice, clash = _taken_twice(kind, source())
    if clash:
        documents.share_ids()
    raws = source()
    while block := [with_own_id(document.without(raw, document.REVISION)) for raw in islice(raws, BLOCK)]:
        _load_block(ledger, kind, block, twice, actor)
        done += len(block)
        progress(done)
    documents.ensure_indexes()
    return done


def _taken_twice(kind: Kind, raws: Iterator[bytes]) -> tuple[set[str], bool]:
    """The ids that more than one document has, and whether any two may have the same, unusable ones included."""
    twice, unusable = set(), 0
    with closing(sqlite3.connect("")) as names:
        names.execute("CREATE TABLE met (name TEXT PRIMARY KEY) WITHOUT ROWID")
        for raw in raws:
            name = document.field(raw, IDENTITY[kind])
            if not usable(name):
                unusable += 1
            elif not names.execute("INSERT OR IGNORE INTO met VALUES (?)", (name,)).rowcount:
                twice.add(name)
    return twice, bool(twice) or unusable > 1


def _load_block(ledger: Ledger, kind: Kind, block: list[bytes], twice: set[str], actor: str) -> None:
    named = [(document.field(raw, IDENTITY[kind]), raw) for raw in block]
    fit = {name: raw for name, raw in named if usable(name) and name not in twice and len(raw) <= LARGEST_DOCUMENT}
    now = ledger.now()
    about = (now, actor, "restore", new_operation(now), len(fit), "restore")
    entries = [Entry(kind, name, 1, *about, raw, None).sealed() for name, raw in fit.items()]
    rows = [(raw, 1 if name in fit else 0) for name, raw in named]
    ledger.take_in(entries, lambda: ledger.store.documents(kind).load(rows))


def with_own_id(raw: bytes) -> bytes:
    """The document with an `_id`, a new one in front if it has none."""
    if any(element.name == b"_id" for element in document.elements(raw)):
        return raw
    return document.assemble([b"\x07_id\0" + bson.ObjectId().binary, raw[4:-1]])


def refuse_half_restored(store: Store) -> None:
    """Raises `RefusedForSafety` where a restore into this database was cut off."""
    if store.state.get(MARK):
        raise RefusedForSafety(
            "A la base «{database}» le falta parte de una restauración que se interrumpió.",
            hint="Vuelve a restaurar en ella, o elige otra.",
            database=store.connection.settings.database,
        )


def difference(store: Store, ledger: Ledger, source: Described) -> str:
    """What of a database that was filled from a source is not as it is there; empty when all is.

    Compared are the number of documents of each kind, their bytes, the unique index, the ledger made by filling it with
    documents and journal (`ledger.check`), and how the collections are made.
    """
    why = _difference(store, ledger, source)
    if not why and (without := lacking(store, source)):
        return f"faltan índices u opciones ({', '.join(without)})"
    return why


def _difference(store: Store, ledger: Ledger, source: Described) -> str:
    for kind, name in NAMES.items():
        documents = store.documents(kind)
        whole = all(map(own_id, documents_of(source, kind)))
        found = _sum(documents.scan(), whole=whole)
        wanted = _sum(documents_of(source, kind), whole=whole)
        if found[0] != wanted[0]:
            return f"se restauraron {found[0]} {name} de {wanted[0]}"
        if found[1] != wanted[1]:
            return f"algún documento de {name} no se restauró como estaba"
        if not documents.duplicates() and not documents.ensure_indexes():
            return f"a {name} le falta su índice único"
    report = check(ledger)
    if not report.ok:
        first = report.differences[0] if report.differences else None
        return f"el historial restaurado no coincide ({first.doc}: {first.what})" if first else "el diario está dañado"
    return ""


def _sum(raws: Iterable[bytes], *, whole: bool) -> tuple[int, int]:
    """How many documents, and a sum over their bytes that does not depend on their order.

    Not `whole`: without their `_id`s, which the source does not have.
    """
    count = total = 0
    for raw in raws:
        count += 1
        compared = (
            document.without(raw, document.REVISION) if whole else document.without(raw, document.REVISION, b"_id")
        )
        total += int.from_bytes(hashlib.sha256(compared).digest(), "little")
    return count, total % (1 << 256)
