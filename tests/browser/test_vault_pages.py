"""Copies and the answer to *¿Está resguardada la información?*, in a real browser on a real board."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from accessible import violations
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MAKING = 90_000
"""Milliseconds."""


@pytest.fixture(scope="module")
def loaded(address: str) -> str:
    """A few batches, made by the test that counts them, are enough here."""
    return address


def copies(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(page.request.get("/api/backups").body())["backups"]
    return found


@pytest.fixture
def vault(lead: Page, data: Path) -> Path:
    """Once the copy that a new board makes by itself is good; only one can be made at a time."""
    wait_until(lambda: any(copy["state"] == "good" for copy in copies(lead)), MAKING / 1000)
    return data / "vault"


def safe(page: Page) -> None:
    """Until the page knows of it: an answer serves for ten seconds, and the shield asks every thirty."""
    page.locator("#shield.shield-safe").wait_for(timeout=MAKING)


def row(page: Page, own: str) -> Locator:
    return page.locator(f'tr.copy[data-own="{own}"]')


def panel(page: Page, own: str) -> Locator:
    return page.locator(f'tr.copy-panel[data-own="{own}"]')


def made(page: Page) -> str:
    """A copy, from the button to the notice. Returns its id."""
    known = {copy["id"] for copy in copies(page)}
    page.get_by_role("button", name="Hacer una copia ahora").click()
    page.get_by_role("progressbar", name="Haciendo una copia").wait_for()
    new = wait_until(
        lambda: [copy["id"] for copy in copies(page) if copy["id"] not in known and copy["state"] == "good"],
        MAKING / 1000,
    )
    page.get_by_text("Copia buena: ").first.wait_for()
    (own,) = new
    return str(own)


def test_the_shield_turns_green_with_the_first_good_copy(lead: Page, vault: Path) -> None:
    safe(lead)
    text = lead.locator("#shield").inner_text()
    assert text.startswith("Resguardada · copia buena hace")
    first = copies(lead)[-1]
    assert (first["state"], first["reason"]) == ("good", "programada: diaria, semanal, mensual")


def test_a_copy_is_made_on_the_page_and_pinned_and_known_to_the_status(lead: Page, vault: Path) -> None:
    token = str(lead.get_attribute('meta[name="csrf-token"]', "content"))
    created = lead.request.post(
        "/api/batches/quick-create", data={"batch_list": "b1 b2 b3"}, headers={"X-CSRF-Token": token}
    )
    assert created.ok
    lead.goto("/backups")
    row(lead, copies(lead)[0]["id"]).wait_for()
    own = made(lead)
    row(lead, own).get_by_text("3 batches").wait_for()
    row(lead, own).and_(lead.locator("[data-state=good]")).wait_for()
    today = lead.locator('.calendar-button[aria-current="date"]')
    count = len(copies(lead))
    assert f"{count} copias" in str(today.get_attribute("aria-label"))
    assert today.locator(".dot-good").count() == min(count, 4)
    assert lead.locator("#making").is_hidden()

    row(lead, own).get_by_role("button", name="Detalles").click()
    panel(lead, own).get_by_text("el tablero volvió en").wait_for()
    panel(lead, own).get_by_role("button", name="Fijar").click()
    lead.get_by_label("Por qué se queda").fill("entrega a auditoría")
    lead.keyboard.press("Enter")
    row(lead, own).get_by_text("Fijada: entrega a auditoría").wait_for()
    lead.locator("#decisions").get_by_text("fijada: entrega a auditoría").wait_for()
    panel(lead, own).get_by_text("Fijada por admin: entrega a auditoría").wait_for()
    assert panel(lead, own).get_by_role("button", name="Quitar").count() == 0

    lead.locator("#shield").click()
    lead.wait_for_url("**/status")
    lead.locator('.promise[data-state="green"]', has_text="Última copia buena").wait_for(timeout=MAKING)
    lead.locator("#word", has_text="Sí, con avisos").wait_for(timeout=MAKING)
    assert "hace un momento" in lead.locator("#shield").inner_text() or "min" in lead.locator("#shield").inner_text()


def test_another_browser_sees_the_copy_that_is_being_made(lead: Page, second: Page, vault: Path) -> None:
    for page in (lead, second):
        page.goto("/backups")
        page.locator("tr.copy").first.wait_for()
    lead.get_by_role("button", name="Hacer una copia ahora").click()
    lead.get_by_role("progressbar").wait_for()
    second.reload()
    second.get_by_role("progressbar").wait_for()
    for page in (lead, second):
        page.get_by_text("Copia buena: ").first.wait_for(timeout=MAKING)
    newest = copies(lead)[0]["id"]
    row(second, newest).wait_for()


def test_a_copy_is_verified_drilled_removed_and_kept(lead: Page, vault: Path) -> None:
    lead.goto("/status")
    lead.locator(".promise").first.wait_for()
    made(lead)
    lead.get_by_role("link", name="Ver las copias").click()
    own = next(copy["id"] for copy in copies(lead)[1:] if copy["pinned"] is None)
    row(lead, own).get_by_role("button", name="Detalles").click()
    panel(lead, own).get_by_role("button", name="Comprobar").click()
    lead.get_by_text("cada byte está como se escribió").wait_for(timeout=MAKING)
    panel(lead, own).get_by_role("button", name="Simulacro").click()
    row(lead, own).get_by_text("Simulacro en curso…").wait_for()
    lead.get_by_text("se restauró completa; el tablero volvió en").wait_for(timeout=MAKING)

    panel(lead, own).get_by_role("button", name="Quitar").click()
    lead.get_by_role("dialog").get_by_role("button", name="Quitar esta copia").click()
    row(lead, own).wait_for(state="detached")
    lead.get_by_label("Mostrar las quitadas (1)").check()
    row(lead, own).get_by_text("sus datos se borran el").wait_for()
    panel(lead, own).get_by_role("button", name="Conservar").click()
    row(lead, own).and_(lead.locator("[data-state=good]")).wait_for()


@pytest.fixture
def last_month(vault: Path) -> Iterator[str]:
    """A copy of 40 days ago that was read back and never restored."""
    source = max(vault.glob("*.manifest.json"))
    at = datetime.now(UTC) - timedelta(days=40)
    own = f"{at:%Y%m%dT%H%M%SZ}-0000aa"
    manifest = json.loads(source.read_bytes()) | {"id": own, "moment": at.isoformat(), "reason": "programada: diaria"}
    manifest.pop("seal")  # as a version wrote it that knew of none
    data = source.with_name(source.name.replace(".manifest.json", ".json.zst"))
    paths = [vault / f"{own}{ending}" for ending in (".json.zst", ".card.jsonl", ".manifest.json")]
    shutil.copy(data, paths[0])
    paths[1].write_text(json.dumps({"what": "verify", "at": at.isoformat(), "ok": True, "seconds": 1}) + "\n")
    paths[2].write_text(json.dumps(manifest))
    yield own
    for path in reversed(paths):
        path.unlink()


def test_the_calendar_is_gone_through_with_the_keyboard(lead: Page, last_month: str) -> None:
    lead.goto("/backups")
    row(lead, last_month).wait_for()
    everything = lead.locator("tr.copy").count()
    back = lead.get_by_role("button", name="Mes anterior")
    for _month in range(2):
        if lead.locator(".calendar .dot-verified").count() == 0:
            back.focus()
            lead.keyboard.press("Enter")
    day = lead.locator(".calendar-button", has=lead.locator(".dot-verified"))
    day.focus()
    lead.keyboard.press("Enter")
    assert lead.locator("tr.copy").evaluate_all("rows => rows.map(row => row.dataset.own)") == [last_month]
    assert day.get_attribute("aria-pressed") == "true"
    assert lead.evaluate("document.activeElement.dataset.day") == day.get_attribute("data-day")
    row(lead, last_month).get_by_text("Comprobada").wait_for()
    lead.get_by_role("button", name="Ver todas").first.click()
    assert lead.locator("tr.copy").count() == everything


def test_who_may_only_read_sees_the_copies_and_no_buttons(lead: Page, vault: Path) -> None:
    """The page as a viewer gets it; that the server refuses the rest is tested where the addresses are."""
    lead.route(
        re.compile(r"//[^/]+/backups$"),
        lambda route: route.fulfill(body=_as_viewer(route.fetch().text()), content_type="text/html"),
    )
    lead.goto("/backups")
    lead.locator("tr.copy").first.wait_for()
    own = copies(lead)[0]["id"]
    row(lead, own).get_by_role("button", name="Detalles").click()
    panel(lead, own).locator(".copy-event").first.wait_for()
    names = lead.locator("#main").get_by_role("button").or_(lead.locator("#main").get_by_role("link")).all_inner_texts()
    assert not {"Descargar", "Restaurar", "Comprobar", "Simulacro", "Fijar…"} & {name.strip() for name in names}


def _as_viewer(html: str) -> str:
    start = html.index('data-may="') + len('data-may="')
    return html[:start] + "read" + html[html.index('"', start) :]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "light"), (1280, "dark")])
def test_the_pages_fit_and_can_be_read_by_all(lead: Page, vault: Path, width: int, scheme: Any) -> None:
    said: list[str] = []
    lead.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    lead.on("pageerror", lambda error: said.append(str(error)))
    lead.set_viewport_size({"width": width, "height": 844})
    lead.emulate_media(color_scheme=scheme)
    for page, ready in [("/status", ".promise"), ("/backups", ".year-month")]:
        lead.goto(page)
        lead.wait_for_selector(ready)
        if page == "/backups":
            lead.get_by_role("button", name="Detalles").first.click()
            lead.wait_for_selector(".copy-event")
        assert lead.evaluate("document.documentElement.scrollWidth") <= width, page
        assert violations(lead) == [], page
    assert said == []


def test_the_shield_turns_red_within_a_minute_of_losing_the_vault(lead: Page, vault: Path) -> None:
    safe(lead)
    away = vault.with_name("vault-elsewhere")
    vault.rename(away)
    vault.write_bytes(b"")
    try:
        lead.locator("#shield.shield-risk").wait_for(timeout=60_000)
        assert lead.locator("#shield").inner_text() == "En riesgo · Última copia buena"
        lead.locator("#shield").click()
        lead.locator("#word", has_text="No").wait_for()
        lead.get_by_text("no se puede leer la carpeta de copias").wait_for()
        lead.goto("/backups")
        lead.locator("#backups-error").get_by_text("No se puede leer la carpeta de copias").wait_for()
    finally:
        vault.unlink()
        away.rename(vault)
    lead.goto("/status")
    lead.locator("#word", has_text="Sí, con avisos").wait_for(timeout=60_000)
    lead.locator("#shield.shield-safe").wait_for()
