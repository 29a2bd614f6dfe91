"""The page of mail on a real board with a real SMTP server: what is shown is what is sent and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from post_office import PostOffice, opened

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "correcto caballo"
PROGRAM = "from resguardo.config import load; from resguardo.web.serve import serve; serve(load())"


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    with opened(PostOffice()) as office:
        yield office


@pytest.fixture(scope="module")
def address(data: Path, office: PostOffice) -> Iterator[str]:
    own = {"DATA": str(data), "PORT": "0", "ADMIN_PASSWORD": PASSWORD, "SMTP_HOST": "127.0.0.1"}
    own |= {"SMTP_PORT": str(office.port), "SMTP_SECURITY": "none", "MAIL_FROM": "Tablero <t@ejemplo.mx>"}
    environment = {**os.environ, **{f"RESGUARDO_{name}": value for name, value in own.items()}}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("Resguardo: "), said
    yield said.removeprefix("Resguardo: ").strip()
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def loaded(address: str) -> str:
    """A person and a batch, made by the test, are enough here."""
    return address


def test_a_list_is_looked_at_sent_and_seen_to_be_sent(lead: Page, office: PostOffice) -> None:
    headers = {"X-CSRF-Token": str(lead.locator('meta[name="csrf-token"]').get_attribute("content"))}
    people = (("Ana <3", "ana@ejemplo.mx"), ("Beto", ""))
    for name, email in people:
        lead.request.post("/api/segmentadores", data={"name": name, "email": email}, headers=headers)
        lead.request.post("/api/batches", data={"id": f"de {name}", "assignee": name}, headers=headers)
    lead.goto("/mail")
    lead.get_by_role("button", name="Vista previa para Ana <3").click()
    frame = lead.frame_locator(".mail-frame")
    frame.get_by_text("Hola, Ana <3.").wait_for()
    frame.get_by_text("de Ana <3").wait_for()
    lead.get_by_role("button", name="Ver como texto").click()
    lead.locator(".mail-text").get_by_text("- de Ana <3 · NS").wait_for()
    lead.locator("dialog").get_by_role("button", name="Mandar", exact=True).click()
    lead.get_by_text("1 lista va en camino.").wait_for()
    sent = lead.locator('#mail-outbox tr[data-state="sent"]')
    sent.get_by_text("Ana <3").wait_for(timeout=30_000)
    assert office.envelopes == [["ana@ejemplo.mx"]]

    # Who cannot be reached is told why, and mended where it is seen.
    beto = lead.locator('tr[data-name="Beto"]')
    beto.get_by_text("no tiene correo").wait_for()
    office.answers["beto@ejemplo.mx"] = "550 5.1.1 no such user"
    beto.get_by_label("Correo de Beto").fill("beto@ejemplo.mx")
    beto.get_by_label("Correo de Beto").press("Tab")
    beto.get_by_role("button", name="Mandar a Beto").click()
    failed = lead.locator('#mail-outbox tr[data-state="failed"]')
    failed.get_by_text("550 5.1.1 no such user").wait_for(timeout=30_000)
    office.answers.clear()
    failed.get_by_role("button", name="Reintentar").click()
    sent.get_by_text("beto@ejemplo.mx").wait_for(timeout=30_000)
    assert office.envelopes[1:] == [["beto@ejemplo.mx"]]


def test_a_segmentador_decides_what_they_get(lead: Page, chromium: Browser, loaded: str, data: Path) -> None:
    headers = {"X-CSRF-Token": str(lead.locator('meta[name="csrf-token"]').get_attribute("content"))}
    lead.request.post("/api/segmentadores", data={"name": "Celia", "email": "celia@ejemplo.mx"}, headers=headers)
    command = [sys.executable, "-m", "resguardo", "account", "add", "Celia", "--role", "segmentador"]
    environment = {**os.environ, "RESGUARDO_DATA": str(data)}
    subprocess.run([*command, "--password-stdin"], input=PASSWORD, env=environment, text=True, check=True, timeout=60)
    context = chromium.new_context(base_url=loaded, locale="es-MX", viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto("/login?next=/mail")
    page.fill("#name", "Celia")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    page.get_by_text("Llegan a celia@ejemplo.mx").wait_for()
    page.get_by_label("Recibir mi lista de trabajo").uncheck()
    page.get_by_text("Se guardó.").wait_for()
    assert page.get_by_text("Bandeja de salida").count() == 0
    context.close()
    lead.goto("/mail")
    lead.locator('tr[data-name="Celia"]').get_by_text("pidió no recibir mensajes").wait_for()
