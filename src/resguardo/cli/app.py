"""Which commands there are, and how one ends.

A command brings only its own module: of a short one's time, imports took two thirds when all were brought.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import orjson
import typer

import resguardo
from resguardo.cli.errors import exit_code
from resguardo.errors import ResguardoError
from resguardo.store.connect import MongoError, explain

COMMANDS: Final[Mapping[str, str]] = {
    "adopt": "adopt.adopt",
    "status": "status.status",
    "account": "accounts.account",
    "backup": "backups.backup",
    "restore": "restore.restore",
    "history": "history.history",
    "undo": "history.undo",
    "export": "export.export",
    "import": "intake.import_",
    "journal": "journal.journal",
    "mail": "mail.mail",
}
"""Where each is, in this package: a function, or several under one name."""


def run(more: Mapping[str, Callable[..., None]]) -> None:
    """Run the command that was asked for, of these or of `more`, and leave with its exit code."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_options)
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    known = [*more, *COMMANDS]
    for name in [first] if first in known else known:
        _add(app, name, more.get(name) or _found(COMMANDS[name]))
    try:
        app()
    except (ResguardoError, MongoError) as error:
        ours = explain(error) if isinstance(error, MongoError) else error
        sys.stderr.write(f"{ours}\n")
        if "--json" in sys.argv:
            sys.stdout.buffer.write(orjson.dumps({"success": False, "error": str(ours)}) + b"\n")
        sys.exit(exit_code(ours))


def _found(place: str) -> Any:
    module, name = place.split(".")
    return getattr(import_module(f"resguardo.cli.{module}"), name)


def _add(app: typer.Typer, name: str, found: Any) -> None:
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"resguardo {resguardo.__version__}\n")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Qué versión es.")]


def _options(version: Version = False) -> None:
    """El tablero que no pierde nada."""
