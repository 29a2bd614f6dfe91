"""How long until `/assign` can be used in Chromium, with 2,000 batches unassigned.

    python -m benchmarks assign --batches 2000

Usable: the first rows and the people's cards are there, and a batch that was chosen with the mouse is chosen. Complete:
all the unassigned batches are counted.
"""

from __future__ import annotations

import re
import shutil
import time

from playwright.sync_api import Page, sync_playwright

from benchmarks.ground import PASSWORD, say, served

BATCHES = 2_000
ROUNDS = 4
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ROW = "#unassigned-rows li[data-id]"


def run(batches: int) -> None:
    path = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit("no Chromium on PATH (tests/ensure.sh chromium)")
    with served(batches, unassigned=1.0) as board, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for number in range(ROUNDS):
            context = browser.new_context(base_url=board.address, locale="es-MX")
            page = context.new_page()
            log_in(page)
            usable, complete = open_page(page, batches)
            say("usable, from an empty cache" if number == 0 else "usable", usable, "s", 2)
            say("complete", complete, "s")
            context.close()
        browser.close()


def log_in(page: Page) -> None:
    page.goto("/login?next=/home")
    page.fill("#name", "admin")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    page.wait_for_url(lambda address: "/login" not in address)


def open_page(page: Page, batches: int) -> tuple[float, float]:
    begun = time.perf_counter()
    page.goto("/assign", wait_until="commit")
    page.locator(ROW).first.locator("input").click()
    page.locator("#people article").first.wait_for()
    page.locator("#unassigned-chosen", has_text="1 ").wait_for()
    usable = time.perf_counter() - begun
    page.locator("#unassigned-count", has_text=re.compile(rf"^\s*{batches:,}\s*$".replace(",", r"\D?"))).wait_for()
    return usable, time.perf_counter() - begun
