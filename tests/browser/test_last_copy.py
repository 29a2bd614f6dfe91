"""MongoDB goes away under an open board: what people see, and that they find back by themselves."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="stops a process with SIGSTOP"),
]


@pytest.fixture(scope="module")
def loaded(address: str) -> str:
    """A few batches are enough here."""
    return address


@pytest.fixture
def server_pid(data: Path) -> Iterator[int]:
    pid = int(json.loads((data / "server.json").read_bytes())["pid"])
    yield pid
    os.kill(pid, signal.SIGCONT)


def test_the_last_good_copy_is_read_until_mongodb_is_back(lead: Page, server_pid: int) -> None:
    headers = {"X-CSRF-Token": lead.locator('meta[name="csrf-token"]').get_attribute("content") or ""}
    for name in ("Ana", "Beto"):
        lead.request.post("/api/segmentadores", data={"name": name}, headers=headers)
    names = " ".join(f"batch_{number:03}" for number in range(1, 61))
    assert lead.request.post("/api/batches/quick-create", data={"batch_list": names}, headers=headers).ok
    work = {"ids": ["batch_001", "batch_002"], "assignee": "Ana"}
    assert lead.request.post("/api/batches/assign", data=work, headers=headers).ok
    made = lead.request.post("/api/backups", data={"reason": "prueba"}, headers=headers, timeout=90_000)
    assert made.json()["state"] == "good"

    os.kill(server_pid, signal.SIGSTOP)
    lead.goto("/assign")
    lead.get_by_role("heading", name="Última copia buena").wait_for()
    lead.locator("#rows").wait_for(timeout=30_000)
    assert lead.locator("#rows tbody tr").count() == 50
    lead.get_by_text("No se puede hablar con MongoDB desde").wait_for()
    assert lead.locator("#connection").is_hidden()
    for width in (1280, 390):
        lead.set_viewport_size({"width": width, "height": 900})
        assert lead.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        if folder := os.environ.get("RESGUARDO_TEST_SCREENSHOTS"):
            lead.screenshot(path=f"{folder}/last-copy-{width}.png", full_page=width > 1000)
    lead.get_by_role("link", name="Siguiente").click()
    lead.get_by_text("batch_060").wait_for()
    with lead.expect_download() as downloading:
        lead.get_by_role("link", name="Descargar la carga de trabajo de Ana").click()
    assert "_copia_" in downloading.value.suggested_filename
    lead.get_by_role("link", name="Ana", exact=True).click()
    lead.get_by_text("Solo los de Ana.").wait_for()
    lead.locator("#shield.shield-risk").wait_for()

    os.kill(server_pid, signal.SIGCONT)
    lead.get_by_role("heading", name="Avance del equipo").wait_for(timeout=30_000)
