"""`adopt`: an existing database is taken into the ledger."""

from __future__ import annotations

from resguardo.cli.board import Data, Json, answer, bar, board
from resguardo.ledger.adopt import adopt as take_in
from resguardo.ledger.recover import recover


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
