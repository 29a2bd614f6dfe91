"""Bringing back what a source holds: into the live board as one operation, or into an empty database as it was.

Into the live board (I8), from a plan (`restore_plan`): 1. no document has moved since the plan was made; 2. an archive
of the board; 3. as 1, once more; 4. the changes, block by block, as one operation. Up to 4 nothing was done. A crash in
4 leaves an operation with fewer entries than it says: undoing it leads back, making the plan again finds what is left.
Who saves something during 4 keeps it: each change names the revision that it was worked out for, and what has been
overtaken stays as it is and is told.

Into an empty database: 1. the database is marked as half restored; 2. documents and entries, block by block, entries
first; 3. indexes; 4. what is there is compared with the source; 5. the mark goes. A crash before 5 leaves the mark, and
`refuse_half_restored` says what to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

import bson

from resguardo.board import document
from resguardo.board.change import IDENTITY, KINDS, Action, Change, Kind
from resguardo.errors import Conflict, Integrity, Invalid, NotFound, RefusedForSafety
from resguardo.ledger.check import check
from resguardo.ledger.record import Ledger, Receipt, Via
from resguardo.ledger.settle import external_entry, new_operation
from resguardo.store import Store
from resguardo.store.entries import Entry
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.frozen import ABSENT, Plan, Row, What, own_id
from resguardo.vault.sources import Source, documents_of

BLOCK: Final = 500
NAMES: Final[dict[Kind, str]] = {"batch": "batches", "segmentador": "segmentadores"}
MARK: Final = "half_restored"
MOST_TOLD: Final = 500
"""Conflicts told one by one; all are counted."""
TRIES: Final = 10
"""Times that a block is tried again although nothing of it has moved."""

Progress = Callable[[int], None]


@dataclass
class Applied:
    """What came of a plan. `archive`: the copy made before; `conflicts`: what others changed meanwhile, and stays."""

    receipt: Receipt
    archive: str | None = None
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    conflict_count: int = 0

    def told(self) -> dict[str, Any]:
        return {
            "backup_before": self.archive,
            "conflicts": self.conflicts,
            "conflict_count": self.conflict_count,
        }


def apply(
    ledger: Ledger,
    made: Plan,
    *,
    actor: str,
    via: Via,
    archive_to: Catalogue | None = None,
    reason: str = "antes de restaurar",
    actions: Mapping[What, Action] | None = None,
    progress: Progress = lambda done: None,
    at: Callable[[str], None] = lambda step: None,
) -> Applied:
    """Do what the plan says, as one operation; with `archive_to`, after an archive of the board as it is.

    Raises `Conflict` when the board has moved since the plan was made; nothing was done then. `at` is told each step.
    `actions`: what the history calls it, where that is not restoring.
    """
    at("checking")
    refuse_if_moved(ledger.store, made)
    own = None
    if archive_to is not None and made.size:
        at("archive")
        own = str(back_up(archive_to, ledger, f"{reason} ({made.id})", safety=True)["id"])
        at("checking")
        refuse_if_moved(ledger.store, made)
    at("applying")
    return replace(_Recording(ledger, made, progress, actions or {}).record(actor, via), archive=own)


def refuse_if_moved(store: Store, made: Plan) -> None:
    """Raises `Conflict`, naming a document that somebody has changed since the plan was made, and who."""
    if row := made.moved(store):
        raise _moved(store, row)


def _moved(store: Store, row: Row) -> Conflict:
    last = next(store.entries.newest_first(row.kind, row.doc), None)
    told = {"actor": last.actor, "at": last.at, "rev": last.rev} if last else {"actor": "otro programa", "at": None}
    return Conflict(
        "El tablero cambió desde la vista previa: {actor} cambió «{doc}». No se hizo nada.",
        hint="Vuelve a ver qué cambiaría.",
        doc=row.doc,
        conflict={**told, "fields": []},
        **told,
    )


class _Recording:
    """The recording of a plan, which goes on where somebody was faster with one of its documents."""

    def __init__(self, ledger: Ledger, made: Plan, progress: Progress, actions: Mapping[What, Action]) -> None:
        self._ledger = ledger
        self._made = made
        self._progress = progress
        self._actions = actions
        self._begun = ledger.now()
        self._op = new_operation(self._begun)
        self._done = 0
        self._recorded_to = 0
        """All changes up to this place are recorded."""
        self._given = 0
        self._overtaken: dict[int, dict[str, Any]] = {}
        self._first_overtaken: Row | None = None

    def record(self, actor: str, via: Via) -> Applied:
        tries = 0
        while True:
            try:
                receipt = self._ledger.record(
                    self._changes(),
                    actor=actor,
                    via=via,
                    op=self._op,
                    op_size=self._made.size,
                    progress=self._counting(self._done),
                )
            except (Conflict, NotFound) as error:
                tries = 0 if self._sort_out() else tries + 1
                if not self._done:
                    raise (self._refusal() or error) from error
                if tries > TRIES:
                    raise
            else:
                break
        receipt.at = self._begun
        receipt.recorded = self._made.size - len(self._overtaken)
        return Applied(receipt, None, list(self._overtaken.values())[:MOST_TOLD], len(self._overtaken))

    def _refusal(self) -> Conflict | None:
        """Nothing was done, and nothing is half done."""
        return _moved(self._ledger.store, self._first_overtaken) if self._first_overtaken else None

    def _changes(self) -> Iterator[Change]:
        for row in self._made.rows(self._recorded_to):
            self._given = row.place
            change = row.change()
            yield replace(change, action=self._actions.get(row.what, change.action))

    def _counting(self, before: int) -> Progress:
        """The ledger tells how many are done after each block, when it has asked for that block and no further."""

        def count(done: int) -> None:
            self._done, self._recorded_to = before + done, self._given
            self._progress(self._done)

        return count

    def _sort_out(self) -> bool:
        """The block that was not recorded whole: what of it was, and what somebody has overtaken. False: neither."""
        progressed = False
        for row in list(self._made.rows(self._recorded_to, self._given)):
            if self._is_recorded(row):
                self._made.drop(row)
                self._done += 1
                progressed = True
            elif self._is_overtaken(row):
                progressed = True
        return progressed

    def _is_recorded(self, row: Row) -> bool:
        for entry in self._ledger.store.entries.newest_first(row.kind, row.doc):
            if entry.op == self._op:
                return True
            if entry.at < self._begun or entry.rev <= row.rev:
                break
        return False

    def _is_overtaken(self, row: Row) -> bool:
        """What others did stays. The operation keeps its word about its size, with an entry that changes nothing."""
        try:
            stored = self._ledger.current(row.kind, row.doc)
        except (NotFound, Invalid):
            stored = None
        if row.rev == (stored.rev if stored else ABSENT):
            return False
        last = next(self._ledger.store.entries.newest_first(row.kind, row.doc), None)
        self._overtaken[row.place] = _conflict(row, last)
        self._first_overtaken = self._first_overtaken or row
        if stored is None:
            self._made.drop(row)
        else:
            self._made.replace(row._replace(what="same", rev=stored.rev, raw=stored.raw))
        return True


def _conflict(row: Row, by: Entry | None) -> dict[str, Any]:
    who = {"actor": by.actor, "at": by.at.isoformat()} if by else {"actor": None, "at": None}
    return {"kind": row.kind, "id": row.doc, "what": row.what, **who}


def load_into(
    store: Store,
    ledger: Ledger,
    source: Source,
    *,
    actor: str,
    progress: Progress = lambda done: None,
    compared: bool = True,
) -> dict[str, int]:
    """Fill an empty database with everything a source holds, byte for byte, and compare it with that.

    Raises `RefusedForSafety` unless the database is empty, `Integrity` where it is not as the source is.
    """
    refuse_unless_empty(store)
    store.state.put(MARK, True)
    store.entries.ensure_indexes()
    counts: dict[str, int] = {}
    for kind in KINDS:
        raws = documents_of(source, kind)
        counts[kind] = 0
        while block := list(islice(raws, BLOCK)):
            counts[kind] += load_block(store, ledger, kind, block, actor)
            progress(sum(counts.values()))
    store.ensure_indexes()
    if compared and (why := difference(store, ledger, source)):
        raise Integrity(
            "La base «{database}» no quedó como debía: {why}.",
            hint="Bórrala y vuelve a restaurar en ella, o elige otra.",
            database=store.connection.settings.database,
            why=why,
        )
    store.state.put(MARK, False)
    return {"batches": counts["batch"], "segmentadores": counts["segmentador"]}


def refuse_unless_empty(store: Store) -> None:
    if store.batches.count() or store.segmentadores.count() or not store.entries.is_empty():
        raise RefusedForSafety(
            "La base «{database}» no está vacía.",
            hint="Elige una base nueva, o restaura sobre el tablero sin --into.",
            database=store.connection.settings.database,
        )


def load_block(store: Store, ledger: Ledger, kind: Kind, block: list[bytes], actor: str) -> int:
    """Each block is an operation. A document whose id is unusable or taken has no entry, and so no revision."""
    op = new_operation(ledger.now())
    wholes = [with_own_id(document.without(raw, document.REVISION)) for raw in block]
    names = [document.field(whole, IDENTITY[kind]) for whole in wholes]
    known = [at for at, name in enumerate(names) if isinstance(name, str) and name.strip()]
    entries = [external_entry(kind, names[at], wholes[at], None, ledger.now(), op, len(known)) for at in known]
    entries = [replace(entry, actor=actor, via="restore", action="restore").sealed() for entry in entries]
    taken = {known[position] for position in ledger.take_in(entries)}
    recorded = set(known) - taken
    return store.documents(kind).load([(whole, 1 if at in recorded else 0) for at, whole in enumerate(wholes)])


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
            hint="Bórrala y vuelve a restaurar en ella, o elige otra.",
            database=store.connection.settings.database,
        )


def difference(store: Store, ledger: Ledger, source: Source) -> str:
    """What of a database that was filled from a source is not as it is there; empty when all is.

    Compared are the number of documents of each kind, their bytes, the unique index, and the ledger made by filling it
    with documents and journal (`ledger.check`).
    """
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
