"""Taking back what was done, as one new operation: an operation, or all that somebody did in a while.

What comes back is worked out in `undo_plan`; the rule for a single document is in `board.undo`. Undoing never fails on
what others did since: their work stays, and is told. Since undoing is an operation too, it can be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from resguardo.board.change import Action
from resguardo.errors import Conflict, Invalid, NotFound
from resguardo.ledger.operations import MILLISECOND, windows
from resguardo.ledger.record import Ledger, Receipt, Via
from resguardo.ledger.settle import new_operation
from resguardo.ledger.undo_plan import Plan, Progress, Take

MEND: Final[Action] = "mend"
"""Before it the document had no id that the ledger could know it by: there is no state to go back to."""
TRIES: Final = 10
"""Times that a plan is made anew because the board has moved."""


@dataclass
class Undone:
    """What was taken back, or would be. Of `conflicts` the first are told; `receipt` is None when nothing was done."""

    undone: int
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    conflict_count: int = 0
    receipt: Receipt | None = None


def undo(
    ledger: Ledger,
    op: str,
    *,
    actor: str,
    via: Via,
    take: Take | None = None,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
) -> Undone:
    """Take an operation back. `take` names the fields that come back though others changed them since.

    Raises `NotFound` where there is no such operation, `Invalid` where it gave a document its id or where `take` names
    what is no part of it, `Conflict` when others keep changing the same documents.
    """
    plan = Plan(ledger.store, op, take or {})
    try:
        if not plan.note(ledger.store.entries.operations.keys_of(op)):
            raise NotFound("No existe la operación «{op}».", hint="Búscala en el historial.", op=op[:60])
        if any(group.action == MEND for group in ledger.store.entries.operations.groups_of(op)):
            raise Invalid("Darle un id a un documento que no tenía no se deshace.", hint="Si no es ese, renómbralo.")
        return _carry_out(ledger, plan, actor, via, dry_run, progress)
    finally:
        plan.close()


def undo_everything(
    ledger: Ledger,
    name: str,
    since: datetime,
    until: datetime,
    *,
    actor: str,
    via: Via,
    take: Take | None = None,
    dry_run: bool = False,
    progress: Progress = lambda done, total: None,
) -> Undone:
    """Take back what somebody did between two moments, both included. Raises `Invalid`, and `Conflict` as `undo`."""
    if since > until:
        raise Invalid("El primer momento es posterior al segundo.", hint="Escribe antes el más antiguo.")
    plan = Plan(ledger.store, f"{name} {_short(since)}/{_short(until)}", take or {})
    try:
        for low, high in windows(until + MILLISECOND, since, ledger.now()):
            rows = ledger.store.entries.operations.newest_first(low, high, name)
            plan.note((row.kind, row.doc, row.rev) for row in rows if row.action != MEND)
        return _carry_out(ledger, plan, actor, via, dry_run, progress)
    finally:
        plan.close()


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _carry_out(ledger: Ledger, plan: Plan, actor: str, via: Via, dry_run: bool, progress: Progress) -> Undone:
    plan.refuse_strangers()
    plan.make(progress)
    size = plan.size
    receipt = None if dry_run else _record(ledger, plan, actor, via, progress)
    undone = size if dry_run else receipt.recorded if receipt else 0
    return Undone(undone, plan.conflicts, plan.conflict_count, receipt)


def _record(ledger: Ledger, plan: Plan, actor: str, via: Via, progress: Progress) -> Receipt | None:
    """Record the plan as one operation. Where the board has moved since, what is left is worked out anew."""
    op, size, done = new_operation(ledger.now()), plan.size, 0
    moved: Exception | None = None
    for _ in range(TRIES):
        if not size:
            return None
        try:
            receipt = ledger.record(
                plan.changes(),
                actor=actor,
                via=via,
                op=op,
                op_size=size,
                undoes=plan.undoes,
                progress=_counted(progress, done, size),
            )
        except (Conflict, NotFound) as error:
            moved = error
        else:
            receipt.recorded += done
            return receipt
        recorded = {(kind, doc) for kind, doc, _ in ledger.store.entries.operations.keys_of(op)}
        done = len(recorded)
        if recorded:
            plan.make_again(recorded)
        else:
            plan.make()
            size = plan.size
    raise moved or Conflict("Otros cambian esto a la vez.", hint="Inténtalo de nuevo.")


def _counted(progress: Progress, before: int, size: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, size)
