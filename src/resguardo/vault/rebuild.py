"""`journal rebuild`: MongoDB is gone; the journal, and the latest archive if there is one, make a database again.

Every entry of the journal becomes an entry of the ledger, and each document what its highest entry says. From the
archive come the documents that no entry tells of: those with an id that the board cannot work with.

Order, and what a crash after each step leaves: 1. the database is marked as half restored; 2. entries, block by block,
sorted by document; 3. documents; 4. indexes; 5. the mark goes. Before 5 nobody can use it
(`refuse_half_restored`), and beginning again empties it first. The journal is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

from resguardo.board import document
from resguardo.board.change import IDENTITY, KINDS, Kind
from resguardo.errors import NotFound
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.ledger.segment import Record
from resguardo.ledger.sorting import Sorted
from resguardo.store import Store
from resguardo.store.entries import Entry, parse
from resguardo.vault.fill import MARK, define, lacking, load, make_room
from resguardo.vault.sources import Described, documents_of

BLOCK: Final = 500
Progress = Callable[[int, int], None]


@dataclass
class Rebuilt:
    """`gaps`: revisions that the journal does not have although it has later ones. Nobody was told of those.

    `contradictions`: revisions of which it holds two versions; the one that fits its neighbours, or the first, was
    taken. `damaged`: places that could not be read. `refused`: indexes and options of the archive's collections that
    the server would not take.
    """

    entries: int = 0
    batches: int = 0
    segmentadores: int = 0
    from_archive: int = 0
    gaps: int = 0
    contradictions: int = 0
    damaged: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not (self.gaps or self.contradictions or self.damaged or self.refused)

    def summary(self) -> dict[str, Any]:
        return {"whole": self.whole, **asdict(self)}


def rebuild(
    journal: Journal,
    ledger: Ledger,
    archive: Described | None,
    *,
    actor: str,
    progress: Progress = lambda done, total: None,
) -> Rebuilt:
    """Fill the ledger's empty database. Raises `RefusedForSafety` unless it is empty, `NotFound` without a journal."""
    store, result = ledger.store, Rebuilt()
    make_room(store)
    with Sorted("entry (kind, doc, rev, digest, prev, raw, PRIMARY KEY (kind, doc, rev, digest))") as tables:
        total = tables.fill("entry", _rows(journal, result))
        if not total:
            raise NotFound(
                "El diario de «{database}» no tiene ningún cambio en {folder}.",
                hint="¿Es esta la carpeta de datos? Elige otra con --data.",
                database=journal.database,
                folder=str(journal.folder),
            )
        store.state.put(MARK, True)
        store.ensure_indexes()
        entries = _without_contradictions(tables, result)
        while block := list(islice(entries, BLOCK)):
            store.entries.insert(block)
            result.entries += len(block)
            progress(result.entries, total)
        _load_documents(store, tables, result)
        for kind in KINDS:
            if archive is None:
                break
            result.from_archive += _load_strangers(ledger, tables, kind, archive, actor)
    if archive is not None:
        define(store, archive)
        result.refused = lacking(store, archive)
    store.state.put(MARK, False)
    return result


def _rows(journal: Journal, result: Rebuilt) -> Iterator[tuple[Any, ...]]:
    for found in journal.read():
        if isinstance(found, Record):
            row = found.row
            yield row.kind, row.doc, row.rev, row.digest, row.prev, found.raw
        elif not found.torn:
            result.damaged += 1


_NEIGHBOURS: Final = """
DELETE FROM entry AS e WHERE EXISTS (
    SELECT 1 FROM entry o WHERE o.kind = e.kind AND o.doc = e.doc AND o.rev = e.rev AND o.digest != e.digest
) AND NOT EXISTS (SELECT 1 FROM entry n WHERE n.kind = e.kind AND n.doc = e.doc AND n.rev = e.rev + 1
                  AND n.prev = e.digest)
  AND EXISTS (SELECT 1 FROM entry n WHERE n.kind = e.kind AND n.doc = e.doc AND n.rev = e.rev + 1)
"""
"""Of two versions of a revision, the one that the next revision does not follow."""


def _without_contradictions(tables: Sorted, result: Rebuilt) -> Iterator[Entry]:
    twice = "SELECT count(*) FROM (SELECT 1 FROM entry GROUP BY kind, doc, rev HAVING count(*) > 1)"
    result.contradictions = next(tables.select(twice))[0]
    if result.contradictions:
        list(tables.select(_NEIGHBOURS))
    last: tuple[str, str, int] | None = None
    for kind, doc, rev, raw in tables.select("SELECT kind, doc, rev, raw FROM entry ORDER BY kind, doc, rev"):
        if last == (kind, doc, rev):
            continue
        if rev != (last[2] + 1 if last and last[:2] == (kind, doc) else 1):
            result.gaps += 1
        last = (kind, doc, rev)
        yield parse(raw)


def _load_documents(store: Store, tables: Sorted, result: Rebuilt) -> None:
    heads = "SELECT raw FROM (SELECT kind, doc, max(rev) AS rev FROM entry GROUP BY kind, doc) JOIN entry USING "
    for kind in KINDS:
        rows = tables.select(heads + "(kind, doc, rev) WHERE kind = ? GROUP BY doc", kind)
        entries = (parse(raw) for (raw,) in rows)
        documents = ((entry.after, entry.rev) for entry in entries if entry.after is not None)
        while block := list(islice(documents, BLOCK)):
            loaded = store.documents(kind).load(block)
            result.batches += loaded if kind == "batch" else 0
            result.segmentadores += loaded if kind == "segmentador" else 0


def _load_strangers(ledger: Ledger, tables: Sorted, kind: Kind, archive: Described, actor: str) -> int:
    """Documents of the archive that no entry tells of."""
    known = "SELECT 1 FROM entry WHERE kind = ? AND doc = ? LIMIT 1"

    def strangers() -> Iterator[bytes]:
        return (raw for raw in documents_of(archive, kind) if not any(tables.select(known, kind, _name(kind, raw))))

    return load(ledger, kind, strangers, actor)


def _name(kind: Kind, raw: bytes) -> str | None:
    name = document.field(raw, IDENTITY[kind])
    return name if isinstance(name, str) else None
