from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from resguardo import auth
from resguardo.config import Settings
from resguardo.errors import Invalid, NotFound, RefusedForSafety, Unauthenticated
from resguardo.store import Store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PASSWORD = "correcto caballo"


def add(store: Store, name: str = "Alice", role: str = "lead") -> None:
    auth.add_account(store, name, role, PASSWORD, NOW)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("lead", {"read", "assign", "batches", "edit", "review", "people", "import", "backup", "accounts"}),
        ("reviewer", {"read", "review"}),
        ("segmentador", {"read", "edit"}),
        ("viewer", {"read"}),
    ],
)
def test_each_role_may_just_what_its_row_says(role: str, allowed: set[str]) -> None:
    assert auth.PERMISSIONS[role] == allowed


def test_a_password_opens_a_session_and_a_wrong_one_does_not(store: Store) -> None:
    add(store)
    key, csrf = auth.log_in(store, "Alice", PASSWORD, NOW)
    session = auth.session_of(store, key, NOW)
    assert session is not None
    assert (session.account.name, session.csrf, session.prolonged) == ("Alice", csrf, False)
    for name, password in (("Alice", "otra cosa"), ("Nadie", PASSWORD), ("Alice", "")):
        with pytest.raises(Unauthenticated):
            auth.log_in(store, name, password, NOW)


def test_neither_the_password_nor_the_key_is_stored(store: Store) -> None:
    add(store)
    key, _ = auth.log_in(store, "Alice", PASSWORD, NOW)
    token = auth.make_token(store, "Alice", NOW)
    database = store.connection.database
    stored = str([list(database[name].find()) for name in database.list_collection_names()])
    assert all(secret not in stored for secret in (PASSWORD, key, token))


def test_a_session_slides_and_ends_after_thirty_days_of_silence(store: Store) -> None:
    add(store)
    key, _ = auth.log_in(store, "Alice", PASSWORD, NOW)
    session = auth.session_of(store, key, NOW + timedelta(days=29))
    assert session is not None
    assert session.prolonged
    assert auth.session_of(store, key, NOW + timedelta(days=58)) is not None
    assert auth.session_of(store, key, NOW + timedelta(days=89)) is None


def test_a_new_password_ends_the_sessions(store: Store) -> None:
    add(store)
    key, _ = auth.log_in(store, "Alice", PASSWORD, NOW)
    auth.change_password(store, "Alice", "otra contraseña")
    assert auth.session_of(store, key, NOW) is None
    auth.log_in(store, "Alice", "otra contraseña", NOW)


def test_a_disabled_account_is_shut_out(store: Store) -> None:
    add(store)
    key, _ = auth.log_in(store, "Alice", PASSWORD, NOW)
    token = auth.make_token(store, "Alice", NOW)
    with pytest.raises(RefusedForSafety):  # nobody else could let people in
        auth.disable(store, "Alice")
    auth.add_account(store, "Berta", "lead", PASSWORD, NOW)
    auth.disable(store, "Alice")
    assert auth.session_of(store, key, NOW) is None
    assert auth.token_account(store, token) is None
    with pytest.raises(Unauthenticated):
        auth.log_in(store, "Alice", PASSWORD, NOW)


def test_a_token_speaks_for_its_account_until_it_is_revoked(store: Store) -> None:
    add(store)
    token = auth.make_token(store, "Alice", NOW)
    found = auth.token_account(store, token)
    assert found is not None
    assert found.name == "Alice"
    assert auth.token_account(store, token + "x") is None
    store.accounts.revoke_tokens("Alice")
    assert auth.token_account(store, token) is None
    with pytest.raises(NotFound):
        auth.make_token(store, "Nadie", NOW)


def test_an_account_needs_a_known_role_a_free_name_and_a_long_password(store: Store) -> None:
    add(store)
    for name, role, password in (("Bob", "jefe", PASSWORD), ("Alice", "lead", PASSWORD), ("Bob", "lead", "corta")):
        with pytest.raises(Invalid):
            auth.add_account(store, name, role, password, NOW)


def test_the_first_lead_gets_the_password_of_the_settings(store: Store, settings: Settings) -> None:
    chosen = settings.model_copy(update={"admin_password": SecretStr(PASSWORD)})
    assert auth.ensure_first_lead(store, chosen, NOW) is None
    auth.log_in(store, "admin", PASSWORD, NOW)


def test_the_first_lead_gets_a_link_that_works_once(store: Store, settings: Settings) -> None:
    link = auth.ensure_first_lead(store, settings, NOW)
    assert link is not None
    once = link.removeprefix("/login?once=")
    with pytest.raises(Unauthenticated):
        auth.log_in_once(store, once, NOW + timedelta(hours=25))
    key, _ = auth.log_in_once(store, once, NOW)
    session = auth.session_of(store, key, NOW)
    assert session is not None
    assert session.account.role == "lead"
    with pytest.raises(Unauthenticated):
        auth.log_in_once(store, once, NOW)


def test_only_the_newest_link_works_and_none_is_made_where_a_lead_has_a_password(
    store: Store, settings: Settings
) -> None:
    old = auth.ensure_first_lead(store, settings, NOW)
    auth.ensure_first_lead(store, settings, NOW)
    assert old is not None
    with pytest.raises(Unauthenticated):
        auth.log_in_once(store, old.removeprefix("/login?once="), NOW)
    add(store)
    assert auth.ensure_first_lead(store, settings, NOW) is None
