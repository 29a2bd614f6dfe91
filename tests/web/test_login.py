from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from browsing import PASSWORD, Browser
from resguardo import auth
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.web.login import safe_next


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("GET", "/api/batches", {"Alice", "Rita", "Bob", "Charlie"}),
        ("GET", "/api/export/all-assignments", {"Alice", "Rita", "Bob", "Charlie"}),
        ("GET", "/api/backup/database", {"Alice"}),
        ("GET", "/api/backups", {"Alice", "Rita", "Bob", "Charlie"}),
        ("POST", "/api/backups", {"Alice"}),
        ("GET", "/api/backups/x/download", {"Alice"}),
        ("POST", "/api/batches", {"Alice"}),
        ("POST", "/api/batches/assign", {"Alice"}),
        ("POST", "/api/batches/delete", {"Alice"}),
        ("POST", "/api/batches/quick-create", {"Alice"}),
        ("DELETE", "/api/batches/batch_000005", {"Alice"}),
        ("POST", "/api/segmentadores", {"Alice"}),
        ("POST", "/api/data/batches/upload", {"Alice"}),
    ],
)
def test_what_a_role_may_not_is_403(method: str, path: str, roles: set[str], browser: Callable[[str], Browser]) -> None:
    for name in ("Alice", "Rita", "Bob", "Charlie"):
        status = browser(name).send(method, path, None if method == "GET" else {}).status_code
        assert (status != 403) == (name in roles), f"{name}: {status}"


def test_a_segmentador_changes_only_the_status_and_comments_of_their_own(browser: Callable[[str], Browser]) -> None:
    bob = browser("Bob")
    own, other = "/api/batches/batch_000001", "/api/batches/batch_000002"
    assert bob.send("PATCH", own, {"status": "In", "comments": "voy a la mitad"}).status_code == 200
    assert bob.send("PATCH", own, {"metadata": {"priority": "alta"}}).status_code == 403
    assert bob.send("PATCH", own, {"assignee": "Ana"}).status_code == 403
    assert bob.send("PATCH", other, {"status": "In"}).status_code == 403


def test_a_reviewer_reviews_and_comments_any_batch(browser: Callable[[str], Browser]) -> None:
    rita = browser("Rita")
    path = "/api/batches/batch_000001"
    assert rita.send("PATCH", path, {"metadata": {"review_status": "Aprobado"}, "comments": "bien"}).status_code == 200
    assert rita.send("PATCH", path, {"status": "S"}).status_code == 403


def test_a_viewer_changes_nothing(browser: Callable[[str], Browser]) -> None:
    assert browser("Charlie").send("PATCH", "/api/batches/batch_000001", {"comments": "x"}).status_code == 403


def test_nobody_gets_401_from_the_api_and_is_led_to_the_login_elsewhere(app: Flask) -> None:
    app.add_url_rule("/pagina", "page", lambda: "x")
    client = app.test_client()
    answer = client.get("/api/batches")
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["success"] is False
    assert "Primero inicia sesión" in answer.json["error"]
    page = client.get("/pagina?a=1", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Location"]) == (302, "/login?next=/pagina%3Fa%3D1")


def test_a_cookie_alone_changes_nothing(alice: Browser, store: Store) -> None:
    answer = alice.client.post("/api/batches/delete", json={"ids": ["batch_000001"]})
    assert answer.status_code == 403
    wrong = alice.client.delete("/api/batches/batch_000001", headers={"X-CSRF-Token": "ñ" * 10})
    assert wrong.status_code == 403
    assert store.batches.count() == 5


def test_a_token_needs_no_csrf_and_a_wrong_one_is_401(app: Flask, store: Store, ledger: Ledger) -> None:
    token = auth.make_token(store, "Alice", ledger.now())
    client = app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    assert client.delete("/api/batches/batch_000001", headers=headers).status_code == 200
    assert client.get("/api/batches", headers={"Authorization": "Bearer no"}).status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: Flask) -> None:
    answer = app.test_client().post("/login", data={"name": "Alice", "password": PASSWORD, "next": "/assign"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/assign")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]


def test_a_login_from_another_site_is_refused(app: Flask) -> None:
    given = {"name": "Alice", "password": PASSWORD}
    answer = app.test_client().post("/login", json=given, headers={"Origin": "https://otro.example"})
    assert answer.status_code == 403


def test_the_eleventh_wrong_password_is_429_and_others_may_go_on(app: Flask) -> None:
    client = app.test_client()
    wrong = {"name": "Alice", "password": "no es esta"}
    assert [client.post("/login", json=wrong).status_code for _ in range(10)] == [401] * 10
    answer = client.post("/login", json=wrong)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json is not None
    assert answer.json["success"] is False
    assert client.post("/login", json={"name": "Bob", "password": PASSWORD}).status_code == 200


def test_the_one_time_link_logs_in_by_a_button_not_by_being_looked_at(
    app: Flask, store: Store, ledger: Ledger, settings: Settings
) -> None:
    store.accounts.change("Alice", password_hash=None)
    link = auth.ensure_first_lead(store, settings, ledger.now())
    assert link is not None
    client = app.test_client()
    once = link.removeprefix("/login?once=")
    for _ in range(2):
        assert once in client.get(link).text
    assert client.post("/login", data={"once": once}).status_code == 303
    mine = client.get("/api/account").json
    assert mine is not None
    assert (mine["name"], mine["has_password"]) == ("Alice", False)
    assert client.post("/login", data={"once": once}).status_code == 401


def test_after_logging_out_the_session_is_gone(alice: Browser) -> None:
    assert alice.post("/logout", {}).status_code == 200
    assert alice.get("/api/batches").status_code == 401


def test_a_changed_password_ends_other_sessions_and_goes_on_here(browser: Callable[[str], Browser]) -> None:
    here, elsewhere = browser("Alice"), browser("Alice")
    assert here.post("/api/account/password", {"current": "no", "new": "nueva contraseña"}).status_code == 403
    assert here.post("/api/account/password", {"current": PASSWORD, "new": "nueva contraseña"}).status_code == 200
    assert here.get("/api/batches").status_code == 200
    assert elsewhere.get("/api/batches").status_code == 401


@pytest.mark.parametrize("value", ["https://x.example", "//x.example", "/\\x.example", "assign", "", None, "/a\r\nb"])
def test_logging_in_leads_nowhere_else(value: str | None) -> None:
    assert safe_next(value) == "/"


def test_logging_in_leads_back() -> None:
    assert safe_next("/batches?status=NS") == "/batches?status=NS"


def test_every_answer_has_the_security_headers(app: Flask) -> None:
    headers = app.test_client().get("/login").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
