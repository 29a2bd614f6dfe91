"""`status`: is our information safe?"""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from resguardo.cli.board import Data, Json, answer
from resguardo.config import Settings, load
from resguardo.errors import ResguardoError
from resguardo.ledger.journal import Journal
from resguardo.status import Report, report
from resguardo.store import open_store

MARKS = {"green": "●", "amber": "◐", "red": "○"}
WORDS = {"green": "Sí: resguardada.", "amber": "Sí, con avisos.", "red": "No: está en riesgo."}


def status(data: Data = None, as_json: Json = False) -> None:
    """¿Está resguardada la información? Una línea por garantía, y qué hacer."""
    settings = load(data=data)
    found = _measured(settings)
    lines = [f"¿Está resguardada la información? {WORDS[found.light]}", ""]
    for row in found.lines:
        lines.append(f"{MARKS[row.state]} {row.name}: {row.value}.{' ' + row.advice if row.advice else ''}")
    answer(found.summary(), "\n".join(lines), as_json)
    if not found.safe:
        raise typer.Exit(1)


def _measured(settings: Settings) -> Report:
    journal = Journal(settings.data / "journal", settings.database)
    try:
        with open_store(settings) as store:
            return report(settings, store, journal, datetime.now(UTC))
    except ResguardoError as error:
        return report(settings, None, journal, datetime.now(UTC), str(error))
    finally:
        journal.close()
