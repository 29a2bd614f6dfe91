"""Going back by the guided path, in a real browser on a real board, checked in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from accessible import violations
from resguardo.board import document
from resguardo.board.change import Put
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.store.embedded import find_running

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LONG = 60_000
ANA = [f"a{number}" for number in range(1, 6)]
BETO = [f"b{number}" for number in range(1, 4)]


@pytest.fixture(scope="module")
def loaded(address: str) -> str:
    """The tests make what they need."""
    return address


def post(page: Page, address: str, body: Any) -> dict[str, Any]:
    token = str(page.get_attribute('meta[name="csrf-token"]', "content"))
    answer = page.request.post(address, data=body, headers={"X-CSRF-Token": token})
    assert answer.ok, answer.text()
    told: dict[str, Any] = json.loads(answer.body())
    return told


def stored(data: Path) -> dict[str, bytes]:
    """What lies in MongoDB, by id, without revisions."""
    with MongoClient(find_running(data), document_class=RawBSONDocument) as client:
        found = client["segmentacion_db"]["batches"].find({})
        raws = {str(one["id"]): bytes(one.raw) for one in found}
    return {own: document.without(raw, document.REVISION) for own, raw in raws.items()}


@pytest.fixture(scope="module")
def damaged(preparing: Page, data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Ana's and Beto's batches, damaged by an import on the page; then one of Ana's is deleted. What was before."""
    page = preparing
    for name, ids in (("Ana", ANA), ("Beto", BETO)):
        post(page, "/api/segmentadores", {"name": name})
        for own in ids:
            post(page, "/api/batches", {"id": own, "assignee": name, "status": "S", "comments": f"de {name}: {own}"})
    before = stored(data)
    file = tmp_path_factory.mktemp("import") / "viejo.json"
    rows = [{"id": own, "assignee": "Ana", "status": "NS", "comments": "Importado"} for own in ANA]
    rows += [{"id": own, "assignee": "Beto", "status": "NS", "comments": "Importado"} for own in BETO]
    file.write_text(json.dumps({"batches": rows}), encoding="utf-8")
    page.goto("/data-management")
    page.set_input_files("#backup-file", str(file))
    page.get_by_role("button", name="Importar 8 batches").click()
    page.locator("#preview").get_by_text("8 cambios importados · Guardado").wait_for(timeout=LONG)
    post(page, "/api/batches/delete", {"ids": ["a5"]})
    return before


def tile(page: Page, what: str) -> Locator:
    return page.locator(f".tile-{what} b")


def open_before_the_import(page: Page) -> None:
    page.goto("/restore")
    page.get_by_text("Antes de un cambio", exact=True).click()
    page.get_by_label("Importaciones").get_by_text("admin importó 8 batches").click()


def undo_or_redo(page: Page, name: str) -> None:
    page.get_by_role("group", name="Resultado").get_by_role("button", name=name).click()
    page.get_by_role("dialog").get_by_role("button", name="Deshacer", exact=True).click()
    page.get_by_role("dialog").wait_for(state="detached")


def test_before_an_import_comes_back_for_one_of_two_and_is_undone_and_redone(
    lead: Page, damaged: dict[str, bytes], data: Path
) -> None:
    spoilt = stored(data)
    open_before_the_import(lead)
    lead.get_by_role("button", name="Ana", exact=True).click()
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    lead.locator(".plan-row").first.wait_for()
    assert [tile(lead, what).inner_text() for what in ("brought_back", "changed", "deleted")] == ["1", "4", "0"]
    lead.locator(".tile-changed").click()
    rows = lead.locator(".plan-row")
    rows.filter(has_text="a5").wait_for(state="detached")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.id)") == ANA[:4]
    rows.first.locator(".plan-toggle").click()
    opened = rows.first.locator(".plan-fields")
    opened.get_by_text("de Ana: a1").wait_for()
    assert opened.get_by_text("lo puso admin").count() >= 2
    assert stored(data) == spoilt

    lead.get_by_role("button", name="Aplicar 5 cambios").click()
    lead.get_by_text("1 volvió · 4 cambiaron · Guardado dos veces").wait_for(timeout=LONG)
    mended = stored(data)
    assert {own: mended[own] for own in ANA} == {own: damaged[own] for own in ANA}
    assert {own: mended[own] for own in BETO} == {own: spoilt[own] for own in BETO}

    undo_or_redo(lead, "Deshacer")
    lead.get_by_text("Deshecho: el tablero está como antes.").wait_for()
    assert stored(data) == spoilt
    undo_or_redo(lead, "Rehacer")
    lead.get_by_text("1 volvió · 4 cambiaron · Guardado dos veces").wait_for()
    assert stored(data) == mended
    copy = lead.get_by_role("link", name="la copia hecha antes")
    assert str(copy.get_attribute("href")).startswith("/restore?source=")


def test_any_filter_narrows_what_comes_back_and_is_in_the_address(
    lead: Page, damaged: dict[str, bytes], data: Path
) -> None:
    for own, metadata in {"f1": {"priority": "alta", "due_date": "2026-11-20"}, "f2": {"priority": "baja"}}.items():
        post(lead, "/api/batches", {"id": own, "status": "In", "comments": "El borde", "metadata": metadata})
    gone = post(lead, "/api/batches/delete", {"ids": ["f1", "f2"]})["operation"]
    lead.goto(f"/restore?before={gone}&text=borde")
    assert rows_of(lead) == ["f1", "f2"]
    lead.get_by_role("button", name="Cambiar: Qué").click()
    assert lead.get_by_label("Texto en el batch").input_value() == "borde"
    lead.get_by_role("button", name="alta", exact=True).click()
    lead.get_by_label("Vence antes del").fill("2026-11-21")
    lead.get_by_role("button", name="Sin asignar", exact=True).click()
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    assert rows_of(lead) == ["f1"]
    lead.get_by_text("Vence antes del").first.wait_for()
    assert {"priority=alta", "due_before=2026-11-21", "unassigned=1", "text=borde"} <= set(
        lead.url.partition("?")[2].split("&")
    )
    lead.reload()
    assert rows_of(lead) == ["f1"]
    lead.get_by_role("button", name="Cambiar: Qué").click()
    lead.get_by_label("Vence desde el").fill("2026-11-25")
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    lead.locator("#step-what .field-error", has_text="«Vence antes del»").wait_for()


def rows_of(page: Page) -> list[str]:
    page.locator(".plan-row").first.wait_for()
    ids: list[str] = page.locator(".plan-row").evaluate_all("rows => rows.map(row => row.dataset.id)")
    return ids


def test_a_preview_that_no_longer_holds_is_said_and_made_again(
    lead: Page, second: Page, damaged: dict[str, bytes], data: Path
) -> None:
    open_before_the_import(lead)
    lead.get_by_role("button", name="Beto", exact=True).click()
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    lead.get_by_role("button", name="Aplicar 3 cambios").wait_for()
    post(second, "/api/batches/assign", {"ids": ["b1"], "assignee": "Ana"})
    lead.get_by_text("admin acaba de cambiar el tablero").wait_for()
    lead.get_by_role("button", name="Aplicar 3 cambios").click()
    lead.get_by_text("El tablero cambió desde la vista previa: admin cambió «b1»").wait_for(timeout=LONG)
    lead.get_by_role("button", name="Volver a ver qué cambiaría").click()
    lead.locator(".plan-row", has_text="b1").get_by_text("Responsable: Ana → Beto").wait_for()


def test_what_goes_is_typed_first(lead: Page, damaged: dict[str, bytes], data: Path) -> None:
    made = post(lead, "/api/batches", {"id": "sobra", "assignee": "Beto"})
    lead.goto(f"/restore?before={made['operation']}")
    lead.get_by_text("Lo que había ahí está igual en el tablero").wait_for()
    lead.get_by_role("button", name="Cambiar: Qué").click()
    lead.get_by_text("Dejar el tablero igual").click()
    lead.get_by_label("Eliminar también lo que está en el tablero").check()
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    go = lead.get_by_role("button", name="Eliminar 1")
    go.wait_for()
    assert tile(lead, "deleted").inner_text() == "1"
    assert go.is_disabled()
    lead.get_by_label("Escribe 1 para confirmarlo").fill("2")
    assert go.is_disabled()
    lead.get_by_label("Escribe 1 para confirmarlo").fill("1")
    go.click()
    lead.get_by_text("1 se eliminó · Guardado dos veces").wait_for(timeout=LONG)
    assert "sobra" not in stored(data)


def test_a_moment_out_of_reach_offers_the_nearest_and_a_wrong_field_is_told_at_its_field(
    lead: Page, damaged: dict[str, bytes]
) -> None:
    lead.goto("/restore?moment=2020-01-01T00:00:00-06:00")
    lead.get_by_text("El historial no llega hasta").wait_for()
    lead.get_by_role("alert").get_by_role("button", name="Volver al").click()
    lead.locator("#step-preview .plan").wait_for()
    lead.goto("/restore?moment=2020-01-01T00:00:00-06:00&fields=nada")
    lead.get_by_text("El historial no llega hasta").wait_for()
    lead.get_by_role("alert").get_by_role("button", name="Volver al").click()
    lead.locator("#step-what .field-error", has_text="Ningún batch tiene el campo «nada»").wait_for()


def test_the_timeline_and_the_line_of_time_lead_to_that_very_point(
    lead: Page, damaged: dict[str, bytes], data: Path
) -> None:
    lead.goto("/batches/b2")
    created = lead.locator("li.entry").last
    created.get_by_role("link", name="Volver a este punto").click()
    lead.get_by_text("b2, como quedó en su revisión 1").wait_for()
    lead.locator(".plan-row[data-id=b2]").get_by_text("de Beto: b2").first.wait_for()
    assert [tile(lead, what).inner_text() for what in ("brought_back", "changed", "deleted")] == ["0", "1", "0"]

    (imported,) = json.loads(lead.request.get("/api/operations?via=import").body())["operations"]
    lead.goto("/history?view=past")
    lead.locator(".slider-mark-import").first.wait_for()
    lead.locator(".past-banner").wait_for()
    for _change in range(30):  # back, change by change
        if imported["op"] in lead.url:
            break
        with lead.expect_response(lambda answer: "/api/board/at" in answer.url):
            lead.locator("#past-slider").press("PageDown")
        lead.locator(".past-board:not(.loading)").wait_for()
    lead.get_by_role("link", name="Restaurar desde aquí").click()
    lead.get_by_text("Antes de esto: admin importó 8 batches").wait_for()


def test_a_restore_that_was_cut_off_is_offered_to_be_undone(
    lead: Page, damaged: dict[str, bytes], data: Path, tmp_path: Path
) -> None:
    whole = stored(data)
    settings = Settings(data=tmp_path, database="segmentacion_db")
    with open_store(settings, find_running(data)) as store:
        ledger = Ledger(store, settings.zone)
        ledger.record(
            [Put("batch", "b3", damaged["b3"])], actor="admin", via="restore", op="20260101T000000Z-cut", op_size=3
        )
    lead.goto("/restore")
    lead.get_by_text("se quedó a medias").wait_for()
    lead.get_by_text("se aplicaron 1 de 3 cambios").wait_for()
    assert lead.get_by_role("button", name="Ver lo que falta").count() == 0
    begun = {"task": "nobody knows it", "address": "?moment=" + _now(lead), "began": "2026-01-01T00:00:00Z"}
    lead.evaluate("begun => localStorage.setItem('resguardo.restore', JSON.stringify(begun))", begun)
    lead.reload()
    lead.get_by_role("button", name="Ver lo que falta").click()
    lead.locator("#step-preview .plan").wait_for()
    lead.get_by_role("button", name="Deshacer lo aplicado").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer", exact=True).click()
    lead.locator("#unfinished").wait_for(state="hidden")
    assert stored(data) == whole


def _now(page: Page) -> str:
    (newest,) = json.loads(page.request.get("/api/operations?limit=1").body())["operations"]
    return str(newest["at"]).replace("+", "%2B")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_path_fits_and_can_be_read_by_all(lead: Page, damaged: dict[str, bytes], width: int, scheme: Any) -> None:
    said: list[str] = []
    lead.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    lead.on("pageerror", lambda error: said.append(str(error)))
    lead.set_viewport_size({"width": width, "height": 844})
    lead.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    def fits(what: str) -> None:
        assert lead.evaluate("document.documentElement.scrollWidth") <= width, what
        assert violations(lead) == [], what

    lead.goto("/restore")
    for choice, ready in [
        ("Un momento", "#restore-moment"),
        ("Una copia", ".option"),
        ("Un archivo", "#restore-file + label"),
    ]:
        lead.get_by_text(choice, exact=True).click()
        lead.locator(f"{ready}:visible").first.wait_for()
        fits(choice)
    lead.get_by_text("Antes de un cambio", exact=True).click()
    lead.get_by_text("admin importó 8 batches").first.click()
    lead.get_by_text("Solo algunos campos").click()
    fits("Antes de un cambio")
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    lead.locator(".plan-toggle").first.click()
    fits("Vista previa")
    lead.goto("/history?view=past")
    lead.locator(".past-board:not(.loading) .past-banner").wait_for()
    fits("Historial")
    assert said == []
