"""Taking an existing database into the ledger: entry 1 of each document, `via: external`.

A block: entries first, in ledger and journal, then the documents' `_rev`. A crash between the two leaves entries whose
documents do not carry a revision yet; the next run finds those documents still unknown and settles them one by one.
Documents that the board cannot work with (no id, a blank one, one that is no string, one taken twice, more than 15 MB)
stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from resguardo.board import batch, document
from resguardo.board.change import IDENTITY, KINDS, Kind, Put
from resguardo.errors import NotFound
from resguardo.ledger.record import Ledger, Receipt, Via
from resguardo.ledger.settle import external_entry, new_operation
from resguardo.store import Store
from resguardo.store.batches import Documents, Stored

BLOCK: Final = 1000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Adopted:
    """How many documents the ledger took in, and how many it could not."""

    adopted: int
    problems: int


def adopt(store: Store, ledger: Ledger, progress: Progress = lambda done, total: None) -> Adopted:
    """Take in every document without a revision. `progress` is told how many of how many are done."""
    first_time = store.entries.is_empty()
    total, done, problems = sum(store.documents(kind).count_unknown() for kind in KINDS), 0, 0
    for kind in KINDS:
        documents = store.documents(kind)
        taken_twice = set(documents.duplicates()) if total else set()
        op = new_operation(ledger.now())
        # Counted beforehand: an operation says how many entries it has, and those without a usable id get none.
        size = sum(len(block) for block, _ in _blocks(documents, taken_twice)) if first_time else 0
        for block, unfit in _blocks(documents, taken_twice):
            problems += unfit
            if first_time:
                _adopt_block(store, ledger, kind, block, op, size)
            else:
                ledger.settle((kind, name) for name in block)
            done += len(block)
            progress(done, total)
    return Adopted(done, problems)


def _blocks(documents: Documents, taken_twice: set[str]) -> Iterator[tuple[dict[str, Stored], int]]:
    """Blocks of documents by their ids, ordered, and how many were left out before each."""
    block: dict[str, Stored] = {}
    unfit = 0
    for stored in documents.unknown_to_ledger():
        name = document.field(stored.raw, documents.identity)
        too_large = len(stored.raw) > batch.LARGEST_DOCUMENT
        if not isinstance(name, str) or not name.strip() or name in taken_twice or too_large:
            unfit += 1
            continue
        block[name] = stored
        if len(block) == BLOCK:
            yield block, unfit
            block, unfit = {}, 0
    if block or unfit:
        yield block, unfit


def _adopt_block(store: Store, ledger: Ledger, kind: Kind, block: dict[str, Stored], op: str, size: int) -> None:
    if not block:
        return
    now = ledger.now()
    entries = [external_entry(kind, name, stored.raw, None, now, op, size) for name, stored in block.items()]
    ledger.take_in(entries)  # positions that somebody else took are settled below
    names = sorted(block)
    if store.documents(kind).mark_adopted(names[0], names[-1]) != len(block):
        # Another program was at work between these ids meanwhile: what it inserted has no entry, what it removed
        # has no document.
        ledger.settle((kind, name) for name in store.documents(kind).between(names[0], names[-1]) | block.keys())


def mend(ledger: Ledger, own_id: Any, new_id: str, *, actor: str, via: Via) -> Receipt:
    """Give a batch whose id is missing, unusable or taken twice an id of its own; `own_id` is its `_id`."""
    stored = ledger.store.batches.by_own_id(own_id)
    if stored is None:
        raise NotFound("Ese documento ya no existe.", hint="Vuelve a cargar la lista.")
    name = batch.valid_id(new_id)
    raw = document.changed(stored.raw, {(IDENTITY["batch"],): name})
    receipt = ledger.record([Put("batch", name, raw, "mend", must_be_new=True)], actor=actor, via=via)
    ledger.store.batches.ensure_indexes()  # if that was the last one, the index on the id can be unique from now on
    return receipt
