"""`restore`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from resguardo.board.filters import Filter
from resguardo.cli.board import ACTOR, Data, Json, answer, bar, board, brief, catalogue_of, local, plain
from resguardo.cli.errors import WITH_WARNINGS
from resguardo.config import Settings, load
from resguardo.errors import NotFound, RefusedForSafety, Usage
from resguardo.ledger.history import parse_moment
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.vault import restore as restoring
from resguardo.vault import sources
from resguardo.vault.fill import load_into
from resguardo.vault.frozen import Plan
from resguardo.vault.restore import Applied
from resguardo.vault.restore_plan import Wanted, parse_field, plan
from resguardo.vault.sources import Narrowed, Opened

MOST_LINES: Final = 20

Text = Annotated[str | None, typer.Option()]
Texts = Annotated[list[str] | None, typer.Option()]
From = Annotated[str | None, typer.Argument(metavar="ID|ARCHIVO", help="Una copia, un archivo o un volcado.")]
At = Annotated[str | None, typer.Option("--at", help="Un momento: 2026-11-28T14:30:00-06:00.")]
Before = Annotated[str | None, typer.Option("--before", help="Justo antes de esta operación.")]
Into = Annotated[str | None, typer.Option(help="Una base de datos vacía.")]
Assignee = Annotated[list[str] | None, typer.Option(help="Solo los batches de esta persona.")]
Batch = Annotated[list[str] | None, typer.Option(help="Solo este batch.")]
Status = Annotated[list[str] | None, typer.Option(help="Solo los de este estatus.")]
Field = Annotated[list[str] | None, typer.Option(help="Solo este campo: comments, metadata.priority…")]
OnlyDeleted = Annotated[bool, typer.Option("--only-deleted", help="Solo lo que ya no está en el tablero.")]
Equal = Annotated[bool, typer.Option("--equal", help="Elimina también lo que no estaba.")]
YesDelete = Annotated[int | None, typer.Option(help="Cuántos se eliminan, como lo dice la vista previa.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Solo muestra qué cambiaría.")]
Yes = Annotated[bool, typer.Option("--yes", help="Sin preguntar.")]


@dataclass(frozen=True)
class _Origin:
    source: str | None
    at: str | None
    before: str | None

    def check(self) -> None:
        if sum(given is not None for given in (self.source, self.at, self.before)) != 1:
            raise Usage("Di de dónde se restaura: el id de una copia, un archivo, --at MOMENTO o --before OPERACIÓN.")


@dataclass(frozen=True)
class _Consent:
    dry_run: bool
    yes: bool
    delete: int | None


def restore(
    source: From = None,
    at: At = None,
    before: Before = None,
    into: Into = None,
    assignee: Assignee = None,
    batch: Batch = None,
    status: Status = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Solo los de nadie.")] = False,
    review: Texts = None,
    priority: Texts = None,
    due_before: Text = None,
    due_after: Text = None,
    assigned_before: Text = None,
    assigned_after: Text = None,
    text: Text = None,
    field: Field = None,
    only_deleted: OnlyDeleted = False,
    equal: Equal = False,
    yes_delete: YesDelete = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Trae de vuelta lo que falta o es distinto, con vista previa; no borra nada salvo con --equal."""
    days = {"due_before": due_before, "due_after": due_after, "assigned_before": assigned_before}
    days |= {"assigned_after": assigned_after, "text": text, "unassigned": "1" if unassigned else ""}
    given: dict[str, str | Sequence[str]] = {name: value or "" for name, value in days.items()}
    parsed = Filter.parse({**given, "review": review or (), "priority": priority or ()})
    # As options are repeated, a comma is part of a name.
    chosen = replace(parsed, assignee=tuple(assignee or ()), ids=tuple(batch or ()), status=tuple(status or ()))
    wanted = Wanted(chosen, tuple(map(parse_field, field or ())), only_deleted, equal)
    origin, settings = _Origin(source, at, before), load(data=data)
    origin.check()
    wanted.check()
    if into:
        _fill(settings, into, origin, wanted, as_json)
    else:
        _live(settings, origin, wanted, _Consent(dry_run, yes, yes_delete), as_json)


def _fill(settings: Settings, database: str, origin: _Origin, wanted: Wanted, as_json: bool) -> None:
    if wanted != Wanted(wanted.chosen):
        raise Usage("--into llena una base vacía: no va con --field, --only-deleted ni --equal.")
    elsewhere = settings.model_copy(update={"database": database, "segmentadores_database": None})
    with ExitStack() as stack:
        ledger = stack.enter_context(board(settings.data))[1] if origin.source is None else None
        opened = stack.enter_context(_open(settings, origin, ledger))
        store = stack.enter_context(open_store(elsewhere))
        progress = stack.enter_context(bar("Restaurando"))
        content = Narrowed(opened, wanted.chosen) if wanted.chosen != Filter() else opened
        filled = Ledger(store, settings.zone)
        result = load_into(store, filled, content, actor=ACTOR, progress=lambda done: progress(done, None))
        filled.journal.close()
    sentence = f"{result.batches} batches en la base {database}, comparados con su origen."
    if result.refused:
        sentence += f" El servidor no admitió estos índices u opciones: {', '.join(result.refused)}."
    answer(asdict(result), sentence, as_json)
    if result.refused:
        raise typer.Exit(WITH_WARNINGS)


@contextmanager
def _open(settings: Settings, origin: _Origin, ledger: Ledger | None) -> Iterator[Opened]:
    with ExitStack() as stack, bar("Leyendo") as progress:
        opened = stack.enter_context(_opening(settings, origin, ledger, lambda done: progress(done, None)))
        opening = stack.pop_all()
    with opening:
        yield opened


def _opening(
    settings: Settings, origin: _Origin, ledger: Ledger | None, progress: Callable[[int], None]
) -> AbstractContextManager[Opened]:
    path = Path(origin.source or "")
    if ledger is not None and origin.at is not None:
        return sources.open_moment(ledger, parse_moment(origin.at), progress)
    if ledger is not None and origin.before is not None:
        return sources.open_before(ledger, origin.before, progress)
    if path.exists():
        return sources.open_file(path, settings=settings)
    if path.suffix or len(path.parts) > 1:
        raise NotFound("No existe el archivo {path}.", hint="Revisa el nombre.", path=str(path))
    return sources.open_archive(catalogue_of(settings), str(origin.source), ledger.store if ledger else None)


def _live(settings: Settings, origin: _Origin, wanted: Wanted, consent: _Consent, as_json: bool) -> None:
    with board(settings.data) as (store, ledger), ExitStack() as stack:
        with _open(settings, origin, ledger) as opened, bar("Comparando") as progress:
            made = plan(ledger, opened, wanted, lambda done: progress(done, None))
        stack.callback(made.close)
        summary = plain(made.summary(store))
        if consent.dry_run or not made.size:
            answer(summary, "\n".join(_preview(made, summary, ledger)), as_json)
            return
        _ask(made, summary, ledger, consent)
        with bar("Restaurando") as progress:
            applied = restoring.apply(
                ledger,
                made,
                actor=ACTOR,
                via="restore",
                archive_to=catalogue_of(settings),
                progress=lambda done: progress(done, made.size),
            )
    told = {**summary, "operation": applied.receipt.op, **applied.told()}
    answer(told, "\n".join(_done(made, applied)), as_json)
    if applied.conflict_count or made.counts["skipped"]:
        raise typer.Exit(WITH_WARNINGS)


def _ask(made: Plan, summary: dict[str, Any], ledger: Ledger, consent: _Consent) -> None:
    """Raises `RefusedForSafety` unless somebody said yes, and, where something goes, how many."""
    count, asked = made.counts["deleted"], sys.stdin.isatty()
    if not consent.yes and not asked:
        raise RefusedForSafety("Sin confirmar no se cambia nada.", hint="Agrega --yes, o mira con --dry-run.")
    if not consent.yes:
        typer.echo("\n".join(_preview(made, summary, ledger)), err=True)
    if count:
        typed = str(consent.delete) if consent.delete is not None else ""
        if consent.delete is None and asked:
            typed = typer.prompt(f"Se eliminan {count}. Escribe {count} para seguir", default="", err=True)
        if typed.strip() != str(count):
            raise RefusedForSafety(
                "Se eliminarían {count}; sin decir ese número no se cambia nada.",
                hint="Agrega --yes-delete {count}, o quita --equal.",
                count=count,
            )
    if not consent.yes:
        typer.confirm("¿Seguir?", abort=True, err=True)


def _preview(made: Plan, summary: dict[str, Any], ledger: Ledger) -> list[str]:
    if not made.size:
        return ["No hay nada que cambiar.", *_left_out(made)]
    lines = [_counted(made)]
    if last := summary["last_change"]:
        lines.append(f"Lo último que incluye: {last['doc']}, {last['actor']}, {local(last['at'], ledger)}.")
    for change in summary["changes"][:MOST_LINES]:
        lines.append(f"  {change['id']}: {_WORDS[change['what']]}")
        for value in change["values"]:
            who = f"  ({value['actor']}, {local(value['at'], ledger)})" if value.get("actor") else ""
            lines.append(f"      {value['field']}: {brief(value['from'])} → {brief(value['to'])}{who}")
    if made.size > MOST_LINES:
        lines.append(f"  … y {made.size - MOST_LINES} más; todos los primeros {len(summary['changes'])} con --json.")
    return lines + _left_out(made)


_WORDS: Final = {"created": "nuevo", "brought_back": "vuelve", "changed": "cambia", "deleted": "se elimina"}


def _counted(made: Plan) -> str:
    counts = made.counts
    sentence = f"{counts['created']} nuevos, {counts['changed']} cambian, {counts['brought_back']} vuelven, "
    return sentence + f"{counts['deleted']} se eliminan; {counts['kept']} que no estaban se quedan."


def _left_out(made: Plan) -> list[str]:
    rows = [f"  {row['id']}: {row['why']}" for row in made.left_out]
    return [f"No se pueden traer {made.counts['skipped']}:", *rows] if rows else []


def _done(made: Plan, applied: Applied) -> list[str]:
    lines = [f"{_counted(made)} Operación {applied.receipt.op}; se puede deshacer. Copia de antes: {applied.archive}."]
    if applied.conflict_count:
        lines.append(f"{applied.conflict_count} los cambió otra persona mientras tanto, y se quedan como los dejó:")
        lines += [f"  {row['id']} ({row['actor']})" for row in applied.conflicts[:MOST_LINES]]
    return lines + _left_out(made)
