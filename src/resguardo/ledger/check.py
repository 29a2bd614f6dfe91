"""`journal check`: MongoDB's documents = the ledger replayed = the journal replayed.

Everything is read once, in no particular order, and compared on disk (`ledger.sorting`). The board may go on meanwhile:
what looks odd is looked at again before it is reported, for as long as a change under way may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final

from resguardo.board.change import KINDS, Kind
from resguardo.ledger.record import Ledger
from resguardo.ledger.segment import Damage, Record
from resguardo.ledger.settle import agree
from resguardo.ledger.sorting import Sorted, content_of
from resguardo.store.batches import Documents
from resguardo.store.entries import dissect

PATIENCE: Final = 10.0
"""Seconds within which a change under way reaches document and journal."""
MOST_SHOWN: Final = 100
MOST_CONFIRMED: Final = 1000

ALTERED = "el cambio guardado en MongoDB no es el que dice su sello"
CHAIN = "no sigue al cambio anterior: se quitó, se metió o se alteró alguno"
NOT_JOURNALED = "está en MongoDB y no en el diario"
NOT_IN_LEDGER = "está en el diario y no en MongoDB"
OTHERWISE = "el diario y MongoDB dicen cosas distintas"
DOCUMENT = "el documento no es el de su último cambio"

_PASSING: Final = (CHAIN, NOT_JOURNALED, NOT_IN_LEDGER, DOCUMENT)
"""What a change under way may look like."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Difference:
    kind: str
    doc: str
    rev: int
    what: str


@dataclass
class Report:
    """`differences` are the first of `found`, by kind, document and revision; `damage` are places in journal files.

    `unreadable` counts entries in MongoDB that are none any more.
    """

    entries: int = 0
    journaled: int = 0
    documents: int = 0
    found: int = 0
    unreadable: int = 0
    differences: list[Difference] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.found and not any(not found.torn for found in self.damage)

    def summary(self) -> dict[str, Any]:
        """As `journal check --json` says it."""
        damage = [{"file": str(row.path), "line": row.line, "why": row.why, "torn": row.torn} for row in self.damage]
        return {
            "ok": self.ok,
            "entries": self.entries,
            "journaled": self.journaled,
            "documents": self.documents,
            "first_difference": asdict(self.differences[0]) if self.differences else None,
            "differences": [asdict(row) for row in self.differences],
            "found": self.found,
            "unreadable": self.unreadable,
            "damage": damage,
        }


def check(ledger: Ledger, progress: Progress = lambda done: None) -> Report:
    """Compare everything. Changes nothing."""
    report = Report()
    with Sorted(
        "ledger (kind, doc, rev, digest, prev, content, whole, PRIMARY KEY (kind, doc, rev))",
        "journal (kind, doc, rev, digest, PRIMARY KEY (kind, doc, rev, digest))",
        "document (kind, doc, rev, content, PRIMARY KEY (kind, doc))",
    ) as tables:
        # In this order: what is recorded meanwhile is then in the journal and not in the table of the ledger, which
        # one look-up settles.
        report.entries = tables.fill("ledger", _counted(_ledger_rows(ledger, report), progress))
        report.journaled = tables.fill("journal", _counted(_journal_rows(ledger, report), progress))
        for kind in KINDS:
            rows = _document_rows(ledger.store.documents(kind))
            report.documents += tables.fill("document", _counted(rows, progress))
        rows = ((what, row) for what, query in _QUERIES for row in tables.select(query))
        suspects = (Difference(kind, doc, rev, what) for what, (kind, doc, rev) in rows)
        confirmed = _confirmed(ledger, list(islice(suspects, MOST_CONFIRMED)))
        # Of a board that is wrong throughout, only the number is of interest beyond that.
        report.found += len(confirmed) + sum(1 for _ in suspects)
    report.differences = sorted(confirmed, key=lambda row: (row.kind, row.doc, row.rev))[:MOST_SHOWN]
    return report


_QUERIES: Final = (
    (ALTERED, "SELECT kind, doc, rev FROM ledger WHERE NOT whole"),
    (
        CHAIN,
        "SELECT a.kind, a.doc, a.rev FROM ledger a LEFT JOIN ledger b ON b.kind = a.kind AND b.doc = a.doc "
        "AND b.rev = a.rev - 1 WHERE ifnull(b.digest, x'') != a.prev OR (a.rev > 1 AND b.digest IS NULL)",
    ),
    (
        NOT_JOURNALED,
        "SELECT kind, doc, rev FROM ledger l WHERE NOT EXISTS (SELECT 1 FROM journal j WHERE j.kind = l.kind "
        "AND j.doc = l.doc AND j.rev = l.rev)",
    ),
    (
        NOT_IN_LEDGER,
        "SELECT DISTINCT kind, doc, rev FROM journal j WHERE NOT EXISTS (SELECT 1 FROM ledger l "
        "WHERE l.kind = j.kind AND l.doc = j.doc AND l.rev = j.rev)",
    ),
    (
        OTHERWISE,
        "SELECT DISTINCT j.kind, j.doc, j.rev FROM journal j JOIN ledger l ON l.kind = j.kind AND l.doc = j.doc "
        "AND l.rev = j.rev WHERE l.digest != j.digest",
    ),
    (
        DOCUMENT,
        "WITH head AS (SELECT kind, doc, max(rev) AS rev, content FROM ledger GROUP BY kind, doc) "
        "SELECT h.kind, h.doc, h.rev FROM head h LEFT JOIN document d ON d.kind = h.kind AND d.doc = h.doc "
        "WHERE ifnull(d.content, x'') != h.content OR ifnull(d.rev, h.rev) != h.rev UNION ALL "
        "SELECT kind, doc, ifnull(rev, 0) FROM document d WHERE NOT EXISTS (SELECT 1 FROM ledger l "
        "WHERE l.kind = d.kind AND l.doc = d.doc)",
    ),
)


def _ledger_rows(ledger: Ledger, report: Report) -> Iterator[tuple[Any, ...]]:
    for raw in ledger.store.entries.raws():
        try:
            row = dissect(raw)
        except ValueError:
            report.found += 1
            report.unreadable += 1
            continue
        yield row.kind, row.doc, row.rev, row.digest, row.prev, content_of(row.after), row.whole


def _journal_rows(ledger: Ledger, report: Report) -> Iterator[tuple[Any, ...]]:
    for found in ledger.journal.read():
        if isinstance(found, Record):
            yield found.row.kind, found.row.doc, found.row.rev, found.row.digest
        elif len(report.damage) < MOST_SHOWN:
            report.damage.append(found)


def _document_rows(documents: Documents) -> Iterator[tuple[Any, ...]]:
    taken_twice = set(documents.duplicates())
    for stored in documents.scan_stored():
        name = documents.name_in(stored.raw)
        if isinstance(name, str) and name.strip() and name not in taken_twice:
            yield documents.kind, name, stored.rev, content_of(stored.raw)


def _counted(rows: Iterator[tuple[Any, ...]], progress: Progress) -> Iterator[tuple[Any, ...]]:
    for number, row in enumerate(rows, 1):
        if number % 1000 == 0:
            progress(1000)
        yield row


def _confirmed(ledger: Ledger, suspects: list[Difference]) -> list[Difference]:
    """Those that are still odd when every change that was under way has had its time."""
    give_up = time.monotonic() + PATIENCE
    while suspects:
        journaled = _journaled(ledger, suspects)
        suspects = [found for found in suspects if not _settled(ledger, found, journaled)]
        if time.monotonic() > give_up or not any(found.what in _PASSING for found in suspects):
            break
        time.sleep(0.5)
    return suspects


def _journaled(ledger: Ledger, suspects: list[Difference]) -> set[tuple[str, str, int]]:
    if not any(found.what == NOT_JOURNALED for found in suspects):
        return set()
    wanted = {(found.kind, found.doc, found.rev) for found in suspects}
    rows = (found.row for found in ledger.journal.read() if isinstance(found, Record))
    return {key for row in rows if (key := (row.kind, row.doc, row.rev)) in wanted}


def _settled(ledger: Ledger, found: Difference, journaled: set[tuple[str, str, int]]) -> bool:
    """Whether a suspect was only a change under way."""
    kind: Kind = "batch" if found.kind == "batch" else "segmentador"
    entries = ledger.store.entries
    if found.what == NOT_JOURNALED:
        return (found.kind, found.doc, found.rev) in journaled
    if found.what == NOT_IN_LEDGER:
        return entries.at_revision(kind, found.doc, found.rev) is not None
    if found.what == CHAIN:
        entry, before = (entries.at_revision(kind, found.doc, rev) for rev in (found.rev, found.rev - 1))
        return entry is not None and before is not None and entry.prev == before.digest
    if found.what == DOCUMENT:
        stored = ledger.store.documents(kind).read([found.doc]).get(found.doc, [])
        head = entries.heads(kind, [found.doc]).get(found.doc)
        return len(stored) <= 1 and agree(stored[0] if stored else None, head)
    return False
