"""A board with a team, and a real SMTP server on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from post_office import PostOffice, opened
from resguardo.board.change import Create, assign
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.store.accounts import Account


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with opened(PostOffice()) as office:
        yield office


@pytest.fixture
def mailing(settings: Settings, office: PostOffice) -> Settings:
    """The board's settings, with that server."""
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none"}
    return settings.model_copy(update={**smtp, "mail_from": "Tablero <tablero@ejemplo.mx>"})


@pytest.fixture
def team(mailing: Settings) -> Iterator[Ledger]:
    """Ana has three batches and an address, Beto two and none; Zoé has the address and no batches; Alice leads."""
    with open_store(mailing) as store:
        store.ensure_indexes()
        ledger = Ledger(store, mailing.zone)
        people = [
            Create("segmentador", "Ana", {"email": "ana@ejemplo.mx"}),
            Create("segmentador", "Beto", {}),
            Create("segmentador", "Zoé", {"email": "zoe@ejemplo.mx", "mail_language": "en"}),
        ]
        batches = [Create("batch", f"batch_{number:06}", {}) for number in range(1, 6)]
        ledger.record([*people, *batches], actor="test", via="cli")
        given = [assign(f"batch_{number:06}", "Ana" if number < 4 else "Beto") for number in range(1, 6)]
        ledger.record(given, actor="test", via="cli")
        store.accounts.add(Account("Alice", "lead", None, False, None, None, ledger.now(), "alice@ejemplo.mx"))
        yield ledger


@pytest.fixture
def give(team: Ledger) -> Callable[..., None]:
    def give(name: str | None, *ids: str) -> None:
        team.record([assign(own, name) for own in ids], actor="Alice", via="page")

    return give


@pytest.fixture
def board_store(team: Ledger) -> Store:
    return team.store
