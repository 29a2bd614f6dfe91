"""The commands: `adopt`, `export worklist`, `export summary`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from resguardo.config import load
from resguardo.exchange import exports
from resguardo.exchange.exports import Export
from resguardo.files import write_atomically
from resguardo.ledger.adopt import adopt as take_in
from resguardo.ledger.record import Ledger
from resguardo.ledger.recover import recover
from resguardo.store import Store, open_store

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="El tablero que no pierde nada.")
export = typer.Typer(no_args_is_help=True, help="Descarga listas de trabajo y el resumen del equipo.")
app.add_typer(export, name="export")

Data = Annotated[Path | None, typer.Option("--data", help="Carpeta de todo lo local.")]
Json = Annotated[bool, typer.Option("--json", help="Un objeto JSON en la salida estándar.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Archivo; sin él, el de nombre acostumbrado.")]


@contextmanager
def _board(data: Path | None) -> Iterator[tuple[Store, Ledger]]:
    settings = load(data=data)
    with open_store(settings) as store:
        store.connection.ping()
        store.ensure_indexes()
        yield store, Ledger(store, settings.zone)


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _answer(result: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(result) + b"\n")
    else:
        sys.stdout.write(sentence + "\n")


@app.command()
def adopt(data: Data = None, as_json: Json = False) -> None:
    """Toma una base de datos existente: cada documento entra al historial."""
    with _board(data) as (store, ledger):
        mended = recover(store, ledger)
        with _bar("Tomando documentos") as progress:
            result = take_in(store, ledger, progress)
    sentence = f"{result.adopted} documentos entraron al historial."
    if result.problems:
        sentence += f" {result.problems} se quedan como están: su id falta, se repite o no es texto."
    _answer({"adopted": result.adopted, "problems": result.problems, "mended": mended}, sentence, as_json)


@export.command()
def worklist(name: str, output: Output = None, data: Data = None, as_json: Json = False) -> None:
    """La lista de trabajo de un segmentador, en CSV."""
    with _board(data) as (store, ledger):
        today = ledger.now().astimezone(ledger.zone).date()
        _save(exports.worklist(store, name, today), output, as_json)


@export.command()
def summary(output: Output = None, data: Data = None, as_json: Json = False) -> None:
    """El resumen de todo el equipo, en CSV."""
    with _board(data) as (store, ledger):
        _save(exports.summary(store, ledger.now().astimezone(ledger.zone)), output, as_json)


def _save(made: Export, output: Path | None, as_json: bool) -> None:
    name, content = made
    path = output or Path(name)
    with write_atomically(path) as file:
        for chunk in content:
            file.write(chunk)
    _answer({"file": str(path), "bytes": path.stat().st_size}, f"Guardado en {path}", as_json)
