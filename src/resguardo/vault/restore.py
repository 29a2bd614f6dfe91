"""Bringing back what a file holds: into the live board as one operation, or into an empty database as it was.

Into the live board (I8): `plan` compares the file with the board and freezes what would change, with the revision that
each document had; `apply` records it. Nothing is deleted. Where the board has moved since, nothing is done and the plan
has to be made anew. A crash between two blocks of a plan of more than `record.MOST_AT_ONCE` changes leaves an operation
with fewer entries than it says; making the plan again finds what is left.

Into an empty database: 1. the database is marked as half restored, 2. documents and entries, block by block, entries
first, 3. indexes, 4. the mark goes. A crash before 4 leaves the mark, and `refuse_half_restored` says what to do.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, Protocol

import bson

from resguardo.board import document
from resguardo.board.change import IDENTITY, Kind, Put
from resguardo.board.filters import Filter
from resguardo.errors import RefusedForSafety
from resguardo.ledger.record import MOST_AT_ONCE, Ledger, Receipt, Via
from resguardo.ledger.settle import changed_fields, external_entry, new_operation
from resguardo.store import Store
from resguardo.vault.spool import Spool

BLOCK: Final = 500
MOST_SHOWN: Final = 500
"""Changes listed in a preview; all are counted."""
MARK: Final = "half_restored"
KINDS: Final[tuple[Kind, ...]] = ("segmentador", "batch")


class Source(Protocol):
    """A file that was opened and checked (`vault.reading`)."""

    def batches(self) -> Iterator[bytes]: ...
    def segmentadores(self) -> Iterator[bytes]: ...


@dataclass
class Plan:
    """What a restore would do. The documents themselves wait in a spool on disk."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    created: int = 0
    changed: int = 0
    brought_back: int = 0
    unchanged: int = 0
    skipped: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    spool: Spool = field(default_factory=Spool, repr=False)

    @property
    def size(self) -> int:
        return self.created + self.changed + self.brought_back

    def summary(self) -> dict[str, Any]:
        return {
            "plan": self.id,
            "created": self.created,
            "changed": self.changed,
            "brought_back": self.brought_back,
            "deleted": 0,
            "unchanged": self.unchanged,
            "skipped": self.skipped,
            "changes": self.changes,
            "last_change": None,
        }

    def close(self) -> None:
        self.spool.close()


def plan(store: Store, source: Source, chosen: Filter | None = None) -> Plan:
    """Compare a source with the board. With a filter, only its batches; close the plan when done with it."""
    made = Plan()
    for kind in KINDS:
        if kind == "segmentador" and chosen not in (None, Filter()):
            continue
        raws = source.batches() if kind == "batch" else source.segmentadores()
        while block := list(islice(raws, BLOCK)):
            _compare(store, kind, block, chosen, made)
    return made


def _compare(store: Store, kind: Kind, block: list[bytes], chosen: Filter | None, made: Plan) -> None:
    wanted: dict[str, bytes] = {}
    for raw in block:
        name = document.field(raw, IDENTITY[kind])
        if kind == "batch" and chosen is not None and not chosen.matches(document.decode(raw)):
            continue
        if not isinstance(name, str) or not name.strip() or name in wanted:
            made.skipped += 1  # no id that the board could work with; it is in the file all the same
        else:
            wanted[name] = raw
    if not wanted:
        return
    stored = store.documents(kind).read(list(wanted))
    gone = [name for name in wanted if name not in stored]
    heads = store.entries.heads(kind, gone) if gone else {}
    for name, raw in wanted.items():
        found = stored.get(name, [])
        if len(found) > 1:
            made.skipped += 1
        elif not found:
            _note(made, kind, name, raw, 0, "brought_back" if name in heads else "created", [])
        elif fields := changed_fields(*_comparable(found[0].raw, raw)):
            _note(made, kind, name, raw, found[0].rev, "changed", fields)
        else:
            made.unchanged += 1


def _comparable(current: bytes, raw: bytes) -> tuple[bytes, bytes]:
    """A document that is there keeps its own `_id`, whatever the file says."""
    return document.without(current, b"_id"), document.without(raw, b"_id", document.REVISION)


def _note(made: Plan, kind: Kind, name: str, raw: bytes, rev: int, what: str, fields: list[str]) -> None:
    setattr(made, what, getattr(made, what) + 1)
    if len(made.changes) < MOST_SHOWN:
        made.changes.append({"id": name, "kind": kind, "what": what, "fields": fields})
    made.spool.append(bson.encode({"kind": kind, "doc": name, "rev": rev, "raw": raw}))


def apply(
    ledger: Ledger, made: Plan, *, actor: str, via: Via, progress: Callable[[int], None] = lambda done: None
) -> Receipt:
    """Record what the plan says, as one operation. Raises `Conflict` when the board has moved since."""
    size = made.size if made.size > MOST_AT_ONCE else None
    return ledger.record(_puts(made), actor=actor, via=via, op_size=size, progress=progress)


def _puts(made: Plan) -> Iterator[Put]:
    for row in made.spool:
        planned = bson.decode(row)
        yield Put(planned["kind"], planned["doc"], planned["raw"], expected_rev=planned["rev"])


def load_into(
    store: Store,
    ledger: Ledger,
    source: Source,
    *,
    actor: str,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, int]:
    """Fill an empty database with everything a source holds, byte for byte. Raises `RefusedForSafety` unless empty."""
    refuse_unless_empty(store)
    store.state.put(MARK, True)
    store.entries.ensure_indexes()
    counts: dict[str, int] = {}
    for kind in KINDS:
        raws = source.batches() if kind == "batch" else source.segmentadores()
        counts[kind] = 0
        while block := list(islice(raws, BLOCK)):
            counts[kind] += load_block(store, ledger, kind, block, actor)
            progress(sum(counts.values()))
    store.ensure_indexes()
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
