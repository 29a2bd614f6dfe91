"""How a collection is made: its indexes and options, told as JSON so that an archive can hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import bson
import bsonjs
from bson.errors import BSONError
from pymongo.errors import ConfigurationError, InvalidOperation, OperationFailure

from resguardo.store.connect import Raws

OWN: Final = "_id_"
"""The index that every collection has."""
NOT_ASKED_FOR: Final = frozenset({"v", "key", "ns", "background", "uuid", "autoIndexId"})
"""What a server tells and is not told."""
OPTIONS: Final = "options"
_NOT_TAKEN: Final = (OperationFailure, InvalidOperation, ConfigurationError, BSONError, TypeError, ValueError)
"""What a definition raises that another server, or nobody, understands."""


def definition(collection: Raws) -> dict[str, Any]:
    """{`indexes`, `options`} as MongoDB tells them, in relaxed Extended JSON."""
    options: dict[str, Any] = {}
    for row in collection.database.list_collections(filter={"name": collection.name}):
        options = dict(row).get(OPTIONS, {})
    told = {"indexes": [dict(index) for index in collection.list_indexes()], OPTIONS: options}
    relaxed: dict[str, Any] = json.loads(bsonjs.dumps(bson.encode(told), mode=bsonjs.RELAXED))
    return relaxed


def make(collection: Raws, told: Mapping[str, Any]) -> None:
    """Make a new collection with another's options, where this server takes them."""
    options = _asked(told.get(OPTIONS, {}))
    if options:
        with suppress(*_NOT_TAKEN):
            collection.database.create_collection(collection.name, **_real(options))


def index(collection: Raws, told: Mapping[str, Any]) -> None:
    """Make the indexes that another collection has, where this server takes them."""
    for one in _indexes(told):
        with suppress(*_NOT_TAKEN):
            collection.create_index(list(one["key"].items()), **_real(_asked(one)))


def missing(collection: Raws, told: Mapping[str, Any], identity: str) -> list[str]:
    """What of another's definition a collection does not have: names of indexes, and `options`.

    The index on the identity is not looked at: here it is unique wherever the documents allow it.
    """
    found = definition(collection)
    there = [_compared(one) for one in found["indexes"]]
    lacking = [
        str(one.get("name"))
        for one in _indexes(told)
        if one.get("key") != {identity: 1} and _compared(one) not in there
    ]
    return lacking if _asked(found[OPTIONS]) == _asked(told.get(OPTIONS)) else [*lacking, OPTIONS]


def _indexes(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    indexes = told.get("indexes")
    for one in indexes if isinstance(indexes, list) else ():
        if isinstance(one, dict) and isinstance(one.get("key"), dict) and one.get("name") != OWN:
            yield one


def _compared(one: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The order of the keys counts, and not which name or version the index has."""
    return list(one["key"].items()), {**_asked(one), "name": None}


def _real(told: Mapping[str, Any]) -> dict[str, Any]:
    return bson.decode(bsonjs.loads(json.dumps(told)))


def _asked(told: Any) -> dict[str, Any]:
    fields = told.items() if isinstance(told, Mapping) else ()
    return {name: value for name, value in fields if name not in NOT_ASKED_FOR}
