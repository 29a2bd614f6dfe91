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
    from playwright.sync_api import Page

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
