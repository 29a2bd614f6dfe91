"""What a page shows is what its download holds, in a real browser."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import openpyxl
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser


def test_a_filtered_table_downloads_as_a_workbook_of_exactly_its_rows(lead: Page) -> None:
    lead.goto("/batches")
    lead.locator("#rows tr[data-id]").first.wait_for()
    lead.select_option("#f-status", "In")
    lead.get_by_role("button", name="Quitar filtros").wait_for()
    lead.select_option("#f-assignee", "Maggie")
    lead.wait_for_url("**/batches?*assignee=Maggie*")
    query = urlsplit(lead.url).query
    shown = json.loads(lead.request.get(f"/api/batches?{query}&per_page=1000").body())["batches"]
    assert 0 < len(shown) < 100
    lead.locator("#export summary").click()
    with lead.expect_download() as waiting:
        lead.get_by_role("button", name="Excel (.xlsx)").click()
    sheet = openpyxl.load_workbook(io.BytesIO(Path(waiting.value.path()).read_bytes()))["Batches"]
    assert waiting.value.suggested_filename.endswith(".xlsx")
    rows = [[cell.value for cell in row[:3]] for row in sheet.iter_rows(min_row=2)]
    assert rows == [[row["id"], "Maggie", "In"] for row in shown]


def test_the_work_list_is_shown_for_paper(lead: Page) -> None:
    lead.goto("/assign")
    lead.locator("article[data-name=Maggie]").wait_for()
    lead.select_option("#worklist-person", "Maggie")
    with lead.context.expect_page() as waiting:
        lead.locator("#print-worklist").click()
    paper = waiting.value
    paper.get_by_role("heading", name="Carga de trabajo · Maggie").wait_for()
    paper.wait_for_load_state("load")
    boxes = paper.locator(".tick").count()
    assert boxes == 3 * paper.locator("tbody tr").count() > 0
    paper.emulate_media(media="print")
    assert not paper.locator("#print").is_visible()


def test_a_long_download_says_how_far_it_is_and_can_be_left(lead: Page) -> None:
    """The server answers as it does while it makes a file of many batches; that it then ends is in test_api_tasks."""
    left: list[str] = []

    def still_at_it(route: Route) -> None:
        if route.request.method == "DELETE":
            left.append(route.request.url)
            route.fulfill(json={"success": True})
        else:
            state = "cancelled" if left else "running"
            route.fulfill(json={"id": "x", "state": state, "step": "rows 41000", "result": None, "error": None})

    lead.goto("/batches")
    lead.locator("#rows tr[data-id]").first.wait_for()
    lead.route("**/api/export/tasks/*", still_at_it)
    lead.locator("#export summary").click()
    lead.get_by_role("button", name="Excel (.xlsx)").click()
    box = lead.locator("#notices").get_by_role("status").filter(has_text="41,000 renglones")
    box.wait_for()
    box.get_by_role("button", name="Cancelar").click()
    lead.get_by_text("Se canceló la descarga.").wait_for()
    box.wait_for(state="detached")
    assert len(left) == 1
