"""`backup create|list|show` and `restore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from resguardo.board.filters import Filter
from resguardo.cli.board import Data, Json, answer, bar, board
from resguardo.config import Settings, load
from resguardo.errors import NotFound, RefusedForSafety
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.vault import restore as restoring
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.reading import Source, open_source

backup = typer.Typer(no_args_is_help=True, help="Haz copias y mira las que hay.")
ACTOR = "cli"


def _catalogue(settings: Settings) -> Catalogue:
    return Catalogue(settings.data / "vault")


@backup.command()
def create(reason: str = "manual", data: Data = None, as_json: Json = False) -> None:
    """Hace una copia y la vuelve a leer entera antes de darla por hecha."""
    with board(data) as (store, ledger):
        manifest = back_up(_catalogue(store.connection.settings), ledger, reason)
    answer(manifest, f"Copia {manifest['id']}: {manifest['batches']} batches, {manifest['bytes']} bytes.", as_json)


@backup.command("list")
def list_all(data: Data = None, as_json: Json = False) -> None:
    """Las copias, de la más nueva a la más vieja."""
    manifests = _catalogue(load(data=data)).list()
    lines = (f"{row['id']}  {row['state']}  {row['batches']} batches  {row['reason']}" for row in manifests)
    answer({"backups": manifests}, "\n".join(lines) or "No hay copias. Haz una con: resguardo backup create", as_json)


@backup.command()
def show(own: str, data: Data = None, as_json: Json = False) -> None:
    """Lo que se sabe de una copia."""
    manifest = _catalogue(load(data=data)).get(own)
    answer(manifest, "\n".join(f"{name}: {value}" for name, value in manifest.items()), as_json)


def restore(
    source: str,
    into: Annotated[str | None, typer.Option(help="Una base de datos vacía.")] = None,
    assignee: Annotated[list[str] | None, typer.Option(help="Solo los batches de esta persona.")] = None,
    batch: Annotated[list[str] | None, typer.Option(help="Solo este batch.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Solo los de este estatus.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Solo muestra qué cambiaría.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Sin preguntar.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Trae de vuelta lo que falta o es distinto; no borra nada. Con --into, llena una base vacía."""
    settings = load(data=data)
    path = Path(source)
    if not path.is_file():
        if path.suffix:
            raise NotFound("No existe el archivo {path}.", path=source)
        path = _catalogue(settings).path(source)
    chosen = Filter(assignee=tuple(assignee or ()), ids=tuple(batch or ()), status=tuple(status or ()))
    with open_source(path) as opened:
        if into:
            result = _into(settings, into, opened)
            answer(result, f"{result['batches']} batches en la base {into}.", as_json)
            return
        with board(data) as (store, ledger):
            _live(store, ledger, opened, chosen, dry_run=dry_run, yes=yes, as_json=as_json)


def _into(settings: Settings, database: str, source: Source) -> dict[str, Any]:
    elsewhere = settings.model_copy(update={"database": database, "segmentadores_database": None})
    with open_store(elsewhere) as store, bar("Restaurando") as progress:
        total = source.work.count + source.people.count
        ledger = Ledger(store, settings.zone)
        return restoring.load_into(store, ledger, source, actor=ACTOR, progress=lambda done: progress(done, total))


def _live(
    store: Store, ledger: Ledger, source: Source, chosen: Filter, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    plan = restoring.plan(store, source, chosen)
    try:
        summary = plan.summary()
        sentence = f"{plan.created} nuevos, {plan.changed} cambian, {plan.brought_back} vuelven, 0 se borran."
        if dry_run or not plan.size:
            answer(summary, sentence, as_json)
            return
        if not yes:
            if not sys.stdin.isatty():
                raise RefusedForSafety("Sin confirmar no se cambia nada.", hint="Agrega --yes, o mira con --dry-run.")
            typer.confirm(f"{sentence} ¿Seguir?", abort=True, err=True)
        if plan.changed:  # an archive before anything is overwritten
            back_up(_catalogue(store.connection.settings), ledger, f"antes de restaurar ({plan.id})")
        with bar("Restaurando") as progress:
            receipt = restoring.apply(
                ledger, plan, actor=ACTOR, via="restore", progress=lambda done: progress(done, plan.size)
            )
        answer({**summary, "operation": receipt.op}, f"{sentence} Operación {receipt.op}.", as_json)
    finally:
        plan.close()
