"""Uploads of what nobody should restore from: a sentence, its status, and nothing changed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from bad_files import BAD
from browsing import Browser
from resguardo.store import Store
from resguardo.vault import mongodump, reading


@pytest.mark.parametrize("address", ["/api/restore/plan", "/api/data/batches/upload"])
def test_each_is_refused_with_its_status_and_nothing_changes(
    alice: Browser, store: Store, settings: object, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (sorted(store.batches.scan()), store.entries.collection.count_documents({}))
    for what, bad in BAD.items():
        with monkeypatch.context() as patch:
            if not bad.small:
                patch.setattr(reading, "LARGEST", 1_000_000)
                patch.setattr(mongodump, "LARGEST", 1_000_000)
            file = (io.BytesIO(bad.content), bad.name or f"{Path(what).stem}.json")
            answer = alice.post(address, data={"file": file}, content_type="multipart/form-data")
        assert answer.status_code in (400, 413), (what, answer.text)
        assert answer.json is not None, what
        assert answer.json["success"] is False, what
        if address == "/api/restore/plan":  # the other takes tables as well, and may say that it is none
            assert answer.status_code == bad.status, what
            assert re.search(bad.said, answer.json["error"]), (what, answer.json["error"])
    assert (sorted(store.batches.scan()), store.entries.collection.count_documents({})) == before
