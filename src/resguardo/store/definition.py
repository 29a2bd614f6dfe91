"""How a collection is made: its indexes and options, told as JSON so that an archive can hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import bson
import bsonjs
from pymongo.errors import OperationFailure

from resguardo.store.connect import Raws

OWN: Final = "_id_"
"""The index that every collection has."""
NOT_ASKED_FOR: Final = frozenset({"v", "key", "ns", "background", "uuid", "autoIndexId"})
"""What a server tells and is not told."""


def definition(collection: Raws) -> dict[str, Any]:
    """{`indexes`, `options`} as MongoDB tells them, in relaxed Extended JSON."""
    options: dict[str, Any] = {}
    for row in collection.database.list_collections(filter={"name": collection.name}):
        options = dict(row).get("options", {})
    told = {"indexes": [dict(index) for index in collection.list_indexes()], "options": options}
    relaxed: dict[str, Any] = json.loads(bsonjs.dumps(bson.encode(told), mode=bsonjs.RELAXED))
    return relaxed


def define(collection: Raws, told: Mapping[str, Any]) -> list[str]:
    """Make a new collection as another was. Returns what this server would not take, by name."""
    fields = bson.decode(bsonjs.loads(json.dumps(told)))
    refused = []
    options = _asked(fields.get("options", {}))
    if options:
        try:
            collection.database.create_collection(collection.name, **options)
        except (OperationFailure, TypeError):
            refused.append("options")
    for index in fields.get("indexes", []):
        if index.get("name") == OWN:
            continue
        try:
            collection.create_index(list(index["key"].items()), **_asked(index))
        except (OperationFailure, TypeError):
            refused.append(str(index.get("name")))
    return refused


def _asked(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in NOT_ASKED_FOR}
