"""`backup create|list|show|verify|drill|prune|pin`, and `diff` from its own module."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from resguardo.cli.board import ACTOR, Data, Json, answer, board, catalogue_of
from resguardo.cli.diff import diff
from resguardo.cli.errors import ERROR, INTEGRITY
from resguardo.config import load
from resguardo.errors import Integrity, Usage
from resguardo.vault.catalogue import Manifest
from resguardo.vault.keeping import drill_one, longest_without_drill, make_good
from resguardo.vault.keeping import prune as prune_by

backup = typer.Typer(no_args_is_help=True, help="Haz copias y mira las que hay.")
backup.command()(diff)
Own = Annotated[str | None, typer.Argument(metavar="ID")]
MISSING = {"masks": "las máscaras", "accounts": "las cuentas", "ledger": "el historial"}
STATES = {
    "complete": "sin comprobar",
    "verified": "comprobada",
    "good": "buena",
    "damaged": "dañada",
    "removed": "quitada",
}


@backup.command()
def create(reason: str = "manual", data: Data = None, as_json: Json = False) -> None:
    """Hace una copia, la vuelve a leer entera y la restaura en un simulacro: solo entonces es buena."""
    with board(data) as (store, ledger):
        manifest = make_good(catalogue_of(store.connection.settings), ledger, reason)
    sentence = f"Copia {manifest['id']}: {manifest['batches']} batches, {manifest['bytes']} bytes, {_state(manifest)}."
    if not_inside := ", ".join(MISSING[name] for name in manifest["missing"]):
        sentence += f"\nNo incluye: {not_inside}. Respáldalo aparte."
    answer(manifest, sentence, as_json)
    if manifest["state"] == "damaged":
        raise typer.Exit(INTEGRITY)


def _state(manifest: Manifest) -> str:
    name = STATES.get(str(manifest["state"]), str(manifest["state"]))
    drill = manifest.get("drill")
    if drill and not drill["ok"]:
        return f"{name}: {drill['detail']}"
    return f"{name} (el tablero volvió en {drill['rto']} s)" if drill else name


@backup.command("list")
def list_all(data: Data = None, as_json: Json = False) -> None:
    """Las copias, de la más nueva a la más vieja."""
    manifests = catalogue_of(load(data=data)).list()
    lines = (f"{row['id']}  {_state(row)}  {row['batches']} batches  {row['reason']}" for row in manifests)
    answer({"backups": manifests}, "\n".join(lines) or "No hay copias. Haz una con: resguardo backup create", as_json)


@backup.command()
def show(own: str, data: Data = None, as_json: Json = False) -> None:
    """Lo que se sabe de una copia."""
    manifest = catalogue_of(load(data=data)).get(own)
    answer(manifest, "\n".join(f"{name}: {value}" for name, value in manifest.items()), as_json)


@backup.command()
def verify(own: Own = None, data: Data = None, as_json: Json = False) -> None:
    """Vuelve a leer cada byte de una copia, o de todas."""
    catalogue = catalogue_of(load(data=data))
    wrong = {}
    names = [own] if own else [row["id"] for row in catalogue.list() if row["state"] != "removed"]
    for name in names:
        try:
            catalogue.verify(name)
        except Integrity as error:
            wrong[name] = str(error)
    lines = [f"{name}: {wrong.get(name, 'bien')}" for name in names]
    answer({"verified": names, "damaged": wrong}, "\n".join(lines) or "No hay copias.", as_json)
    if wrong:
        raise typer.Exit(INTEGRITY)


@backup.command()
def drill(own: Own = None, data: Data = None, as_json: Json = False) -> None:
    """Restaura una copia de verdad en una base de datos aparte y la compara; sin id, la que más lleva sin simulacro."""
    settings = load(data=data)
    catalogue = catalogue_of(settings)
    chosen = own or longest_without_drill(catalogue)
    result = drill_one(catalogue, settings, chosen, datetime.now(UTC))
    sentence = f"{chosen}: {result.detail or f'se restauró completa; el tablero volvió en {result.rto} s'}."
    answer({"id": chosen, **asdict(result)}, sentence, as_json)
    if not result.ok:
        raise typer.Exit(ERROR if result.ok is None else INTEGRITY)


@backup.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Solo dice qué quitaría y por qué.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Marca para quitar las copias que ninguna regla necesita; sus datos se borran siete días después."""
    settings = load(data=data)
    decisions = prune_by(catalogue_of(settings), settings, datetime.now(UTC), dry_run=dry_run, actor=ACTOR)
    lines = (f"{'queda' if row.keep else 'se quita'}  {row.id}  {row.reason}" for row in decisions)
    answer({"decisions": [asdict(row) for row in decisions]}, "\n".join(lines) or "No hay copias.", as_json)


@backup.command()
def pin(
    own: str,
    reason: Annotated[str, typer.Option(help="Por qué tiene que quedarse.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Ya puede irse.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Una copia se queda, digan lo que digan las reglas."""
    catalogue = catalogue_of(load(data=data))
    catalogue.get(own)
    if not release and not reason.strip():
        raise Usage("Di por qué se queda.", hint="Por ejemplo: --reason 'entrega a auditoría'")
    catalogue.note(own, "unpin" if release else "pin", reason=reason.strip(), actor=ACTOR)
    sentence = f"La copia {own} ya no está fijada." if release else f"La copia {own} se queda: {reason.strip()}."
    answer(catalogue.get(own), sentence, as_json)
