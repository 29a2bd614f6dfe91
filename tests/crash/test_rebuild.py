"""A rebuild is killed between any two steps: what is there is not served, and dropped, it is rebuilt whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from proof import all_is_well

from resguardo.board.change import Create, Delete, assign, edit
from resguardo.config import Settings
from resguardo.errors import RefusedForSafety
from resguardo.ledger.journal import Journal
from resguardo.ledger.record import Ledger
from resguardo.store import Store
from resguardo.vault.fill import refuse_half_restored
from resguardo.vault.rebuild import rebuild
from resguardo.web.serve import prepare

REBUILD = """
from resguardo.ledger.journal import Journal
from resguardo.vault import rebuild

rebuild.BLOCK = 10
rebuild.rebuild(Journal(store.connection.settings.data / "journal", {database!r}), ledger, None, actor="jefa")
"""
STEPS = [
    *("State.put:after", "Entries.insert:before", "Entries.insert:after", "Entries.insert:before#3"),
    *("Documents.load:before", "Documents.load:after", "Documents.load:after#2"),
    *("Store.ensure_indexes:before", "Store.ensure_indexes:after"),
]


def everything(store: Store) -> tuple[list[tuple[str, bytes, int]], set[bytes]]:
    kept = [
        (one.kind, stored.raw, stored.rev)
        for one in (store.batches, store.segmentadores)
        for stored in one.scan_stored()
    ]
    return sorted(kept), {entry.digest for entry in store.entries.everything()}


@pytest.mark.parametrize("failpoint", STEPS)
def test_a_killed_rebuild_is_not_served_and_can_be_made_again(
    settings: Settings, store: Store, ledger: Ledger, killed: Callable[..., None], failpoint: str
) -> None:
    batches = [Create("batch", f"b{number:02}", {"comments": f"c{number}"}) for number in range(20)]
    ledger.record([Create("segmentador", "Ana", {}), *batches], actor="ana", via="api")
    ledger.record([assign(f"b{number:02}", "Ana") for number in range(8)], actor="ana", via="api")
    ledger.record([edit("batch", "b01", {"comments": "otro"}), Delete("batch", "b02")], actor="ana", via="api")
    ledger.journal.close()
    before = everything(store)
    drop(store)

    killed(failpoint, REBUILD.format(database=settings.database))
    with pytest.raises(RefusedForSafety, match="le falta parte de una restauración que se interrumpió"):
        prepare(settings, store)
    journal = Journal(settings.data / "journal", settings.database)
    again = Ledger(store, settings.zone)
    assert rebuild(journal, again, None, actor="jefa").whole
    assert everything(store) == before
    refuse_half_restored(store)
    all_is_well(again)


def drop(store: Store) -> None:
    for name in store.connection.database.list_collection_names():
        store.connection.database.drop_collection(name)
