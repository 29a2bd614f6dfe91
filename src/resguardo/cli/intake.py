"""`import`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from resguardo.cli.board import ACTOR, Data, Json, answer, bar, board, brief, catalogue_of, local, plain
from resguardo.cli.errors import WITH_WARNINGS
from resguardo.config import Settings, load
from resguardo.errors import NotFound, RefusedForSafety, Usage
from resguardo.exchange import intake_compare
from resguardo.exchange.intake import MODES, Intake, Mode
from resguardo.exchange.intake_rest import come_since, page_of_rest, pour_deletions, refuse_deleting
from resguardo.exchange.intake_table import Table, is_table
from resguardo.ledger.record import Ledger
from resguardo.vault import mongodump, restore, sources
from resguardo.vault.frozen import Plan
from resguardo.vault.restore import Applied
from resguardo.vault.restore_plan import Wanted as WantedOfBackup
from resguardo.vault.restore_plan import plan as plan_of_backup

MOST_LINES: Final = 20
PASTED: Final = "-"

File = Annotated[str, typer.Argument(metavar="ARCHIVO", help="Una lista llena, una tabla o un respaldo; - lee ids.")]
ModeOption = Annotated[str, typer.Option(help="add: solo lo nuevo; update: solo lo que está; replace: ambos, igual.")]
Field = Annotated[list[str] | None, typer.Option(help="Solo esta columna: status, comments, metadata.priority…")]
Status = Annotated[str, typer.Option(help="Con -: el estatus de los ids que no lo dicen.")]
TakeConflicts = Annotated[bool, typer.Option("--take-conflicts", help="También lo que alguien más cambió mientras.")]
YesDelete = Annotated[int | None, typer.Option(help="Con replace: elimina los que la lista no nombra; son tantos.")]
LeaveOutErrors = Annotated[
    bool, typer.Option("--leave-out-errors", help="Elimina aunque haya renglones con error; los suyos se quedan.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Solo muestra qué cambiaría.")]
Yes = Annotated[bool, typer.Option("--yes", help="Sin preguntar.")]


def import_(
    file: File,
    mode: ModeOption = "",
    field: Field = None,
    status: Status = "",
    take_conflicts: TakeConflicts = False,
    yes_delete: YesDelete = None,
    leave_out_errors: LeaveOutErrors = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Importa una lista llena o una tabla, con vista previa, como una operación que se puede deshacer."""
    path, settings = Path(file), load(data=data)
    if mode not in ("", *MODES):
        raise Usage("--mode tiene que ser uno de: {allowed}.", allowed=", ".join(MODES))
    if file != PASTED and not path.is_file():
        raise NotFound("No existe el archivo {path}.", hint="Revisa el nombre.", path=file)
    if file != PASTED and (mongodump.is_dump(path, path.name) or not is_table(path)):
        if field or take_conflicts or yes_delete is not None:
            raise Usage(
                "--field, --take-conflicts y --yes-delete son para tablas; de un respaldo, usa resguardo restore."
            )
        _backup(settings, path, mode, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    chosen: Mode = next((known for known in MODES if known == mode), "update")
    made = None if file == PASTED else datetime.fromtimestamp(path.stat().st_mtime, UTC)
    wanted = intake_compare.Wanted(chosen, tuple(field) if field else None, made)
    consent = _Consent(dry_run, yes, take_conflicts, yes_delete, leave_out_errors)
    _table(settings, file, status, wanted, consent, as_json)


@dataclass(frozen=True)
class _Consent:
    dry_run: bool
    yes: bool
    take: bool
    delete: int | None
    errors_left_out: bool

    def named(self, made: Intake) -> int:
        """How many of those that the list names would change."""
        return made.size + (made.counts["conflict"] if self.take else 0)


def _table(
    settings: Settings, file: str, status: str, wanted: intake_compare.Wanted, consent: _Consent, as_json: bool
) -> None:
    with board(settings.data) as (_, ledger), ExitStack() as stack:
        with bar("Comparando") as progress:
            table = Table(Path(file).name)
            rows = table.pasted(sys.stdin.read(), status) if file == PASTED else table.rows(Path(file))
            made = intake_compare.plan(ledger, table, rows, wanted, progress)
        stack.callback(made.close)
        told = plain({**made.told(), "lines": made.page(1, 500, None)})
        told["not_named"] = plain(page_of_rest(ledger.store, made, 1, 500))
        others = 0
        if consent.dry_run or not consent.named(made) + made.deletable:
            answer(told, "\n".join(_preview(made, ledger)), as_json)
        else:
            delete = _consented(made, ledger, consent)
            if not (delete or consent.named(made)):
                answer(told, "\n".join(_preview(made, ledger)), as_json)
            else:
                applied = _apply(settings, ledger, made, take=consent.take, delete=delete)
                told |= {"operation": applied.receipt.op, "recorded": applied.receipt.recorded, **applied.told()}
                told |= {"deleted": applied.deleted, "kept": made.unnamed - applied.deleted}
                others = applied.conflict_count
                answer(told, "\n".join(_done(made, applied, ledger)), as_json)
    if others or made.counts["error"] or (made.counts["conflict"] and not consent.take):
        raise typer.Exit(WITH_WARNINGS)


def _apply(settings: Settings, ledger: Ledger, made: Intake, *, take: bool, delete: bool) -> Applied:
    plan = Plan(made.about, None)
    try:
        conflicts = _conflicts(made) if take else frozenset()
        made.pour(ledger.now().astimezone(ledger.zone), plan.note_batch, take=conflicts)
        if delete:
            pour_deletions(made, plan.note_deletion)
        with bar("Importando") as progress:
            applied = restore.apply(
                ledger,
                plan,
                actor=ACTOR,
                via="import",
                archive_to=catalogue_of(settings) if made.mode == "replace" else None,
                reason="antes de importar",
                actions={"created": "create", "changed": "edit", "deleted": "delete"},
                progress=lambda done: progress(done, plan.size),
            )
        if delete:
            applied.note_others(come_since(ledger.store, made))
        return applied
    finally:
        plan.close()


def _conflicts(made: Intake) -> frozenset[str]:
    return frozenset(row[0] for row in made.read("SELECT doc FROM row WHERE outcome = 'conflict'"))


def _consented(made: Intake, ledger: Ledger, consent: _Consent) -> bool:
    """Whether what the list does not name goes: only by its number. Raises `RefusedForSafety`."""
    if consent.delete is not None:
        refuse_deleting(made, str(consent.delete), errors_left_out=consent.errors_left_out)
    if consent.yes:
        return bool(consent.delete)
    if not sys.stdin.isatty():
        _ask("")
    typed, count = "", made.deletable
    preview = "\n".join(_preview(made, ledger))
    if consent.delete is None and count and (consent.errors_left_out or not made.counts["error"]):
        typer.echo(preview, err=True)
        preview = ""
        typed = typer.prompt(
            f"Escribe {count} para eliminar esos; vacío los deja", "", show_default=False, err=True
        ).strip()
        if typed:
            refuse_deleting(made, typed, errors_left_out=consent.errors_left_out)
    delete = bool(consent.delete or typed)
    if delete or consent.named(made):
        _ask(preview)
    return delete


def _ask(preview: str) -> None:
    """Raises `RefusedForSafety` unless somebody said yes."""
    if not sys.stdin.isatty():
        raise RefusedForSafety("Sin confirmar no se cambia nada.", hint="Agrega --yes, o mira con --dry-run.")
    typer.echo(preview, err=True)
    typer.confirm("¿Seguir?", abort=True, err=True)


def _preview(made: Intake, ledger: Ledger) -> list[str]:
    counts = made.counts
    lines = [
        f"{counts['changed']} cambian, {counts['new']} son nuevos, {counts['unchanged']} quedan igual; "
        f"{counts['conflict']} conflictos y {counts['error']} errores quedan fuera."
    ]
    for row in made.page(1, MOST_LINES, "changed") + made.page(1, MOST_LINES, "new"):
        lines += [f"  {row['id']}: {'nuevo' if row['outcome'] == 'new' else 'cambia'}", *_changes(row)]
        if row["note"]:
            lines.append(f"      {row['note']}{_who(row, ledger)}")
    return lines + _left_out(made, ledger) + _rest(made, ledger)


def _rest(made: Intake, ledger: Ledger) -> list[str]:
    """What the list does not name, and what may become of it."""
    if not made.unnamed:
        return []
    count = made.unnamed
    if made.no_deleting is not None:
        return [f"{count} batches del tablero no están en la lista, y se quedan. {made.no_deleting.say(str)}"]
    first = f"{count} batches del tablero no están en la lista, y se quedan; "
    first += f"con --yes-delete {made.deletable} se eliminan:"
    rows = page_of_rest(ledger.store, made, 1, MOST_LINES)
    lines = [first, *(f"  {row['id']}{_who(row, ledger)}" for row in rows)]
    return lines if made.deletable <= len(rows) else [*lines, f"  … y {made.deletable - len(rows)} más."]


def _left_out(made: Intake, ledger: Ledger) -> list[str]:
    lines = []
    for row in made.page(1, MOST_LINES, "conflict"):
        lines += [f"  {_where(row)}{row['id']}: conflicto. {row['problem']}{_who(row, ledger)}", *_changes(row)]
    for row in made.page(1, MOST_LINES, "error"):
        lines.append(f"  {_where(row)}{row['id']}: {row['problem']}{_who(row, ledger)}")
    return lines


def _changes(row: dict[str, Any]) -> list[str]:
    return [f"      {one['field']}: {brief(one['from'])} → {brief(one['to'])}" for one in row["changes"]]


def _where(row: dict[str, Any]) -> str:
    return f"{row['sheet']}, línea {row['line']}, " if row["sheet"] else f"línea {row['line']}, "


def _who(row: dict[str, Any], ledger: Ledger) -> str:
    return f" ({row['by']['actor']}, {local(row['by']['at'], ledger)})" if row["by"] else ""


def _done(made: Intake, applied: Applied, ledger: Ledger) -> list[str]:
    archive = f" Copia de antes: {applied.archive}." if applied.archive else ""
    gone, kept = applied.deleted, made.unnamed - applied.deleted
    first = f"{applied.receipt.recorded - gone} batches importados"
    first += f" y {gone} eliminados." if gone else "."
    lines = [f"{first} Operación {applied.receipt.op}; se puede deshacer.{archive}"]
    if kept:
        lines.append(f"{kept} batches del tablero no están en la lista, y se quedan.")
    if applied.conflict_count:
        lines.append(f"{applied.conflict_count} los cambió o creó otra persona mientras tanto, y se quedan así:")
        lines += [f"  {row['id']} ({row['actor']})" for row in applied.conflicts[:MOST_LINES]]
    return [*lines, *_left_out(made, ledger)]


def _backup(settings: Settings, path: Path, mode: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """`add` brings only what is not on the board, `update` only what differs of what is, `replace`, as always, both."""
    wanted = WantedOfBackup(only_deleted=mode == "add", only_present=mode == "update")
    with board(settings.data) as (store, ledger), ExitStack() as stack:
        with sources.open_file(path, settings=settings) as opened, bar("Comparando") as progress:
            made = plan_of_backup(ledger, opened, wanted, lambda done: progress(done, None))
        stack.callback(made.close)
        summary, counts = plain(made.summary(store)), made.counts
        sentence = f"{counts['created']} nuevos, {counts['changed']} cambian, {counts['brought_back']} vuelven."
        if not dry_run and made.size:
            if not yes:
                _ask(sentence)
            with bar("Importando") as progress:
                applied = restore.apply(
                    ledger,
                    made,
                    actor=ACTOR,
                    via="import",
                    archive_to=catalogue_of(settings) if counts["changed"] else None,
                    reason="antes de importar",
                    progress=lambda done: progress(done, made.size),
                )
            summary |= {"operation": applied.receipt.op, **applied.told()}
            sentence += f" Operación {applied.receipt.op}; se puede deshacer."
    answer(summary, sentence, as_json)
    if counts["skipped"]:
        raise typer.Exit(WITH_WARNINGS)
