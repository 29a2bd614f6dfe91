"""Who may do what, and how somebody shows who they are: passwords, sessions, tokens, the first lead's one-time link.

Nothing secret is stored: a session and a token by the SHA-256 of their 32 random bytes, a password by its argon2 hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from resguardo.board import batch
from resguardo.board.document import Path
from resguardo.config import Settings
from resguardo.errors import Denied, Invalid, NotFound, RefusedForSafety, Unauthenticated
from resguardo.store import Store
from resguardo.store.accounts import Account

Permission = Literal["read", "assign", "batches", "edit", "review", "people", "import", "backup", "accounts"]
"""`batches`: create, rename and delete them. `edit`: work done on a batch. `review`: a judgement of it."""

PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "lead": frozenset(get_args(Permission)),
    "reviewer": frozenset({"read", "review"}),
    "segmentador": frozenset({"read", "edit"}),
    "viewer": frozenset({"read"}),
}
"""What each role may do; asked through `may` and nowhere else."""

ROLES: Final = tuple(PERMISSIONS)
FIRST_ROLE: Final = "lead"
SPOKEN: Final = "abcdefghjkmnpqrstuvwxyz23456789"

EDITABLE: Final[dict[str, frozenset[Path]]] = {
    "reviewer": frozenset({("metadata", "review_status"), ("metadata", "reviewed_at"), ("comments",)}),
    "segmentador": frozenset({("status",), ("comments",), ("metadata", "completed_masks")}),
}
"""The fields of a batch that a role may change; a segmentador's only where the batch is theirs. A lead: all."""

SESSION_LASTS: Final = timedelta(days=30)
PROLONG_AFTER: Final = timedelta(days=1)
"""A session slides at most once in this time, so that reading a page need not write."""
LINK_LASTS: Final = timedelta(hours=24)
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1000
FIRST_LEAD: Final = "admin"
LINK: Final = "first_login"

_HASHER: Final = PasswordHasher()


@dataclass(frozen=True)
class Session:
    """`prolonged` says that its time was just extended, so that the browser's cookie should be too."""

    account: Account
    csrf: str
    prolonged: bool


def may(account: Account, permission: Permission) -> bool:
    return permission in PERMISSIONS.get(account.role, frozenset())


def demand(account: Account, permission: Permission) -> None:
    """Raises `Denied`."""
    if not may(account, permission):
        raise Denied(
            "Tu cuenta «{name}» ({role}) no permite hacer esto.",
            hint="Pídelo a quien coordina el equipo.",
            name=account.name,
            role=account.role,
        )


def demand_edit(account: Account, paths: Iterable[Path], assignee: object) -> None:
    """Whether the account may change these fields of a batch that is `assignee`'s. Raises `Denied`."""
    if may(account, "batches"):
        return
    if not may(account, "edit") and not may(account, "review"):
        demand(account, "edit")
    if account.role == "segmentador" and assignee != (account.segmentador or account.name):
        raise Denied("Ese batch no es tuyo.", hint="Solo puedes cambiar los que tienes asignados.")
    allowed = EDITABLE.get(account.role, frozenset())
    wrong = next((path for path in paths if path not in allowed), None)
    if wrong is not None:
        raise Denied(
            "Tu cuenta ({role}) no puede cambiar «{field}».",
            hint="Pídelo a quien coordina el equipo.",
            role=account.role,
            field=".".join(wrong),
        )


UNDOES_OWN: Final = frozenset({"assign", "unassign", "edit"})
"""The actions that whoever may assign may take back where they were their own; a lead: all, of anybody."""


def demand_undo(account: Account, actor: str, actions: Iterable[str]) -> None:
    """Whether the account may take back an operation of this actor. Raises `Denied`."""
    if may(account, "assign") and actor == account.name and UNDOES_OWN.issuperset(actions):
        return
    demand(account, "batches")


def digest(secret: str) -> str:
    """What is stored of a session or a token."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def add_account(
    store: Store, name: str, role: str, password: str | None, now: datetime, segmentador: str | None = None
) -> Account:
    """A new account; without a password it can only use tokens. Raises `Invalid`."""
    _demand_role(role)
    own = batch.valid_person(name)
    hashed = None if password is None else hash_password(password)
    account = Account(own, role, hashed, False, None, segmentador, now)
    if not store.accounts.add(account):
        raise Invalid("Ya hay una cuenta «{name}».", hint="Elige otro nombre.", name=own)
    return account


def hash_password(password: str) -> str:
    """Raises `Invalid` when it is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(
            "La contraseña tiene {length} caracteres; tiene que tener entre {least} y {most}.",
            length=len(password),
            least=SHORTEST_PASSWORD,
            most=LONGEST_PASSWORD,
        )
    return _HASHER.hash(password.encode(errors="surrogatepass"))


def change_password(store: Store, name: str, password: str) -> None:
    """A new password; whoever is logged in with the old one no longer is. Raises `NotFound`, `Invalid`.

    A crash in between leaves those sessions as they were; nobody was told that it is done, and doing it again ends
    them.
    """
    if not store.accounts.change(name, password_hash=hash_password(password)):
        raise NotFound("No hay una cuenta «{name}».", hint="Revisa el nombre.", name=name)
    store.accounts.close_all_sessions(name)


def change_account(store: Store, name: str, **fields: Any) -> Account:
    """Set `role`, `segmentador` or `disabled` of an account: what it may do from its next request on.

    A disabled one stays, for the history's sake, and nobody can use it. It is marked first: a crash afterwards leaves
    sessions and tokens that nobody can use, and they go before it is let in again, so that none of them comes back.

    Raises `NotFound`, `Invalid`, and `RefusedForSafety` where no lead would be left who can log in.
    """
    account = store.accounts.get(name)
    if account is None:
        raise NotFound("No hay una cuenta «{name}».", hint="Revisa el nombre.", name=name)
    changed = replace(account, **fields)
    _demand_role(changed.role)
    if changed.segmentador is not None:
        changed = replace(changed, segmentador=batch.valid_person(changed.segmentador))
    if _leads(account) and not _leads(changed):
        _demand_another_lead(store, name)
    own = {"role": changed.role, "segmentador": changed.segmentador}
    if changed.disabled:
        store.accounts.change(name, **own, disabled=True)
    if changed.disabled or account.disabled:
        store.accounts.close_all_sessions(name)
        store.accounts.revoke_tokens(name)
    if not changed.disabled:
        store.accounts.change(name, **own, disabled=False)
    return changed


def _leads(account: Account) -> bool:
    return account.role == FIRST_ROLE and not account.disabled and account.password_hash is not None


def _demand_another_lead(store: Store, name: str) -> None:
    """Two that go at one moment may both find the other; the next start of a board prints a link that lets one in."""
    if not any(_leads(account) and account.name != name for account in store.accounts.all()):
        raise RefusedForSafety(
            "«{name}» es la única cuenta de coordinación que puede entrar.",
            hint="Da antes ese rol a otra cuenta que tenga contraseña.",
            name=name,
        )


def _demand_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid("No hay un rol «{role}». Usa uno de: {allowed}.", role=role[:60], allowed=", ".join(ROLES))


def disable(store: Store, name: str) -> None:
    """Raises `NotFound`, `RefusedForSafety`."""
    change_account(store, name, disabled=True)


def temporary_password() -> str:
    """One to be read aloud or written down, and changed by whom it is for: 79 bits, nothing that looks alike."""
    return "-".join("".join(secrets.choice(SPOKEN) for _ in range(4)) for _ in range(4))


def make_token(store: Store, name: str, now: datetime) -> str:
    """A token that speaks for an account; only shown now. Raises `NotFound`."""
    if store.accounts.get(name) is None:
        raise NotFound("No hay una cuenta «{name}».", hint="Revisa el nombre.", name=name)
    token = secrets.token_urlsafe(32)
    store.accounts.add_token(digest(token), name, now)
    return token


def log_in(store: Store, name: str, password: str, now: datetime) -> tuple[str, str]:
    """(session key, its CSRF token) for a name and its password. Raises `Unauthenticated`."""
    account = store.accounts.get(name)
    fits = password_fits(account, password)
    if account is None or account.disabled or not fits:
        raise Unauthenticated("El nombre o la contraseña no son correctos.", hint="Revísalos e inténtalo de nuevo.")
    if account.password_hash and _HASHER.check_needs_rehash(account.password_hash):
        store.accounts.change(name, password_hash=hash_password(password))
    store.accounts.drop_expired_sessions(now)
    return open_session(store, account, now)


def password_fits(account: Account | None, password: str) -> bool:
    known = account.password_hash if account else None
    try:
        _HASHER.verify(known or _nobodys(), password[: LONGEST_PASSWORD + 1].encode(errors="surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


@cache
def _nobodys() -> str:
    """What the password of an account that does not exist is checked against, so that it takes as long."""
    return _HASHER.hash(secrets.token_urlsafe())


def open_session(store: Store, account: Account, now: datetime) -> tuple[str, str]:
    key, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    store.accounts.open_session(digest(key), account.name, csrf, now, now + SESSION_LASTS)
    return key, csrf


def session_of(store: Store, key: str, now: datetime) -> Session | None:
    """Whose session a browser's key is; None when it has run out, or its account was disabled."""
    row = store.accounts.session(digest(key), now)
    account = store.accounts.get(row["account"]) if row else None
    if row is None or account is None or account.disabled:
        return None
    old = row["expires"] - now < SESSION_LASTS - PROLONG_AFTER
    if old:
        store.accounts.prolong_session(digest(key), now + SESSION_LASTS)
    return Session(account, row["csrf"], old)


def token_account(store: Store, token: str) -> Account | None:
    """The account that a script's token speaks for."""
    name = store.accounts.token_account(digest(token))
    account = store.accounts.get(name) if name else None
    return None if account is None or account.disabled else account


def still_good(store: Store, keys: Sequence[str], now: datetime) -> dict[str, Account]:
    """Of sessions and tokens, by their digests: those that still speak for somebody, and for whom."""
    accounts = {account.name: account for account in store.accounts.all() if not account.disabled}
    names = store.accounts.speaking_for(keys, now)
    return {key: accounts[name] for key, name in names.items() if name in accounts}


def log_out(store: Store, key: str) -> None:
    store.accounts.close_session(digest(key))


def ensure_first_lead(store: Store, settings: Settings, now: datetime) -> str | None:
    """Make sure that a lead can log in. Returns the path of a one-time link when no password is set for the first.

    A link that was not used is replaced at the next start; only the newest one works.
    """
    leads = [account for account in store.accounts.all() if account.role == "lead" and not account.disabled]
    if any(account.password_hash for account in leads):
        return None
    if not leads:
        store.accounts.add(Account(FIRST_LEAD, "lead", None, False, None, None, now))
    name = leads[0].name if leads else FIRST_LEAD
    if settings.admin_password is not None:
        change_password(store, name, settings.admin_password.get_secret_value())
        return None
    once = secrets.token_urlsafe(32)
    store.state.put(LINK, {"key": digest(once), "account": name, "expires": now + LINK_LASTS})
    return f"/login?once={once}"


def log_in_once(store: Store, once: str, now: datetime) -> tuple[str, str]:
    """Use the one-time link up: (session key, CSRF token). Raises `Unauthenticated`."""
    link = store.state.get(LINK)
    known = isinstance(link, dict) and secrets.compare_digest(str(link["key"]), digest(once))
    account = store.accounts.get(link["account"]) if known and link["expires"] > now else None
    # Of several that try at the same moment one removes it; the others find nothing to remove.
    if account is None or account.disabled or not store.state.take(LINK, link):
        raise Unauthenticated(
            "El enlace de un solo uso ya se usó o venció.", hint="Reinicia el tablero para que imprima otro."
        )
    return open_session(store, account, now)
