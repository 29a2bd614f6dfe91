"""A served board with the sample of the old system's data, and two browsers on it.

The tests of one module share them: one process runs all of a file (`--dist loadfile`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, StorageState

SAMPLE = Path(__file__).parents[1] / "fixtures" / "backup_segmentacion_db_20251015_143052.json"
PASSWORD = "correcto caballo"
PROGRAM = "from resguardo.config import load; from resguardo.web.serve import serve; serve(load())"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = launched(driver.chromium)
        yield browser
        browser.close()


def launched(chromium: BrowserType) -> Browser:
    path = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH (tests/ensure.sh chromium)")
    return chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def address(data: Path) -> Iterator[str]:
    """The real program with its embedded server, in processes of their own."""
    own = {"RESGUARDO_DATA": str(data), "RESGUARDO_PORT": "0", "RESGUARDO_ADMIN_PASSWORD": PASSWORD}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **own}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("Resguardo: "), said
    yield said.removeprefix("Resguardo: ").strip()
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def session(chromium: Browser, address: str) -> StorageState:
    """Of the administrator, who logs in once: that takes a second, for a password is slow to check."""
    context = new_context(chromium, address)
    page = context.new_page()
    page.goto("/login?next=/assign")
    page.fill("#name", "admin")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    page.wait_for_url("**/assign")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="module")
def loaded(chromium: Browser, address: str, session: StorageState) -> str:
    """The board with the sample on it, put in through the page of data."""
    context = new_context(chromium, address, session)
    page = context.new_page()
    page.goto("/data-management")
    page.set_input_files("#backup-file", str(SAMPLE))
    page.get_by_role("button", name="Importar 429 batches y 8 segmentadores").click(timeout=20_000)
    page.locator("#preview").get_by_text("437 cambios importados · Guardado").wait_for(timeout=60_000)
    context.close()
    return address


def new_context(chromium: Browser, address: str, session: StorageState | None = None) -> BrowserContext:
    context = chromium.new_context(
        base_url=address,
        locale="es-MX",
        viewport={"width": 1280, "height": 900},
        accept_downloads=True,
        storage_state=session,
    )
    context.set_default_timeout(15_000)
    return context


def at_work(chromium: Browser, address: str, session: StorageState) -> Page:
    page = new_context(chromium, address, session).new_page()
    page.goto("/assign")
    return page


@pytest.fixture(scope="module")
def preparing(chromium: Browser, loaded: str, session: StorageState) -> Iterator[Page]:
    """For what several tests start from."""
    page = at_work(chromium, loaded, session)
    yield page
    page.context.close()


@pytest.fixture
def lead(chromium: Browser, loaded: str, session: StorageState) -> Iterator[Page]:
    page = at_work(chromium, loaded, session)
    yield page
    page.context.close()


@pytest.fixture
def second(chromium: Browser, loaded: str, session: StorageState) -> Iterator[Page]:
    page = at_work(chromium, loaded, session)
    yield page
    page.context.close()


@pytest.fixture
def visitor(chromium: Browser, loaded: str) -> Iterator[Page]:
    """Somebody who has not logged in."""
    context = new_context(chromium, loaded)
    yield context.new_page()
    context.close()


@pytest.fixture
def another(chromium: Browser, loaded: str, session: StorageState) -> Iterator[Callable[[], Page]]:
    """Starts a browser, as a process that knows nothing of the ones before it."""
    started: list[Browser] = []

    def start_one() -> Page:
        started.append(launched(chromium.browser_type))
        return at_work(started[-1], loaded, session)

    yield start_one
    for browser in started:
        browser.close()
