"""Small facts about the board itself (collection `resguardo_state`): one document a name."""

from __future__ import annotations

from typing import Any

from pymongo import ReturnDocument

from resguardo.store.connect import Connection

COLLECTION = "resguardo_state"


class State:
    def __init__(self, connection: Connection) -> None:
        self.collection = connection.dicts(COLLECTION)

    def get(self, name: str) -> Any:
        """The value, or None."""
        row = self.collection.find_one({"_id": name})
        return row["value"] if row else None

    def put(self, name: str, value: Any) -> None:
        self.collection.update_one({"_id": name}, {"$set": {"value": value}}, upsert=True)

    def get_or_put(self, name: str, value: Any) -> Any:
        """The value; where there is none, this one is stored. Of several processes at once, all get the same."""
        row = self.collection.find_one_and_update(
            {"_id": name},
            {"$setOnInsert": {"value": value}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return row["value"] if row else value

    def take(self, name: str, value: Any) -> bool:
        """Remove the value if it is still this one. Of several processes at once, one gets True."""
        return self.collection.delete_one({"_id": name, "value": value}).deleted_count == 1
