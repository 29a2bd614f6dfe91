"""The main job, done by a real browser: hand out batches, download the files, lose a batch, bring it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from resguardo.board import document
from resguardo.store.embedded import find_running

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Download, Locator, Page

pytestmark = pytest.mark.browser

LIST = "#unassigned-rows li[data-id]"


def card(page: Page, name: str) -> Locator:
    return page.locator(f'article[data-name="{name}"]')


def total(page: Page, name: str) -> int:
    return int(card(page, name).locator(".person-total").inner_text())


def drag(page: Page, row: Locator, target: Locator) -> None:
    start, end = row.bounding_box(), target.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 120, start["y"] + 15)
    page.mouse.down()
    page.mouse.move(start["x"] + 200, start["y"] + 40, steps=4)
    page.mouse.move(end["x"] + 60, end["y"] + 60, steps=6)
    page.mouse.up()


def downloaded(page: Page, press: Callable[[], None]) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        press()
    found: Download = waiting.value
    return found.suggested_filename, Path(found.path()).read_bytes()


def answered(page: Page, address: str) -> bytes:
    return page.request.get(address).body()


def test_three_dragged_batches_change_the_counters_of_a_second_browser(lead: Page, second: Page) -> None:
    for page in (lead, second):
        page.goto("/assign")
        page.wait_for_selector(LIST)
        card(page, "Maggie").wait_for()
    before = total(second, "Maggie")
    lead.fill("#unassigned-search", "ÑANDU")
    lead.wait_for_function("document.querySelector('#unassigned-found').textContent.includes('coincide')")
    rows = lead.locator(LIST)
    rows.nth(0).locator("input").click()
    rows.nth(2).locator("input").click(modifiers=["Shift"])
    assert lead.inner_text("#unassigned-chosen") == "3 elegidos"
    ids = [str(rows.nth(place).get_attribute("data-id")) for place in range(3)]
    drag(lead, rows.nth(1), card(lead, "Maggie"))
    lead.get_by_text("3 batches asignados a Maggie · Guardado").wait_for()
    second.wait_for_function(
        "wanted => document.querySelector('article[data-name=Maggie] .person-total').textContent == wanted",
        arg=str(before + 3),
        timeout=5_000,
    )
    for name in ids:
        second.locator(f'li[data-id="{name}"]').wait_for(state="detached")
        batch = json.loads(answered(lead, f"/api/batches/{name}"))
        assert batch.get("batch", batch)["assignee"] == "Maggie"
    lead.get_by_role("button", name="Deshacer").click()
    second.locator(f'li[data-id="{ids[0]}"]').wait_for(state="attached")
    assert total(lead, "Maggie") == before


def test_batches_are_assigned_by_keyboard_alone(lead: Page) -> None:
    lead.goto("/assign")
    lead.wait_for_selector(LIST)
    card(lead, "Ceci").wait_for()
    before = total(lead, "Ceci")
    lead.locator(f"{LIST} input").first.focus()
    lead.keyboard.press("Space")
    lead.keyboard.press("a")
    lead.keyboard.type("cec")
    lead.keyboard.press("Enter")
    lead.get_by_text("1 batch asignado a Ceci · Guardado").wait_for()
    lead.wait_for_function(
        "wanted => document.querySelector('article[data-name=Ceci] .person-total').textContent == wanted",
        arg=str(before + 1),
    )


def test_the_three_files_are_downloaded_as_the_server_wrote_them(lead: Page) -> None:
    lead.goto("/assign")
    card(lead, "Ceci").wait_for()
    lead.click("#worklist")
    lead.get_by_text("Por favor selecciona un segmentador", exact=True).wait_for()
    lead.select_option("#worklist-person", "José Ángel")
    name, content = downloaded(lead, lambda: lead.locator("#worklist-person").press("Enter"))
    assert name.endswith(".csv")
    assert content == answered(lead, "/api/export/segmentador/Jos%C3%A9%20%C3%81ngel")
    assert content.startswith(b"\xef\xbb\xbfBatch ID,Responsable,Estatus\r\n")
    name, content = downloaded(lead, lambda: lead.click("#summary"))
    assert name.startswith("resumen_asignaciones_")
    assert content == answered(lead, "/api/export/all-assignments")

    def back_up() -> None:
        lead.click("#backup")
        lead.get_by_role("dialog").get_by_role("button", name="Descargar respaldo").click()

    name, content = downloaded(lead, back_up)
    assert name.startswith("backup_segmentacion_db_")
    assert json.loads(content)["batches"] == json.loads(answered(lead, "/api/backup/database"))["batches"]


def stored(data: Path, name: str) -> bytes | None:
    """The batch as it lies in the board's own MongoDB, without the ledger's revision."""
    uri = find_running(data)
    assert uri is not None
    with MongoClient(uri, document_class=RawBSONDocument) as client:
        found = client["segmentacion_db"]["batches"].find_one({"id": name})
    return None if found is None else document.without(found.raw, b"_rev")


def test_a_deleted_batch_comes_back_from_a_backup_to_the_byte(lead: Page, data: Path, tmp_path: Path) -> None:
    lead.goto("/batches")
    backup = tmp_path / "respaldo.json"
    backup.write_bytes(answered(lead, "/api/backup/database"))
    row = lead.locator("tr[data-id]").first
    row.wait_for()
    name = str(row.get_attribute("data-id"))
    before = stored(data, name)
    assert before is not None
    assert b"\x07_id\0" in before
    row.locator("input.chooser").click()
    lead.click("#delete")
    lead.get_by_role("dialog").get_by_role("button", name="Eliminar 1 batch").click()
    lead.get_by_text("1 batch eliminado · Guardado").wait_for()
    assert lead.request.get(f"/api/batches/{name}").status == 404
    assert stored(data, name) is None

    lead.goto("/data-management")
    lead.set_input_files("#backup-file", str(backup))
    lead.set_viewport_size({"width": 390, "height": 844})
    lead.get_by_role("button", name="Importar 1 batch").wait_for()
    assert lead.evaluate("document.documentElement.scrollWidth") <= 390
    lead.get_by_role("button", name="Importar 1 batch").click()
    lead.get_by_text("1 cambio importado · Guardado").first.wait_for()
    assert stored(data, name) == before  # its own _id included


def test_a_file_that_is_no_backup_is_refused_beside_its_field(lead: Page, tmp_path: Path) -> None:
    cut_off = tmp_path / "cortado.json"
    cut_off.write_text('{"batches": [{"id": "batch_1"', encoding="utf-8")
    lead.goto("/data-management")
    lead.set_input_files("#backup-file", str(cut_off))
    lead.locator("#file-error:not([hidden])").wait_for()
    assert lead.inner_text("#file-error").strip()
    assert lead.locator("#import").count() == 0


def test_a_document_without_an_id_gets_one_on_the_page(lead: Page, data: Path) -> None:
    uri = find_running(data)
    with MongoClient(uri) as client:
        client["segmentacion_db"]["batches"].insert_one({"_id": {"de": "otro programa"}, "folder": "/datos/perdido"})
    lead.set_viewport_size({"width": 390, "height": 844})
    lead.goto("/data-management")
    row = lead.locator("#problems tbody tr").filter(has_text="/datos/perdido")
    assert lead.evaluate("document.documentElement.scrollWidth") <= 390
    row.get_by_role("textbox").fill("batch_000001F")
    row.get_by_role("button", name="Dar este id").click()
    row.get_by_text("Ya existe «batch_000001F»").wait_for()
    row.get_by_role("textbox").fill("zz_rescatado")
    row.get_by_role("textbox").press("Enter")
    row.get_by_text("Ahora es").wait_for()
    assert json.loads(answered(lead, "/api/batches/zz_rescatado"))["batch"]["folder"] == "/datos/perdido"


def test_a_comment_is_edited_in_place(lead: Page) -> None:
    lead.goto("/batches")
    row = lead.locator("tr[data-id]").nth(1)
    row.wait_for()
    name = str(row.get_attribute("data-id"))
    row.locator("textarea").fill("Revisado: ñandú")
    row.locator("textarea").press("Enter")
    lead.get_by_text(f"{name} · Guardado").wait_for()
    batch = json.loads(answered(lead, f"/api/batches/{name}"))
    assert batch.get("batch", batch)["comments"] == "Revisado: ñandú"


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways_or_logs_an_error(lead: Page, width: int) -> None:
    said: list[str] = []
    lead.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    lead.on("pageerror", lambda error: said.append(str(error)))
    lead.set_viewport_size({"width": width, "height": 844})
    for page, ready in [
        ("/", "#team tr[data-name]"),
        ("/assign", LIST),
        ("/batches", "tr[data-id]"),
        ("/data-management", "#drop"),
    ]:
        lead.goto(page)
        lead.wait_for_selector(ready)
        assert lead.evaluate("document.documentElement.scrollWidth") <= width, page
    assert said == []
