"""The made-up team is the one that is promised."""

from __future__ import annotations

import io
import lzma
import tarfile

from resguardo import demo
from resguardo.auth import log_in


def test_the_team_is_whole_and_has_a_history(store, ledger):
    demo.fill(store, ledger, 429)
    ids = {row["id"] for row in store.pages.select(demo_filter())}
    assert (len(ids), sum(name.startswith("batch_T") for name in ids)) == (429, 143)
    assert len(store.pages.people()) == 8
    assert {row.status for row in store.pages.counts()} == {"NS", "In", "S"}
    assert {entry.actor for entry in store.entries.since(ledger.now().replace(year=2000))} == {"ana", "maggie", "rita"}
    assert log_in(store, "maggie", demo.PASSWORD, ledger.now())
    assert len(list(store.masks.names())) == 125


def demo_filter():
    from resguardo.board.filters import Filter

    return Filter()


def test_a_mask_is_a_real_archive(store, ledger):
    demo.fill(store, ledger, 3)
    chunk = store.connection.masks_database["fs.chunks"].find_one({})
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(chunk["data"]))) as tar:
        assert tar.getnames() == ["mask_001.raw"]
