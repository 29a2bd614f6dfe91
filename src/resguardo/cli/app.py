"""The commands: `adopt` here, the others in the modules that it registers."""

from __future__ import annotations

import typer

from resguardo.cli.accounts import account
from resguardo.cli.backups import backup
from resguardo.cli.board import Data, Json, answer, bar, board
from resguardo.cli.diff import diff
from resguardo.cli.export import export
from resguardo.cli.history import history, undo
from resguardo.cli.intake import import_
from resguardo.cli.journal import journal
from resguardo.cli.mail import mail
from resguardo.cli.restore import restore
from resguardo.cli.status import status
from resguardo.ledger.adopt import adopt as take_in
from resguardo.ledger.recover import recover

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="El tablero que no pierde nada.")
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
