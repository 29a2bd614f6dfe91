"""`journal check|rebuild`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from resguardo.cli.board import Data, Json, answer, bar, board
from resguardo.cli.errors import INTEGRITY, WITH_WARNINGS
from resguardo.config import Settings, load
from resguardo.errors import Integrity
from resguardo.ledger.catch_up import catch_up
from resguardo.ledger.check import Report, check
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.reading import Source, open_source
from resguardo.vault.rebuild import rebuild as rebuild_from

journal = typer.Typer(no_args_is_help=True, help="El diario: cada cambio otra vez, fuera de MongoDB.")


@journal.command("check")
def check_all(data: Data = None, as_json: Json = False) -> None:
    """Compara los documentos, el historial en MongoDB y el diario; no cambia nada."""
    with board(data) as (_, ledger), bar("Comparando") as progress:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            progress(done, None)

        report = check(ledger, count)
    answer(report.summary(), _sentence(report), as_json)
    if not report.ok:
        raise typer.Exit(INTEGRITY)


def _sentence(report: Report) -> str:
    lines = [f"{report.entries} cambios en MongoDB, {report.journaled} en el diario, {report.documents} documentos."]
    if report.ok:
        lines.append("Todo coincide.")
    if report.differences:
        first = report.differences[0]
        lines.append(f"{report.found} no coinciden. El primero: {first.doc}, revisión {first.rev}: {first.what}.")
    if report.unreadable:
        lines.append(f"{report.unreadable} cambios guardados en MongoDB no se pueden leer.")
    for row in report.damage:
        what = "cola cortada, nada confirmado se perdió" if row.torn else f"dañado: {row.why}"
        lines.append(f"{row.path}, línea {row.line}: {what}.")
    return "\n".join(lines)


@journal.command()
def rebuild(
    into: Annotated[str, typer.Option(help="Una base de datos vacía; puede llamarse como la que se perdió.")],
    archive: Annotated[bool, typer.Option(help="Toma de la última copia lo que el diario no tiene.")] = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Reconstruye la base de datos con el diario y la última copia."""
    settings = load(data=data)
    elsewhere = settings.model_copy(update={"database": into, "segmentadores_database": None})
    lost = Journal(settings.data / "journal", settings.database)
    with (
        _latest(settings, wanted=archive) as (own, source),
        open_store(elsewhere) as store,
        bar("Reconstruyendo") as progress,
    ):
        ledger = Ledger(store, settings.zone)
        result = rebuild_from(lost, ledger, source, actor="cli", progress=progress)
        catch_up(ledger)
        ledger.journal.close()
    sentence = f"{result.entries} cambios, {result.batches} batches y {result.segmentadores} segmentadores en «{into}»."
    if result.damaged:
        sentence += f" {result.damaged} lugares del diario no se pudieron leer."
    if result.gaps:
        sentence += f" A {result.gaps} historiales les falta una revisión que nunca se confirmó."
    if result.contradictions:
        sentence += f" De {result.contradictions} revisiones había dos versiones."
    if result.refused:
        sentence += f" El servidor no admitió estos índices u opciones: {', '.join(result.refused)}."
    answer({"database": into, "archive": own, **result.summary()}, sentence, as_json)
    if not result.whole:
        raise typer.Exit(WITH_WARNINGS)


@contextmanager
def _latest(settings: Settings, *, wanted: bool) -> Iterator[tuple[str | None, Source | None]]:
    """The newest whole archive of this database; that there is none is no reason not to rebuild."""
    catalogue = Catalogue(settings.data / "vault")
    usable = [row["id"] for row in catalogue.list() if row.get("state") in ("verified", "good")]
    with ExitStack() as stack:
        for own in usable if wanted else ():
            try:
                source = stack.enter_context(open_source(catalogue.path(own)))
            except Integrity:
                continue
            if source.info.get("database") == settings.database:
                yield own, source
                return
        yield None, None
