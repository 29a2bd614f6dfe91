"""The commands: `adopt` and `export` here, the others in the modules that it registers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from resguardo.cli.accounts import account
from resguardo.cli.backups import backup, catalogue_of
from resguardo.cli.board import Data, Json, answer, bar, board
from resguardo.cli.diff import diff
from resguardo.cli.history import history, undo
from resguardo.cli.intake import import_
from resguardo.cli.journal import journal
from resguardo.cli.mail import mail
from resguardo.cli.restore import restore
from resguardo.cli.status import status
from resguardo.config import load
from resguardo.exchange import exports
from resguardo.exchange.exports import Export
from resguardo.files import write_atomically
from resguardo.ledger.adopt import adopt as take_in
from resguardo.ledger.recover import recover
from resguardo.vault.contents import open_contents, open_last_good

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="El tablero que no pierde nada.")
export = typer.Typer(no_args_is_help=True, help="Descarga listas de trabajo y el resumen del equipo.")
app.add_typer(export, name="export")
app.add_typer(account, name="account")
app.add_typer(backup, name="backup")
app.add_typer(journal, name="journal")
app.add_typer(mail, name="mail")
backup.command()(diff)
app.command()(restore)
app.command()(status)
app.command()(history)
app.command()(undo)
app.command("import")(import_)

LAST = "last"
Source = Annotated[
    str | None,
    typer.Option("--from", metavar="ID|last", help="De una copia, o de la última buena; también sin MongoDB."),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Archivo; sin él, el de nombre acostumbrado.")]


@app.command()
def adopt(data: Data = None, as_json: Json = False) -> None:
    """Toma una base de datos existente: cada documento entra al historial."""
    with board(data) as (store, ledger):
        mended = recover(store, ledger)
        with bar("Tomando documentos") as progress:
            result = take_in(store, ledger, progress)
    sentence = f"{result.adopted} documentos entraron al historial."
    if result.problems:
        sentence += f" {result.problems} se quedan como están: su id falta, se repite o no es texto."
    answer({"adopted": result.adopted, "problems": result.problems, "mended": mended}, sentence, as_json)


@export.command()
def worklist(name: str, output: Output = None, source: Source = None, data: Data = None, as_json: Json = False) -> None:
    """La lista de trabajo de un segmentador, en CSV."""
    with _work(data, source) as (work, moment):
        _save(_named(exports.worklist(work, name, moment.date()), source, moment), output, as_json)


@export.command()
def summary(output: Output = None, source: Source = None, data: Data = None, as_json: Json = False) -> None:
    """El resumen de todo el equipo, en CSV."""
    with _work(data, source) as (work, moment):
        _save(_named(exports.summary(work, moment), source, moment), output, as_json)


@contextmanager
def _work(data: Path | None, source: str | None) -> Iterator[tuple[exports.Work, datetime]]:
    """The board now, or an archive, MongoDB or not; and the moment, by the board's clock."""
    if source is None:
        with board(data) as (store, ledger):
            yield store.pages, ledger.now().astimezone(ledger.zone)
        return
    settings = load(data=data)
    catalogue, zone = catalogue_of(settings), settings.zone
    contents = open_last_good(catalogue, zone) if source == LAST else open_contents(catalogue, source, zone)
    yield contents, contents.moment.astimezone(zone)


def _named(made: Export, source: str | None, moment: datetime) -> Export:
    return made if source is None else exports.of_copy(made, moment)


def _save(made: Export, output: Path | None, as_json: bool) -> None:
    name, content = made
    path = output or Path(name)
    with write_atomically(path) as file:
        for chunk in content:
            file.write(chunk)
    answer({"file": str(path), "bytes": path.stat().st_size}, f"Guardado en {path}", as_json)
