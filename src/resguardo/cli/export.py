"""`export`: work lists, the team's summary, batches; CSV, XLSX or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from resguardo.board.filters import Filter, valid_sort
from resguardo.cli.board import Data, Json, answer, bar, board, catalogue_of
from resguardo.config import load
from resguardo.errors import Invalid, Usage
from resguardo.exchange import exports, table
from resguardo.exchange.exports import Export, How, Work
from resguardo.exchange.xlsx import About, Told
from resguardo.files import write_atomically
from resguardo.ledger.record import Ledger
from resguardo.vault.contents import open_contents, open_last_good
from resguardo.vault.keeping import good_copy

export = typer.Typer(no_args_is_help=True, help="Guarda listas de trabajo, el resumen del equipo o los batches.")

Output = Annotated[Path | None, typer.Option("-o", "--output", help="Archivo; sin él, el de nombre acostumbrado.")]
Format = Annotated[str, typer.Option("--format", metavar="csv|xlsx|json", help="La forma del archivo.")]
Separator = Annotated[str, typer.Option("--separator", metavar=",|;", help="Lo que separa las columnas de un CSV.")]
Many = list[str] | None
Assignee = Annotated[Many, typer.Option("--assignee", help="Responsable; puede repetirse.")]
Unassigned = Annotated[bool, typer.Option("--unassigned", help="Solo los que no son de nadie.")]
Status = Annotated[Many, typer.Option("--status", help="NS, In o S; puede repetirse.")]
Review = Annotated[Many, typer.Option("--review", help="Pendiente, Aprobado o No Aprobado.")]
Priority = Annotated[Many, typer.Option("--priority", help="alta, media o baja.")]
DueBefore = Annotated[str, typer.Option("--due-before", metavar="DÍA", help="Fecha límite antes de este día.")]
DueAfter = Annotated[str, typer.Option("--due-after", metavar="DÍA", help="Fecha límite de este día en adelante.")]
AssignedBefore = Annotated[str, typer.Option("--assigned-before", metavar="DÍA", help="Asignado antes de este día.")]
AssignedAfter = Annotated[
    str, typer.Option("--assigned-after", metavar="DÍA", help="Asignado de este día en adelante.")
]
Text = Annotated[str, typer.Option("--text", help="En el id, la persona, el comentario o la carpeta.")]
Ids = Annotated[Many, typer.Option("--ids", help="Estos ids; puede repetirse.")]
Columns = Annotated[Many, typer.Option("--columns", help="Columnas, en este orden: id,status,…")]
Sort = Annotated[str, typer.Option("--sort", help="Por qué se ordena: id, -due_date…")]
LAST = "last"
Source = Annotated[
    str | None,
    typer.Option("--from", metavar="ID|last", help="De una copia, o de la última buena; también sin MongoDB."),
]
Sheets = Annotated[str, typer.Option("--sheets", metavar="one|people", help="XLSX: una tabla, o una hoja por persona.")]


@export.command()
def worklist(
    name: str,
    form: Format = "csv",
    separator: Separator = ",",
    status: Status = None,
    review: Review = None,
    priority: Priority = None,
    due_before: DueBefore = "",
    due_after: DueAfter = "",
    assigned_before: AssignedBefore = "",
    assigned_after: AssignedAfter = "",
    text: Text = "",
    ids: Ids = None,
    source: Source = None,
    output: Output = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """La lista de trabajo de un segmentador."""
    how, chosen = _how(form, separator), _filter(locals())
    with bar("Renglones") as progress, _work(data, source, lambda done: progress(done, None)) as (work, about, _):
        _save(_named(exports.worklist_in(work, name, how, about, chosen), source, about), output, as_json)


@export.command()
def summary(
    form: Format = "csv",
    separator: Separator = ",",
    sheets: Sheets = "one",
    assignee: Assignee = None,
    status: Status = None,
    review: Review = None,
    priority: Priority = None,
    due_before: DueBefore = "",
    due_after: DueAfter = "",
    assigned_before: AssignedBefore = "",
    assigned_after: AssignedAfter = "",
    text: Text = "",
    ids: Ids = None,
    source: Source = None,
    output: Output = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """El resumen de todo el equipo; en XLSX, con gráficas y los batches."""
    how, chosen = _how(form, separator, sheets), _filter(locals())
    with bar("Renglones") as progress, _work(data, source, lambda done: progress(done, None)) as (work, about, ledger):
        _save(_named(exports.summary_in(work, how, about, chosen, ledger), source, about), output, as_json)


@export.command()
def batches(
    form: Format = "csv",
    separator: Separator = ",",
    columns: Columns = None,
    sort: Sort = "id",
    assignee: Assignee = None,
    unassigned: Unassigned = False,
    status: Status = None,
    review: Review = None,
    priority: Priority = None,
    due_before: DueBefore = "",
    due_after: DueAfter = "",
    assigned_before: AssignedBefore = "",
    assigned_after: AssignedAfter = "",
    text: Text = "",
    ids: Ids = None,
    output: Output = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Los batches que eligen los filtros."""
    how, chosen = _how(form, separator), _filter(locals())
    try:
        shown, order = table.chosen_columns(columns or []), valid_sort(sort)
    except Invalid as error:
        raise _usage(error) from error
    with board(data) as (store, ledger), bar("Renglones") as progress:
        about = _about(ledger, lambda done: progress(done, None))
        _save(exports.batches(store, chosen, order, shown, how, about), output, as_json)


@contextmanager
def _work(data: Path | None, source: str | None, told: Told) -> Iterator[tuple[Work, About, Ledger | None]]:
    """The board now, or an archive, MongoDB or not; and the moment, by the board's clock."""
    if source is None:
        with board(data) as (store, ledger):
            yield store.pages, _about(ledger, told), ledger
        return
    settings = load(data=data)
    catalogue, zone = catalogue_of(settings), settings.zone
    contents = open_last_good(catalogue, zone) if source == LAST else open_contents(catalogue, source, zone)
    moment = contents.moment.astimezone(zone)
    yield contents, About(moment, moment, told), None


def _named(made: Export, source: str | None, about: About) -> Export:
    return made if source is None else exports.of_copy(made, about.moment)


def _how(form: str, separator: str, sheets: str = "") -> How:
    try:
        return How.parse(form, separator, sheets)
    except Invalid as error:
        raise _usage(error) from error


def _filter(given: dict[str, Any]) -> Filter:
    """Of a command's options those that are filters. Raises `Usage`."""
    chosen = {name: given[name] for name in Filter.__dataclass_fields__ if given.get(name)}
    try:
        return Filter.parse({name: "1" if value is True else value for name, value in chosen.items()})
    except Invalid as error:
        raise _usage(error) from error


def _usage(error: Invalid) -> Usage:
    return Usage("No se puede exportar así. {why}", why=str(error))


def _about(ledger: Ledger, told: Told) -> About:
    now = ledger.now().astimezone(ledger.zone)
    return About(now, good_copy(ledger.store.connection.settings, now), told)


def _save(made: Export, output: Path | None, as_json: bool) -> None:
    name, content = made
    path = output or Path(name)
    with write_atomically(path) as file:
        for chunk in content:
            file.write(chunk)
    answer({"file": str(path), "bytes": path.stat().st_size}, f"Guardado en {path}", as_json)
