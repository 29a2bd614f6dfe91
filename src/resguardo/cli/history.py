"""`history` and `undo`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import typer

from resguardo.board.change import Kind
from resguardo.cli.board import ACTOR, Data, Json, answer, bar, board, brief, local, plain
from resguardo.cli.errors import WITH_WARNINGS
from resguardo.errors import Usage
from resguardo.ledger import history as past
from resguardo.ledger.record import Ledger
from resguardo.ledger.settle import Key
from resguardo.ledger.undo import Undone, undo_everything
from resguardo.ledger.undo import undo as take_back

"""Exit code: done, and something wants a look (design.md, "Exit codes")."""

Moment = Annotated[str | None, typer.Option("--at", help="Un momento: 2026-11-28T14:30:00-06:00.")]


def history(
    batch: str,
    at: Moment = None,
    segmentador: Annotated[bool, typer.Option("--segmentador", help="Es un segmentador, no un batch.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Cuántos cambios.")] = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Solo los anteriores a esta revisión.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Quién cambió qué y cuándo, lo más nuevo primero; con --at, cómo estaba en un momento."""
    kind: Kind = "segmentador" if segmentador else "batch"
    moment = past.parse_moment(at) if at else None
    with board(data) as (store, ledger):
        if moment is not None:
            _as_it_was(ledger, kind, batch, moment, as_json)
            return
        rows, following = past.timeline(store, kind, batch, before, limit)
    lines = [line for row in rows for line in _entry_lines(row, ledger)]
    if following:
        lines.append(f"Hay más: --before {following}")
    answer(plain({kind: batch, "timeline": rows, "next": following or None}), "\n".join(lines), as_json)


def _as_it_was(ledger: Ledger, kind: Kind, name: str, moment: datetime, as_json: bool) -> None:
    entry = past.at_moment(ledger.store, kind, name, moment, ledger.now())
    shown = past.shown(entry.after) if entry else None
    told = {"rev": entry.rev, "at": entry.at.isoformat(), "actor": entry.actor} if entry else {"rev": 0}
    sentence = f"«{name}» no existía en ese momento."
    if shown is not None:
        sentence = "\n".join(f"{field}: {brief(value)}" for field, value in shown.items())
    answer(plain({kind: shown, **told}), sentence, as_json)


def undo(
    operation: Annotated[str | None, typer.Argument(help="El id de la operación.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Solo muestra qué volvería.")] = False,
    take: Annotated[
        list[str] | None,
        typer.Option(help="BATCH:CAMPO que vuelve aunque alguien lo cambió después; sin campo, todo el batch."),
    ] = None,
    actor: Annotated[str | None, typer.Option(help="En vez de una operación: todo lo que hizo esta persona…")] = None,
    since: Annotated[str | None, typer.Option("--from", help="…desde este momento…")] = None,
    until: Annotated[str | None, typer.Option("--to", help="…hasta este.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Deshace una operación, o todo lo que hizo alguien; lo que otros cambiaron después se queda."""
    span = _span(operation, actor, since, until)
    taken = _taken(take or ())
    with board(data) as (_, ledger), bar("Deshaciendo") as progress:
        if span is None:
            done = take_back(
                ledger, operation or "", actor=ACTOR, via="cli", take=taken, dry_run=dry_run, progress=progress
            )
        else:
            done = undo_everything(
                ledger, *span, actor=ACTOR, via="cli", take=taken, dry_run=dry_run, progress=progress
            )
    told = {
        "operation": done.receipt.op if done.receipt else None,
        "undone": done.undone,
        "conflicts": done.conflicts,
        "conflict_count": done.conflict_count,
        "dry_run": dry_run,
    }
    answer(plain(told), "\n".join(_undone_lines(done, dry_run, ledger)), as_json)
    if done.conflict_count:
        raise typer.Exit(WITH_WARNINGS)


def _span(
    operation: str | None, actor: str | None, since: str | None, until: str | None
) -> tuple[str, datetime, datetime] | None:
    if operation is None and actor and since and until:
        return actor, past.parse_moment(since), past.parse_moment(until)
    if operation is not None and not (actor or since or until):
        return None
    raise Usage("Escribe el id de una operación, o bien --actor, --from y --to.")


def _taken(labels: Iterable[str]) -> dict[Key, list[str]]:
    """`BATCH:FIELD`, or `segmentador:NAME:FIELD`."""
    taken: dict[Key, list[str]] = {}
    for label in labels:
        person = label.startswith("segmentador:")
        kind: Kind = "segmentador" if person else "batch"
        name, _, field = (label.removeprefix("segmentador:") if person else label).rpartition(":")
        taken.setdefault((kind, name or field), []).append(field if name else "")
    return taken


def _entry_lines(row: dict[str, Any], ledger: Ledger) -> list[str]:
    other = f" → {row['renamed_to']}" if row["renamed_to"] else ""
    other = f" ← {row['renamed_from']}" if row["renamed_from"] else other
    head = f"{row['rev']}  {local(row['at'], ledger)}  {row['actor']} ({row['via']})  {row['action']}{other}"
    changes = (f"    {one['field']}: {brief(one['from'])} → {brief(one['to'])}" for one in row["fields"])
    return [f"{head}  {row['op']}", *changes]


def _undone_lines(done: Undone, dry_run: bool, ledger: Ledger) -> list[str]:
    if not done.undone and not done.conflict_count:
        return ["No queda nada que deshacer."]
    verb = "Volverían" if dry_run else "Vuelven"
    lines = [f"{verb} a como estaban: {done.undone}."]
    if done.receipt:
        lines.append(f"Operación {done.receipt.op}; también se puede deshacer.")
    if done.conflict_count:
        lines.append(f"Se quedan como otros los dejaron: {done.conflict_count}. Para traer lo de antes: --take")
    for one in done.conflicts:
        label = f"{one['doc']}:{one['field']}" if one["field"] else one["doc"]
        when = local(one["at"], ledger)
        lines.append(f"    {label}  ahora {brief(one['now'])}, antes {brief(one['was'])}  ({one['actor']}, {when})")
    return lines
