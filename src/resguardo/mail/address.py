"""To whom a message can be sent: an address that is one, somebody who wants it, in their language.

An address becomes part of an SMTP dialogue and of a header, so that only what cannot end either is one. Names are
anybody's text: what could end a header is taken out of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Any, Final

from resguardo.board.people import spanish_key
from resguardo.config import Settings
from resguardo.store import Store

LANGUAGES: Final = ("es", "en")
LONGEST: Final = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets

_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NAMED: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")

NO_ADDRESS: Final = "no tiene correo"
BAD_ADDRESS: Final = "su correo no sirve: revísalo"
OFF: Final = "pidió no recibir mensajes"
NO_WORK: Final = "no tiene batches"


@dataclass(frozen=True)
class Recipient:
    """`name` is a segmentador's on the board, or an account's (`lead`)."""

    name: str
    address: str
    language: str
    lead: bool = False

    def header(self) -> Address:
        return named_address(self.name, self.address)


def address_of(value: object) -> str | None:
    """The address that a text is, its domain in ASCII; None when it is none, or several."""
    text = value.strip() if isinstance(value, str) else ""
    local, at, domain = text.rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        return None
    try:
        ascii_domain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        return None
    labels = ascii_domain.split(".")
    whole = f"{local}@{ascii_domain}"
    return whole if len(whole) <= LONGEST and all(_LABEL.fullmatch(label) for label in labels) else None


def named(value: str) -> tuple[str, str] | None:
    """`Resguardo <board@example.org>` or the bare address -> (name, address); None when it is neither."""
    found = _NAMED.fullmatch(value.strip())
    name, text = (found["name"].strip().strip('"'), found["address"]) if found else ("", value)
    address = address_of(text)
    return None if address is None else (one_line(name), address)


def one_line(text: str) -> str:
    """The text without what ends a line, turns its direction or cannot be seen."""
    gone = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    clean = "".join(" " if unicodedata.category(char) in gone else char for char in text)
    return " ".join(clean.split())


def named_address(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(one_line(name)[:100], local, domain)


def recipient_of(person: Mapping[str, Any], settings: Settings) -> Recipient | str:
    """How to reach a segmentador, or why not."""
    given = person.get("email")
    if not isinstance(given, str) or not given.strip():
        return NO_ADDRESS
    address = address_of(given)
    if address is None:
        return BAD_ADDRESS
    if person.get("mail_off") is True:
        return OFF
    return Recipient(str(person.get("name")), address, language_of(person.get("mail_language"), settings))


def language_of(value: object, settings: Settings) -> str:
    return value if isinstance(value, str) and value in LANGUAGES else settings.language


def people(store: Store, settings: Settings) -> dict[str, Recipient | str]:
    """Everybody on the board by name, in Spanish order: how to reach them, or why not."""
    rows = [row for row in store.pages.people() if isinstance(row.get("name"), str)]
    return {row["name"]: recipient_of(row, settings) for row in sorted(rows, key=lambda row: spanish_key(row["name"]))}


def leads(store: Store, settings: Settings) -> list[Recipient]:
    """The leads who gave their address, each address once."""
    found: dict[str, Recipient] = {}
    for account in store.accounts.all():
        address = address_of(account.email)
        if account.role == "lead" and not account.disabled and address is not None:
            recipient = Recipient(account.name, address, language_of(account.language, settings), lead=True)
            found.setdefault(address.lower(), recipient)
    return list(found.values())
