"""`account add|list|passwd|disable|token`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from resguardo import auth
from resguardo.cli.board import Data, Json, answer, board
from resguardo.errors import NotFound, Usage
from resguardo.store import Store

account = typer.Typer(no_args_is_help=True, help="Quién puede entrar y qué puede hacer.")

FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Lee la contraseña de la entrada estándar.")]


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Usage("Falta la contraseña.", hint="Pásala por la entrada estándar con --password-stdin.")
    return str(typer.prompt("Contraseña", hide_input=True, confirmation_prompt=True, err=True))


def _known(store: Store, name: str) -> None:
    if store.accounts.get(name) is None:
        raise NotFound("No existe la cuenta «{name}».", hint="Mira las que hay con: resguardo account list", name=name)


@account.command()
def add(
    name: str,
    role: Annotated[str, typer.Option(help=", ".join(auth.ROLES))],
    segmentador: Annotated[str | None, typer.Option(help="A quién representa en el tablero.")] = None,
    password_stdin: FromStdin = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Crea una cuenta."""
    password = _password(password_stdin)
    with board(data) as (store, ledger):
        auth.add_account(store, name, role, password, ledger.now(), segmentador=segmentador)
    answer({"name": name, "role": role}, f"Cuenta {name} creada con el rol {role}.", as_json)


@account.command("list")
def list_all(data: Data = None, as_json: Json = False) -> None:
    """Las cuentas que hay."""
    with board(data) as (store, _):
        rows = [
            {"name": row.name, "role": row.role, "segmentador": row.segmentador, "disabled": row.disabled}
            for row in store.accounts.all()
        ]
    lines = (f"{row['name']}  {row['role']}{'  desactivada' if row['disabled'] else ''}" for row in rows)
    answer({"accounts": rows}, "\n".join(lines) or "No hay cuentas.", as_json)


@account.command()
def passwd(name: str, password_stdin: FromStdin = False, data: Data = None, as_json: Json = False) -> None:
    """Cambia la contraseña de una cuenta y cierra sus sesiones."""
    password = _password(password_stdin)
    with board(data) as (store, _):
        auth.change_password(store, name, password)
    answer({"name": name}, f"Contraseña de {name} cambiada.", as_json)


@account.command()
def disable(name: str, data: Data = None, as_json: Json = False) -> None:
    """Una cuenta ya no puede entrar; sus sesiones y claves dejan de servir."""
    with board(data) as (store, _):
        auth.disable(store, name)
    answer({"name": name, "disabled": True}, f"La cuenta {name} ya no puede entrar.", as_json)


@account.command()
def token(
    name: str,
    revoke: Annotated[bool, typer.Option("--revoke", help="Invalida las claves que tiene.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Una clave para programas; se muestra una sola vez."""
    with board(data) as (store, ledger):
        _known(store, name)
        if revoke:
            count = store.accounts.revoke_tokens(name)
            answer({"name": name, "revoked": count}, f"{count} claves de {name} dejaron de servir.", as_json)
            return
        made = auth.make_token(store, name, ledger.now())
    answer({"name": name, "token": made}, made, as_json)
