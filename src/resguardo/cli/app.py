"""The commands: `adopt` and `export` here, the others in the modules that it registers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resguardo.cli.accounts import account
from resguardo.cli.backups import backup
from resguardo.cli.board import Data, Json, answer, bar, board
from resguardo.cli.diff import diff
from resguardo.cli.history import history, undo
from resguardo.cli.intake import import_
from resguardo.cli.journal import journal
from resguardo.cli.restore import restore
from resguardo.cli.status import status
from resguardo.exchange import exports
from resguardo.exchange.exports import Export
from resguardo.files import write_atomically
from resguardo.ledger.adopt import adopt as take_in
from resguardo.ledger.recover import recover

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="El tablero que no pierde nada.")
export = typer.Typer(no_args_is_help=True, help="Descarga listas de trabajo y el resumen del equipo.")
app.add_typer(export, name="export")
app.add_typer(account, name="account")
app.add_typer(backup, name="backup")
app.add_typer(journal, name="journal")
backup.command()(diff)
app.command()(restore)
app.command()(status)
app.command()(history)
app.command()(undo)
app.command("import")(import_)

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
def worklist(name: str, output: Output = None, data: Data = None, as_json: Json = False) -> None:
    """La lista de trabajo de un segmentador, en CSV."""
    with board(data) as (store, ledger):
        today = ledger.now().astimezone(ledger.zone).date()
        _save(exports.worklist(store, name, today), output, as_json)


@export.command()
def summary(output: Output = None, data: Data = None, as_json: Json = False) -> None:
    """El resumen de todo el equipo, en CSV."""
    with board(data) as (store, ledger):
        _save(exports.summary(store, ledger.now().astimezone(ledger.zone)), output, as_json)


def _save(made: Export, output: Path | None, as_json: bool) -> None:
    name, content = made
    path = output or Path(name)
    with write_atomically(path) as file:
        for chunk in content:
            file.write(chunk)
    answer({"file": str(path), "bytes": path.stat().st_size}, f"Guardado en {path}", as_json)
