"""/api/account: one's own; /api/accounts: who may log in and what each may do (contract.md, "HTTP")."""

from __future__ import annotations

from typing import Any, Final

from flask import Flask, g
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from resguardo import auth
from resguardo.errors import Denied, Invalid
from resguardo.store.accounts import Account
from resguardo.web.answer import json_response
from resguardo.web.body import read_object, text_field
from resguardo.web.context import board, logged_in, require
from resguardo.web.login import give_cookie, remembered

CHANGED: Final = ("role", "segmentador", "disabled")


def register(app: Flask) -> None:
    app.add_url_rule("/api/account", "account", own_account, methods=["GET"])
    app.add_url_rule("/api/account/password", "change_password", change_password, methods=["POST"])
    app.add_url_rule("/api/account/token", "make_token", make_token, methods=["POST"])
    app.add_url_rule("/api/account/token", "revoke_tokens", revoke_tokens, methods=["DELETE"])
    app.add_url_rule("/api/accounts", "accounts", list_accounts, methods=["GET"])
    app.add_url_rule("/api/accounts", "create_account", create_account, methods=["POST"])
    app.add_url_rule("/api/accounts/<path:name>", "edit_account", edit_account, methods=["PATCH"])
    app.add_url_rule("/api/accounts/<path:name>/password", "reset_password", reset_password, methods=["POST"])


def own_account() -> ResponseReturnValue:
    """GET: who one is and what one may do."""
    account = logged_in()
    return json_response(
        {
            "name": account.name,
            "role": account.role,
            "segmentador": account.segmentador,
            "may": sorted(auth.PERMISSIONS.get(account.role, ())),
            "has_password": account.password_hash is not None,
            "tokens": board().store.accounts.count_tokens(account.name),
        }
    )


def change_password() -> ResponseReturnValue:
    """POST {current, new}; an account that never had a password needs no `current`. Logs in anew."""
    account, given = logged_in(), read_object()
    known = account.password_hash is None or auth.password_fits(account, text_field(given, "current"))
    if not known:
        raise Denied("La contraseña actual no es correcta.", hint="Escríbela otra vez.")
    auth.change_password(board().store, account.name, text_field(given, "new"))
    remembered().forget_account(account.name)
    key, csrf = auth.open_session(board().store, account, board().ledger.now())
    g.prolonged = False
    response = json_response({"success": True, "message": gettext("Contraseña cambiada."), "csrf_token": csrf})
    give_cookie(response, key)
    return response


def make_token() -> ResponseReturnValue:
    """POST: a token for one's own programs, shown this once."""
    account = logged_in()
    made = auth.make_token(board().store, account.name, board().ledger.now())
    return json_response({"success": True, "token": made}, 201)


def revoke_tokens() -> ResponseReturnValue:
    """DELETE: none of one's tokens is good for anything any more."""
    account = logged_in()
    count = board().store.accounts.revoke_tokens(account.name)
    remembered().forget_account(account.name)
    return json_response({"success": True, "revoked": count, "message": gettext("Las claves dejaron de servir.")})


def list_accounts() -> ResponseReturnValue:
    require("accounts")
    return json_response({"accounts": [_shown(account) for account in board().store.accounts.all()]})


def create_account() -> ResponseReturnValue:
    """POST {name, role, segmentador?}: answers a password to hand over, shown this once."""
    require("accounts")
    given = read_object()
    password = auth.temporary_password()
    name, role = text_field(given, "name").strip(), text_field(given, "role")
    segmentador = _segmentador(given)
    made = auth.add_account(board().store, name, role, password, board().ledger.now(), segmentador=segmentador)
    message = gettext("%(name)s ya puede entrar.", name=made.name)
    return json_response({"success": True, "message": message, "name": made.name, "password": password}, 201)


def edit_account(name: str) -> ResponseReturnValue:
    """PATCH {role?, segmentador?, disabled?}."""
    require("accounts")
    given = read_object()
    unknown = [field for field in given if field not in CHANGED]
    if unknown or not given:
        raise Invalid("Se pueden cambiar: {allowed}.", allowed=", ".join(CHANGED))
    fields: dict[str, Any] = {}
    if "role" in given:
        fields["role"] = text_field(given, "role")
    if "segmentador" in given:
        fields["segmentador"] = _segmentador(given)
    if "disabled" in given:
        if not isinstance(given["disabled"], bool):
            raise Invalid("«{name}» tiene que ser true o false.", name="disabled")
        fields["disabled"] = given["disabled"]
    auth.change_account(board().store, name, **fields)
    remembered().forget_account(name)
    return json_response({"success": True, "message": gettext("Se guardó la cuenta %(name)s.", name=name)})


def reset_password(name: str) -> ResponseReturnValue:
    """POST: another password to hand over, shown this once; whoever was logged in with the old one no longer is."""
    require("accounts")
    password = auth.temporary_password()
    auth.change_password(board().store, name, password)
    remembered().forget_account(name)
    message = gettext("%(name)s tiene una contraseña nueva.", name=name)
    return json_response({"success": True, "message": message, "name": name, "password": password})


def _segmentador(given: dict[str, Any]) -> str | None:
    """Whom on the board the account stands for; empty or null: nobody."""
    if given.get("segmentador") is None:
        return None
    return text_field(given, "segmentador").strip() or None


def _shown(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "role": account.role,
        "segmentador": account.segmentador,
        "disabled": account.disabled,
        "has_password": account.password_hash is not None,
        "created_at": account.created_at.isoformat(),
    }
