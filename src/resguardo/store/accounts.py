"""Accounts, their sessions and their tokens as they lie in MongoDB; `auth` decides what they mean.

Secrets are never stored: sessions and tokens are kept by the SHA-256 of what the browser or script holds, passwords by
their argon2 hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from pymongo import ASCENDING

from resguardo.store.connect import Connection, DuplicateKeyError

ACCOUNTS = "resguardo_accounts"
SESSIONS = "resguardo_sessions"
TOKENS = "resguardo_tokens"


@dataclass(frozen=True)
class Account:
    """A login. `segmentador` is the name on the board that it stands for, if any."""

    name: str
    role: str
    password_hash: str | None
    disabled: bool
    language: str | None
    segmentador: str | None
    created_at: datetime
    email: str | None = None
    """Where a lead gets the summary and the alarm."""


class Accounts:
    def __init__(self, connection: Connection) -> None:
        self._accounts = connection.dicts(ACCOUNTS)
        self._sessions = connection.dicts(SESSIONS)
        self._tokens = connection.dicts(TOKENS)

    def ensure_indexes(self) -> None:
        self._sessions.create_index([("account", ASCENDING)])
        self._tokens.create_index([("account", ASCENDING)])

    def add(self, account: Account) -> bool:
        """False when the name is taken."""
        row = {
            "_id": account.name,
            **{name: value for name, value in vars(account).items() if name != "name"},
        }
        try:
            self._accounts.insert_one(row)
        except DuplicateKeyError:
            return False
        return True

    def get(self, name: str) -> Account | None:
        return _account(self._accounts.find_one({"_id": name}))

    def all(self) -> list[Account]:
        found = (_account(row) for row in self._accounts.find({}))
        return sorted((account for account in found if account), key=lambda account: account.name)

    def change(self, name: str, **fields: Any) -> bool:
        """Set fields of an account. False when there is no such account."""
        return self._accounts.update_one({"_id": name}, {"$set": fields}).matched_count == 1

    def open_session(self, key: str, account: str, csrf: str, now: datetime, expires: datetime) -> None:
        self._sessions.insert_one({"_id": key, "account": account, "csrf": csrf, "since": now, "expires": expires})

    def session(self, key: str, now: datetime) -> dict[str, Any] | None:
        """{`account`, `csrf`, `since`, `expires`} of a session that has not run out."""
        row = self._sessions.find_one({"_id": key})
        return row if row and row["expires"] > now else None

    def prolong_session(self, key: str, expires: datetime) -> None:
        self._sessions.update_one({"_id": key}, {"$set": {"expires": expires}})

    def close_session(self, key: str) -> None:
        self._sessions.delete_one({"_id": key})

    def close_all_sessions(self, account: str) -> None:
        self._sessions.delete_many({"account": account})

    def drop_expired_sessions(self, now: datetime) -> None:
        self._sessions.delete_many({"expires": {"$lte": now}})

    def add_token(self, key: str, account: str, now: datetime) -> None:
        self._tokens.insert_one({"_id": key, "account": account, "created_at": now})

    def token_account(self, key: str) -> str | None:
        """The account that a token speaks for."""
        row = self._tokens.find_one({"_id": key})
        return str(row["account"]) if row else None

    def speaking_for(self, keys: Sequence[str], now: datetime) -> dict[str, str]:
        """The accounts that these sessions, if they have not run out, and tokens speak for."""
        query = {"_id": {"$in": list(keys)}}
        sessions = self._sessions.find({**query, "expires": {"$gt": now}})
        return {row["_id"]: str(row["account"]) for row in chain(sessions, self._tokens.find(query))}

    def count_tokens(self, account: str) -> int:
        return self._tokens.count_documents({"account": account})

    def revoke_tokens(self, account: str) -> int:
        return self._tokens.delete_many({"account": account}).deleted_count


def _account(row: dict[str, Any] | None) -> Account | None:
    if row is None:
        return None
    fields: dict[str, Any] = {name: row.get(name) for name in Account.__dataclass_fields__ if name != "name"}
    return Account(name=row["_id"], **fields)
