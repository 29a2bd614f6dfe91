"""What every command needs: the board, a progress bar, an answer."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from resguardo.config import Settings, load
from resguardo.ledger.catch_up import refuse_lost_database
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.fill import refuse_half_restored

ACTOR: Final = "cli"
LONGEST: Final = 60
"""Characters of a value shown in a line."""

Data = Annotated[Path | None, typer.Option("--data", help="Carpeta de todo lo local.")]
Json = Annotated[bool, typer.Option("--json", help="Un objeto JSON en la salida estándar.")]


@contextmanager
def board(data: Path | None) -> Iterator[tuple[Store, Ledger]]:
    settings = load(data=data)
    with open_store(settings) as store:
        store.connection.ping()
        refuse_half_restored(store)
        ledger = Ledger(store, settings.zone)
        refuse_lost_database(store, ledger.journal)
        store.ensure_indexes()
        yield store, ledger
        ledger.journal.close()


def catalogue_of(settings: Settings) -> Catalogue:
    return Catalogue(settings.data / "vault")


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar; call it with how many of how many are done, None where nobody knows."""
    from rich.console import Console  # most commands show no bar
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def answer(result: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(result) + b"\n")
    else:
        sys.stdout.write(sentence + "\n")


def local(at: str, ledger: Ledger) -> str:
    return f"{datetime.fromisoformat(at).astimezone(ledger.zone):%Y-%m-%d %H:%M:%S}"


def brief(value: Any) -> str:
    """A value of a field, for a line of text."""
    if value is None:
        return "—"
    text = value if isinstance(value, str) else orjson.dumps(plain(value)).decode()
    return f"«{text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}»"


def plain(value: Any) -> Any:
    """The same with nothing in it that JSON does not know."""
    return orjson.loads(orjson.dumps(value, _readable, orjson.OPT_NON_STR_KEYS))


def _readable(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
