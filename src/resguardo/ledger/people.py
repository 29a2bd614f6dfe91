"""Operations on several documents at once: renaming and removing a segmentador, renaming a batch."""

from __future__ import annotations

from resguardo.board.change import Change, Delete, Edit, assign, rename
from resguardo.ledger.record import Ledger, Receipt, Via
from resguardo.ledger.settle import new_operation


def rename_batch(ledger: Ledger, old: str, new: str, *, actor: str, via: Via) -> Receipt:
    """A batch gets another id; its history stays under both, each pointing at the other."""
    stored = ledger.current("batch", old)
    return ledger.record(rename("batch", stored.raw, old, new), actor=actor, via=via)


def rename_person(ledger: Ledger, old: str, new: str, *, actor: str, via: Via) -> Receipt:
    """A segmentador gets another name and their batches follow, as one operation.

    The person under the new name comes first, the one under the old name goes last: what a crash in between leaves is
    finished by `recover`.
    """
    stored = ledger.current("segmentador", old)
    create, delete = rename("segmentador", stored.raw, old, new)
    along = following(ledger, old, create.doc)
    return ledger.record([create, *along, delete], actor=actor, via=via, op=new_operation(ledger.now()))


def following(ledger: Ledger, old: str, new: str) -> list[Change]:
    """What makes a person's batches follow a new name. Who works on them stays; since when they do, too."""
    return [
        Edit("batch", name, {("assignee",): new, **_since(row)}, action="rename")
        for row in ledger.store.pages.work_of(old)
        if isinstance(name := row.get("id"), str)
    ]


def _since(row: dict[str, object]) -> dict[tuple[str, ...], object]:
    metadata = row.get("metadata")
    since = metadata.get("assigned_at") if isinstance(metadata, dict) else None
    return {("metadata", "assigned_at"): since} if isinstance(since, str) and since else {}


def delete_person(ledger: Ledger, name: str, *, actor: str, via: Via) -> Receipt:
    """A segmentador goes and their batches are unassigned, as one operation."""
    ledger.current("segmentador", name)
    freed: list[Change] = [
        assign(own_id, None) for row in ledger.store.pages.work_of(name) if isinstance(own_id := row.get("id"), str)
    ]
    return ledger.record([*freed, Delete("segmentador", name)], actor=actor, via=via)
