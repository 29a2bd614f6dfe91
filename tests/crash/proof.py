"""What has to hold after a crash, whatever was killed, and the processes of a board that start-up leaves in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from resguardo.board import document
from resguardo.ledger import check as checking
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.record import Ledger
from resguardo.ledger.recover import recover
from resguardo.ledger.segment import Record
from resguardo.store import Store
from resguardo.store.entries import Entry

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Acknowledged:
    """What somebody was told: this document has this revision now. `fields`: what they had set; None: it is gone."""

    op: str
    kind: str
    doc: str
    rev: int
    fields: dict[str, Any] | None = field(default_factory=dict)


def started(store: Store, data_of: Ledger) -> Ledger:
    """A new process's ledger, after what `serve` does before it answers."""
    ledger = Ledger(store, data_of.zone)
    catch_up(ledger, starting=True)
    recover(store, ledger)
    return ledger


def all_is_well(ledger: Ledger) -> None:
    """Dense, sealed histories; documents are their highest entries' projections; the journal has it all."""
    store = ledger.store
    histories = read_histories(store)
    assert_projected(store, histories)
    report = checking.check(ledger)
    assert report.ok, report.summary()
    assert report.entries == sum(map(len, histories.values()))


def read_histories(store: Store) -> dict[tuple[str, str], list[Entry]]:
    """Every document's entries. Fails where one has a gap, or does not follow the one before it."""
    histories: dict[tuple[str, str], list[Entry]] = {}
    for entry in store.entries.everything():
        histories.setdefault((entry.kind, entry.doc), []).append(entry)
    for key, entries in histories.items():
        entries.sort(key=lambda entry: entry.rev)
        assert [entry.rev for entry in entries] == list(range(1, len(entries) + 1)), key
        assert [entry.prev for entry in entries] == [None, *(entry.digest for entry in entries[:-1])], key
        assert all(entry.digest == entry.seal(entry.after) for entry in entries), key
        assert all(one.at <= two.at for one, two in pairwise(entries)), key
    return histories


def assert_projected(store: Store, histories: dict[tuple[str, str], list[Entry]]) -> None:
    heads = {key: entries[-1] for key, entries in histories.items() if entries[-1].after is not None}
    wanted = {(kind, doc, entry.rev, entry.after) for (kind, doc), entry in heads.items()}
    found = {
        (kind, str(document.field(stored.raw, documents.identity)), stored.rev, stored.raw)
        for kind, documents in (("batch", store.batches), ("segmentador", store.segmentadores))
        for stored in documents.scan_stored()
    }
    assert found == wanted


def assert_acknowledged(ledger: Ledger, acknowledged: Iterable[Acknowledged]) -> int:
    """Each is in the ledger as it was told, and in the journal. Returns how many there are."""
    entries = {(entry.kind, entry.doc, entry.rev): entry for entry in ledger.store.entries.everything()}
    journaled = {
        (found.row.kind, found.row.doc, found.row.rev): found.row.digest
        for found in ledger.journal.read()
        if isinstance(found, Record)
    }
    count = 0
    for told in acknowledged:
        key = (told.kind, told.doc, told.rev)
        assert key in entries, f"lost from the ledger: {told}"
        entry = entries[key]
        assert entry.op == told.op, f"another change took its place: {told}"
        after = None if entry.after is None else document.decode(entry.after)
        assert (after is None) == (told.fields is None), told
        assert after is None or (told.fields or {}).items() <= after.items(), told
        assert journaled.get(key) == entry.digest, f"lost from the journal: {told}"
        count += 1
    return count


def state(store: Store) -> set[bytes]:
    """Every document as it is stored, but for its revision."""
    return {raw for documents in (store.batches, store.segmentadores) for raw in documents.scan()}
