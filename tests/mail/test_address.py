"""An address is one, and cannot end a command or a header; a name cannot, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.config import Settings
from resguardo.mail.address import (
    BAD_ADDRESS,
    NO_ADDRESS,
    OFF,
    Recipient,
    address_of,
    named,
    named_address,
    recipient_of,
)


@pytest.mark.parametrize("text", ["ana@ejemplo.mx", " ana.lopez+x@a-b.ejemplo.mx ", "o'hara@x.ie", "a@localhost"])
def test_an_address_is_taken(text):
    assert address_of(text) == text.strip()


def test_a_domain_with_an_accent_gets_its_ascii_form():
    assert address_of("ana@cañón.mx") == "ana@xn--can-8mak.mx"


@pytest.mark.parametrize(
    "text",
    [
        *("", "ana", "@x.mx", "ana@", "ana@x..mx", "ana@-x.mx", "a b@x.mx", "a@x.mx, b@x.mx", "a@x.mx;b@x.mx"),
        *("a@x.mx\r\nBcc: b@x.mx", "a@x.mx\nRCPT TO:<b@x.mx>", "<a@x.mx>", 'Ana <a@x.mx>"', "a\0@x.mx", "a..b@x.mx"),
        *("ñandú@x.mx", "a" * 65 + "@x.mx", "a@" + "x" * 64 + ".mx", "a@" + "x.".join(["y" * 60] * 5), "a@[127.0.0.1]"),
    ],
)
def test_what_is_no_address_is_refused(text):
    assert address_of(text) is None


@given(st.text())
def test_no_text_becomes_more_than_one_word(text):
    found = address_of(text)
    assert found is None or (found.isascii() and not any(char.isspace() or char in '<>,;:"' for char in found))


@given(st.text(max_size=400))
def test_any_name_stands_on_one_line_of_a_header(name):
    shown = str(named_address(name, "a@x.mx"))
    assert "\r" not in shown
    assert "\n" not in shown
    assert shown.endswith(("<a@x.mx>", "a@x.mx"))


def test_the_sender_may_have_a_name():
    assert named("Tablero <t@x.mx>") == ("Tablero", "t@x.mx")
    assert named("t@x.mx") == ("", "t@x.mx")
    assert named("Tablero t@x.mx") is None


def test_why_somebody_is_not_written_to():
    settings = Settings()
    assert recipient_of({"name": "Ana"}, settings) == NO_ADDRESS
    assert recipient_of({"name": "Ana", "email": 7}, settings) == NO_ADDRESS
    assert recipient_of({"name": "Ana", "email": "no es"}, settings) == BAD_ADDRESS
    assert recipient_of({"name": "Ana", "email": "a@x.mx", "mail_off": True}, settings) == OFF
    assert recipient_of({"name": "Ana", "email": "a@x.mx"}, settings) == Recipient("Ana", "a@x.mx", "es")
    assert recipient_of({"name": "Ana", "email": "a@x.mx", "mail_language": "en"}, settings) == Recipient(
        "Ana", "a@x.mx", "en"
    )
