"""The preview of a list that came back, in a browser: looked at, thinned out, put in, taken back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from accessible import violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def of_board(page: Page, name: str) -> dict[str, object]:
    found = page.request.get(f"/api/batches/{name}").json()["batch"]
    assert isinstance(found, dict)
    return found


def some(page: Page, count: int) -> list[str]:
    listing = page.request.get(f"/api/batches?per_page={count}&status=NS").json()
    return [str(batch["id"]) for batch in listing["batches"]]


def test_a_list_is_looked_at_thinned_out_put_in_and_taken_back(lead: Page, tmp_path: Path) -> None:
    first, second, third, fourth = some(lead, 4)
    lista = tmp_path / "Ana_20251015.csv"
    titles = "Estatus;Batch ID;Responsable;Turno"
    rows_of_file = f"hecho;{first};Ana;x\nen proceso;{second};Ana;\ncasi;{third};Ana;\n;{fourth};Ana;\n"
    lista.write_text(f"{titles}\n{rows_of_file}", encoding="cp1252")
    lead.goto("/assign")
    lead.get_by_role("link", name="Subir lista llena").click()
    lead.wait_for_url("**/data-management#lists")
    lead.set_input_files("#list-file", str(lista))
    preview = lead.get_by_role("region", name="Vista previa")
    preview.get_by_text("no se toman: Turno").wait_for()
    rows = preview.locator(".intake-line")
    rows.first.wait_for()
    assert rows.count() == 2
    assert "No segmentado" in rows.nth(0).inner_text()
    preview.get_by_role("button", name="1 error").click()
    preview.get_by_text("«casi» no es un estatus. Escribe NS, In o S.").wait_for()
    assert rows.count() == 1
    preview.get_by_role("button", name="4 en total").click()
    preview.get_by_role("checkbox", name=f"Importar {second}").uncheck()
    go = preview.get_by_role("button", name="Importar 1 cambio")
    go.wait_for()
    assert of_board(lead, first)["status"] == "NS"
    go.click()
    result = lead.locator(".intake-result")
    result.get_by_text("1 batch importado · Guardado dos veces").wait_for()
    assert (of_board(lead, first)["status"], of_board(lead, second)["status"]) == ("S", "NS")
    result.get_by_role("button", name="Deshacer").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer").click()
    lead.locator("#notices").get_by_text(re.compile("Deshecho")).wait_for()
    assert of_board(lead, first)["status"] == "NS"


def test_a_plan_that_no_longer_holds_is_compared_again_with_one_click(lead: Page, second: Page) -> None:
    first, other = some(lead, 2)
    lead.goto("/data-management")
    lead.fill("#paste-text", f"{first}\n{other} en proceso")
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    go = lead.get_by_role("button", name="Importar 2 cambios")
    go.wait_for()
    token = second.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    changed = second.request.patch(f"/api/batches/{other}", data={"status": "In"}, headers={"X-CSRF-Token": token})
    assert changed.ok, changed.text()
    go.click()
    lead.get_by_text(re.compile("El tablero cambió desde la vista previa")).wait_for()
    lead.get_by_role("button", name="Volver a comparar").click()
    lead.get_by_role("button", name="Importar 1 cambio").click()
    lead.locator(".intake-result").get_by_text("1 batch importado").wait_for()
    assert (of_board(lead, first)["status"], of_board(lead, other)["status"]) == ("S", "In")


def test_a_file_that_is_no_list_says_why_beside_what_was_chosen(lead: Page, tmp_path: Path) -> None:
    (tmp_path / "resumen.csv").write_text("Segmentador,Total Batches,Lista de Batches\nAna,1,b\n", encoding="utf-8")
    lead.goto("/data-management")
    lead.set_input_files("#list-file", str(tmp_path / "resumen.csv"))
    lead.get_by_text("Es el resumen del equipo, no una lista de trabajo.").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_preview_fits_and_can_be_read_by_all(lead: Page, width: int, scheme: Any) -> None:
    lead.set_viewport_size({"width": width, "height": 844})
    lead.emulate_media(color_scheme=scheme)
    lead.goto("/data-management")
    lead.fill("#paste-text", "\n".join([*some(lead, 3), "no_existe"]))
    lead.get_by_role("button", name="Ver qué cambiaría").click()
    lead.get_by_role("button", name="Importar 3 cambios").wait_for()
    lead.get_by_role("button", name="4 en total").click()
    lead.get_by_text("No está en el tablero.").wait_for()
    assert lead.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(lead) == []


def test_a_large_list_says_how_far_it_is_and_can_be_left(lead: Page, tmp_path: Path) -> None:
    lista = tmp_path / "lista.csv"
    lista.write_text("Batch ID,Estatus\n" + "".join(f"nuevo_{number:05},NS\n" for number in range(12_000)))
    left: list[str] = []
    lead.goto("/data-management")
    lead.on("request", lambda asked: left.append(asked.url) if asked.method == "DELETE" else None)
    lead.set_input_files("#list-file", str(lista))
    said = lead.locator("#intake .reading")
    said.get_by_text(re.compile(r"lista\.csv.*\d")).wait_for()
    said.get_by_role("button", name="Cancelar").click()
    said.wait_for(state="detached")
    lead.set_input_files("#list-file", str(lista))
    lead.get_by_role("region", name="Vista previa").get_by_text("12,000 errores").wait_for(timeout=60_000)
    assert len(left) == 1
