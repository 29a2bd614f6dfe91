"""Bringing back what a source holds into the live board (I8), as one operation. An empty database: `fill`.

From a plan (`restore_plan`): 1. no document has moved since the plan was made; 2. an archive
of the board; 3. as 1, once more; 4. the changes, block by block, as one operation. Up to 4 nothing was done. A crash in
4 leaves an operation with fewer entries than it says: undoing it leads back, making the plan again finds what is left.
Who saves something during 4 keeps it: each change names the revision that it was worked out for, and what has been
overtaken stays as it is and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, Final

from resguardo.board.change import Action, Change, Kind
from resguardo.errors import Conflict, Invalid, NotFound
from resguardo.ledger.record import Ledger, Receipt, Via
from resguardo.ledger.settle import new_operation
from resguardo.store import Store
from resguardo.store.batches import Stored
from resguardo.store.entries import Entry
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.frozen import ABSENT, Plan, Row, What

BLOCK: Final = 500
MOST_TOLD: Final = 500
"""Conflicts told one by one; all are counted."""
TRIES: Final = 10
"""Times that a block is tried again although nothing of it has moved."""

Progress = Callable[[int], None]


@dataclass
class Applied:
    """What came of a plan. `archive`: the copy made before; `conflicts`: what others changed meanwhile, and stays.

    `deleted`: how many have gone.
    """

    receipt: Receipt
    archive: str | None = None
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    conflict_count: int = 0
    deleted: int = 0

    def note_others(self, others: list[dict[str, Any]]) -> None:
        """What others have made meanwhile, and stays."""
        self.conflicts = (self.conflicts + others)[:MOST_TOLD]
        self.conflict_count += len(others)

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
        self._taken: set[tuple[str, str]] = set()

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
                    at=self._begun,
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
        overtaken = list(self._overtaken.values())
        deleted = self._made.counts["deleted"] - sum(one["what"] == "deleted" for one in overtaken)
        return Applied(receipt, None, overtaken[:MOST_TOLD], len(overtaken), deleted)

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
        entries = self._ledger.store.entries
        if row.rev > 0:
            entry = entries.at_revision(row.kind, row.doc, row.rev + 1)
            return entry is not None and entry.op == self._op
        since = takewhile(lambda entry: entry.at >= self._begun, entries.newest_first(row.kind, row.doc))
        return any(entry.op == self._op for entry in since)

    def _is_overtaken(self, row: Row) -> bool:
        """What others did stays. The operation keeps its word about its size, with an entry that changes nothing."""
        stored = self._standing(row.kind, row.doc)
        if row.rev == (stored.rev if stored else ABSENT):
            return False
        last = next(self._ledger.store.entries.newest_first(row.kind, row.doc), None)
        self._overtaken.setdefault(row.place, _conflict(row, last))
        self._first_overtaken = self._first_overtaken or row
        other = row if stored else self._other()
        stored = stored or (self._standing(other.kind, other.doc) if other else None)
        if stored is None or other is None:
            self._made.drop(row)
        else:
            same = row._replace(kind=other.kind, doc=other.doc, what="same", rev=stored.rev, raw=stored.raw)
            self._made.replace(same)
        return True

    def _standing(self, kind: Kind, doc: str) -> Stored | None:
        try:
            return self._ledger.current(kind, doc)
        except (NotFound, Invalid):
            return None

    def _other(self) -> Row | None:
        """Another document of the operation, for one that is gone: each is taken once."""
        for kind, doc in self._ledger.store.entries.operations.some_of(self._op, BLOCK):
            if (kind, doc) not in self._taken and self._standing(kind, doc):
                self._taken.add((kind, doc))
                return Row(0, kind, doc, "same", 0, None, None)
        return None


def _conflict(row: Row, by: Entry | None) -> dict[str, Any]:
    who = {"actor": by.actor, "at": by.at.isoformat()} if by else {"actor": None, "at": None}
    return {"kind": row.kind, "id": row.doc, "what": row.what, **who}
