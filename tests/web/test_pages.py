from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from browsing import TEAM, Browser


@pytest.mark.parametrize("path", ["/", "/assign", "/batches"])
def test_everybody_sees_the_board(path: str, browser: Callable[[str], Browser]) -> None:
    for name in TEAM:
        answer = browser(name).get(path)
        assert answer.status_code == 200
        assert "Resguardo" in answer.text


def test_a_page_carries_the_token_of_its_session(alice: Browser) -> None:
    assert f'content="{alice.csrf}"' in alice.get("/assign").text


def test_what_a_role_may_not_is_absent(browser: Callable[[str], Browser]) -> None:
    assert "Carga rápida" in browser("Alice").get("/assign").text
    assert "Carga rápida" not in browser("Charlie").get("/assign").text
    assert browser("Charlie").get("/data-management").status_code == 403


def test_the_login_says_what_was_wrong_and_keeps_the_name(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/login?next=/assign").status_code == 200
    answer = client.post("/login", data={"name": "Alice", "password": "no", "next": "/assign"})
    assert answer.status_code == 401
    assert "no son correctos" in answer.text
    assert 'value="Alice"' in answer.text
    assert 'value="/assign"' in answer.text


def test_an_error_is_a_calm_page(alice: Browser) -> None:
    answer = alice.get("/nada", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Esta dirección no existe" in answer.text
