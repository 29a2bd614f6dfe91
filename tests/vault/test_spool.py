"""A spool gives back what was put in, whoever reads at the same time."""

from __future__ import annotations

import bson
import pytest

from resguardo.vault import spool
from resguardo.vault.spool import Spool

RAWS = [bson.encode({"id": str(number), "status": "S", "text": "x" * (number % 50)}) for number in range(300)]


@pytest.mark.parametrize("chunk", [4, 100, spool.CHUNK])
def test_documents_come_back_in_order(monkeypatch, chunk):
    monkeypatch.setattr(spool, "CHUNK", chunk)
    large = bson.encode({"text": "x" * 3_000_000})
    filled = Spool()
    for raw in [*RAWS, large, RAWS[0]]:
        filled.append(raw)
    assert list(filled) == [*RAWS, large, RAWS[0]]
    assert filled.count == 302
    filled.close()


def test_several_read_and_one_writes_at_once():
    filled = Spool()
    for raw in RAWS[:100]:
        filled.append(raw)
    first, second = iter(filled), iter(filled)
    assert next(first) == RAWS[0]
    assert [next(second) for _ in range(50)] == RAWS[:50]
    for raw in RAWS[100:]:
        filled.append(raw)
    assert list(first) == RAWS[1:]
    assert list(second) == RAWS[50:]
    filled.close()


def test_an_empty_one():
    assert list(Spool()) == []
