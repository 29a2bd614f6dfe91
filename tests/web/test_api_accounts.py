"""One's own account, and all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from browsing import PASSWORD, Browser
from resguardo.store import Store


def test_a_new_account_logs_in_with_the_password_that_was_shown_once(alice: Browser, app: Flask) -> None:
    made = alice.post("/api/accounts", {"name": "Dora", "role": "segmentador", "segmentador": "Ana"})
    assert made.status_code == 201
    password = made.json["password"]
    dora = Browser(app.test_client(), "Dora", password)
    mine = dora.get("/api/account").json
    assert (mine["role"], mine["segmentador"], mine["has_password"]) == ("segmentador", "Ana", True)
    (row,) = [row for row in alice.get("/api/accounts").json["accounts"] if row["name"] == "Dora"]
    assert password not in str(row)
    assert (row["role"], row["segmentador"], row["disabled"]) == ("segmentador", "Ana", False)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Bob", "role": "viewer"},
        {"name": "Dora", "role": "jefa"},
        {"name": " ", "role": "viewer"},
        {"name": "Dora"},
        {"name": "Dora", "role": "viewer", "segmentador": 3},
    ],
)
def test_what_is_no_account_is_refused_and_nothing_is_made(alice: Browser, given: dict[str, object]) -> None:
    before = alice.get("/api/accounts").json
    assert alice.post("/api/accounts", given).status_code == 400
    assert alice.get("/api/accounts").json == before


def test_another_role_holds_from_the_next_request_on(alice: Browser, browser: Callable[[str], Browser]) -> None:
    bob = browser("Bob")
    assert bob.get("/api/accounts").status_code == 403
    assert alice.send("PATCH", "/api/accounts/Bob", {"role": "lead"}).status_code == 200
    assert bob.get("/api/accounts").status_code == 200


def test_a_disabled_account_is_out_at_once_and_can_be_let_in_again(
    alice: Browser, browser: Callable[[str], Browser]
) -> None:
    bob = browser("Bob")
    token = bob.post("/api/account/token", {}).json["token"]
    assert alice.send("PATCH", "/api/accounts/Bob", {"disabled": True}).status_code == 200
    assert bob.get("/api/account").status_code == 401
    by_token = {"Authorization": f"Bearer {token}"}
    assert bob.client.get("/api/account", headers=by_token).status_code == 401
    assert alice.send("PATCH", "/api/accounts/Bob", {"disabled": False}).status_code == 200
    assert browser("Bob").get("/api/account").status_code == 200


@pytest.mark.parametrize("fields", [{"role": "viewer"}, {"disabled": True}])
def test_the_last_lead_who_can_log_in_stays(alice: Browser, store: Store, fields: dict[str, object]) -> None:
    store.accounts.change("Rita", role="lead", password_hash=None)  # leads, but has no way in
    refused = alice.send("PATCH", "/api/accounts/Alice", fields)
    assert refused.status_code == 409
    assert "única cuenta de coordinación" in refused.json["error"]
    assert alice.get("/api/accounts").status_code == 200
    assert alice.send("PATCH", "/api/accounts/Bob", {"role": "lead"}).status_code == 200
    assert alice.send("PATCH", "/api/accounts/Alice", fields).status_code == 200


@pytest.mark.parametrize("given", [{}, {"name": "x"}, {"role": 3}, {"disabled": "no"}, {"role": "jefa"}])
def test_what_is_no_change_is_refused(alice: Browser, given: dict[str, object]) -> None:
    before = alice.get("/api/accounts").json
    assert alice.send("PATCH", "/api/accounts/Bob", given).status_code == 400
    assert alice.get("/api/accounts").json == before
    assert alice.send("PATCH", "/api/accounts/Nadie", {"role": "viewer"}).status_code == 404


def test_another_password_ends_the_sessions_of_the_old_one(
    alice: Browser, browser: Callable[[str], Browser], app: Flask
) -> None:
    bob = browser("Bob")
    password = alice.post("/api/accounts/Bob/password", {}).json["password"]
    assert password != PASSWORD
    assert bob.get("/api/account").status_code == 401
    assert app.test_client().post("/login", json={"name": "Bob", "password": PASSWORD}).status_code == 401
    assert Browser(app.test_client(), "Bob", password).get("/api/account").status_code == 200


def test_ones_own_tokens_are_made_counted_and_revoked(browser: Callable[[str], Browser]) -> None:
    bob = browser("Bob")
    tokens = [bob.post("/api/account/token", {}).json["token"] for _ in range(2)]
    assert bob.get("/api/account").json["tokens"] == 2
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    assert [bob.client.get("/api/batches", headers=own).status_code for own in headers] == [200, 200]
    assert bob.send("DELETE", "/api/account/token").json["revoked"] == 2
    assert [bob.client.get("/api/batches", headers=own).status_code for own in headers] == [401, 401]


@pytest.mark.parametrize("name", ["Rita", "Bob", "Charlie"])
def test_only_leads_see_accounts_and_everybody_their_own(browser: Callable[[str], Browser], name: str) -> None:
    somebody = browser(name)
    assert somebody.get("/account").status_code == 200
    assert somebody.get("/accounts").status_code == 403
    assert somebody.post("/api/accounts", {"name": "Dora", "role": "lead"}).status_code == 403
    assert somebody.post("/api/accounts/Alice/password", {}).status_code == 403
