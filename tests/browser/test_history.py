"""What happened is shown, and taken back, by a real browser: timeline, history, undo, conflicts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


def read(page: Page, address: str) -> Any:
    return json.loads(page.request.get(address).body())


def batch(page: Page, name: str) -> dict[str, Any]:
    found: dict[str, Any] = read(page, f"/api/batches/{name}")["batch"]
    return found


def rows(page: Page) -> Locator:
    return page.locator("tr[data-id]")


def opened(page: Page) -> None:
    page.goto("/batches")
    rows(page).first.wait_for()


def comment_on(page: Page, place: int, text: str) -> str:
    row = rows(page).nth(place)
    row.locator("textarea").fill(text)
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
        row.locator("textarea").press("Enter")
    return str(row.get_attribute("data-id"))


def test_forty_deleted_batches_come_back_in_another_browser(another: Callable[[], Page]) -> None:
    lead = another()
    opened(lead)
    comment_on(lead, 3, "Faltan 3 imágenes; las manda Ceci el lunes")
    names = [str(rows(lead).nth(place).get_attribute("data-id")) for place in range(40)]
    before = {name: batch(lead, name) for name in names}
    for place in range(40):
        rows(lead).nth(place).locator("input.chooser").click()
    lead.click("#delete")
    lead.get_by_role("dialog").get_by_role("button", name="Eliminar 40 batches").click()
    lead.get_by_text("40 batches eliminados · Guardado dos veces").wait_for()
    assert lead.request.get(f"/api/batches/{names[3]}").status == 404
    browser = lead.context.browser
    assert browser is not None
    browser.close()

    other = another()
    assert other.context.browser is not browser
    other.goto("/history")
    operation = other.locator("li.operation", has_text="eliminó 40 batches").first
    operation.get_by_role("button", name="Deshacer").click()
    dialog = other.get_by_role("dialog")
    assert dialog.locator(".fact-new dd").inner_text() == "40"
    dialog.get_by_role("button", name="Deshacer").click()
    other.get_by_text("Deshecho: 40 vuelven a como estaban · Guardado dos veces").wait_for()
    operation.get_by_text("Deshecha por admin").wait_for()
    assert {name: batch(other, name) for name in names} == before
    opened(other)
    assert rows(other).nth(3).locator("textarea").input_value() == "Faltan 3 imágenes; las manda Ceci el lunes"


def test_the_same_field_changed_by_two_asks_whose_stays(lead: Page, second: Page) -> None:
    for page in (lead, second):
        opened(page)
    mine = rows(second).nth(5).locator("textarea")
    mine.fill("Lo que escribió la segunda")
    name = comment_on(lead, 5, "Lo que escribió la primera")
    mine.press("Enter")
    dialog = second.get_by_role("dialog")
    assert "Lo que escribió la primera" in dialog.locator(".side-theirs").inner_text()
    assert "Lo que escribió la segunda" in dialog.locator(".side-mine").inner_text()
    assert dialog.get_by_text("admin lo cambió").is_visible()

    second.keyboard.press("Escape")
    second.locator("textarea.unsaved").wait_for()
    assert mine.input_value() == "Lo que escribió la segunda"
    assert batch(lead, name)["comments"] == "Lo que escribió la primera"

    second.get_by_role("button", name="Reintentar").click()
    dialog.get_by_role("button", name="Poner lo mío").click()
    second.get_by_text(f"{name} · Guardado dos veces").wait_for()
    assert batch(lead, name)["comments"] == "Lo que escribió la segunda"


def test_letting_the_others_change_stay_shows_it(lead: Page, second: Page) -> None:
    for page in (lead, second):
        opened(page)
    mine = rows(second).nth(6).locator("textarea")
    mine.fill("Se descarta")
    name = comment_on(lead, 6, "Se queda")
    mine.press("Enter")
    second.get_by_role("dialog").get_by_role("button", name="Dejar lo de admin").click()
    second.locator(f'tr[data-id="{name}"].reloaded').wait_for()
    assert rows(second).nth(6).locator("textarea").input_value() == "Se queda"
    assert batch(lead, name)["comments"] == "Se queda"


def test_different_fields_merge_without_a_question(lead: Page, second: Page) -> None:
    for page in (lead, second):
        opened(page)
    mine = rows(second).nth(7).locator("textarea")
    mine.fill("Sin estorbar")
    priority = rows(lead).nth(7).locator("select[data-priority]")
    other = "alta" if priority.input_value() != "alta" else "baja"
    priority.select_option(other)
    rows(lead).nth(7).locator("select.saved").wait_for()
    name = comment_on(second, 7, "Sin estorbar")
    assert second.get_by_role("dialog").count() == 0
    stored = batch(lead, name)
    assert (stored["comments"], stored["metadata"]["priority"]) == ("Sin estorbar", other)


def test_a_timeline_shows_the_earlier_text_of_a_comment_and_brings_it_back(lead: Page) -> None:
    opened(lead)
    earlier = "El borde de la lesión pequeña no se distingue; pedir el estudio otra vez antes del viernes."
    comment_on(lead, 8, earlier)
    name = comment_on(lead, 8, "Ya llegó.")
    rows(lead).nth(8).get_by_role("link", name=name).click()
    entry = lead.locator("li.entry").first
    assert earlier in entry.locator(".text-old").inner_text()
    assert "Ya llegó." in entry.locator(".text-new").inner_text()
    assert "desde la página" in entry.inner_text()

    lead.locator("li.entry").nth(1).get_by_role("button", name="Ver así").click()
    lead.get_by_role("dialog").get_by_text(earlier).wait_for()
    lead.keyboard.press("Escape")
    entry.get_by_role("button", name="Deshacer").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer").click()
    lead.locator("#now").get_by_text(earlier).wait_for()
    assert batch(lead, name)["comments"] == earlier


def test_a_batch_goes_back_to_an_earlier_point(lead: Page) -> None:
    opened(lead)
    name = comment_on(lead, 14, "Como estaba")
    before = batch(lead, name)
    priority = rows(lead).nth(14).locator("select[data-priority]")
    priority.select_option("alta" if priority.input_value() != "alta" else "baja")
    rows(lead).nth(14).locator("select.saved").wait_for()
    comment_on(lead, 14, "Como quedó")
    lead.goto(f"/batches/{name}")
    lead.locator("li.entry").nth(2).get_by_role("button", name="Ver así").click()
    dialog = lead.get_by_role("dialog")
    dialog.get_by_text("ahora: Como quedó").wait_for()
    assert dialog.locator(".differs").count() == 2
    dialog.get_by_role("button", name="Volver a este punto").click()
    lead.locator("#now").get_by_text("Como estaba").wait_for()
    assert batch(lead, name) == before


def test_a_deleted_batch_keeps_its_timeline_and_comes_back_from_it(lead: Page) -> None:
    opened(lead)
    name = comment_on(lead, 9, "Antes de borrarlo")
    rows(lead).nth(9).locator("input.chooser").click()
    lead.click("#delete")
    lead.get_by_role("dialog").get_by_role("button", name="Eliminar 1 batch").click()
    lead.get_by_text("1 batch eliminado").wait_for()
    lead.goto(f"/batches/{name}")
    lead.get_by_text("Antes de borrarlo").first.wait_for()
    lead.get_by_role("button", name="Traerlo de vuelta").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer").click()
    lead.locator("#now").get_by_text("Antes de borrarlo").wait_for()
    assert batch(lead, name)["comments"] == "Antes de borrarlo"


def test_the_notice_after_a_change_undoes_it_and_lists_what_stands_in_the_way(lead: Page, second: Page) -> None:
    for page in (lead, second):
        opened(page)
    comment_on(lead, 10, "Primero")
    lead.get_by_role("button", name="Cerrar aviso").first.click()
    name = comment_on(lead, 10, "Segundo")
    second.locator(f'tr[data-id="{name}"] textarea').and_(second.locator("[title=Segundo]")).wait_for()
    comment_on(second, 10, "Tercero, de otra persona")
    lead.get_by_role("button", name="Deshacer").last.click()
    dialog = lead.get_by_role("dialog")
    assert "Tercero, de otra persona" in dialog.locator(".conflict").inner_text()
    assert dialog.get_by_role("button", name="Deshacer").is_disabled()
    dialog.get_by_label("Traer el valor anterior de todos modos").check()
    dialog.get_by_role("button", name="Deshacer").click()
    lead.get_by_text("Deshecho: 1 vuelve a como estaba").wait_for()
    assert batch(lead, name)["comments"] == "Primero"


def test_the_board_of_a_moment_is_shown_and_not_edited(lead: Page) -> None:
    opened(lead)
    total = read(lead, "/api/progress")["totals"]["total"]
    rows(lead).nth(11).locator("input.chooser").click()
    lead.click("#delete")
    lead.get_by_role("dialog").get_by_role("button", name="Eliminar 1 batch").click()
    lead.get_by_text("1 batch eliminado").wait_for()
    lead.goto("/history")
    operation = lead.locator("li.operation").first
    operation.get_by_role("button", name="Tablero antes").click()
    lead.get_by_text("Así estaba el tablero").wait_for()
    assert lead.locator(".past-facts dd").first.inner_text() == str(total)
    assert lead.locator("#view-past").locator("textarea, select").count() == 0
    lead.goto("/history")
    lead.locator("li.operation").first.get_by_role("button", name="Deshacer").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer").click()
    lead.get_by_text("Deshecho: 1 vuelve a como estaba").wait_for()


def test_a_banner_says_while_nothing_can_be_saved(lead: Page) -> None:
    """The server's word, as it arrives; whether it says it is tested where the journal is."""
    said = iter(['{"trouble": "El disco del diario está lleno."}', '{"trouble": null}'])
    lead.goto("/data-management")
    assert lead.locator("#journal").is_hidden()
    lead.route(
        "**/api/events",
        lambda route: route.fulfill(
            content_type="text/event-stream", body=f"retry: 500\nevent: journal\ndata: {next(said, 'null')}\n\n"
        ),
    )
    lead.goto("/data-management")
    lead.get_by_text("El disco del diario está lleno.").wait_for()
    lead.locator("#journal").wait_for(state="hidden")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_of_history_scrolls_sideways_or_logs_an_error(lead: Page, width: int) -> None:
    said: list[str] = []
    opened(lead)
    name = comment_on(lead, 12, f"{'Palabra' * 30} y un comentario largo para {width}")
    lead.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    lead.on("pageerror", lambda error: said.append(str(error)))
    lead.set_viewport_size({"width": width, "height": 844})
    moment = read(lead, "/api/operations?limit=1")["operations"][0]["at"]
    for page, ready in [
        (f"/batches/{name}", "li.entry"),
        ("/history", "li.operation"),
        (f"/history?moment={moment.replace('+', '%2B')}", ".past-banner"),
    ]:
        lead.goto(page)
        lead.wait_for_selector(ready)
        assert lead.evaluate("document.documentElement.scrollWidth") <= width, page
    assert said == []
