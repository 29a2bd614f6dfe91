"""Somebody at a browser, for the tests of the web."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "correcto caballo"
TEAM = {"Alice": "lead", "Rita": "reviewer", "Bob": "segmentador", "Charlie": "viewer"}


class Browser:
    """Somebody who is logged in: keeps the cookie, sends the CSRF token."""

    def __init__(self, client: FlaskClient, name: str, password: str = PASSWORD) -> None:
        self.client = client
        answer = client.post("/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        self.csrf = str(answer.json["csrf_token"]) if answer.json else ""

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)  # type: ignore[arg-type]

    def send(self, method: str, path: str, json: object = None, **more: object) -> TestResponse:
        headers = {"X-CSRF-Token": self.csrf, **more.pop("headers", {})}  # type: ignore[dict-item]
        return self.client.open(path, method=method, json=json, headers=headers, **more)  # type: ignore[arg-type]

    def post(self, path: str, json: object = None, **more: object) -> TestResponse:
        return self.send("POST", path, json, **more)
