"""The board made equal to a list, in a browser: what the list does not name goes on a typed number, or stays."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from accessible import violations

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

LEFT_OUT = 3
ID, STATUS = "Batch ID", "Estatus"


def of_board(page: Page, name: str) -> dict[str, Any] | None:
    answer = page.request.get(f"/api/batches/{name}")
    return answer.json()["batch"] if answer.ok else None


def everybody(page: Page) -> list[dict[str, str]]:
    """The list of everybody, as it is downloaded from the page of batches."""
    text = page.request.get("/api/export/batches?format=csv").text()
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def without(page: Page, folder: Path, rows: list[dict[str, str]]) -> Locator:
    """Uploads these rows and chooses that the board becomes like them."""
    written = io.StringIO()
    table = csv.DictWriter(written, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    (folder / "todos.csv").write_text(written.getvalue(), encoding="utf-8-sig")
    page.goto("/data-management")
    page.set_input_files("#list-file", str(folder / "todos.csv"))
    preview = page.get_by_role("region", name="Vista previa")
    preview.wait_for()
    if preview.locator("details[open]").count() == 0:
        preview.get_by_text("Cómo se toma la lista").click()
    preview.get_by_label("Agregar y dejar igual a la lista").check()
    preview.get_by_role("button", name=f"{LEFT_OUT} se eliminarían").wait_for()
    return preview


def changed(rows: list[dict[str, str]]) -> tuple[str, str]:
    """Sets another status in the first row; which batch, and the status it had."""
    before = rows[0][STATUS]
    rows[0][STATUS] = "In" if before != "In" else "S"
    return rows[0][ID], before


def test_what_the_list_does_not_name_goes_once_its_number_is_typed_and_comes_back(lead: Page, tmp_path: Path) -> None:
    rows = everybody(lead)
    first, status = changed(rows)
    going = {row[ID]: of_board(lead, row[ID]) for row in rows[-LEFT_OUT:]}
    token = lead.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    for name in going:
        said = {"comments": f"lo de {name},\ncon «comillas» y €"}
        assert lead.request.patch(f"/api/batches/{name}", data=said, headers={"X-CSRF-Token": token}).ok
        going[name] = of_board(lead, name)
    preview = without(lead, tmp_path, rows[:-LEFT_OUT])
    preview.get_by_role("button", name="3 se eliminarían").click()
    preview.locator(".line-deleted").nth(LEFT_OUT - 1).wait_for()
    assert {row.inner_text() for row in preview.locator(".line-deleted th").all()} == set(going)
    preview.get_by_text("Su último cambio es de admin").first.wait_for()
    preview.get_by_text("3 del tablero no están en la lista y se quedan.").wait_for()
    preview.get_by_role("button", name="Importar 1 cambio", exact=True).wait_for()
    preview.get_by_label("Eliminar también los 3 batches que la lista no nombra").check()
    go = preview.get_by_role("button", name="Importar 1 cambio y eliminar 3")
    typed = preview.get_by_label("Escribe 3 para confirmarlo")
    for wrong in ("", "2", "33"):
        typed.fill(wrong)
        typed.press("Enter")
        assert go.is_disabled()
    assert {name: of_board(lead, name) for name in going} == going
    typed.fill("3")
    go.click()
    result = lead.locator(".intake-result")
    result.get_by_text("1 batch importado · 3 batches eliminados · Guardado dos veces").wait_for()
    assert [of_board(lead, name) for name in going] == [None] * LEFT_OUT
    assert (of_board(lead, first) or {})["status"] == rows[0][STATUS]
    copy = result.locator(".mono").inner_text().strip()
    assert copy in {one["id"] for one in lead.request.get("/api/backups").json()["backups"]}
    result.get_by_role("button", name="Deshacer").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer").click()
    result.get_by_text("Deshecho: el tablero está como antes.").wait_for()
    assert (of_board(lead, first) or {})["status"] == status
    for name, before in going.items():
        after = of_board(lead, name)
        assert before is not None
        assert after is not None
        assert {**after, "_rev": None} == {**before, "_rev": None}


def test_without_that_choice_nothing_is_deleted(lead: Page, tmp_path: Path) -> None:
    rows = everybody(lead)
    first, _ = changed(rows)
    preview = without(lead, tmp_path, rows[:-LEFT_OUT])
    box = preview.get_by_label("Eliminar también los 3 batches que la lista no nombra")
    box.check()
    preview.get_by_label("Escribe 3 para confirmarlo").fill("3")
    box.uncheck()
    preview.get_by_role("button", name="Importar 1 cambio", exact=True).click()
    said = "1 batch importado · 3 que la lista no nombra se quedan · Guardado dos veces"
    lead.locator(".intake-result").get_by_text(said).wait_for()
    assert (of_board(lead, first) or {})["status"] == rows[0][STATUS]
    assert [row[ID] for row in everybody(lead)] == [row[ID] for row in rows]


def test_rows_in_error_are_left_out_before_anything_goes(lead: Page, tmp_path: Path) -> None:
    rows = everybody(lead)
    rows[0][STATUS] = "casi"
    preview = without(lead, tmp_path, rows[:-LEFT_OUT])
    assert preview.locator("#intake-go").count() == 0  # there is nothing to import
    preview.get_by_label("Eliminar también los 3 batches que la lista no nombra").check()
    preview.get_by_label("Escribe 3 para confirmarlo").fill("3")
    go = preview.get_by_role("button", name="Eliminar 3 batches")
    assert go.is_disabled()
    preview.get_by_label("Dejar fuera el renglón con error").check()
    assert violations(lead) == []
    preview.get_by_label("Escribe 3 para confirmarlo").press("Enter")
    result = lead.locator(".intake-result")
    result.get_by_text("3 batches eliminados · Guardado dos veces").wait_for()
    assert [row[ID] for row in everybody(lead)] == [row[ID] for row in rows[:-LEFT_OUT]]
    result.get_by_role("button", name="Deshacer").click()
    lead.get_by_role("dialog").get_by_role("button", name="Deshacer").click()
    result.get_by_text("Deshecho: el tablero está como antes.").wait_for()
    assert [row[ID] for row in everybody(lead)] == [row[ID] for row in rows]


def test_what_somebody_makes_meanwhile_stays_and_is_told(lead: Page, second: Page, tmp_path: Path) -> None:
    rows = everybody(lead)
    preview = without(lead, tmp_path, rows[:-LEFT_OUT])
    preview.get_by_label("Eliminar también los 3 batches que la lista no nombra").check()
    preview.get_by_label("Escribe 3 para confirmarlo").fill("3")
    token = second.locator('meta[name="csrf-token"]').get_attribute("content") or ""
    made = second.request.post("/api/batches", data={"id": "fresco"}, headers={"X-CSRF-Token": token})
    assert made.ok, made.text()
    preview.get_by_role("button", name="Eliminar 3 batches").click()
    told = lead.locator(".intake-result .applied-conflicts")
    told.get_by_text("1 lo cambió o creó alguien mientras tanto, y se queda así:").wait_for()
    assert "fresco · admin" in told.inner_text()
    assert of_board(lead, "fresco") is not None


@pytest.mark.parametrize("width", [390, 1280])
def test_a_list_of_one_person_says_why_nothing_goes(lead: Page, tmp_path: Path, width: int) -> None:
    rows = everybody(lead)
    own = [row for row in rows if row["Responsable"] == "Maggie"]
    (tmp_path / "suya.csv").write_text(f"{ID},Responsable\n" + "".join(f"{row[ID]},Maggie\n" for row in own))
    lead.set_viewport_size({"width": width, "height": 844})
    lead.goto("/data-management")
    lead.set_input_files("#list-file", str(tmp_path / "suya.csv"))
    preview = lead.get_by_role("region", name="Vista previa")
    preview.get_by_label("Agregar y dejar igual a la lista").check()
    preview.get_by_text(
        f"{len(rows) - len(own)} del tablero no están en la lista. Es la lista de una persona"
    ).wait_for()
    assert preview.get_by_text("se eliminaría").count() == 0
    assert lead.evaluate("document.documentElement.scrollWidth") <= width
