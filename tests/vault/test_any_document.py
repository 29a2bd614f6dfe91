"""Whatever MongoDB holds is in the archive as it is there, and comes back from a restore so."""

from __future__ import annotations

import secrets
import uuid
from contextlib import suppress
from datetime import datetime, timedelta

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bson_documents import FIELDS, HOSTILE
from resguardo.board import document
from resguardo.store.connect import MongoError
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.keeping import drill_one
from resguardo.vault.reading import open_source

REFUSED = (b"late", b"early", b"bad utf-8", b"\xff", b"_id")
CHANGED = (b"undefined", b"symbol", b"pointer", b"twice", b"odd array")
"""What the embedded server does to hostile fields: for these there is `test_archive`."""

OWN_IDS = (
    st.builds(bson.ObjectId)
    | st.builds(lambda: secrets.token_hex(8))
    | st.builds(lambda: bson.Int64(secrets.randbits(60)))
    | st.builds(lambda: {"any": [secrets.token_hex(8), 1.0]})
    | st.builds(lambda: datetime(2026, 1, 1) + timedelta(milliseconds=secrets.randbits(40)))
    | st.builds(lambda: bson.Binary(secrets.token_bytes(9), 5))
)


@pytest.fixture
def catalogue(settings):
    return Catalogue(settings.data / "vault")


def put(raws, store):
    """Those of the documents that the server takes, and gives back as they were."""
    documents = store.batches.collection
    documents.delete_many({})
    for raw in raws:
        with suppress(MongoError):
            documents.insert_one(RawBSONDocument(raw))
    given = set(raws)
    return sorted(raw for row in documents.find({}) if (raw := bytes(row.raw)) in given)


def archived_and_restored(store, catalogue, ledger):
    """What an archive of the database holds; it was drilled."""
    made = back_up(catalogue, ledger, "prueba")
    result = drill_one(catalogue, store.connection.settings, made["id"], ledger.now())
    assert (result.ok, result.detail) == (True, "")
    with open_source(catalogue.path(made["id"])) as source:
        return sorted(document.without(raw, document.REVISION) for raw in source.batches())


@settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(OWN_IDS, FIELDS), min_size=20, max_size=60))
def test_any_document_goes_from_the_database_through_an_archive_into_another(store, catalogue, ledger, documents):
    raws = [bson.encode({"_id": own, "id": secrets.token_hex(8), **fields}) for own, fields in documents]
    kept = put(raws, store)
    assert len(kept) > len(raws) / 2
    assert set(kept) <= set(archived_and_restored(store, catalogue, ledger))


def test_hostile_ones_do_too(store, catalogue, ledger):
    fields = [part for part in HOSTILE if part[1:].split(b"\0")[0] not in REFUSED + CHANGED]
    assert len(fields) > 15
    raws = [bson.encode({"_id": bson.ObjectId(), "id": f"b{number}"}) for number in range(len(fields))]
    raws = [document.assemble([raw[4:-1], part]) for raw, part in zip(raws, fields, strict=True)]
    raws.append(bson.encode({"_id": uuid.uuid4().hex, "id": "grande", "text": "x" * 1_000_000}))
    assert put(raws, store) == sorted(raws)
    assert archived_and_restored(store, catalogue, ledger) == sorted(raws)
