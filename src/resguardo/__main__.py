"""The program `resguardo`: the commands, and the two that serve the board.

Commands and pages never import each other; they meet here. What serves is imported by the command that does, for this
module is the main one of every process, of a board's worker too.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from typing import Annotated

import typer

from resguardo.cli.app import run
from resguardo.cli.board import Data, bar
from resguardo.config import Settings, load

Host = Annotated[str | None, typer.Option(help="Dónde escuchar.")]
Port = Annotated[int | None, typer.Option(help="Puerto; 0 toma uno libre.")]


def serve(host: Host = None, port: Port = None, data: Data = None) -> None:
    """Pone en marcha el tablero y su API."""
    from resguardo.web.serve import serve as answer_requests

    settings = load(host=host, port=port, data=data)
    with bar("Tomando documentos") as progress:
        answer_requests(settings, progress=progress)


def demo(port: Port = None, batches: Annotated[int, typer.Option(min=0, max=100_000)] = 429) -> None:
    """Un equipo de muestra en una carpeta que se borra al salir."""
    from resguardo import demo as team
    from resguardo.ledger.record import Ledger
    from resguardo.store import open_store
    from resguardo.store.embedded import EmbeddedServer
    from resguardo.web.serve import serve as answer_requests

    with tempfile.TemporaryDirectory(prefix="resguardo-demo-") as folder:
        chosen = load(port=port)
        settings = Settings(data=folder, host=chosen.host, port=chosen.port, database=chosen.database)
        settings = settings.model_copy(update={"mongodb_uri": None, "admin_password": None, "smtp_host": ""})
        with EmbeddedServer.start(settings.data) as server, open_store(settings, server.uri) as store:
            store.ensure_indexes()
            team.fill(store, Ledger(store, settings.zone), batches)
        answer_requests(settings, on_ready=partial(_say_logins, settings, team.ACCOUNTS, team.PASSWORD))


def _say_logins(settings: Settings, accounts: Iterable[tuple[str, str, str | None]], password: str) -> None:
    names = ", ".join(f"{name} ({role})" for name, role, _ in accounts)
    sys.stdout.write(f"Cuentas: {names}\nContraseña de todas: {password}\nCtrl+C para terminar.\n")
    sys.stdout.write(f"¿Está resguardada? resguardo status --data {settings.data}\n")
    sys.stdout.flush()


def main() -> None:
    run({"serve": serve, "demo": demo})


if __name__ == "__main__":
    main()
