"""The rules of the board."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import bson
import pytest

from resguardo.board.change import Create, Delete, Edit, Put, apply, assign, check, edit, rename
from resguardo.errors import Invalid, NotFound, TooLarge

NOW = datetime(2026, 11, 24, 9, 30, 0, tzinfo=ZoneInfo("America/Mexico_City"))
BATCH = bson.encode({"_id": 1, "id": "b1", "assignee": None, "status": "NS", "tasks": [1, 2.5], "metadata": {"z": 1}})


def after(change, before=BATCH):
    return bson.decode(apply(before, change, NOW))


def test_assigning_records_when_and_unassigning_forgets_it():
    given = apply(BATCH, assign("b1", " Ana "), NOW)
    assert bson.decode(given)["assignee"] == "Ana"
    assert bson.decode(given)["metadata"] == {"z": 1, "assigned_at": "2026-11-24 09:30:00"}
    assert bson.decode(apply(given, assign("b1", ""), NOW)) == bson.decode(BATCH)


def test_metadata_is_merged_key_by_key_and_null_unsets():
    changed = after(edit("batch", "b1", {"metadata": {"priority": "alta", "z": None}, "comments": "sí"}))
    assert changed["metadata"] == {"priority": "alta"}
    assert changed["comments"] == "sí"
    assert changed["tasks"] == [1, 2.5]


def test_a_review_is_dated():
    assert after(edit("batch", "b1", {"metadata": {"review_status": "Aprobado"}}))["metadata"]["reviewed_at"] == (
        "2026-11-24 09:30:00"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "X"},
        {"status": 1},
        {"id": "other"},
        {"_rev": 3},
        {"_id": 3},
        {"mongo_uploaded": "yes"},
        {"comments": "x" * 20_001},
        {"metadata": {"due_date": "28/11/2026"}},
        {"metadata": {"due_date": "2026-02-30"}},
        {"metadata": {"priority": "urgente"}},
        {"metadata": {"total_masks": True}},
        {"a.b": 1},
        {"$where": 1},
        {"": 1},
        {"n": 2**63},
        {"assignee": "a\nb"},
        {"assignee": "x" * 301},
        {"note": "\ud800"},
    ],
)
def test_a_field_that_breaks_its_rule_is_refused(fields):
    with pytest.raises(Invalid):
        apply(BATCH, edit("batch", "b1", fields), NOW)


@pytest.mark.parametrize("name", ["", "  ", None, 5, "a\0b", "x" * 301, " padded"])
def test_an_id_that_cannot_be_one_is_refused(name):
    with pytest.raises(Invalid):
        check(Create("batch", name, {}))


@pytest.mark.parametrize("name", ["batch.1", "$batch", "batch con espacios", "ñandú"])
def test_an_unusual_id_is_fine(name):
    check(Create("batch", name, {}))
    assert after(Create("batch", name, {}), None)["id"] == name


def test_what_is_not_there_cannot_be_changed():
    for change in (Edit("batch", "b1", {}), Delete("batch", "b1")):
        with pytest.raises(NotFound, match="b1"):
            apply(None, change, NOW)


def test_what_is_there_cannot_be_created():
    with pytest.raises(Invalid, match="Ya existe"):
        apply(BATCH, Create("batch", "b1", {}), NOW)


def test_a_document_past_fifteen_megabytes_cannot_be_edited():
    with pytest.raises(TooLarge, match="15 MB"):
        apply(BATCH, edit("batch", "b1", {"blob": "x" * (15 * 1024 * 1024)}), NOW)


def test_putting_keeps_the_own_id_of_a_document_that_is_there():
    raw = bson.encode({"id": "b1", "status": "FS"})
    assert bson.decode(apply(BATCH, Put("batch", "b1", raw), NOW)) == {"_id": 1, "id": "b1", "status": "FS"}


def test_a_rename_is_a_creation_and_a_deletion_that_point_at_each_other():
    create, delete = rename("batch", BATCH, "b1", "b2")
    assert (create.doc, create.renamed_from, delete.doc, delete.renamed_to) == ("b2", "b1", "b1", "b2")
    assert bson.decode(create.raw)["tasks"] == [1, 2.5]
