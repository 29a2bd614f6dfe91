"""An account that is shut out while the process is killed is shut out, and nothing of before comes back with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from resguardo import auth
from resguardo.errors import Unauthenticated
from resguardo.store import Store

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PASSWORD = "correcto caballo"
DISABLE = "from resguardo import auth; auth.change_account(store, 'Ana', disabled=True)"
LET_IN = "from resguardo import auth; auth.change_account(store, 'Ana', disabled=False)"
STEPS = ["Accounts.change:after", "Accounts.close_all_sessions:before", "Accounts.revoke_tokens:before"]


@pytest.fixture
def old(store: Store) -> tuple[str, str]:
    """A session and a token of Ana's."""
    auth.add_account(store, "Ana", "viewer", PASSWORD, NOW)
    return auth.log_in(store, "Ana", PASSWORD, NOW)[0], auth.make_token(store, "Ana", NOW)


def is_out(store: Store, old: tuple[str, str]) -> bool:
    return auth.session_of(store, old[0], NOW) is None and auth.token_account(store, old[1]) is None


@pytest.mark.parametrize("failpoint", STEPS)
def test_who_was_being_shut_out_is_out_and_comes_in_only_anew(
    store: Store, killed: Callable[..., None], old: tuple[str, str], failpoint: str
) -> None:
    assert not is_out(store, old)
    killed(failpoint, DISABLE)
    assert is_out(store, old)
    with pytest.raises(Unauthenticated):
        auth.log_in(store, "Ana", PASSWORD, NOW)
    auth.change_account(store, "Ana", disabled=False)
    assert is_out(store, old)
    assert auth.session_of(store, auth.log_in(store, "Ana", PASSWORD, NOW)[0], NOW) is not None


@pytest.mark.parametrize(
    "failpoint", ["Accounts.revoke_tokens:before", "Accounts.change:before", "Accounts.change:after"]
)
def test_letting_somebody_in_that_is_killed_brings_back_nothing_of_before(
    store: Store, killed: Callable[..., None], old: tuple[str, str], failpoint: str
) -> None:
    store.accounts.change("Ana", disabled=True)  # as a crash left it
    killed(failpoint, LET_IN)
    assert is_out(store, old)
    auth.change_account(store, "Ana", disabled=False)
    assert is_out(store, old)
    assert auth.log_in(store, "Ana", PASSWORD, NOW)
