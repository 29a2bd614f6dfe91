"""What every view needs: the board that is served, and the account that asks."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from flask import current_app, g

from resguardo import auth
from resguardo.auth import Permission
from resguardo.config import Settings
from resguardo.errors import Unauthenticated
from resguardo.ledger.record import Ledger, Via
from resguardo.ledger.watch import Watch
from resguardo.store import Store
from resguardo.store.accounts import Account

NAME = "resguardo"


@dataclass(frozen=True)
class Board:
    settings: Settings
    store: Store
    ledger: Ledger
    watch: Watch
    vault_folder: Path
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process ends, so that streams end too."""

    def local_now(self) -> datetime:
        return self.ledger.now().astimezone(self.ledger.zone)


def board() -> Board:
    return cast(Board, current_app.extensions[NAME])


def current_account() -> Account | None:
    """Who asks; None where nobody is logged in."""
    return cast("Account | None", g.get("account"))


def who_was_here() -> Account | None:
    """Who asks, also where MongoDB is away and it is known from before (`remembered`)."""
    return current_account() or cast("Account | None", g.get("remembered"))


def logged_in() -> Account:
    """Who asks. Raises `Unauthenticated`."""
    account = current_account()
    if account is None:
        raise Unauthenticated("Primero inicia sesión.", hint="Los programas usan un token.")
    return account


def require(permission: Permission) -> Account:
    """Who asks, if they may. Raises `Unauthenticated`, `Denied`."""
    account = logged_in()
    auth.demand(account, permission)
    return account


def via() -> Via:
    """Through what a change came: the board's own pages, or a script with a token."""
    return "page" if g.get("session_key") else "api"


def csrf_token() -> str:
    """What a form or a script of ours sends along; empty where nobody is logged in."""
    return str(g.get("csrf", ""))


def csp_nonce() -> str:
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)
