"""Comparing on the page: two copies with known changes between them, in a real browser on a real board."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from openpyxl import load_workbook

from accessible import violations

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MAKING = 60_000
TEXT = "Falta el borde izquierdo del tumor en los cortes 12 a 19; se revisa el viernes."
CHANGED = {f"b{number:02}": [("assignee", "Ana", "Beto")] for number in range(6)} | {
    "b06": [("status", "NS", "S"), ("comments", "", TEXT)],
    "b07": [("status", "NS", "In")],
}
REMOVED = ["b08", "b09"]
ADDED = ["n1", "n2", "n3"]


@pytest.fixture(scope="module")
def loaded(address: str) -> str:
    """The tests make what they need."""
    return address


def send(page: Page, method: str, address: str, body: Any) -> dict[str, Any]:
    token = str(page.get_attribute('meta[name="csrf-token"]', "content"))
    answer = page.request.fetch(address, method=method, data=body, headers={"X-CSRF-Token": token})
    assert answer.ok, answer.text()
    told: dict[str, Any] = json.loads(answer.body())
    return told


@pytest.fixture(scope="module")
def copies(preparing: Page) -> tuple[str, str]:
    """A copy before the changes, and one after."""
    page = preparing
    for name in ("Ana", "Beto"):
        send(page, "POST", "/api/segmentadores", {"name": name})
    ids = [f"b{number:02}" for number in range(60)]
    send(page, "POST", "/api/batches/quick-create", {"batch_list": " ".join(ids)})
    send(page, "POST", "/api/batches/assign", {"ids": ids[:20], "assignee": "Ana"})
    before = send(page, "POST", "/api/backups", {"reason": "antes de repartir"})["id"]
    for own in ids[:6]:
        send(page, "PATCH", f"/api/batches/{own}", {"assignee": "Beto", "metadata": {"assigned_at": None}})
    send(page, "PATCH", "/api/batches/b06", {"status": "S", "comments": TEXT})
    send(page, "PATCH", "/api/batches/b07", {"status": "In"})
    send(page, "POST", "/api/batches/delete", {"ids": REMOVED})
    send(page, "POST", "/api/batches/quick-create", {"batch_list": " ".join(ADDED)})
    after = send(page, "POST", "/api/backups", {"reason": "después de repartir"})["id"]
    return str(before), str(after)


def tiles(page: Page) -> list[str]:
    return [page.locator(f".tile[data-what={what}] b").inner_text() for what in ("added", "changed", "removed")]


def rows(page: Page) -> Locator:
    return page.locator(".compare-list .plan-row")


def opened(page: Page, own: str) -> Locator:
    row = page.locator(f".plan-row[data-id={own}]")
    row.locator(".plan-toggle").click()
    return row.locator(".plan-fields")


def downloaded(page: Page, form: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Descargar en {form} lo que se ve en la lista").click()
    assert waiting.value.suggested_filename.endswith(f".{form.lower()}")
    return Path(waiting.value.path()).read_bytes()


def of_csv(content: bytes) -> list[tuple[str, ...]]:
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert header == ["Tipo", "Id", "Qué pasó", "Campo", "Antes", "Después"]
    return [tuple(line) for line in lines]


def of_xlsx(content: bytes) -> list[tuple[str, ...]]:
    book = load_workbook(io.BytesIO(content), read_only=True)
    lines = [tuple(cell or "" for cell in line[:6]) for line in book.worksheets[0].iter_rows(values_only=True)]
    start = next(place for place, line in enumerate(lines) if line[:2] == ("Tipo", "Id"))
    return [line for line in lines[start + 1 :] if line[0] == "batch"]


def expected() -> set[tuple[str, ...]]:
    found = {("batch", own, "cambió", *change) for own, changes in CHANGED.items() for change in changes}
    found |= {("batch", own, "quitado", "", "", "") for own in REMOVED}
    return found | {("batch", own, "agregado", "", "", "") for own in ADDED}


def without_times(found: list[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """The board notes on its own when somebody was given a batch."""
    return {line for line in found if line[3] != "metadata.assigned_at"}


def test_two_copies_are_chosen_compared_opened_filtered_and_downloaded(lead: Page, copies: tuple[str, str]) -> None:
    lead.goto("/backups")
    lead.get_by_role("link", name="Comparar…").click()
    for side, own in zip(("De", "A"), copies, strict=True):
        group = lead.get_by_role("group", name=side, exact=True)
        group.get_by_text("Una copia").click()
        group.get_by_label("Copia", exact=False).and_(group.locator("select")).select_option(own)
    lead.get_by_role("button", name="Comparar", exact=True).click()
    rows(lead).first.wait_for()
    assert tiles(lead) == ["3", "8", "2"]
    assert lead.get_by_text("50 batches siguen igual").count() == 1
    assert rows(lead).count() == 13
    counts = lead.locator(".compare-fields li").all_inner_texts()
    assert {"Estatus": "2", "Comentarios": "1", "Responsable": "6"}.items() <= dict(
        text.split("\n") for text in counts
    ).items()

    fields = opened(lead, "b06")
    fields.get_by_text(TEXT).wait_for()
    assert fields.locator(".change", has_text="Estatus").inner_text().split() == (
        ["Estatus", "NS", "No", "segmentado", "pasó", "a", "S", "Segmentado"]
    )
    opened(lead, REMOVED[0]).get_by_text("Ana").wait_for()

    assert without_times(of_csv(downloaded(lead, "CSV"))) == expected()
    assert without_times(of_xlsx(downloaded(lead, "XLSX"))) == expected()

    lead.locator(".tile[data-what=removed]").click()
    rows(lead).filter(has_text="cambió").first.wait_for(state="detached")
    assert rows(lead).evaluate_all("rows => rows.map(row => row.dataset.id)") == REMOVED
    assert {line[1] for line in of_csv(downloaded(lead, "CSV"))} == set(REMOVED)
    lead.reload()
    lead.locator(".tile[data-what=removed][aria-pressed=true]").wait_for()
    rows(lead).first.wait_for()
    assert rows(lead).count() == 2
    given = parse_qs(urlsplit(lead.url).query)
    assert (given["a"], given["b"], given["what"]) == ([copies[0]], [copies[1]], ["removed"])


def test_everybodys_work_is_told_and_a_name_lists_what_is_theirs(lead: Page, copies: tuple[str, str]) -> None:
    lead.goto(f"/compare?a={copies[0]}&b={copies[1]}")
    team = lead.locator(".compare-table")
    beto = team.locator("tr", has_text="Beto")
    beto.wait_for()
    told = [beto.locator(f"td[data-label={name}]").inner_text() for name in ("Batches", "NS", "In", "S")]
    assert [text.replace("pasó a", "").split() for text in told] == [
        ["0", "→", "6", "+6"],
        ["0", "→", "6"],
        ["0"],
        ["0"],
    ]
    ana = team.locator("tr", has_text="Ana").locator("td[data-label=Batches]")
    assert ana.inner_text().replace("pasó a", "").split() == ["20", "→", "12", "−8"]
    beto.get_by_role("button", name="Beto").press("Enter")
    rows(lead).filter(has_text="b06").wait_for(state="detached")
    assert rows(lead).evaluate_all("rows => rows.map(row => row.dataset.id)") == sorted(CHANGED)[:6]
    lead.get_by_label("Buscar").fill("B03")
    rows(lead).filter(has_text="b04").wait_for(state="detached")
    assert rows(lead).count() == 1
    lead.get_by_role("button", name="Quitar filtros").click()
    rows(lead).filter(has_text="n1").wait_for()


def test_a_copy_and_now_and_a_moment_out_of_reach_offers_the_nearest(lead: Page, copies: tuple[str, str]) -> None:
    lead.goto("/backups")
    label = lead.locator(f"tr.copy[data-own='{copies[0]}'] [data-act=compare]")
    label.click()
    rows(lead).first.wait_for()
    assert tiles(lead) == ["3", "8", "2"]
    link = opened(lead, REMOVED[1]).get_by_role("link", name="Volver a lo de antes")
    assert link.get_attribute("href") == f"/restore?source={copies[0]}&ids={REMOVED[1]}"
    send(lead, "PATCH", "/api/batches/b50", {"comments": "ahora"})
    lead.get_by_role("button", name="Comparar otra vez").click()
    lead.locator(".tile[data-what=changed] b", has_text="9").wait_for()
    send(lead, "PATCH", "/api/batches/b50", {"comments": ""})

    lead.goto(f"/compare?a=2020-01-01T00:00:00-06:00&b={copies[1]}")
    lead.get_by_text("El historial no llega hasta").wait_for()
    lead.get_by_role("alert").get_by_role("button", name="Usar el").click()
    lead.locator(".compare-title", has_text="El tablero del").wait_for()
    lead.goto("/compare?a=nada&b=now")
    lead.get_by_text("No hay ninguna copia «nada»").wait_for()
    lead.goto(f"/compare?a={copies[1]}&b={copies[1]}")
    lead.get_by_text("No difieren en nada.").wait_for()
    assert tiles(lead) == ["0", "0", "0"]


def test_one_that_takes_long_is_shown_under_way_and_can_be_given_up(lead: Page, copies: tuple[str, str]) -> None:
    waiting: list[Any] = []
    lead.route("**/api/backups/tasks/*", lambda route: waiting.append(route) if not waiting else route.continue_())
    lead.goto(f"/compare?a={copies[0]}&b=now")
    lead.get_by_role("progressbar", name="Comparando").wait_for()
    with lead.expect_request(lambda request: request.method == "DELETE" and "/tasks/" in request.url):
        lead.get_by_role("button", name="Cancelar").click()
    lead.get_by_text("Se dejó de comparar.").wait_for()
    waiting[0].continue_()
    assert lead.locator("#comparison").inner_text() == ""
    lead.get_by_role("button", name="Comparar", exact=True).click()
    rows(lead).first.wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "light"), (1280, "dark")])
def test_the_page_fits_and_can_be_read_by_all(lead: Page, copies: tuple[str, str], width: int, scheme: Any) -> None:
    said: list[str] = []
    lead.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    lead.on("pageerror", lambda error: said.append(str(error)))
    lead.set_viewport_size({"width": width, "height": 844})
    lead.emulate_media(color_scheme=scheme)
    lead.goto(f"/compare?a={copies[0]}&b={copies[1]}")
    rows(lead).first.wait_for()
    opened(lead, "b06").get_by_text(TEXT).wait_for()
    assert lead.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(lead) == []
    assert said == []


def test_all_of_it_is_english_for_who_reads_english(lead: Page, copies: tuple[str, str]) -> None:
    lead.goto(f"/compare?a={copies[0]}&b={copies[1]}&lang=en")
    rows(lead).first.wait_for()
    words = Counter(lead.locator(".plan-what").all_inner_texts())
    assert words == {"added": 3, "changed": 8, "removed": 2}
    lead.get_by_role("button", name="Compare", exact=True).wait_for()
