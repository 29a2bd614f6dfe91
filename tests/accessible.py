"""What a page gets wrong for those who cannot see it as it is drawn, or not well (axe-core)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page


def violations(page: Page) -> list[tuple[str, str]]:
    """(the rule, the first element that breaks it)"""
    return [(found["id"], found["nodes"][0]["html"]) for found in Axe().run(page).response["violations"]]
