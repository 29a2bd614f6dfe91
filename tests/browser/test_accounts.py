"""Accounts in a real browser: a lead makes one, its person sets a password of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from accessible import violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def loaded(address: str) -> str:
    return address


def enter(page: Page, name: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("Nombre").fill(name)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Entrar").click()


def test_a_new_person_gets_an_account_and_sets_a_password(lead: Page, visitor: Page) -> None:
    lead.locator(".menu summary").click()
    lead.get_by_role("link", name="Cuentas").click()
    lead.locator("#accounts tr[data-name=admin]").wait_for()
    lead.get_by_role("button", name="Agregar una cuenta").click()
    lead.get_by_label("Nombre").fill("Dora")
    lead.locator("#account-role").select_option("viewer")
    lead.get_by_role("button", name="Crear la cuenta").click()
    given = lead.get_by_label("Contraseña de Dora").input_value()
    lead.get_by_role("button", name="Listo").click()
    row = lead.locator("#accounts tr[data-name=Dora]")
    row.get_by_text("Puede entrar").wait_for()

    dora = visitor
    enter(dora, "Dora", given)
    dora.goto("/account")
    dora.get_by_label("Contraseña actual").fill(given)
    dora.get_by_label("Contraseña nueva").fill("otra mucho más larga")
    dora.get_by_label("Otra vez").fill("otra mucho mas larga")
    dora.get_by_role("button", name="Guardar contraseña").click()
    dora.get_by_text("Las dos veces tienen que ser iguales.").wait_for()
    dora.get_by_label("Otra vez").fill("otra mucho más larga")
    dora.get_by_role("button", name="Guardar contraseña").click()
    dora.get_by_text("Contraseña cambiada.").wait_for()
    dora.get_by_role("button", name="Crear una clave").click()
    token = dora.get_by_label("Tu clave nueva").input_value()
    dora.get_by_text("Tienes 1.").wait_for()
    dora.context.clear_cookies()
    answer = dora.request.get("/api/account", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["name"] == "Dora"

    row.get_by_role("button", name="Desactivar a Dora").click()
    lead.get_by_role("dialog").get_by_role("button", name="Desactivar").click()
    row.get_by_text("Desactivada").wait_for()
    enter(dora, "Dora", "otra mucho más larga")
    dora.get_by_text("El nombre o la contraseña no son correctos.").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_pages_fit_and_can_be_read_by_all(lead: Page, width: int, scheme: Any) -> None:
    lead.set_viewport_size({"width": width, "height": 844})
    lead.emulate_media(color_scheme=scheme)
    for page, ready in [("/account", "#tokens:not(:empty)"), ("/accounts", "#accounts tr[data-name=admin]")]:
        lead.goto(page)
        lead.locator(ready).wait_for()
        assert lead.evaluate("document.documentElement.scrollWidth") <= width, page
        assert violations(lead) == [], page
